"""How Ibis's expressions are written in Spark's SQL so that they mean what they mean on DuckDB."""

import re
from collections import Counter
from math import inf
from typing import Any, ClassVar

import ibis
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL, SQLGlotCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.common.graph import Graph

NAMES = {"epoch_us": "unix_micros", "hash": "xxhash64"}
"""Functions of DuckDB's own, by what Spark calls them."""
LETTERS = {
    "Y": ("yyyy", "y"), "m": ("MM", "M"), "d": ("dd", "d"), "b": ("MMM", "MMM"),
    "B": ("MMMM", "MMMM"), "H": ("HH", "H"), "I": ("hh", "h"), "M": ("mm", "m"), "S": ("ss", "s"),
    "f": ("SSSSSS", "SSSSSS"), "p": ("a", "a"),
}  # fmt: skip
"""Parts of a time in strptime's letters, by Java's: of a fixed and of any number of digits."""
NUMBER = r"^[+-]?([0-9]+(_[0-9]+)*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INSTANT = (
    r"^[0-9]{1,4}[-/ \\][0-9]{1,2}[-/ \\][0-9]{1,2}"
    r"([T ] *[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]*)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?| [A-Za-z_]+(/[A-Za-z0-9_+-]+)*)?)?)? *$"
)
"""Numbers and times in text that DuckDB reads: a number may have `_` between digits."""
TIDY = (
    ("^[0-9]+", ""),
    (r"^[-/ \\]([0-9]+)[-/ \\]([0-9]+)", "-$1-$2"),
    ("^([-0-9]+)[T ] *([0-9])", "$1 $2"),
    ("([+-][0-9]{2})([0-9]{2})$", "$1:$2"),
    ("(?i) (UTC|GMT)$", "Z"),
)
"""What is written otherwise in such a time so that Spark reads it too."""
LONG = 12
"""Parts of an expression from which it is written out but once."""
NOT_OF_ROWS = (ops.Reduction, ops.WindowFunction, ops.Subquery)


