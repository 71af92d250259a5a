"""The chapter on data quality: see the notebook 03_audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.audit import (
    amounts,
    automatic,
    blocks,
    coverage,
    endings,
    identities,
    kinds,
    latency,
    machines,
    mix,
    native,
    quality,
    relations,
    repeats,
    returns,
    sessions,
    signups,
    values,
    volume,
)
from analysis.audit.closed import empty_days
from analysis.audit.presence import Presence, daily_changes, presence
from analysis.audit.repeat_rules import find_repeats
from analysis.base.errors import Unavailable
from analysis.base.users import beside
from analysis.contract import stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.checks import Verdict, suspects_of, to_table
from analysis.contract.store import Store
from analysis.log import activity, cancellations
from analysis.log import rules as log_rules
from analysis.log.log import Log

ONLY_CHECKS = (signups, values, volume)
"""Modules that measure nothing beforehand: importing them registers their checks."""


@dataclass(frozen=True, eq=False)
class Audit(Chapter):
    """The log, what cleaning counted, and the stage's parameters.

    Every measure that a check reads is an attribute, computed when first asked for.
    """

    log: Log
    users_qa: Mapping[str, Any]
    events_qa: Mapping[str, Any]
    time_zone: str
    lookback_days: int
    horizon_days: int
    event_types: Mapping[str, str]
    session_gap_minutes: float
    closed_days: Sequence[str] = ()
    min_disclosed: int = 1
    stage = "03_audit"

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Audit":
        """Return the chapter on the artifacts under `inputs`, with the stage's parameters."""
        store = Store(cls.stage, inputs)
        users_qa, events_qa = (store.json(path) for path in stages.QA)
        return cls(Log.read(store), users_qa, events_qa, **parameters)

    @cached_property
    def judged(self) -> list[Verdict]:
        """The verdicts of all checks, each made once."""
        return self.verdicts()

    @table
    def verdict_table(self) -> pd.DataFrame:
        """The verdicts as a table: see contract.checks.to_table."""
        return to_table(self.judged)

    @table
    def suspects(self) -> pd.DataFrame:
        """What the checks that fail rest on: see checks.suspects_of."""
        return suspects_of(self.judged)

    # --- what others are made of --------------------------------------------------------

    @table
    def volume(self) -> pd.DataFrame:
        """Events and users of each day: see daily_volume."""
        return self.log.volume.copy()

    @cached_property
    def user_types(self) -> Any:
        """What users did, by user and type of event, kept by the engine: see user_types."""
        return activity.user_types(activity.by_users(self.log.events)).cache()

    @cached_property
    def user_sessions(self) -> Any:
        """The sessions of each user, kept by the engine: see user_sessions; None without any."""
        events = self.log.events
        return activity.user_sessions(events).cache() if "session_id" in events.columns else None

    @cached_property
    def users_seen(self) -> pd.DataFrame:
        """The users with the span of their events: see activity.user_spans."""
        return beside(self.log.users, activity.user_spans(self.user_types))

    @cached_property
    def kinds(self) -> pd.DataFrame:
        """The types of event, and for how many users each goes on: see kinds_that_go_on."""
        by_users = activity.by_users(self.log.events)
        return automatic.kinds_that_go_on(by_users, self.user_types, self.horizon_days)

    @cached_property
    def last_events(self) -> pd.DataFrame:
        """After which types of event users are no longer seen: see last_events."""
        return endings.last_events(self.user_types, self.log.window, self.horizon_days)

    @cached_property
    def users_ended(self) -> pd.DataFrame:
        """Who is no longer seen after the type of event that ends it, if there is one."""
        row = endings.ending_kind(self.last_events)
        if row is None:
            return pd.DataFrame({"user_id": []})
        types, window = self.user_types, self.log.window
        return endings.ended_users(types, window, self.horizon_days, row["kind"])

    @cached_property
    def busy_accounts(self) -> pd.DataFrame:
        """The busiest accounts, with their rhythm: see busy_accounts."""
        by_users = activity.by_users(self.log.events)
        return machines.busy_accounts(by_users, self.users_seen, self.log.window)

    # --- rules --------------------------------------------------------------------------

    @cached_property
    def cleaning_rules(self) -> pd.DataFrame:
        """What cleaning counted, as rules."""
        return quality.cleaning_rules(self.users_qa, self.events_qa)

    @cached_property
    def user_rules(self) -> pd.DataFrame:
        """The rules over users."""
        endings = cancellations.first_endings(self.log.events)
        seen = self.users_seen.merge(endings, how="left") if len(endings) else self.users_seen
        tomorrow = log_rules.tomorrow_of(self.log.volume, self.log.window)
        return log_rules.user_rules(seen.assign(tomorrow=tomorrow))

    @cached_property
    def event_rules(self) -> pd.DataFrame:
        """The rules over events."""
        return log_rules.event_rules(self.log.events)

    @cached_property
    def amount_signs(self) -> pd.DataFrame:
        """How many amounts of each type of event are negative."""
        return amounts.amount_signs(self.log.events)

    @cached_property
    def sign_rules(self) -> pd.DataFrame:
        """The rule on negative amounts."""
        return amounts.sign_rules(self.amount_signs)

    @cached_property
    def repeat_rules(self) -> pd.DataFrame:
        """The rules on repeated events."""
        return find_repeats(self.log.events, self.clock_times, self.alike_events)

    @cached_property
    def alike_events(self) -> Any:
        """The events whose content another has, kept by the engine: see alike."""
        return blocks.alike(self.log.events).cache()

    @cached_property
    def copies_by_day(self) -> Any:
        """How many rows of each user and day are copies, kept by the engine: see user_days."""
        days = blocks.user_days(self.log.events, self.log.window, self.time_zone, self.alike_events)
        return days.cache()

    @property
    def has_ids(self) -> bool:
        """Whether the events came with identifiers."""
        return self.events_qa["null_event_uuid"] is not None

    @cached_property
    def exact_copies(self) -> dict[str, Any]:
        """How many events are the same as an earlier one, and what was compared."""
        columns = self.events_qa.get("columns", {})
        return repeats.exact_copies(
            self.log.events, self.copies_by_day, columns, self.clock_times, self.has_ids
        )

    @cached_property
    def doubled_days(self) -> pd.DataFrame:
        """The days on which nearly every row stands there twice."""
        return blocks.doubled_days(self.copies_by_day)

    @cached_property
    def repeat_surplus(self) -> pd.DataFrame:
        """The events that stand there too often, as suspects."""
        log, failing = self.log, repeats.failing_rule(self.repeat_rules, self.has_ids)
        return repeats.repeat_surplus(
            log.events, failing, self.doubled_days, log.window, self.time_zone
        )

    @cached_property
    def identity_rules(self) -> pd.DataFrame:
        """The rules on countries and sessions of users."""
        return identities.identity_rules(self.log.events, self.log.users, self.user_sessions)

    @cached_property
    def mixed_users(self) -> pd.DataFrame:
        """The users who break these rules."""
        return identities.mixed_users(self.log.events, self.log.users, self.user_sessions)

    @cached_property
    def coverage_rules(self) -> pd.DataFrame:
        """The users and events that the days that count do not cover."""
        log = self.log
        users = coverage.coverage_rules(self.users_seen, log.volume, log.window, self.lookback_days)
        edges = coverage.edge_rules(log.events, log.users, log.volume, log.window)
        return quality.join_rules((users, edges))

    @cached_property
    def rules(self) -> pd.DataFrame:
        """Every rule, in a fixed order."""
        return quality.join_rules(
            (self.cleaning_rules, self.user_rules, self.event_rules, self.sign_rules,
             self.repeat_rules, self.identity_rules, self.coverage_rules)
        )  # fmt: skip

    @table
    def rules_broken(self) -> pd.DataFrame:
        """The rules that at least one row breaks, the worst first."""
        return quality.broken_rules(self.rules)

    @table
    def scorecard(self) -> pd.DataFrame:
        """The quality by dimension: see score_dimensions."""
        return quality.score_dimensions(self.rules)

    @table
    def quality(self) -> pd.DataFrame:
        """Every column with its missing values, and every rule: see quality_table."""
        null_counts = quality.count_nulls(self.log.users, self.events_qa)
        return quality.quality_table(null_counts, self.rules)

    # --- the log ------------------------------------------------------------------------

    @cached_property
    def presence(self) -> Presence:
        """On which days each user was active: see presence."""
        return presence(self.log.user_days, self.log.users, self.log.window, self.time_zone)

    @cached_property
    def daily_changes(self) -> pd.DataFrame:
        """What changes at each midnight: see daily_changes."""
        return daily_changes(self.presence)

    @cached_property
    def sudden_changes(self) -> pd.DataFrame:
        """The midnights at which the regular users change: see sudden_changes."""
        return returns.sudden_changes(self.daily_changes)

    @cached_property
    def closed(self) -> pd.DataFrame:
        """The runs of days without an event: see empty_days."""
        return empty_days(self.log.volume, self.log.window, self.closed_days)

    @cached_property
    def daily_mix(self) -> pd.DataFrame:
        """Events of each kind by day."""
        return mix.daily_mix(self.log.events, self.log.window, self.time_zone)

    @cached_property
    def mix_breaks(self) -> pd.DataFrame:
        """The clearest change of each kind's share."""
        breaks = mix.mix_breaks(self.daily_mix)
        return mix.beyond_users(breaks, self.log.events, self.log.window, self.time_zone)

    @cached_property
    def users_of_breaks(self) -> pd.DataFrame:
        """Whether the users of kinds that stop or start are gone."""
        return kinds.users_of_breaks(self.mix_breaks, self.log.events, self.log.window)

    @cached_property
    def stopped_sources(self) -> pd.DataFrame:
        """Whether somebody takes over the events of sources that stop."""
        return kinds.stopped_sources(self.mix_breaks, self.log.events, self.log.window)

    @cached_property
    def daily_amounts(self) -> pd.DataFrame:
        """Amounts by type of event and day."""
        return amounts.daily_amounts(self.log.events, self.log.window, self.time_zone)

    @cached_property
    def session_lengths(self) -> pd.DataFrame:
        """How long sessions last, and how many events they have."""
        return sessions.session_lengths(self.log.events, self.user_sessions)

    @cached_property
    def fullest_second(self) -> pd.DataFrame:
        """The second of the day with the most events."""
        return latency.fullest_second(self.clock_times)

    @cached_property
    def clock_times(self) -> pd.DataFrame:
        """How many events each second of the day has: see clock_times."""
        return latency.clock_times(self.log.events)

    @cached_property
    def fast_clocks(self) -> pd.DataFrame:
        """The users with events that happened more than a day after their receipt."""
        return latency.fast_clocks(self.log.events, self.delay_histogram)

    @cached_property
    def received_delays(self) -> Any:
        """How many events of each kind came how late, kept by the engine: see received_delays."""
        return latency.received_delays(self.log.events)

    @cached_property
    def delay_histogram(self) -> pd.DataFrame:
        """How often each delay occurs."""
        return latency.delay_histogram(self.log.events, self.received_delays)

    @cached_property
    def delay_by_kind(self) -> pd.DataFrame:
        """The median delay of each source and device."""
        return latency.delay_by_kind(self.received_delays)

    @table
    def latency(self) -> pd.DataFrame:
        """The delays between the three times of an event: see latency_table."""
        delays = latency.latency_table(self.delay_histogram)
        if delays.empty:
            raise Unavailable(
                "Delays need the times at which events were received or written. Add received_at "
                "and created_at to the events, if they are recorded."
            )
        return delays

    # --- both tables --------------------------------------------------------------------

    @table
    def relational(self) -> pd.DataFrame:
        """How the two tables fit together: see relational_table."""
        return relations.relational_table(self.log.users, self.log.events)

    @cached_property
    def events_per_user(self) -> pd.DataFrame:
        """How many users have each number of events."""
        return relations.events_per_user(self.users_seen)

    @cached_property
    def native_totals(self) -> pd.DataFrame:
        """How far the counts of the users table agree with the log's: see native_totals."""
        return native.native_totals(
            self.log.users,
            self.log.events,
            self.log.window,
            self.event_types,
            self.session_gap_minutes,
        )
