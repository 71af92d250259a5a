"""Build the pages of a run, and put them where its reader opens them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from analysis.base import language
from analysis.base.errors import RunStopped
from analysis.base.language import say
from analysis.book.frame import LANGUAGES
from analysis.book.search import TEXTS
from analysis.book.told import in_region
from analysis.contract.stages import MANIFEST, STAGES
from analysis.run import ownership, trouble
from analysis.run.digests import digest
from analysis.run.disclose import require_disclosable
from analysis.run.folders import LOCALE, OWN, PAGES_IN_WORDS, SITE, Run
from analysis.run.headline import read_headline
from analysis.run.sources import SOURCES, sources_of_site
from analysis.run.state import move, write_json


def build_site(run: Run, given: Run | None = None, locales: Sequence[str] = ()) -> Path:
    """Build the pages with warnings as errors; return the page to open. They are in the run's
    language, or in each of `locales`: the first at the top, the others in folders of their names.

    The default run is built where it is, into `_build/html`; another run from a copy of the
    hand-written pages, into its `html`. Raises RunStopped with the builder's last lines, and
    DisclosureError where the site would disclose people, under the identifiers of the run or, with
    pseudonyms, of the tables as `given`.
    """
    try:
        sources = sources_of_site(run, given)  # what changes from here on is built again
        run.record(SITE).unlink(missing_ok=True)
        built = list(dict.fromkeys(locales or [run.params.language]))
        if run.is_default:
            _build_default(run, given, built)
        else:
            with _workshop(run) as folder:
                _install(run, _build_copies(run, given, built, folder))
        write_site_record(run, sources, built)
    except OSError as error:
        raise trouble.explain(error, run.html) from error
    return run.html / "index.html"


def write_site_record(run: Run, sources: str = "", locales: Sequence[str] = ()) -> None:
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
        "languages": list(locales),
        "headline": read_headline(run.html / "index.html"),
        "outputs": outputs,
    }
    write_json(run.record(SITE), record)


def _build_default(run: Run, given: Run | None, locales: Sequence[str]) -> None:
    """Build the default run: English where it is, another language from a copy."""
    is_in_place = locales[0] == language.ENGLISH
    if is_in_place:
        for texts in run.html.glob(f"*/{TEXTS}"):  # the other languages of an earlier build
            shutil.rmtree(texts.parent)
        _build_pages(run, run.project, locales)
        require_disclosable(run, run.html, given)
    others = locales[1:] if is_in_place else locales
    with _workshop(run) as folder:
        made = _build_copies(run, given, locales, folder, others)
        if is_in_place:
            for locale in others:
                shutil.move(made / locale, run.html / locale)
        else:
            shutil.rmtree(run.html, ignore_errors=True)
            shutil.move(made, run.html)


@contextmanager
def _workshop(run: Run) -> Iterator[Path]:
    """Give a folder for what is not finished."""
    unfinished = run.temporary if run.is_default else run.home / OWN / "tmp"
    unfinished.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=unfinished) as folder:
        yield Path(folder)


def _build_copies(
    run: Run,
    given: Run | None,
    locales: Sequence[str],
    folder: Path,
    chosen: Sequence[str] | None = None,
) -> Path:
    """Build the pages in the `chosen` languages of a site, or in all; return their folder."""
    site = folder / "site"
    for locale in locales if chosen is None else chosen:
        source = _copy_site(run, folder / "source" / locale, locale)
        _build_pages(run, source, locales)
        require_disclosable(run, source / "_build" / "html", given)
        target = site if locale == locales[0] else site / locale
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source / "_build" / "html", target)
    return site


def _copy_site(run: Run, site: Path, locale: str) -> Path:
    site.mkdir(parents=True)
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
    if language.language_of(locale) != language.ENGLISH:
        _translate_config(run, site, locale, config)
    (site / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=True), encoding="utf-8")
    return site


def _translate_config(run: Run, site: Path, locale: str, config: dict[str, Any]) -> None:
    """Put the language, its catalogues and its words into a copy of the site's configuration."""
    sphinx, name = config["sphinx"]["config"], locale.replace("-", "_")
    known = {
        "language": name,
        "locale_dirs": [LOCALE.as_posix()],
        "gettext_compact": PAGES_IN_WORDS,
    }
    with language.speaking(locale, run.project / LOCALE):
        config["title"] = say(config["title"])
        options = sphinx["html_theme_options"]
        options["search_bar_text"] = say(options["search_bar_text"])
        sphinx |= known | {"project": say(sphinx["project"])}
        contents = yaml.safe_load((site / "_toc.yml").read_text(encoding="utf-8"))
        for part in contents["parts"]:
            part["caption"] = say(part["caption"])
    text = yaml.safe_dump(contents, allow_unicode=True, sort_keys=False)
    (site / "_toc.yml").write_text(text, encoding="utf-8")
    of_language = site / LOCALE / language.language_of(locale)
    if name != of_language.name and of_language.is_dir():  # Sphinx looks for es_MX alone
        with language.speaking(locale, run.project / LOCALE):
            write_numbers(of_language)
        shutil.copytree(of_language, site / LOCALE / name)


def write_numbers(catalogues: Path) -> None:
    """Write the numbers within the messages of a folder as the region in use does: "0,5" of Spanish
    as "0.5" in Mexico.
    """
    for path in sorted(catalogues.rglob("*.po")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        said = [in_region(line) if line.startswith("msgstr") else line for line in lines]
        path.write_text("".join(said), encoding="utf-8")


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


def _build_pages(run: Run, source: Path, locales: Sequence[str]) -> None:
    environment = os.environ | {"CHURNBOOK_STAGES": "done", "PYTHONHASHSEED": "0"}
    environment[LANGUAGES] = ",".join(locales)
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
