"""Which actions are worth suggesting: those whose audience a test can say something about."""

from collections.abc import Sequence

from analysis.base.formats import is_missing
from analysis.model.experiments import detectable_fall
from analysis.summary.actions import Assumptions, churn_expected, plan_test
from analysis.summary.audiences import BY_SCORE, CAMPAIGNS, LEAST_COMPARED, NEW, Action, Facts

AT_CHANCE = "both_at_chance"
"""Value of the metric model_vs_recency where neither the model nor the last visit orders users."""


def is_testable(size: int, churn: float) -> bool:
    """Say whether a test on `size` users can show anything: half of them left alone, it must at
    least be able to find that nobody of the others is lost (80 % power, 5 % error), and each side
    of a comparison of all of them must have LEAST_COMPARED.

    So 30 users are enough where half of them are lost, and 76 where a tenth is.
    """
    half = size // 2
    return size >= LEAST_COMPARED and not is_missing(detectable_fall(churn, size - half, half))


def worth_suggesting(
    suggested: Sequence[Action], users: int, ranking: str | None, assumed: Assumptions
) -> list[Action]:
    """Return the actions of `suggested` that stand.

    A campaign whose audience is too small for any test is left out; of the list by score it is
    said why. So is the test on newcomers where they are too few to show what is assumed. Where
    neither the score nor the last visit orders the `users` active now (`ranking` is AT_CHANCE),
    nobody is to be chosen by score.
    """
    kept: list[Action] = []
    for key, facts in suggested:
        if key == BY_SCORE and ranking == AT_CHANCE:
            kept.append(("choose_at_random", {"size": None, "active": users}))
        elif key == NEW and _is_impossible(key, facts, assumed):
            continue
        elif key not in CAMPAIGNS or _is_large_enough(key, facts):
            kept.append((key, facts))
        elif key == BY_SCORE:
            kept.append(("few_worth_contact", {**facts, "few": facts["size"], "size": None}))
    return kept


def _is_impossible(key: str, facts: Facts, assumed: Assumptions) -> bool:
    plan = plan_test(key, facts, assumed)
    return plan is not None and plan["plan"] == "impossible"


def _is_large_enough(key: str, facts: Facts) -> bool:
    churn = churn_expected(key, facts)
    return churn is None or is_testable(facts["size"], min(max(churn, 0.0), 1.0))
