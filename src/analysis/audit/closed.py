"""Empty days: was the product closed, or are the events lost?

A product that rests leaves a habit: the same weekday, the same dates a year later, public holidays,
or many other empty days. Lost days leave none: the log is full on both sides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from dateutil.easter import easter

from analysis.base import clock
from analysis.log.window import LogWindow

REST, LEAST_WEEKS = 0.1, 4
"""Share of the days of one weekday with any event, up to which it is a day of rest; weeks of a log
from which its weekdays are judged."""
BESIDE, FULL, LEAST_BESIDE = 28, 0.9, 7
"""Days on either side of a run that say whether the log is full there, the share of them that must
have events, and the fewest days that say so."""
LONGER = 3
"""Times the longest other run that a run must be longer than, to be unlike the product's rest."""
LEAST_SIGNUPS = 3.0
"""Signups that would be expected in a run, as in the days beside it, from which none says that the
product was closed."""
RARE = 1e-3
"""Probability, over all days of the log, below which no run of empty days is chance."""
YEAR, NEAR = 365.25, 4
"""Days of a year; days by which holidays move from one year to the next."""
WINTER = ((12, 22), (1, 7))
"""Month and day between which most of the world closes at some time."""
AROUND_EASTER = (-3, 2)
"""Days from Easter Sunday between which many countries close: Maundy Thursday to Tuesday."""


