"""The role and the directives that print results: kpi, when, claim, headline, checks, actions."""

from collections.abc import Sequence
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxRole

from analysis.base.errors import ReportError
from analysis.site import markup
from analysis.site.base import (
    CHECKS,
    METRICS,
    BookDirective,
    add_problem,
    checks_of,
    open_summary,
    panel_page,
)
from analysis.site.conditions import holds
from analysis.site.figures import Check, Metric, format_metric, is_missing, worst
from analysis.site.nodes import esc, kpi, make_html
from analysis.site.store import Row, Summary, split_names

PLAIN_SHAPES = ("n", "label")  # forms that no check can strike


class KpiRole(SphinxRole):
    """`{kpi}`key`` prints a metric; `key:interval`, `:n`, `:full`, `:whole`, `:label` its forms."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the figure, marked by the checks it rests on."""
        try:
            return [self._make()], []
        except ReportError as error:
            add_problem(self.env, self.get_source_info()[1], str(error))
            return [], []

    def _make(self) -> nodes.Node:
        key, _, shape = (part.strip() for part in self.text.partition(":"))
        summary = open_summary(self.env, METRICS, CHECKS)
        metric = summary.metric(key)
        checks, status = checks_of(summary, metric)
        if shape in PLAIN_SHAPES:
            status = "pass"
        text = format_metric(metric, shape)
        before, after = markup.wrap_figure(checks, status, panel_page(self.env.app))
        if is_missing(metric.value) and shape != "label":
            before, after = '<span class="kpi cb-missing">', "</span>"
        return kpi(text, text, before=before, after=after)


class When(BookDirective):
    """Content that is read only when a condition on the metrics holds."""

    has_content = True
    required_arguments = 1

    def make(self) -> list[nodes.Node]:
        """Return the content, or nothing."""
        summary = self.summary(METRICS, CHECKS)
        if not holds(self.arguments[0], summary.lookup):
            return []
        return list(self.parse().children)


class Claim(BookDirective):
    """A finding, with what it rests on; a failing check withdraws it.

    Without content it says that its figures are not known.
    """

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {
        "when": directives.unchanged_required,
        "metrics": directives.unchanged_required,
        "checks": directives.unchanged_required,
    }

    def make(self) -> list[nodes.Node]:
        """Return the finding in its frame, or what stands in its place."""
        self._require("metrics", "checks")
        summary = self.summary(METRICS, CHECKS)
        metrics = summary.metrics(split_names(self.option("metrics")))
        checks = summary.checks(self._check_names(metrics))
        if self.option("when") and not holds(self.option("when"), summary.lookup):
            return []
        return self._frame(metrics, checks)

    def _require(self, *names: str) -> None:
        missing = [f":{name}:" for name in names if not self.option(name)]
        if missing:
            raise ReportError(f"claim {self.arguments[0]!r} needs {' and '.join(missing)}")

    def _check_names(self, metrics: Sequence[Metric]) -> list[str]:
        """A claim rests on its own checks and on those of its metrics, unless it says `none`."""
        named = split_names(self.option("checks"))
        return [*named, *(name for m in metrics for name in m.checks)] if named else []

    def _is_unknown(self, metrics: Sequence[Metric]) -> bool:
        """A claim without content, or without any figure, says what is not known."""
        return not self.content or all(is_missing(metric.value) for metric in metrics)

    def _frame(self, metrics: Sequence[Metric], checks: Sequence[Check]) -> list[nodes.Node]:
        content, status = self.parse().children, worst(checks)  # read even when withdrawn
        small = markup.small_print(metrics, checks, panel_page(self.env.app))
        if status == "fail":
            content = [make_html(markup.withdrawn(metrics, checks))]
        elif self._is_unknown(metrics):
            content, status = [make_html(markup.unknown(metrics))], "not_applicable"
        elif status == "warn":
            text = esc(markup.explain(checks, "warn"))
            note = f'<p class="cb-caution">{markup.badge("warn")} {text}</p>'
            content = [*content, make_html(note)]
        anchor = nodes.make_id(f"claim-{self.arguments[0]}")
        opening = f'<div class="cb-claim cb-claim-{status}" id="{anchor}">'
        return [make_html(opening), *content, make_html(f"{small}</div>")]


class Headline(BookDirective):
    """The key figures as cards: a key per line, `| page` to link to, `| label` to rename."""

    has_content = True

    def make(self) -> list[nodes.Node]:
        """Return the grid of cards."""
        lines = [line.strip() for line in self.content if line.strip()]
        summary = self.summary(METRICS, CHECKS)
        summary.metrics(line.split("|")[0].strip() for line in lines)  # all missing keys at once
        return self.html(markup.headline(self._card(summary, line) for line in lines))

    def _card(self, summary: Summary, line: str) -> str:
        key, target, label = ([part.strip() for part in line.split("|")] + ["", ""])[:3]
        if target and target not in self.env.found_docs:
            raise ReportError(f"headline {key!r} leads to {target!r}, which is no page of the book")
        metric = summary.metric(key)
        checks, status = checks_of(summary, metric)
        return markup.headline_card(metric, checks, status, panel_page(self.env.app), target, label)


class ChecksPanel(BookDirective):
    """Every check of the run, or those of `:stage:` or of `:checks:`."""

    option_spec: ClassVar = {"stage": directives.unchanged, "checks": directives.unchanged}

    def make(self) -> list[nodes.Node]:
        """Return the panel."""
        summary = self.summary(CHECKS)
        names = split_names(self.option("checks"))
        checks = summary.checks(names) if names else summary.all_checks()
        stages = split_names(self.option("stage"))
        shown = [check for check in checks if not stages or check.stage in stages]
        return self.html(markup.checks_panel(shown))


class PublishedClaims(BookDirective):
    """The published claims with their verdicts, from summary/claims.csv."""

    def make(self) -> list[nodes.Node]:
        """Return the claims as cards, and the link to the table."""
        path = "summary/claims.csv"
        rows = self.summary(path).rows(path)[1]
        return self.html(markup.published_claims(rows) + markup.download(path))


class Actions(BookDirective):
    """What to do, from summary/actions.csv; a failing check withdraws an action."""

    def make(self) -> list[nodes.Node]:
        """Return the actions as cards."""
        summary = self.summary("summary/actions.csv", METRICS, CHECKS)
        rows = summary.rows("summary/actions.csv")[1]
        return self.html(markup.actions([self._card(summary, row) for row in rows]))

    def _card(self, summary: Summary, row: Row) -> str:
        named = split_names(row.get("checks", ""))
        metrics = summary.metrics(split_names(row.get("metrics", "")))
        checks = summary.checks([*named, *(name for m in metrics for name in m.checks)])
        return markup.action_card(row, metrics, checks, worst(checks), panel_page(self.env.app))
