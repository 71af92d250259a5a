"""Simulated users and events of the case's schema, from a model whose truth is known.

Each user has an exponential lifetime ("inactivity hazard", memoryless) whose log hazard is
linear in stated attributes plus a normal frailty, and opens sessions as a Poisson process
while alive: the individual level of the Pareto/NBD model (Schmittlein, Morrison & Colombo
1987, Management Science 33(1)). A user who signs up inside the log opens a first session at
that instant. Some attributes matter by exactly 0, so what a report says about them is an error.

Every random draw comes from a stream named after what it draws, so a fault changes what it
plants and leaves the rest of the data as they were. All data are invented.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.base.errors import ReportError

Array = np.ndarray[Any, Any]

DAY = 86_400  # seconds
FIRST_SIGNUP_AT = pd.Timestamp("2024-01-01", tz="UTC")
LOG_START = pd.Timestamp("2025-01-01", tz="UTC")
LOG_END = pd.Timestamp("2025-10-21", tz="UTC")
LOG_BREAK = pd.Timestamp("2025-05-28", tz="UTC")  # the middle of the log
IMPORT_DAY = pd.Timestamp("2024-11-15", tz="UTC")
GAP_STARTS_AT, GAP_DAYS = pd.Timestamp("2025-05-13", tz="UTC"), 30
DRIFT_DAYS = 45
LEAK_DAYS = 60
MATURE_DAYS = 30
SLOW_SECONDS = 6 * 3600
STRAY_DAYS = 6 * 365
SHARD_DAYS = 12
LOST_COUNTRY = "Spain"
HOLE_STARTS_AT, HOLE_ENDS_AT = (pd.Timestamp(day, tz="UTC") for day in ("2025-03-01", "2025-06-01"))
PLACEHOLDER = 99_999  # what stands for a watch time that is not known
GIFT_CREDITS = 3  # given to every user at the start; not a purchase

FAULTS: dict[str, str] = {
    "late_log": "The log starts late: share of users who signed up before it (case: 0.83; "
    "0.41 without the fault, which it never lowers).",
    "immature": "Share of all users that are extra signups in the last 30 days.",
    "events_before_signup": "Share of events whose session is moved to before its user's signup "
    "day (never a first session; only users who signed up 3 days into the log or later).",
    "clock_disorder": "Share of events received a minute to an hour before they happened.",
    "late_delivery": "Share of events received one to five days after they happened.",
    "log_break_users": "Share of users in a log stitched from two sets of users: half of them "
    "have events only before its middle, half only after.",
    "log_break_volume": "Share of events missing from 30 days in the middle of the log.",
    "partial_last_day": "Share of the last day, counted from its end, that is missing.",
    "event_mix": "Share of app_exit events missing from the middle of the log on.",
    "coarse_times": "Share of events whose time is cut to midnight UTC.",
    "double_logging": "Share of events logged a second time under another event_uuid.",
    "machine": "Share of all events that one account sends, besides those of the people.",
    "near_copies": "Share of events logged a second time, one or two seconds later, under another "
    "event_uuid.",
    "automatic_events": "Share of users to whom the app itself logs a push_received every week, "
    "from signup to the end of the log, whether or not they are still there.",
    "merged_ids": "Share of users whose events carry one identifier for two of them.",
    "slow_clocks": "Share of iOS users whose events are written six hours early, and received "
    "when they happened.",
    "log_fades": "Share of sessions missing at the end of the log, growing from none at its start.",
    "lost_newcomers": "Share of users who signed up inside the log and have no event in it.",
    "leavers_deleted": "Share of users without an event in the last 30 days of the log who are "
    "in neither table, as when accounts that leave are deleted.",
    "imported_again": "Share of events logged a second time, six hours later, under another "
    "event_uuid, as when a log is loaded again in another zone.",
    "capped_histories": "Share of users of whose events only the latest are there, as many as the "
    "others have at most.",
    "lost_early_users": "Share of users from before the log who have no event in it.",
    "signups_deleted": "Share of users who signed up from March to May 2025 who are in neither "
    "table.",
    "signup_first_event": "Share of users from before the log whose signup date is the day of "
    "their first event in it, or its first day.",
    "missing_signups": "Share of users without a signup date.",
    "leavers_column": "Adds cancel_reason, given for this share of the users without an event in "
    "the last 30 days of the log, and for nobody else.",
    "leavers_plan": "Share of the users without an event in the last 30 days of the log whose "
    "subscription_type is cancelled, as it is at the export.",
    "coarse_signups": "Share of users whose signup date is the first of its month.",
    "signup_import": "Share of the users from before 15 November 2024 whose signup date is that "
    "day, as when accounts were brought over from another system.",
    "native_disagrees": "Share of users whose last_active_date is 2 to 60 days away from their "
    "last event.",
    "native_counts": "Share of users whose native counts and sums are those of another user.",
    "native_label_copied": "Share of users whose churned_30d is a function of last_active_date; "
    "the rest is a coin. All of them follow it without this fault.",
    "impossible_values": "Share of users with one value that cannot be: negative credits_spent, "
    "views below episodes_completed, age under 18, top show launched after the last activity.",
    "leaky_column": "Adds retention_score: this weight on how late in the last 60 days of the log "
    "the last event lies (the future, for a snapshot before it), the rest on noise.",
    "leaky_date": "Adds contract_end_date: last activity plus 30 days, and up to 60 days of noise "
    "times (1 - strength).",
    "leaky_feature": "Age, an attribute fixed at signup, carries this weight on how late in the "
    "last 60 days of the log the last event lies, and the rest on the age itself.",
    "identifier_column": "Adds referral_code with strength times users distinct values.",
    "stray_times": "Share of events written with a time six years later than it was.",
    "lost_group": "Share of users from Spain who have no event in the log.",
    "shard_ends": "Share of users whose events of the last 12 days are not in the log.",
    "constant_sessions": "Share of users all of whose events carry one session_id.",
    "amount_units": "Share of purchases from the middle of the log on whose amount is in cents.",
    "spellings": "Share of users whose country is written in capitals.",
    "placeholders": "Share of users whose country is the text NULL.",
    "stray_signups": "Share of users whose signup date is the first day of 1970 (at least one).",
    "extreme_values": "Share of users whose avg_watch_time_sec is 99,999 (at least one).",
    "copied_users": "Share of users who are in the users table a second time, under another "
    "user_id that the log does not have.",
    "group_difference": "Log hazard ratio of users from Colombia against all others (else 0).",
    "clusters": "Separation of three groups in session rate, episodes per play, watch time and "
    "share of sessions with an exit event; hazards stay as they were.",
    "drift": "In the last 45 days session rates fall by 0.8 times strength, and half of strength "
    "of the new users come from tiktok instead.",
    "no_signal": "Share of the hazard and of all differences in hazard and session rate that is "
    "taken away; at 1 silence is luck and the honest AUC is 0.5 (70 % sign up before the log).",
}

USERS_FAULTS = frozenset(
    {
        "native_disagrees",
        "native_counts",
        "native_label_copied",
        "impossible_values",
        "signup_import",
        "coarse_signups",
        "signup_first_event",
        "missing_signups",
        "leavers_column",
        "leavers_plan",
        "leaky_column",
        "leaky_date",
        "leaky_feature",
        "identifier_column",
        "spellings",
        "placeholders",
        "stray_signups",
        "extreme_values",
        "copied_users",
    }
)
"""Faults of the users table alone: they leave people and events as they were."""

BASELINE_HAZARD = 0.0105  # per day, of a user whose every contribution is 0
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
CENTS = 100

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

DIRT: dict[str, int] = {  # rows at the default size; see _dirt_count for small tables
    "duplicate_event_uuids": 25,
    "orphan_events": 20,
    "events_before_signup": 15,
    "unparsable_timestamps": 12,
    "null_event_uuids": 10,
    "null_event_user_ids": 8,
    "negative_credits": 7,
    "views_below_completed": 9,
    "minors": 11,
    "duplicate_user_rows": 6,
    "null_user_ids": 3,
    "signup_after_last_active": 5,
}

USER_COLUMNS = [
    "user_id",
    "signup_date",
    "age",
    "gender",
    "country",
    "device",
    "os_version",
    "app_version",
    "language",
    "acquisition_channel",
    "subscription_type",
    "last_active_date",
    "churned_30d",
    "sessions_7d",
    "views",
    "likes",
    "avg_watch_time_sec",
    "credits_purchased",
    "credits_spent",
    "episodes_completed",
    "top_show_id",
    "top_show_title",
    "top_show_genre",
    "top_show_launch_date",
    "top_show_episode_count",
]
EVENT_COLUMNS: tuple[str, ...] = (
    "id",
    "event_uuid",
    "user_id",
    "show_id",
    "episode_id",
    "event_type",
    "event_timestamp",
    "received_at",
    "source",
    "device_id",
    "session_id",
    "country",
    "app_version",
    "os",
    "schema_version",
    "created_at",
    "properties",
)
EVENT_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "schema_version" else pa.string()) for name in EVENT_COLUMNS]
)

IDENTIFIERS = ("id", "event_uuid")
"""Columns that name the event itself."""
EVENT_TYPES = [
    "app_open",
    "poster_click",
    "content_play",
    "content_pause",
    "next_episode",
    "credits_purchase",
    "credits_spend",
    "app_exit",
]
OPEN, CLICK, PLAY, PAUSE, NEXT, PURCHASE, SPEND, EXIT = range(len(EVENT_TYPES))
# A session is a choice among these slots, in this order. Columns: type, click (first or
# second), episodes after the first one played, least and most seconds since the last event.
SLOTS = np.array(
    [
        (OPEN, 0, 0, 0, 0),
        (CLICK, 0, 0, 8, 60),
        (PLAY, 0, 0, 5, 45),
        (PAUSE, 0, 0, 20, 150),
        (NEXT, 0, 1, 40, 150),
        (PURCHASE, 0, 0, 30, 120),
        (SPEND, 0, 2, 2, 15),
        (NEXT, 0, 2, 3, 150),
        (PAUSE, 0, 2, 20, 150),
        (CLICK, 1, 0, 8, 60),
        (PLAY, 1, 0, 5, 45),
        (PURCHASE, 1, 0, 30, 120),
        (SPEND, 1, 1, 2, 15),
        (NEXT, 1, 1, 3, 150),
        (PAUSE, 1, 1, 20, 150),
        (EXIT, 1, 0, 10, 90),
    ]
)
P_CLICK, P_PAUSE, P_SECOND_CLICK, P_EXIT, P_SPEND = 0.95, 0.4, 0.35, 0.47, 0.9
ROWS_PER_CHUNK = 1_000_000  # rendered at once: keeps text under Arrow's 2 GB per array


@dataclass(frozen=True)
class Simulation:
    """Users and events as a product would export them, and the truth behind them.

    `users` and `events` have the case's columns (`USER_COLUMNS`, `EVENT_COLUMNS`), dates and
    instants as text. `truth` is JSON-able: the model's parameters, what was planted, and counts.
    `user_truth` has one row per true user: `user_id`, `signup_at`, `observed_from` (signup or
    start of the log, whichever is later), `inactive_at` (instants, UTC; no session starts at or
    after it; at most a century after signup), `hazard_per_day`, `session_rate_per_day`, `group`
    (0 to 2, all 0 without clusters) and one `log_hazard_<attribute>` per attribute with its
    contribution to the log hazard (0 where it did not contribute).
    """

    users: pd.DataFrame
    events: pa.Table
    truth: dict[str, Any]
    user_truth: pd.DataFrame


@dataclass(frozen=True)
class _Plan:
    """The arguments of a simulation, and its named random streams."""

    users: int
    events_per_user: float
    seed: int
    faults: dict[str, float] = field(default_factory=dict)

    def strength(self, fault: str) -> float:
        return self.faults.get(fault, 0.0)

    def stream(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class _Log:
    """Events in order of user, session and time: one array per column."""

    user: Array  # position in the table of people
    session: Array  # position among the sessions
    slot: Array  # position in SLOTS
    at: Array  # unix seconds
    wait: Array  # seconds since the event before, in the same session
    show: Array  # position in SHOWS
    episode: Array  # from 0
    amount: Array  # credits bought, else 0

    @property
    def kind(self) -> Array:
        kinds: Array = SLOTS[self.slot, 0]
        return kinds

    def take(self, rows: Any) -> "_Log":
        """Return the events at `rows`, positions or one truth value each."""
        return _Log(*(getattr(self, name)[rows] for name in _Log.__dataclass_fields__))


@dataclass(frozen=True)
class Drawn:
    """People and what they did, before the users table is made; `events` as in Simulation."""

    plan: _Plan
    people: pd.DataFrame
    log: _Log
    events: pa.Table


def simulate(
    users: int = 5000,
    events_per_user: float = 40.0,
    seed: int = 42,
    faults: Mapping[str, float] | None = None,
    dirt: bool = True,
) -> Simulation:
    """Return a simulated product of about `users * events_per_user` events.

    `faults` maps names of FAULTS to a strength in (0, 1]; without any, and with
    `dirt=False`, users and events are consistent in every respect. `dirt` adds the few broken
    rows counted in DIRT. The same arguments give the same data.
    Raises ReportError for fewer than 20 users, an unknown fault or a strength outside (0, 1].
    """
    given = dict(faults or {})
    of_log = {name: value for name, value in given.items() if name not in USERS_FAULTS}
    return tabulate(draw(users, events_per_user, seed, of_log), given, dirt)


def draw(
    users: int,
    events_per_user: float,
    seed: int,
    faults: Mapping[str, float],
    columns: Sequence[str] = EVENT_COLUMNS,
) -> Drawn:
    """Return the people and the log of simulate, for one or more users tables (tabulate).

    `columns` of EVENT_COLUMNS are written, in that order: most of the time goes into text.
    Raises ReportError as simulate does.
    """
    plan = _Plan(users, events_per_user, seed, dict(faults))
    _check_plan(plan)
    people = _draw_people(plan)
    session_user, session_start = _draw_sessions(plan, people)
    log = _draw_events(plan, people, session_user, session_start)
    people["is_deleted"] = _delete_leavers(plan, log) | _delete_signups(plan, people)
    log = log.take(~people["is_deleted"].to_numpy()[log.user])
    log = log.take(_is_within_cap(plan, people, log))
    table = _render_events(plan, people, log, len(session_user), columns)
    return Drawn(plan, people, log, _add_events(plan, people, log, table))


def tabulate(drawn: Drawn, faults: Mapping[str, float], dirt: bool = True) -> Simulation:
    """Return the simulation of `faults`: those `drawn` was made with, and any of USERS_FAULTS.

    Raises ReportError as simulate does, and when another fault than those is asked for.
    """
    plan = replace(drawn.plan, faults=dict(faults))
    _check_plan(plan)
    of_log = {name: value for name, value in faults.items() if name not in USERS_FAULTS}
    if of_log != {n: v for n, v in drawn.plan.faults.items() if n not in USERS_FAULTS}:
        raise ReportError(
            f"simulate: the log was drawn with the faults {sorted(drawn.plan.faults)}, and "
            f"{sorted(of_log)} are asked for. Draw it again with these."
        )
    kept = ~drawn.people["is_deleted"]
    frame = _make_users(plan, drawn.people, drawn.log)[kept].reset_index(drop=True)
    frame = _copy_accounts(plan, frame)
    table, counts = drawn.events, _count_truth(frame, drawn.events, drawn.log)
    planted: dict[str, int] = {}
    if dirt:
        frame, table, planted = _add_dirt(plan, frame, table)
    truth = _make_truth(plan, drawn.people, counts, planted)
    people = drawn.people[kept].reset_index(drop=True)
    return Simulation(frame, table, truth, _make_user_truth(people))


def write(simulation: Simulation, folder: Path) -> None:
    """Write `users.csv`, `events.parquet`, `truth.json` and `user_truth.parquet` to `folder`.

    The same simulation gives the same bytes (with the same versions of pandas and pyarrow).
    """
    folder.mkdir(parents=True, exist_ok=True)
    simulation.users.to_csv(folder / "users.csv", index=False, lineterminator="\n")
    pq.write_table(simulation.events, folder / "events.parquet", compression="zstd")
    text = json.dumps(simulation.truth, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    simulation.user_truth.to_parquet(folder / "user_truth.parquet", index=False)


def true_churn_probability(
    user_truth: pd.DataFrame,
    snapshot_at: pd.Timestamp,
    gap_days: float,
    horizon_days: float,
    last_event_at: pd.Series,
) -> pd.Series:
    """Return each user's probability of no event in [t + gap, t + gap + horizon), by user_id.

    t is `snapshot_at` (UTC). The probability is conditional on the user's true hazard mu and
    session rate lambda, and on the events before t, of which the last instant is enough; not
    on whether the user is still alive. No score that knows only what happened before t can
    rank better on average. `last_event_at` (instants, indexed by user_id) is the last event
    before t; a user that is missing or NaT there had none between `observed_from` and t. The
    result is NaN for users who signed up at or after t.

    With d days of silence and p0 the probability of having been alive at their start (1 after
    an event), P(alive at t) = p0 e / (1 - p0 + p0 (mu + lambda e) / (lambda + mu)) where
    e = exp(-(lambda + mu) d). For p0 = 1 it is the Pareto/NBD expression
    1 / (1 + mu / (lambda + mu) (exp((lambda + mu) d) - 1)) (Schmittlein et al. 1987; Fader &
    Hardie 2005). P(an event in the window | alive at t) integrates the lifetime:
    exp(-mu gap) lambda / (lambda + mu) (1 - exp(-(lambda + mu) horizon)).

    Not valid where rates or events were tampered with: the faults drift, log_break_users,
    log_break_volume, log_fades, lost_newcomers, merged_ids, leavers_deleted, automatic_events,
    slow_clocks, events_before_signup, partial_last_day. Sessions that straddle an edge
    are neglected (minutes, against days between sessions).
    Raises ReportError when a last event is at or after t: that would be the future.
    """
    truth = user_truth.set_index("user_id")
    last = last_event_at.reindex(truth.index)
    if (last >= snapshot_at).any():
        late = last.index[last >= snapshot_at][0]
        raise ReportError(
            f"last_event_at: {int((last >= snapshot_at).sum())} users have an event at or after "
            f"the snapshot {snapshot_at}, such as {late!r}. Keep only the events before it."
        )
    mu, lam = truth["hazard_per_day"], truth["session_rate_per_day"]
    both = mu + lam
    unseen = (truth["observed_from"] - truth["signup_at"]).dt.total_seconds() / DAY
    prior = np.exp(-mu * unseen).where(last.isna(), 1.0)
    since = last.where(last.notna(), truth["observed_from"])
    silence = ((snapshot_at - since).dt.total_seconds() / DAY).clip(lower=0.0)
    silent = np.exp(-both * silence)
    alive = prior * silent / (1.0 - prior + prior * (mu + lam * silent) / both)
    returns = np.exp(-mu * gap_days) * lam / both * -np.expm1(-both * horizon_days)
    churn: pd.Series = (1.0 - alive * returns).where(truth["signup_at"] < snapshot_at)
    return churn.rename("churn_probability")


def _check_plan(plan: _Plan) -> None:
    if plan.users < 20:
        raise ReportError(f"simulate: at least 20 users are needed, got {plan.users}.")
    if unknown := sorted(set(plan.faults) - set(FAULTS)):
        raise ReportError(f"simulate: no fault {unknown[0]!r}. Known: {', '.join(FAULTS)}.")
    wrong = {name: value for name, value in plan.faults.items() if not 0 < value <= 1}
    for name, value in wrong.items():
        raise ReportError(f"simulate: fault {name!r} needs a strength in (0, 1], got {value}.")


# --- who the users are -----------------------------------------------------------------


def _unix(instant: pd.Timestamp) -> int:
    return int(instant.timestamp())


def _draw_people(plan: _Plan) -> pd.DataFrame:
    """Return one row per user: attributes, traits, contributions to the log hazard, rates."""
    people = _draw_attributes(plan, _draw_signups(plan))
    people = people.join(_add_up_hazard(plan, people))
    lifetime = plan.stream("lifetime").exponential(1.0, plan.users) / people["hazard_per_day"]
    people["lifetime_days"] = lifetime.clip(upper=MAX_LIFETIME_DAYS)
    people = people.join(_draw_behaviour(plan, people))
    people["session_rate_per_day"] = _calibrate_rates(plan, people)
    return people


def _draw_signups(plan: _Plan) -> Array:
    """Return signup instants: early 2024 sparse, then at the rate that keeps volume steady."""
    rng, first, start, end = plan.stream("signup"), FIRST_SIGNUP_AT, LOG_START, LOG_END
    share = 0.414 + 0.286 * plan.strength("no_signal")
    share = max(share, plan.strength("late_log"))
    eased = pd.Timestamp("2024-09-01", tz="UTC")
    recent = end - pd.Timedelta(days=MATURE_DAYS)
    edges = [(first, eased), (eased, start), (start, end), (recent, end)]
    extra = plan.strength("immature")
    usual = np.array([share - 0.5 * (1 - share), 0.5 * (1 - share), 1 - share])
    period = np.searchsorted(np.cumsum([*usual * (1 - extra), extra]), rng.random(plan.users))
    bounds = np.array([[_unix(a), _unix(b)] for a, b in edges])[np.minimum(period, 3)]
    span = bounds[:, 1] - bounds[:, 0]
    drawn: Array = bounds[:, 0] + np.floor(rng.random(plan.users) * span).astype(np.int64)
    return drawn


def _draw_attributes(plan: _Plan, signup: Array) -> pd.DataFrame:
    n, rng = plan.users, plan.stream("attributes")
    people = pd.DataFrame({"signup": signup})
    people["user_id"] = _uuid_array(plan.stream("user_id"), n).to_pylist()
    for column, shares in SHARES.items():
        people[column] = rng.choice(list(shares), n, p=list(shares.values()))
    people["age"] = np.clip(np.rint(rng.normal(30, 7, n)), 18, 75).astype(np.int64)
    newer = rng.integers(0, 3, n)
    people["os_version"] = np.where(people["device"] == "iOS", 15, 12) + newer
    minor, patch = rng.integers(8, 15, n).astype(str), rng.integers(0, 5, n).astype(str)
    people["app_version"] = pd.Series(minor).radd("1.") + "." + pd.Series(patch)
    moved = rng.random(n) < 0.5 * plan.strength("drift")
    moved &= signup >= _unix(LOG_END) - DRIFT_DAYS * DAY
    people.loc[moved, "acquisition_channel"] = "tiktok"
    return people


def _effects(plan: _Plan) -> dict[str, dict[str, float]]:
    """Return the log hazard ratios in force, by attribute and level."""
    keep = 1.0 - plan.strength("no_signal")
    effects = {name: {k: v * keep for k, v in levels.items()} for name, levels in EFFECTS.items()}
    if group := plan.strength("group_difference"):
        effects["country"] = {"Colombia": group}
    return effects


def _add_up_hazard(plan: _Plan, people: pd.DataFrame) -> pd.DataFrame:
    """Return the traits, each contribution to the log hazard, and the hazard per day."""
    keep, rng = 1.0 - plan.strength("no_signal"), plan.stream("traits")
    table = pd.DataFrame(index=people.index)
    for attribute, levels in _effects(plan).items():
        table[f"log_hazard_{attribute}"] = people[attribute].map(levels).fillna(0.0).astype(float)
    for trait, effect in TRAIT_EFFECTS.items():
        table[trait] = rng.normal(size=plan.users)
        table[f"log_hazard_{trait}"] = keep * effect * table[trait]
    table["log_hazard_frailty"] = keep * FRAILTY_SD * rng.normal(size=plan.users)
    log_ratio = table.filter(like="log_hazard_").sum(axis=1)
    baseline = max(BASELINE_HAZARD * keep, MIN_HAZARD)
    return table.assign(log_ratio=log_ratio, hazard_per_day=baseline * np.exp(log_ratio))


def _draw_behaviour(plan: _Plan, people: pd.DataFrame) -> pd.DataFrame:
    """Return what shapes a user's sessions: relative rate, episode chains, watch time, credits."""
    n, rng, apart = plan.users, plan.stream("behaviour"), plan.strength("clusters")
    group = rng.integers(0, 3, n) * (apart > 0)
    centre = apart * GROUP_CENTRES[group]
    spread, keep = 1.0 - 0.85 * apart, 1.0 - plan.strength("no_signal")
    rho = RATE_HAZARD_CORRELATION
    tempo = rho * people["log_ratio"] / LOG_HAZARD_SD + np.sqrt(1 - rho**2) * rng.normal(size=n)
    payer = rng.random(n) < people["subscription_type"].map(PAYER_SHARES)
    table = pd.DataFrame(index=people.index)
    table["group"] = group
    table["relative_rate"] = np.exp(keep * RATE_SD * spread * tempo + centre[:, 0])
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


