"""Names as they can be shown."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.base.charts import with_short_names
from analysis.base.names import LONGEST_NAME, MOST_NAMES, cut, distinct_cuts, list_names
from analysis.base.texts import render

LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Perú", "Perú"),
        ("a" * LONGEST_NAME, "a" * LONGEST_NAME),
        ("a" * (LONGEST_NAME + 1), "a" * LONGEST_NAME + "… (81 characters)"),
        (LONG, "x" * LONGEST_NAME + "… (1,000,000 characters)"),
        ("tab\tline\nend", "tab line end"),
        ("a\u202egnp.exe", "a\ufffdgnp.exe"),  # would turn what follows
        ("\x1b[31mred\x00", "\ufffd[31mred\ufffd"),
        ("\ue000doc:x\ue001", "\ufffddoc:x\ufffd"),  # marks a link in the book
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that Persian needs
        ("1\u00a0000", "1\u00a0000"),
        ("<script>{{ 7*7 }}", "<script>{{ 7*7 }}"),  # escaped where it is printed
    ],
)
def test_a_name_is_one_line_that_can_be_shown(name, shown):
    assert cut(name) == shown


@given(st.text(max_size=200))
def test_a_name_that_is_cut_has_no_controls(name):
    shown = cut(name)
    assert all(
        letter.isprintable() or letter in "\u200c\u200d\xad" or letter.isspace() for letter in shown
    )
    assert not {"\n", "\r", "\t", "\x00"} & set(shown)
    assert len(shown) <= LONGEST_NAME + len("… (200 characters)")


def test_lists_of_names_say_how_many_more():
    assert list_names(["a", "b"]) == "a and b"
    names = [f"c{i}" for i in range(5000)]
    assert list_names(names).startswith("c0, c1, ")
    assert list_names(names).endswith(f"c{MOST_NAMES - 1} and 4,980 more")
    assert "{{" not in render("{{ names | listed }}", {"names": ["{{ 7*7 }}"]}).replace(
        "{{ 7*7 }}", ""
    )
    assert (
        len(render("{{ names | listed }}: {{ one }}", {"names": [LONG] * 50, "one": LONG})) < 3000
    )


def test_names_that_begin_alike_stay_two():
    found = distinct_cuts([LONG, LONG[:-1] + "y", "Perú"])
    assert len(set(found.values())) == 3
    assert found["Perú"] == "Perú"


def test_a_chart_draws_names_cut_and_no_formula():
    frame = pd.DataFrame({"group": [LONG, "$x^2$", "Perú", None], "n": [1, 2, 3, 4]})
    drawn = with_short_names(frame)["group"].tolist()
    assert drawn[0].endswith("… (1,000,000 characters)")
    assert drawn[1:3] == [r"\$x^2\$", "Perú"]
    assert frame["group"][0] == LONG  # the frame is left as it was
    assert with_short_names(7) == 7
