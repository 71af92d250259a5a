"""The `churnbook` command."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from analysis.base.addresses import is_address
from analysis.base.errors import ReportError
from analysis.contract.params import load_own, load_params, parse_override
from analysis.contract.stages import STAGES, find, reads_of
from analysis.run.current import are_stages_current, is_site_current, is_stale
from analysis.run.folders import PARAMS, SITE, Run, default_run, run_under
from analysis.run.lock import hold
from analysis.run.ownership import check_out, read_made, remove
from analysis.run.progress import Progress
from analysis.run.record import check_inputs
from analysis.run.signals import Ended, ended_by_signals, stop_children
from analysis.run.state import part, read_json
from analysis.run.tables import TABLES, copied
from analysis.run.trouble import STAYS, explain
from analysis.run.usage import Usage, keep_usage, last_usage

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
GIVEN = "a file or folder of files, or its address in a database."
RecordedRun = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN]", help="The run's folder; else the default run."),
]
console = Console(highlight=False, soft_wrap=True)


@app.callback()
def main() -> None:
    """A churn and retention report that audits itself: two tables in, a book out."""


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End with one message and its exit code, whatever stops the command."""
    try:
        with ended_by_signals():
            yield
    except Ended as ended:
        stop_children()
        console.print(f"[bold red]Stopped[/bold red] by {ended}. {STAYS}")
        raise typer.Exit(128 + ended.number) from ended
    except BrokenPipeError:  # nobody reads on: the command line's own business
        raise
    except OSError as error:
        _stop(explain(error, Path(error.filename or ".").parent))
    except ReportError as error:
        _stop(error)


def _stop(error: ReportError) -> None:
    console.print(f"[bold red]Stopped.[/bold red] {escape(str(error))}", markup=True)
    raise typer.Exit(error.exit_code) from error


def _say(line: str) -> None:
    console.print(escape(line))


def _project() -> Path:
    root = Path.cwd()
    if not (root / "params.yml").is_file() or not (root / "notebooks").is_dir():
        raise ReportError(
            f"{root.name}/: no params.yml and notebooks/ here. Run in the project's root."
        )
    return root


def _overrides(users: str | None, events: str | None, given: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = dict(parse_override(text) for text in given)
    if users is not None:
        values["users"] = users
    if events is not None:
        values["events"] = events
    return values


def _absolute(values: dict[str, Any]) -> dict[str, Any]:
    paths = {k: str(Path(v).expanduser().resolve()) for k, v in values.items()
             if k in TABLES and isinstance(v, str) and not is_address(v)}  # fmt: skip
    return values | paths


@app.command()
def build(
    users: Annotated[
        str | None,
        typer.Option(help=f"Users table: {GIVEN}"),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(help=f"Events table: {GIVEN}"),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", help="NAME=VALUE, over params.yml; may repeat."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep this run under this folder: data/ and html/ in it.")
    ] = None,
    stages_only: Annotated[bool, typer.Option(help="Run the stages, build no site.")] = False,
    stage: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Bring up to date this stage and those it needs alone."),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a check of the report fails.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Exit 3 when another build is working on the folder.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Stages at a time; one per core if not given.")
    ] = None,
    all_languages: Annotated[
        bool, typer.Option(help="Build the pages in all `languages` of params.yml.")
    ] = False,
    pseudonymise: Annotated[
        bool,
        typer.Option(help="Hash identifiers with a secret key before anything reads them."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(help="File with the key; without it, one of your own is made."),
    ] = None,
) -> None:
    """Run the stages that need it, and build the book.

    Exit codes: 0 done; 1 a check fails, with --strict; 2 wrong call or input; 3 the folder is busy,
    with --no-wait; 4 the machine or the code stopped the run; 130 and 143 stopped by a signal.
    """
    with _one_line_errors():
        project = _project()
        until = find(stage).name if stage else None
        given = _absolute(_overrides(users, events, param or []))
        run = _choose_run(project, out, given)
        check_inputs(run)
        secret = _secret(key, run) if pseudonymise else None
        locales = run.params.languages if all_languages else [run.params.language]
        with hold(run, not no_wait, _say), copied(run, say=_say) as ready:
            if secret or not _is_current(ready, stages_only or until is not None, locales):
                _build(ready, stages_only, jobs, secret, locales, until)
            failed = until is None and _say_results(ready, stages_only)
        if strict and failed:
            raise typer.Exit(1)


def _choose_run(project: Path, out: Path | None, given: dict[str, Any]) -> Run:
    """Return the run, whose parameters are those of params.yml, over which stand those in the file
    of its own folder, and over these the `given` ones.
    """
    if out is None:
        return default_run(project, load_params(project / PARAMS, given))
    folder = Path(os.path.realpath(out.expanduser()))
    check_out(Path(os.path.realpath(project)), folder)
    own = load_own(folder / PARAMS)
    return run_under(project, folder, load_params(project / PARAMS, own | given))