def _calibrate_rates(plan: _Plan, people: pd.DataFrame) -> pd.Series:
    """Return sessions per day such that the expected number of events is what was asked for.

    It uses hazards and signups, never the lifetimes drawn: rates stay independent of them.
    """
    mu, signup = people["hazard_per_day"], people["signup"]
    before = ((_unix(LOG_START) - signup) / DAY).clip(lower=0.0)
    covered = (_unix(LOG_END) - signup.clip(lower=_unix(LOG_START))) / DAY
    alive_days = np.exp(-mu * before) * -np.expm1(-mu * covered) / mu
    per_session = _expect_events_per_session(people)
    first = per_session[signup >= _unix(LOG_START)].sum()
    per_unit = (per_session * people["relative_rate"] * alive_days).sum()
    scale = (plan.users * plan.events_per_user - first) / per_unit
    if scale <= 0:
        raise ReportError(
            f"simulate: {plan.events_per_user} events per user are fewer than the first sessions "
            f"bring ({first / plan.users:.1f}). Ask for more."
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
    return (
        1
        + people["p_exit"]
        + clicks
        + plays
        + once
        + twice
        + second
        + second_next
        + spends
        + pauses
    )


# --- what they do ------------------------------------------------------------------------


def _draw_sessions(plan: _Plan, people: pd.DataFrame) -> tuple[Array, Array]:
    """Return the user and the start (unix seconds) of each session, in order of both."""
    rng, start, end = plan.stream("sessions"), _unix(LOG_START), _unix(LOG_END)
    signup = people["signup"].to_numpy()
    opens = np.maximum(signup, start)
    closes = np.minimum(signup + people["lifetime_days"].to_numpy() * DAY, end)
    seconds = np.maximum(closes - opens, 0.0)
    count = rng.poisson(people["session_rate_per_day"].to_numpy() * seconds / DAY)
    user = np.repeat(np.arange(plan.users), count)
    at = opens[user] + np.floor(rng.random(len(user)) * seconds[user]).astype(np.int64)
    newcomers = np.flatnonzero(signup >= start)
    is_first = np.r_[np.zeros(len(user), bool), np.ones(len(newcomers), bool)]
    user, at = np.r_[user, newcomers], np.r_[at, signup[newcomers]]
    at = _move_before_signup(plan, signup[user], at, is_first)
    kept = _lose_sessions(plan, people, user, at, is_first)
    user, at = user[kept], at[kept]
    order = np.lexsort((at, user))
    return user[order], at[order]


def _move_before_signup(plan: _Plan, signup: Array, at: Array, is_first: Array) -> Array:
    """Return session starts with the planted share moved up to 30 days before the signup day."""
    rng, midnight = plan.stream("events_before_signup"), signup - signup % DAY
    room = np.minimum(midnight - _unix(LOG_START), 30 * DAY)
    can_move = (room >= 3 * DAY) & ~is_first
    share = plan.strength("events_before_signup") / max(can_move.mean(), 1e-9)
    moves = can_move & (rng.random(len(at)) < share)
    earlier = midnight - DAY // 4 - np.floor(rng.random(len(at)) * (room - DAY)).astype(np.int64)
    moved: Array = np.where(moves, earlier, at)
    return moved


def _lose_sessions(
    plan: _Plan, people: pd.DataFrame, user: Array, at: Array, is_first: Array
) -> Array:
    """Say of each session whether it is in the log, after drift and breaks."""
    signup = people["signup"].to_numpy()
    rng, n = plan.stream("losses"), len(at)
    slows = (at >= _unix(LOG_END) - DRIFT_DAYS * DAY) & ~is_first
    lost = slows & (rng.random(n) < 0.8 * plan.strength("drift"))
    gap = _unix(GAP_STARTS_AT)
    in_gap = (at >= gap) & (at < gap + GAP_DAYS * DAY)
    lost |= in_gap & (rng.random(n) < plan.strength("log_break_volume"))
    in_sets = rng.random(plan.users) < plan.strength("log_break_users")
    is_late_set = rng.random(plan.users) < 0.5
    lost |= in_sets[user] & (is_late_set[user] != (at >= _unix(LOG_BREAK)))
    start, end = _unix(LOG_START), _unix(LOG_END)
    passed = (at - start) / (end - start)
    lost |= plan.stream("log_fades").random(n) < plan.strength("log_fades") * passed
    is_shard = plan.stream("shard_ends").random(plan.users) < plan.strength("shard_ends")
    lost |= is_shard[user] & (at >= end - SHARD_DAYS * DAY)
    is_new, is_group = signup >= start, (people["country"] == LOST_COUNTRY).to_numpy()
    lost_sets = {"lost_newcomers": is_new, "lost_early_users": ~is_new, "lost_group": is_group}
    for fault, of_fault in lost_sets.items():
        unlogged = plan.stream(fault).random(plan.users) < plan.strength(fault)
        lost |= (unlogged & of_fault)[user]
    kept: Array = ~lost & (at < _last_instant(plan))
    return kept


def _last_instant(plan: _Plan) -> int:
    """Return the end of what the log holds, in unix seconds (exclusive)."""
    return _unix(LOG_END) - round(plan.strength("partial_last_day") * DAY)


def _draw_events(plan: _Plan, people: pd.DataFrame, user: Array, start: Array) -> _Log:
    """Return the events of the given sessions."""
    rng = plan.stream("events")
    happens = _choose_slots(rng, people, user)
    _pay_with_credits(happens, people, user)
    shows, first_episode = _choose_shows(rng, people, user, start)
    session, slot = np.nonzero(happens)
    slot = slot.astype(np.int8)
    wait = _draw_waits(rng, slot, people["watch"].to_numpy()[user[session]])
    at = start[session] + _sum_within(wait, slot == 0)
    click = SLOTS[slot, 1]
    show = shows[session, click]
    episodes = SHOWS["episode_count"].to_numpy()[show]
    episode = (first_episode[session, click] + SLOTS[slot, 2]) % episodes
    amount = np.where(SLOTS[slot, 0] == PURCHASE, people["pack"].to_numpy()[user[session]], 0)
    in_log = (at < _last_instant(plan)) & ~_lose_exits(plan, slot, at)
    at = _cut_times(plan, at)
    log = _Log(user[session], session, slot, at, wait, show, episode, amount)
    return log.take(in_log)


def _delete_leavers(plan: _Plan, log: _Log) -> Array:
    """Say of each user whether the account was deleted after leaving."""
    last = np.full(plan.users, _unix(LOG_START))
    np.maximum.at(last, log.user, log.at)
    is_silent = last < _unix(LOG_END) - MATURE_DAYS * DAY
    draw = plan.stream("leavers_deleted").random(plan.users)
    deleted: Array = is_silent & (draw < plan.strength("leavers_deleted"))
    return deleted


def _delete_signups(plan: _Plan, people: pd.DataFrame) -> Array:
    """Say of each user whether the account is missing for the day on which it was made."""
    draw = plan.stream("signups_deleted").random(plan.users)
    signup = people["signup"].to_numpy()
    is_inside = (signup >= _unix(HOLE_STARTS_AT)) & (signup < _unix(HOLE_ENDS_AT))
    deleted: Array = is_inside & (draw < plan.strength("signups_deleted"))
    return deleted


def _is_within_cap(plan: _Plan, people: pd.DataFrame, log: _Log) -> Array:
    """Say of each event whether it is among the latest of its user that an export holds; the
    cap is that of users whose accounts are there.
    """
    share = plan.strength("capped_histories")
    if not share:
        return np.ones(len(log.at), bool)
    counts = np.bincount(log.user, minlength=plan.users)
    there = counts[~people["is_deleted"].to_numpy()]
    cap = np.quantile(there, 1 - share, method="higher")
    order = np.lexsort((-log.at, log.user))
    rank = np.empty(len(log.at), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(log.user[order], log.user[order])
    kept: Array = rank < cap
    return kept


def _lose_exits(plan: _Plan, slot: Array, at: Array) -> Array:
    """Say of each event whether it is an exit that the log no longer holds."""
    is_lost = plan.stream("event_mix").random(len(at)) < plan.strength("event_mix")
    lost: Array = is_lost & (SLOTS[slot, 0] == EXIT) & (at >= _unix(LOG_BREAK))
    return lost


def _cut_times(plan: _Plan, at: Array) -> Array:
    """Return the events' times, the planted share of them without their time of day."""
    is_cut = plan.stream("coarse_times").random(len(at)) < plan.strength("coarse_times")
    times: Array = np.where(is_cut, at - at % DAY, at)
    return times


def _choose_slots(rng: np.random.Generator, people: pd.DataFrame, user: Array) -> Array:
    """Return sessions x SLOTS: what happens, were credits free."""
    p_next, p_fail = people["p_next"].to_numpy()[user], people["p_fail"].to_numpy()[user]
    draw = rng.random((len(user), len(SLOTS)), dtype=np.float32).T
    is_in = np.zeros((len(SLOTS), len(user)), dtype=bool)
    is_in[0] = True
    is_in[1] = draw[1] < P_CLICK
    is_in[2] = is_in[1] & (draw[2] >= p_fail)
    is_in[3] = is_in[2] & (draw[3] < P_PAUSE)
    is_in[4] = is_in[2] & (draw[4] < p_next)
    is_in[7] = is_in[4] & (draw[7] < p_next)
    is_in[6] = is_in[7] & (draw[6] < P_SPEND)
    is_in[8] = is_in[7] & (draw[8] < P_PAUSE)
    is_in[9] = is_in[1] & (draw[9] < P_SECOND_CLICK)
    is_in[10] = is_in[9] & (draw[10] >= p_fail)
    is_in[13] = is_in[10] & (draw[13] < p_next)
    is_in[12] = is_in[13] & (draw[12] < P_SPEND)
    is_in[14] = is_in[13] & (draw[14] < P_PAUSE)
    is_in[15] = draw[15] < people["p_exit"].to_numpy()[user]
    return np.ascontiguousarray(is_in.T)


def _pay_with_credits(happens: Array, people: pd.DataFrame, user: Array) -> None:
    """Set the purchases, and drop the spends of those who do not pay (in place).

    The gift is spent first. Then a payer buys a pack whenever the balance is 0.
    """
    spends = SLOTS[:, 0] == SPEND
    position, slot = np.nonzero(happens & spends)
    owner = user[position]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)  # sessions are in user order
    is_payer = people["is_payer"].to_numpy()[owner]
    happens[position, slot] = is_payer | (rank < GIFT_CREDITS)
    is_empty = (rank - GIFT_CREDITS) % people["pack"].to_numpy()[owner] == 0
    happens[position, slot - 1] = is_payer & (rank >= GIFT_CREDITS) & is_empty


def _choose_shows(
    rng: np.random.Generator, people: pd.DataFrame, user: Array, start: Array
) -> tuple[Array, Array]:
    """Return sessions x 2 clicks: the show, already launched, and the first episode played."""
    launched_at = [_unix(pd.Timestamp(day, tz="UTC")) for day in SHOWS["launch_date"]]
    launched = np.searchsorted(launched_at, start, side="right")[:, None]
    favourite = people["favourite"].to_numpy()[user][:, None]
    any_show = (rng.random((len(user), 2)) * launched).astype(np.int64)
    returns = (rng.random((len(user), 2)) < [0.6, 0.2]) & (favourite < launched)
    show = np.where(returns, favourite, any_show)
    episode = rng.random((len(user), 2)) * SHOWS["episode_count"].to_numpy()[show]
    return show, episode.astype(np.int64)


def _draw_waits(rng: np.random.Generator, slot: Array, watch: Array) -> Array:
    """Return whole seconds since the event before; longer for those who watch longer."""
    low, high = SLOTS[slot, 3], SLOTS[slot, 4]
    kind = SLOTS[slot, 0]
    factor = np.where((kind == PAUSE) | (kind == NEXT), watch, 1.0)
    waits: Array = np.rint((low + rng.random(len(slot)) * (high - low)) * factor).astype(np.int64)
    return waits


def _sum_within(values: Array, is_start: Array) -> Array:
    """Return running sums that begin again at each start (whose own value is 0)."""
    total = np.cumsum(values)
    sums: Array = total - total[is_start][np.cumsum(is_start) - 1]
    return sums


# --- the event log as text -----------------------------------------------------------------


def _render_events(
    plan: _Plan, people: pd.DataFrame, log: _Log, sessions: int, columns: Sequence[str]
) -> pa.Table:
    """Return the log with `columns` of the case's."""
    schema = pa.schema([EVENT_SCHEMA.field(name) for name in columns])
    session_ids = _uuid_array(plan.stream("session_id"), sessions)
    received, created = _draw_delays(plan, log.at)
    names, uuids = _name_users(plan, people), plan.stream("event_uuid")
    written = _write_times(plan, people, log)
    log = replace(log, session=_write_sessions(plan, log), amount=_write_amounts(plan, log))
    chunks = []
    for begin in range(0, len(log.at), ROWS_PER_CHUNK):
        rows = slice(begin, begin + ROWS_PER_CHUNK)
        part = log.take(rows)
        of_user = {name: partial(texts.take, pa.array(part.user)) for name, texts in names.items()}
        told = _render_content(part) | of_user | {
            "event_timestamp": partial(_instant_array, written[rows]),
            "received_at": partial(_instant_array, received[rows]),
            "created_at": partial(_instant_array, created[rows]),
            "source": partial(pa.repeat, "client", len(part.at)),
            "session_id": partial(session_ids.take, pa.array(part.session)),
            "schema_version": partial(pa.repeat, 1, len(part.at)),
        }  # fmt: skip
        told |= dict.fromkeys(IDENTIFIERS, lru_cache(partial(_uuid_array, uuids, len(part.at))))
        chunks.append(pa.table([told[name]() for name in columns], schema=schema))
    return pa.concat_tables(chunks) if chunks else schema.empty_table()


def _write_times(plan: _Plan, people: pd.DataFrame, log: _Log) -> Array:
    """Return the time that each event is written with, by the clock of its device."""
    is_slow = plan.stream("slow_clocks").random(plan.users) < plan.strength("slow_clocks")
    is_slow &= (people["device"] == "iOS").to_numpy()
    is_stray = plan.stream("stray_times").random(len(log.at)) < plan.strength("stray_times")
    times: Array = log.at - SLOW_SECONDS * is_slow[log.user] + STRAY_DAYS * DAY * is_stray
    return times


def _write_sessions(plan: _Plan, log: _Log) -> Array:
    """Return the session whose identifier each event is written with: a user's first, where one
    identifier is kept for all.
    """
    kept = plan.stream("constant_sessions").random(plan.users) < plan.strength("constant_sessions")
    first = np.full(plan.users, np.iinfo(np.int64).max)
    np.minimum.at(first, log.user, log.session)
    sessions: Array = np.where(kept[log.user], first[log.user], log.session)
    return sessions


def _write_amounts(plan: _Plan, log: _Log) -> Array:
    """Return the amount that each event is written with, in credits or in cents of them."""
    draw = plan.stream("amount_units").random(len(log.at))
    is_cents = (log.at >= _unix(LOG_BREAK)) & (draw < plan.strength("amount_units"))
    amounts: Array = log.amount * np.where(is_cents, CENTS, 1)
    return amounts


def _add_events(plan: _Plan, people: pd.DataFrame, log: _Log, events: pa.Table) -> pa.Table:
    """Return the events and, where asked for, those logged twice, at once or a moment later, those
    of a machine, and those that the app logs by itself.
    """
    n, rng = len(events), plan.stream("added_events")
    twice = np.flatnonzero(rng.random(n) < plan.strength("double_logging"))
    share = plan.strength("machine")
    sent = rng.integers(0, max(n, 1), round(min(n * share / max(1 - share, 1e-9), 20 * n)))
    machine = people["user_id"].iloc[int(people["signup"].to_numpy().argmin())]
    of_machine = {
        "user_id": pa.repeat(machine, len(sent)),
        "session_id": _uuid_array(rng, len(sent)),
    }
    parts = [events, _copy_events(rng, events, twice), _copy_events(rng, events, sent, of_machine)]
    rng = plan.stream("near_copies")
    again = np.flatnonzero(rng.random(n) < plan.strength("near_copies"))
    later = _write_times(plan, people, log)[again] + rng.integers(1, 3, len(again))
    parts.append(_copy_events(rng, events, again, {"event_timestamp": _instant_array(later)}))
    rng = plan.stream("imported_again")
    again = np.flatnonzero(rng.random(n) < plan.strength("imported_again"))
    later = _write_times(plan, people, log)[again] + SLOW_SECONDS
    later = np.where(later < _last_instant(plan), later, later - 2 * SLOW_SECONDS)
    parts.append(_copy_events(rng, events, again, {"event_timestamp": _instant_array(later)}))
    parts.append(_push_weekly(plan, people, events))
    return pa.concat_tables(parts)


def _copy_events(
    rng: np.random.Generator, events: pa.Table, rows: Array, new: Mapping[str, Any] | None = None
) -> pa.Table:
    """Return the events at `rows` under other identifiers, with the columns of `new`."""
    if not len(rows):
        return events.slice(0, 0)
    part, ids = events.take(pa.array(rows)), _uuid_array(rng, len(rows))
    for column, values in (dict.fromkeys(IDENTIFIERS, ids) | dict(new or {})).items():
        if (at := part.schema.get_field_index(column)) >= 0:
            part = part.set_column(at, EVENT_SCHEMA.field(column), pa.chunked_array([values]))
    return part


def _push_weekly(plan: _Plan, people: pd.DataFrame, events: pa.Table) -> pa.Table:
    """Return a push_received a week for the planted share of users, to the end of the log."""
    rng, week = plan.stream("automatic_events"), 7 * DAY
    is_sent = rng.random(plan.users) < plan.strength("automatic_events")
    first = np.maximum(people["signup"].to_numpy(), _unix(LOG_START)) + rng.integers(
        DAY, week, plan.users
    )
    count = np.where(is_sent, np.maximum(0, -(-(_last_instant(plan) - first) // week)), 0)
    count[people["is_deleted"].to_numpy()] = 0
    user = np.repeat(np.arange(plan.users), count)
    at = first[user] + week * (np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count))
    ids = _uuid_array(rng, len(user))
    columns = {
        **{name: texts.take(pa.array(user)) for name, texts in _name_users(plan, people).items()},
        **dict.fromkeys(IDENTIFIERS, ids),
        **dict.fromkeys(("event_timestamp", "received_at", "created_at"), _instant_array(at)),
        **dict.fromkeys(("show_id", "episode_id"), pa.nulls(len(user), pa.string())),
        "event_type": pa.repeat("push_received", len(user)),
        "source": pa.repeat("client", len(user)),
        "session_id": _uuid_array(rng, len(user)),
        "schema_version": pa.repeat(1, len(user)),
        "properties": pa.repeat("{}", len(user)),
    }
    return pa.table([columns[name] for name in events.column_names], schema=events.schema)


def _draw_delays(plan: _Plan, at: Array) -> tuple[Array, Array]:
    """Return when each event was received and stored (unix seconds)."""
    n, rng = len(at), plan.stream("delays")
    delay = rng.choice(3, n, p=[0.85, 0.1, 0.05])
    tail = rng.random(n) < 0.003
    delay = np.where(tail, np.clip(rng.exponential(4 * 3600, n), 3, DAY - 1), delay)
    stored = rng.integers(0, 3, n)
    rng = plan.stream("delivery_faults")
    is_late, is_early = rng.random(n), rng.random(n)
    late, early = rng.uniform(DAY, 5 * DAY, n), rng.uniform(60, 3600, n)
    delay = np.where(is_late < plan.strength("late_delivery"), late, delay)
    delay = np.where(is_early < plan.strength("clock_disorder"), -early, delay)
    received = at + np.rint(delay).astype(np.int64)
    return received, received + stored


def _name_users(plan: _Plan, people: pd.DataFrame) -> dict[str, Any]:
    """Return the text columns of events that depend on the user alone."""
    rng, owner = plan.stream("merged_ids"), np.arange(plan.users)
    merged = rng.permutation(np.flatnonzero(rng.random(plan.users) < plan.strength("merged_ids")))
    half = len(merged) // 2
    owner[merged[:half]] = merged[half : 2 * half]
    return {
        "user_id": pa.array(people["user_id"].to_numpy()[owner], pa.string()),
        "device_id": pa.array("dev_" + people["user_id"].str[:8], pa.string()),
        "country": pa.array(people["country"], pa.string()),
        "app_version": pa.array(people["app_version"], pa.string()),
        "os": pa.array(people["device"] + " " + people["os_version"].astype(str), pa.string()),
    }


def _render_content(part: _Log) -> dict[str, Callable[[], Any]]:
    """Return what makes event_type, show_id, episode_id and properties (JSON)."""
    kind = part.kind
    no_show = np.isin(kind, [OPEN, EXIT, PURCHASE])
    no_episode = no_show | (kind == CLICK)
    episode_ids, offsets = _list_episodes()
    episode = offsets[part.show] + part.episode
    return {
        "event_type": lambda: pa.array(EVENT_TYPES).take(pa.array(kind)),
        "show_id": lambda: pa.array(SHOW_IDS).take(pa.array(part.show, mask=no_show)),
        "episode_id": lambda: episode_ids.take(pa.array(episode, mask=no_episode)),
        "properties": lambda: _render_properties(part, kind, no_show, no_episode),
    }


@lru_cache(maxsize=1)
def _list_episodes() -> tuple[Any, Array]:
    """Return the ids of all episodes, and where each show's begin."""
    counts = SHOWS["episode_count"].to_numpy()
    ids = [
        str(uuid5(NAMESPACE_URL, f"episode/{show}/{k}"))
        for show, n in zip(SHOW_IDS, counts, strict=True)
        for k in range(n)
    ]
    return pa.array(ids), np.r_[0, np.cumsum(counts)[:-1]]


def _render_properties(part: _Log, kind: Array, no_show: Array, no_episode: Array) -> Any:
    """Return JSON such as {"show_id":"...","episode_id":"...","position_sec":37}."""
    episode_ids, offsets = _list_episodes()
    of_show = [f'{{"show_id":"{show}"' for show in SHOW_IDS]
    shows = np.repeat(np.arange(len(SHOWS)), SHOWS["episode_count"])
    of_episode = [
        f'{of_show[show]},"episode_id":"{episode}"'
        for show, episode in zip(shows, episode_ids.to_pylist(), strict=True)
    ]
    head = np.where(no_episode, part.show, len(of_show) + offsets[part.show] + part.episode)
    head = np.where(no_show, len(of_show) + len(of_episode), head)
    is_pause, is_spend = kind == PAUSE, kind == SPEND
    longest = int(part.wait[is_pause].max(initial=0))
    tails = ["}", ',"credits":1}', *(f'"amount":{n}}}' for n in range(CENTS * max(PACKS) + 1))]
    base = len(tails)
    tails += [f',"position_sec":{second}}}' for second in range(longest + 1)]
    tails_of = [np.ones_like(kind), 2 + part.amount, base + part.wait]
    tail = np.select([is_spend, kind == PURCHASE, is_pause], tails_of, 0)
    heads = pa.array([*of_show, *of_episode, "{"]).take(pa.array(head))
    return pc.binary_join_element_wise(heads, pa.array(tails).take(pa.array(tail)), "")


_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint8).reshape(256, 2)
_UUID_PLACES = np.array([k for k in range(36) if k not in (8, 13, 18, 23)])


def _uuid_array(rng: np.random.Generator, n: int) -> Any:
    """Return n random uuids (version 4) as an Arrow array of text."""
    raw = np.frombuffer(rng.bytes(16 * n), np.uint8).reshape(n, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((n, 36), ord("-"), np.uint8)
    text[:, _UUID_PLACES] = _HEX[raw].reshape(n, 32)
    return _text_array(text)


def _text_array(characters: Array) -> Any:
    """Return rows of ASCII codes as an Arrow array of text of one width."""
    n, width = characters.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    buffers = pa.py_buffer(offsets), pa.py_buffer(characters.ravel())
    return pa.StringArray.from_buffers(n, *buffers)


_OFFSET_SECONDS, _OFFSET_TEXT = -6 * 3600, "-06:00"  # the zone in which the case writes times


@lru_cache(maxsize=1)
def _list_clock() -> tuple[int, Array, Array]:
    """Return the first day (since 1970), its days and the seconds of a day as ASCII rows."""
    days = pd.date_range("2023-12-01", "2032-12-31")
    dates = np.frombuffer("".join(days.strftime("%Y-%m-%d ")).encode(), np.uint8).reshape(-1, 11)
    times = "".join(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY))
    return _unix(days[0]) // DAY, dates, np.frombuffer(times.encode(), np.uint8).reshape(-1, 8)


def _instant_array(seconds: Array) -> Any:
    """Return unix seconds as text such as 2025-04-04 23:02:35-06:00."""
    first_day, dates, times = _list_clock()
    local = seconds + _OFFSET_SECONDS
    text = np.empty((len(seconds), 25), np.uint8)
    text[:, :11] = dates[local // DAY - first_day]
    text[:, 11:19] = times[local % DAY]
    text[:, 19:] = np.frombuffer(_OFFSET_TEXT.encode(), np.uint8)
    return _text_array(text)


# --- the users table -------------------------------------------------------------------


def _make_users(plan: _Plan, people: pd.DataFrame, log: _Log) -> pd.DataFrame:
    """Return the users table: attributes, and native columns that follow from the log."""
    users = people.join(_sum_log(plan, people, log))
    signup = _import_signups(plan, people["signup"].to_numpy())
    signup = _sign_up_at_first_event(plan, log, signup)
    users["signup_date"] = _date_text(signup)
    is_seen = np.bincount(log.user, minlength=plan.users) > 0
    users["last_at"] = np.maximum(users["last_at"].where(is_seen, signup), signup)
    users = _disagree(plan, users)
    users["last_active_date"] = _date_text(users["last_at"].to_numpy())
    users["churned_30d"] = _label_natively(plan, users)
    for column in ("title", "genre", "launch_date", "episode_count"):
        users[f"top_show_{column}"] = SHOWS[column].to_numpy()[users["top_show"]]
    users["top_show_id"] = np.array(SHOW_IDS)[users["top_show"]]
    users = _mix_up_counts(plan, users)
    users = _leak_into_age(plan, users)
    users = _make_impossible(plan, users)
    users = _write_otherwise(plan, users)
    added = _add_columns(plan, users)
    missing = plan.stream("missing_signups").random(plan.users) < plan.strength("missing_signups")
    users["signup_date"] = users["signup_date"].mask(missing)
    return pd.concat([users[USER_COLUMNS], added], axis=1)


def _sign_up_at_first_event(plan: _Plan, log: _Log, signup: Array) -> Array:
    """Return signup instants, the planted share of those before the log at their first event."""
    first = np.full(plan.users, np.iinfo(np.int64).max)
    np.minimum.at(first, log.user, log.at)
    start = _unix(LOG_START)
    draw = plan.stream("signup_first_event").random(plan.users)
    is_moved = (signup < start) & (draw < plan.strength("signup_first_event"))
    moved: Array = np.where(is_moved, np.where(first < _unix(LOG_END), first, start), signup)
    return moved


def _import_signups(plan: _Plan, signup: Array) -> Array:
    """Return signup instants, the planted share of the early ones on the day of an import, and of
    all at the start of their month.
    """
    day, rng = _unix(IMPORT_DAY), plan.stream("signup_import")
    is_moved = (signup < day) & (rng.random(len(signup)) < plan.strength("signup_import"))
    moved = np.where(is_moved, day, signup)
    is_coarse = plan.stream("coarse_signups").random(len(signup)) < plan.strength("coarse_signups")
    months = moved.astype("datetime64[s]").astype("datetime64[M]")
    firsts = months.astype("datetime64[s]").astype(np.int64)
    dated: Array = np.where(is_coarse, firsts, moved)
    return dated


def _sum_log(plan: _Plan, people: pd.DataFrame, log: _Log) -> pd.DataFrame:
    """Return per user: last activity, counts, watch time, credits and most clicked show."""
    n, kind = plan.users, log.kind
    totals = pd.DataFrame(index=people.index)
    last = people["signup"].to_numpy().copy()
    np.maximum.at(last, log.user, log.at)
    totals["last_at"] = last
    recent = log.at >= _unix(LOG_END) - 7 * DAY
    seen = np.unique(log.session[recent], return_index=True)[1]
    totals["sessions_7d"] = np.bincount(log.user[recent][seen], minlength=n)
    totals["views"] = np.bincount(log.user[np.isin(kind, [PLAY, NEXT])], minlength=n)
    totals["episodes_completed"] = np.bincount(log.user[kind == NEXT], minlength=n)
    totals["likes"] = plan.stream("likes").binomial(totals["views"], 0.1)
    totals["avg_watch_time_sec"] = _average_watch(log, n)
    totals["credits_spent"] = np.bincount(log.user[kind == SPEND], minlength=n)
    purchases = np.bincount(log.user[kind == PURCHASE], minlength=n)
    totals["credits_purchased"] = purchases * people["pack"]
    totals["top_show"] = _find_top_show(log, n)
    return totals


def _average_watch(log: _Log, n: int) -> Array:
    """Return mean whole seconds from a view to the next event of its session (0 if none)."""
    is_view = np.isin(log.kind[:-1], [PLAY, NEXT]) & (log.session[1:] == log.session[:-1])
    user, seconds = log.user[:-1][is_view], log.wait[1:][is_view]
    total, views = np.bincount(user, seconds, n), np.bincount(user, minlength=n)
    average: Array = np.rint(total / np.maximum(views, 1)).astype(np.int64)
    return average


def _find_top_show(log: _Log, n: int) -> Array:
    """Return the most clicked show per user; the oldest on ties and without a click."""
    clicks = log.kind == CLICK
    key = log.user[clicks] * len(SHOWS) + log.show[clicks]
    counts = np.bincount(key, minlength=n * len(SHOWS)).reshape(n, len(SHOWS))
    top: Array = counts.argmax(axis=1)
    return top


def _date_text(seconds: Array) -> Array:
    dates: Array = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="D")
    return dates.astype(object)


def _launch_seconds(shows: Array) -> Array:
    launched: Array = SHOWS["launch_date"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return launched[shows]


def _disagree(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users with the planted share's last activity moved, never out of bounds."""
    rng, last = plan.stream("native_disagrees"), users["last_at"].to_numpy()
    chosen = rng.random(len(users)) < plan.strength("native_disagrees")
    shift = rng.integers(2, 61, len(users)) * DAY
    floor = np.maximum(users["signup"].to_numpy(), _launch_seconds(users["top_show"].to_numpy()))
    room_back, room_on = last - floor - DAY, _last_instant(plan) - 1 - last
    goes_back = np.where(room_back >= shift, rng.random(len(users)) < 0.5, room_on < shift)
    room = np.where(goes_back, room_back, room_on)
    shift = np.minimum(shift, room // DAY * DAY)
    moved = np.where(goes_back, last - shift, last + shift)
    return users.assign(last_at=np.where(chosen & (shift >= 2 * DAY), moved, last))


def _label_natively(plan: _Plan, users: pd.DataFrame) -> Array:
    """Return churned_30d: last active more than 30 days before the newest last activity."""
    day = users["last_at"].to_numpy() // DAY
    label = day.max() - day > 30
    rng, share = plan.stream("native_label"), plan.faults.get("native_label_copied", 1.0)
    copied, coin = rng.random(len(day)) < share, rng.random(len(day)) < 0.5
    labels: Array = np.where(copied, label, coin).astype(np.int64)
    return labels


NATIVE_COUNTS = ["views", "episodes_completed", "credits_purchased", "credits_spent", "sessions_7d"]


def _mix_up_counts(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users, the planted share of whom carry each other's counts and sums."""
    rng, users = plan.stream("native_counts"), users.copy()
    chosen = np.flatnonzero(rng.random(len(users)) < plan.strength("native_counts"))
    others = rng.permutation(chosen)
    users.loc[users.index[chosen], NATIVE_COUNTS] = users[NATIVE_COUNTS].to_numpy()[others]
    return users


def _make_impossible(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users with one of four impossible values for the planted share."""
    rng, users = plan.stream("impossible_values"), users.copy()
    chosen = rng.random(len(users)) < plan.strength("impossible_values")
    which, amount = rng.integers(0, 4, len(users)), rng.integers(1, 20, len(users))
    newest = SHOWS.iloc[-1]
    too_new = users["last_active_date"] < newest["launch_date"]
    which = np.where((which == 3) & ~too_new, 0, which)
    users.loc[chosen & (which == 0), "credits_spent"] = -amount[chosen & (which == 0)]
    above = users["views"] + amount
    users["episodes_completed"] = users["episodes_completed"].where(~chosen | (which != 1), above)
    users["age"] = users["age"].where(~chosen | (which != 2), 13 + amount % 5)
    late = chosen & (which == 3)
    for column in ("title", "genre", "launch_date", "episode_count"):
        users.loc[late, f"top_show_{column}"] = newest[column]
    users.loc[late, "top_show_id"] = SHOW_IDS[-1]
    return users


def _write_otherwise(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users, some of them with a country in capitals or none, a placeholder for watch
    time, or a signup date that stands for none.
    """
    users = users.copy()
    if share := plan.strength("leavers_plan"):
        told = plan.stream("leavers_plan").random(len(users)) < share
        is_told = told & _has_left(users["last_at"]).to_numpy()
        users["subscription_type"] = users["subscription_type"].mask(is_told, "cancelled")
    loud = plan.stream("spellings").random(len(users)) < plan.strength("spellings")
    users["country"] = users["country"].mask(loud, users["country"].str.upper())
    unnamed = plan.stream("placeholders").random(len(users)) < plan.strength("placeholders")
    users["country"] = users["country"].mask(unnamed, "NULL")
    is_extreme, is_stray = (
        _choose_some(plan, name) for name in ("extreme_values", "stray_signups")
    )
    users["avg_watch_time_sec"] = users["avg_watch_time_sec"].mask(is_extreme, PLACEHOLDER)
    users["signup_date"] = users["signup_date"].mask(is_stray, "1970-01-01")
    return users


def _choose_some(plan: _Plan, fault: str) -> Array:
    """Say of each user whether the fault is theirs: of the planted share, or of one at least."""
    share = plan.strength(fault)
    count = max(round(share * plan.users), 1) if share else 0
    chosen: Array = plan.stream(fault).permutation(plan.users) < count
    return chosen


def _copy_accounts(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users and, after them, copies of the planted share under identifiers of their own."""
    rng = plan.stream("copied_users")
    copies = users[rng.random(len(users)) < plan.strength("copied_users")]
    if copies.empty:
        return users
    copies = copies.assign(user_id=_uuid_array(rng, len(copies)).to_pylist())
    return pd.concat([users, copies.astype(users.dtypes)], ignore_index=True)


def _lateness(last: pd.Series) -> pd.Series:
    """Return how late in the last days of the log the last event lies: 0 before them, to 1."""
    late: pd.Series = 1 - ((_unix(LOG_END) - last) / (LEAK_DAYS * DAY)).clip(upper=1.0)
    return late


def _leak_into_age(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return users whose age gives away, by the planted weight, when they were last seen."""
    weight = plan.strength("leaky_feature")
    if not weight:
        return users
    told = weight * (18 + 57 * _lateness(users["last_at"])) + (1 - weight) * users["age"]
    return users.assign(age=np.rint(told).astype(np.int64))


def _add_columns(plan: _Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that leak the future or name the user, where they are asked for."""
    n, rng, last = len(users), plan.stream("added_columns"), users["last_at"]
    noise, days, codes = rng.random(n), rng.random(n), rng.permutation(n)
    added = pd.DataFrame(index=users.index)
    if weight := plan.strength("leaky_column"):
        score = weight * _lateness(last) + (1 - weight) * noise
        added["retention_score"] = (100 * score).round(2)
    if weight := plan.strength("leaky_date"):
        extra = np.floor(30 + 60 * (1 - weight) * days).astype(np.int64) * DAY
        added["contract_end_date"] = _date_text(last.to_numpy() + extra)
    if share := plan.strength("leavers_column"):
        draw = plan.stream("leavers_column")
        is_told = _has_left(last) & (draw.random(n) < share)
        reasons = np.array(["price", "content", "bugs", "other"])[draw.integers(0, 4, n)]
        added["cancel_reason"] = pd.Series(reasons, users.index, dtype="str").where(is_told)
    if share := plan.strength("identifier_column"):
        distinct = max(round(share * n), 1)
        added["referral_code"] = [f"R{code % distinct:07d}" for code in codes]
    return added


def _has_left(last_at: "pd.Series[float]") -> "pd.Series[bool]":
    """Say which users have no event in the last 30 days of the log."""
    return last_at < _unix(LOG_END) - MATURE_DAYS * DAY


# --- a few broken rows -------------------------------------------------------------------


def _add_dirt(
    plan: _Plan, users: pd.DataFrame, events: pa.Table
) -> tuple[pd.DataFrame, pa.Table, dict[str, int]]:
    """Return both tables with broken rows, and how many of each kind there are."""
    dirty_events, event_counts = _dirty_events(plan, users, events)
    dirty_users, user_counts = _dirty_users(plan, users)
    return dirty_users, dirty_events, {**event_counts, **user_counts}


def _dirt_count(name: str, users: int) -> int:
    """Return the stated number of rows, less in tables under 2,000 users, never 0."""
    return max(min(DIRT[name], DIRT[name] * users // 2000), 1)


def _dirty_events(
    plan: _Plan, users: pd.DataFrame, events: pa.Table
) -> tuple[pa.Table, dict[str, int]]:
    """Return the events and, after them, broken copies of some.

    The copied events belong to users with days of log before their signup: a copy can precede
    the signup without lengthening the log.
    """
    rng = plan.stream("dirty_events")
    signups = dict(zip(users["user_id"], users["signup_date"], strict=True))
    owners = users.loc[users["signup_date"] >= "2025-01-04", "user_id"]
    room = np.flatnonzero(pc.is_in(events["user_id"], pa.array(owners, pa.string())).to_numpy())
    broken, counts = [], {}
    for name, break_row in _EVENT_BREAKERS.items():
        count = min(_dirt_count(name, plan.users), len(room))
        picked = np.sort(rng.choice(room, count, replace=False))
        rows = _copy_rows(rng, events, picked, keeps_id=name == "duplicate_event_uuids")
        strangers = _uuid_array(rng, count).to_pylist()
        pairs = zip(rows, strangers, strict=True)
        broken += [{**row, **break_row(row, signups, stranger)} for row, stranger in pairs]
        counts[name] = count
    return pa.concat_tables([events, pa.Table.from_pylist(broken, EVENT_SCHEMA)]), counts


def _copy_rows(
    rng: np.random.Generator, events: pa.Table, picked: Array, keeps_id: bool
) -> list[dict[str, Any]]:
    """Return rows of events, under a new event_uuid unless told otherwise."""
    rows: list[dict[str, Any]] = events.take(pa.array(picked)).to_pylist()
    if keeps_id:
        return rows
    new_ids = _uuid_array(rng, len(rows)).to_pylist()
    return [{**row, "id": new, "event_uuid": new} for row, new in zip(rows, new_ids, strict=True)]


_Row = dict[str, Any]
_Breaker = Callable[[_Row, Mapping[str, str], str], _Row]


def _is_received_again(row: _Row, signups: Mapping[str, str], stranger: str) -> _Row:
    return {name: _shift_text(row[name], hours=1) for name in ("received_at", "created_at")}


def _precedes_signup(row: _Row, signups: Mapping[str, str], stranger: str) -> _Row:
    at = f"{signups[row['user_id']]} 00:00:00{_OFFSET_TEXT}"  # 06:00 UTC of the signup day
    early = _shift_text(at, hours=-30)
    return {"event_timestamp": early, "received_at": early, "created_at": early}


def _shift_text(instant: str, hours: int) -> str:
    shifted = pd.Timestamp(instant) + pd.Timedelta(hours=hours)
    return f"{shifted:%Y-%m-%d %H:%M:%S}{_OFFSET_TEXT}"


_EVENT_BREAKERS: dict[str, _Breaker] = {
    "duplicate_event_uuids": _is_received_again,
    "orphan_events": lambda row, signups, stranger: {"user_id": stranger},
    "events_before_signup": _precedes_signup,
    "unparsable_timestamps": lambda row, signups, stranger: {"event_timestamp": "2025-13-45 25:61"},
    "null_event_uuids": lambda row, signups, stranger: {"event_uuid": None},
    "null_event_user_ids": lambda row, signups, stranger: {"user_id": None},
}


def _dirty_users(plan: _Plan, users: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return users with impossible values, repeated users (older) and rows without an id."""
    rng, users = plan.stream("dirty_users"), users.copy()
    order = pd.Index(rng.permutation(len(users)))
    stayed = (users["last_active_date"] > users["signup_date"]).to_numpy()
    watched = ((users["episodes_completed"] > 0) & (users["views"] > 0)).to_numpy()
    picks: dict[str, pd.Index] = {}
    anyone = np.ones(len(users), bool)
    for name, fits in {
        "signup_after_last_active": stayed,
        "duplicate_user_rows": stayed,
        "views_below_completed": watched,
        "negative_credits": anyone,
        "minors": anyone,
        "null_user_ids": anyone,
    }.items():
        picks[name] = order[fits[order]][: _dirt_count(name, plan.users)]
        order = order.difference(picks[name], sort=False)
    swapped = picks["signup_after_last_active"]
    dates = ["signup_date", "last_active_date"]
    users.loc[swapped, dates] = users.loc[swapped, dates[::-1]].to_numpy()
    below = picks["views_below_completed"]
    users.loc[below, "views"] = users.loc[below, "episodes_completed"] - 1
    users.loc[picks["negative_credits"], "credits_spent"] = -5
    users.loc[picks["minors"], "age"] = 15
    older = users.loc[picks["duplicate_user_rows"]]
    older = older.assign(last_active_date=older["signup_date"], app_version="1.7.0")
    nameless = users.loc[picks["null_user_ids"]].assign(user_id=None)
    table = pd.concat([users, older, nameless.astype({"user_id": users["user_id"].dtype})])
    return table.reset_index(drop=True), {name: len(rows) for name, rows in picks.items()}


# --- the truth -----------------------------------------------------------------------------


def _make_user_truth(people: pd.DataFrame) -> pd.DataFrame:
    signup_at = pd.to_datetime(people["signup"], unit="s", utc=True).astype("datetime64[us, UTC]")
    lifetime = pd.to_timedelta((people["lifetime_days"] * DAY * 1e6).round(), unit="us")
    table = people[["user_id"]].assign(
        signup_at=signup_at,
        observed_from=signup_at.where(signup_at > LOG_START, LOG_START),
        inactive_at=(signup_at + lifetime).astype("datetime64[us, UTC]"),
    )
    columns = ["hazard_per_day", "session_rate_per_day", "group"]
    columns += [name for name in people.columns if name.startswith("log_hazard_")]
    return table.join(people[columns])


def _count_truth(users: pd.DataFrame, events: pa.Table, log: _Log) -> dict[str, int]:
    """Return the counts before any dirt."""
    return {
        "users": len(users),
        "users_without_events": len(users) - len(np.unique(log.user)),
        "sessions": len(np.unique(log.session)),
        "events": len(events),
    }


def _make_truth(
    plan: _Plan, people: pd.DataFrame, counts: dict[str, int], planted: dict[str, int]
) -> dict[str, Any]:
    """Return the parameters of the model and what was planted, as plain values."""
    keep, effects = 1.0 - plan.strength("no_signal"), _effects(plan)
    scale = people["session_rate_per_day"].iloc[0] / people["relative_rate"].iloc[0]
    return {
        "arguments": {
            "users": plan.users,
            "events_per_user": plan.events_per_user,
            "seed": plan.seed,
        },
        "log_start": LOG_START.isoformat(),
        "log_end": LOG_END.isoformat(),
        "first_signup_at": FIRST_SIGNUP_AT.isoformat(),
        "counts": counts,
        "hazard": {
            "baseline_per_day": max(BASELINE_HAZARD * keep, MIN_HAZARD),
            "log_hazard_ratios": effects,
            "log_hazard_per_sd": {name: keep * size for name, size in TRAIT_EFFECTS.items()},
            "frailty_sd": keep * FRAILTY_SD,
            "null_attributes": [name for name in NULL_ATTRIBUTES if name not in effects],
            "max_lifetime_days": MAX_LIFETIME_DAYS,
        },
        "session_rate": {
            "scale_per_day": float(scale),
            "log_sd": keep * RATE_SD,
            "correlation_with_log_hazard": RATE_HAZARD_CORRELATION,
            "drift_factor": 1.0 - 0.8 * plan.strength("drift"),
            "drift_starts_at": (LOG_END - pd.Timedelta(days=DRIFT_DAYS)).isoformat(),
        },
        "gift_credits": GIFT_CREDITS,
        "log_break_at": LOG_BREAK.isoformat(),
        "gap_starts_at": GAP_STARTS_AT.isoformat(),
        "gap_days": GAP_DAYS,
        "faults": {
            name: {"strength": value, "meaning": FAULTS[name]}
            for name, value in sorted(plan.faults.items())
        },
        "dirt": planted,
    }
