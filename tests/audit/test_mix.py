"""Kinds of event, source, country and device over the days."""

from collections.abc import Sequence

import pandas as pd

from analysis.audit import kinds, mix
from analysis.contract.checks import Verdict
from analysis.log.activity import place
from analysis.log.log import Log
from analysis.log.window import LogWindow
from tests.audit.judging import at
from tests.checking import Case
from tests.handmade import make_events, make_log, make_users, make_window

USERS = make_users({"a": "2025-01-05T10:01", "b": "2025-01-05", "c": "2025-01-02"})

WINDOW = make_window("2025-01-01", "2025-02-01")
LATE = (18, 20, 22)
NOTHING = make_events([("a", "2025-01-05T12:00")])


def mix_of(events, users, window, zone):
    """Return the daily mix of the events as the log holds them, beside `users`."""
    return mix.daily_mix(place(events, users, window), window, zone)


def test_the_daily_mix_has_a_row_for_each_kind_and_day():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("a", "2025-01-05T11:00"), ("b", "2025-01-07"),
         ("b", "2025-02-01")],
        event_type=["play", "exit", "play", "play"],
    )  # fmt: skip
    users = USERS.assign(device=["iOS", "Android", "iOS"])
    table = mix_of(events, users, make_window("2025-01-05", "2025-01-08"), "UTC")
    counts = {
        (column, level): part[["events", "total"]].to_numpy().tolist()
        for (column, level), part in table.groupby(["column", "level"])
    }
    assert counts == {
        ("event_type", "exit"): [[1, 2], [0, 0], [0, 1]],
        ("event_type", "play"): [[1, 2], [0, 0], [1, 1]],
        ("device", "iOS"): [[2, 2], [0, 0], [0, 1]],
        ("device", "Android"): [[0, 2], [0, 0], [1, 1]],
        ("hour", "0 to 6"): [[0, 2], [0, 0], [1, 1]],
        ("hour", "6 to 12"): [[2, 2], [0, 0], [0, 1]],
    }


def test_one_kind_alone_is_no_mix():
    events = make_events([("a", "2025-01-05"), ("b", "2025-01-06")])
    window = make_window("2025-01-01", "2025-02-01")
    assert mix_of(events, USERS, window, "UTC").empty  # all at midnight, too


def judged_mix(daily: pd.DataFrame) -> Verdict:
    """Judge a daily mix of which no user is known."""
    breaks = mix.mix_breaks(daily)
    nobody = kinds.users_of_breaks(breaks.head(0), None, WINDOW)
    none = kinds.stopped_sources(breaks.head(0), None, WINDOW)
    return mix.log_mix(breaks, nobody, none, make_log(NOTHING, USERS, WINDOW))


def breaks_of(log: Log, window: LogWindow) -> pd.DataFrame:
    """Return the breaks of a whole log, beyond chance in days and in users."""
    daily = mix.daily_mix(log.events, window, "UTC")
    return mix.beyond_users(mix.mix_breaks(daily), log.events, window, "UTC")


def judge(log: Log, window: LogWindow) -> Verdict:
    """Judge the mix of a whole log."""
    breaks = breaks_of(log, window)
    gone = kinds.users_of_breaks(breaks, log.events, window)
    return mix.log_mix(breaks, gone, kinds.stopped_sources(breaks, log.events, window), log)


def shifts(before: int, after: int, of: int = 1_000, length: int = 30) -> Verdict:
    """Judge a kind of event whose daily count among `of` changes after `length` days."""
    start = at(0).value // 10**9 // 86_400
    kind = [before] * length + [after] * length
    parts = [
        pd.DataFrame({"column": "event_type", "level": level, "events": counts})
        for level, counts in (("exit", kind), ("play", [of - n for n in kind]))
    ]
    days_of = [part.assign(day_number=range(start, start + 2 * length), total=of) for part in parts]
    return judged_mix(pd.concat(days_of, ignore_index=True).assign(least=0.0))


