"""Rules that every row must keep, how many rows break them, and a score by dimension."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.audit import amounts
from analysis.base.names import cut
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import EVENTS, USERS, names
from analysis.log import rules as log_rules
from analysis.log.cells import FIRST_DATE, FIRST_EVENT, IDENTIFIERS, TOO_LATE
from analysis.log.rules import rule_rows

MISSING, LOST, LOST_FAILS = 0.01, 0.005, 0.2
"""Share of rows without a needed value that is doubtful; share of events left out for it that is,
and that makes figures partial."""
FEW, MANY = 0.01, 0.05
"""Share of rows from which breaking a rule fails, and from which losing other events does."""
REPEATED = "repeated identifier (one row kept)"
DIFFERING = "repeated identifier on a row that says something else (left out)"
CLEANING = {
    "null_user_id": "user_id is missing (left out)",
    "null_event_uuid": "event_uuid is missing (left out)",
    "null_event_timestamp": "event time is missing or unreadable (left out)",
    "temporal_inconsistencies": "signup_date was after last_active_date (swapped)",
    "duplicates_removed": REPEATED,
    "duplicates_differing": DIFFERING,
    "null_signup_date": "signup_date is missing or unreadable",
    "null_last_active_date": "last_active_date is missing or unreadable",
    "unreadable_signup_date": "signup_date cannot be read as a date",
    "unreadable_last_active_date": "last_active_date cannot be read as a date",
    "unreadable_cancel_date": "cancel_date cannot be read as a date",
    "unreadable_top_show_launch_date": "top_show_launch_date cannot be read as a date",
    "unreadable_event_timestamp": "event time cannot be read",
    "unreadable_received_at": "received_at cannot be read",
    "unreadable_created_at": "created_at cannot be read",
    **{
        f"far_{name}": f"{name} is before {FIRST_DATE} or after {TOO_LATE - 1} (taken as missing)"
        for name in names(USERS, "date")
    },
    "far_event_timestamp": f"event time is before {FIRST_EVENT} or after {TOO_LATE - 1} (left out)",
    **{
        f"far_{name}": f"{name} is before {FIRST_EVENT} or after {TOO_LATE - 1} (taken as missing)"
        for name in ("received_at", "created_at")
    },
    "long_texts": "text has more than 1,000 characters (cut, with their number)",
    **{
        f"changed_{name}": f"{name} was changed when read (blanks around it, empty decimals)"
        for name in IDENTIFIERS
    },
    **{
        f"placeholder_{name}": f"{name} is a word for a missing value (taken as missing)"
        for name in IDENTIFIERS
    },
}
"""What cleaning counts, as rules."""
NEEDED = (
    log_rules.NO_SIGNUP,
    log_rules.NO_TYPE,
    *(CLEANING[f"null_{name}"] for name in ("user_id", "event_uuid", "event_timestamp")),
)
"""Rules about values that every figure needs."""
LEFT_OUT = tuple(CLEANING[f"null_{name}"] for name in ("user_id", "event_uuid", "event_timestamp"))
"""Of these, those for which cleaning leaves an event out."""


def cleaning_rules(users_qa: Mapping[str, Any], events_qa: Mapping[str, Any]) -> pd.DataFrame:
    """Return what cleaning counted, as rules (`sample` is missing): see rule_rows."""
    rows = []
    for table, qa in (("users", users_qa), ("events", events_qa)):
        numbers = {
            name: f"{column} is not a number, or one that cannot be (taken as missing)"
            for name in qa
            if name.startswith("unreadable_") and name not in CLEANING
            for column in [cut(name.removeprefix("unreadable_"))]
        }
        for name, rule in {**CLEANING, **numbers}.items():
            if qa.get(name) is not None:
                rows.append(("structural", table, rule, qa["rows_read"], qa[name], None))
    return rule_rows(rows)


def join_rules(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the rules of all parts in one table."""
    filled = [part for part in parts if not part.empty]
    return pd.concat(filled, ignore_index=True) if filled else rule_rows([])


