"""What to do: audience, size, expected effect with its grade, and the test that would prove it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.base import comparisons as groups
from analysis.model import decisions
from analysis.model.decisions import Economics
from analysis.texts import fill

Facts = dict[str, Any]

MOST_WAVES = 12
"""An experiment that takes more horizons than this is not one that will be run."""
NOT_TESTED = ("no_difference", "leave_less", "by_group")
"""Ends of the keys of actions that contact nobody, and so need no test."""
COLUMNS = [
    "action",
    "audience",
    "size",
    "trigger",
    "expected_effect",
    "grade",
    "test",
    "checks",
    "metrics",
]


def compare_audience(snapshots: pd.DataFrame, mask: "pd.Series[bool]") -> Facts | None:
    """Return how users in `mask` left after the test snapshot, beside the others: `rate`, `rest`,
    `gap_low`, `gap_high` (95 % Newcombe); None when either side has fewer than 30 users.
    """
    test = snapshots["split"] == "test"
    inside = snapshots.loc[test & mask, "churned"]
    others = snapshots.loc[test & ~mask, "churned"]
    if min(len(inside), len(others)) < 30:
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
) -> list[tuple[str, Facts]]:
    """Return each action's key in book/actions.yml with its facts: `size` and what is told.

    A user is in the audience of one campaign only, the first that holds them, and nobody of the
    holdout is in any: two campaigns on one user would tell nothing of either. Without
    `is_list_used` (a check strikes the scores) the list by score holds nobody, and nothing is
    said by the model.
    `scored` has a row for each row of `snapshots` of the split `score`.
    """
    common = {"lookback": lookback, "horizon": horizon, "threshold": scored["threshold_used"].max()}
    now = snapshots["split"] == "score"
    found = [_by_score(scored, economics, common)]
    risk = snapshots.loc[now, "user_id"].map(scored.set_index("user_id")["proba_churn"])
    free = now & ~snapshots["user_id"].isin(taken(scored, is_list_used))
    since = lookback // 2
    kinds: list[tuple[str, pd.Series[bool], Facts]] = [
        ("remind_silent", snapshots["recency_days"] >= since, {"since": since}),
        ("failed_intent", _failed(snapshots), {}),
    ]
    for key, mask, more in kinds:
        seen = compare_audience(snapshots, mask)
        if seen is None:
            continue
        name, own = key + _direction(seen), mask & now
        size = int(own.sum())
        if name == key:
            own &= free
            free &= ~own
            more = {**more, "elsewhere": size - int(own.sum())}
            size = int(own.sum())
            if is_list_used:
                more["risk"] = float(risk[own].mean())
        if size:
            found.append((name, {**common, **more, **seen, "size": size}))
    churned = snapshots.loc[snapshots["split"] == "test", "churned"]
    return found + _by_group(differences, {**common, "overall": float(churned.mean())})


def taken(scored: pd.DataFrame, is_list_used: bool) -> "pd.Series[Any]":
    """Return the `user_id` of whom no further campaign may touch: the list by score and the whole
    holdout, unless a check strikes the scores.
    """
    is_taken = (scored["recommended_action"] != "none") | scored["is_holdout"]
    return scored.loc[is_taken & is_list_used, "user_id"]


def _direction(seen: Facts) -> str:
    """Return what follows the key of an action: nothing where its audience leaves more often."""
    if seen["gap_low"] > 0:
        return ""
    return "_leave_less" if seen["gap_high"] < 0 else "_no_difference"


def _failed(snapshots: pd.DataFrame) -> "pd.Series[bool]":
    if "failed_intents" not in snapshots:
        return pd.Series(False, index=snapshots.index)
    return snapshots["failed_intents"] > 0


def _by_score(scored: pd.DataFrame, economics: Economics, common: Facts) -> tuple[str, Facts]:
    listed = scored[scored["recommended_action"] == "contact"]
    held = int((scored["recommended_action"] == "hold_out").sum())
    if listed.empty:
        limit = decisions.break_even(economics)
        reach = int((scored["proba_churn"] >= limit).sum())
        facts = {**common, "size": 0, "held": held, "reach": reach, "limit": limit}
        if held:
            return "all_held_out", facts
        return ("capacity_admits_nobody" if reach else "nobody_worth_contact"), facts
    proba = listed["proba_churn"].to_numpy(dtype=float)
    leavers, saved = float(proba.sum()), economics.saved_share

    def earned(share: float) -> float:
        return float(decisions.gain_of(proba, replace(economics, saved_share=share)).sum())

    return "contact_at_risk", {
        **common, "size": len(listed), "held": held, "flagged": len(listed) + held,
        "leavers": leavers, "saved_share": saved, "saved": leavers * saved,
        "rate": float(proba.mean()), "profit": earned(saved), "half": saved / 2,
        "profit_half": earned(saved / 2), "twice": min(2 * saved, 1.0),
        "profit_twice": earned(min(2 * saved, 1.0)),
        "pays_from": -earned(0.0) / (earned(1.0) - earned(0.0)),
    }  # fmt: skip


def _by_group(differences: pd.DataFrame, common: Facts) -> list[tuple[str, Facts]]:
    rows = differences[differences["column"].isin(["country", "device"])]
    tested = rows[rows["p_value"].notna()]
    if tested.empty:
        return []
    real = tested[tested["is_different"] & (tested["comparison"] != "all_groups")]
    if real.empty:
        tests = len(groups.distinct(differences))
        seen = decisions.smallest_seen(tested, common["overall"], tests)
        facts = {"size": None, "compared": len(groups.distinct(rows)), "detectable": seen}
        return [("not_by_group", {**common, **facts})]
    largest: Any = real["difference"].idxmax()
    worst = real.loc[largest]
    facts = {
        "column": worst["column"], "group": worst["group"], "size": int(worst["users"]),
        "rate": float(worst["rate"]), "difference": float(worst["difference"]),
        "gap_low": float(worst["difference_ci_low"]),
        "gap_high": float(worst["difference_ci_high"]),
        "q": float(worst["q_value"]),
    }  # fmt: skip
    return [("by_group", {**common, **facts})]


def newcomers(
    metrics: Mapping[str, Any],
    users: pd.DataFrame,
    log_end: pd.Timestamp,
    horizon: int,
    elsewhere: "pd.Series[Any]",
) -> Facts | None:
    """Return the facts of the action on newcomers, or None when their return is not known; those
    of whom no further campaign may touch are counted apart.
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
    found: Sequence[tuple[str, Facts]],
    texts: Mapping[str, Any],
    saved_share: float,
    control_share: float,
    horizon: int,
) -> pd.DataFrame:
    """Return the actions as readers see them, one row each, in order: columns of COLUMNS."""
    rows = []
    for key, facts in found:
        text = texts["actions"][key]
        told = {
            name: fill(text[name], _with_points(facts))
            for name in ("action", "audience", "trigger", "expected_effect")
        }
        if facts.get("elsewhere"):
            told["audience"] += fill(texts["more"]["elsewhere"], facts)
        if "risk" in facts:
            told["expected_effect"] += " " + fill(texts["more"]["risk"], facts)
        test = _test(key, facts, texts["test"], saved_share, control_share, horizon)
        rows.append({**told, "size": facts.get("size"), "grade": text["grade"], "test": test,
                     "checks": text["checks"], "metrics": text["metrics"]})  # fmt: skip
    result = pd.DataFrame(rows, columns=COLUMNS)
    return result.astype({"size": "Int64"})


