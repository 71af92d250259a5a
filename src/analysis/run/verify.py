"""Whether a run's inputs, artifacts and pages are as the run left them; who would write them."""

import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.base.errors import FolderBusy, ReportError
from analysis.contract import stages
from analysis.contract.params import OF_THE_PAGES, check_params, load_params
from analysis.contract.stages import ABOUT_RUN, MANIFEST, Stage
from analysis.run.current import is_stale
from analysis.run.digests import files_in, sha256
from analysis.run.folders import OWN, PARAMS, RUN, SIMULATE, SITE, Run, outputs_of, simulated_tables
from analysis.run.lock import is_busy
from analysis.run.ownership import MARKER, read_made
from analysis.run.state import part, read_json
from analysis.run.tables import TABLES, copied, digests_of


@dataclass(frozen=True)
class Findings:
    """What `verify` says, and whether anything is not as the run left it."""

    lines: tuple[str, ...]
    is_different: bool


def recorded_run(run: Run) -> Run:
    """Return the run in the same folder with the parameters it was made with, and the languages of
    `run`, of which none of what was made depends.

    Raises ReportError when there is none.
    """
    record = read_json(run.record(RUN))
    if not record and not (run.data / MANIFEST).is_file():
        raise ReportError(f"{run.home}: no run is in this folder. Build one, or name another.")
    params = part(record, "params")
    of_the_pages = run.params.model_dump(include={*OF_THE_PAGES})
    return replace(run, params=check_params(params | of_the_pages)) if params else run


def find_differences(run: Run) -> Findings:
    """Return one line for each input, artifact or page that is not as the run left it, and who
    would write it again. Raises FolderBusy while a build works on the folder.
    """
    if is_busy(run):
        raise FolderBusy(f"A build is working on {run.home}. Verify it when it has ended.")
    found = [*_state_of_run(run), *_inputs(run), *_files(run), *_pages(run), *_added(run)]
    if not found:
        return Findings((f"Everything in {run.home} is as the run left it.",), False)
    return Findings((*found, f"To bring the run up to date: {command(run)}"), True)


def command(run: Run) -> str:
    """Return the command that builds the run again, with its tables and parameters."""
    usual = load_params(run.project / "params.yml").model_dump()
    words = ["churnbook", "build"]
    for name, value in run.params.model_dump().items():
        if value != usual[name]:
            is_table = name in TABLES and value is not None
            words += [f"--{name}", value] if is_table else ["-p", f"{name}={json.dumps(value)}"]
    return shlex.join(words if run.is_default else [*words, "--out", str(run.home)])


def _state_of_run(run: Run) -> Iterator[str]:
    record = read_json(run.record(RUN))
    if not record:
        yield f"Missing: {run.record(RUN)}, the record of the run, or it cannot be read."
    elif not record.get("is_finished"):
        yield "Not finished: the last run was stopped or failed."
    yield from _runs_side_by_side(run, str(record.get("run", "")))
    yield from _about_run(run, record)


def _about_run(run: Run, record: dict[str, Any]) -> Iterator[str]:
    if not record.get("is_finished"):
        return
    for name in ABOUT_RUN:
        kept = part(record, "outputs").get(name)
        yield from _line(run, run.data / name, kept, "Every build")


def _runs_side_by_side(run: Run, latest: str) -> Iterator[str]:
    earlier: dict[str, list[str]] = {}
    for stage in stages.STAGES:
        of = str(read_json(run.record(stage.name)).get("run", ""))
        if of and of != latest:
            earlier.setdefault(of, []).append(stage.name)
    for of, names in sorted(earlier.items()):
        yield (
            f"Two runs side by side: what {', '.join(names)} wrote is of an earlier run "
            f"({of[:12]}), the rest of the latest ({latest[:12]})."
        )


def _inputs(run: Run) -> Iterator[str]:
    recorded: dict[str, dict[str, str]] = {table: {} for table in TABLES}
    for entry in read_json(run.data / MANIFEST).get("inputs", []):
        recorded[entry["name"]][entry["file"]] = entry["sha256"]
    if not run.params.users:
        return
    for table, kept in recorded.items():
        try:
            now = _digests_now(run, table)
        except ReportError as error:
            yield f"Missing input: {error}"
            continue
        for name in sorted(kept.keys() | now.keys()):
            word = _word(kept.get(name), now.get(name))
            if word:
                yield f"{word} input: {name} ({table}). The stages that read it would run again."


def _digests_now(run: Run, table: str) -> dict[str, str]:
    with copied(run, (table,), Path(tempfile.gettempdir())) as ready:
        return dict(digests_of(ready, table, sha256))


def _files(run: Run) -> Iterator[str]:
    manifest = part(read_json(run.data / MANIFEST), "artifacts")
    for name, path in simulated_tables(run).items():
        kept = part(read_json(run.record(SIMULATE)), "outputs").get(name)
        yield from _line(run, path, kept, SIMULATE)
    for stage in stages.STAGES:
        recorded = part(read_json(run.record(stage.name)), "outputs")
        for name, path in outputs_of(run, stage).items():
            entry = manifest.get(name) or {}
            yield from _line(run, path, recorded.get(name) or entry.get("sha256"), stage.name)
        yield from _unlike_manifest(stage, recorded, manifest)


def _unlike_manifest(
    stage: Stage, recorded: dict[str, Any], manifest: dict[str, Any]
) -> Iterator[str]:
    named = [n for n in stage.writes.values() if n in recorded and n in manifest]
    newer = [n for n in named if recorded[n] != manifest[n].get("sha256")]
    if newer:
        yield f"Newer than {MANIFEST}: {', '.join(newer)} ({stage.name} ran since)."


def _line(run: Run, path: Path, kept: Any, writer: str) -> Iterator[str]:
    word = _word(kept or "unknown", sha256(path) if files_in(path) else None)
    if word:
        yield f"{word}: {path.relative_to(run.home).as_posix()}. {writer} would write it again."


def _word(kept: str | None, now: str | None) -> str:
    if kept == now:
        return ""
    return "Missing" if now is None else "Added" if kept is None else "Changed"


def _pages(run: Run) -> Iterator[str]:
    if is_stale(run):
        yield (
            f"Older than its data: the site in {run.html}. A build without --stages-only would "
            "write it again."
        )
    for name, kept in sorted(part(read_json(run.record(SITE)), "outputs").items()):
        yield from _line(run, run.html / name, kept, "The site's builder")


def _added(run: Run) -> Iterator[str]:
    if not (run.home / MARKER).is_file():
        yield f"Missing: {MARKER}, so files that no run made cannot be told apart."
        return
    made = read_made(run.home) | {"data/README.md" if run.is_default else PARAMS}
    folders = (run.data, run.chapters) if run.is_default else (run.home,)
    for path in sorted(path for folder in folders for path in _walk(folder, run.home / OWN)):
        name = path.relative_to(run.home)
        if made.isdisjoint(map(Path.as_posix, (name, *name.parents))):
            yield f"Added: {name.as_posix()}. No run made it, and a build leaves it alone."


def _walk(folder: Path, left_out: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) != left_out]
        yield from (Path(place, name) for name in names)
