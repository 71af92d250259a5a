"""The Sphinx extension that runs the stages before Sphinx reads the pages.

So `jupyter-book build .` is enough on a fresh clone.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from analysis.base.errors import ReportError
from analysis.run import disclose
from analysis.run.folders import SITE, default_run
from analysis.run.lock import hold
from analysis.run.runner import run_stages
from analysis.run.site import write_site_record
from analysis.run.tables import copied

HELD = ExitStack()
"""Holds the run's folder until the pages are built."""


def bring_up_to_date(app: Sphinx, _config: Config) -> None:
    """Bring the default run up to date, unless churnbook has run the stages already."""
    if os.environ.get("CHURNBOOK_STAGES") == "done":
        return
    try:
        run = default_run(Path(app.confdir))
        HELD.enter_context(hold(run, wait=True, say=print))
        run = HELD.enter_context(copied(run))
        run_stages(run, lambda name, what, used: print(f"{name}: {what}"))
        run.record(SITE).unlink(missing_ok=True)
    except ReportError as error:
        raise SystemExit(str(error)) from error


def finish_pages(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site that discloses people of the default run (see run.disclose), record of which
    data the pages are, and free the run's folder. `churnbook build` does all that itself.
    """
    if os.environ.get("CHURNBOOK_STAGES") == "done":
        return
    try:
        if error is None and app.builder.format == "html":
            with copied(default_run(Path(app.confdir))) as run:
                disclose.require_disclosable(run, Path(app.outdir))
                write_site_record(run)
    except ReportError as refused:
        raise SystemExit(str(refused)) from refused
    finally:
        HELD.close()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the events: before Jupyter Book reads the table of contents, and after all else."""
    app.connect("config-inited", bring_up_to_date, priority=1)
    app.connect("build-finished", finish_pages, priority=900)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