def broken_rules(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the rules that at least one row breaks, worst first, with their `share` of rows."""
    shares = rules.assign(share=rules["broken"] / rules["checked"].where(rules["checked"] > 0))
    kept = shares[shares["broken"] > 0].sort_values(
        ["share", "rule"], ascending=[False, True], ignore_index=True
    )
    return kept[["dimension", "table", "rule", "checked", "broken", "share"]]


def score_dimensions(rules: pd.DataFrame) -> pd.DataFrame:
    """Return one row per dimension of quality: `dimension`, `checks` (rules), `broken_rules`,
    `broken` (rows), `score` (mean over its rules of the share of rows that keep the rule,
    0 to 1) and `worst_rule`, `worst_share` (share of rows that break it).
    """
    shares = rules.assign(share=rules["broken"] / rules["checked"].where(rules["checked"] > 0, 1))
    rows = []
    for dimension, part in shares.groupby("dimension", sort=True):
        largest: Any = part["share"].idxmax()
        worst = part.loc[largest]
        rows.append({
            "dimension": dimension, "checks": len(part),
            "broken_rules": int((part["broken"] > 0).sum()),
            "broken": int(part["broken"].sum()), "score": float(1 - part["share"].mean()),
            "worst_rule": worst["rule"], "worst_share": float(worst["share"]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def count_nulls(users: pd.DataFrame, events_qa: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per column of both clean tables: `table`, `column`, `is_present`, `rows`,
    `nulls`, `distinct` (counts; missing where the column is absent, and for times of events). What
    the columns of events hold is counted while they are cleaned: see events.count_cells.
    """
    rows = [
        ("users", name, True, len(users), int(users[name].isna().sum()), users[name].nunique())
        for name in users.columns
    ]
    kept = events_qa["rows_kept"]
    for cells in events_qa["cells"]:
        rows.append(("events", cells["column"], True, kept, cells["nulls"], cells["distinct"]))
    table = pd.DataFrame(
        rows, columns=["table", "column", "is_present", "rows", "nulls", "distinct"]
    )
    return _with_absent(table)


def _with_absent(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with a row for each column of the contract that is not given."""
    known = [("users", c) for c in names(USERS)] + [("events", c) for c in names(EVENTS)]
    given = set(zip(table["table"], table["column"], strict=True))
    absent = pd.DataFrame([k for k in known if k not in given], columns=["table", "column"])
    whole = pd.concat([table, absent.assign(is_present=False)], ignore_index=True)
    counts = ["rows", "nulls", "distinct"]
    return whole.astype({"is_present": bool}).astype(dict.fromkeys(counts, "Int64"))


def quality_table(null_counts: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column (`kind` = column) and one per rule (`kind` = rule)."""
    columns = null_counts.rename(columns={"column": "name", "rows": "checked", "nulls": "broken"})
    named = rules.rename(columns={"rule": "name"})
    whole = pd.concat([columns.assign(kind="column"), named.assign(kind="rule")], ignore_index=True)
    order = ["kind", "table", "name", "dimension", "checked", "broken", "distinct", "is_present"]
    return whole[[*order, "sample"]].astype({"checked": "Int64", "broken": "Int64"})


@dataclass(frozen=True)
class WorstRule:
    """The rule that the largest share of its rows breaks."""

    rule: str
    broken: int
    checked: int
    sample: Any

    @property
    def share(self) -> float:
        """Share of rows that break the rule."""
        return self.broken / self.checked

    @property
    def interval(self) -> tuple[float, float, float]:
        """The share with its interval."""
        return share_of(self.broken, self.checked)

    @property
    def facts(self) -> dict[str, Any]:
        """What the sentence about it needs."""
        return {"broken": self.broken, "rows": self.checked, "rule": self.rule}

    @property
    def facts_with_sample(self) -> dict[str, Any]:
        """The facts, with one offending user."""
        return {**self.facts, "sample": self.sample}


def worst_rule(rules: pd.DataFrame, wanted: Collection[str]) -> WorstRule | None:
    """Return the rule among `wanted` that the largest share of rows breaks; None without any."""
    known = rules[rules["rule"].isin(list(wanted))]
    if known.empty:
        return None
    largest: Any = (known["broken"] / known["checked"].clip(lower=1)).idxmax()
    worst = known.loc[largest]
    return WorstRule(
        str(worst["rule"]), int(worst["broken"]), int(worst["checked"]), worst["sample"]
    )


@check(stage="03_audit")
def missing_values(
    cleaning_rules: pd.DataFrame, user_rules: pd.DataFrame, event_rules: pd.DataFrame
) -> Verdict:
    """Judge the rows without a value that every figure needs: the day of signup, what an event
    was, and who, when and which it was, without which cleaning leaves the row out. Only events
    that are left out fail: so large a share of the log is lost.
    """
    worst = worst_rule(join_rules((cleaning_rules, user_rules, event_rules)), NEEDED)
    if worst is None:
        return not_applicable("missing_values", "the columns for its rules are not given")
    lost = worst_rule(cleaning_rules[cleaning_rules["table"] == "events"], LEFT_OUT)
    share_lost = lost.share if lost else 0.0
    is_lost = share_lost >= LOST_FAILS
    shown = lost if lost and is_lost else worst
    is_doubtful = worst.share >= MISSING or share_lost >= LOST
    status: Status = "fail" if is_lost else ("warn" if is_doubtful else "pass")
    named = suspects.lost(share_lost) if is_lost else None
    return Verdict("missing_values", status, *shown.interval, MISSING, shown.checked,
                   {**shown.facts, "lost": share_lost}, named)  # fmt: skip


@check(stage="03_audit")
def events_before_signup(event_rules: pd.DataFrame, users_seen: pd.DataFrame) -> Verdict:
    """Judge the events that come before their user's signup: one of the two dates is false."""
    worst = worst_rule(event_rules, [log_rules.BEFORE_SIGNUP])
    if worst is None:
        return not_applicable("events_before_signup", "the columns it needs are not given")
    is_early = users_seen["first_event_at"] < users_seen["signup_date"]
    status: Status = "fail" if worst.share >= FEW else ("warn" if worst.broken else "pass")
    named = suspects.users(users_seen.loc[is_early, "user_id"]) if status == "fail" else None
    facts = {**worst.facts_with_sample, "users": int(is_early.sum())}
    return Verdict(
        "events_before_signup", status, *worst.interval, FEW, worst.checked, facts, named
    )


@check(stage="03_audit")
def duplicates(cleaning_rules: pd.DataFrame) -> Verdict:
    """Judge the rows that cleaning left out as repeats of an identifier. Copies of a row that stays
    are no loss. Rows that say something else are, when many events share identifiers that way:
    then the column is none of events.
    """
    worst = worst_rule(cleaning_rules, [REPEATED])
    if worst is None:
        return not_applicable("duplicates", "the columns it needs are not given")
    of_events = cleaning_rules[cleaning_rules["table"] == "events"]
    other, removed = worst_rule(of_events, [DIFFERING]), worst_rule(of_events, [REPEATED])
    in_users = worst_rule(cleaning_rules.drop(of_events.index), [DIFFERING])
    facts = {
        **worst.facts_with_sample, "differing": other.broken if other else 0, "events": None,
        "has_ids": removed is not None, "differing_users": in_users.broken if in_users else 0,
    }  # fmt: skip
    if other and removed and other.share >= MANY and 2 * other.broken >= removed.broken:
        lost = suspects.lost(other.share)
        facts["events"] = other.checked
        return Verdict("duplicates", "fail", *other.interval, MANY, other.checked, facts, lost)
    status: Status = "warn" if worst.broken else "pass"
    return Verdict("duplicates", status, *worst.interval, MANY, worst.checked, facts)


@check(stage="03_audit")
def impossible_values(
    user_rules: pd.DataFrame, sign_rules: pd.DataFrame, amount_signs: pd.DataFrame
) -> Verdict:
    """Judge the rule about single values that the most rows break. No figure rests on these
    columns. Ages of minors are possible, and told; so are kinds of event whose amounts are
    negative by nature, as refunds are.
    """
    names_of_rules = [rule.name for rule in log_rules.USER_RULES if rule.is_impossible]
    rules = join_rules((user_rules, sign_rules))
    known = rules[rules["rule"].isin([*names_of_rules, amounts.NEGATIVE])]
    if known.empty:
        return not_applicable(
            "impossible_values", "no column that could have impossible values is given"
        )
    largest: Any = known["broken"].idxmax()
    broken, checked = int(known["broken"].loc[largest]), int(known["checked"].loc[largest])
    share, low, high = share_of(broken, checked)
    minors = int(rules.loc[rules["rule"] == log_rules.MINOR, "broken"].sum())
    status: Status = "warn" if broken or minors else "pass"
    rows = zip(known["rule"], known["broken"], strict=True)
    some = [{"rule": rule, "broken": int(count)} for rule, count in rows if count]
    refunds = amount_signs.loc[amounts.are_refunds(amount_signs), "event_type"].dropna()
    facts = {"rules": some, "broken": int(known["broken"].sum()), "rows": checked,
             "minors": minors, "minimum_age": log_rules.MINIMUM_AGE,
             "refunds": sorted(map(str, refunds))}  # fmt: skip
    return Verdict("impossible_values", status, share, low, high, 0.0, checked, facts)