class SparkCompiler(PySparkCompiler):
    """Writes expressions in Spark's SQL so that they mean what they mean on DuckDB."""

    __slots__ = ()
    SIMPLE_OPS: ClassVar[dict[Any, str]] = {}
    """What Ibis writes by its own is inherited; named here, it would come over what is below."""

    def translate(self, op: Any, **given: Any) -> Any:
        """Write an expression, each of its steps as a query of its own: in one, what a step defines
        would be written out wherever it is used, a hundred times over.
        """
        fused, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
        try:
            return super().translate(op.replace(_in_steps), **given)
        finally:
            ibis.options.sql.fuse_selects = fused

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:
        """Write a function of the engine's own."""
        name = self.__sql_name__(op)
        if name == "try_strptime":
            return self._by_formats(*arguments.values())
        return self.f[NAMES.get(name, name)](*arguments.values())

    def _by_formats(self, text: Any, formats: Any) -> Any:
        tidy = self.f.trim(self.f.regexp_replace(text, " +", " "))
        tried = [self.f.try_to_timestamp(tidy, pattern_of(f.this)) for f in formats.expressions]
        return self.f.coalesce(*tried)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """Write the reading of text as a time or a number, by the spellings that DuckDB takes."""
        cast = super().visit_TryCast
        if not op.arg.dtype.is_string() or not (to.is_timestamp() or to.is_floating()):
            return cast(op, arg=arg, to=to)
        if to.is_floating():
            plain = self.f.regexp_replace(arg, "_", "")
            return self.if_(self.f.rlike(arg, NUMBER), cast(op, arg=plain, to=to), NULL)
        year, rest = self.f.regexp_extract(arg, "^[0-9]+", 0), arg
        for found, written in TIDY:
            rest = self.f.regexp_replace(rest, found, written)
        plain = self.f.concat(self.f.lpad(year, 4, "0"), rest)
        return self.if_(self.f.rlike(arg, INSTANT), cast(op, arg=plain, to=to), NULL)

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """Write a constant: without a cast, one with a point is a decimal."""
        if dtype.is_floating():
            return self.cast(sge.convert(repr(float(value))), dtype)
        if dtype.is_string() and re.search("[\v\f]", value):
            parts = [part for part in re.split("([\v\f])", value) if part]
            return self.f.concat(*(self.f.anon.chr(ord(p)) if p in "\v\f" else p for p in parts))
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        """Write the parts of what was found as Java does: `$1`, where elsewhere it is `\\1`."""
        written = re.sub(r"\\([0-9])", r"$\1", str(op.replacement.value))
        return self.f.regexp_replace(arg, pattern, sge.convert(written))

    def visit_Strip(self, op: Any, *, arg: Any) -> Any:
        """Write the removal of blanks from both ends: in Spark's SQL "\\v" is a v."""
        return self.f.regexp_replace(arg, r"^[\x09-\x0d ]+|[\x09-\x0d ]+$", "")

    def visit_TimestampFromUNIX(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Write an instant from a whole number of seconds, milliseconds or microseconds."""
        unit = {"s": "seconds", "ms": "millis", "us": "micros"}[unit.short]
        return self.f[f"timestamp_{unit}"](arg)

    def visit_TimestampDelta(self, op: Any, *, part: Any, left: Any, right: Any) -> Any:
        """Write the time between two instants: in microseconds, which Sail's own has not."""
        if op.part.value == "microsecond":
            return self.f.unix_micros(left) - self.f.unix_micros(right)
        return super().visit_TimestampDelta(op, part=part, left=left, right=right)

    def visit_Hash(self, op: Any, *, arg: Any) -> Any:
        """Write 64 bits of a value or a structure; Ibis writes 32, to which nulls add nothing."""
        parts = arg.expressions if isinstance(arg, sge.Struct) else [arg]
        values = [p.expression if isinstance(p, sge.PropertyEQ) else p.unalias() for p in parts]
        return self.f.xxhash64(*(x for v in values for x in (v.is_(sge.null()), v.copy())))

    visit_IsNull = SQLGlotCompiler.visit_IsNull
    visit_NotNull = SQLGlotCompiler.visit_NotNull


def _in_steps(node: Any, replaced: Any) -> Any:
    """Return a selection whose long expressions that it uses twice are columns of one before it."""
    node = node.__recreate__(replaced) if replaced else node
    while isinstance(node, ops.Project) and (shared := _shared(node)):
        fields = {name: ops.Field(node.parent, name) for name in node.parent.schema}
        new = {ibis.util.gen_name("shared"): value for value in shared}
        inner = ops.Project(node.parent, fields | new)
        known: dict[Any, Any] = {
            value: ops.Field(inner, name) for name, value in (fields | new).items()
        }
        values = {n: v.replace(known, filter=ops.Value) for n, v in node.values.items()}
        node = ops.Project(inner, values)
    return node


def _shared(selection: ops.Project) -> list[Any]:
    """Return the LONG expressions that are used more than once, and that use no other such."""
    values = tuple(selection.values.values())
    graph, _ = Graph.from_bfs(values, filter=ops.Value).toposort()
    uses = Counter(values) + Counter(used for below in graph.values() for used in below)
    sizes: dict[Any, float] = {}
    found = []
    for value, below in graph.items():
        sizes[value] = 1 + sum(sizes[used] for used in below)
        if sizes[value] >= LONG and uses[value] > 1 and not value.find(NOT_OF_ROWS, ops.Value):
            found.append(value)
            sizes[value] = -inf  # what it is used in waits for the next step
    return found


def pattern_of(strptime: str) -> str:
    """Return a format of strptime as Java writes it: numbers of as many digits as there are, or,
    where nothing stands between them, of two, and the year of four.
    """
    is_fixed = strptime.startswith("%Y%m")
    return re.sub(
        "%([A-Za-z])|([TZ])",
        lambda found: f"'{found[2]}'" if found[2] else LETTERS[found[1]][not is_fixed],
        strptime,
    )
