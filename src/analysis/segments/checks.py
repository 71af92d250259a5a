"""Checks of the segments: do groups exist, and do they say anything about what came later?"""

import pandas as pd

from analysis.contract.checks import Status, Verdict, not_applicable
from analysis.segments.clusters import ClusterVerdict


def run(selection: pd.DataFrame, verdict: ClusterVerdict, later: pd.DataFrame) -> list[Verdict]:
    """Return the verdicts on the stage 08_segmentation."""
    return [clusters_exist("clusters_exist", selection, verdict, verdict.exists),
            segments_separate(later)]  # fmt: skip


def clusters_exist(
    check: str, selection: pd.DataFrame, verdict: ClusterVerdict, is_claimed: bool
) -> Verdict:
    """Judge a claim of clusters: silhouette and stability above every null, k paid for.

    Where nothing is claimed the check passes, and tells what was found.
    """
    row = selection.set_index("k").loc[verdict.k]
    limit = max(float(row[name]) for name in row.index if name.endswith("_max_p95"))
    facts = {"k": int(verdict.k), "exists": bool(verdict.exists), "claimed": bool(is_claimed),
             "stability": float(verdict.stability), "null": limit}  # fmt: skip
    status: Status = "fail" if is_claimed and not verdict.exists else "pass"
    return Verdict(check, status, float(verdict.silhouette), limit=limit, facts=facts)


def segments_separate(later: pd.DataFrame) -> Verdict:
    """Judge whether users of different segments left at different rates afterwards."""
    overall = later[later["comparison"] == "all_groups"]
    if overall.empty:
        return not_applicable("segments_separate", "fewer than two segments are large enough")
    row = overall.iloc[0]
    shown = later[(later["comparison"] != "all_groups") & ~later["is_withheld"]]
    facts = {"p": float(row["p_value"]), "segments": len(shown),
             "lowest": float(shown["rate"].min()),
             "highest": float(shown["rate"].max())}  # fmt: skip
    status: Status = "pass" if row["p_value"] < 0.05 else "warn"
    return Verdict("segments_separate", status, float(row["effect_size"]), limit=0.05,
                   n=int(row["users"]), facts=facts)  # fmt: skip
