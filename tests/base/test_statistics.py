import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.contingency_tables import Table

from analysis.base.statistics import difference_of, trend_of_shares, wilson


def test_the_wilson_interval_is_that_of_the_literature():
    # Newcombe (1998, Statistics in Medicine 17), table I, method 3
    part, whole = pd.Series([81, 15, 0, 1, 0]), pd.Series([263, 148, 20, 29, 0])
    low, high = wilson(part, whole)
    assert low.round(4).tolist()[:4] == [0.2553, 0.0624, 0.0, 0.0061]
    assert high.round(4).tolist()[:4] == [0.3662, 0.1605, 0.1611, 0.1718]
    assert low[4:].isna().all()
    assert high[4:].isna().all()


@pytest.mark.parametrize(
    ("counts", "difference", "low", "high"),
    [((56, 70, 48, 80), 0.2, 0.0524, 0.3339), ((5, 56, 0, 29), 0.0893, -0.0381, 0.1926)],
)
def test_the_interval_of_a_difference_is_that_of_the_literature(counts, difference, low, high):
    # Newcombe (1998, Statistics in Medicine 17: 873), table II, method 10
    assert difference_of(*counts) == pytest.approx((difference, low, high), abs=5e-5)


def test_without_scatter_the_trend_is_that_of_cochran_and_armitage():
    parts, wholes = np.array([400, 430, 470, 480]), np.array([1000, 1010, 1020, 990])
    found = trend_of_shares(parts, wholes, range(4))
    assert found.scatter == 0
    error = (found.high - found.slope) / t.ppf(0.975, 2)
    table = Table(np.column_stack([parts, wholes - parts]))
    theirs = table.test_ordinal_association(col_scores=np.array([1, 0]))
    assert found.slope / error == pytest.approx(theirs.zscore, rel=0.002)


def test_the_line_by_hand():
    # 40, 50 and 60 of 100: exactly on a line, so that only chance in the users is left
    found = trend_of_shares([40, 50, 60], [100, 100, 100], [0, 1, 2])
    width = 12.7062 * np.sqrt(0.5 * 0.5 / 100 / 2)  # t of one degree of freedom; sum of squares 2
    assert found.slope == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((0.1 - width, 0.1 + width), abs=1e-4)


def test_scatter_widens_the_interval_as_separate_code_has_it():
    parts, wholes = np.array([900, 1150, 820, 1200, 1000, 1400]), np.full(6, 2000)
    found = trend_of_shares(parts, wholes, range(6))
    shares, x = parts / 2000, np.arange(6) - 2.5
    slope = (x * shares).sum() / (x * x).sum()  # weights are equal
    left = shares - shares.mean() - slope * x
    spread = (left @ left) / 4  # of a share around the line: chance and scatter together
    pooled = (parts.sum() + 2) / (wholes.sum() + 4)
    assert found.slope == pytest.approx(slope)
    assert found.scatter**2 == pytest.approx(spread - pooled * (1 - pooled) / 2000)
    width = t.ppf(0.975, 4) * np.sqrt(spread / (x @ x))
    assert (found.low, found.high) == pytest.approx((slope - width, slope + width))


def test_two_shares_have_no_trend():
    with pytest.raises(ValueError, match="needs 3 shares, not 2"):
        trend_of_shares([1, 2], [9, 9], [0, 1])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 900)), min_size=3, max_size=9))
def test_the_reverse_of_shares_has_the_reverse_trend(counts):
    parts, wholes = zip(*counts, strict=True)
    one = trend_of_shares(parts, wholes, range(len(parts)))
    back = trend_of_shares(parts[::-1], wholes[::-1], range(len(parts)))
    assert (one.slope, one.low, one.high) == pytest.approx(
        (-back.slope, -back.high, -back.low), abs=1e-6
    )
