"""Repeats: events that were logged twice under different identifiers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.audit import blocks
from analysis.audit.repeat_rules import (
    DAY,
    MINUTE,
    REPEATS,
    TWICE,
    TWICE_FAILS,
    repeats_of,
    timed,
)
from analysis.base import clock, engine
from analysis.base.formats import format_list, format_value, plural
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log import content
from analysis.log.window import LogWindow


def exact_copies(
    events: Any, found: Any, columns: Mapping[str, Any], times: pd.DataFrame, has_ids: bool
) -> dict[str, Any]:
    """Return `copies` (how many of the `events` are the same as an earlier row in every column that
    counts), whether the events came with identifiers (`has_ids`), how fine times are (`precision`:
    dates, minutes or finer), and the columns `compared` and `left_out`, from `content` and
    `not_content` of `columns` (events_qa). `found` is the result of blocks.user_days, `times`
    that of latency.clock_times.
    """
    sums = found.aggregate(events=found.events.sum(), copies=found.repeats.sum())
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    unit = timed(events, times)[2]
    return {
        "events": int(row["events"]), "copies": int(row["copies"]),
        "has_ids": has_ids,
        "precision": "dates" if unit == DAY else "minutes" if unit == MINUTE else "finer",
        "compared": [*content.OWN_COLUMNS, *columns.get("content", [])],
        "left_out": columns.get("not_content", []),
    }  # fmt: skip


def failing_rule(rules: pd.DataFrame, has_ids: bool) -> str | None:
    """Return the rule that the largest share of events breaks, if that is too many; without
    identifiers exact copies are no evidence, for nobody can tell them from what users repeat.
    """
    known = rules[rules["rule"].isin([r for r in REPEATS if has_ids or r != TWICE])]
    share = known.set_index("rule")["broken"] / known.set_index("rule")["checked"].clip(lower=1)
    return str(share.idxmax()) if len(share) and share.max() >= TWICE_FAILS else None


def repeat_surplus(
    events: Any, failing: str | None, doubled: pd.DataFrame, window: LogWindow, zone: str
) -> pd.DataFrame:
    """Return the events too many as suspects: those of blocks of days, else those of the rule that
    fails (see failing_rule); none where neither is there.
    """
    if len(doubled):
        return blocks.block_surplus(events, doubled, window, zone)
    if failing is None:
        return suspects.join([])
    return blocks.surplus(repeats_of(events, failing))


@check(stage="03_audit")
def double_logging(
    repeat_rules: pd.DataFrame,
    exact_copies: Mapping[str, Any],
    doubled_days: pd.DataFrame,
    repeat_surplus: pd.DataFrame,
) -> Verdict:
    """Judge the days on which nearly every row stands there twice, as when two exports overlap;
    then the events that repeat another in all but their identifier, those that repeat the one
    before within two seconds, or some whole minutes or half hours later, and those that are
    another user's, of which a few are a user's own.
    """
    if len(doubled_days):
        return _judge_blocks(exact_copies, doubled_days, repeat_surplus)
    rules = repeat_rules[repeat_rules["rule"].isin(list(REPEATS))].set_index("rule")
    n, copies = exact_copies["events"], exact_copies["copies"]
    share: pd.Series[float] = rules["broken"] / rules["checked"].clip(lower=1)
    odds = share / pd.Series(REPEATS).reindex(share.index)
    is_odd = bool((odds > 1).any())
    if TWICE not in rules.index and copies > REPEATS[TWICE] * n and not is_odd:
        return not_applicable("double_logging", _why_not(exact_copies))
    failing = failing_rule(repeat_rules, exact_copies["has_ids"])
    status: Status = "fail" if failing else "warn" if is_odd else "pass"
    name = failing or (str(odds.idxmax()) if len(odds) else None)
    broken = int(rules["broken"].loc[name]) if name else 0
    checked = int(rules["checked"].loc[name]) if name else n
    facts = {
        **exact_copies, "blocks": [], "broken": broken, "rows": checked, "rule": name,
        "sample": rules["sample"].loc[name] if name else None, "is_sure": failing is not None,
    }  # fmt: skip
    shares = share_of(broken, checked)
    surplus = repeat_surplus if failing else None
    return Verdict("double_logging", status, *shares, TWICE_FAILS, checked, facts, surplus)


def _judge_blocks(
    exact_copies: Mapping[str, Any], doubled_days: pd.DataFrame, surplus: pd.DataFrame
) -> Verdict:
    """Return the verdict on blocks of days: they are evidence, unless the block is the whole log
    and events say no more than who, what and on which day, or in which minute.
    """
    is_vague = exact_copies["precision"] != "finer" and len(exact_copies["compared"]) == 3
    is_sure = not (is_vague and doubled_days["is_whole"].all())
    found = doubled_days.assign(
        start=doubled_days["start_day"].map(clock.day_text),
        end=doubled_days["end_day"].map(clock.day_text),
    )
    copies, n = int(found["copies"].sum()), exact_copies["events"]
    facts = {
        **exact_copies, "blocks": found.to_dict("records"), "broken": copies, "rows": n,
        "rule": None, "sample": None, "is_sure": is_sure,
    }  # fmt: skip
    status: Status = "fail" if is_sure else "warn"
    shares = share_of(copies, n)
    suspected = surplus if is_sure else None
    return Verdict("double_logging", status, *shares, TWICE_FAILS, n, facts, suspected)


def _why_not(exact_copies: Mapping[str, Any]) -> str:
    """Return why nobody can say which of the exact copies are repeats."""
    copies = format_value(exact_copies["copies"], "count")
    n = plural(exact_copies["events"], "row", "rows")
    columns = format_list(exact_copies["compared"])
    is_day = exact_copies["precision"] == "dates"
    cut = "Times are cut to dates" if is_day else "Times are cut to minutes"
    if exact_copies["has_ids"]:
        return (
            f"{copies} of {n} are the same as an earlier one in every column that says what "
            f"happened ({columns}). {cut}, so nobody can tell a copy from what a user did again; "
            "they stand on all kinds of days, which speaks against a file loaded twice"
        )
    return (
        f"{copies} of {n} are the same as an earlier one in every column that says what happened "
        f"({columns}). {cut} and there are no identifiers, so nobody can tell a copy from what a "
        "user did again; they stand on all kinds of days, which speaks against a file loaded twice"
    )
