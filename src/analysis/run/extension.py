"""The Sphinx extension that runs the stages before Sphinx reads the pages.

So `jupyter-book build .` is enough on a fresh clone.
"""

import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from analysis.base.errors import ReportError
from analysis.run import disclose
from analysis.run.folders import default_run
from analysis.run.runner import run_default


def run_stages(app: Sphinx, _config: Config) -> None:
    """Bring the default run up to date, unless churnbook has run the stages already."""
    if os.environ.get("CHURNBOOK_STAGES") == "done":
        return
    try:
        run_default(Path(app.confdir))
    except ReportError as error:
        raise SystemExit(str(error)) from error


def require_disclosable(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site that discloses people of the default run: see run.disclose. `churnbook build`
    looks at the site itself.
    """
    if error or app.builder.format != "html" or os.environ.get("CHURNBOOK_STAGES") == "done":
        return
    try:
        disclose.require_disclosable(default_run(Path(app.confdir)), Path(app.outdir))
    except ReportError as refused:
        raise SystemExit(str(refused)) from refused


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the event, before Jupyter Book reads the table of contents."""
    app.connect("config-inited", run_stages, priority=1)
    app.connect("build-finished", require_disclosable, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
