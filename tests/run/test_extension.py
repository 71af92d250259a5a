"""`jupyter-book build .` runs the stages itself, and has the run's folder alone until it has ended."""

from types import SimpleNamespace

import pytest

from analysis.base.errors import ReportError
from analysis.run import extension, lock
from analysis.run.current import is_site_current, is_stale
from tests.run.tiny import make_run

pytestmark = pytest.mark.usefixtures("no_kernels")


@pytest.fixture
def app(project, monkeypatch):
    """Give what the extension needs of Sphinx, for the tiny project."""
    run = make_run(project)
    monkeypatch.delenv("CHURNBOOK_STAGES", raising=False)
    monkeypatch.setattr(extension, "default_run", lambda _project: run)
    monkeypatch.setattr(extension.disclose, "require_disclosable", lambda _run, _pages: None)
    html = SimpleNamespace(format="html")
    yield SimpleNamespace(confdir=str(project), outdir=str(run.html), builder=html)
    extension.HELD.close()


def test_the_stages_run_and_the_pages_are_recorded(app, project):
    extension.bring_up_to_date(app, None)
    run = make_run(project)
    assert (run.data / "summary" / "manifest.json").is_file()
    assert lock.is_busy(run)
    run.html.mkdir(parents=True)
    (run.html / "index.html").write_text("the book")
    assert is_stale(run)
    extension.finish_pages(app, None)
    assert not is_stale(run)
    assert not is_site_current(
        run, ["en"]
    )  # Sphinx may have kept pages: only a whole build is known to be
    assert not lock.is_busy(run)


def test_pages_that_failed_are_not_recorded(app, project):
    extension.bring_up_to_date(app, None)
    extension.finish_pages(app, ValueError("no"))
    assert not make_run(project).record("site").exists()
    assert not lock.is_busy(make_run(project))


def test_a_failure_ends_with_its_message(app, monkeypatch):
    def fail(run, report):
        raise ReportError("users: no row.")

    monkeypatch.setattr(extension, "run_stages", fail)
    with pytest.raises(SystemExit, match="users: no row"):
        extension.bring_up_to_date(app, None)


def test_where_churnbook_has_run_the_stages_nothing_is_done(app, project, monkeypatch):
    monkeypatch.setenv("CHURNBOOK_STAGES", "done")
    extension.bring_up_to_date(app, None)
    extension.finish_pages(app, None)
    assert not (project / "data").exists()
