"""Build the pages of a run, and put them where its reader opens them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from analysis.base.errors import RunStopped
from analysis.contract.stages import MANIFEST, STAGES
from analysis.run import ownership, trouble
from analysis.run.digests import digest
from analysis.run.disclose import require_disclosable
from analysis.run.folders import OWN, SITE, Run
from analysis.run.headline import read_headline
from analysis.run.sources import SOURCES, sources_of_site
from analysis.run.state import move, write_json


def build_site(run: Run, given: Run | None = None) -> Path:
    """Build the pages with warnings as errors; return the page to open.

    The default run is built where it is, into `_build/html`; another run from a copy of the
    hand-written pages, into its `html`. Raises RunStopped with the builder's last lines, and
    DisclosureError where the site would disclose people, under the identifiers of the run or, with
    pseudonyms, of the tables as `given`.
    """
    try:
        sources = sources_of_site(run, given)  # what changes from here on is built again
        run.record(SITE).unlink(missing_ok=True)
        if run.is_default:
            _build_pages(run, run.project)
            require_disclosable(run, run.html, given)
        else:
            _build_elsewhere(run, given)
        write_site_record(run, sources)
    except OSError as error:
        raise trouble.explain(error, run.html) from error
    return run.html / "index.html"


def write_site_record(run: Run, sources: str = "") -> None:
    """Record of which data the pages are, their checksums, and what the first one finds. Without
    `sources` (see sources_of_site) they are not known to be those of a whole build: the next build
    makes them again.
    """
    pages = [path for path in sorted(run.html.rglob("*")) if path.is_file()]
    made = ownership.read_made(run.home)
    if not run.is_default:
        pages = [path for path in pages if path.relative_to(run.home).as_posix() in made]
    outputs = {path.relative_to(run.html).as_posix(): digest(path) for path in pages}
    record = {
        "manifest": digest(run.data / MANIFEST),
        "sources": sources,
        "headline": read_headline(run.html / "index.html"),
        "outputs": outputs,
    }
    write_json(run.record(SITE), record)


def _build_elsewhere(run: Run, given: Run | None) -> None:
    unfinished = run.home / OWN / "tmp"
    unfinished.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=unfinished) as folder:
        source = _copy_site(run, Path(folder))
        _build_pages(run, source)
        require_disclosable(run, source / "_build" / "html", given)
        _install(run, source / "_build" / "html")


def _copy_site(run: Run, site: Path) -> Path:
    for name in SOURCES:
        path = run.project / name
        if path.is_dir():
            no_chapters = shutil.ignore_patterns("chapters")
            shutil.copytree(path, site / name, dirs_exist_ok=True, ignore=no_chapters)
        else:
            shutil.copy2(path, site / name)
    (site / "book" / "chapters").mkdir()
    for stage in STAGES:
        shutil.copy2(run.chapters / f"{stage.name}.ipynb", site / "book" / "chapters")
    config = yaml.safe_load((site / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["churnbook_data"] = os.path.relpath(run.data, site)
    (site / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=True), encoding="utf-8")
    return site


def _install(run: Run, built: Path) -> None:
    """Put the built pages in place of those that an earlier build made, and no other file."""
    pages = {
        f"html/{path.relative_to(built).as_posix()}": path
        for path in sorted(built.rglob("*"))
        if path.is_file()
    }
    before = {name for name in ownership.read_made(run.home) if name.startswith("html/")}
    ownership.claim(run, [run.home / name for name in pages])
    for name, path in pages.items():
        move(path, run.home / name)
    ownership.remove(run, before - set(pages))


def command_of(source: Path) -> list[str]:
    """Return the command that builds the pages of `source`, with warnings as errors."""
    builder = str(Path(sys.executable).with_name("jupyter-book"))
    return [builder, "build", str(source), "--all", "-W", "--keep-going", "-q"]


def _build_pages(run: Run, source: Path) -> None:
    environment = os.environ | {"CHURNBOOK_STAGES": "done", "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command_of(source),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunStopped(_why_not_built(run, done.stdout + done.stderr))


def _why_not_built(run: Run, printed: str) -> str:
    refused = trouble.explain_text(printed, run.html, "the site")
    lines = [line for line in printed.splitlines() if line.strip()]
    telling = [line for line in lines if "WARNING" in line or "ERROR" in line.upper()]
    return refused or "The site was not built:\n" + "\n".join((telling or lines)[-20:])
