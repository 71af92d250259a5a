"""Checks of the snapshots: is the label about leaving, and does the split follow time?"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.score_metrics import roc_auc
from analysis.base.statistics import wilson
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.contract.inputs import USERS, names
from analysis.log.churn import Windows
from analysis.model.features import KEYS, feature_columns

MEANS_SILENT, MEANS_NOTHING = 0.3, 0.75
"""Share of silent users who come back in the next horizon: many, and three quarters."""
FEWER, FAR_FEWER = 1.5, 3.0
"""Ratio of the users at risk when trained and when scored: a change, and another population."""
LAST = 6
"""Training snapshots, the newest ones, with which later ones are compared."""
BY_CALENDAR = 0.9
"""ROC AUC of the signup date alone from which the label is a matter of the calendar."""
BEYOND_RECENCY = 0.05
"""ROC AUC by which a single column may at most beat the time since the last event."""
NAMES_USERS = 0.3
"""Distinct values of a text per user from which it names users rather than groups of them."""
PURE_STAYERS, PURE_LEAVERS, PART = 0.1, 0.85, 0.6
"""Part of the rate of all below which a level of a column tells who stayed; share of leavers, and
part of the way from the rate of all to 1, above which it tells who left."""
ENOUGH, MOST_LEVELS = 20, 50
"""Users whom such a level must hold, and values a column may have to be read as levels."""
TWENTIETHS = 20
"""Groups of equal size into which numbers are cut to look for what has no direction."""
SHIFT, SHIFT_FAILS = 0.25, 0.5
"""Population stability index that is a shift (a usual limit), and a different population."""
RATE_SHIFT, RATE_SHIFT_FAILS = 0.05, 0.15
"""Change of the churn rate, beyond chance, that makes probabilities wrong by as much."""


def run(
    table: pd.DataFrame, users: pd.DataFrame, back: pd.DataFrame, windows: Windows
) -> list[Verdict]:
    """Return the verdicts on `table` (features.snapshots); `back` from churn.reactivation."""
    return [
        label_means(back),
        label_calendar(table),
        leakage_columns(table, users),
        split_in_time(table, windows),
        drift(table),
        base_rate_drift(table),
        population_drift(table),
    ]


def label_means(back: pd.DataFrame) -> Verdict:
    """Judge how often the label is contradicted later: users called churned who came back."""
    row = back.iloc[0]
    if not row["silent"]:
        return not_applicable("label_means", "the log is shorter than three horizons")
    facts = {"silent": int(row["silent"]), "returned": int(row["returned"])}
    status = grade(float(row["ci_low"]), MEANS_SILENT, MEANS_NOTHING)
    return Verdict(
        "label_means", status, float(row["rate"]), float(row["ci_low"]), float(row["ci_high"]),
        MEANS_SILENT, int(row["silent"]), facts,
    )  # fmt: skip


def alone(values: "pd.Series[Any]", churned: "pd.Series[float]") -> float:
    """Return the ROC AUC (0.5 to 1) of one column by itself, in whichever way it tells most.

    Numbers count as they are, in either direction, and cut into twentieths, for a code or a
    middle that stands out has no direction; missing ones are a group of their own, for what is
    missing may tell. Groups and texts count by the churn rate of each value, left-one-out, so
    that a column of identifiers predicts nothing.
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


def auc_error(auc: float, churned: "pd.Series[float]") -> float:
    """Return the standard error of a ROC AUC. Source: Hanley and McNeil (1982)."""
    ones = float((churned == 1).sum())
    zeros = len(churned) - ones
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2)
    return float(np.sqrt(max(spread, 0.0) / max(ones * zeros, 1.0)))


def label_calendar(table: pd.DataFrame) -> Verdict:
    """Judge whether the signup date alone gives the label away, within one snapshot."""
    test = table[table["split"] == "test"]
    auc = alone(test["tenure_days"], test["churned"])
    error = auc_error(auc, test["churned"])
    status: Status = "fail" if auc - 1.96 * error > BY_CALENDAR else "pass"
    return Verdict("label_calendar", status, auc, auc - 1.96 * error, min(1.0, auc + 1.96 * error),
                   BY_CALENDAR, len(test), {"users": len(test)})  # fmt: skip


