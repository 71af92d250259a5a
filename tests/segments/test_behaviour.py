import numpy as np
import pandas as pd
import pytest

from analysis.segments.behaviour import comparable


def test_scales_are_comparable():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "share": rng.random(500),
            "money": np.exp(rng.normal(3, 2, 500)),
            "missing": np.where(rng.random(500) < 0.2, np.nan, rng.normal(size=500)),
            "constant": 1.0,
        }
    )
    before = frame.copy()
    scaled = comparable(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(scaled) == ["share", "money", "missing"]
    assert scaled.notna().all().all()
    assert scaled.mean().abs().max() < 0.05
    assert scaled.std().tolist() == pytest.approx([1, 1, 1], abs=0.05)
    # 0.5 less the mean over the standard deviation: a column without skew stays as it is
    by_hand = (frame["share"] - frame["share"].mean()) / frame["share"].std()
    assert scaled["share"].tolist() == pytest.approx(by_hand.tolist())
    logged = np.log1p(frame["money"])
    assert scaled["money"].corr(logged) > 0.999