def office_hours(
    moved: int = 0, zone: str = "America/Los_Angeles", read_in: str = "UTC"
) -> Verdict:
    """Judge six events an hour from 8 to 17 in `zone`, over the change to summer time, the second
    half moved by so many hours; days are counted in `read_in`.
    """
    hours = pd.date_range("2025-02-01", "2025-04-12", freq="h", tz=zone, inclusive="left")
    worked = hours[(hours.hour >= 8) & (hours.hour < 17)].repeat(6)
    late = worked >= pd.Timestamp("2025-03-08", tz=zone)
    at = worked.tz_convert("UTC") + pd.to_timedelta(moved * late, unit="h")
    events = make_events([("a", str(when)) for when in at])
    window = LogWindow(at.min().floor("D"), at.max().ceil("D"))
    return judged_mix(mix_of(events, USERS, window, read_in))


def one_kind() -> Verdict:
    empty = ["column", "level", "day_number", "events", "total", "least"]
    return judged_mix(pd.DataFrame(columns=empty))


def source_ends(who: str) -> Verdict:
    """Judge a log of 40 users of two sources, of whom 20 use the app: it has no event after the
    first of March. Its users are gone with it (`app`), or all go on with the other (`none`).
    """
    rows, names = [], []
    start, cut = pd.Timestamp("2025-01-05", tz="UTC"), pd.Timestamp("2025-03-01", tz="UTC")
    for n in range(40):
        for day in range(n % 3, 110, 3):
            at, is_app = start + pd.Timedelta(days=day), n % 2 == 0
            if is_app and at >= cut and who == "app":
                continue
            rows.append((f"u{n:02d}", str(at)))
            names.append("app" if is_app and at < cut else "web")
    users = make_users({f"u{n:02d}": "2024-12-01" for n in range(40)})
    window = make_window("2025-01-05", "2025-04-25")
    return judge(make_log(make_events(rows, source=names), users, window), window)


def shared_source_ends(moved: bool = False, fades: bool = False) -> Verdict:
    """Judge a log of 60 users of whom 45 come to both the app and the web every third day, and the
    others to the web alone. The app has no event after the first of March; then they may come to
    the web instead (`moved`). It may have faded before (`fades`).
    """
    rows, names = [], []
    start, cut = pd.Timestamp("2025-01-05", tz="UTC"), pd.Timestamp("2025-03-01", tz="UTC")
    for n in range(60):
        for day in range(n % 3, 110, 3):
            at = start + pd.Timedelta(days=day)
            rows.append((f"u{n:02d}", str(at)))
            names.append("web")
            is_thin = fades and (cut - at).days < 14 and day % 4
            if n % 4 and (at < cut or moved) and not is_thin:
                rows.append((f"u{n:02d}", str(at + pd.Timedelta(hours=5))))
                names.append("app" if at < cut else "web")
    users = make_users({f"u{n:02d}": "2024-12-01" for n in range(60)})
    window = make_window("2025-01-05", "2025-04-25")
    return judge(make_log(make_events(rows, source=names), users, window), window)


def test_a_source_that_stops_with_nobody_taking_over_leaves_the_days_after_it_unknown():
    verdict = shared_source_ends()
    assert verdict.facts["kind"] == "source app"
    assert verdict.facts["date"] == "2025-03-01"
    assert (verdict.facts["regular"], verdict.facts["taken"]) == (45, 0.0)
    assert verdict.suspects is not None
    assert verdict.suspects[["kind", "start", "end"]].astype(str).to_numpy().tolist() == [
        ["span", "2025-03-01 00:00:00+00:00", "2025-04-25 00:00:00+00:00"]
    ]


def after_a_pause() -> pd.DataFrame:
    """Return the breaks in days of a log whose few first events at night are followed by a pause of six
    weeks and by visits at day.
    """
    start, rows = pd.Timestamp("2025-01-05", tz="UTC"), []
    for day in (0, 1, *range(44, 120)):
        times = (start + pd.Timedelta(days=day, hours=3 if day < 2 else 7 + n) for n in range(16))
        rows += [(f"u{n:02d}", str(time)) for n, time in enumerate(times)]
    users = make_users({f"u{n:02d}": "2024-12-01" for n in range(16)})
    window = make_window("2025-01-05", "2025-05-05")
    return mix.mix_breaks(mix_of(make_events(rows), users, window, "UTC"))


