"""The checks of the chapter segments at their limits."""

import numpy as np
import pandas as pd
import pytest

from analysis.contract.checks import Verdict
from analysis.segments import clusters, nulls, tiers
from tests.checking import Case


def clustered(exists: bool, claimed: bool, users: int = 100) -> Verdict:
    """Judge users whose segments are said to be clusters, or not."""
    selection = pd.DataFrame({"k": [2], "silhouette": 0.35, "stability": 0.9})
    for name in nulls.NULLS:
        selection[f"null_{name}_max_p95"] = 0.3 if exists else 0.4
    for name in nulls.SHAPELESS:
        selection[f"stability_null_{name}_p95"] = 0.8
    return clusters.clusters_exist(selection, pd.DataFrame({"is_cluster": [claimed] * users}))


def later(p_value: float, groups: int = 2) -> Verdict:
    """Judge tiers whose churn differs with a p-value."""
    row = {"p_value": p_value, "effect_size": 0.2, "users": 100, "is_withheld": False}
    row["is_repeated"] = False
    rows = [{**row, "comparison": "all_groups", "rate": np.nan}]
    rows += [{**row, "comparison": "group_vs_rest", "rate": 0.1 * n} for n in (1, 2)]
    return tiers.segments_separate(pd.DataFrame(rows if groups > 1 else rows[1:]))


CASES = [
    Case("clusters_exist", "pass", lambda: clustered(exists=False, claimed=False)),
    Case("clusters_exist", "pass", lambda: clustered(exists=True, claimed=True)),
    Case("clusters_exist", "fail", lambda: clustered(exists=False, claimed=True)),
    Case("clusters_exist", "not_applicable", lambda: clustered(False, claimed=False, users=99)),
    Case("clusters_exist", "fail", lambda: clustered(False, claimed=True, users=99)),
    Case("clusters_exist", "pass", lambda: clustered(True, claimed=True, users=99)),
    Case("segments_separate", "pass", lambda: later(0.049)),
    Case("segments_separate", "warn", lambda: later(0.05)),
    Case("segments_separate", "not_applicable", lambda: later(0.01, groups=1)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_gives_its_verdict(case: Case) -> None:
    case.hold()
