"""What stands first and last on the page of a chapter, from book/openings.yml, by its name.

`{opening}` is its answer in three lines: the figure with its interval; what it compares to, or
where it is going; and what it rests on, or that it is struck. `{limits}` is what we can say and
what we cannot. An entry has `answer`, `beside` (the second line) and `limits` (a list):

    05_cohorts:
      answer:
        metrics: churn_rate, churn_direction
        cases:
          - if: churn_direction == "rising"
            say: Churn is rising: ...
          - if: churn_rate is not none
            neutral: true
            say: ...
      limits:
        - say: ...

The first case whose `if` holds is printed. Where a check fails that strikes one of the `metrics`,
only cases that are `neutral` count: they say nothing but the figure, which stands struck in them.
Where none of the metrics is available, the line says why. `basis` is the third line where no check
judges the answer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList

from analysis.base.errors import ReportError
from analysis.base.formats import is_missing
from analysis.base.texts import read_texts
from analysis.book.artifacts import CHECKS, METRICS, Artifacts, Check, Metric, read_text, worst
from analysis.book.directive import BookDirective
from analysis.summary.findings import split_names

OPENINGS = "openings.yml"
LINES = ("answer", "beside")
Entry = Mapping[str, Any]


class _OfChapter(BookDirective):
    """What OPENINGS says of the chapter whose page this is."""

    def entry(self) -> Entry:
        """Return the chapter's entry. Raises ReportError where there is none."""
        path = Path(self.env.srcdir) / "book" / OPENINGS
        self.env.note_dependency(str(path))
        name = self.env.docname.rpartition("/")[2]
        entries = read_texts(read_text(path, OPENINGS))
        if name not in entries:
            raise ReportError(f"book/{OPENINGS}: no entry for the chapter {name!r}")
        found: Entry = entries[name]
        return found

    def read(self, text: str) -> list[nodes.Node]:
        """Return Markdown of OPENINGS as nodes."""
        box = nodes.Element()
        lines = StringList(text.splitlines(), source=OPENINGS)
        self.state.nested_parse(lines, self.content_offset, box)
        return list(box.children)


class Opening(_OfChapter):
    """The chapter's answer in three lines."""

    def make(self) -> list[nodes.Node]:
        """Return the lines in their frame."""
        entry, artifacts = self.entry(), self.artifacts(METRICS, CHECKS)
        lines = [entry[name] for name in LINES if name in entry]
        if self.reads_all:
            texts = [text for line in lines for text in all_texts(line)]
            return [node for text in [*texts, entry.get("basis", "")] for node in self.read(text)]
        checks = checks_of(artifacts, entry["answer"])
        made = nodes.container(classes=["cb-opening", f"cb-opening-{worst(checks)}"])
        for line in lines:
            made += self._line(artifacts, line)
        if not is_unknown(metrics_of(artifacts, entry["answer"])):
            made += self._basis(checks, entry.get("basis", ""))
        return [made]

    def _line(self, artifacts: Artifacts, line: Entry) -> list[nodes.Node]:
        metrics = metrics_of(artifacts, line)
        if is_unknown(metrics):
            return [self.render("claim", status="unknown", metrics=metrics, checks=[])]
        return self.read(text_of(artifacts, line))

    def _basis(self, checks: list[Check], otherwise: str) -> list[nodes.Node]:
        if not checks:
            return self.read(otherwise)
        loud = [check for check in checks if check.status == worst(checks)]
        return [self.render("opening_basis", checks=checks, loud=loud, status=worst(checks))]


class Limits(_OfChapter):
    """What we can say after a chapter, and what we cannot."""

    def make(self) -> list[nodes.Node]:
        """Return a list of sentences."""
        lines, artifacts = self.entry()["limits"], self.artifacts(METRICS, CHECKS)
        if self.reads_all:
            texts = [text for line in lines for text in all_texts(line)]
        else:
            texts = [text_of(artifacts, line) for line in lines]
        return self.read("\n".join(f"- {' '.join(text.split())}" for text in texts if text))


def cases_of(line: Entry) -> list[Entry]:
    """Return the cases of a line; a line without cases is its own only case."""
    return list(line.get("cases", [line]))


def all_texts(line: Entry) -> list[str]:
    """Return every sentence that a line may print."""
    return [case["say"] for case in cases_of(line)]


def metrics_of(artifacts: Artifacts, line: Entry) -> list[Metric]:
    """Return the metrics that a line rests on."""
    return artifacts.metrics(split_names(line.get("metrics", "")))


def is_unknown(metrics: list[Metric]) -> bool:
    """Say whether there are metrics, and none of them is available."""
    return bool(metrics) and all(is_missing(metric.value) for metric in metrics)


def checks_of(artifacts: Artifacts, line: Entry) -> list[Check]:
    """Return the checks behind a line."""
    return artifacts.checks_of(metrics_of(artifacts, line))


def text_of(artifacts: Artifacts, line: Entry) -> str:
    """Return the sentence that a line prints in this run; empty where no case holds, or a check
    withdraws it.
    """
    metrics = metrics_of(artifacts, line)
    if is_unknown(metrics):
        return ""
    is_struck = worst(artifacts.checks_of(metrics)) == "fail"
    for case in cases_of(line):
        if (case.get("neutral") or not is_struck) and artifacts.holds(case.get("if", "true")):
            return str(case["say"])
    return ""
