"""Findings: `{claim}`, a sentence with the figures and checks it rests on, and its `{case}`s.

    ::::{claim} model
    :metrics: test_auc

    :::{case} model_vs_recency == "better"
    The model ranks better than the last visit alone.
    :::
    :::{case} model_vs_recency == "worse"
    :rests_on: none
    Sort users by their last visit instead.
    :::
    ::::

The first case that holds is printed; a blank line separates the options from the cases. A claim
without cases is its own only case.
"""

from collections.abc import Sequence
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives

from analysis.base.errors import ReportError
from analysis.base.formats import is_missing
from analysis.book.artifacts import CHECKS, METRICS, Check, Metric, worst
from analysis.book.directive import BookDirective
from analysis.summary.findings import split_names

NAMES = ("metrics", "rests_on", "concerns", "look")
OPTIONS = dict.fromkeys(NAMES, directives.unchanged_required)
"""Of a claim and, in its place, of a case: keys of metrics; bases (default: those of the metrics),
or `none` for a sentence that no check withdraws; the metric that says how many users it concerns
(its value, or its share of its n; default: nobody), by which `{findings}` orders; and `lead` for
the sentence at the top of the page.
"""
LAST = ("fail", "unknown")
"""What `{findings}` puts after all others: what is withdrawn, and what is not known."""


class case(nodes.Element):  # type: ignore[misc]  # noqa: N801 (docutils names nodes by class)
    """One alternative of a claim: whether it `holds`, its options, its content."""


class finding(nodes.container):  # type: ignore[misc]  # noqa: N801
    """A claim in its frame: its `stake` (users concerned), and whether it `is_last`."""


class Case(BookDirective):
    """One alternative of a claim: printed when its condition is the first that holds."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = OPTIONS

    def make(self) -> list[nodes.Node]:
        """Return the case, for its claim to choose from."""
        holds = self.artifacts(METRICS, CHECKS).holds(self.arguments[0])
        made = case("", *self.parse(has_sections=False), holds=holds, **self.options)
        self.set_source_info(made)
        return [made]


class Claim(BookDirective):
    """A finding, with what it rests on; a failing check withdraws it.

    When none of its metrics is available it says so. When no case holds nothing is printed.
    """

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = OPTIONS

    def make(self) -> list[nodes.Node]:
        """Return the finding in its frame, or what stands in its place."""
        name, artifacts = self.arguments[0], self.artifacts(METRICS, CHECKS)
        if not self.option("metrics"):
            raise ReportError(f"claim {name!r} needs :metrics:")
        metrics = artifacts.metrics(split_names(self.option("metrics")))
        cases = self._cases()
        if self.reads_all:
            return [node for alternative in cases for node in alternative.children]
        chosen = next((alternative for alternative in cases if alternative["holds"]), None)
        if all(is_missing(metric.value) for metric in metrics):
            return self._frame("unknown", metrics, [], [])
        if chosen is None:
            return []
        options = {**self.options, **chosen.attributes}
        metrics = artifacts.metrics(split_names(options["metrics"]))
        checks = artifacts.checks_of(metrics, options.get("rests_on", ""))
        framed = self._frame(worst(checks), metrics, checks, chosen.children)
        if concerns := options.get("concerns"):
            framed[0]["stake"] = users_concerned(artifacts.metric(concerns))
        return framed

    def _cases(self) -> list[case]:
        content = self.parse(has_sections=False)
        cases = [node for node in content if isinstance(node, case)]
        if cases and len(cases) < len(content):
            raise ReportError(f"claim {self.arguments[0]!r} has text outside its cases")
        return cases or [case("", *content, holds=True)]

    def _frame(
        self,
        status: str,
        metrics: Sequence[Metric],
        checks: Sequence[Check],
        sentence: Sequence[nodes.Node],
    ) -> list[finding]:
        look = [f"cb-claim-{self.option('look')}"] if self.option("look") else []
        made = finding("", classes=["cb-claim", f"cb-claim-{status}", *look], stake=0.0)
        made["ids"] = [nodes.make_id(f"claim-{self.arguments[0]}")]
        made["is_last"] = status in LAST
        values = {"status": status, "metrics": metrics, "checks": checks}
        made += [] if status == "fail" else list(sentence)
        made += self.render("claim", **values)
        if not look:
            made += self.render("claim_end", **values)
        return [made]


class Findings(BookDirective):
    """Claims, ordered by the users they concern, and so by the money at stake: each user is worth
    the same.
    """

    has_content = True

    def make(self) -> list[nodes.Node]:
        """Return the findings in their order; what was written first is first where they tie."""
        found = self.parse(has_sections=False)
        if self.reads_all:
            return found
        return sorted(found, key=_place)


def _place(node: nodes.Node) -> tuple[bool, float]:
    return (node["is_last"], -node["stake"]) if isinstance(node, finding) else (False, 0.0)


def users_concerned(metric: Metric) -> float:
    """Return how many users a metric is about: a count, or a share of its n."""
    if isinstance(metric.value, str) or is_missing(metric.value):
        return 0.0
    size = metric.n if metric.unit == "share" else 1
    return float(metric.value or 0) * float(size or 0)