def _secret(key: Path | None, run: Run) -> bytes:
    from analysis.run.pseudonyms import read_key

    return read_key(key, run.data)


def _is_current(run: Run, stages_only: bool, locales: Sequence[str]) -> bool:
    """Say whether there is nothing to build, and say so to the reader."""
    if not (are_stages_current(run) and (stages_only or is_site_current(run, locales))):
        return False
    console.print(f"Nothing has changed: 0 of {len(STAGES)} stages ran.")
    _say_future(run)
    return True


def _say_future(run: Run) -> None:
    from analysis.run.future import check_future

    check_future(run, _say)


def _build(
    given: Run,
    stages_only: bool,
    jobs: int | None,
    secret: bytes | None,
    locales: Sequence[str],
    until: str | None,
) -> None:
    from analysis.run import runner  # slow to import: not when nothing changed

    run = given
    if secret:
        from analysis.run.pseudonyms import pseudonymise

        run = pseudonymise(given, secret)
    started = time.monotonic()
    console.print("Stages" + ("" if run.params.users else " (on the simulated default tables)"))
    has_pages = not stages_only and until is None
    pages = last_usage(run, SITE).get("seconds", 0.0) if has_pages else 0.0
    progress = Progress(console, run, jobs, until, pages)
    with console.status(progress):
        ran = runner.run_stages(run, progress, jobs, until)
    console.print(f"  {len(ran)} of {len(STAGES)} stages ran, {time.monotonic() - started:.0f} s")
    if until is None:
        _say_future(run)
    if has_pages and not is_site_current(run, locales, given):
        started = time.monotonic()
        from analysis.run import site

        with console.status("Building the pages"):
            site.build_site(run, given, locales)
        keep_usage(run, SITE, Usage(time.monotonic() - started))


def _shown(page: Path) -> str:
    here = Path.cwd()
    return str(page.relative_to(here)) if page.is_relative_to(here) else str(page)


def _say_results(run: Run, stages_only: bool) -> bool:
    """Print what was found, how the checks came out, and the page to open; return whether a check
    fails.
    """
    if not stages_only:
        _say_headline(run)
    failed = _say_checks(run)
    if not stages_only:
        console.print(f"Open {_shown(run.html / 'index.html')}")
    elif is_stale(run):
        console.print(
            f"The pages in {_shown(run.html)} are of an earlier run. Build without --stages-only "
            "to renew them."
        )
    return failed


def _say_headline(run: Run) -> None:
    """Print the finding of the first page; one that a failing check withdraws says so, in red."""
    found = part(read_json(run.record(SITE)), "headline")
    if found.get("text"):
        colour = "bold red" if found.get("status") == "fail" else "bold"
        console.print(f"[{colour}]{escape(str(found['text']))}[/{colour}]")


def _say_checks(run: Run) -> bool:
    """Print how the checks came out; return whether one fails."""
    import pandas as pd

    path = run.data / "summary" / "checks.csv"
    checks = pd.read_csv(path)
    counts = checks["status"].value_counts()
    summary = ", ".join(f"{counts[s]} {s}" for s in ("fail", "warn", "pass") if s in counts)
    console.print(f"Checks: {summary}.")
    failed = checks[checks["status"] == "fail"]
    for row in failed.itertuples():
        console.print(f"  [red]fail[/red] {row.check}: {escape(str(row.evidence))}", markup=True)
    return len(failed) > 0


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the run.")],
    users: Annotated[str, typer.Option(help=f"Users table: {GIVEN}")],
    events: Annotated[str, typer.Option(help=f"Events table: {GIVEN}")],
    no_build: Annotated[
        bool, typer.Option("--no-build", help="Write the parameters, and no more.")
    ] = False,
) -> None:
    """Look at two tables, propose which column is what, write DIR/params.yml, and build.

    Each proposal says what it rests on; what is not sure is commented out. Nothing is overwritten.
    """
    from analysis.run.new import say_lacking, write_new

    with _one_line_errors():
        home = Path(os.path.realpath(folder.expanduser()))
        check_out(Path(os.path.realpath(_project())), home)
        lacking = write_new(home, **_absolute({"users": users, "events": events}))
        console.print(f"Wrote {_shown(home / PARAMS)}: read it, above all what is commented out.")
        if lacking:
            raise say_lacking(lacking, home / PARAMS)
    if not no_build:
        build(out=home)


