"""The summary of a run, read from `<data>/summary/`."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.base.errors import ReportError
from analysis.site.figures import STATUSES, Check, Metric

Row = dict[str, str]
ACRONYMS = {"ci": "CI", "auc": "AUC", "roc": "ROC", "pr": "PR", "id": "ID", "utc": "UTC"}
REMEDY = "Run `churnbook build`."


@lru_cache(maxsize=256)
def _read_text(path: Path, _modified: int) -> str:
    return path.read_text(encoding="utf-8-sig")


def read_text(path: Path, shown: str) -> str:
    """Return the text of `path`. Raises ReportError that calls it `shown` when it is missing."""
    if not path.is_file():
        raise ReportError(f"{shown} is missing. {REMEDY}")
    return _read_text(path, path.stat().st_mtime_ns)


def read_rows(path: Path, shown: str) -> tuple[list[str], list[Row]]:
    """Return column names and rows (all text) of a CSV file; missing cells are empty."""
    reader = csv.DictReader(io.StringIO(read_text(path, shown), newline=""), restval="")
    rows = [{name: value for name, value in row.items() if name is not None} for row in reader]
    return list(reader.fieldnames or []), rows


def prettify(name: str) -> str:
    """Return a column's or check's name as words: `log_covers` becomes "Log covers"."""
    words = " ".join(ACRONYMS.get(word, word) for word in name.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def split_names(text: str) -> list[str]:
    """Return the names in a list that commas or semicolons separate, `none` for none."""
    names = [name.strip() for name in text.replace(";", ",").split(",")]
    return [name for name in names if name and name.lower() != "none"]


def make_metric(key: str, entry: Any) -> Metric:
    """Return one entry of metrics.json. Raises ReportError when value or unit is missing."""
    if not isinstance(entry, dict) or not {"value", "unit"} <= set(entry):
        raise ReportError(f"summary/metrics.json: {key!r} must have value and unit")
    fields = ("value", "unit", "n", "ci_low", "ci_high")
    known = {name: entry[name] for name in fields if name in entry}
    return Metric(
        key=key,
        label=entry.get("label") or prettify(key),
        checks=tuple(entry.get("checks") or ()),
        currency=entry.get("currency") or "",
        **known,
    )


def make_check(row: Row) -> Check:
    """Return one row of checks.csv. Raises ReportError for a status that does not exist."""
    name, status = row.get("check", ""), row.get("status", "")
    if status not in STATUSES:
        raise ReportError(f"summary/checks.csv: {name!r} has the status {status!r}")
    optional = ("evidence", "consequence", "remedy", "stage")
    title = row.get("title") or prettify(name)
    return Check(name, status, title, **{field: row.get(field) or "" for field in optional})


@dataclass(frozen=True)
class Summary:
    """The artifacts of one run under `data`, for one page."""

    data: Path

    def path(self, name: str) -> Path:
        """Return where the artifact `name` (relative to the data folder) lies."""
        return self.data / name

    def rows(self, name: str) -> tuple[list[str], list[Row]]:
        """Return column names and rows of the CSV artifact `name`."""
        return read_rows(self.path(name), name)

    def json(self, name: str) -> Any:
        """Return the content of the JSON artifact `name`."""
        try:
            return json.loads(read_text(self.path(name), name))
        except json.JSONDecodeError as error:
            raise ReportError(f"{name} is not valid JSON: {error}. {REMEDY}") from error

    def metrics(self, keys: Iterable[str]) -> list[Metric]:
        """Return the metrics of `keys`. Raises ReportError that names every missing one."""
        entries, wanted = self.json("summary/metrics.json"), list(keys)
        missing = [key for key in wanted if key not in entries]
        if missing:
            raise ReportError(f"no metric {', '.join(map(repr, missing))} in summary/metrics.json")
        return [make_metric(key, entries[key]) for key in wanted]

    def metric(self, key: str) -> Metric:
        """Return one metric. Raises ReportError when it is missing."""
        return self.metrics([key])[0]

    def all_checks(self) -> list[Check]:
        """Return every row of checks.csv, in its order."""
        return [make_check(row) for row in self.rows("summary/checks.csv")[1]]

    def checks(self, names: Sequence[str]) -> list[Check]:
        """Return the checks `names`, each once. Raises ReportError that names missing ones."""
        if not names:
            return []
        known = {check.name: check for check in self.all_checks()}
        missing = [name for name in names if name not in known]
        if missing:
            raise ReportError(f"no check {', '.join(map(repr, missing))} in summary/checks.csv")
        return [known[name] for name in dict.fromkeys(names)]

    def lookup(self, key: str) -> object:
        """Return what a condition's `key` stands for: see analysis.site.conditions."""
        if key.startswith("check."):
            return self.checks([key.removeprefix("check.")])[0].status
        name, _, field = key.partition(".")
        if field and field not in ("n", "ci_low", "ci_high"):
            raise ReportError(f"{key!r}: only .n, .ci_low and .ci_high follow a metric")
        return getattr(self.metric(name), field or "value")
