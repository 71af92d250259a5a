"""Leaks: columns that know the outcome, by themselves, as groups, or inside the model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.score_metrics import TOO_GOOD, WORTH_ALL, auc_error, roc_auc
from analysis.base.statistics import wilson
from analysis.base.table_file import Rows
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import USERS, names
from analysis.log.afterwards import written_after
from analysis.log.churn import last_outcomes
from analysis.model.candidates import source_columns
from analysis.model.evaluation import TOO_FEW, count_rarer, on_metrics, too_few_outcomes
from analysis.model.importance import feature_importance, removals

BEYOND_RECENCY = 0.05
"""ROC AUC by which a single column may at most beat the time since the last event."""
NAMES_USERS = 0.3
"""Distinct values of a text per user from which it identifies users rather than groups."""
PURE_STAYERS, PURE_LEAVERS, PART = 0.1, 0.85, 0.6
"""Share of the overall churn rate below which a value marks stayers; churn rate, and part of the
way from the overall rate to 1, above which it marks leavers."""
ENOUGH, MOST_LEVELS = 20, 50
"""Users who must have such a value, and distinct values up to which a column is read by value."""
TWENTIETHS = 20
"""Groups of equal size into which numbers are cut, to find patterns without a direction."""
HARMS = -0.02
"""ROC AUC lost without a column (below 0: gained) from which that column harms later scores."""
WORTH_REMOVING = 0.02
"""Change of ROC AUC when a column is shuffled from which the model is fitted without it."""
CARRIES = 0.05
"""ROC AUC that the model may at most owe to an attribute that is fixed and beats silence."""
Suspicion = dict[str, Any]
"""Why a column is suspicious: `column`, `reason` (a code), and `level` (a value of it) or `auc`."""


def single_column_auc(values: "pd.Series[Any]", churned: "pd.Series[float]") -> float:
    """Return the ROC AUC (0.5 to 1) of one column by itself, read in the way that predicts best.

    Numbers are taken as they are, in either direction, and also cut into twentieths, since a code
    or a middle range that stands out has no direction; missing numbers are a group of their own.
    Groups and texts are scored by the churn rate of each value, leaving the user out, so that a
    column of identifiers predicts nothing.
    """
    y = np.asarray(churned, dtype=np.float64)
    if len(np.unique(y)) < 2:
        return 0.5
    if not pd.api.types.is_numeric_dtype(values):
        return _auc_of_groups(values.fillna("?").astype(str), y)
    numbers = values.astype(float)
    x = np.asarray(numbers.fillna(numbers.median()), dtype=np.float64)
    auc = 0.5 if len(np.unique(x)) < 2 else float(roc_auc(y, x)[0])
    groups = numbers
    if numbers.nunique() > TWENTIETHS:
        groups = pd.qcut(numbers, TWENTIETHS, labels=False, duplicates="drop")
    codes = pd.Series(pd.factorize(groups)[0])  # -1 where missing
    return max(auc, 1 - auc, _auc_of_groups(codes, y))


def _auc_of_groups(groups: "pd.Series[Any]", y: np.ndarray) -> float:
    by = pd.DataFrame({"value": groups.to_numpy(), "y": y}).groupby("value")["y"]
    n, total = by.transform("size").to_numpy(), by.transform("sum").to_numpy()
    x = (total - y + y.mean()) / n
    return float(roc_auc(y, x)[0]) if len(np.unique(x)) > 1 else 0.5


@check(stage="04_features", strikes=("ranking", "scores"))
def leakage_columns(snapshots: Rows, users: pd.DataFrame) -> Verdict:
    """Judge the columns that came with the users and that no contract describes.

    A column has seen the outcome if it predicts the label of the test snapshot better by itself
    than the time since the last event does, or if it is given, missing or of one value for leavers
    alone or for stayers alone, or if its name or a value says that the user has left (see
    written_after; so judged are the contract's columns, too, if the model uses them). A text with
    a value for nearly every user identifies them. A leak fails when the model uses the column and
    warns when it does not.

    `suspicions` give as `reason`: `predicts`, `level`, `by_name`, `by_value` or `identifies`.
    """
    extra = [
        c for c in users.columns if c not in names(USERS) or _is_used_status(c, snapshots, users)
    ]
    if not extra:
        facts: dict[str, Any] = {"columns": 0, "suspicions": []}
        return Verdict("leakage_columns", "pass", 0.0, n=0, facts=facts)
    needed = ["split", "user_id", "churned", "recency_days"]
    known = _with_columns(last_outcomes(snapshots[needed]), users, extra)
    recency = single_column_auc(known["recency_days"], known["churned"])
    bounds = _pure_beyond(known["recency_days"], known["churned"])
    suspicions = [
        suspicion for name in extra if (suspicion := _suspect_column(name, known, users, bounds))
    ]
    reason = too_few_outcomes(known["churned"])
    if reason and not suspicions:
        return not_applicable("leakage_columns", reason)
    used = [s["column"] for s in suspicions if s["column"] in snapshots.columns]
    status: Status = "fail" if used else ("warn" if suspicions else "pass")
    worst = max((s["auc"] for s in suspicions), default=0.5)
    facts = {"columns": len(extra), "suspicions": suspicions, "recency": recency, "used": used}
    return Verdict(
        "leakage_columns", status, worst, limit=recency + BEYOND_RECENCY, n=len(known), facts=facts
    )


def _is_used_status(name: str, snapshots: Rows, users: pd.DataFrame) -> bool:
    is_used = name in snapshots.columns and name not in ("user_id", "signup_date")
    return is_used and bool(written_after(name, users[name])[0])


def _with_columns(test: pd.DataFrame, users: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the outcome and the silence of the `test` snapshot with `columns` of the users."""
    return test[["user_id", "churned", "recency_days"]].merge(
        users[["user_id", *columns]], on="user_id", suffixes=("", "_given")
    )


def _suspect_column(
    name: str, known: pd.DataFrame, users: pd.DataFrame, bounds: tuple[float, float]
) -> Suspicion | None:
    values = _as_numbers(known[name])
    reason, level = _why_suspicious(values, known, *bounds)
    is_text = not pd.api.types.is_numeric_dtype(values)
    if not reason:
        reason, level = written_after(name, users[name])
    if not reason and is_text and users[name].nunique() >= NAMES_USERS * len(users):
        reason = "identifies"
    if not reason:
        return None
    auc = single_column_auc(values, known["churned"])
    return {"column": name, "reason": reason, "level": level, "auc": auc}


@check(stage="07_scoring", strikes=("groups",))
def groups_known(
    snapshots: pd.DataFrame, users: pd.DataFrame, asked_columns: Sequence[str]
) -> Verdict:
    """Judge whether the columns by which users are to be compared were known before users left.

    A column whose name or a value of which says that the user has left was written afterwards (see
    written_after) and is not compared. Of the others: a value that only leavers of the test
    snapshot have was written afterwards, too: it is the outcome by another name. A value that only
    stayers have, or a column that predicts the outcome better than the time since the last event
    does, may have been.

    `suspicions` give as `reason`: `by_name`, `by_value`, `leavers_only`, `level` or `predicts`.
    """
    if not len(asked_columns):
        return not_applicable("groups_known", "no column to compare groups by is given")
    known = _with_columns(last_outcomes(snapshots), users, asked_columns)
    bounds = _pure_beyond(known["recency_days"], known["churned"])
    why = {name: _why_not_known(name, known, users, bounds) for name in asked_columns}
    suspicions: list[Suspicion] = [
        {"column": name, "reason": reason, "level": level}
        for name, (reason, level) in why.items()
        if reason
    ]
    why_not = too_few_outcomes(known["churned"])
    if why_not and not suspicions:
        return not_applicable("groups_known", why_not)
    is_certain = any(s["reason"] == "leavers_only" for s in suspicions)
    status: Status = "fail" if is_certain else ("warn" if suspicions else "pass")
    facts = {"columns": len(asked_columns), "suspicions": suspicions}
    return Verdict(
        "groups_known", status, float(len(suspicions)), limit=0.0, n=len(known), facts=facts
    )


def _why_not_known(
    name: str, known: pd.DataFrame, users: pd.DataFrame, bounds: tuple[float, float]
) -> tuple[str, str]:
    """Return why a column to compare groups by was not known before users left, with the value."""
    reason, level = written_after(name, users[name])
    if reason:
        return reason, level
    values, (below, above) = _as_numbers(known[name]), bounds
    level = _pure_level(values, known["churned"], 0.0, above)
    return ("leavers_only", level) if level else _why_suspicious(values, known, below, above)


def _why_suspicious(
    values: "pd.Series[Any]", known: pd.DataFrame, below: float, above: float
) -> tuple[str, str]:
    """Return why a column must have seen the outcome of `known`: the reason (`predicts`, `level`
    or an empty text) and the value of the column that gives the outcome away.
    """
    churned = known["churned"]
    auc = single_column_auc(values, churned)
    recency = single_column_auc(known["recency_days"], churned)
    gain = auc - recency
    if gain > BEYOND_RECENCY and gain > 3 * auc_error(recency, churned):
        return "predicts", ""
    level = _pure_level(values, churned, below, above)
    return ("level", level) if level else ("", "")


def _pure_beyond(recency: "pd.Series[float]", churned: "pd.Series[float]") -> tuple[float, float]:
    """Return the churn rates below and above which a value of a column gives the outcome away: far
    from the overall rate, and beyond the interval of every twentieth of the silence.
    """
    groups = pd.qcut(recency, TWENTIETHS, labels=False, duplicates="drop")
    counted = churned.groupby(groups).agg(["sum", "size"])
    low, high = wilson(counted["sum"], counted["size"])
    rate = float(churned.mean())
    above = max(PURE_LEAVERS, rate + PART * (1 - rate), float(np.max(low)))
    return min(PURE_STAYERS * rate, float(np.min(high))), above


def _pure_level(
    values: "pd.Series[Any]", churned: "pd.Series[float]", below: float, above: float
) -> str:
    """Return a value of the column, or `given` or `missing`, that only leavers or only stayers
    have, by the 95 % Wilson interval of its churn rate; an empty text if there is none.
    """
    values_as_levels = values.astype("object").where(values.notna(), "missing")
    if values.nunique() > MOST_LEVELS or pd.api.types.is_float_dtype(values):
        values_as_levels = values_as_levels.where(values.isna(), "given")
    is_given = pd.Series(np.where(values.notna(), "given", "missing"), values.index)
    for levels in (values_as_levels, is_given):
        counted = churned.groupby(levels.astype(str)).agg(["sum", "size"])
        counted = counted[(counted["size"] >= ENOUGH) & (counted["size"] < len(churned))]
        low, high = wilson(counted["sum"], counted["size"])
        pure = counted.index[(np.asarray(low) > above) | (np.asarray(high) < below)]
        if len(pure):
            return str(pure[0])
    return ""


def _as_numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return dates as days; anything else as it is."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    if values.notna().any() and (dates.notna() == values.notna()).mean() > 0.99:
        days = (dates - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
        return days.astype("float64")
    return values


@check(stage="06_model", strikes=("ranking", "scores"))
@on_metrics
def leakage(
    measured: pd.DataFrame,
    snapshots: pd.DataFrame,
    churn_model: Any,
    feature_importance: pd.DataFrame,
) -> Verdict:
    """Judge every source column of the model, together with all columns made from it.

    A leak shows in one of four ways (`reason` of the `suspicions`): the column alone separates the
    outcome almost fully, in an early snapshot or in the test (`separates`; where silence does so
    too, a column that changes as silence does must beat it); it never changes for a user and yet
    predicts leaving better than silence does (`fixed`); the score collapses when the
    model is fitted without it, on the later snapshot or within it (`carries`); or the score on the
    later snapshot rises without it, because what it revealed in training no longer holds
    (`harms`). The model is fitted again without each column that is suspicious by itself or that
    matters when shuffled, in the test or in the first training snapshot.
    """
    single_aucs = _single_column_aucs(snapshots, churn_model)
    fixed = _fixed_and_telling(snapshots, single_aucs)
    suspicions = _suspect_by_itself(single_aucs, fixed, snapshots)
    separates = any(s["reason"] == "separates" for s in suspicions)
    matter = _columns_that_matter(snapshots, churn_model, feature_importance)
    removed = list(dict.fromkeys([*fixed, *matter]))
    for name, change in removals(churn_model, snapshots, removed).items():
        suspicions += _suspect_removal(name, change, CARRIES if name in fixed else WORTH_ALL)
    carries = any(s["reason"] == "carries" for s in suspicions)
    status: Status = "fail" if separates or carries else ("warn" if suspicions else "pass")
    best = max(single_aucs, key=lambda name: single_aucs[name])
    facts = {"suspicions": suspicions, "best": best, "best_auc": single_aucs[best],
             "model_auc": float(measured["value"].loc["roc_auc"]), "columns": len(single_aucs),
             "removed": len(removed)}  # fmt: skip
    return Verdict(
        "leakage", status, single_aucs[best], limit=TOO_GOOD, n=len(snapshots), facts=facts
    )


def _single_column_aucs(snapshots: pd.DataFrame, model: Any) -> dict[str, float]:
    """Return the largest AUC of each source column alone, in the first and the last snapshot."""
    parts = _with_outcome(snapshots)
    judged = [part for part in (parts[0], parts[-1]) if count_rarer(part["churned"]) >= TOO_FEW]
    numeric, categorical = source_columns(model)
    return {
        name: max((single_column_auc(part[name], part["churned"]) for part in judged), default=0.5)
        for name in (*numeric, *categorical)
    }


def _with_outcome(snapshots: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each snapshot whose outcome is known, oldest first."""
    known = snapshots[snapshots["churned"].notna()]
    return [part for _, part in known.groupby("snapshot_at")]


def _more_than_silence(snapshots: pd.DataFrame, single_aucs: dict[str, float]) -> float:
    """Return the AUC above which a column tells more than silence does, beyond chance."""
    silence = single_aucs.get("recency_days", 0.5)
    return silence + 3 * auc_error(silence, _with_outcome(snapshots)[-1]["churned"])


def _fixed_and_telling(snapshots: pd.DataFrame, single_aucs: dict[str, float]) -> list[str]:
    """Return the columns that never change for a user and yet beat silence."""
    least = single_aucs.get("recency_days", 0.5) + BEYOND_RECENCY
    limit = max(least, _more_than_silence(snapshots, single_aucs))
    return [
        name for name, auc in single_aucs.items() if auc > limit and _never_changes(snapshots, name)
    ]


def _columns_that_matter(
    snapshots: pd.DataFrame, model: Any, importance: pd.DataFrame
) -> list[str]:
    """Return the columns, but silence, whose shuffling changes the AUC, in training or the test."""
    first = _with_outcome(snapshots)[0]
    in_training = feature_importance(model, first, seed=0, repeats=1)
    drops = pd.concat([importance, in_training]).groupby("feature")["auc_drop"].agg(["min", "max"])
    matters = drops.index[(drops["max"] > WORTH_REMOVING) | (drops["min"] < -WORTH_REMOVING)]
    return [name for name in map(str, matters) if name != "recency_days"]


def _suspect_by_itself(
    single_aucs: dict[str, float], fixed: list[str], snapshots: pd.DataFrame
) -> list[Suspicion]:
    """Return the columns that are suspicious by themselves. Silence is made from the log alone and
    may predict everything; what changes with it may predict as much.
    """
    limit = _more_than_silence(snapshots, single_aucs)
    separating = [
        name
        for name, auc in single_aucs.items()
        if auc > TOO_GOOD and (auc > limit or not _changes(snapshots, name))
    ]
    return [
        {"column": name, "reason": "separates" if name in separating else "fixed", "auc": auc}
        for name, auc in single_aucs.items()
        if name != "recency_days" and (name in separating or name in fixed)
    ]


def _suspect_removal(name: str, change: pd.DataFrame, limit: float) -> list[Suspicion]:
    """Return what is suspicious of the AUC of the model fitted without the column."""
    lost = change[change["ci_low"] > limit]
    harm = change[(change["where"] == "later") & (change["ci_high"] < HARMS)]
    if len(lost):
        return [{"column": name, "reason": "carries", "auc": float(lost["auc_drop"].max())}]
    if len(harm):
        return [{"column": name, "reason": "harms", "auc": -float(harm["auc_drop"].min())}]
    return []


def _never_changes(snapshots: pd.DataFrame, name: str) -> bool:
    """Say whether a column has one value per user, over users seen at several snapshots."""
    values = snapshots.groupby("user_id")[name].agg(["nunique", "size"])
    again = values[values["size"] > 1]
    return bool(len(again) and (again["nunique"] <= 1).all())


def _changes(snapshots: pd.DataFrame, name: str) -> bool:
    """Say whether a column has several values of one user."""
    return bool((snapshots.groupby("user_id")[name].nunique() > 1).any())
