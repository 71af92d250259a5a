"""The first screen: users and days, one chart, four tiles, what to do and what not to believe.

The sentence with the finding is a claim of index.md; the other sentences are in the templates
`front_about.html`, `front_tiles.html` and `front_lines.html`.
"""

from typing import Any

from docutils import nodes

from analysis.base import files
from analysis.base.formats import is_missing
from analysis.book import counts
from analysis.book.artifacts import ACTIONS, CHECKS, METRICS, Artifacts, Check, worst
from analysis.book.directive import BookDirective, data_dir
from analysis.book.publish import min_disclosed_of
from analysis.book.strikes import strikes_of
from analysis.book.striking import frame_chart
from analysis.cohorts.trend_charts import draw_churn_small
from analysis.contract.chapter import mark_people
from analysis.contract.stages import path_of
from analysis.summary.findings import NONE, split_names

TREND = "churn_by_snapshot"
RESTS_ON = ["churn"]
"""What the chart rests on."""
TILES = (
    ("churn_rate", "churn_change", "churn_snapshot_before"),
    ("active_users_now", "active_users_change", "churn_snapshot"),
    ("value_at_stake", "value_at_stake_change", "churn_snapshot"),
)
"""Figures of the tiles: each with its change, and the day since when."""
BESIDE = ("horizon_days", "lookback_days", "customer_value")
"""Figures that the tiles' labels name."""
OF_THE_PAGE = ("users_total", "log_start", "log_end")


class About(BookDirective):
    """How many users the report covers, over which days."""

    def make(self) -> list[nodes.Node]:
        """Return one line."""
        artifacts = self.artifacts(METRICS, CHECKS)
        known = {key: artifacts.metric(key) for key in OF_THE_PAGE}
        return [self.render("front_about", known=known)]


class FirstChart(BookDirective):
    """Churn by snapshot with the active users below, small, from the run's table."""

    def make(self) -> list[nodes.Node]:
        """Return the chart, struck where a check strikes churn; nothing without two snapshots."""
        path = path_of(TREND)
        artifacts = self.artifacts(METRICS, CHECKS, path)
        if not artifacts.path(path).is_file():
            return []
        frame = files.read_table(str(artifacts.path(path)))
        mark_people(frame, TREND, min_disclosed_of(data_dir(self.env.app)))
        drawn = draw_churn_small(frame)
        if drawn.wide is None:
            return []
        failing = strikes_of(artifacts).of(RESTS_ON)
        box = nodes.container(classes=["cb-first-chart"])
        box += frame_chart(drawn.html(), failing)
        return [box]


class Tiles(BookDirective):
    """Churn, active users, money at stake and trust, each with what changed."""

    def make(self) -> list[nodes.Node]:
        """Return the four tiles."""
        artifacts = self.artifacts(METRICS, CHECKS)
        tiles = [self._tile(artifacts, *keys) for keys in TILES]
        known = {key: artifacts.metric(key) for key in BESIDE}
        checks = [check for check in artifacts.all_checks() if check.status != "not_applicable"]
        groups = {
            status: [check for check in checks if check.status == status]
            for status in ("fail", "warn", "pass")
        }
        struck = artifacts.metric("figures_struck").value
        trust = {"checks": checks, "groups": groups, "struck": struck, "status": worst(checks)}
        return [self.render("front_tiles", tiles=tiles, known=known, trust=trust)]

    def _tile(self, artifacts: Artifacts, key: str, change: str, since: str) -> dict[str, Any]:
        metric = artifacts.metric(key)
        # without a value there is nothing to strike or to trust
        checks = [] if is_missing(metric.value) else artifacts.checks_of([metric])
        beyond = artifacts.holds(f'{change}_is_beyond_chance == "yes"')
        return {
            "key": key, "metric": metric, "change": artifacts.metric(change), "is_beyond": beyond,
            "since": artifacts.metric(since), "status": worst(checks),
            "check": next((check for check in checks if check.status == "fail"), None),
        }  # fmt: skip


class Lines(BookDirective):
    """One line on what to do, one on what not to believe, each leading on."""

    def make(self) -> list[nodes.Node]:
        """Return the first action that stands, and the check that strikes the most figures."""
        artifacts = self.artifacts(ACTIONS, METRICS, CHECKS)
        rows = [row for row in artifacts.rows(ACTIONS) if self._stands(artifacts, row)]
        failing = [check for check in artifacts.all_checks() if check.status == "fail"]
        gravest = max(
            reversed(failing), key=lambda check: _reach(artifacts, check), default=None
        )  # of several, the last: what comes of it rather than why
        struck = artifacts.metric("figures_struck").value
        warning = sum(check.status == "warn" for check in artifacts.all_checks())
        said = {"action": rows[0] if rows else None, "check": gravest, "struck": struck}
        return [self.render("front_lines", failing=len(failing), warning=warning, **said)]

    def _stands(self, artifacts: Artifacts, row: dict[str, str]) -> bool:
        named = "" if row["metrics"] == NONE else row["metrics"]
        metrics = artifacts.metrics(split_names(named))
        return worst(artifacts.checks_of(metrics, row["rests_on"])) != "fail"


def _reach(artifacts: Artifacts, check: Check) -> int:
    """Return how many figures a failing check strikes."""
    return len(counts.struck([check.name], artifacts.json(METRICS)))
