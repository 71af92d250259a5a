"""Faults of the company itself, and true differences to find: different users or behaviour."""

from dataclasses import replace

from simulation.company import MIN_HAZARD, SHARE_BEFORE_LOG, Company
from simulation.plan import Plan, fault
from simulation.times import DAY


@fault("company", strengths=(0.83,), found_by=("log_covers_cohort",))
def late_log(share: float, plan: Plan, company: Company) -> Company:
    """Share of users who signed up before the log starts (0.83 in the case). Without the fault it
    is 0.41, and the fault never lowers it.
    """
    return replace(company, share_before_log=max(company.share_before_log, share))


@fault("company", strengths=(0.1, 0.3), found_by=("window_is_mature",))
def immature(share: float, plan: Plan, company: Company) -> Company:
    """Share of all users who are extra signups in the last 30 days of the log."""
    return replace(company, share_of_recent=share)


@fault("company", strengths=(0.5, 0.75), found_by=("last_day",))
def partial_last_day(share: float, plan: Plan, company: Company) -> Company:
    """Share of the last day of the log that is missing, counted from its end."""
    return replace(company, log_end=company.log_end - round(share * DAY))


@fault(
    "company",
    strengths=(1.0,),
    found_by=("label_means", "better_than_chance", "better_than_base_rate"),
)
def no_signal(share: float, plan: Plan, company: Company) -> Company:
    """Share by which the hazard, and all differences in hazard and session rate, shrink. At 1
    silence is luck: no score has an AUC above 0.5 (70 % of users then sign up before the log).
    """
    keep = 1.0 - share
    effects = {name: {k: v * keep for k, v in of.items()} for name, of in company.effects.items()}
    return replace(
        company,
        share_before_log=max(company.share_before_log, SHARE_BEFORE_LOG + 0.286 * share),
        baseline_hazard=max(company.baseline_hazard * keep, MIN_HAZARD),
        effects=effects,
        trait_effects={name: keep * size for name, size in company.trait_effects.items()},
        frailty_sd=keep * company.frailty_sd,
        rate_sd=keep * company.rate_sd,
    )


@fault("company", strengths=(0.5, 1.0), found_by=("group_differences",))
def group_difference(log_ratio: float, plan: Plan, company: Company) -> Company:
    """Log hazard ratio of users from Colombia against all others (0 without the fault)."""
    return replace(company, effects={**company.effects, "country": {"Colombia": log_ratio}})


@fault("company", strengths=(0.7, 1.0), found_by=("clusters_exist",))
def clusters(separation: float, plan: Plan, company: Company) -> Company:
    """Separation of three groups in session rate, episodes per play, watch time and share of
    sessions with an exit event. Hazards do not change.
    """
    return replace(company, group_separation=separation)


@fault("company", strengths=(0.5, 1.0), found_by=("drift", "base_rate_drift"))
def drift(strength: float, plan: Plan, company: Company) -> Company:
    """In the last 45 days of the log, session rates fall by 0.8 times the strength, and a share of
    half the strength of the new users comes from tiktok instead.
    """
    return replace(company, drift_losses=0.8 * strength, drift_to_tiktok=0.5 * strength)
