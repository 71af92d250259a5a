"""Events logged a second time some half hours later, as when a log is loaded in another zone."""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import engine
from analysis.log.rules import rule_rows

SHIFTED = "repeats the event before it some whole half hours later, beyond chance"
HALF_HOUR, ZONE_HOURS = 1_800_000, 14  # milliseconds
NEIGHBOURS, FIRST_LAGS = (-2, -1, 1, 2), 2
MOST_OF_IT = 0.1
"""Share of all that chance does not explain from which a lag counts as one of an import."""


def half_hours(instants: Any, unit: int) -> pd.DataFrame:
    """Return by `event_type` and `lag` (half hours between an event and the one before that says
    the same): how many `repeat` it, how many do by `chance`, how many are `beyond`, and a `sample`.

    A log loaded again in another zone is later by the same lag throughout; habits and timetables
    have a bit of each. So chance is what comes `unit` milliseconds (a second at least) later than
    the lag, or what the lags next to it have, up to an hour away: the second largest, for a zone
    has two lags where clocks change, and the largest for the first hour, where lags get rarer
    quickly. Three standard deviations more are chance, too.
    """
    before = instants.before
    near = instants.filter((before >= HALF_HOUR) & (before <= 2 * ZONE_HOURS * HALF_HOUR))
    rest = near.before % HALF_HOUR
    sums = near.group_by("event_type", lag=near.before // HALF_HOUR).aggregate(
        repeat=(rest == 0).sum(),
        later=(rest == max(unit, 1000)).sum(),
        sample=near.user_id.min(where=rest == 0),
    )
    table = engine.to_pandas(sums.order_by("event_type", "lag"))
    lags = [with_chance(part) for _, part in table.groupby("event_type", dropna=False)]
    return pd.concat(lags) if lags else with_chance(table)


def with_chance(lags: pd.DataFrame) -> pd.DataFrame:
    """Return the lags of one type with `chance` and `beyond`."""
    counts = lags.set_index("lag")["repeat"]
    around = np.column_stack([counts.reindex(counts.index + k).fillna(0) for k in NEIGHBOURS])
    around.sort(axis=1)
    habit = np.where(counts.index <= FIRST_LAGS, around[:, -1], around[:, -2])
    chance = np.maximum(habit, lags["later"].to_numpy())
    beyond = np.maximum(lags["repeat"].to_numpy() - chance - 3 * np.sqrt(chance), 0).astype(int)
    return lags.assign(chance=chance, beyond=beyond)


def shifted_rules(instants: Any, unit: int) -> pd.DataFrame:
    """Return the rule on events that repeat another some half hours later: see rule_rows. How many
    events were `checked` is not known here.
    """
    lags = half_hours(instants, unit)
    odd = lags[lags["beyond"] > 0]
    sample = odd["sample"].min() if len(odd) else None
    return rule_rows([
        ("structural", "events", SHIFTED, 0, int(odd["beyond"].sum()), sample)
    ])  # fmt: skip


def shifted_events(instants: Any, unit: int) -> Any:
    """Return which instants (Ibis, true or false) lie one of the odd lags after the one before."""
    lags = half_hours(instants, unit)
    sums = lags.groupby("lag")["beyond"].sum()
    odd = [int(lag) * HALF_HOUR for lag in sums.index[sums > MOST_OF_IT * sums.sum()]]
    return instants.before.isin(odd) if odd else ibis.literal(False)
