"""Whom to contact, or not: the audience of each action, drawn once for the whole report.

A user is in one campaign at most, the first that fits: two campaigns on one user would show the
effect of neither. The holdout is drawn once as well, over all active users, and each campaign is
proved on its own users in it. So the sizes in the table of actions, in the lists and in the scored
file are the same.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.base.comparisons import distinct, named_groups
from analysis.base.formats import format_value, is_too_few
from analysis.base.language import say
from analysis.model.economics import Economics, break_even
from analysis.model.experiments import smallest_seen
from analysis.model.scoring import assign_holdout

Facts = dict[str, Any]
Action = tuple[str, Facts]
"""The key of an action in book/actions.yml, and the facts that its sentences use."""

BY_SCORE, NEW = "contact_at_risk", "first_week"
CAMPAIGNS = (BY_SCORE, "remind_silent", "failed_intent", NEW)
"""Actions that do something to their audience, to be proved by a test."""
LEAST_COMPARED = 30
"""Users that each side of a comparison must have."""


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


def behaviours(snapshots: pd.DataFrame, lookback: int) -> dict[str, "pd.Series[bool]"]:
    """Return who, at each snapshot, was inactive for half of the `lookback` days, and who clicked
    without a play: flags on the index of `snapshots`, by the key of the action.
    """
    nobody = pd.Series(False, index=snapshots.index)
    failed = snapshots["failed_intents"] > 0 if "failed_intents" in snapshots else nobody
    return {"remind_silent": snapshots["recency_days"] >= lookback // 2, "failed_intent": failed}


def draw_campaigns(
    snapshots: pd.DataFrame,
    scored: pd.DataFrame,
    lookback: int,
    is_list_used: bool,
    holdout_share: float,
    seed: int,
) -> pd.DataFrame:
    """Return the users active now, one row each: `user_id`, `campaign` (its key, or missing),
    `is_holdout` and `risk` (predicted probability of churn, missing where no score may be used).

    Without `is_list_used` (a check strikes the scores, or there are none) none is chosen by score.
    A behaviour makes a campaign only where such users churned more often after the test snapshot.
    The holdout is that of `scored`; without scores it is drawn here in the same way.
    """
    now = snapshots["split"] == "score"
    ids = snapshots.loc[now, "user_id"]
    known = scored.set_index("user_id")
    held = known["is_holdout"] if len(known) else _drawn(ids, holdout_share, seed)
    risk = known["proba_churn"] if is_list_used else known["proba_churn"].head(0)
    table = pd.DataFrame(
        {"user_id": ids, "campaign": None, "is_holdout": ids.map(held).fillna(False).astype(bool),
         "risk": ids.map(risk).astype(float)}
    ).astype({"campaign": "str"})  # fmt: skip
    listed = known.index[known["recommended_action"] != "none"]
    chosen = {BY_SCORE: ids.isin(listed) & is_list_used}
    chosen |= {
        key: mask[now]
        for key, mask in behaviours(snapshots, lookback).items()
        if _direction(compare_audience(snapshots, mask)) == ""
    }
    for key, mask in chosen.items():
        table.loc[table["campaign"].isna() & mask, "campaign"] = key
    return table.reset_index(drop=True)


def _drawn(ids: pd.Series, share: float, seed: int) -> "pd.Series[bool]":
    return assign_holdout(ids, share, seed).set_axis(ids)


def _direction(compared: Facts | None) -> str | None:
    """Return what follows the key of an action: nothing where its audience churns more often, and
    None where that is not known.
    """
    if compared is None:
        return None
    if compared["gap_low"] > 0:
        return ""
    return "_leave_less" if compared["gap_high"] < 0 else "_no_difference"


def by_score(scored: pd.DataFrame, campaigns: pd.DataFrame, economics: Economics) -> Action:
    """Return the action on the list by score, or why nobody is on it."""
    part = scored.merge(campaigns[campaigns["campaign"] == BY_SCORE][["user_id"]], on="user_id")
    proba = part.loc[~part["is_holdout"], "proba_churn"].to_numpy(dtype=float)
    held = len(part) - len(proba)
    facts = {"held": held, "limit": break_even(economics), "lowest": scored["threshold_used"].max()}
    if len(proba):
        return BY_SCORE, {
            **facts, "size": len(part), "leavers": float(proba.sum()),
            "saved_share": economics.saved_share,
            "saved": float(proba.sum()) * economics.saved_share,
            "rate": float(part["proba_churn"].mean()), "proba": proba,
        }  # fmt: skip
    reach = int((scored["proba_churn"] >= facts["limit"]).sum())
    empty = {**facts, "size": 0, "reach": reach}
    if held:
        return "all_held_out", empty
    return ("capacity_admits_nobody" if reach else "nobody_worth_contact"), empty


def by_behaviour(snapshots: pd.DataFrame, campaigns: pd.DataFrame, lookback: int) -> list[Action]:
    """Return the actions on users who were inactive, or clicked without a play; or that such users
    churn no more often than others.
    """
    now = set(campaigns["user_id"])
    actions = []
    for key, mask in behaviours(snapshots, lookback).items():
        compared = compare_audience(snapshots, mask)
        current = set(snapshots.loc[mask & (snapshots["split"] == "score"), "user_id"]) & now
        if compared is None or not current:
            continue
        name, part = f"{key}{_direction(compared)}", campaigns[campaigns["campaign"] == key]
        risk = part["risk"].dropna()
        facts = {**compared, "since": lookback // 2, "size": len(current)}
        if name == key:
            contacted = part.loc[~part["is_holdout"], "risk"].fillna(compared["rate"])
            facts |= {"size": len(part), "held": int(part["is_holdout"].sum()),
                      "elsewhere": len(current) - len(part), "proba": contacted.to_numpy(float),
                      "risk": float(risk.mean()) if len(risk) else None}  # fmt: skip
        if facts["size"]:
            actions.append((name, facts))
    return actions


def by_group(
    differences: pd.DataFrame, users: pd.DataFrame, active: pd.Series, churn_rate: float
) -> list[Action]:
    """Return the action on the groups that churn at another rate than the rest, which are those
    that the summary names, with how many of the `active` users (user_id) are in one of them; or
    that there are none. `churn_rate` is that of all test users.
    """
    tested = differences[differences["p_value"].notna()]
    real = named_groups(differences)
    if tested.empty or (real.empty and distinct(differences)["is_different"].any()):
        return []
    if real.empty:
        detectable = smallest_seen(tested, churn_rate, len(distinct(differences)))
        facts: Facts = {"compared": len(distinct(differences)), "detectable": detectable}
        return [("not_by_group", {"size": None, **facts})]
    people = users[users["user_id"].isin(active)]
    inside = pd.Series(False, index=people.index)
    for column, group in zip(real["column"], real["group"], strict=True):
        inside |= people[column].astype("str") == str(group) if column in people else False
    names = [
        f"{say(column.replace('_', ' '))} {group} ({format_value(gap, 'points', signed=True)})"
        for column, group, gap in real[["column", "group", "difference"]].itertuples(index=False)
    ]
    return [("by_group", {"size": int(inside.sum()), "names": names, "groups": len(names)})]


def newcomers(
    metrics: Mapping[str, Any],
    users: pd.DataFrame,
    log_end: pd.Timestamp,
    horizon: int,
    elsewhere: pd.Series,
) -> Facts | None:
    """Return the facts of the action on newcomers, or None when their return is not known; those
    who are in another campaign (user_id) are counted in `elsewhere`. Half of them are left alone.
    """
    back = metrics["retention_d7"]
    if back["value"] is None:
        return None
    recent = users["signup_date"].between(
        log_end - pd.Timedelta(days=horizon), log_end, inclusive="left"
    )
    is_free = ~users["user_id"].isin(elsewhere)
    size = int((recent & is_free).sum())
    return {"size": size, "held": size // 2, "elsewhere": int((recent & ~is_free).sum()),
            "rate": back["value"], "gap_low": back["ci_low"],
            "gap_high": back["ci_high"], "horizon": horizon}  # fmt: skip


def on_data(judged: pd.DataFrame) -> list[Action]:
    """Return the action on checks of the data that fail (`judged`: see judged.describe_checks)."""
    failing = judged[(judged["status"] == "fail") & (judged["stage"] == "03_audit")]
    return (
        [("fix_data", {"titles": failing["title"].tolist(), "size": None})] if len(failing) else []
    )
