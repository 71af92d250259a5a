"""Figures as a reader sees them: a value by its unit, its interval, its n.

Nothing here knows of Sphinx. A value that is null, or not a finite number, is "not available".
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis.base.errors import ReportError

UNITS = ("share", "count", "days", "score", "money", "text", "date", "ratio", "points")
NOT_AVAILABLE = "not available"
SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
BLANK = "\N{EN DASH}"  # an empty cell of a table
STATUSES = ("fail", "warn", "pass", "not_applicable")


@dataclass(frozen=True)
class Metric:
    """One entry of summary/metrics.json; `checks` are the checks that the figure rests on."""

    key: str
    value: float | str | None
    unit: str
    n: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    label: str = ""
    checks: tuple[str, ...] = ()
    currency: str = ""


@dataclass(frozen=True)
class Check:
    """One row of summary/checks.csv."""

    name: str
    status: str
    title: str
    evidence: str = ""
    consequence: str = ""
    remedy: str = ""
    stage: str = ""


def is_missing(value: object) -> bool:
    """Say whether `value` is null: None, an empty text, or a number that is not finite."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan"))


def _fixed(number: float, decimals: int) -> str:
    text = f"{abs(number):,.{decimals}f}"
    is_zero = not text.strip("0.,")
    return MINUS + text if number < 0 and not is_zero else text


def _percent(share: float, decimals: int) -> str:
    return _fixed(100 * share, decimals)


def _share_decimals(share: float) -> int:
    near_an_end = 0 < abs(share) < 0.01 or 0.99 < abs(share) < 1
    return 2 if near_an_end else 1


def _format_share(share: float) -> str:
    if 0 < share < 0.00005:
        return f"under{SPACE}0.01{SPACE}%"
    if 0.99995 < share < 1:
        return f"over{SPACE}99.99{SPACE}%"
    return f"{_percent(share, _share_decimals(share))}{SPACE}%"


def _format_money(amount: float, currency: str = "") -> str:
    text = _fixed(amount, 0 if abs(amount) >= 100 else 2)
    return f"{currency}{SPACE}{text}" if currency else text


def _format_date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    day = f"{moment.day}{SPACE}{moment:%B}{SPACE}{moment.year}"
    is_midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return day if is_midnight else f"{day}, {moment:%H:%M}{SPACE}UTC"


def _number(value: object, unit: str) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise ReportError(f"{value!r} is not a number, as the unit {unit!r} needs") from error


def _format_count(number: float) -> str:
    return _fixed(number, 0 if number == round(number) else 1)


def format_value(value: object, unit: str, currency: str = "") -> str:
    """Return `value` (a share from 0 to 1 for the unit `share`) as text with its unit.

    Raises ReportError for an unknown unit, or a text where the unit needs a number.
    """
    if unit not in UNITS:
        raise ReportError(f"unknown unit {unit!r}; units that exist: {', '.join(UNITS)}")
    if is_missing(value):
        return NOT_AVAILABLE
    if unit == "text":
        return str(value)
    if unit == "date":
        return _format_date(str(value))
    number = _number(value, unit)
    formats = {
        "share": _format_share(number),
        "count": _format_count(number),
        "days": f"{_fixed(number, 0 if number == round(number) else 1)}{SPACE}days",
        "score": _fixed(number, 3),
        "points": f"{_percent(number, 1)}{SPACE}points",
        "ratio": f"{_fixed(number, 2)}{SPACE}times",
        "money": _format_money(number, currency),
    }
    return "1" + SPACE + "day" if unit == "days" and number == 1 else formats[unit]


def format_cell(value: object, unit: str) -> str:
    """Return `value` for a table: like format_value, blank where it is missing."""
    return BLANK if is_missing(value) else format_value(value, unit)


def format_interval(metric: Metric) -> str:
    """Return the metric's interval as "46.1 to 50.5 %", both ends with as many decimals."""
    if is_missing(metric.ci_low) or is_missing(metric.ci_high):
        return NOT_AVAILABLE
    low, high = _number(metric.ci_low, metric.unit), _number(metric.ci_high, metric.unit)
    if metric.unit == "share":
        decimals = max(_share_decimals(low), _share_decimals(high))
        return f"{_percent(low, decimals)} to {_percent(high, decimals)}{SPACE}%"
    if metric.unit == "days":
        return f"{_fixed(low, 1)} to {_fixed(high, 1)}{SPACE}days"
    if metric.unit == "points":
        return f"{_percent(low, 1)} to {_percent(high, 1)}{SPACE}points"
    if metric.unit == "ratio":
        return f"{_fixed(low, 2)} to {_fixed(high, 2)}"
    return " to ".join(format_value(end, metric.unit, metric.currency) for end in (low, high))


def format_whole(metric: Metric) -> str:
    """Return the metric's value without decimals; a share as whole percent."""
    if is_missing(metric.value):
        return NOT_AVAILABLE
    number = _number(metric.value, metric.unit)
    if metric.unit == "share":
        return f"{_percent(number, 0)}{SPACE}%"
    return f"{_fixed(number, 0)}{SPACE}days" if metric.unit == "days" else _fixed(number, 0)


def format_full(metric: Metric) -> str:
    """Return "48.3 % (46.1 to 50.5 %, n = 687)", without the parts that are null."""
    value = format_value(metric.value, metric.unit, metric.currency)
    has_interval = not (is_missing(metric.ci_low) or is_missing(metric.ci_high))
    parts = [format_interval(metric)] if has_interval else []
    if not is_missing(metric.n):
        parts.append(f"n{SPACE}={SPACE}{format_value(metric.n, 'count')}")
    return f"{value} ({', '.join(parts)})" if parts and not is_missing(metric.value) else value


SHAPES: dict[str, Callable[[Metric], str]] = {
    "": lambda metric: format_value(metric.value, metric.unit, metric.currency),
    "interval": format_interval,
    "n": lambda metric: format_value(metric.n, "count"),
    "full": format_full,
    "whole": format_whole,
    "label": lambda metric: metric.label or metric.key,
}


def format_metric(metric: Metric, shape: str = "") -> str:
    """Return the metric in one of SHAPES. Raises ReportError for a shape that does not exist."""
    if shape not in SHAPES:
        known = ", ".join(name for name in SHAPES if name)
        raise ReportError(f"unknown form {shape!r} of {metric.key!r}; forms that exist: {known}")
    return SHAPES[shape](metric)


def worst(checks: Iterable[Check]) -> str:
    """Return the gravest status: fail, warn, pass, or not_applicable when none applies."""
    found = {check.status for check in checks}
    return next((status for status in STATUSES if status in found), "not_applicable")


def metric_of(key: str, entry: Mapping[str, Any]) -> Metric:
    """Return one entry of summary/metrics.json as a Metric."""
    known: dict[str, Any] = {name: entry.get(name) for name in ("value", "n", "ci_low", "ci_high")}
    checks = tuple(entry.get("checks") or ())
    return Metric(key, unit=entry["unit"], label=entry.get("label", ""), checks=checks, **known)


def as_text(
    metrics: Mapping[str, Mapping[str, Any]], failing: Collection[str] = ()
) -> dict[str, str]:
    """Return every metric as text with its interval and n, by key; one that rests on a check of
    `failing` says that it must not be used.
    """
    told = {key: format_full(metric_of(key, entry)) for key, entry in metrics.items()}
    struck = {key for key, entry in metrics.items() if {*entry["checks"]} & {*failing}}
    return {k: f"{text} [not to be used: a check fails]" if k in struck else text
            for k, text in told.items()}  # fmt: skip
