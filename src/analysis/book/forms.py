"""The forms in which a metric is printed: `{kpi}`key:form``.

`{kpi}`key:user|users`` prints no number but the word that belongs beside it.
"""

from collections.abc import Callable

from analysis.base import formats
from analysis.base.errors import ReportError
from analysis.base.formats import SPACE, is_missing
from analysis.book.artifacts import Metric

WHOLE_FROM = 0.01
"""Share from which a change has no decimals."""


def format_interval(metric: Metric) -> str:
    """Return the metric's interval as "46.1 to 50.5 %"."""
    return formats.format_interval(
        metric.ci_low, metric.ci_high, metric.unit, currency=metric.currency
    )


def format_n(metric: Metric) -> str:
    """Return how many users or rows the metric was counted over."""
    return formats.format_value(metric.n, "count")


def format_whole(metric: Metric) -> str:
    """Return the metric's value without decimals."""
    return formats.format_value(metric.value, metric.unit, currency=metric.currency, decimals=0)


def format_day(metric: Metric) -> str:
    """Return a date without its year: "21 Sept"."""
    return formats.format_day(metric.value)


def format_change(metric: Metric) -> str:
    """Return the size of a change, without its sign and without decimals where it has hundredths of
    its own: "19 points", "0.4 points".
    """
    size = None if is_missing(metric.value) else abs(float(str(metric.value)))
    is_whole = size is None or metric.unit == "money" or size >= WHOLE_FROM
    return formats.format_value(
        size, metric.unit, currency=metric.currency, decimals=0 if is_whole else 1
    )


def list_parts(metric: Metric) -> list[str]:
    """Return the interval and the n of a metric, without what is missing."""
    has_interval = not (is_missing(metric.ci_low) or is_missing(metric.ci_high))
    parts = [format_interval(metric)] if has_interval else []
    return parts if is_missing(metric.n) else [*parts, f"n{SPACE}={SPACE}{format_n(metric)}"]


def format_plain(metric: Metric) -> str:
    """Return the metric's value with its unit."""
    return formats.format_value(metric.value, metric.unit, currency=metric.currency)


def format_full(metric: Metric) -> str:
    """Return "48.3 % (46.1 to 50.5 %, n = 687)", without the parts that are missing."""
    ends = metric.ci_low, metric.ci_high
    return formats.format_full(metric.value, metric.unit, *ends, metric.n, currency=metric.currency)


FORMS: dict[str, Callable[[Metric], str]] = {
    "": format_plain,
    "interval": format_interval,
    "n": format_n,
    "full": format_full,
    "whole": format_whole,
    "tenths": lambda metric: formats.format_tenths(metric.value),
    "month": lambda metric: formats.format_month(metric.value),
    "label": lambda metric: metric.label,
}


def is_noun(form: str) -> bool:
    """Say whether a form is a noun or verb for one and for several: `user|users`."""
    return "|" in form


def format_noun(metric: Metric, form: str) -> str:
    """Return the word that stands beside the metric's value: that for one, or for several."""
    one, _, other = form.partition("|")
    number = metric.value
    if isinstance(number, str) or number is None:
        return other
    return formats.plural_form(number, one, other)


def format_metric(metric: Metric, form: str = "") -> str:
    """Return the metric in one of FORMS. Raises ReportError for a form that does not exist."""
    if form not in FORMS:
        known = ", ".join(name for name in FORMS if name)
        raise ReportError(f"unknown form {form!r} of {metric.key!r}; forms that exist: {known}")
    return FORMS[form](metric)
