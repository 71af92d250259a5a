"""The users: signups, attributes, the hazard of churn, and habits."""

import numpy as np
import pandas as pd

from analysis.base.errors import ReportError
from simulation.cancellations import draw_cancellations
from simulation.company import (
    GROUP_CENTRES,
    LOG_HAZARD_SD,
    MAX_LIFETIME_DAYS,
    PACKS,
    PAYER_SHARES,
    RATE_HAZARD_CORRELATION,
    SHARES,
    SHOWS,
)
from simulation.events import P_CLICK, P_EXIT, P_PAUSE, P_SECOND_CLICK, P_SPEND
from simulation.plan import Plan
from simulation.text import uuid_array
from simulation.times import (
    DAY,
    DRIFT_DAYS,
    FIRST_SIGNUP_AT,
    LOG_END,
    LOG_START,
    RECENT_DAYS,
    Array,
    unix,
)


def draw_people(plan: Plan) -> pd.DataFrame:
    """Return one row per user: attributes, traits, contributions to the log hazard, rates."""
    people = _draw_attributes(plan, plan.apply("signups", _draw_signups(plan)))
    people = people.join(_add_up_hazard(plan, people))
    lifetime = plan.stream("lifetime").exponential(1.0, plan.users) / people["hazard_per_day"]
    people["lifetime_days"] = lifetime.clip(upper=MAX_LIFETIME_DAYS)
    people["cancel_at"] = draw_cancellations(plan, people["signup"].to_numpy())
    until = (people["cancel_at"] - people["signup"]) / DAY
    people["lifetime_days"] = people["lifetime_days"].clip(upper=until)
    people = people.join(_draw_habits(plan, people))
    people["session_rate_per_day"] = plan.apply("rates", _calibrate_rates(plan, people), people)
    return people


def _draw_signups(plan: Plan) -> Array:
    """Return signup instants: few in early 2024, then at the rate that keeps volume steady."""
    rng, company = plan.stream("signup"), plan.company
    eased = pd.Timestamp("2024-09-01", tz="UTC")
    recent = LOG_END - pd.Timedelta(days=RECENT_DAYS)
    edges = [(FIRST_SIGNUP_AT, eased), (eased, LOG_START), (LOG_START, LOG_END), (recent, LOG_END)]
    share, extra = company.share_before_log, company.share_of_recent
    usual = np.array([share - 0.5 * (1 - share), 0.5 * (1 - share), 1 - share])
    period = np.searchsorted(np.cumsum([*usual * (1 - extra), extra]), rng.random(plan.users))
    bounds = np.array([[unix(a), unix(b)] for a, b in edges])[np.minimum(period, 3)]
    span = bounds[:, 1] - bounds[:, 0]
    drawn: Array = bounds[:, 0] + np.floor(rng.random(plan.users) * span).astype(np.int64)
    return drawn


def _draw_attributes(plan: Plan, signup: Array) -> pd.DataFrame:
    n, rng = plan.users, plan.stream("attributes")
    people = pd.DataFrame({"signup": signup})
    people["user_id"] = uuid_array(plan.stream("user_id"), n).to_pylist()
    for column, shares in SHARES.items():
        people[column] = rng.choice(list(shares), n, p=list(shares.values()))
    people["age"] = np.clip(np.rint(rng.normal(30, 7, n)), 18, 75).astype(np.int64)
    newer = rng.integers(0, 3, n)
    people["os_version"] = np.where(people["device"] == "iOS", 15, 12) + newer
    minor, patch = rng.integers(8, 15, n).astype(str), rng.integers(0, 5, n).astype(str)
    people["app_version"] = pd.Series(minor).radd("1.") + "." + pd.Series(patch)
    moved = rng.random(n) < plan.company.drift_to_tiktok
    moved &= signup >= unix(LOG_END) - DRIFT_DAYS * DAY
    people.loc[moved, "acquisition_channel"] = "tiktok"
    return people


