"""When there is nothing to do: each thing that a build reads or made is changed in turn."""

import os
from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from analysis.run import fingerprint, site, sources
from analysis.run.current import are_stages_current, is_site_current
from analysis.run.fingerprint import HELPERS
from analysis.run.state import read_json, write_json
from tests.run.tiny import COUNT, SHOW, go, make_run

pytestmark = pytest.mark.usefixtures("no_kernels")


def is_run_current(run):
    return are_stages_current(run) and is_site_current(run, ["en"])


@pytest.fixture
def run(project, monkeypatch):
    """Give a built run of the tiny project, with one page."""
    (project / "book").mkdir()
    for name in ("index.md", "_toc.yml", "_config.yml", "book/terms.md"):
        (project / name).write_text(name)
    (project / "requirements.lock").write_text("babel==2.17.0\n")
    go(project)
    run = make_run(project)

    def build_pages(_run, _source, _locales):
        run.html.mkdir(parents=True, exist_ok=True)
        (run.html / "index.html").write_text('<div id="claim-direction">Churn <b>rises</b></div>')

    monkeypatch.setattr(site, "_build_pages", build_pages)
    monkeypatch.setattr(site, "require_disclosable", lambda run, pages, given: None)
    site.build_site(run)
    assert is_run_current(run)
    return run


@pytest.mark.parametrize(
    "name",
    ["users.csv", "index.md", "_toc.yml", "_config.yml", "params.yml", "requirements.lock",
     "book/terms.md", "book/new.md", "notebooks/02_show.ipynb"],
)  # fmt: skip
def test_what_the_pages_are_made_of_makes_them_old(run, project, name):
    with (project / name).open("a") as file:
        file.write("\n")
    assert not is_site_current(run, ["en"])
    assert are_stages_current(run) == (
        name in ("_toc.yml", "_config.yml", "book/terms.md", "book/new.md")
    )


@pytest.mark.parametrize("name", [".draft.md", "chapters/mine.ipynb"])
def test_what_they_are_not_made_of_does_not(run, project, name):
    (project / "book" / name).write_text("mine")
    assert is_run_current(run)


@pytest.mark.parametrize(
    "name",
    ["_build/html/index.html", "data/clean/users.qa.json", "book/chapters/02_show.ipynb",
     "data/summary/manifest.json", "data/ro-crate-metadata.json"],
)  # fmt: skip
@pytest.mark.parametrize("is_gone", [True, False])
def test_what_was_made_and_is_changed_or_gone_is_made_again(run, project, name, is_gone):
    path = project / name
    if is_gone:
        path.unlink()
    else:
        path.write_text(path.read_text() + " ")
    assert not is_run_current(run)


def test_other_parameters_and_tables_make_it_old(run, project):
    assert not is_run_current(make_run(project, horizon_days=60))
    other = project / "other.csv"
    other.write_text((project / "events.csv").read_text() + "b,x,2025-01-06\n")
    assert not is_site_current(run, ["en"], make_run(project, events=str(other)))
    same = project / "same.csv"
    same.write_bytes((project / "events.csv").read_bytes())
    assert is_site_current(replace(run, params=make_run(project, events=str(same)).params), ["en"])


def test_our_code_and_other_packages_make_it_old(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sources, "_installed", lambda: ["sphinx-99.dist-info"])
        assert not is_site_current(run, ["en"])
    assert is_site_current(run, ["en"])
    monkeypatch.setattr(sources, "SIMULATION", run.project / "book")
    assert not is_site_current(run, ["en"])


def test_every_kind_of_file_of_the_package_counts():
    names = {os.path.relpath(path, HELPERS) for path in sources._files(HELPERS)}
    assert {"run/site.py", "book/templates/table.html", "contract/catalogue/model.yml"} <= names
    assert not any("__pycache__" in name for name in names)


def test_an_unfinished_run_or_one_beside_another_is_not_current(run):
    record = read_json(run.record(SHOW.name))
    write_json(run.record(SHOW.name), record | {"run": "another"})
    assert not is_run_current(run)
    write_json(run.record(SHOW.name), record)
    assert is_run_current(run)
    (run.data / "UNFINISHED.txt").touch()
    assert not is_run_current(run)


def test_records_of_an_earlier_version_mean_build_again(run):
    record = read_json(run.record("site"))
    del record["sources"]
    write_json(run.record("site"), record)
    assert not is_site_current(run, ["en"])
    run.record(COUNT.name).unlink()
    assert not is_run_current(run)


def test_the_record_keeps_the_finding_of_the_first_page(run):
    assert read_json(run.record("site"))["headline"] == {"text": "Churn rises", "status": ""}


def test_nothing_is_parsed_beside_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11 counts the depth of its parser once for all threads, and packaging uses it."""
    read: list[bool] = []

    def requirement(text: str) -> Requirement:
        read.append(fingerprint.PARSING.locked())
        return Requirement(text)

    monkeypatch.setattr(fingerprint, "Requirement", requirement)
    assert "pandas" in fingerprint.package_versions()
    assert read
    assert all(read)