def leakage_columns(table: pd.DataFrame, users: pd.DataFrame) -> Verdict:
    """Judge the columns that came with the users and that no contract describes.

    One that predicts the label of the test snapshot better by itself than the time since
    the last event does must have seen the outcome, and so must one that is given, missing or
    of one value for leavers alone, or for stayers alone; one with a value for nearly every user
    identifies them. A leak fails when the model uses it and warns when it does not.
    """
    extra = [c for c in users.columns if c not in names(USERS)]
    if not extra:
        return Verdict(
            "leakage_columns", "pass", 0.0, n=0, facts={"columns": 0, "suspicions": "none"}
        )
    test = table[table["split"] == "test"]
    known = test[["user_id", "churned", "recency_days"]].merge(
        users[["user_id", *extra]], on="user_id"
    )
    recency = alone(known["recency_days"], known["churned"])
    bounds = _pure_beyond(known["recency_days"], known["churned"])
    found: list[tuple[str, float, str]] = []
    for name in extra:
        values = _as_numbers(known[name])
        if why := _tells_outcome(values, known, *bounds):
            found.append((name, alone(values, known["churned"]), why))
        elif not pd.api.types.is_numeric_dtype(values) and users[
            name
        ].nunique() >= NAMES_USERS * len(users):
            found.append((name, alone(values, known["churned"]), "names single users"))
    used = [name for name, _, _ in found if name in table.columns]
    status: Status = "fail" if used else ("warn" if found else "pass")
    worst = max((auc for _, auc, _ in found), default=0.5)
    told = "; ".join(f"{name} {why} (AUC {auc:.2f})" for name, auc, why in found) or "none"
    facts = {"columns": len(extra), "suspicions": told, "recency": recency, "used": used}
    return Verdict(
        "leakage_columns", status, worst, limit=recency + BEYOND_RECENCY, n=len(known), facts=facts
    )


def groups_known(table: pd.DataFrame, users: pd.DataFrame, columns: Sequence[str]) -> Verdict:
    """Judge whether what users are compared by (`columns` of `users`) was known before they left.

    A group of the test snapshot's leavers alone, such as a plan of `cancelled`, was written
    afterwards: it is the outcome by another name. A group of stayers alone, or a column that
    predicts the outcome better than the time since the last event does, may have been.
    """
    if not len(columns):
        return not_applicable("groups_known", "no column to compare groups by is given")
    test = table[table["split"] == "test"]
    known = test[["user_id", "churned", "recency_days"]].merge(
        users[["user_id", *columns]], on="user_id", suffixes=("", "_given")
    )
    below, above = _pure_beyond(known["recency_days"], known["churned"])
    told: list[str] = []
    status: Status = "pass"
    for name in columns:
        values = _as_numbers(known[name])
        if level := _pure_level(values, known["churned"], 0.0, above):
            told.append(f"{name} is {level} for leavers alone")
            status = "fail"
        elif why := _tells_outcome(values, known, below, above):
            told.append(f"{name} {why}")
            status = "warn" if status == "pass" else status
    facts = {"columns": len(columns), "suspicions": "; ".join(told) or "none"}
    return Verdict("groups_known", status, float(len(told)), limit=0.0, n=len(known), facts=facts)


def _tells_outcome(
    values: "pd.Series[Any]", known: pd.DataFrame, below: float, above: float
) -> str:
    """Return why a column must have seen the outcome of `known`, or an empty text."""
    churned = known["churned"]
    auc, recency = alone(values, churned), alone(known["recency_days"], churned)
    gain = auc - recency
    if gain > BEYOND_RECENCY and gain > 3 * auc_error(recency, churned):
        return "predicts the outcome"
    level = _pure_level(values, churned, below, above)
    return f"gives the outcome away where it is {level}" if level else ""


def _pure_beyond(recency: "pd.Series[float]", churned: "pd.Series[float]") -> tuple[float, float]:
    """Return the share of leavers below which, and above which, a level tells who left: far from
    the rate of all, and purer than any twentieth of the time since the last event (its interval).
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
    """Return a level of the column (a value, `given` or `missing`) with leavers alone or stayers
    alone, by the 95 % Wilson interval of its churn rate; an empty text without one.
    """
    told = values.astype("object").where(values.notna(), "missing")
    if values.nunique() > MOST_LEVELS or pd.api.types.is_float_dtype(values):
        told = told.where(values.isna(), "given")
    frames = [told, pd.Series(np.where(values.notna(), "given", "missing"), values.index)]
    for levels in frames:
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


def split_in_time(table: pd.DataFrame, windows: Windows) -> Verdict:
    """Judge whether train, calibration and test share an outcome day or a user's snapshot."""
    spans = table.groupby("split")["snapshot_at"].agg(["min", "max"])
    starts, ends = spans["min"], spans["max"] + windows.step
    order = [s for s in ("train", "calibrate", "test", "score") if s in spans.index]
    shared = sum(
        int(ends[earlier] > starts[later] + pd.Timedelta(days=windows.gap))
        for earlier, later in pairwise(order)
    )
    repeated = int(table.duplicated(["user_id", "snapshot_at"]).sum())
    train = set(table.loc[table["split"] == "train", "user_id"])
    test = table.loc[table["split"] == "test", "user_id"]
    facts = {"overlaps": shared, "repeated": repeated, "test_users": len(test),
             "also_trained": int(test.isin(train).sum())}  # fmt: skip
    status: Status = "fail" if shared or repeated else "pass"
    return Verdict(
        "split_in_time", status, float(shared + repeated), limit=0.0, n=len(table), facts=facts
    )


