"""Certainty: probabilities close to 0 or 1, and whether what happened bears them out."""

from typing import Any

import pandas as pd

from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable
from analysis.model.candidates import predict
from analysis.model.scoring import LEAST

CERTAIN = 0.999
"""Probability of either outcome from which a score is certain."""
MANY, MOST = 0.01, 0.2
"""Share of the scored users who are certain from which the check looks closer, and fails."""
WRONG, RIGHT = 0.01, 0.05
"""Share of certain test users of the other outcome: certainly more than WRONG contradicts a score
that claims 0.001, certainly less than RIGHT bears it out. About 75 users without one do."""


def is_certain(proba: "pd.Series[float]") -> "pd.Series[bool]":
    """Say which probabilities are beyond CERTAIN, on either side."""
    return (proba > CERTAIN) | (proba < 1 - CERTAIN)


def outcome_of_the_certain(
    churned: "pd.Series[float]", proba: "pd.Series[float]", scored_share: float, scored: int
) -> tuple[str, dict[str, int]]:
    """Return what the test snapshot says of certain scores, with `certain` (its users whose score
    is certain) and `wrong` (of these, with the other outcome).

    `contradicted`: too many were wrong. `unlike`: the share of certain scores among the `scored`
    is more than twice that in the test, beyond chance. `confirmed`: few were wrong. `untested`:
    too few are certain to tell.
    """
    sure = is_certain(proba)
    certain, wrong = int(sure.sum()), int(((proba > 0.5) != (churned == 1))[sure].sum())
    counts = {"certain": certain, "wrong": wrong, "tested": len(proba)}
    low, high = share_of(wrong, certain)[1:] if certain else (0.0, 1.0)
    most = share_of(certain, len(proba))[2] if len(proba) else 0.0
    least = share_of(round(scored_share * scored), scored)[1]
    if low > WRONG:
        return "contradicted", counts
    if len(proba) and least > 2 * most:
        return "unlike", counts
    return ("confirmed" if high < RIGHT else "untested"), counts


@check(stage="07_scoring", strikes=("scores",))
def saturation(scored: pd.DataFrame, snapshots: pd.DataFrame, churn_model: Any) -> Verdict:
    """Judge the share of probabilities beyond 0.999, where hardly anybody churns an honest one: it
    is a fault only if the outcomes after the test snapshot do not bear it out. Too few to tell
    warns.
    """
    proba = scored["proba_churn"]
    if len(proba) < LEAST:
        return not_applicable("saturation", f"fewer than {LEAST} users are scored")
    share = float(is_certain(proba).mean())
    facts: dict[str, Any] = {"tied": int(proba.duplicated(keep=False).sum()),
                             "largest": int(proba.value_counts().iloc[0]), "users": len(proba),
                             "outcome": "few"}  # fmt: skip
    status: Status = grade(share, MANY, MOST)
    if status != "pass":
        test = snapshots[snapshots["split"] == "test"]
        tested = pd.Series(predict(churn_model, test), index=test.index)
        outcome, counts = outcome_of_the_certain(test["churned"], tested, share, len(proba))
        facts |= {"outcome": outcome, **counts}
        softer: dict[str, Status] = {"confirmed": "pass", "untested": "warn"}
        status = softer.get(outcome, status)
    return Verdict("saturation", status, share, limit=MANY, n=len(proba), facts=facts)
