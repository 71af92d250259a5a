"""How values are written, and which stand apart."""

import numpy as np
import pandas as pd
import pytest

from analysis.audit import values
from analysis.contract.checks import Verdict
from tests.checking import Case


def written(*countries: str, kinds: tuple[str, ...] = ("play", "exit")) -> Verdict:
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.spellings(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def without(*countries: str | None, kinds: tuple[str, ...] = ("play",)) -> Verdict:
    """Judge users of these countries, and events of these kinds."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.placeholders(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def stands_apart(top: int, others: int = 1, of: int = 99) -> Verdict:
    """Judge `of` views up to 100 and `others` of `top`."""
    views = [*np.linspace(1, 100, of), *([top] * others)]
    return values.extreme_values(pd.DataFrame({"views": [0, *views]}))


CASES = [
    Case("spellings", "warn", lambda: written("Mexico", "MEXICO")),
    Case("spellings", "warn", lambda: written("M\u00e9xico", "Mexico ")),
    Case("spellings", "warn", lambda: written("google_ads", "Google Ads", "google-ads")),
    Case("spellings", "pass", lambda: written("A", "A+", "A-", "B")),
    Case("spellings", "warn", lambda: written("a", "b", kinds=("play", "Play"))),
    Case("placeholders", "warn", lambda: without("NULL")),
    Case("placeholders", "warn", lambda: without("\\N")),
    Case("placeholders", "warn", lambda: without("a", kinds=("play", "N/A"))),
    Case("placeholders", "pass", lambda: without("NA", "none", "unknown", "N", None)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000)),
    Case("extreme_values", "pass", lambda: stands_apart(1_999)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000, others=12)),
    Case("extreme_values", "pass", lambda: stands_apart(2_000, others=13)),  # over a tenth
    Case("extreme_values", "not_applicable", lambda: stands_apart(2_000, of=98)),
]


def test_the_verdict_on_spellings_states_the_worst_column():
    found = written("Mexico", "MEXICO", "mexico", "Mexico", "Peru", kinds=("play", "Play", "exit"))
    assert found.facts == {
        "column": "country", "written": ["MEXICO", "Mexico", "mexico"], "rarest": 1, "other": 2,
        "found": 2, "columns": 2, "kinds": 7,
    }  # fmt: skip
    assert (found.value, found.limit, found.n) == (2 / 5, 0, 5)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 2 / 5 < found.ci_high
    alike = written("A", "B", "B")
    assert alike.facts == {
        "column": "any", "written": [], "rarest": 0, "other": 0, "found": 0, "columns": 2, "kinds": 4,
    }  # fmt: skip
    assert (alike.value, alike.n) == (0, 3)


def test_the_verdict_on_placeholders_states_the_worst_column():
    found = without("NULL", "null", "Peru", "Peru", "Peru", kinds=("play", "N/A", "exit"))
    assert found.facts == {
        "column": "country", "written": ["NULL", "null"], "other": 2, "found": 2, "columns": 3
    }  # fmt: skip
    assert (found.value, found.limit, found.n) == (2 / 5, 0, 5)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 2 / 5 < found.ci_high
    nothing = without("Peru", "Peru")
    assert nothing.facts == {
        "column": "any", "written": [], "other": 0, "found": 0, "columns": 3
    }  # fmt: skip
    assert (nothing.value, nothing.n) == (0, 2)


def test_the_verdict_on_extreme_values_states_where_the_gap_is():
    found = stands_apart(2_000, others=2)
    assert found.facts == {
        "column": "views", "above": 2, "least": 2_000, "below": 100, "columns": 1,
        "sum": pytest.approx(4_000 / (4_000 + 99 * 50.5)),
    }  # fmt: skip
    assert (found.value, found.limit, found.n) == (20, 20, 102)
    few = stands_apart(2_000, of=98)
    assert few.facts == {"reason": "no column has enough numbers above 0"}
    both = pd.DataFrame({"user_id": ["u"] * 100, "age": 1, "points": [1] * 99 + [50], "other": "x"})
    assert values.extra_numbers(both) == ["points"]
    assert values.extreme_values(both).facts["columns"] == 1


def test_lists_of_kinds_are_texts_of_few_values():
    texts = pd.Series([f"k{n}" for n in range(201)], dtype="str", name="plan")
    assert values.is_list_of_kinds(texts.head(200))
    assert values.is_list_of_kinds(texts.head(2).astype(object))
    assert not values.is_list_of_kinds(texts)
    assert not values.is_list_of_kinds(texts.head(1))
    assert not values.is_list_of_kinds(texts.head(200).rename("user_id"))
    assert not values.is_list_of_kinds(pd.Series([1, 2], name="plan"))
