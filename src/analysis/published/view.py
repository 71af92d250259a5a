"""Whether the tables of a run are those of the published case.

Only then does the chapter judge the case's sentences: on other tables they say nothing. The users
are recognised by a digest of what is left of the two required columns after cleaning, so that a
table that was saved again (as Parquet, with other columns or another order of rows) is still
recognised. The events cannot be: the case's own log was not kept.
"""

import hashlib
from typing import Literal

import pandas as pd

View = Literal["auto", "claims", "shortcuts"]
CASE_USERS = 5_000
CASE_DIGEST = "5562c1a2052f6395e7113f309b668fd8958da25cd08ba861c10717085002f21c"


def users_digest(users: pd.DataFrame) -> str:
    """Return the SHA-256 of `user_id` and the day of signup of all `users`, in the order of the
    identifiers.
    """
    # midnight in any zone, moved by half a day, lies within the day that the table gave
    days = (users["signup_date"] + pd.Timedelta(hours=12)).dt.strftime("%Y-%m-%d")
    lines = (users["user_id"].astype(str) + " " + days.fillna("")).sort_values()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_case(users: pd.DataFrame, view: View = "auto") -> bool:
    """Say whether the case's claims are judged: where `view` asks for them, or, with `auto`,
    where these are the case's users.
    """
    if view != "auto":
        return view == "claims"
    return len(users) == CASE_USERS and users_digest(users) == CASE_DIGEST