def _with_points(facts: Facts) -> Facts:
    """Return the facts, differences between shares also in percentage points."""
    differences = {"gap_low", "gap_high", "difference", "detectable", "expected"} & {*facts}
    points = {n: None if facts[n] is None else 100 * facts[n] for n in differences}
    return {**facts, **{f"{name}_points": value for name, value in points.items()}}


def _test(
    key: str,
    facts: Facts,
    texts: Mapping[str, str],
    saved_share: float,
    control_share: float,
    horizon: int,
) -> str:
    """Return the test that would prove the action: with the control share that is set, or with
    half of the audience where that one would take more than MOST_WAVES.
    """
    size, rate = facts.get("flagged", facts.get("size")), facts.get("risk", facts.get("rate"))
    if not size or rate is None or key.endswith(NOT_TESTED):
        return ""
    is_first = key == "first_week"
    churn = 1 - rate if is_first else rate
    outcome = "who is not back within 7 days" if is_first else f"churn after {horizon} days"
    if not (0 < churn < 1 and 0 < saved_share < 1):
        return ""
    usual = facts["held"] / size if facts.get("held") else control_share
    for share in (0.5,) if is_first or not usual else (usual, 0.5):
        plan = decisions.test_plan(size, churn, saved_share, share, horizon_days=horizon)
        told = _with_points({
            "size": size, "control": plan.control, "control_share": share, "outcome": outcome,
            "detectable": plan.detectable_difference, "expected": plan.expected_difference,
            "saved_share": saved_share, "needed": plan.needed_users, "waves": plan.waves,
            "duration": plan.duration_days,
        })  # fmt: skip
        how = (
            " " + fill(texts["how_half"], told)
            if key == "contact_at_risk" and share != usual
            else ""
        )
        if plan.is_measurable:
            return fill(texts["measurable"], told) + how
        if plan.waves <= MOST_WAVES and not pd.isna(plan.detectable_difference):
            return fill(texts["waves"], told) + how
    return fill(texts["impossible"], told)


def others(
    metrics: Mapping[str, Any],
    users: pd.DataFrame,
    log_end: pd.Timestamp,
    horizon: int,
    judged: pd.DataFrame,
    elsewhere: "pd.Series[Any]",
) -> list[tuple[str, Facts]]:
    """Return the actions on newcomers and on the data, where there is cause; `elsewhere` from
    taken.
    """
    found: list[tuple[str, Facts]] = []
    fresh = newcomers(metrics, users, log_end, horizon, elsewhere)
    if fresh and fresh["size"]:
        found.append(("first_week", fresh))
    failing = judged[(judged["status"] == "fail") & (judged["stage"] == "03_audit")]
    if len(failing):
        titles = "; ".join(f"not so: {title}" for title in failing["title"])
        found.append(("mend_data", {"count": len(failing), "titles": titles, "size": None}))
    return found
