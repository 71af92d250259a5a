"""A whole small book with a run made by hand, and the means to build and read it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup

CONFIG = """
title: Small
author: ""
only_build_toc_files: true
execute: {execute_notebooks: "off"}
parse: {myst_enable_extensions: [colon_fence]}
sphinx:
  recursive_update: true
  local_extensions: {analysis.book.extension: .}
  config:
    html_math_renderer: as_written
    nb_ipywidgets_js: {}
"""
PAGE = """
# {product}`Small` {kpi}`users`

:::{about}
:::

:::{first-chart}
:::

:::{tiles}
:::

:::{lines}
:::

Good {kpi}`users:full`, bad {kpi}`auc`, soft {kpi}`late`, gone {kpi}`gone`.

:::{when} users > 2
## Many users
:::
:::{when} users <= 2
## Few users
:::

:::::{findings}

::::{claim} good
:metrics: users
Sentence that stands.
::::
::::{claim} bad
:metrics: auc
Sentence that falls.
::::
::::{claim} bad-but-said
:metrics: auc
:rests_on: none
Sentence said all the same.
::::
::::{claim} soft
:metrics: users
:rests_on: churn
:concerns: users

### A headline

Sentence with a caution.
::::
::::{claim} gone
:metrics: gone

:::{case} gone > 0
Sentence on nothing.
:::
::::
::::{claim} cases
:metrics: users

:::{case} users == 3 and auc is not none
The first case.
:::
:::{case} users > 2
The second case.
:::
::::
::::{claim} no-case
:metrics: users

:::{case} check.leakage == "pass"
A case that does not hold.
:::
::::
::::{claim} case-with-options
:metrics: users

:::{case} users > 2
:metrics: auc
Withdrawn by its own metrics.
:::
::::
:::::

:::{actions}
:::

:::{checks-panel}
:::
"""
MORE = """
# More

:::{artifact-table} checks
:where: status != "pass"
:::

:::{provenance}
:::

:::{metric-definition} analysis.base.errors.ReportError
:title: Error
:::

:::{contract}
:::

:::{parameters}
:::
"""
CHAPTER = """
# Model

:::{checks-panel}
:::
"""
TREND = {
    "churn_rate": {"value": 0.72, "unit": "share", "n": 50, "label": "C", "checks": ["tardy"]},
    "churn_change": {"value": 0.19, "unit": "points", "label": "CC"},
    "churn_change_is_beyond_chance": {"value": "yes", "unit": "text", "label": "CB"},
    "churn_snapshot_before": {"value": "2025-08-22", "unit": "date", "label": "SB"},
    "churn_snapshot": {"value": "2025-09-21", "unit": "date", "label": "S"},
    "active_users_now": {"value": 40, "unit": "count", "label": "A", "checks": ["tardy"]},
    "active_users_change": {"value": -0.2, "unit": "share", "label": "AC"},
    "active_users_change_is_beyond_chance": {"value": "no", "unit": "text", "label": "AB"},
    "value_at_stake": {
        "value": 1728,
        "unit": "money",
        "currency": "USD",
        "label": "V",
        "checks": ["leakage"],
    },
    "value_at_stake_change": {"value": None, "unit": "money", "label": "VC"},
    "value_at_stake_change_is_beyond_chance": {"value": None, "unit": "text", "label": "VB"},
    "horizon_days": {"value": 30, "unit": "days", "label": "H"},
    "lookback_days": {"value": 30, "unit": "days", "label": "L"},
    "users_total": {"value": 5000, "unit": "count", "label": "U"},
    "log_start": {"value": "2025-01-01", "unit": "date", "label": "LS"},
    "log_end": {"value": "2025-10-20", "unit": "date", "label": "LE"},
}
METRICS = {
    **TREND,
    "users": {"value": 3, "unit": "count", "n": 3, "label": "Users <i>", "checks": ["fine"]},
    "auc": {"value": 0.99, "unit": "score", "n": 3, "label": "AUC", "checks": ["leakage"]},
    "late": {"value": 0.5, "unit": "share", "label": "Late", "checks": ["tardy"]},
    "saved_share": {"value": 0.1, "unit": "share", "ci_low": 0.05, "ci_high": 0.2, "label": "S"},
    "customer_value": {
        "value": 60,
        "unit": "money",
        "ci_low": 30,
        "ci_high": 120,
        "label": "V",
        "currency": "USD",
    },
    "gone": {"value": None, "unit": "share", "label": "Gone", "checks": []},
}
CHECKS = """check,status,title,evidence,effect,consequence,remedy,strikes,value,ci_low,ci_high,limit,n,stage
fine,pass,Finish,,,,,retention,,,,,,03_audit
leakage,fail,Leakage,AUC 0.99,,The label was copied.,Drop it.,"ranking,scores",,,,,,06_model
tardy,warn,Late events,late,,Mind it.,Wait.,churn,,,,,,06_model
"""
ACTIONS = (
    "action,size,held,audience,trigger,expected_effect,gain_low,gain_high,cost,grade,proof,test,"
    "rests_on,metrics\n"
    "Write,1000,100,All,,Some,-20.5,1000,500,assumption,One round,,,users\n"
    "Call,5,,All,,,,,,,,,ranking,none\n"
)
MANIFEST = {
    "inputs": [{"name": "users", "file": "u.csv", "sha256": "ab" * 32, "rows": 3000}],
    "parameters": {
        "product": {"value": "Ours", "unit": "text", "reason": "Its name."},
        "data_note": {"value": "Event log <rebuilt>", "unit": "text", "reason": "A note."},
    },
}
SNAPSHOTS = """snapshot_at,active_users,churners,churn_rate,ci_low,ci_high,is_complete
2025-07-23,60,24,0.4,0.29,0.53,True
2025-08-22,55,29,0.53,0.4,0.65,True
2025-09-21,50,36,0.72,0.58,0.83,True
2025-10-21,40,,,,,False
"""


def write_book(root: Path, **pages: str) -> None:
    """Write the book's files under `root`; `pages` replaces index or more."""
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": "format: jb-book\nroot: index\nchapters: [{file: more}, {file: 06_model}]\n",
        "index.md": PAGE,
        "more.md": MORE,
        "06_model.md": CHAPTER,
        "params.yml": "seed: {value: 42, unit: '', reason: <b>any</b>}\n",
        "data/summary/metrics.json": json.dumps(METRICS),
        "data/summary/checks.csv": CHECKS,
        "data/summary/actions.csv": ACTIONS,
        "data/cohorts/churn_by_snapshot.csv": SNAPSHOTS,
        "data/summary/manifest.json": json.dumps(MANIFEST),
        **{f"{name}.md": text for name, text in pages.items()},
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def build(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build the book as a user would, without running stages."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    variables = {**os.environ, "CHURNBOOK_STAGES": "done", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def read_page(root: Path, name: str) -> BeautifulSoup:
    """Return a built page, which must not name another host."""
    text = (root / f"_build/html/{name}.html").read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    return BeautifulSoup(text, "html.parser")


def plain(text: str) -> str:
    """Return `text` with ordinary spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def words(node) -> str:
    """Return what a reader sees of a node, every run of spaces as one."""
    return plain(" ".join(node.get_text(" ").split()))
