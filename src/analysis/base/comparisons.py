"""Do groups of users differ? Every rate with its interval, every test with its company.

Looking at many groups finds differences by chance. All comparisons that a report makes are
therefore corrected together (Benjamini & Hochberg 1995): see adjust_together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import MonteCarloMethod, chi2_contingency, fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportion_effectsize,
)

from analysis.base.errors import ReportError
from analysis.base.formats import is_too_few

COLUMNS = [
    "column",
    "comparison",
    "group",
    "users",
    "outcomes",
    "rate",
    "ci_low",
    "ci_high",
    "difference",
    "difference_ci_low",
    "difference_ci_high",
    "p_value",
    "effect_measure",
    "effect_size",
    "is_withheld",
    "is_repeated",
]


def compare_groups(
    frame: pd.DataFrame,
    outcome: str,
    columns: Sequence[str],
    min_group: int = 30,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return, for every categorical column, whether the rate of `outcome` differs by group.

    One row per column (`comparison` = `all_groups`: chi-square test that all rates are equal, on
    simulated tables when a cell is expected below 5; `effect_size` = Cramer's V, 0 to 1, 0.1 is
    small) and one per group (`group_against_rest`: chi-square without continuity correction,
    Fisher's exact test when a cell is expected below 5; `effect_size` = Cohen's h, 0.2 is small).

    Columns: `users`; `outcomes` (users with the outcome); `rate` (0 to 1), `ci_low`, `ci_high`
    (95 % Wilson); `difference` to all other users of the groups shown, `difference_ci_low`,
    `difference_ci_high` (95 % Newcombe 1998, method 10); `p_value`; `q_value` (after Benjamini
    & Hochberg over all tests); `is_different` (q_value < `alpha`); `is_withheld` (fewer than
    `min_group` users: values blank, and left out of every comparison); `is_repeated` (a group of
    a column that shows two: its test is that of the column, repeated, and counts once in the
    correction; see distinct). Rows with a missing outcome or group are left out. Raises
    ReportError when a user appears twice: repeated rows are not independent.
    """
    if "user_id" in frame and frame["user_id"].duplicated().any():
        raise ReportError(
            f"group comparison: user_id is not unique ({int(frame['user_id'].duplicated().sum())} "
            "repeated). "
            "Compare one row per user, such as one snapshot."
        )
    known = frame[frame[outcome].notna()]
    tables = [_compare_column(known, outcome, column, min_group) for column in columns]
    empty = pd.DataFrame(columns=COLUMNS)
    return adjust_together(tables or [empty], alpha)


