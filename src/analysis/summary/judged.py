"""The verdicts of the checks as sentences, from the templates of book/checks.yml."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.base.errors import ReportError
from analysis.base.formats import format_value
from analysis.base.language import say
from analysis.base.texts import render
from analysis.contract import catalogue
from analysis.contract.checks import REGISTER
from analysis.summary import materiality

NUMBERS = ("value", "ci_low", "ci_high", "limit", "n")
COLUMNS = ["check", "status", "title", "evidence", "effect", "consequence", "remedy", *NUMBERS,
           "strikes", "stage"]  # fmt: skip
CANNOT_BE_CHECKED = (
    'Cannot be checked with these tables{{ ". " ~ reason if reason.endswith(".") '
    'else ": " ~ reason ~ "." }}'
)
"""A reason is whole sentences (Unavailable), or the end of this one."""


def facts_of(row: Mapping[Any, Any], min_disclosed: int = 1) -> dict[str, Any]:
    """Return all that the sentences of a verdict may use: its numbers and facts, `in_words`, and
    the least number of people that they may speak of.
    """
    facts: dict[str, Any] = json.loads(row["facts"])
    numbers = {name: None if pd.isna(row[name]) else row[name] for name in NUMBERS}
    return {"in_words": in_words, "min_disclosed": min_disclosed} | numbers | facts


def in_words(name: str | list[str]) -> str | list[str]:
    """Return the words for a column within a sentence, such as `usual sessions per week`.

    A column and one of its values (`acquisition_channel tiktok`) keeps the value; a column that the
    catalogue does not know keeps its name. A list gives a list.
    """
    if isinstance(name, list):
        return [str(in_words(item)) for item in name]
    column, *value = str(name).split(" ", 1)
    words = catalogue.words_of("feature").get(column)
    return " ".join([words[0].lower() + words[1:] if words else column, *value])


def describe_checks(
    verdicts: pd.DataFrame,
    texts: Mapping[str, Any],
    effects: pd.DataFrame,
    locale: str = "",
    min_disclosed: int = 1,
) -> pd.DataFrame:
    """Return checks as readers see them: columns of COLUMNS, one row per verdict.

    `verdicts` as from checks.to_table with `stage`; `texts` are those of book/checks.yml, `effects`
    (summary.materiality) says how far figures move without what a check suspects. `strikes` are
    the bases whose figures the check strikes or puts a caution on, separated by commas. No sentence
    gives a number of fewer people than `min_disclosed`. Raises ReportError for a check without an
    entry.
    """
    rows: list[dict[Any, Any]] = []
    for row in with_strikes(verdicts, effects).to_dict("records"):
        entry = _entry(texts["report"], row["check"])
        sentences = _sentences(row, entry, locale, min_disclosed)
        rows.append({**row, **sentences, "effect": _effect(row, effects, texts, locale)})
    return pd.DataFrame(rows, columns=COLUMNS)


def describe_claims(
    verdicts: pd.DataFrame,
    texts: Mapping[str, Any],
    metrics: Mapping[str, str],
    locale: str = "",
    min_disclosed: int = 1,
) -> pd.DataFrame:
    """Return the published claims: `check, published, data_say, verdict, use_instead`.

    `metrics` are the metrics as text by key, for the figures to use instead.
    """
    columns = ["check", "published", "data_say", "verdict", "use_instead"]
    rows = []
    for row in verdicts.to_dict("records"):
        entry = _entry(texts, row["check"])
        evidence = _evidence(row, entry, locale, min_disclosed)
        use = render(entry["use"], {"kpi": metrics}, locale)
        rows.append((row["check"], say(entry["sentence"]), evidence, row["status"], use))
    return pd.DataFrame(rows, columns=columns)


def _entry(texts: Mapping[str, Any], check: str) -> Mapping[str, str]:
    """Return the entry of a check in its text file."""
    if check not in texts:
        raise ReportError(f"book/checks.yml: no entry for the check {check!r}. Add one.")
    entry: Mapping[str, str] = texts[check]
    return entry


def _evidence(
    row: Mapping[Any, Any], entry: Mapping[str, str], locale: str, min_disclosed: int
) -> str:
    is_judged = row["status"] != "not_applicable"
    template = entry["evidence"] if is_judged else CANNOT_BE_CHECKED
    facts = facts_of(row, min_disclosed)
    if not is_judged:
        facts = {**facts, "reason": say(str(facts["reason"]))}
    return render(template, facts, locale, min_disclosed)


def _sentences(
    row: Mapping[Any, Any], entry: Mapping[str, str], locale: str, min_disclosed: int
) -> dict[str, str]:
    """Return the title, the evidence, and by the verdict what follows and how to fix it."""
    status, said = row["status"], (facts_of(row, min_disclosed), locale, min_disclosed)
    is_judged, is_amiss = status != "not_applicable", status in ("warn", "fail")
    return {
        "title": say(entry["title"]),
        "evidence": _evidence(row, entry, locale, min_disclosed),
        "consequence": render(entry[status], *said) if is_judged else "",
        "remedy": render(entry["remedy"], *said) if is_amiss else "",
    }


MOST_EFFECTS = 4
"""Figures named in one sentence."""


def _effect(
    row: Mapping[Any, Any], effects: pd.DataFrame, texts: Mapping[str, Any], locale: str
) -> str:
    """Return how far the figures move without what the check suspects; nothing where it suspects
    nothing.
    """
    part = effects[effects["check"] == row["check"]]
    if part.empty:
        return ""
    beside = materiality.beside(part, row["check"], row["status"])
    shown = [
        {"label": say(r["label"]), "value": _as_text(r["value"], r["unit"], locale),
         "without": _as_text(r["without"], r["unit"], locale)}
        for r in beside.head(MOST_EFFECTS).to_dict("records")
    ]  # fmt: skip
    more = len(beside) - len(shown)
    return render(texts["effect"]["effect"], {"rows": shown, "more": more}, locale)


def _as_text(value: Any, unit: str, locale: str) -> str | None:
    is_word = isinstance(value, str)
    return None if not is_word and pd.isna(value) else format_value(value, unit, locale=locale)


def with_strikes(verdicts: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts as they stand (materiality.decide) with `strikes`: the bases whose figures
    each strikes or puts a caution on, separated by commas.
    """
    pairs = zip(verdicts["check"], verdicts["status"], strict=True)
    besides = [(name, materiality.beside(effects, name, status)) for name, status in pairs]
    return verdicts.assign(strikes=[", ".join(strikes_of(*pair)) for pair in besides])


def strikes_of(check: str, beside: pd.DataFrame) -> list[str]:
    """Return the bases that a check strikes: those it names, or of the figures it touches."""
    known = REGISTER.get(check)
    return list(known.strikes if known else ()) or list(dict.fromkeys(beside["basis"]))