def empty_days(
    volume: pd.DataFrame, window: LogWindow, closed_days: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the runs of days without an event inside the window, one row each, in order.

    Columns: `first` and `last` (day numbers since 1970, days of rest at either end left out),
    `start` and `end` (instants, half-open), `days` (without those of rest), `is_full` (on both
    sides), `is_rare` (no run of chance), `is_yearly` (as a year earlier or later), `is_holiday`,
    `is_given` (in `closed_days`: days as 2025-12-25, or spans as 2025-12-24/2026-01-02, both ends
    included) and `is_asked` (not given, and not explained by chance or by the year before).
    """
    days, starts = _counts(volume, window)
    rests = _days_of_rest(days)
    runs = _runs(days, rests)
    others, empty = days[~rests], np.concatenate([*runs, np.array([], int)])
    rows = [_describe(run, others, empty, _given(closed_days)) for run in runs]
    columns = ["first", "last", "days", "is_full", "is_rare", "is_yearly", "is_holiday", "is_given"]
    table = pd.DataFrame(rows, columns=columns).astype(
        dict.fromkeys(columns[:3], "int64") | dict.fromkeys(columns[3:], bool)
    )
    table["start"] = [starts[n] for n in table["first"]]
    table["end"] = [starts[n + 1] for n in table["last"]]
    known = table["is_given"] | table["is_yearly"]
    described: pd.DataFrame = table.assign(is_asked=table["is_full"] & table["is_rare"] & ~known)
    return described


def find_holes(closed: pd.DataFrame, signups: "pd.Series[pd.Timestamp]") -> pd.DataFrame:
    """Return the runs (of empty_days) that are lost days: the log is full on both sides, chance and
    holidays do not explain them, and they are three times as long as any other run. Where a product
    closes at some other time too, a long run is no hole if the users table agrees: nobody signed up
    then.
    """
    asked = closed[closed["is_asked"] & ~closed["is_holiday"]]
    longest = [closed["days"].drop(index=i).max() if len(closed) > 1 else 0 for i in asked.index]
    is_longer = asked["days"].to_numpy() > LONGER * np.nan_to_num(np.array(longest, float))
    holes: pd.DataFrame = asked[is_longer]
    if closed["is_rare"].sum() < 2:
        return holes
    is_closed = [_nobody_signed_up(run, signups) for run in holes.itertuples()]
    return holes[~np.array(is_closed, bool)]


def _nobody_signed_up(run: Any, signups: "pd.Series[pd.Timestamp]") -> bool:
    """Say whether nobody signed up in a run, though some would have at the rate of the days beside
    it.
    """
    reach = BESIDE * clock.DAY
    inside = ((signups >= run.start) & (signups < run.end)).sum()
    around = ((signups >= run.start - reach) & (signups < run.end + reach)).sum() - inside
    expected = around / (2 * BESIDE) * ((run.end - run.start) / clock.DAY)
    return bool(inside == 0 and expected >= LEAST_SIGNUPS)


def _counts(
    volume: pd.DataFrame, window: LogWindow
) -> tuple["pd.Series[int]", dict[int, pd.Timestamp]]:
    """Return the active users of each day inside the window, 0 where nobody came, and the first
    instant of each day and of the one after the last.
    """
    inside = volume[(volume["day"] >= window.start) & (volume["day"] < window.end)]
    known = inside.set_index("day_number")
    numbers = range(int(known.index.min()), int(known.index.max()) + 1)
    first = known["day"].iloc[0]
    starts = {n: first + (n - numbers[0]) * clock.DAY for n in [*numbers, numbers[-1] + 1]}
    given = zip(known.index.tolist(), known["day"], strict=True)
    starts |= {int(n): day for n, day in given}  # exact where clocks change
    return known["users"].reindex(numbers, fill_value=0), starts


def _weekdays(numbers: Any) -> np.ndarray:
    return (np.asarray(numbers) + 3) % 7  # 1 January 1970 was a Thursday: Monday is 0


def _days_of_rest(days: "pd.Series[int]") -> "pd.Series[bool]":
    """Say of each day whether hardly anybody ever comes on its weekday."""
    weekday = pd.Series(_weekdays(days.index), days.index)
    if len(days) < 7 * LEAST_WEEKS:
        return weekday < 0
    share = (days > 0).groupby(weekday).mean()
    return weekday.isin(share.index[share <= REST])


def _runs(days: "pd.Series[int]", rests: "pd.Series[bool]") -> list[np.ndarray]:
    """Return the runs of empty days as arrays of their days that are none of rest."""
    open_days = days[~rests]
    empty = open_days == 0
    number = (empty != empty.shift()).cumsum()
    return [part.index.to_numpy() for _, part in open_days[empty].groupby(number[empty])]


def _describe(
    run: np.ndarray, others: "pd.Series[int]", empty: np.ndarray, given: set[int]
) -> tuple[Any, ...]:
    first, last = int(run[0]), int(run[-1])
    sides = [
        others.loc[first - BESIDE : first - 1],
        others.loc[last + 1 : last + BESIDE],
    ]
    is_full = all(len(side) >= LEAST_BESIDE and (side > 0).mean() >= FULL for side in sides)
    beside = pd.concat(sides)
    mean = float(beside.mean()) if len(beside) else 0.0
    scatter = max(float(beside.var()) / mean, 1.0) if mean and len(beside) > 1 else 1.0
    chance = len(others) * np.exp(-len(run) * mean / scatter)  # Poisson, with the days' own scatter
    is_holiday = all(_is_holiday(n) for n in run)
    return (first, last, len(run), is_full, chance < RARE, _is_yearly(run, empty), is_holiday,
            set(map(int, run)) <= given)  # fmt: skip


def _is_yearly(run: np.ndarray, empty: np.ndarray) -> bool:
    """Say whether at least half as many days are empty whole years away, give or take four days."""
    years = int(np.abs(np.subtract.outer(run[[0, -1]], empty)).max() / YEAR + 1)
    shifts = [sign * round(n * YEAR) for n in range(1, years + 1) for sign in (-1, 1)]
    first, last = int(run[0]) - NEAR, int(run[-1]) + NEAR
    counts = [int(((empty >= first + d) & (empty <= last + d)).sum()) for d in shifts]
    return max(counts, default=0) >= len(run) / 2


def _is_holiday(number: int) -> bool:
    """Say whether a day lies in the winter holidays, or around Easter (western or orthodox)."""
    day = pd.Timestamp(number, unit="D")
    month_day = (day.month, day.day)
    is_winter = month_day >= WINTER[0] or month_day <= WINTER[1]
    from_easter = [(day.date() - easter(day.year, method)).days for method in (3, 2)]
    return is_winter or any(AROUND_EASTER[0] <= n <= AROUND_EASTER[1] for n in from_easter)


def _given(closed_days: Sequence[str]) -> set[int]:
    """Return the day numbers that `closed_days` names."""
    numbers: set[int] = set()
    for text in closed_days:
        first, _, last = text.partition("/")
        span = pd.date_range(first, last or first, freq="D")
        numbers |= {int((day - pd.Timestamp(0)).days) for day in span}
    return numbers
