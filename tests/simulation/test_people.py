"""Users stay as long as their stated hazards say."""

import numpy as np
import pytest

from simulation.company import SHARES
from tests.simulation.companies import make, observe_lifetimes


def test_hazard_is_the_product_of_the_stated_contributions() -> None:
    clean = make()
    parts = clean.user_truth.filter(like="log_hazard_")
    expected = clean.truth["hazard"]["baseline_per_day"] * np.exp(parts.sum(axis=1))
    np.testing.assert_allclose(clean.user_truth["hazard_per_day"], expected)
    for attribute, ratios in clean.truth["hazard"]["log_hazard_ratios"].items():
        stated = clean.users[attribute].map(ratios).fillna(0.0)
        np.testing.assert_allclose(parts[f"log_hazard_{attribute}"], stated)
    assert parts["log_hazard_frailty"].std() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * 5000))


@pytest.mark.parametrize("attribute", [*SHARES])
def test_as_many_users_end_as_their_hazards_say(attribute: str) -> None:
    """Ends minus the sum of hazard x exposure is a martingale: its variance is that sum."""
    by_level = observe_lifetimes(make()).groupby(attribute)[["ended", "expected"]].sum()
    z = (by_level["ended"] - by_level["expected"]) / np.sqrt(by_level["expected"])
    assert (z.abs() < 4).all(), z


@pytest.mark.parametrize("attribute", ["gender", "country", "language"])
def test_null_attributes_have_no_effect(attribute: str) -> None:
    clean = make()
    assert attribute in clean.truth["hazard"]["null_attributes"]
    hazards = observe_lifetimes(clean).groupby(attribute)["log_hazard"]
    z = (hazards.mean() - np.log(clean.user_truth["hazard_per_day"]).mean()) / hazards.sem()
    assert (z.abs() < 4).all(), z


def test_attributes_that_matter_differ_by_what_is_stated() -> None:
    hazards = observe_lifetimes(make()).groupby("device")["log_hazard"].agg(["mean", "sem"])
    ratio = hazards["mean"]["iOS"] - hazards["mean"]["Android"]
    assert ratio == pytest.approx(-0.25, abs=4 * np.hypot(*hazards["sem"]))
