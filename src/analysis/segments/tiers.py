"""Tiers by recency and frequency: cut by rule, without a claim that groups exist."""

import numpy as np
import pandas as pd

from analysis.base.comparisons import compare_groups
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.churn import last_outcomes

RECENCY, FREQUENCY = "recency_days", "active_days"
"""The columns that the book's tiers are cut by."""
SIGNIFICANT = 0.05


def band_limits(frame: pd.DataFrame, recency: str, frequency: str) -> pd.DataFrame:
    """Return the limits that tiers_of uses, one row per band.

    Columns: `feature`, `band`, `above` (the limit itself is left out), `at_most` (itself
    included); in the feature's unit, blank where there is no limit. Recency and frequency are cut
    at the thirds of the users (at the value of a user): `active`, `fading`, `silent`;
    `frequent`, `regular`, `occasional`.
    """
    low, high = (_third(frame[recency], place) for place in (1, 2))
    few, many = (_third(frame[frequency], place) for place in (1, 2))
    blank = float("nan")
    rows: list[tuple[str, str, float, float]] = [
        (recency, "active", blank, low),
        (recency, "fading", low, high),
        (recency, "silent", high, blank),
        (frequency, "occasional", blank, few),
        (frequency, "regular", few, many),
        (frequency, "frequent", many, blank),
    ]
    return pd.DataFrame(rows, columns=["feature", "band", "above", "at_most"]).astype(
        {"above": float, "at_most": float}
    )


def _third(values: "pd.Series[float]", place: int) -> float:
    return float(values.quantile(place / 3, interpolation="lower"))


def tiers_of(frame: pd.DataFrame, recency: str, frequency: str) -> pd.DataFrame:
    """Return each user's tier by recency and frequency, cut by rule.

    On the index of `frame`. Columns: `recency_band`, `frequency_band`, and `tier`, both joined, as
    in `active_frequent`. A user is in the band whose limits in band_limits hold: above < value <=
    at_most. Blank where the value is missing.
    """
    rules = band_limits(frame, recency, frequency)
    columns = {"recency_band": recency, "frequency_band": frequency}
    table = pd.DataFrame({name: _band(frame[c], rules) for name, c in columns.items()})
    return table.assign(tier=table["recency_band"] + "_" + table["frequency_band"])


def _band(values: "pd.Series[float]", rules: pd.DataFrame) -> "pd.Series[str]":
    band = pd.Series(None, index=values.index, dtype="str")
    bands = rules[rules["feature"] == values.name]
    floors, ceilings = bands["above"].fillna(-np.inf), bands["at_most"].fillna(np.inf)
    for name, above, at_most in zip(bands["band"], floors, ceilings, strict=True):
        band = band.mask((values > above) & (values <= at_most), name)
    return band


def book_tiers(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return the tier of each row of the features, `unknown` where a value is missing."""
    return tiers_of(rows, RECENCY, FREQUENCY)["tier"].fillna("unknown")


def tier_limits(users: pd.DataFrame, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return the limits of the tiers (see band_limits), and `as_of`: those of users with any event
    over the whole log (`end_of_log`), and those of later_churn (`test_snapshot`). One without users
    is left out.
    """
    parts = {
        "end_of_log": users[users["event_count"] > 0],
        "test_snapshot": snapshots[snapshots["split"] == "test"],
    }
    tables = [
        band_limits(part, RECENCY, FREQUENCY).assign(as_of=n)
        for n, part in parts.items()
        if len(part)
    ]
    return pd.concat(tables, ignore_index=True)


def later_churn(snapshots: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """Return, for the tiers as of the test snapshot, the share that churned after it.

    The tiers are cut anew by the rules of tiers_of on what was known at that snapshot, so
    the outcome lies after the segment. Columns as in comparisons.compare_groups. Raises Unavailable
    where no churn was measured.
    """
    test = last_outcomes(snapshots).reset_index(drop=True)
    return compare_groups(test.assign(segment=book_tiers(test)), "churned", ["segment"], min_group)


@check(stage="08_segmentation")
def segments_separate(later_churn: pd.DataFrame) -> Verdict:
    """Judge whether users of different tiers churned at different rates afterwards."""
    overall = later_churn[later_churn["comparison"] == "all_groups"]
    if overall.empty:
        return not_applicable("segments_separate", "fewer than two segments are large enough")
    row = overall.iloc[0]
    is_shown = (later_churn["comparison"] != "all_groups") & ~later_churn["is_withheld"]
    rates = later_churn.loc[is_shown, "rate"]
    facts = {"p": float(row["p_value"]), "segments": len(rates),
             "lowest": float(rates.min()), "highest": float(rates.max())}  # fmt: skip
    status: Status = "pass" if row["p_value"] < SIGNIFICANT else "warn"
    return Verdict("segments_separate", status, float(row["effect_size"]), limit=SIGNIFICANT,
                   n=int(row["users"]), facts=facts)  # fmt: skip
