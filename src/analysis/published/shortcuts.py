"""What the usual shortcuts would say of any log: the arithmetic of the case, a figure for each.

These figures are to be compared, never used: analysis.summary.shortcuts sets each beside the one
to use. A figure that these tables cannot give says why.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.published.case_figures import Case
from analysis.published.results import Absent, Figure

OF_THE_CASE = {
    "churn": "retention.churn_rate",
    "retention_d7": "retention.d7_rate",
    "retention_d30": "retention.d30_rate",
    "auc": "logreg.auc",
    "clusters": "clusters.k",
}
"""Shortcuts whose figure the case printed too, by its name there."""


def shortcuts_record(
    case: Case, figures: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the figure of each shortcut by name: `value` (shares and scores from 0 to 1, the rest
    counts), or null and the `reason` it is absent.

    `figures` are those of the case: see case_figures.figures_record.
    """
    more = {"native_label": native_rate(case.users)} | _score_figures(case.scores)
    record = {name: {"value": f.value, "reason": f.reason} for name, f in more.items()}
    return {name: dict(figures[figure]) for name, figure in OF_THE_CASE.items()} | record


def native_rate(users: pd.DataFrame) -> Figure:
    """Return the share of users whom the table's own label, `churned_30d`, calls churned."""
    if "churned_30d" not in users:
        return Figure(None, "the users table has no churned_30d")
    known = pd.to_numeric(users["churned_30d"], errors="coerce").dropna()
    if known.empty or not known.isin((0, 1)).all():
        return Figure(None, "churned_30d is not 0 or 1")
    return Figure(float(known.mean()))


def _score_figures(scores: pd.DataFrame | Absent) -> dict[str, Figure]:
    """Return whom the case's scores call a churner (`threshold`, a share), how many users have a
    score (`scored`), and what the scores add up to (`expected`).
    """
    if isinstance(scores, Absent):
        return dict.fromkeys(("threshold", "scored", "expected"), Figure(None, scores.reason))
    return {
        "threshold": Figure(float(scores["pred_churn"].mean())),
        "scored": Figure(len(scores)),
        "expected": Figure(round(float(scores["proba_churn"].sum()))),
    }
