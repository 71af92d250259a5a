"""Fill the sentences of the book's text files with computed facts."""

import json
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

import pandas as pd
import yaml

from analysis.base.errors import ReportError
from analysis.contract.checks import Status, Verdict, to_table
from analysis.site.conditions import holds
from analysis.site.store import split_names

Named = dict[str, set[str]]


class _Told(Formatter):
    """Format as str.format does; a missing value reads `not known`."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return `value` formatted, or `not known` for a missing one."""
        if value is None or (isinstance(value, float) and value != value):
            return "not known"
        return str(super().format_field(value, format_spec))


def fill(template: str, facts: Mapping[str, Any]) -> str:
    """Return `template` with its braces filled from `facts`; None and NaN read `not known`.

    Raises ReportError that names the fact the template asks for in vain.
    """
    try:
        return _Told().vformat(template, (), facts)
    except (KeyError, IndexError) as error:
        raise ReportError(
            f"texts: {template!r} asks for {error}, which is not computed."
        ) from error


def read_texts(text: str) -> dict[str, Any]:
    """Return the entries of a text file (YAML)."""
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def facts_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return all a verdict's sentence may use: its numbers and its facts."""
    numbers = {name: row[name] for name in ("value", "ci_low", "ci_high", "limit", "n")}
    facts: dict[str, Any] = json.loads(row["facts"])
    return {name: None if pd.isna(v) else v for name, v in numbers.items()} | facts


def tell_checks(verdicts: pd.DataFrame, texts: Mapping[str, Any]) -> pd.DataFrame:
    """Return checks as readers see them: `check, status, title, evidence, consequence, remedy,
    value, ci_low, ci_high, limit, n, stage`.

    `verdicts` as from checks.to_table with `stage`; `texts` has an entry per check.
    Raises ReportError for a check without an entry.
    """
    rows = []
    for row in verdicts.to_dict("records"):
        text = texts.get(row["check"])
        if text is None:
            raise ReportError(f"book/checks.yml: no entry for the check {row['check']!r}. Add one.")
        told: dict[Any, Any] = {"title": text["title"], **_sentences(row, text)}
        rows.append({**row, **told})
    columns = ["check", "status", "title", "evidence", "consequence", "remedy", "value",
               "ci_low", "ci_high", "limit", "n", "stage"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _sentences(row: Mapping[Any, Any], text: Mapping[str, Any]) -> dict[str, str]:
    facts = facts_of(row)
    if row["status"] == "not_applicable":
        reason = str(facts["reason"])
        return {"evidence": reason[0].upper() + reason[1:] + ".", "consequence": "", "remedy": ""}
    told = fill(text["evidence"], facts)
    remedy = "" if row["status"] == "pass" else text["remedy"]
    return {"evidence": told, "consequence": text[row["status"]], "remedy": remedy}


CLAIM = re.compile(r"^:{3,}\{claim\} *(?P<name>\S+) *\n(?P<options>(?::\w+:.*\n)*)", re.MULTILINE)
OPTION = re.compile(r"^:(\w+): *(.*?) *$", re.MULTILINE)


def findings(page: str, numbers: Mapping[str, Mapping[str, Any]], judged: pd.DataFrame) -> Named:
    """Return the findings that `page` states of these results, each with the checks it rests on:
    its own and those of its metrics.

    `page` is Markdown with `claim` directives; `numbers` are the metrics; `judged` holds `check`
    and `status`. Raises ReportError for a condition on something that is not there.
    """
    status = dict(zip(judged["check"], judged["status"], strict=True))

    def lookup(key: str) -> object:
        name, _, field = key.partition(".")
        found = status if name == "check" else {key: numbers.get(name, {}).get(field or "value")}
        place = field if name == "check" else key
        if place not in found or (name != "check" and name not in numbers):
            raise ReportError(f"{key!r} is neither a metric nor a check of this run")
        return found[place]

    told: Named = {}
    for claim in CLAIM.finditer(page):
        options = dict(OPTION.findall(claim["options"]))
        if "when" in options and not holds(options["when"], lookup):
            continue
        told[claim["name"]] = _rests_on(options["checks"], options["metrics"], numbers)
    return told


def _rests_on(checks: str, metrics: str, numbers: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return these checks and those of the metrics, of a sentence that names both; none if it says
    that it rests on none.
    """
    own = split_names(checks)
    keys = split_names(metrics) if own else []
    return {*own, *(c for key in keys for c in numbers[key]["checks"])}


def with_claims_check(
    judged: pd.DataFrame,
    actions: pd.DataFrame,
    found: Named,
    numbers: Mapping[str, Mapping[str, Any]],
    texts: Mapping[str, Any],
) -> pd.DataFrame:
    """Return `judged` with the check on the sentences themselves: how many findings (`found`, from
    findings) and actions are withdrawn for resting on a failing check, their own or one of their
    metrics (`numbers`).
    """
    failing = set(judged.loc[judged["status"] == "fail", "check"])
    named = zip(actions["checks"], actions["metrics"], strict=True)
    rests = [_rests_on(str(checks), str(metrics), numbers) for checks, metrics in named]
    of_actions = sum(bool(names & failing) for names in rests)
    of_findings = [name for name, names in found.items() if names & failing]
    facts = {"withdrawn_actions": of_actions, "actions": len(actions),
             "withdrawn_findings": len(of_findings), "findings": len(found),
             "names": ", ".join(of_findings) or "none"}  # fmt: skip
    withdrawn, n = of_actions + len(of_findings), len(actions) + len(found)
    status: Status = "warn" if withdrawn else "pass"
    verdict = to_table([Verdict("claims", status, float(withdrawn), n=n, facts=facts)])
    own = tell_checks(verdict.assign(stage="10_summary"), texts)
    return pd.concat([judged, own], ignore_index=True)
