"""What to do: audience, size, gain, what it is based on, and how to prove it.

The facts are computed here and in summary.audiences; every sentence is in book/actions.yml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.base import language
from analysis.base.formats import is_missing
from analysis.base.texts import render
from analysis.model.economics import Economics, break_even
from analysis.model.experiments import PlannedTest, test_plan
from analysis.model.uncertainty import Gain, Uncertainty, gain_of_audience
from analysis.summary.audiences import BY_SCORE, CAMPAIGNS, NEW, Action, Facts

MOST_WAVES = 12
"""An experiment that takes more horizons than this is not one that will be run."""
SENTENCES = ("action", "audience", "trigger", "expected_effect")
COLUMNS = ["key", "action", "audience", "size", "held", "trigger", "expected_effect", "gain_low",
           "gain_high", "cost", "grade", "proof", "test", "rests_on", "metrics"]  # fmt: skip


@dataclass(frozen=True)
class Assumptions:
    """What all actions share: money and its uncertainty, the `horizon` (days) after which a test
    compares churn, how amounts are written (`currency`, ISO 4217), and the people of whom less is
    said (`min_disclosed`).
    """

    economics: Economics
    uncertainty: Uncertainty
    horizon: int
    currency: str = ""
    min_disclosed: int = 1

    def of(self, key: str) -> Economics:
        """Return the costs of an action: only the list by score comes with the incentive."""
        plain = self.economics
        incentive = plain.incentive if key == BY_SCORE else 0.0
        return Economics(plain.customer_value, plain.contact_cost, incentive, plain.saved_share)


def table(
    actions: Sequence[Action],
    texts: Mapping[str, Any],
    assumed: Assumptions,
    locale: str = "",
) -> pd.DataFrame:
    """Return the actions as readers see them, one row each, in order: columns of COLUMNS. None is
    for fewer people than `assumed.min_disclosed`.

    `texts` are those of book/actions.yml. `rests_on` and `metrics` are lists separated by commas,
    `none` for an empty one. `size` and `held` count users; `gain_low`, `gain_high` and `cost` are
    money, missing where an action costs nothing or nobody knows what it costs.
    """
    shown = [(key, facts) for key, facts in actions if not _is_few(facts, assumed.min_disclosed)]
    rows = [_row(key, facts, texts, assumed, locale) for key, facts in shown]
    made = pd.DataFrame(rows, columns=COLUMNS)
    money = dict.fromkeys(("gain_low", "gain_high", "cost"), "float64")
    return made.astype({"size": "Int64", "held": "Int64", **money})


def _is_few(facts: Facts, min_disclosed: int) -> bool:
    return 0 < (facts.get("size") or 0) < min_disclosed


def _row(
    key: str, facts: Facts, texts: Mapping[str, Any], assumed: Assumptions, locale: str
) -> dict[str, Any]:
    text, plan, gain = (
        texts["actions"][key],
        plan_test(key, facts, assumed),
        gain_of(key, facts, assumed),
    )
    known = {"horizon": assumed.horizon, **facts, **_money_facts(key, gain, assumed)}
    lists = {name: ", ".join(text[name]) or "none" for name in ("rests_on", "metrics")}

    def say(template: str, values: Facts) -> str:
        return render(template, values, locale, assumed.min_disclosed, assumed.currency)

    return {
        "key": key, **{name: say(text[name], known) for name in SENTENCES}, **lists,
        "size": facts.get("size"), "held": facts.get("held") if plan else None,
        "gain_low": gain and gain.low, "gain_high": gain and gain.high, "cost": gain and gain.cost,
        "grade": language.say(text["grade"]), "proof": say(texts["proof"], plan) if plan else "",
        "test": say(texts["test"], plan) if plan else "",
    }  # fmt: skip


def gain_of(key: str, facts: Facts, assumed: Assumptions) -> Gain | None:
    """Return what an action on `proba` (probabilities of churn of the users to contact) earns; None
    for another action.
    """
    if "proba" not in facts:
        return None
    return gain_of_audience(facts["proba"], assumed.of(key), assumed.uncertainty)


def _money_facts(key: str, gain: Gain | None, assumed: Assumptions) -> Facts:
    if gain is None:
        return {}
    share, value = assumed.uncertainty.saved_share, assumed.uncertainty.customer_value
    return {
        "gain": gain.base, "gain_low": gain.low, "gain_high": gain.high, "cost": gain.cost,
        "pays_from_risk": break_even(assumed.of(key)), "share_low": share[0],
        "share_high": share[1], "value_low": value[0], "value_high": value[1],
        "value": assumed.economics.customer_value,
    }  # fmt: skip


def plan_test(key: str, facts: Facts, assumed: Assumptions) -> Facts | None:
    """Return the facts of the test that proves the action, None if it needs no test.

    `plan` is one_wave, several_waves (at most MOST_WAVES), larger_holdout (as many would do with
    half of the audience held out), no_holdout or impossible.
    """
    size, held, churn = facts.get("size"), facts.get("held", 0), churn_expected(key, facts)
    saved = assumed.economics.saved_share
    if key not in CAMPAIGNS or not size or churn is None or not 0 < churn < 1:
        return None
    half = _plan(size, churn, 0.5, assumed)
    plan = half if held in (0, size) else _plan(size, churn, held / size, assumed)
    kind = "no_holdout" if not held else _kind(plan)
    if kind == "impossible" and _kind(half) != "impossible":
        kind = "larger_holdout"
    shown = half if kind in ("larger_holdout", "impossible") else plan
    return {
        "plan": kind, "size": size, "control": held, "control_share": held / size,
        "is_return": key == NEW, "horizon": assumed.horizon, "saved_share": saved,
        "detectable": shown.detectable_difference, "expected": shown.expected_difference,
        "needed": shown.needed_users, "waves": shown.waves, "duration": shown.duration_days,
    }  # fmt: skip


def _plan(size: int, churn: float, share: float, assumed: Assumptions) -> PlannedTest:
    saved = assumed.economics.saved_share
    return test_plan(size, churn, saved, share, horizon_days=assumed.horizon)


def _kind(plan: PlannedTest) -> str:
    if plan.is_measurable:
        return "one_wave"
    is_seen = not is_missing(plan.detectable_difference)
    return "several_waves" if is_seen and plan.waves <= MOST_WAVES else "impossible"


def churn_expected(key: str, facts: Facts) -> float | None:
    """Return the share of an action's audience that is lost without it, None if not known."""
    if facts.get("risk") is not None:
        return float(facts["risk"])
    rate = facts.get("rate")
    return None if rate is None else 1 - rate if key == NEW else rate
