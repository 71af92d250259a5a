"""Conditions on results: `model_vs_recency == better and test_auc > 0.6`.

One comparison per part, parts joined by `and`: `==  !=  <  <=  >  >=  in a, b  not in a, b`.
The left side is a key; `key.n`, `key.ci_low`, `key.ci_high` and `check.NAME` (its status) work
as well. `null` stands for a figure that is not available; no order comparison holds for it.
"""

import operator
import re
from collections.abc import Callable

from analysis.base.errors import ReportError
from analysis.site.figures import is_missing

Lookup = Callable[[str], object]

PART = re.compile(
    r"^\s*(?P<key>[\w.]+)\s*(?P<op>==|!=|<=|>=|<|>|\bnot\s+in\b|\bin\b)\s*(?P<right>.*?)\s*$"
)
NULL = ("null", "none")
ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _as_number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _equal(left: object, right: str) -> bool:
    if right.lower() in NULL:
        return is_missing(left)
    if is_missing(left):
        return False
    one, other = _as_number(left), _as_number(right)
    if one is not None and other is not None:
        return one == other
    text = str(left).lower() if isinstance(left, bool) else str(left)
    return text == right.strip("\"'")


def _ordered(left: object, symbol: str, right: str, lookup: Lookup) -> bool:
    number = _as_number(right)
    other = lookup(right) if number is None else number
    if is_missing(left) or is_missing(other):
        return False
    one, two = _as_number(left), _as_number(other)
    if one is None or two is None:
        raise ReportError(f"{left!r} {symbol} {other!r} compares something that is not a number")
    return ORDER[symbol](one, two)


def _split(condition: str) -> list[tuple[str, str, str]]:
    parts = []
    for text in re.split(r"\s+and\b\s*", condition.strip()):
        found = PART.match(text)
        if not found or not found["right"]:
            raise ReportError(f"{text!r} is no condition; write one like `churn_rate_30d > 0.2`")
        parts.append((found["key"], re.sub(r"\s+", " ", found["op"]), found["right"]))
    return parts


def _holds_part(key: str, symbol: str, right: str, lookup: Lookup) -> bool:
    left = lookup(key)
    if symbol in ORDER:
        return _ordered(left, symbol, right, lookup)
    options = [right] if symbol in ("==", "!=") else [item.strip() for item in right.split(",")]
    is_any = any(_equal(left, option) for option in options)
    return not is_any if symbol in ("!=", "not in") else is_any


def holds(condition: str, lookup: Lookup) -> bool:
    """Say whether every part of `condition` holds; `lookup` gives the value of a key.

    Every key is looked up, so that a missing one is found whatever the others say. Raises
    ReportError when a part cannot be read or compared.
    """
    results = [_holds_part(*part, lookup) for part in _split(condition)]
    return all(results)
