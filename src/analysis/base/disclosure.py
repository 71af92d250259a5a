"""Which cells of a table rest on so few people that they are withheld, and that these stay so.

A rule is a plain mapping, as the catalogue declares it for a table (`people`):

- `whole`: the column that counts the people a row is about;
- `part`: the column that counts those of them with the outcome, or `share`: their share;
- `rests`: other columns that are withheld together with them; `label`: the column that names the
  group, withheld where the group itself is small: so rare a value may name a person;
- `next`: columns of the row after, which compare it with this one, withheld together with the part;
- `within`: columns whose rows add up to a total that is known ([] for all rows of the table);
- `where` and `unless`: columns and their values in the rows that the rule is for, or is not for;
- `known`: the column that says whether the outcome was observed in the row;
- `allows_none`: nobody, and everybody, may be said: of faults in the tables;
- `curve`: the columns that say which rows are one curve; a step on too few people is left out;
- `drop`: the row is left out altogether.

A count of 1 to `minimum` - 1 people is withheld. So is a part whose complement is as small, or is
nobody: it says something of everybody in the group. A total gives a single withheld cell back, so
the next smallest is withheld too, until at least `minimum` people are hidden together (cell
suppression: Hundepool et al. 2012, Statistical Disclosure Control, ch. 4).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.base.formats import BLANK

Rule = Mapping[str, Any]
WITHHELD = "withheld"
"""What a page says in a cell that is withheld."""
NOT_SHOWN = ("", BLANK, WITHHELD)
MARK = "people"
"""The entry of a frame's `attrs` that holds the rules and the minimum: see withhold_marked."""


