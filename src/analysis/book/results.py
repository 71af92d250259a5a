"""The role and the directives that print results: kpi, when, checks, actions."""

from collections.abc import Mapping, Sequence
from typing import Any

from docutils import nodes
from markupsafe import Markup, escape
from sphinx.util.docutils import SphinxRole

from analysis.base.errors import ReportError
from analysis.base.formats import BLANK, format_cell, format_interval, is_missing, plural
from analysis.base.language import say
from analysis.book.artifacts import (
    ACTIONS,
    CHECKS,
    CLAIMS,
    METRICS,
    SHORTCUTS,
    Artifacts,
    Check,
    Metric,
    Row,
    worst,
)
from analysis.book.design import fold
from analysis.book.directive import BookDirective, open_artifacts
from analysis.book.forms import format_metric, format_noun, is_noun
from analysis.book.nodes import kpi
from analysis.book.problems import add_problem
from analysis.book.render import wrap_figure
from analysis.contract.stages import STAGES
from analysis.summary.findings import NONE, split_names

NOT_STRUCK = ("n", "label")
"""Forms of a metric that no check can strike."""
COUNTED = (
    ("fail", "fails", "fail"),
    ("warn", "asks for caution", "ask for caution"),
    ("pass", "passes", "pass"),
    ("not_applicable", "does not apply", "do not apply"),
)
"""How many checks came out in which way: the verb for one check and for several."""
FOLDED = (
    ("pass", "check that passes", "checks that pass"),
    ("not_applicable", "check that does not apply", "checks that do not apply"),
)
"""What a reader must open to see, with its title for one check and for several."""


class KpiRole(SphinxRole):
    """`{kpi}`key`` prints a metric; `key:interval`, `:n`, `:full`, `:whole`, `:label` its forms;
    `key:user|users` the word beside its number.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the figure, marked by the checks it rests on."""
        try:
            return [self._make()], []
        except ReportError as error:
            add_problem(self.env, self.get_source_info()[1], str(error))
            return [], []

    def _make(self) -> nodes.Node:
        key, _, form = (part.strip() for part in self.text.partition(":"))
        artifacts = open_artifacts(self.env, METRICS, CHECKS)
        metric = artifacts.metric(key)
        if is_noun(form):
            return nodes.Text(format_noun(metric, form))
        before, after = _mark(artifacts, metric, form, str(self.config.root_doc))
        text = format_metric(metric, form)
        return kpi(text, text, before=before, after=after)


def _mark(artifacts: Artifacts, metric: Metric, form: str, panel: str) -> tuple[str, str]:
    """Return the markup before and after a figure, by the checks it rests on."""
    checks = artifacts.checks_of([metric])
    return wrap_figure(
        checks=checks,
        status="pass" if form in NOT_STRUCK else worst(checks),
        is_missing=is_missing(metric.value) and form != "label",
        panel=panel,
        reason=metric.reason,
    )


class When(BookDirective):
    """Content that is printed only when a condition on the metrics holds."""

    has_content = True
    required_arguments = 1

    def make(self) -> list[nodes.Node]:
        """Return the content, or nothing."""
        holds = self.artifacts(METRICS, CHECKS).holds(self.arguments[0])
        return self.parse() if holds or self.reads_all else []


