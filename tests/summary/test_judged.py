"""Verdicts as sentences, and every sentence of the book with one and with many of everything."""

import re

import pandas as pd
import pytest
from jinja2 import meta, nodes

from analysis.base.errors import ReportError
from analysis.base.texts import environment, read_texts, render
from analysis.contract.checks import (
    OF_THE_DATA,
    REGISTER,
    Check,
    Verdict,
    not_applicable,
    to_table,
)
from analysis.summary import judged, materiality
from analysis.summary.shortcuts import SHORTCUTS
from tests.handmade import ROOT

TEXTS = {
    "effect": {
        "effect": "{% for row in rows %}{{ row.label }}: {{ row.without }}, not {{ row.value }}.{% endfor %}"
    },
    "example": {
        "title": "Drift",
        "evidence": '{{ value | share }} of {{ n | plural("user", "users") }} moved ({{ name }}).',
        "warn": "Look at {{ name }}.",
        "fail": "Do not score.",
        "pass": "Score.",
        "remedy": "Train again without {{ name }}.",
    },
    "case": {
        "title": "Label",
        "sentence": "84 % churn",
        "evidence": "By that definition {{ rate | share }} churn.",
        "use": "Use {{ kpi.churn }}.",
    },
}


FILE = {"report": TEXTS, "effect": TEXTS["effect"]}
NO_EFFECTS = pd.DataFrame(columns=materiality.COLUMNS)


def judge(*verdicts):
    return to_table(verdicts).assign(stage="06_model")


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("status", "consequence", "remedy"),
    [
        ("pass", "Score.", ""),
        ("warn", "Look at recency.", "Train again without recency."),
        ("fail", "Do not score.", "Train again without recency."),
    ],
)
def test_a_check_is_described_by_its_status(status, consequence, remedy):
    verdicts = judge(Verdict("example", status, 0.125, 0.1, 0.2, 0.3, 1200, {"name": "recency"}))
    row = judged.describe_checks(verdicts, FILE, NO_EFFECTS).iloc[0]
    assert row.drop("evidence").to_dict() == {
        "check": "example", "status": status, "title": "Drift", "consequence": consequence, "effect": "",
        "remedy": remedy, "value": 0.125, "ci_low": 0.1, "ci_high": 0.2, "limit": 0.3, "n": 1200,
        "strikes": "", "stage": "06_model",
    }  # fmt: skip
    assert plain(row["evidence"]) == "12.5 % of 1,200 users moved (recency)."


def test_a_check_that_cannot_be_made_says_only_why():
    verdicts = judge(not_applicable("example", "the log is too short"))
    row = judged.describe_checks(verdicts, FILE, NO_EFFECTS).iloc[0]
    assert row["evidence"] == "Cannot be checked with these tables: the log is too short."
    assert row[["consequence", "remedy"]].tolist() == ["", ""]


def test_a_check_without_an_entry_stops_the_run():
    with pytest.raises(ReportError, match="checks.yml: no entry for the check 'dirft'. Add one"):
        judged.describe_checks(judge(Verdict("dirft", "pass")), FILE, NO_EFFECTS)


def test_a_fact_wins_over_a_number_of_the_same_name():
    row = judge(Verdict("example", "pass", 0.5, facts={"value": 7})).to_dict("records")[0]
    blank = {"ci_low": None, "ci_high": None, "limit": None, "n": None}
    known = {"in_words": judged.in_words, "value": 7, "min_disclosed": 1, **blank}
    assert judged.facts_of(row) == known


def test_a_column_reads_as_its_label_within_a_sentence():
    assert judged.in_words("usual_sessions_per_week") == "usual sessions per week"
    assert judged.in_words("acquisition_channel google_ads") == "acquisition channel google_ads"
    assert judged.in_words(["recency_days", "my_column"]) == [
        "days since the last event", "my_column",
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["pass", "fail"])
def test_the_bases_that_a_check_strikes_stand_beside_it(monkeypatch, status):
    check = Check("example", "06_model", ("churn", "ranking"), Verdict)
    monkeypatch.setitem(REGISTER, "example", check)
    verdicts = judge(Verdict("example", status, 0.5, n=9, facts={"name": "x"}))
    row = judged.describe_checks(verdicts, FILE, NO_EFFECTS).iloc[0]
    assert row["strikes"] == "churn, ranking"


def test_a_check_of_the_data_says_how_far_figures_move_and_strikes_their_bases(monkeypatch):
    monkeypatch.setitem(REGISTER, "example", Check("example", OF_THE_DATA, (), Verdict))
    effects = pd.DataFrame(
        [("example", "churn_rate", "churn", "Churn", "share", 0.32, 0.3, 0.34, 0.4, 0.08, True)],
        columns=materiality.COLUMNS,
    )
    verdicts = judge(Verdict("example", "fail", 0.5, n=9, facts={"name": "x"}))
    row = judged.describe_checks(verdicts, FILE, effects).iloc[0]
    assert plain(row["effect"]) == "Churn: 40.0 %, not 32.0 %."
    assert row["strikes"] == "churn"


