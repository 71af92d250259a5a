"""The site of a run: built apart, then put in the place of its earlier pages."""

from pathlib import Path

import pytest
import yaml

from analysis.base.errors import ReportError, RunStopped
from analysis.run import lock, ownership, site
from analysis.run.current import is_stale
from tests.run.tiny import COUNT, SHOW, files_under, make_run


@pytest.fixture
def run(project, tmp_path, monkeypatch):
    """Give a run under a folder of its own, whose builder writes the pages of `run.built`."""
    run = make_run(project, tmp_path / "out")
    (project / "book" / "chapters").mkdir(parents=True)
    (project / "book" / "chapters" / "old.ipynb").write_text("{}")
    for name in ("index.md", "_toc.yml", "book/definitions.md"):
        (project / name).write_text(name)
    (project / "_config.yml").write_text("sphinx: {config: {churnbook_data: data}}")
    for stage in (COUNT, SHOW):
        run.chapters.mkdir(parents=True, exist_ok=True)
        (run.chapters / f"{stage.name}.ipynb").write_text("{}")
    monkeypatch.setattr(site, "STAGES", (COUNT, SHOW))
    return run


def build(run, monkeypatch, **pages):
    def build_pages(_run, source, _locales):
        html = source / "_build" / "html"
        html.mkdir(parents=True)
        for name, text in {"index": "the book", **pages}.items():
            (html / f"{name}.html").write_text(text)

    monkeypatch.setattr(site, "_build_pages", build_pages)
    monkeypatch.setattr(site, "require_disclosable", lambda run, pages, given: None)
    (run.data / "summary").mkdir(parents=True, exist_ok=True)
    (run.data / "summary" / "manifest.json").write_text("{}")
    (run.home / ".churnbook").mkdir(exist_ok=True)
    ownership.claim(run, [run.data / "summary" / "manifest.json", *run.chapters.iterdir()]) if (
        run.home / ownership.MARKER
    ).exists() else ownership.write_made(run.home, files_under(run.home))
    with lock.hold(run, wait=False, say=print):
        return site.build_site(run)


def test_the_pages_are_built_from_a_copy_with_the_runs_chapters(run, tmp_path):
    copy = site._copy_site(run, tmp_path / "site", "en")
    chapters = sorted(path.name for path in (copy / "book" / "chapters").iterdir())
    assert chapters == ["01_count.ipynb", "02_show.ipynb"]
    assert (copy / "book" / "definitions.md").read_text() == "book/definitions.md"
    config = yaml.safe_load((copy / "_config.yml").read_text())
    data = config["sphinx"]["config"]["churnbook_data"]
    assert (copy / data).resolve() == run.data
    assert not Path(data).is_absolute()


def test_built_pages_replace_those_before_and_no_other_file(run, monkeypatch):
    page = build(run, monkeypatch, old="gone soon")
    assert page.read_text() == "the book"
    (run.html / "thesis.txt").write_text("mine")
    build(run, monkeypatch, index="new", more="more")
    assert files_under(run.html) == ["index.html", "more.html", "thesis.txt"]
    assert page.read_text() == "new"
    assert not is_stale(run)
    assert "data/.state/site.json" in ownership.read_made(run.home)
    assert list((run.home / ".churnbook" / "tmp").iterdir()) == []


def test_a_page_of_somebody_else_is_not_replaced(run, monkeypatch):
    build(run, monkeypatch)
    (run.html / "more.html").write_text("mine")
    with pytest.raises(ReportError, match=r"more.html: no run made this file"):
        build(run, monkeypatch, more="ours")
    assert (run.html / "more.html").read_text() == "mine"


def test_a_site_that_fails_to_build_keeps_the_pages_before_and_is_stale(run, monkeypatch):
    build(run, monkeypatch)

    def fail(_run, _source, _locales):
        raise RunStopped("The site was not built:\nindex.md:3: WARNING")

    monkeypatch.setattr(site, "_build_pages", fail)
    with pytest.raises(RunStopped, match="not built:\nindex.md:3"), lock.hold(run, False, print):
        site.build_site(run)
    assert (run.html / "index.html").read_text() == "the book"
    assert is_stale(run)


def test_each_other_language_is_in_a_folder_of_its_name(run, monkeypatch):
    build(run, monkeypatch)
    with lock.hold(run, wait=False, say=print):
        site.build_site(run, None, ["en", "en-GB"])
    assert files_under(run.html) == ["en-GB/index.html", "index.html"]
    with lock.hold(run, wait=False, say=print):
        site.build_site(run)
    assert files_under(run.html) == ["index.html"]