def stability_index(before: "pd.Series[Any]", after: "pd.Series[Any]", bins: int = 5) -> float:
    """Return the population stability index between two samples, less what chance gives it.

    Sum over bins of (q - p) ln(q / p), less its expectation when nothing has changed,
    (bins - 1)(1/n + 1/m). Source: Yurdakul and Naranjo (2020).
    """
    if pd.api.types.is_numeric_dtype(before):
        edges = np.unique(before.quantile(np.linspace(0, 1, bins + 1)[1:-1]).dropna())
        first, second = (np.searchsorted(edges, s.dropna(), side="left") for s in (before, after))
        cells = np.arange(len(edges) + 1)
    else:
        values = before.fillna("?").value_counts().index[: 2 * bins]
        first, second = (values.get_indexer(pd.Index(s.fillna("?"))) for s in (before, after))
        cells = np.arange(-1, len(values))
    if not len(first) or not len(second):
        return 0.0
    p, q = (np.array([(s == c).sum() + 0.5 for c in cells]) / (len(s) + 0.5 * len(cells))
            for s in (first, second))  # fmt: skip
    chance = (len(cells) - 1) * (1 / len(first) + 1 / len(second))
    return float(((q - p) * np.log(q / p)).sum() - chance)


def drift(table: pd.DataFrame) -> Verdict:
    """Judge whether the users to be scored still look like those the model was trained on: a
    feature's stability index is beyond the limit, and beyond what it is between the training
    snapshots themselves.
    """
    numeric, categorical = feature_columns(table)
    train, scored = table[table["split"] == "train"], table[table["split"] == "score"]
    if len(scored) < 30:
        return not_applicable("drift", "fewer than 30 users are scored")
    looked = [c for c in (*numeric, *categorical) if c not in ("tenure_days", *KEYS)]
    index = {name: stability_index(train[name], scored[name]) for name in looked}
    usual = {name: _usual_shift(train, name) for name in looked}
    shifted = sorted(n for n, value in index.items() if value >= max(SHIFT, usual[n]))
    worst = max(shifted or looked, key=lambda name: index[name])
    facts = {"feature": worst, "shifted": ", ".join(shifted) or "none", "features": len(looked),
             "usual": usual[worst]}  # fmt: skip
    status: Status = grade(index[worst], SHIFT, SHIFT_FAILS) if shifted else "pass"
    return Verdict("drift", status, index[worst], limit=SHIFT, n=len(scored), facts=facts)


def _usual_shift(train: pd.DataFrame, name: str) -> float:
    """Return the largest shift of a feature between one training snapshot and the others: a
    weekly rhythm or a season moves it without making the model wrong.
    """
    instants = train["snapshot_at"].unique()
    if len(instants) < 2:
        return 0.0
    parts = [(train["snapshot_at"] == at) for at in instants]
    return max(stability_index(train.loc[~own, name], train.loc[own, name]) for own in parts)


def _last_trained(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last training snapshots: years before, a product was another one."""
    train = table[table["split"] == "train"]
    return train[train["snapshot_at"].isin(train["snapshot_at"].drop_duplicates().nlargest(LAST))]


def base_rate_drift(table: pd.DataFrame) -> Verdict:
    """Judge whether the churn rate of the test snapshot is still that of the last training ones."""
    rates = {}
    parts = {"train": _last_trained(table), "test": table[table["split"] == "test"]}
    for split, part in parts.items():
        churned = part["churned"]
        lows, highs = wilson(pd.Series([churned.sum()]), pd.Series([len(churned)]))
        rates[split] = (float(churned.mean()), float(lows[0]), float(highs[0]), len(churned))
    train, test = rates["train"], rates["test"]
    change = test[0] - train[0]
    beyond = max(0.0, test[1] - train[2], train[1] - test[2])
    low, high = test[1] - train[2], test[2] - train[1]
    facts = {"train": train[0], "test": test[0], "users": test[3]}
    status = grade(beyond, RATE_SHIFT, RATE_SHIFT_FAILS)
    return Verdict("base_rate_drift", status, change, low, high, RATE_SHIFT, test[3], facts)


def population_drift(table: pd.DataFrame) -> Verdict:
    """Judge whether as many users are at risk at the snapshot that is scored as at the last of
    those that trained the model, on average: a log that fades looks like users who leave. What
    chance explains (three standard errors of the ratio of two counts) is no change.
    """
    sizes = table.groupby(["snapshot_at", "split"]).size().reset_index(name="users")
    trained = _last_trained(table).groupby("snapshot_at").size()
    scored = int(sizes.loc[sizes["split"] == "score", "users"].sum())
    before = float(trained.mean())
    if not (before >= 1 and scored >= 1):
        return not_applicable("population_drift", "nobody is at risk at one of them")
    ratio = max(before, scored) / min(before, scored)
    test = int(sizes.loc[sizes["split"] == "test", "users"].sum())
    facts = {"before": before, "test": test, "scored": scored}
    is_sure = np.log(ratio) > 3 * (1 / before + 1 / scored) ** 0.5
    status = grade(ratio, FEWER, FAR_FEWER) if is_sure else "pass"
    if scored > before and status == "fail":
        status = "warn"  # a product may grow so fast; a log that lost most users is no product
    return Verdict("population_drift", status, ratio, limit=FEWER, n=scored, facts=facts)
