"""The parameters of a simulated company: who its users are, how long they stay, what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from simulation.times import LOG_END, unix

BASELINE_HAZARD = 0.0105  # per day, of a user whose contributions are all 0
EFFECTS: dict[str, dict[str, float]] = {  # log hazard ratios; levels not named have 0
    "acquisition_channel": {
        "instagram": 0.2,
        "tiktok": 0.45,
        "meta_ads": 0.35,
        "google_ads": 0.15,
        "referral": -0.4,
    },
    "device": {"iOS": -0.25},
    "subscription_type": {"basic": -0.35, "premium": -0.6},
}
TRAIT_EFFECTS = {"binge": -0.35, "friction": 0.3}  # log hazard per standard deviation
FRAILTY_SD = 0.5
RATE_SD, RATE_HAZARD_CORRELATION, LOG_HAZARD_SD = 0.7, -0.3, 0.8
NULL_ATTRIBUTES = ("age", "app_version", "country", "gender", "language", "os_version")
MIN_HAZARD, MAX_LIFETIME_DAYS = 1e-6, 36_500.0
SHARE_BEFORE_LOG = 0.414  # of users who sign up before the log starts

# With clusters: shift of log session rate, logit of the next episode, log watch time, P(exit)
GROUP_CENTRES = np.array([[-0.6, -4.0, -0.5, -0.45], [-0.2, 3.0, 0.5, 0.5], [1.6, -1.0, 0.0, 0.0]])

SHARES: dict[str, dict[str, float]] = {
    "gender": {"F": 0.54, "M": 0.44, "Other": 0.02},
    "country": {
        "Mexico": 0.32,
        "Colombia": 0.28,
        "United States": 0.12,
        "Venezuela": 0.09,
        "Spain": 0.08,
        "Argentina": 0.05,
        "Peru": 0.03,
        "Chile": 0.03,
    },
    "device": {"Android": 0.7, "iOS": 0.3},
    "language": {"es": 0.86, "en": 0.12, "pt": 0.02},
    "acquisition_channel": {
        "organic": 0.46,
        "instagram": 0.15,
        "tiktok": 0.15,
        "meta_ads": 0.11,
        "google_ads": 0.08,
        "referral": 0.05,
    },
    "subscription_type": {"none": 0.69, "basic": 0.22, "premium": 0.09},
}
PAYER_SHARES = {"none": 0.3, "basic": 0.7, "premium": 0.9}
PACKS = (5, 10, 20)  # credits in one purchase, always the same for one user
GIFT_CREDITS = 3  # given to every user at the start; not a purchase

SHOWS = pd.DataFrame(  # in order of launch; the first four are older than any user
    [
        ("Luna de Papel", "Romance", "2023-03-01", 45),
        ("El Pacto de Abril", "Drama", "2023-06-15", 40),
        ("Mentiras en Altamar", "Thriller", "2023-09-10", 30),
        ("La Novia Prestada", "Romance", "2023-12-05", 50),
        ("Doble Apellido", "Comedia", "2024-04-18", 28),
        ("Noche sin Testigos", "Misterio", "2024-08-22", 35),
        ("Herencia de Fuego", "Acción", "2024-12-12", 38),
        ("Casi Hermanas", "Drama", "2025-03-06", 33),
        ("Amor de Contrabando", "Romance", "2025-05-29", 42),
        ("La Última Llamada", "Thriller", "2025-08-07", 25),
    ],
    columns=["title", "genre", "launch_date", "episode_count"],
)
SHOW_IDS = tuple(str(uuid5(NAMESPACE_URL, f"show/{title}")) for title in SHOWS["title"])


@dataclass(frozen=True)
class Company:
    """What the users of one company are drawn from; a fault may replace any of it."""

    share_before_log: float = SHARE_BEFORE_LOG
    share_of_recent: float = 0.0  # of users who are extra signups in the log's last 30 days
    log_end: int = unix(LOG_END)  # end of what the log holds (exclusive), unix seconds
    baseline_hazard: float = BASELINE_HAZARD
    effects: Mapping[str, dict[str, float]] = field(default_factory=lambda: EFFECTS)
    trait_effects: Mapping[str, float] = field(default_factory=lambda: TRAIT_EFFECTS)
    frailty_sd: float = FRAILTY_SD
    rate_sd: float = RATE_SD
    group_separation: float = 0.0  # of three groups of users; 0 when there are none
    drift_losses: float = 0.0  # share of later sessions missing in the log's last 45 days
    cancel_hazard: float = 0.0  # cancellations per day of a subscriber; 0 when none is recorded
    drift_to_tiktok: float = 0.0  # share of the new users of those days who come from there
