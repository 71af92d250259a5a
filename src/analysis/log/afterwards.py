"""Columns of users that are written when somebody leaves: found by their name and by their values.

A status column is the outcome under another name even if not every leaver has it: nobody whose plan
reads `cancelled` was known to cancel at the snapshot. Names and values are compared word by word,
whatever their case: `account_status`, `ChurnDate`, `Cancelled (non-payment)`. A word that means
something else beside others is left alone: `cancelled_orders`, `credits_left`, `marital_status`,
"Former Yugoslav Republic".
"""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.contract.inputs import CANCEL_DATE


def words(text: str) -> list[str]:
    """Return the words of a name or a value in lower case, `ChurnDate` as two, numbers left out."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z]+", parted.lower())


MOST_VALUES, FEWEST = 50, 2
"""Distinct values up to which a column is read by value, and users who must have the value: a
single one may be a slip."""
SURE = frozenset(
    words("cancelled canceled churned churner churners unsubscribed deactivated terminated")
)
"""Words that say of a user, at the start or the end of a value, that the stay is over."""
ENDED = SURE | frozenset(
    words("""
        cancel cancellation cancelation closed deleted expired former inactive lapsed quit
        resigned ended departed attrited
    """)
)
"""Words that say so by themselves or beside FILLERS."""
ENDING = ENDED | frozenset(
    words("""
        closing closure deletion deactivation termination unsubscribe end ends exit exited
        leave left leaver leaving dropout attrition
    """)
)
"""Words that say so in the name of a column."""
STATES = frozenset(words("status active alive"))
"""Names of what a user is at the export."""
LIVING = frozenset(words("active alive open live current subscribed enabled paused suspended"))
"""Values beside which a column called `state` is no region."""
FILLERS = frozenset(
    words("""
        user users account customer client member membership subscriber subscription plan
        contract service is has was date day at on time timestamp ts flag reason type code
        status state the of by for utc dt voluntary voluntarily involuntary payment
        nonpayment non self admin
    """)
)
"""Words that say nothing of their own in such a name or value."""
NEGATIONS = ("not", "never", "no", "non")


def ends_a_stay(value: str) -> bool:
    """Say whether a value says that the user has left."""
    found = words(value)
    if not found or found[0] in NEGATIONS:
        return bool(found) and found[-1] in LIVING  # not cancelled, but no longer active
    is_plain = set(found) <= ENDED | FILLERS and bool(set(found) & ENDED)
    return is_plain or bool({found[0], found[-1]} & SURE)


def is_named_after(name: str) -> bool:
    """Say whether a column is, by its name, written when a user leaves or as of the export."""
    found = set(words(name))
    if found & {"churn", "churned", "churner"}:
        return True
    if "left" in found and found & {"time", "day"}:
        return False  # what remains
    return found <= ENDING | STATES | FILLERS and bool(found & (ENDING | STATES))


def written_after(name: str, values: "pd.Series[Any]") -> tuple[str, str]:
    """Return how a column shows that it was written when users left, and the value that shows it.

    `by_name`, `by_value`, or an empty text where nothing does, as is the value unless `by_value`.
    Columns of numbers or dates, and texts of more than MOST_VALUES values, are read by name alone.
    """
    counts = values.dropna().astype(str).value_counts()
    has_levels = _is_text(values) and len(counts) <= MOST_VALUES
    levels = sorted(str(level) for level, n in counts.items() if n >= FEWEST) if has_levels else []
    ended = [level for level in levels if ends_a_stay(level)]
    if any(words(level)[:1] == ["never"] for level in levels):
        ended = [level for level in ended if words(level) != ["former"]]  # never, former, current
    if ended:
        return "by_value", ended[0]
    if is_named_after(name):
        return "by_name", ""
    is_state = set(words(name)) <= FILLERS and "state" in words(name)
    is_living = any(set(words(level)) & LIVING for level in levels)
    return ("by_name", "") if is_state and is_living else ("", "")


def _is_text(values: "pd.Series[Any]") -> bool:
    is_number = pd.api.types.is_numeric_dtype(values)
    return not (is_number or pd.api.types.is_datetime64_any_dtype(values))


def known_before(users: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return those of `columns` that `users` has and that were not written when users left: only
    these may be compared as if they had been known before.
    """
    return [
        name
        for name in columns
        if name in users and name != CANCEL_DATE and not written_after(name, users[name])[0]
    ]
