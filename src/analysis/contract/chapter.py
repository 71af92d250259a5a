"""A chapter: the one place where a stage's tables are computed.

The notebook shows them, the runner writes them, the studies ask for single ones.
"""

import shutil
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from analysis.base import disclosure, engine, files, unavailable
from analysis.base.errors import ReportError, Unavailable
from analysis.base.table_file import Rows, TableFile
from analysis.contract import catalogue, checks, stages
from analysis.contract.checks import Check, Verdict


class frame(cached_property[Any]):  # noqa: N801 (used like functools.cached_property)
    """What a chart of a chapter draws, computed when first asked for.

    Where it is Unavailable it is an empty frame that carries the reason: see base.unavailable.
    """

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """Return the frame, or an empty one with the reason."""
        try:
            return super().__get__(instance, owner)
        except Unavailable as error:
            value = unavailable.mark(self.empty(), str(error))
            vars(instance)[self.attrname] = value
            return value

    def empty(self) -> pd.DataFrame:
        """Return what stands for the frame when it cannot be computed."""
        return pd.DataFrame()


class table(frame):  # noqa: N801
    """A table of a chapter, computed when first asked for; it remembers its name for `show`."""

    def empty(self) -> pd.DataFrame:
        """Return the table without rows, with the columns that the catalogue promises."""
        return catalogue.empty_table(str(self.attrname))

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """Return the table, its name in `attrs["table"]`, its `currency` if it has amounts, and
        the rules by which `show` and the charts withhold cells.
        """
        value = super().__get__(instance, owner)
        if isinstance(value, pd.DataFrame):
            value.attrs["table"] = self.attrname
            if catalogue.is_money(str(self.attrname)):
                value.attrs["currency"] = getattr(instance, "currency", "")
            mark_people(value, str(self.attrname), getattr(instance, "min_disclosed", 1))
        return value


def mark_people(frame: pd.DataFrame, name: str, min_disclosed: int) -> pd.DataFrame:
    """Return `frame` with the rules of the table `name` that say which cells count people."""
    if min_disclosed > 1 and catalogue.is_table(name) and catalogue.table_of(name).people:
        rules = [dict(rule) for rule in catalogue.table_of(name).people]
        frame.attrs[disclosure.MARK] = {"minimum": min_disclosed, "rules": rules}
    return frame


class Chapter:
    """Base of all chapters: `stage` names the stage whose tables the attributes are."""

    stage: ClassVar[str]
    log: Any

    def verdicts(self, names: Collection[str] | None = None) -> list[Verdict]:
        """Return the verdicts of the stage's checks, or of those in `names`, in order.

        A check gets, by the names of its parameters, attributes of the chapter or of its log. It is
        not applicable where one of them could not be computed.
        """
        wanted = [c for c in checks.of_stage(self.stage) if names is None or c.name in names]
        return [self._judge(check) for check in wanted]

    def _judge(self, check: Check) -> Verdict:
        try:
            values = {name: self._value(name) for name in check.reads}
            for value in values.values():
                unavailable.require(value)
            return check.judge(**values)
        except Unavailable as error:
            return checks.not_applicable(check.name, str(error))

    def _value(self, name: str) -> Any:
        return (
            getattr(self, name)
            if hasattr(type(self), name) or name in vars(self)
            else getattr(self.log, name)
        )

    @table
    def verdict_table(self) -> pd.DataFrame:
        """Return the verdicts as a table: see contract.checks.to_table."""
        return checks.to_table(self.verdicts())

    def write(self, outputs: str) -> None:
        """Write every artifact that the stage declares, from the attribute of its name.

        Raises ReportError when a table lacks a column that the catalogue promises.
        """
        folder = files.place(outputs)
        for name, path in stages.find(self.stage).writes.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self.save(name, self._value(name), str(target))

    def save(self, name: str, value: Any, path: str) -> None:
        """Write one artifact: a frame as CSV or Parquet, an Ibis table as Parquet, else JSON."""
        if isinstance(value, pd.DataFrame | TableFile):
            _require_columns(name, value)
        if isinstance(value, pd.DataFrame):
            files.write_table(value, path)
        elif isinstance(value, TableFile):
            shutil.copyfile(value.path, path)
            files.keep_private(Path(path))
        elif path.endswith(".parquet"):
            engine.write(value, path)
            files.keep_private(Path(path))
        else:
            files.write_json(value, path)


def _require_columns(name: str, frame: Rows) -> None:
    promised = catalogue.columns_of(name)
    missing = [column for column in promised if column not in frame.columns]
    if missing:
        raise ReportError(
            f"{name}: the column {missing[0]!r} is promised by the catalogue but not in the table "
            f"({len(missing)} in all). It has: {', '.join(map(str, frame.columns))}."
        )
