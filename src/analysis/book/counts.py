"""What the pages count of a run's checks, shortcuts and claims, by key as in metrics.json."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.base.formats import is_missing

Entries = dict[str, Any]
Row = Mapping[str, str]
COVERAGE = 0.95
NOT_OURS = "to the log's end"
"""Figures of the study of the truth that no report has."""
DATA = "03_audit"
"""The stage whose checks judge the data."""


def count_checks(rows: Iterable[Row], entries: Mapping[str, Any]) -> Entries:
    """Return how many checks were made, fail and ask for caution, and how many figures those that
    fail strike: of all checks, and of those that judge the data.
    """
    made = [row for row in rows if row["status"] != "not_applicable"]
    of_data = [row for row in made if row["stage"] == DATA]
    return {
        **_count(made, entries, "", "of this report"),
        **_count(of_data, entries, "data_", "of the data"),
    }


def _count(made: list[Row], entries: Mapping[str, Any], prefix: str, of: str) -> Entries:
    failing = {row["check"] for row in made if row["status"] == "fail"}
    warning = sum(row["status"] == "warn" for row in made)
    return {
        f"{prefix}checks_made": figure(len(made), f"Checks {of}"),
        f"{prefix}checks_failing": figure(len(failing), f"Checks {of} that fail"),
        f"{prefix}checks_warning": figure(warning, f"Checks {of} that ask for caution"),
        f"{prefix}figures_struck": figure(
            len(struck(failing, entries)), f"Figures that checks {of} strike"
        ),
    }


def struck(failing: Iterable[str], entries: Mapping[str, Any]) -> list[str]:
    """Return the keys of the figures that are there and that one of the checks strikes."""
    names = set(failing)
    return [
        key
        for key, entry in entries.items()
        if not is_missing(entry["value"]) and names & set(entry.get("checks") or ())
    ]


def count_verdicts(shortcuts: Iterable[Row], claims: Iterable[Row]) -> Entries:
    """Return how many usual shortcuts were compared and differ, and how many published claims were
    judged and are refuted.
    """
    compared = [row["differs"] for row in shortcuts if row["differs"] in ("yes", "no")]
    judged = [row["verdict"] for row in claims]
    return {
        "shortcuts_compared": figure(len(compared), "Usual shortcuts compared"),
        "shortcuts_differing": figure(compared.count("yes"), "Usual shortcuts that differ"),
        "claims_judged": figure(len(judged), "Published claims judged"),
        "claims_refuted": figure(judged.count("fail"), "Published claims refuted"),
    }


def count_studies(detection: Iterable[Row], honest: Iterable[Row], truth: Sequence[Row]) -> Entries:
    """Return how many planted faults were found in every company, in how many honest companies a
    headline figure was struck, and how many figures have intervals that hold the truth as often as
    they say.
    """
    found: dict[str, float] = {}
    for row in detection:
        if row["Fault"] != "none":
            found[row["Fault"]] = max(float(row["Share"]), found.get(row["Fault"], 0.0))
    sizes = [(int(r["Companies"]), float(r["A headline is struck"])) for r in honest]
    tried = [row for row in truth if row["Coverage"] and not row["Figure"].endswith(NOT_OURS)]
    right = [row for row in tried if float(row["From"]) <= COVERAGE <= float(row["To"])]
    return {
        "faults_planted": figure(len(found), "Kinds of faults planted"),
        "faults_found": figure(list(found.values()).count(1.0), "Kinds of faults always found"),
        "honest_companies": figure(sum(size for size, _ in sizes), "Honest companies"),
        "honest_struck": figure(
            round(sum(size * share for size, share in sizes)), "Honest companies struck"
        ),
        "intervals_tried": figure(len(tried), "Figures compared with the truth"),
        "intervals_right": figure(len(right), "Figures with right intervals"),
        "truth_companies": figure(
            max((int(row["Companies"]) for row in truth), default=0), "Companies of known truth"
        ),
    }


def figure(value: int, label: str) -> Entries:
    """Return an entry as in metrics.json."""
    return {"value": value, "unit": "count", "label": label}