def _add_up_hazard(plan: Plan, people: pd.DataFrame) -> pd.DataFrame:
    """Return the traits, each contribution to the log hazard, and the hazard per day."""
    company, rng = plan.company, plan.stream("traits")
    table = pd.DataFrame(index=people.index)
    for attribute, levels in company.effects.items():
        table[f"log_hazard_{attribute}"] = people[attribute].map(levels).fillna(0.0).astype(float)
    for trait, effect in company.trait_effects.items():
        table[trait] = rng.normal(size=plan.users)
        table[f"log_hazard_{trait}"] = effect * table[trait]
    table["log_hazard_frailty"] = company.frailty_sd * rng.normal(size=plan.users)
    log_ratio = table.filter(like="log_hazard_").sum(axis=1)
    hazard = plan.apply("hazards", company.baseline_hazard * np.exp(log_ratio), people)
    return table.assign(log_ratio=log_ratio, hazard_per_day=hazard)


def _draw_habits(plan: Plan, people: pd.DataFrame) -> pd.DataFrame:
    """Return what shapes a user's sessions: relative rate, episode chains, watch time, credits."""
    n, rng, apart = plan.users, plan.stream("behaviour"), plan.company.group_separation
    group = rng.integers(0, 3, n) * (apart > 0)
    centre = apart * GROUP_CENTRES[group]
    spread = 1.0 - 0.85 * apart
    rho = RATE_HAZARD_CORRELATION
    tempo = rho * people["log_ratio"] / LOG_HAZARD_SD + np.sqrt(1 - rho**2) * rng.normal(size=n)
    payer = rng.random(n) < people["subscription_type"].map(PAYER_SHARES)
    table = pd.DataFrame(index=people.index)
    table["group"] = group
    table["relative_rate"] = np.exp(plan.company.rate_sd * spread * tempo + centre[:, 0])
    table["p_next"] = _logistic(0.3 + 0.8 * spread * people["binge"] + centre[:, 1])
    table["p_fail"] = _logistic(-1.8 + 0.7 * spread * people["friction"])
    table["watch"] = np.exp(0.25 * spread * rng.normal(size=n) + centre[:, 2])
    table["p_exit"] = P_EXIT + centre[:, 3]
    return table.assign(
        is_payer=payer, pack=rng.choice(PACKS, n), favourite=rng.integers(0, len(SHOWS), n)
    )


def _logistic(x: pd.Series) -> pd.Series:
    share: pd.Series = 1.0 / (1.0 + np.exp(-x))
    return share


def _calibrate_rates(plan: Plan, people: pd.DataFrame) -> pd.Series:
    """Return sessions per day such that the expected number of events is the requested one.

    It uses hazards and signups, not the lifetimes drawn: rates stay independent of them.
    """
    mu, signup = people["hazard_per_day"], people["signup"]
    before = ((unix(LOG_START) - signup) / DAY).clip(lower=0.0)
    covered = (unix(LOG_END) - signup.clip(lower=unix(LOG_START))) / DAY
    alive_days = np.exp(-mu * before) * -np.expm1(-mu * covered) / mu
    per_session = _expect_events_per_session(people)
    first = per_session[signup >= unix(LOG_START)].sum()
    per_unit = (per_session * people["relative_rate"] * alive_days).sum()
    scale = (plan.users * plan.events_per_user - first) / per_unit
    if scale <= 0:
        raise ReportError(
            f"simulate: {plan.events_per_user} events per user are fewer than the first sessions "
            f"bring ({first / plan.users:.1f}). Request more."
        )
    rates: pd.Series = people["relative_rate"] * scale
    return rates


def _expect_events_per_session(people: pd.DataFrame) -> pd.Series:
    """Return the mean events per session of each user (spends of the gift are left out)."""
    plays = P_CLICK * (1 - people["p_fail"])
    once, twice = plays * people["p_next"], plays * people["p_next"] ** 2
    second = P_SECOND_CLICK * plays
    second_next = second * people["p_next"]
    spends = P_SPEND * (twice + second_next) * people["is_payer"] * (1 + 1 / people["pack"])
    pauses = P_PAUSE * (plays + twice + second_next)
    clicks = P_CLICK * (1 + P_SECOND_CLICK)
    views = [plays, once, twice, second, second_next]
    total: pd.Series = 1 + people["p_exit"] + clicks
    for part in [*views, spends, pauses]:
        total = total + part
    return total
