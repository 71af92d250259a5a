"""An entry of metrics.json: how it is made, and which are withheld."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

Entry = dict[str, Any]
Metrics = dict[str, Entry]


def metric(
    value: Any,
    unit: str,
    label: str,
    n: int | None = None,
    interval: Sequence[Any] = (None, None),
    rests_on: Sequence[str] = (),
    reason: str | None = None,
    currency: str = "",
) -> Entry:
    """Return one entry of metrics.json: `value, unit, n, ci_low, ci_high, label, rests_on`; a value
    that is not known also has the `reason`, where one is given, and money its `currency`.

    Units: share or points (0 to 1), count, days, score, ratio, money, date, text. `rests_on`
    names the bases (contract.checks.BASES) whose failing checks strike the figure.
    """
    low, high = (None if pd.isna(bound) else bound for bound in interval)
    is_text = isinstance(value, str)
    known = None if value is None or (not is_text and pd.isna(value)) else value
    why = {"reason": reason} if known is None and reason else {}
    count = None if n is None or pd.isna(n) else int(n)
    return {"value": known, "unit": unit, "n": count, "ci_low": low, "ci_high": high,
            "label": label, "rests_on": list(rests_on), **why,
            **({"currency": currency} if currency else {})}  # fmt: skip


def with_checks(metrics: Metrics, behind: Callable[[str, Sequence[str]], Sequence[str]]) -> Metrics:
    """Return the metrics, each with `checks`: the names of the checks that it rests on, which
    `behind` gives for its key and its bases.
    """
    return {
        key: {**entry, "checks": list(behind(key, entry["rests_on"]))}
        for key, entry in metrics.items()
    }


COUNT_PEOPLE = (
    "users_total", "users_unknown_early", "users_at_last_snapshot", "users_scored",
    "expected_churners", "expected_at_last_rate", "flagged_users", "active_users_now",
    "active_users_before", "growth_active", "growth_new", "growth_retained", "growth_resurrected",
    "growth_lost",
)  # fmt: skip
"""The figures whose value counts people."""
NOT_OF_PEOPLE = (
    "rules_kept_share", "group_differences_found", "flagged_share", "active_users_change",
    "learned_rows", "resampled_users",
)  # fmt: skip
"""Figures whose n counts no people, or whose value says nothing that anybody did."""
FLOWS = (
    "growth_new", "growth_retained", "growth_resurrected", "growth_lost", "growth_quick_ratio",
)  # fmt: skip
CHANGES = ("churn_change", "churn_change_since_first")
GIVE_BACK = {
    **dict.fromkeys(FLOWS, FLOWS), "churn_rate": CHANGES, "churn_rate_before": CHANGES[:1],
    "churn_rate_first": CHANGES[1:],
}  # fmt: skip
"""The figures that would give a withheld one back, by its key; the pages have the rest of the sums:
the users of every month, and the churn of every snapshot."""


def disclosed(metrics: Metrics, minimum: int) -> Metrics:
    """Return the metrics without those that rest on fewer than `minimum` people, or say something
    of so few of them, of all or of nobody, and without those that would give one of these back:
    such a figure is not available, and says why.
    """
    if minimum <= 1:
        return metrics
    few = {key for key, entry in metrics.items() if _is_few(key, entry, minimum)}
    few |= {other for key in few for other in GIVE_BACK.get(key, ())}
    return {
        key: _withheld(entry, minimum) if key in few and entry["value"] is not None else entry
        for key, entry in metrics.items()
    }


def _is_few(key: str, entry: Entry, minimum: int) -> bool:
    value, n = entry["value"], entry.get("n")
    if value is None or isinstance(value, str):
        return False
    if key in COUNT_PEOPLE and 0 < value < minimum:
        return True
    if key in NOT_OF_PEOPLE or n is None:
        return False
    part = value * n
    is_share = entry["unit"] == "share" and abs(part - round(part)) < 1e-6 * n
    return bool(n < minimum or (is_share and min(round(part), n - round(part)) < minimum))


def _withheld(entry: Entry, minimum: int) -> Entry:
    reason = (
        f"Withheld: it is about fewer than {minimum} users, says the same of all of them, or would "
        "give such a figure back (min_disclosed in params.yml)."
    )
    return {**entry, "value": None, "n": None, "ci_low": None, "ci_high": None, "reason": reason}
