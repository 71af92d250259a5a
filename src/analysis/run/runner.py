"""Run the stages: in parallel where possible, and only if something has changed."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import simulation
from analysis.base.errors import ReportError
from analysis.base.files import keep_private
from analysis.contract import stages
from analysis.contract.stages import Stage
from analysis.run.execute import KERNEL_ENVIRONMENT, execute
from analysis.run.fingerprint import SIMULATION, code_digest, fingerprint, package_versions, sha256
from analysis.run.folders import Run, default_run, outputs_of
from analysis.run.manifest import write_manifest

STATE = ".state"
Report = Callable[[str, str, float], None]
"""Called with a stage's name, what became of it, and the seconds it took."""


def run_default(project: Path) -> None:
    """Bring the default run up to date, quietly: what the book's build calls."""
    run_stages(default_run(project), lambda name, what, seconds: print(f"{name}: {what}"))


def _record_path(run: Run, name: str) -> Path:
    return run.data / STATE / f"{name}.json"


def _read_record(run: Run, name: str) -> dict[str, Any]:
    path = _record_path(run, name)
    if not path.is_file():
        return {}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _write_record(run: Run, name: str, print_: str, files: Mapping[str, Path]) -> None:
    record = {"fingerprint": print_, "outputs": {k: sha256(p) for k, p in sorted(files.items())}}
    path = _record_path(run, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def why_run(run: Run, stage: Stage, print_: str) -> str | None:
    """Return why `stage` must run, or None if its results are complete and up to date."""
    record = _read_record(run, stage.name)
    if not record:
        return "first run"
    if record["fingerprint"] != print_:
        return "changed"
    for name, path in outputs_of(run, stage).items():
        if not path.is_file():
            return f"{name} is missing"
        if record["outputs"].get(name) != sha256(path):
            return f"{name} was changed by hand"
    return None


def _as_report_error(name: str, error: Exception) -> ReportError:
    if isinstance(error, ReportError):
        return error
    wrapped = ReportError(f"notebooks/{name}.ipynb: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _simulate(run: Run, report: Report) -> None:
    """Write the simulated default tables if they do not exist yet."""
    if run.params.users is not None:
        return None
    p = run.params
    size = (p.simulated_users, p.simulated_events_per_user, p.simulated_seed)
    parts = [str(size), code_digest(SIMULATION), json.dumps(package_versions())]
    print_ = hashlib.sha256("".join(parts).encode()).hexdigest()
    folder = run.data / "raw"
    files = {name: folder / name for name in ("users.csv", "events.parquet")}
    record = _read_record(run, "00_simulate")
    if record.get("fingerprint") == print_ and all(
        path.is_file() and sha256(path) == record["outputs"][name] for name, path in files.items()
    ):
        return report("00_simulate", "skipped: nothing has changed", 0.0)
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    simulation.write(simulation.simulate(size[0], size[1], size[2]), folder)
    for path in folder.iterdir():
        keep_private(path)
    _write_record(run, "00_simulate", print_, files)
    return report("00_simulate", "done", time.monotonic() - start)


def _attempt(run: Run, stage: Stage) -> tuple[str, float]:
    start = time.monotonic()
    print_ = fingerprint(run, stage)
    reason = why_run(run, stage, print_)
    if reason is None:
        return "skipped: nothing has changed", 0.0
    execute(run, stage)
    _write_record(run, stage.name, print_, outputs_of(run, stage))
    return f"done ({reason})", time.monotonic() - start


def run_stages(run: Run, report: Report) -> list[str]:
    """Bring every stage up to date; return the names of those that ran.

    Stages whose inputs are ready run in parallel, one per core. The first failure
    stops the start of others and is raised as ReportError; what was finished stays.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    _simulate(run, report)
    order = TopologicalSorter({s.name: stages.needs(s) for s in stages.STAGES})
    order.prepare()
    ran: list[str] = []
    running: dict[Future[tuple[str, float]], str] = {}
    failure: ReportError | None = None
    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        while running or (order.is_active() and failure is None):
            ready = sorted(order.get_ready()) if failure is None else []
            running |= {pool.submit(_attempt, run, stages.find(name)): name for name in ready}
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                try:
                    outcome, seconds = future.result()
                except Exception as error:  # whatever stopped it is reported with the stage's name
                    failure = failure or _as_report_error(name, error)
                    report(name, "FAILED", 0.0)
                    continue
                report(name, outcome, seconds)
                order.done(name)
                ran += [name] if outcome.startswith("done") else []
    if failure:
        raise failure
    write_manifest(run)
    return ran
