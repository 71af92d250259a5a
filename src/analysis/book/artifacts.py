"""What the pages read of a run: its metrics, its checks and its tables, under `<data>/`."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.base import conditions, files, language
from analysis.base.errors import ReportError
from analysis.base.language import say
from analysis.book import counts
from analysis.book.told import in_region
from analysis.contract.checks import STATUSES
from analysis.contract.stages import TOLD
from analysis.summary.findings import NONE, split_names

Row = dict[str, str]
METRICS, CHECKS, MANIFEST = "summary/metrics.json", "summary/checks.csv", "summary/manifest.json"
ACTIONS, CLAIMS = "summary/actions.csv", "summary/claims.csv"
FIELDS = ("title", "evidence", "effect", "consequence", "remedy", "stage")
SHORTCUTS = "summary/shortcuts.csv"
STUDIES, FAULTS = "studies", 5000
"""The folder of the studies, and the size of the companies whose planted faults the pages count."""
REMEDY = "Run `churnbook build`."


@dataclass(frozen=True)
class Metric:
    """One entry of summary/metrics.json: `checks` are the checks that strike the figure,
    `reason` says why it is not available, where that is known.
    """

    key: str
    value: float | str | None
    unit: str
    n: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    label: str = ""
    checks: tuple[str, ...] = ()
    currency: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Check:
    """One row of summary/checks.csv: `strikes` are the bases of the figures it strikes."""

    name: str
    status: str
    title: str
    evidence: str = ""
    effect: str = ""
    consequence: str = ""
    remedy: str = ""
    stage: str = ""
    strikes: tuple[str, ...] = ()


def worst(checks: Iterable[Check]) -> str:
    """Return the gravest status: fail, warn, pass, or not_applicable when there is none."""
    present = {check.status for check in checks}
    return next((status for status in STATUSES if status in present), "not_applicable")


def make_metric(key: str, entry: Any) -> Metric:
    """Return one entry of metrics.json. Raises ReportError when a field is missing."""
    if not isinstance(entry, dict) or not {"value", "unit", "label"} <= set(entry):
        raise ReportError(f"{METRICS}: {key!r} must have a value, a unit and a label")
    fields = ("value", "unit", "n", "ci_low", "ci_high", "label", "reason")
    known = {name: entry[name] for name in fields if name in entry}
    known |= {name: say(known[name]) for name in ("label", "reason") if known.get(name)}
    if isinstance(entry["value"], str):
        known["value"] = say(entry["value"])
    checks, currency = tuple(entry.get("checks") or ()), entry.get("currency") or ""
    return Metric(key=key, checks=checks, currency=currency, **known)


def make_check(row: Row) -> Check:
    """Return one row of checks.csv. Raises ReportError for a status that does not exist."""
    name, status = row["check"], row["status"]
    if status not in STATUSES:
        raise ReportError(f"{CHECKS}: {name!r} has the status {status!r}")
    texts = {field: row[field] for field in FIELDS}
    return Check(name, status, strikes=tuple(split_names(row["strikes"])), **texts)


@lru_cache(maxsize=256)
def _read_text(path: Path, _modified: int) -> str:
    return path.read_text(encoding="utf-8-sig")


def read_text(path: Path, shown: str) -> str:
    """Return the text of `path`. Raises ReportError that calls it `shown` when it is missing."""
    if not path.is_file():
        raise ReportError(f"{shown} is missing. {REMEDY}")
    return _read_text(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _parse_rows(text: str) -> list[Row]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
    return [{name: files.as_written(cell) for name, cell in row.items()} for row in rows]


def _in_region(cells: Row) -> Row:
    return {name: in_region(text) for name, text in cells.items()}


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of one run under the folder `data`, for one page."""

    data: Path
    book: Path | None = None
    """The folder of the hand-written pages, for the studies that are beside them."""

    def path(self, name: str) -> Path:
        """Return where the artifact `name` is."""
        return self.data / name

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a CSV artifact in the language in use, all cells as text, missing ones
        empty.
        """
        rows = self.written_rows(name)
        told = self._told().get(name, [])
        if len(told) != len(rows):
            return rows
        return [{**row, **_in_region(cells)} for row, cells in zip(rows, told, strict=True)]

    def told_tables(self) -> dict[str, list[Row]]:
        """Return, for each table of sentences, the cells of each row that the language in use says
        otherwise.
        """
        return {name: rows for name, rows in self._told().items() if name != METRICS}

    def told_sentences(self) -> dict[str, str]:
        """Return what each cell of the tables of sentences is in the language in use."""
        pairs: dict[str, str] = {}
        for name, told in self.told_tables().items():
            for row, cells in zip(self.written_rows(name), told, strict=True):
                pairs |= {row[column].strip(): text for column, text in cells.items()}
        return pairs

    def _told(self) -> dict[str, Any]:
        if language.is_english() or not self.path(TOLD).is_file():
            return {}
        told: dict[str, dict[str, Any]] = self.json(TOLD)
        return told.get(language.language_of(language.current()), {})

    def written_rows(self, name: str) -> list[Row]:
        """Return the rows of a CSV artifact as they are written."""
        return [dict(row) for row in _parse_rows(read_text(self.path(name), name))]

    def json(self, name: str) -> Any:
        """Return the content of a JSON artifact."""
        try:
            return json.loads(read_text(self.path(name), name))
        except json.JSONDecodeError as error:
            raise ReportError(f"{name} is not valid JSON: {error}. {REMEDY}") from error

    def entries(self) -> dict[str, Any]:
        """Return the metrics of the run by key, and what is counted of its checks: see counts."""
        metrics: dict[str, Any] = self.json(METRICS)
        tables = [self._rows_if_there(name) for name in (SHORTCUTS, CLAIMS)]
        counted = counts.count_checks(self._rows_if_there(CHECKS), metrics)
        return {**self._studies(), **counted, **counts.count_verdicts(*tables), **metrics}

    def _rows_if_there(self, name: str) -> list[Row]:
        return self.rows(name) if self.path(name).is_file() else []

    def _studies(self) -> dict[str, Any]:
        if self.book is None or not (self.book / STUDIES).is_dir():
            return {}
        studies = Artifacts(self.book / STUDIES)
        files = sorted(path.name for path in studies.data.glob("honest_*.csv"))
        honest = [row for name in files for row in studies.rows(name)]
        detection, truth = studies.rows(f"detection_{FAULTS}.csv"), studies.rows("truth.csv")
        return counts.count_studies(detection, honest, truth)

    def metrics(self, keys: Iterable[str]) -> list[Metric]:
        """Return the metrics of `keys`. Raises ReportError that names every missing one."""
        entries, wanted = self.entries(), list(keys)
        missing = [key for key in wanted if key not in entries]
        if missing:
            raise ReportError(f"no metric {', '.join(map(repr, missing))} in {METRICS}")
        told = self._told().get(METRICS, {})
        return [make_metric(key, entries[key] | _in_region(told.get(key, {}))) for key in wanted]

    def metric(self, key: str) -> Metric:
        """Return one metric. Raises ReportError when it is missing."""
        return self.metrics([key])[0]

    def currency(self) -> str:
        """Return the currency of the run's amounts, as ISO 4217; empty where nothing is known."""
        entries = self.json(METRICS) if self.path(METRICS).is_file() else {}
        return next((str(e["currency"]) for e in entries.values() if e.get("currency")), "")

    def all_checks(self) -> list[Check]:
        """Return every row of checks.csv, in its order."""
        return [make_check(row) for row in self.rows(CHECKS)]

    def checks(self, names: Sequence[str]) -> list[Check]:
        """Return the checks `names`, each once. Raises ReportError that names missing ones."""
        known = {check.name: check for check in self.all_checks()} if names else {}
        missing = [name for name in names if name not in known]
        if missing:
            raise ReportError(f"no check {', '.join(map(repr, missing))} in {CHECKS}")
        return [known[name] for name in dict.fromkeys(names)]

    def checks_of(self, metrics: Iterable[Metric], rests_on: str = "") -> list[Check]:
        """Return the checks of a sentence: of its metrics, or of the bases that it names itself.

        As in summary.findings.checks_behind, which reads no file of the run.
        """
        if not rests_on:
            return self.checks([name for metric in metrics for name in metric.checks])
        bases = set() if rests_on == NONE else set(split_names(rests_on))
        return [check for check in self.all_checks() if bases & set(check.strikes)]

    def holds(self, condition: str) -> bool:
        """Say whether a condition on metrics and checks holds: see analysis.base.conditions."""
        statuses = {check.name: check.status for check in self.all_checks()}
        return conditions.holds(condition, conditions.context_of(self.entries(), statuses))
