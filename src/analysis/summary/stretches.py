"""The days from which figures are computed once more where some days are unknown.

Survival and returns depend on how long the log goes on: in a shorter log fewer users are known to
have come back. The last month of a part of the log is another month than the one reported. So a log
that has a gap is not compared with one of its parts.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.base import clock
from analysis.log.window import LogWindow

Span = tuple[pd.Timestamp, pd.Timestamp]


def known_days(
    user_days: Any, window: LogWindow, longest: LogWindow, unknown: Sequence[Span], zone: str
) -> tuple[Any, LogWindow]:
    """Return the user-days (Ibis) and the window without what is `unknown`: whole days of `zone`.

    Where nothing at all was recorded on the unknown days, and the log goes on after them, as many
    days beside them are left out, too: what that changes shows what the gap may have changed. Where
    something was recorded (some users are missing, or have other identifiers from then on), or
    there is no room, only the `longest` known stretch is left.
    """
    spans = _joined(unknown)
    gaps = second_gaps(spans, window)
    if gaps is not None and _is_empty(user_days, spans, zone):
        for gap in gaps:
            user_days = user_days.filter(~_between(user_days, gap, zone))
        return user_days, window
    return user_days.filter(_between(user_days, (longest.start, longest.end), zone)), longest


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, with those that touch or overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def second_gaps(spans: Sequence[Span], window: LogWindow) -> list[Span] | None:
    """Return for each span (in order, apart) as many known days right after it (nearer the end of
    the log a gap matters more), else right before it; None where one of them has no such days, or
    the log does not go on beyond them.
    """
    taken, gaps = list(spans), []
    for start, end in spans:
        if not window.start < start < end < window.end:
            return None
        length = end - start
        for first, last in ((end, end + length), (start - length, start)):
            is_apart = all(last <= other[0] or other[1] <= first for other in taken)
            if is_apart and window.start < first and last < window.end:
                gaps.append((first, last))
                taken.append((first, last))
                break
        else:
            return None
    return gaps


def _is_empty(user_days: Any, spans: Sequence[Span], zone: str) -> bool:
    """Say whether nobody was active in any of the spans."""
    return not any(
        user_days.filter(_between(user_days, span, zone)).count().execute() for span in spans
    )


def _between(user_days: Any, span: Span, zone: str) -> Any:
    """Say which user-days (Ibis) lie in a span from one midnight of `zone` to another."""
    first, last = (clock.nearest_day(at, zone) for at in span)
    return (user_days.local_day >= first) & (user_days.local_day < last)
