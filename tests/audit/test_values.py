"""How values are written, and which stand apart."""

import numpy as np
import pandas as pd

from analysis.audit import values
from analysis.contract.checks import Verdict
from tests.checking import Case


def written(*countries: str, kinds: tuple[str, ...] = ("play", "exit")) -> Verdict:
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.spellings(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def without(*countries: str | None, kinds: tuple[str, ...] = ("play",)) -> Verdict:
    """Judge users of these countries, and events of these kinds."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.placeholders(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def stands_apart(top: int, others: int = 1, of: int = 99) -> Verdict:
    """Judge `of` views up to 100 and `others` of `top`."""
    views = [*np.linspace(1, 100, of), *([top] * others)]
    return values.extreme_values(pd.DataFrame({"views": [0, *views]}))


CASES = [
    Case("spellings", "warn", lambda: written("Mexico", "MEXICO")),
    Case("spellings", "warn", lambda: written("M\u00e9xico", "Mexico ")),
    Case("spellings", "warn", lambda: written("google_ads", "Google Ads", "google-ads")),
    Case("spellings", "pass", lambda: written("A", "A+", "A-", "B")),
    Case("spellings", "warn", lambda: written("a", "b", kinds=("play", "Play"))),
    Case("placeholders", "warn", lambda: without("NULL")),
    Case("placeholders", "warn", lambda: without("\\N")),
    Case("placeholders", "warn", lambda: without("a", kinds=("play", "N/A"))),
    Case("placeholders", "pass", lambda: without("NA", "none", "unknown", "N", None)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000)),
    Case("extreme_values", "pass", lambda: stands_apart(1_999)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000, others=12)),
    Case("extreme_values", "pass", lambda: stands_apart(2_000, others=13)),  # over a tenth
    Case("extreme_values", "not_applicable", lambda: stands_apart(2_000, of=98)),
]