class ChecksPanel(BookDirective):
    """The checks of the chapter whose page this is; every check on the root page, in brief."""

    def make(self) -> list[nodes.Node]:
        """Return how many checks came out in which way, and each of them."""
        checks = self.artifacts(CHECKS).all_checks()
        is_brief = self.env.docname == self.config.root_doc
        if not is_brief:
            stage = self._stage()
            checks = [check for check in checks if check.stage == stage]
        groups = {status: _with_status(checks, status) for status, _, _ in COUNTED}
        counts = self.render("counts", groups=groups, counted=_said(COUNTED))
        if loud := groups["fail"] + groups["warn"]:
            shown = self.render("checks", checks=loud, is_brief=is_brief)
            return [counts, shown, *self._folds(groups)]
        return [counts, *self._folds(groups)]

    def _folds(self, groups: Mapping[str, list[Check]]) -> list[nodes.Node]:
        made: list[nodes.Node] = []
        for status, one, other in _said(FOLDED):
            if checks := groups[status]:
                title = plural(len(checks), one, other)
                made += fold(
                    self.state, title, self.render("checks", checks=checks, is_brief=False)
                )
        return made

    def _stage(self) -> str:
        name = self.env.docname.rpartition("/")[2]
        if name not in [stage.name for stage in STAGES]:
            raise ReportError(f"checks-panel: {name!r} is neither the root page nor a chapter")
        return name


def _said(counted: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return statuses with their words, for one check and for several, in the language in use."""
    return [(status, say(one), say(other)) for status, one, other in counted]


def _with_status(checks: list[Check], status: str) -> list[Check]:
    return [check for check in checks if check.status == status]


class PublishedClaims(BookDirective):
    """The claims of the published case with their verdicts."""

    def make(self) -> list[nodes.Node]:
        """Return the claims as cards, and the link to the table."""
        return [
            self.render("published_claims", rows=self.artifacts(CLAIMS).rows(CLAIMS), path=CLAIMS)
        ]


class UsualShortcuts(BookDirective):
    """What the usual shortcuts would say, beside the figures to use."""

    def make(self) -> list[nodes.Node]:
        """Return the shortcuts as cards, and the link to the table."""
        artifacts = self.artifacts(SHORTCUTS, METRICS, CHECKS)
        cards = [
            {"row": row, "figure": self._figure(artifacts, row["metric"])}
            for row in artifacts.rows(SHORTCUTS)
        ]
        return [self.render("usual_shortcuts", cards=cards, path=SHORTCUTS)]

    def _figure(self, artifacts: Artifacts, key: str) -> Markup:
        """Return the label of a metric and its figure, struck where a check strikes it."""
        metric = artifacts.metric(key)
        before, after = _mark(artifacts, metric, "full", str(self.config.root_doc))
        figure = Markup(before) + escape(format_metric(metric, "full")) + Markup(after)
        return escape(metric.label) + ": " + figure


class Actions(BookDirective):
    """What to do; a failing check withdraws an action."""

    def make(self) -> list[nodes.Node]:
        """Return the actions as one table."""
        artifacts = self.artifacts(ACTIONS, METRICS, CHECKS)
        cards = [self._card(artifacts, row) for row in artifacts.rows(ACTIONS)]
        cards.sort(key=lambda card: bool(card["status"] == "fail"))
        assumed = {
            name: {"value": format_metric(metric), "range": format_metric(metric, "interval")}
            for name in ("saved_share", "customer_value")
            for metric in [artifacts.metric(name)]
        }
        return [self.render("actions", cards=cards, assumed=assumed)]

    def _card(self, artifacts: Artifacts, row: Row) -> dict[str, Any]:
        named = "" if row["metrics"] == NONE else row["metrics"]
        metrics = artifacts.metrics(split_names(named))
        checks = artifacts.checks_of(metrics, row["rests_on"])
        cells = _cells(row, artifacts.metric("customer_value").currency)
        return {"row": row, "cells": cells, "metrics": metrics, "checks": checks,
                "status": worst(checks)}  # fmt: skip


def _cells(row: Row, currency: str) -> list[str]:
    """Return the cells behind an action: users, held out, gain, cost, proof and grade."""
    low, high = row["gain_low"], row["gain_high"]
    gain = format_interval(low, high, "money", currency=currency, decimals=0) if low else BLANK
    cost = format_cell(row["cost"] or None, "money", currency=currency, decimals=0)
    counts = [format_cell(row[name] or None, "count") for name in ("size", "held")]
    return [*counts, gain, cost, row["proof"] or BLANK, row["grade"]]
