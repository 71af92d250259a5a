import pandas as pd

from analysis.base.statistics import wilson


def test_the_wilson_interval_is_that_of_the_literature():
    # Newcombe (1998, Statistics in Medicine 17), table I, method 3
    part, whole = pd.Series([81, 15, 0, 1, 0]), pd.Series([263, 148, 20, 29, 0])
    low, high = wilson(part, whole)
    assert low.round(4).tolist()[:4] == [0.2553, 0.0624, 0.0, 0.0061]
    assert high.round(4).tolist()[:4] == [0.3662, 0.1605, 0.1611, 0.1718]
    assert low[4:].isna().all()
    assert high[4:].isna().all()