def adjust_together(tables: Sequence[pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """Return the tables as one, with `q_value` and `is_different` over all their p-values.

    The share of false differences among those called so is held below `alpha` (Benjamini &
    Hochberg 1995, valid for tests that are independent or positively related). Rows without a
    p-value get none; rows that repeat a column's test get its value.
    """
    table = pd.concat(tables, ignore_index=True)
    table["q_value"] = np.nan
    tests = distinct(table)
    if len(tests):
        adjusted = multipletests(tests["p_value"].astype(float), method="fdr_bh")[1]
        table.loc[tests.index, "q_value"] = adjusted
    repeated = table["is_repeated"].astype(bool)
    table.loc[repeated, "q_value"] = table["q_value"].ffill()[repeated]
    table["is_different"] = table["q_value"] < alpha
    return table


def distinct(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a separate test: those with a p-value that repeat no other."""
    is_separate = differences["p_value"].notna() & ~differences["is_repeated"].astype(bool)
    return differences[is_separate]


def named_groups(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the groups that differ from the rest, the largest difference first; of two
    groups that are each other's rest, the one that has the outcome more often.
    """
    against = differences[differences["comparison"] == "group_against_rest"]
    mirrored = against["is_repeated"].astype(bool) & (against["difference"] < 0)
    real = against[against["is_different"].fillna(False).astype(bool) & ~mirrored]
    order = real["difference"].abs().sort_values(ascending=False, kind="stable").index
    return real.loc[order]


def _compare_column(frame: pd.DataFrame, outcome: str, column: str, min_group: int) -> pd.DataFrame:
    counts = frame.groupby(column, observed=True)[outcome].agg(users="size", outcomes="sum")
    shown = counts[~is_too_few(counts["users"], min_group)]
    rows = [_all_groups(column, shown)] if len(shown) > 1 else []
    for group, (users, outcomes) in counts.iterrows():
        is_shown, is_alone = not is_too_few(users, min_group), len(shown) < 2
        row: dict[str, Any] = {"column": column, "comparison": "group_against_rest"}
        row |= {"group": str(group), "users": int(users), "is_withheld": not is_shown}
        row["is_repeated"] = bool(is_shown) and len(shown) == 2
        if is_shown:
            row |= _rate(outcomes, users)
        if is_shown and not is_alone:
            row |= _against_rest(outcomes, users, *shown.sum()[["outcomes", "users"]])
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rate(outcomes: float, users: float) -> dict[str, Any]:
    low, high = proportion_confint(outcomes, users, method="wilson")
    return {"outcomes": outcomes, "rate": outcomes / users, "ci_low": low, "ci_high": high}


def _all_groups(column: str, shown: pd.DataFrame) -> dict[str, Any]:
    cells = np.column_stack([shown["outcomes"], shown["users"] - shown["outcomes"]]).astype(int)
    users = int(cells.sum())
    row = {"column": column, "comparison": "all_groups", "users": users}
    row |= {"is_withheld": False, "is_repeated": False}
    row |= _rate(int(cells[:, 0].sum()), users)
    if not cells.sum(axis=0).all():
        return row | {"effect_measure": "cramers_v", "effect_size": 0.0, "p_value": 1.0}
    result = chi2_contingency(cells, correction=False)
    p_value = result.pvalue
    if result.expected_freq.min() < 5 and len(cells) > 2:
        simulated = MonteCarloMethod(n_resamples=9999, rng=np.random.default_rng(0))
        p_value = chi2_contingency(cells, correction=False, method=simulated).pvalue
    elif result.expected_freq.min() < 5:
        p_value = fisher_exact(cells).pvalue
    strength = float(np.sqrt(result.statistic / users))
    return row | {"effect_measure": "cramers_v", "effect_size": strength, "p_value": p_value}


def _against_rest(
    outcomes: float, users: float, all_outcomes: float, all_users: float
) -> dict[str, Any]:
    others, rest = all_outcomes - outcomes, all_users - users
    low, high = confint_proportions_2indep(
        outcomes, users, others, rest, method="newcomb", compare="diff"
    )
    return {
        "difference": outcomes / users - others / rest,
        "difference_ci_low": low,
        "difference_ci_high": high,
        "p_value": _two_by_two(np.array([[outcomes, users - outcomes], [others, rest - others]])),
        "effect_measure": "cohens_h",
        "effect_size": float(proportion_effectsize(outcomes / users, others / rest)),
    }


def _two_by_two(cells: Any) -> float:
    if not cells.sum(axis=0).all():
        return 1.0
    result = chi2_contingency(cells, correction=False)
    if result.expected_freq.min() < 5:
        return float(fisher_exact(cells.astype(int)).pvalue)
    return float(result.pvalue)


def with_columns(rows: pd.DataFrame, users: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return `user_id` and `churned` of `rows` with the `columns` of their users."""
    return rows[["user_id", "churned"]].merge(users[["user_id", *columns]], on="user_id")


def overall(differences: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column: do any of its groups differ?"""
    rows = differences[differences["comparison"] == "all_groups"].reset_index(drop=True)
    answered = rows.assign(is_different=rows["is_different"].map({True: "yes", False: "no"}))
    return answered[["column", "users", "effect_size", "p_value", "q_value", "is_different"]]


def against_rest(differences: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group: its rate, and its difference to all others."""
    rows = differences[differences["comparison"] != "all_groups"].reset_index(drop=True)
    answer = rows["is_different"].map({True: "yes", False: "no"})
    answered = rows.assign(is_different=answer.mask(rows["is_withheld"].astype(bool), "too few"))
    return answered[[
        "column", "group", "users", "rate", "ci_low", "ci_high", "difference",
        "difference_ci_low", "difference_ci_high", "q_value", "is_different",
    ]]  # fmt: skip
