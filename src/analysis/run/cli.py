"""The `churnbook` command."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.markup import escape

from analysis.base.errors import ReportError
from analysis.contract.params import load_params, parse_override
from analysis.contract.stages import STAGES, reads_of
from analysis.run import runner
from analysis.run.documents import write_documents
from analysis.run.folders import Run, default_run

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)

SITE = ("_config.yml", "_toc.yml", "index.md", "params.yml", "book")
"""What the site is built from, besides the executed notebooks."""


@app.callback()
def main() -> None:
    """A churn and retention report that audits itself: two tables in, a book out."""


def _report(name: str, what: str, seconds: float) -> None:
    took = f" {seconds:5.1f} s" if seconds else ""
    colour = {"skipped": "dim", "FAILED": "bold red"}.get(what.split(":")[0].split()[0], "green")
    console.print(f"  {name:<16} [{colour}]{what}[/{colour}]{took}")


def _stop(error: ReportError) -> None:
    console.print(f"[bold red]Stopped.[/bold red] {escape(str(error))}", markup=True)
    raise typer.Exit(1)


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
             if k in ("users", "events") and isinstance(v, str)}  # fmt: skip
    return values | paths


@app.command()
def build(
    users: Annotated[
        str | None, typer.Option(help="Users table: CSV or Parquet, file or folder.")
    ] = None,
    events: Annotated[
        str | None, typer.Option(help="Events table: CSV or Parquet, file or folder.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", help="NAME=VALUE, over params.yml; may repeat."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep this run under this folder: data/ and html/ in it.")
    ] = None,
    stages_only: Annotated[bool, typer.Option(help="Run the stages, build no site.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a check of the report fails.")] = False,
) -> None:
    """Run the stages that need it, and build the book."""
    try:
        project = _project()
        params = load_params(
            project / "params.yml", _absolute(_overrides(users, events, param or []))
        )
        run = _run_under(project, out.resolve(), params) if out else default_run(project, params)
        started = time.monotonic()
        console.print("Stages" + ("" if params.users else " (on the simulated default tables)"))
        ran = runner.run_stages(run, _report)
        console.print(
            f"  {len(ran)} of {len(STAGES)} stages ran, {time.monotonic() - started:.0f} s"
        )
        if not stages_only:
            page = build_site(run, out.resolve() if out else None)
            console.print(f"Open {_shown(page)}")
        _say_checks(run, strict)
    except ReportError as error:
        _stop(error)


def _shown(page: Path) -> str:
    here = Path.cwd()
    return str(page.relative_to(here)) if page.is_relative_to(here) else str(page)


def _run_under(project: Path, out: Path, params: Any) -> Run:
    return Run(project, out / "data", out / ".site" / "book" / "chapters", params)


def _say_checks(run: Run, strict: bool) -> None:
    import pandas as pd

    path = run.data / "summary" / "checks.csv"
    checks = pd.read_csv(path)
    counts = checks["status"].value_counts()
    summary = ", ".join(f"{counts[s]} {s}" for s in ("fail", "warn", "pass") if s in counts)
    console.print(f"Checks: {summary}.")
    failed = checks[checks["status"] == "fail"]
    for row in failed.itertuples():
        console.print(f"  [red]fail[/red] {row.check}: {escape(str(row.evidence))}", markup=True)
    if strict and len(failed):
        raise typer.Exit(1)


def build_site(run: Run, out: Path | None) -> Path:
    """Build the pages with warnings as errors; return the page to open.

    The default run is built where it is, into `_build/html`; a run under `out` from a
    copy of the hand-written pages, into `out/html`. Raises ReportError with the
    builder's last lines when it fails.
    """
    source = run.project if out is None else _copy_site(run, out)
    code = _jupyter_book(source)
    if code:
        raise ReportError(code)
    built = source / "_build" / "html"
    if out is None:
        return built / "index.html"
    target = out / "html"
    old = out / ".html-old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    shutil.copytree(built, target)
    shutil.rmtree(old, ignore_errors=True)
    return target / "index.html"


def _copy_site(run: Run, out: Path) -> Path:
    site = out / ".site"
    site.mkdir(parents=True, exist_ok=True)
    for name in SITE:
        path = run.project / name
        if path.is_dir():
            shutil.copytree(
                path, site / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("chapters")
            )
        else:
            shutil.copy2(path, site / name)
    config = yaml.safe_load((site / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["churnbook_data"] = os.path.relpath(run.data, site)
    (site / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=True), encoding="utf-8")
    return site


def _jupyter_book(source: Path) -> str | None:
    """Build `source` and return None, or the lines that say why it failed."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(source)]
    environment = os.environ | {"CHURNBOOK_STAGES": "done", "PYTHONHASHSEED": "0"}
    with console.status("Building the pages"):
        done = subprocess.run(
            [*command, "--all", "-W", "--keep-going", "-q"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return None
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    telling = [line for line in lines if "WARNING" in line or "ERROR" in line.upper()]
    return "The site was not built:\n" + "\n".join((telling or lines)[-20:])


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
def stages() -> None:
    """List the stages: what each reads, writes and depends on."""
    for stage in STAGES:
        console.print(f"[bold]{stage.name}[/bold]")
        console.print(f"  reads   {', '.join(reads_of(stage))}")
        console.print(f"  writes  {', '.join(stage.writes.values())}")
        console.print(f"  params  {', '.join(stage.params)}")


@app.command()
def parameters() -> None:
    """Print the parameters of params.yml as JSON."""
    try:
        params = load_params(_project() / "params.yml")
    except ReportError as error:
        _stop(error)
    console.print_json(json.dumps(params.model_dump()))


@app.command()
def notebooks() -> None:
    """Keep what follows from a run or from the declarations in the tracked files: the outputs of
    the notebooks, for nbval to compare, the table of contents, and data/README.md.
    """
    try:
        project = _project()
        write_documents(project)
        run = default_run(project)
        runner.run_stages(run, _report)
        for stage in STAGES:
            shutil.copyfile(
                run.chapters / f"{stage.name}.ipynb", project / "notebooks" / f"{stage.name}.ipynb"
            )
    except ReportError as error:
        _stop(error)