def withhold(
    frame: pd.DataFrame, rules: Sequence[Rule], minimum: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frame without what rests on fewer than `minimum` people, and which of its cells
    were withheld (a frame of truth values of the same shape). With a minimum of 1 nothing is.
    """
    shown, hidden = frame.copy(), pd.DataFrame(False, index=frame.index, columns=frame.columns)
    for rule in _that_apply(frame, rules, minimum):
        of_rule = _rows(frame, rule)
        if rule.get("drop"):
            shown, hidden = shown[~of_rule], hidden[~of_rule]
            frame = shown.copy()
        elif "curve" in rule:
            _hide(hidden, of_rule & ~_kept_steps(frame, rule, of_rule, minimum), _columns(rule))
        else:
            _hide_groups(frame, hidden, rule, of_rule, minimum)
    return _without(shown, hidden, rules)


def withhold_marked(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return what `withhold` returns by the rules that the frame carries; without any, the frame
    as it is, and None.
    """
    known = frame.attrs.get(MARK)
    if known is None or frame.empty:
        return frame, None
    return withhold(frame, known["rules"], known["minimum"])


def _that_apply(frame: pd.DataFrame, rules: Sequence[Rule], minimum: int) -> list[Rule]:
    return [rule for rule in rules if minimum > 1 and _is_there(frame, rule)]


def _is_there(frame: pd.DataFrame, rule: Rule) -> bool:
    """Say whether the frame has the columns without which a rule says nothing of it."""
    needed = {*rule.get("where", {}), *rule.get("unless", {}), *rule.get("curve", ())}
    needed |= {rule["whole"]} if "whole" in rule else set()
    return needed <= set(frame.columns)


def _rows(frame: pd.DataFrame, rule: Rule) -> "pd.Series[bool]":
    chosen = pd.Series(True, index=frame.index)
    for column, values in rule.get("where", {}).items():
        chosen &= frame[column].astype("str").isin([str(value) for value in values])
    for column, values in rule.get("unless", {}).items():
        chosen &= ~frame[column].astype("str").isin([str(value) for value in values])
    return chosen


def _columns(rule: Rule) -> list[str]:
    """Return every column that is withheld with the whole, once."""
    counts = [rule[name] for name in ("whole", "part", "share") if name in rule]
    return [*dict.fromkeys([*counts, *rule.get("rests", ())])]


def _hide(hidden: pd.DataFrame, rows: "pd.Series[bool]", columns: Sequence[str]) -> None:
    present = [column for column in columns if column in hidden]
    hidden.loc[rows, present] = True


def _hide_groups(
    frame: pd.DataFrame, hidden: pd.DataFrame, rule: Rule, of_rule: "pd.Series[bool]", minimum: int
) -> None:
    """Mark the cells of small groups, then those with a small part, then what gives them back."""
    whole = _numbers(frame, rule["whole"])
    small = of_rule & whole.between(1, minimum, inclusive="left")
    _hide(hidden, small, [rule["label"]] if "label" in rule else [])
    small = _with_neighbours(frame, rule, of_rule, small, [whole], whole, minimum)
    _hide(hidden, small, _columns(rule))
    if (part := _part(frame, rule, whole)) is None:
        return
    told = of_rule & _is_known(frame, rule) & whole.gt(0) & part.notna()
    few = told & (_is_few(part, rule, minimum) | _is_few(whole - part, rule, minimum))
    both = [part, whole - part]
    few = _with_neighbours(frame, rule, told, few | (small & told), both, whole, minimum)
    _hide(hidden, few, [column for column in _columns(rule) if column != rule["whole"]])
    _hide(hidden, (small | few).shift(fill_value=False), rule.get("next", ()))


def _numbers(frame: pd.DataFrame, column: str) -> "pd.Series[float]":
    cells: pd.Series[Any] = frame[column]
    numbers: pd.Series[float] = pd.to_numeric(cells, errors="coerce")
    return numbers


def _is_few(count: "pd.Series[float]", rule: Rule, minimum: int) -> "pd.Series[bool]":
    return (count < minimum) & (count > 0 if rule.get("allows_none") else count >= 0)


def _is_known(frame: pd.DataFrame, rule: Rule) -> "pd.Series[bool]":
    if "known" not in rule or rule["known"] not in frame:
        return pd.Series(True, index=frame.index)
    is_known: pd.Series[bool] = frame[rule["known"]].astype("str").str.lower().eq("true")
    return is_known


def _part(frame: pd.DataFrame, rule: Rule, whole: "pd.Series[float]") -> "pd.Series[float] | None":
    """Return how many have the outcome: as the table counts them, or by their share; missing where
    it is no share of so many.
    """
    if rule.get("part") in frame:
        return _numbers(frame, rule["part"])
    if rule.get("share") in frame:
        part = _numbers(frame, rule["share"]) * whole
        return part.round().where((part - part.round()).abs() < 1e-6 * whole.clip(lower=1))
    return None


def _with_neighbours(
    frame: pd.DataFrame,
    rule: Rule,
    of_rule: "pd.Series[bool]",
    small: "pd.Series[bool]",
    counts: Sequence["pd.Series[float]"],
    whole: "pd.Series[float]",
    minimum: int,
) -> "pd.Series[bool]":
    """Return `small` with the next smallest rows of each total that would give a row back."""
    if not _has_totals(frame, rule) or not small.any():
        return small
    family = _family(frame, rule["within"])
    more = small.copy()
    for name in family[small].unique():
        members = whole[of_rule & (family == name)].sort_values(kind="stable").index
        chosen = [row for row in members if small[row]]
        others = [row for row in members if not small[row] and whole[row] > 0]
        while others and any(count[chosen].sum() < minimum for count in counts):
            chosen.append(others.pop(0))
        more.loc[chosen] = True
    return more


def _has_totals(frame: pd.DataFrame, rule: Rule) -> bool:
    return "within" in rule and {*rule["within"]} <= {*frame.columns}


def _family(frame: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[str]":
    """Return for each row the values of `columns` as one text."""
    values = frame[list(columns)].astype("str").to_numpy().tolist()
    return pd.Series(["|".join(row) for row in values], index=frame.index, dtype="str")


def _kept_steps(
    frame: pd.DataFrame, rule: Rule, of_rule: "pd.Series[bool]", minimum: int
) -> "pd.Series[bool]":
    """Return which rows of a curve stay: those with enough people, the first, and each on which
    enough left (or, without a share, were added) since the last that stays.
    """
    kept = pd.Series(False, index=frame.index)
    family = _family(frame, rule["curve"])
    whole = _numbers(frame, rule["whole"])
    for _, rows in whole[of_rule & whole.notna()].groupby(family):
        kept.loc[_enough(_moved(frame, rule, rows), rows, minimum)] = True
    return kept


def _moved(frame: pd.DataFrame, rule: Rule, whole: "pd.Series[float]") -> "pd.Series[float]":
    """Return how many people each step of a curve moves."""
    if rule.get("share") not in frame:
        return whole.diff().abs()
    share = _numbers(frame, rule["share"]).loc[whole.index]
    return (whole.shift() * (1 - share / share.shift().where(lambda s: s > 0))).round(6)


def _enough(moved: "pd.Series[float]", whole: "pd.Series[float]", minimum: int) -> list[Any]:
    kept: list[Any] = []
    since = 0.0
    for row, people, step in zip(whole.index, whole, moved, strict=True):
        since += 0.0 if pd.isna(step) else float(step)
        if people >= minimum and (not kept or since >= minimum - 0.5):
            kept.append(row)
            since = 0.0
    return kept


def _without(
    shown: pd.DataFrame, hidden: pd.DataFrame, rules: Sequence[Rule]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frame with its hidden cells empty, without the rows of a curve that have none."""
    for column in shown.columns[hidden.any()]:
        shown[column] = shown[column].astype("object").where(~hidden[column], None)
        if not shown[column].dropna().map(lambda value: isinstance(value, str)).any():
            shown[column] = pd.to_numeric(shown[column])
    curves = [rule["whole"] for rule in rules if "curve" in rule and rule["whole"] in shown]
    if curves:
        gone = shown[curves].isna().all(axis=1)
        return shown[~gone], hidden[~gone]
    return shown, hidden


def violations(frame: pd.DataFrame, rules: Sequence[Rule], minimum: int) -> list[tuple[Any, str]]:
    """Return the cells (row, column) that a table shows although they rest on fewer than `minimum`
    people, and those in totals that give the only withheld cell back.
    """
    found: list[tuple[Any, str]] = []
    for rule in _that_apply(frame, rules, minimum):
        of_rule = _rows(frame, rule)
        if rule.get("drop"):
            found += [(row, str(frame.columns[0])) for row in frame.index[of_rule]]
            continue
        hidden = pd.DataFrame(False, index=frame.index, columns=frame.columns)
        whole = _numbers(frame, rule["whole"])
        _hide(hidden, of_rule & whole.between(1, minimum, inclusive="left"), _columns(rule))
        if "curve" not in rule:
            _hide_groups(
                frame, hidden, {k: rule[k] for k in rule if k != "within"}, of_rule, minimum
            )
            _hide(hidden, _gives_back(frame, rule, of_rule, whole), [rule["whole"]])
        is_shown = frame.notna() & ~frame.isin(NOT_SHOWN)
        found += [(row, c) for c in _columns(rule) if c in frame
                  for row in frame.index[hidden[c] & is_shown[c]]]  # fmt: skip
    return found


def _gives_back(
    frame: pd.DataFrame, rule: Rule, of_rule: "pd.Series[bool]", whole: "pd.Series[float]"
) -> "pd.Series[bool]":
    """Return the rows of totals of which one single row is withheld."""
    alone = pd.Series(False, index=frame.index)
    if not _has_totals(frame, rule):
        return alone
    family = _family(frame, rule["within"])
    for _, rows in whole[of_rule].groupby(family):
        if (rows > 0).any() and rows.isna().sum() == 1:
            alone.loc[rows.index] = True
    return alone


def hide_bars(counts: Sequence[float], minimum: int) -> list[float]:
    """Return the bars of a histogram of people, with 0 for those on fewer than `minimum` and, where
    the sum would give one back, for the next smallest.
    """
    small = [bar for bar, count in enumerate(counts) if 0 < count < minimum]
    others = sorted((c, bar) for bar, c in enumerate(counts) if c >= minimum)
    while small and others and sum(counts[bar] for bar in small) < minimum:
        small.append(others.pop(0)[1])
    return [0.0 if bar in small else float(count) for bar, count in enumerate(counts)]