def test_a_published_claim_is_answered_with_the_figure_to_use():
    verdicts = judge(
        Verdict("case", "fail", facts={"rate": 0.848}), not_applicable("case", "nobody is old")
    )
    table = judged.describe_claims(verdicts, TEXTS, {"churn": "32 %"})
    assert list(table["verdict"]) == ["fail", "not_applicable"]
    assert [plain(text) for text in table["data_say"]] == [
        "By that definition 84.8 % churn.",
        "Cannot be checked with these tables: nobody is old.",
    ]
    assert set(table["use_instead"]) == {"Use 32 %."}
    assert set(table["published"]) == {"84 % churn"}


BOOK = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
ACTIONS = read_texts((ROOT / "book" / "actions.yml").read_text(encoding="utf-8"))
TEMPLATES = {
    f"{name}.{key}": text
    for part in (BOOK["report"], BOOK["published"], BOOK["shortcuts"], ACTIONS["actions"])
    for name, entry in part.items()
    for key, text in entry.items()
    if isinstance(text, str)
} | {"test": ACTIONS["test"]}
TEXT_FACTS = {
    "rule": "repeats", "cut": "none", "example": "2025-01-01", "kind": "app_open",
    "date": "2025-01-01", "end": "2025-01-01", "last": "2025-01-01",
    "odd_date": "2025-01-01", "jump_date": "2025-01-01", "closed_first": "2025-01-01",
    "closed_last": "2025-01-01", "names": ["a"],
}  # fmt: skip
PLURALS = {
    word
    for text in TEMPLATES.values()
    for one, other in re.findall(
        r"""(?:plural|form)\(\s*["']([^"']*)["'],\s*["']([^"']*)["']""", text
    )
    for word in set(other.split()) - set(one.split())
}
"""Words that stand beside many and not beside one: users, events, have, are ..."""
AFTER_ONE = re.compile(r"(?<![\d.,])1 (\w+)\b")


class Row(dict):
    """A fact that is a row: whatever is asked of it is a number."""

    def __missing__(self, key):
        return 0.9


def constants(tree, of):
    """Return the texts that a name, or an attribute of a row, is compared with."""
    pairs = [(node.expr, node.ops[0].expr) for node in tree.find_all(nodes.Compare)]
    return [
        (getattr(left, "name", None) or getattr(left, "attr", None), right.value)
        for left, right in pairs
        if isinstance(left, of) and isinstance(right, nodes.Const) and isinstance(right.value, str)
    ]


def lists(tree):
    """Return the facts that are lists: of rows where a loop goes over them, else of texts."""
    rows = [Row({name: text}) for name, text in constants(tree, nodes.Getattr)] + [Row()]
    joined = {
        node.node.name: ["a", "b"]
        for node in tree.find_all(nodes.Filter)
        if node.name in ("listed", "join", "length") and isinstance(node.node, nodes.Name)
    }
    return joined | {node.iter.name: rows for node in tree.find_all(nodes.For)}


def facts_for(template, number):
    """Yield the facts that the template asks for: `number`, or a text, in every branch."""
    tree = environment("en").parse(template)
    names = meta.find_undeclared_variables(tree)
    facts = {name: TEXT_FACTS.get(name, number) for name in names} | lists(tree)
    if "in_words" in names:
        facts["in_words"] = judged.in_words
    if "kpi" in names:
        facts["kpi"] = {node.attr: "32 %" for node in tree.find_all(nodes.Getattr)}
    yield facts
    yield from ({**facts, name: text} for name, text in constants(tree, nodes.Name))


def test_the_words_that_follow_a_number_are_known():
    assert {"user", "events", "is"} & PLURALS == {"events"}
    assert len(PLURALS) > 30


@pytest.mark.parametrize("number", [0, 1, 2, 1255])
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_sentence_reads_with_none_one_and_many(name, number):
    for facts in facts_for(TEMPLATES[name], number):
        text = plain(render(TEMPLATES[name], facts))
        assert not re.search(r"[{}]|  | [.,;]|None\b(?! of)", text.removeprefix("None")), text
        assert not PLURALS & set(AFTER_ONE.findall(text)), text


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_sentence_is_a_sentence(name):
    key = name.rpartition(".")[2]
    for facts in facts_for(TEMPLATES[name], 2):
        text = render(TEMPLATES[name], facts)
        if key in ("title", "action", "trigger", "grade", "sentence"):
            assert not text.endswith("."), text
        elif key != "audience":
            assert text.endswith("."), text


def test_every_entry_of_the_book_has_what_a_check_needs():
    for name, entry in BOOK["report"].items():
        assert {"title", "evidence", "remedy"} <= set(entry), name
        assert {"pass", "warn", "fail"} & set(entry), name
    for name, entry in BOOK["published"].items():
        assert set(entry) == {"title", "sentence", "evidence", "use"}, name


def test_every_shortcut_of_the_book_has_its_sentences_and_no_other_has():
    assert set(BOOK["shortcuts"]) == {one.name for one in SHORTCUTS}
    for name, entry in BOOK["shortcuts"].items():
        assert set(entry) == {"title", "says", "why"}, name


def test_the_titles_of_the_checks_differ():
    for part in ("report", "published", "shortcuts"):
        titles = pd.Series([entry["title"] for entry in BOOK[part].values()])
        assert titles.is_unique
