"""Materiality: which figures depend on what a check suspects, and by how much they move.

A check of the data fails when it has evidence and a figure cannot do without what is suspect: the
figure, computed again without it, leaves its own interval, or cannot be computed any more. Evidence
that moves nothing is a warning. Counts have no interval: one moves when it changes by more than
1 %, the usual benchmark of auditors (ISA 320, paragraph A8, and the practice of firms).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.formats import format_value
from analysis.contract import checks
from analysis.summary.findings import split_names
from analysis.summary.recomputed import FALSE, FIGURES, Figures

COLUMNS = ["check", "figure", "basis", "label", "unit", "value", "ci_low", "ci_high", "without",
           "change", "is_material"]  # fmt: skip
SAME = {
    "newcomers_lost_30d": "retention_d30",
    "expected_at_last_rate": "churn_rate",
    "value_at_stake": "churn_rate",
}
"""Figures that are another one in other words."""
KPI = "kpi_"
ACTIVITY = "activity"
"""Basis of the monthly figures."""


def basis_of(figure: str) -> str:
    """Return the basis of a figure that is computed again."""
    return ACTIVITY if figure.startswith(KPI) else FIGURES[figure]


def materiality(
    suspects: pd.DataFrame,
    entries: Mapping[str, Mapping[str, Any]],
    recompute: Callable[[pd.DataFrame], Figures],
) -> pd.DataFrame:
    """Return how far each figure moves without what each check suspects: a row per check and
    figure that is available.

    `suspects` are contract.suspects with `check`; `entries` the figures as the report has them
    (value, unit, label, interval, by key); `recompute` gives the figures without some suspects.
    Columns: `check`, `figure`, `basis`, `label`, `unit`, `value`, `ci_low`, `ci_high`, `without`
    (missing where it cannot be computed), `change` (missing then, and for words) and `is_material`.
    """
    rows = [
        _row(str(check), key, entries[key], found.get(key))
        for check, part in suspects.groupby("check", sort=True)
        for found in [recompute(part)]
        for key in entries
        if entries[key]["value"] is not None
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(check: str, key: str, entry: Mapping[str, Any], without: Any) -> tuple[Any, ...]:
    value, is_text = entry["value"], isinstance(entry["value"], str)
    change = None if is_text or without is None else float(without) - float(value)
    return (check, key, basis_of(key), entry["label"], entry["unit"], value, entry["ci_low"],
            entry["ci_high"], without, change, _is_material(entry, without))  # fmt: skip


def _is_material(entry: Mapping[str, Any], without: Any) -> bool:
    """Say whether a figure leaves its interval, or changes by more than 1 % where it has none."""
    value, low, high = entry["value"], entry["ci_low"], entry["ci_high"]
    if without is None:
        return True
    if isinstance(value, str):
        return bool(without != value)
    if low is None or pd.isna(low):
        return bool(abs(without - value) > FALSE * abs(value))
    return not low - 1e-9 <= without <= high + 1e-9


def decide(verdicts: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts (checks.to_table) with `status` as it stands: a check of the data that
    fails without a material effect warns.
    """
    material = effects.loc[effects["is_material"].astype(bool), "check"]
    is_evidence = verdicts["check"].isin(list(checks.of_the_data()))
    is_only_evidence = is_evidence & (verdicts["status"] == "fail")
    is_only_evidence &= ~verdicts["check"].isin(list(material))
    return verdicts.assign(status=verdicts["status"].mask(is_only_evidence, "warn"))


def beside(effects: pd.DataFrame, check: str, status: str) -> pd.DataFrame:
    """Return the effects that stand beside the figures, headline figures first: of a check that
    fails, the material ones; of one that warns, those that can be seen in print; of others none.
    """
    part = effects[effects["check"] == check]
    if status == "fail":
        return _in_order(part[part["is_material"].astype(bool)])
    seen = [
        row["without"] is not None
        and format_value(row["value"], row["unit"]) != format_value(row["without"], row["unit"])
        for row in part.to_dict("records")
    ]
    return _in_order(part[np.array(seen, bool)]) if status == "warn" else part.head(0)


def _in_order(part: pd.DataFrame) -> pd.DataFrame:
    """Return the effects in the order of FIGURES, the monthly figures last."""
    place = {figure: place for place, figure in enumerate(FIGURES)}
    order = part["figure"].map(place).fillna(len(place)).sort_values(kind="stable")
    return part.loc[order.index]


def reach(judged: pd.DataFrame, effects: pd.DataFrame) -> dict[str, tuple[set[str], set[str]]]:
    """Return of each check, in the order of `judged`, the figures and the bases that it reaches: of
    a check of figures none and those it strikes, of one of the data those whose effects stand
    beside the figures.
    """
    reached = {}
    for name, status, strikes in judged[["check", "status", "strikes"]].itertuples(index=False):
        part = beside(effects, str(name), str(status))
        seen = {*part["figure"]}, {*part["basis"]}
        is_of_data = name in checks.of_the_data()
        reached[str(name)] = seen if is_of_data else (set[str](), {*split_names(str(strikes))})
    return reached


def behind(
    key: str, bases: Sequence[str], reached: Mapping[str, tuple[set[str], set[str]]]
) -> list[str]:
    """Return the names of the checks that the figure `key` on `bases` rests on: those of figures by
    their bases, and those of the data whose suspects move it (`reached`: see reach). For a figure
    that is not computed again, the figures of its bases stand.
    """
    figure = SAME.get(key, key)
    is_own = figure in FIGURES or figure.startswith(KPI)
    return [
        name
        for name, (figures, of_bases) in reached.items()
        if (
            figure in figures
            if is_own and name in checks.of_the_data()
            else not of_bases.isdisjoint(bases)
        )
    ]
