"""What to do: audience, size, expected effect, what it is based on, and how to test it.

The facts are computed here; every sentence is in book/actions.yml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.base.comparisons import distinct
from analysis.base.formats import is_missing
from analysis.base.statistics import is_too_few
from analysis.base.texts import render
from analysis.model.economics import Economics, break_even, gain_of
from analysis.model.experiments import smallest_seen, test_plan

Facts = dict[str, Any]
Action = tuple[str, Facts]
"""The key of an action in book/actions.yml, and the facts that its sentences use."""

MOST_WAVES = 12
"""An experiment that takes more horizons than this is not one that will be run."""
LEAST_COMPARED = 30
"""Users that each side of a comparison must have."""
NOT_TESTED = ("no_difference", "leave_less", "by_group", "choose_at_random", "few_worth_contact")
"""Ends of the keys of actions that contact nobody, and so need no test."""
SENTENCES = ("action", "audience", "trigger", "expected_effect")
COLUMNS = ["action", "audience", "size", "trigger", "expected_effect", "grade", "test", "rests_on",
           "metrics"]  # fmt: skip


def compare_audience(snapshots: pd.DataFrame, mask: "pd.Series[bool]") -> Facts | None:
    """Return how many of the users in `mask` churned after the test snapshot, beside the others:
    `rate`, `rest`, `gap_low`, `gap_high` (95 % Newcombe); None when a side is too small.
    """
    test = snapshots["split"] == "test"
    inside = snapshots.loc[test & mask, "churned"]
    others = snapshots.loc[test & ~mask, "churned"]
    if is_too_few(min(len(inside), len(others)), LEAST_COMPARED):
        return None
    low, high = confint_proportions_2indep(
        int(inside.sum()), len(inside), int(others.sum()), len(others), method="newcomb"
    )
    return {"rate": float(inside.mean()), "rest": float(others.mean()),
            "gap_low": float(low), "gap_high": float(high)}  # fmt: skip


def audiences(
    snapshots: pd.DataFrame,
    scored: pd.DataFrame,
    differences: pd.DataFrame,
    economics: Economics,
    lookback: int,
    horizon: int,
    is_list_used: bool,
) -> list[Action]:
    """Return the actions on active users.

    A user is in one campaign at most, the first that fits, and nobody in the holdout is in any:
    two campaigns on one user would show the effect of neither. Without
    `is_list_used` (a check strikes the scores, or there are none) the list by score holds nobody,
    and nothing is said by the model. `scored` has a row for each row of `snapshots` of the split
    `score`, or none.
    """
    common = {"lookback": lookback, "horizon": horizon, "threshold": scored["threshold_used"].max()}
    behaviours = _by_behaviour(snapshots, scored, lookback, is_list_used)
    churned = snapshots.loc[snapshots["split"] == "test", "churned"]
    actions = [
        *([_by_score(scored, economics)] if len(scored) else []),
        *behaviours,
        *_by_group(differences, float(churned.mean())),
    ]
    return [(key, {**common, **facts}) for key, facts in actions]


def taken(scored: pd.DataFrame, is_list_used: bool) -> "pd.Series[Any]":
    """Return the `user_id` of users who may not be in a further campaign: the list by score and
    the whole holdout, unless a check strikes the scores.
    """
    if not is_list_used:
        return scored.loc[:, "user_id"].head(0)
    is_taken = (scored["recommended_action"] != "none") | scored["is_holdout"]
    return scored.loc[is_taken, "user_id"]


def _by_behaviour(
    snapshots: pd.DataFrame, scored: pd.DataFrame, lookback: int, is_list_used: bool
) -> list[Action]:
    """Return the actions on users who were inactive, or clicked without a play."""
    now = snapshots["split"] == "score"
    risk = snapshots["user_id"].map(scored.set_index("user_id")["proba_churn"])
    free = now & ~snapshots["user_id"].isin(taken(scored, is_list_used))
    since = lookback // 2
    masks = {
        "remind_silent": snapshots["recency_days"] >= since,
        "failed_intent": _failed(snapshots),
    }
    actions = []
    for key, mask in masks.items():
        compared = compare_audience(snapshots, mask)
        if compared is None:
            continue
        name, audience, current = key + _direction(compared), mask & now, int((mask & now).sum())
        if name == key:
            audience = mask & free
            free &= ~audience
        size = int(audience.sum())
        is_predicted = name == key and is_list_used and size
        facts = {"since": since, "size": size, "elsewhere": current - size,
                 "risk": float(risk[audience].mean()) if is_predicted else None}  # fmt: skip
        if size:
            actions.append((name, {**facts, **compared}))
    return actions


def _direction(compared: Facts) -> str:
    """Return what follows the key of an action: nothing where its audience churns more often."""
    if compared["gap_low"] > 0:
        return ""
    return "_leave_less" if compared["gap_high"] < 0 else "_no_difference"


def _failed(snapshots: pd.DataFrame) -> "pd.Series[bool]":
    if "failed_intents" not in snapshots:
        return pd.Series(False, index=snapshots.index)
    return snapshots["failed_intents"] > 0


def _by_score(scored: pd.DataFrame, economics: Economics) -> Action:
    """Return the action on the list by score, or why the list is empty."""
    listed = scored[scored["recommended_action"] == "contact"]
    held = int((scored["recommended_action"] == "hold_out").sum())
    if listed.empty:
        limit = break_even(economics)
        reach = int((scored["proba_churn"] >= limit).sum())
        facts = {"size": 0, "held": held, "reach": reach, "limit": limit}
        if held:
            return "all_held_out", facts
        return ("capacity_admits_nobody" if reach else "nobody_worth_contact"), facts
    proba = listed["proba_churn"].to_numpy(dtype=float)
    saved, twice = economics.saved_share, min(2 * economics.saved_share, 1.0)

    def profit(share: float) -> float:
        return float(gain_of(proba, replace(economics, saved_share=share)).sum())

    return "contact_at_risk", {
        "size": len(listed), "held": held, "flagged": len(listed) + held,
        "leavers": float(proba.sum()), "saved_share": saved, "saved": float(proba.sum()) * saved,
        "rate": float(proba.mean()), "profit": profit(saved), "half": saved / 2,
        "profit_half": profit(saved / 2), "twice": twice, "profit_twice": profit(twice),
        "pays_from": -profit(0.0) / (profit(1.0) - profit(0.0)),
    }  # fmt: skip


def _by_group(differences: pd.DataFrame, churn_rate: float) -> list[Action]:
    """Return the action on a country or a device; `churn_rate` is that of all test users."""
    rows = differences[differences["column"].isin(["country", "device"])]
    tested = rows[rows["p_value"].notna()]
    if tested.empty:
        return []
    real = tested[tested["is_different"] & (tested["comparison"] != "all_groups")]
    if real.empty:
        detectable = smallest_seen(tested, churn_rate, len(distinct(differences)))
        facts = {"size": None, "compared": len(distinct(rows)), "detectable": detectable}
        return [("not_by_group", facts)]
    largest: Any = real["difference"].idxmax()
    worst = real.loc[largest]
    facts = {
        "column": worst["column"], "group": worst["group"], "size": int(worst["users"]),
        "rate": float(worst["rate"]), "difference": float(worst["difference"]),
        "gap_low": float(worst["difference_ci_low"]),
        "gap_high": float(worst["difference_ci_high"]),
        "q": float(worst["q_value"]),
    }  # fmt: skip
    return [("by_group", facts)]


def others(
    metrics: Mapping[str, Any],
    users: pd.DataFrame,
    log_end: pd.Timestamp,
    horizon: int,
    judged: pd.DataFrame,
    elsewhere: "pd.Series[Any]",
) -> list[Action]:
    """Return the actions on newcomers and on the data, if there is a reason for them.

    `judged` from judged.describe_checks; `elsewhere` from taken.
    """
    actions: list[Action] = []
    facts = newcomers(metrics, users, log_end, horizon, elsewhere)
    if facts and facts["size"]:
        actions.append(("first_week", facts))
    failing = judged[(judged["status"] == "fail") & (judged["stage"] == "03_audit")]
    if len(failing):
        actions.append(("fix_data", {"titles": failing["title"].tolist(), "size": None}))
    return actions


def newcomers(
    metrics: Mapping[str, Any],
    users: pd.DataFrame,
    log_end: pd.Timestamp,
    horizon: int,
    elsewhere: "pd.Series[Any]",
) -> Facts | None:
    """Return the facts of the action on newcomers, or None when their return is not known; those
    who may not be in a further campaign are counted in `elsewhere`.
    """
    back = metrics["retention_d7"]
    if back["value"] is None:
        return None
    recent = users["signup_date"].between(
        log_end - pd.Timedelta(days=horizon), log_end, inclusive="left"
    )
    is_free = ~users["user_id"].isin(elsewhere)
    return {"size": int((recent & is_free).sum()), "elsewhere": int((recent & ~is_free).sum()),
            "rate": back["value"], "gap_low": back["ci_low"],
            "gap_high": back["ci_high"], "horizon": horizon}  # fmt: skip


def table(
    actions: Sequence[Action],
    texts: Mapping[str, Any],
    saved_share: float,
    control_share: float,
    horizon: int,
    locale: str = "en",
    min_disclosed: int = 1,
) -> pd.DataFrame:
    """Return the actions as readers see them, one row each, in order: columns of COLUMNS. None is
    for fewer people than `min_disclosed`.

    `texts` are those of book/actions.yml. `rests_on` and `metrics` are lists separated by commas,
    `none` for an empty one.
    """
    rows = []
    for key, facts in actions:
        if 0 < (facts.get("size") or 0) < min_disclosed:
            continue
        text = texts["actions"][key]
        plan = plan_test(key, facts, saved_share, control_share, horizon)
        lists = {name: ", ".join(text[name]) or "none" for name in ("rests_on", "metrics")}
        rows.append({
            **{name: render(text[name], facts, locale, min_disclosed) for name in SENTENCES},
            **lists, "size": facts.get("size"), "grade": text["grade"],
            "test": render(texts["test"], plan, locale) if plan else "",
        })  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS).astype({"size": "Int64"})


def plan_test(
    key: str, facts: Facts, saved_share: float, control_share: float, horizon: int
) -> Facts | None:
    """Return the facts of the test of the action, None if it needs no test.

    It leaves alone the control share that is set, or half of the audience where that one would
    take more than MOST_WAVES. `plan` is one_wave, several_waves or impossible.
    """
    size = facts.get("flagged", facts.get("size"))
    churn = churn_expected(key, facts)
    if not size or churn is None or key.endswith(NOT_TESTED):
        return None
    if not (0 < churn < 1 and 0 < saved_share < 1):
        return None
    is_return = key == "first_week"
    usual = facts["held"] / size if facts.get("held") else control_share
    for share in (0.5,) if is_return or not usual else (usual, 0.5):
        plan = test_plan(size, churn, saved_share, share, horizon_days=horizon)
        kind = "one_wave" if plan.is_measurable else "several_waves"
        if plan.is_measurable or (
            plan.waves <= MOST_WAVES and not is_missing(plan.detectable_difference)
        ):
            break
    else:
        kind = "impossible"
    return {
        "plan": kind, "size": size, "control": plan.control, "control_share": share,
        "is_return": is_return, "horizon": horizon, "saved_share": saved_share,
        "is_larger_holdout": key == "contact_at_risk" and share != usual,
        "detectable": plan.detectable_difference, "expected": plan.expected_difference,
        "needed": plan.needed_users, "waves": plan.waves, "duration": plan.duration_days,
    }  # fmt: skip


def churn_expected(key: str, facts: Facts) -> float | None:
    """Return the share of an action's audience that is lost without it, None if not known."""
    if facts.get("risk") is not None:
        return float(facts["risk"])
    rate = facts.get("rate")
    return None if rate is None else 1 - rate if key == "first_week" else rate