@app.command()
def pdf(
    out: Annotated[
        Path | None, typer.Option(help="The folder of a run built with --out; else the default.")
    ] = None,
) -> None:
    """Print the built book: summary.pdf (one or two pages) and book.pdf, by Chromium."""
    from analysis.run.pdf import write_pdfs  # slow to import, and not needed by other commands

    try:
        built = out.resolve() if out else _project() / "_build"
        for path in write_pdfs(built / "html", built / "pdf"):
            console.print(f"Open {_shown(path)}")
    except ReportError as error:
        _stop(error)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8000,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the first page in a browser.")
    ] = False,
) -> None:
    """Show the default run's pages on this machine, built again as you write them.

    A preview, which the disclosure gate does not read: it is served at 127.0.0.1 alone.
    """
    from analysis.run.serve import serve as serve_pages

    with _one_line_errors():
        code = serve_pages(_project(), port, open_browser)
    raise typer.Exit(code)


@app.command()
def stages() -> None:
    """List the stages: what each reads, writes and depends on."""
    for stage in STAGES:
        console.print(f"[bold]{stage.name}[/bold]")
        console.print(f"  reads   {', '.join(reads_of(stage))}")
        console.print(f"  writes  {', '.join(stage.writes.values())}")
        console.print(f"  params  {', '.join(stage.params)}")


@app.command()
def verify(
    folder: RecordedRun = None,
) -> None:
    """Compare a run's inputs, artifacts and pages with its records: exit 1 if any is different."""
    from analysis.run.verify import find_differences

    with _one_line_errors():
        findings = find_differences(_recorded_run(folder))
        for line in findings.lines:
            _say(line)
        if findings.is_different:
            raise typer.Exit(1)


def _recorded_run(folder: Path | None) -> Run:
    from analysis.run.verify import recorded_run

    project = _project()
    home = project if folder is None else Path(os.path.realpath(folder.expanduser()))
    if folder is not None and home != Path(os.path.realpath(project)):
        return recorded_run(run_under(project, home, load_params(project / "params.yml")))
    return recorded_run(default_run(project))


@app.command()
def airflow(
    folder: RecordedRun = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("dags/churnbook.py"),
    schedule: Annotated[
        str, typer.Option(help="When: a cron expression, or one of Airflow's presets.")
    ] = "@daily",
    users: Annotated[str | None, typer.Option(help=f"Users table: {GIVEN}")] = None,
    events: Annotated[str | None, typer.Option(help=f"Events table: {GIVEN}")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", help="NAME=VALUE, over params.yml; may repeat."),
    ] = None,
) -> None:
    """Write a DAG for Airflow 3: one task per stage, and one for the pages.

    Paths and parameters stand in it as they are given here; each task runs in this folder, with
    this Python.
    """
    from analysis.run.airflow import write_dag

    with _one_line_errors():
        project = _project()
        run = _choose_run(project, folder, _absolute(_overrides(users, events, param or [])))
        single = {"--out": folder, "--users": users, "--events": events}
        options = [word for name, value in single.items() if value for word in (name, str(value))]
        options += [word for text in param or [] for word in ("-p", text)]
        write_dag(out, run, options, schedule)
        console.print(f"Wrote {_shown(out.resolve())}. Put it among the DAGs of your Airflow.")


@app.command()
def parameters() -> None:
    """Print the parameters of params.yml as JSON."""
    with _one_line_errors():
        params = load_params(_project() / "params.yml")
        console.print_json(json.dumps(params.model_dump()))


@app.command()
def notebooks() -> None:
    """Keep what follows from a run or from the declarations in the tracked files: the outputs of
    the notebooks, for nbval to compare, the table of contents, and data/README.md.
    """
    from analysis.run import runner
    from analysis.run.documents import keep_english, write_documents

    with _one_line_errors():
        project = _project()
        write_documents(project)
        run = default_run(project)
        with hold(run, wait=True, say=_say), copied(run, say=_say) as ready:
            runner.run_stages(ready, Progress(console, ready, None))
            for stage in STAGES:
                name = f"{stage.name}.ipynb"
                keep_english(run.chapters / name, project / "notebooks" / name)


@app.command()
def messages() -> None:
    """Bring the catalogues in book/locale/ up to date, and list what is not translated. Exit code 1
    where there is any.
    """
    from analysis.run.translate import update_catalogues

    with _one_line_errors():
        missing = update_catalogues(_project())
        for path, texts in missing.items():
            console.print(f"{path}: {len(texts)} not translated")
            for text in texts:
                console.print(f"  {escape(text)}")
        if any(missing.values()):
            raise typer.Exit(1)


@app.command()
def clean() -> None:
    """Remove what the default run made, and no other file."""
    with _one_line_errors():
        run = default_run(_project())
        with hold(run, wait=True, say=_say):
            remove(run, read_made(run.home))
            shutil.rmtree(run.parts, ignore_errors=True)
        console.print("The files of the default run are removed.")