def test_days_without_an_event_are_no_mix_to_compare_with():
    table = after_a_pause()
    assert len(table)
    assert table["z"].max() < 100


def busy(who: int, hours: Sequence[int] = (2,)) -> pd.DataFrame:
    """Return the breaks of a log of 80 users who come every other day. From a day on the first
    `who` of them have `720 / who` further clicks a day.
    """
    start, rows = pd.Timestamp("2025-01-05", tz="UTC"), []
    for n in range(80):
        for day in range(n % 2, 60, 2):
            rows.append((f"u{n:02d}", str(start + pd.Timedelta(days=day)), "play"))
            rows.append((f"u{n:02d}", str(start + pd.Timedelta(days=day, hours=1)), "click"))
    for n in range(who):
        for day in range(30, 60):
            again = [start + pd.Timedelta(days=day, hours=hour) for hour in hours]
            times = again * (720 // who // len(hours))
            rows += [(f"u{n:02d}", str(time), "click") for time in times]
    users = make_users({f"u{n:02d}": "2024-12-01" for n in range(80)})
    events = make_events([row[:2] for row in rows], event_type=[row[2] for row in rows])
    window = make_window("2025-01-05", "2025-03-06")
    log = make_log(events, users, window)
    return breaks_of(log, window)


def test_a_change_of_two_users_is_theirs_and_one_of_all_is_the_logs():
    plays = [table[table["level"] == "play"].iloc[0] for table in (busy(2), busy(80))]
    assert [bool(row["is_break"]) for row in plays] == [False, True]
    assert plays[0]["z"] < 2 < 6 < plays[1]["z"]


def test_the_hours_of_two_users_are_theirs_and_those_of_all_are_the_logs():
    tables = busy(2, LATE), busy(80, LATE)
    nights = [table[table["level"] == "18 to 24"].iloc[0] for table in tables]
    assert [bool(row["is_break"]) for row in nights] == [False, True]
    assert nights[0]["z"] < 3 < 6 < nights[1]["z"]


def test_the_users_of_a_source_that_is_lost_are_suspect():
    verdict = source_ends("app")
    assert verdict.facts["kind"] == "source app"
    assert (verdict.facts["gone"], verdict.facts["regular"]) == (20, 20)
    assert verdict.facts["date"] == "2025-03-01"
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == [f"u{n:02d}" for n in range(0, 40, 2)]


CASES = [
    Case("log_mix", "pass", lambda: shifts(200, 300)),  # 1.5 times is the limit
    Case("log_mix", "warn", lambda: shifts(200, 301)),
    Case("log_mix", "warn", lambda: shifts(200, 0)),  # a name ends, and nobody with it
    Case("log_mix", "fail", lambda: source_ends("app")),
    Case("log_mix", "warn", lambda: source_ends("none")),  # the users go on under another name
    Case("log_mix", "fail", shared_source_ends),
    Case("log_mix", "warn", lambda: shared_source_ends(moved=True)),  # taken over by the web
    Case("log_mix", "warn", lambda: shared_source_ends(fades=True)),  # not at once
    Case("log_mix", "pass", lambda: shifts(1, 3, of=20)),  # three times as much, but by chance
    Case("log_mix", "pass", office_hours),  # summer time
    Case("log_mix", "pass", lambda: office_hours(zone="Europe/Berlin")),
    Case("log_mix", "pass", lambda: office_hours(read_in="America/Los_Angeles")),
    Case("log_mix", "warn", lambda: office_hours(moved=6)),
    Case("log_mix", "warn", lambda: office_hours(moved=-6, read_in="America/Los_Angeles")),
    Case("log_mix", "not_applicable", one_kind),
]
