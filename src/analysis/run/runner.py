"""Run the stages: in parallel where possible, and only if something has changed."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import simulation
from analysis.base.errors import ReportError, RunStopped
from analysis.base.files import keep_private
from analysis.contract import stages
from analysis.contract.stages import Stage
from analysis.run import trouble
from analysis.run.bill import write_bill
from analysis.run.crate import write_crate
from analysis.run.digests import digest, files_in, is_as_recorded
from analysis.run.execute import KERNEL_ENVIRONMENT, execute
from analysis.run.fingerprint import SIMULATION, code_digest, fingerprint, package_versions
from analysis.run.folders import SIMULATE, Run, outputs_of, simulated_tables
from analysis.run.kernels import ForkServer, fork_server
from analysis.run.lock import socket_folder
from analysis.run.manifest import write_manifest
from analysis.run.need import warning_of
from analysis.run.record import begin, check_inputs, finish
from analysis.run.signals import Ended, stop_children
from analysis.run.state import move, part, read_json, write_json
from analysis.run.usage import Usage, keep_usage
from analysis.run.volume import volume_read

Report = Callable[[str, str, Usage], None]
"""Called with a stage's name, what became of it, and what it used; before it starts with a warning,
if there is one: see run.need.
"""
Attempt = Callable[[Stage], tuple[str, Usage]]


def _write_record(
    run: Run, name: str, print_: str, files: Mapping[str, Path], run_print: str = ""
) -> None:
    outputs = {name: digest(path) for name, path in sorted(files.items())}
    write_json(run.record(name), {"fingerprint": print_, "outputs": outputs, "run": run_print})


def why_run(run: Run, stage: Stage, print_: str) -> str | None:
    """Return why `stage` must run, or None if its results are complete and up to date."""
    record = read_json(run.record(stage.name))
    if "fingerprint" not in record:
        return "first run"
    if record["fingerprint"] != print_:
        return "changed"
    for name, path in outputs_of(run, stage).items():
        if not files_in(path):
            return f"{name} is missing"
        if part(record, "outputs").get(name) != digest(path):
            return f"{name} was changed by hand"
    return None


def _as_report_error(run: Run, name: str, error: Exception) -> ReportError:
    if isinstance(error, ReportError):
        return error
    if isinstance(error, OSError):
        return trouble.explain(error, run.data)
    wrapped = RunStopped(f"notebooks/{name}.ipynb: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _simulate(run: Run, report: Report, server: ForkServer | None = None) -> None:
    """Write the simulated default tables if they do not exist yet."""
    if run.params.users is not None:
        return None
    p = run.params
    size = (p.simulated_users, p.simulated_events_per_user, p.simulated_seed)
    parts = [str(size), code_digest(SIMULATION), json.dumps(package_versions())]
    print_ = hashlib.sha256("".join(parts).encode()).hexdigest()
    files = simulated_tables(run)
    record = read_json(run.record(SIMULATE))
    if record.get("fingerprint") == print_ and all(
        is_as_recorded(path, part(record, "outputs").get(name)) for name, path in files.items()
    ):
        return report(SIMULATE, "skipped: nothing has changed", Usage())
    start = time.monotonic()
    if server:
        server.start()  # what kernels need is loaded meanwhile
    run.temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.temporary) as folder:
        simulation.write(simulation.simulate(size[0], size[1], size[2]), Path(folder))
        for name, path in files.items():
            move(Path(folder) / name, path)
            keep_private(path)
    _write_record(run, SIMULATE, print_, files)
    return report(SIMULATE, "done", Usage(time.monotonic() - start))


def _attempt(
    run: Run,
    stage: Stage,
    run_print: str,
    sockets: Path,
    jobs: int,
    report: Report,
    server: ForkServer | None,
) -> tuple[str, Usage]:
    start = time.monotonic()
    print_ = fingerprint(run, stage)
    reason = why_run(run, stage, print_)
    if reason is None:
        record = read_json(run.record(stage.name))
        if record.get("run") != run_print:
            write_json(run.record(stage.name), record | {"run": run_print})
        return "skipped: nothing has changed", Usage()
    warning = warning_of(run, stage, jobs)
    if warning:
        report(stage.name, warning, Usage())
    used = execute(run, stage, sockets, jobs, server)
    _write_record(run, stage.name, print_, outputs_of(run, stage), run_print)
    used = replace(used, seconds=time.monotonic() - start)
    keep_usage(run, stage.name, used, **volume_read(run, stage))
    return f"done ({reason})", used


def run_stages(
    run: Run, report: Report, jobs: int | None = None, until: str | None = None
) -> list[str]:
    """Bring every stage up to date, or the stage `until` and those it needs: the run is then not
    finished yet. Return the names of those that ran.

    Stages whose inputs are ready run in parallel, `jobs` at a time (one per core if None), those
    first for which the longest row of others waits. The first failure stops the start of others and
    is raised as ReportError; what was finished stays, and the run's folder says that it is not
    finished. The caller holds the folder.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    check_inputs(run)
    chosen = stages.up_to(until) if until else stages.STAGES
    try:
        record = begin(run)
        with socket_folder() as sockets, fork_server() as server:
            _simulate(run, report, server)
            at_once = jobs or os.cpu_count() or 1
            attempt = partial(_attempt, run, run_print=record["run"], sockets=sockets, jobs=at_once,
                              report=report, server=server)  # fmt: skip
            ran = _run_in_order(run, chosen, attempt, report, at_once)
        if until is None:
            write_crate(run, write_manifest(run))
            write_bill(run)
            finish(run, record)
    except OSError as error:
        raise trouble.explain(error, run.data) from error
    return ran


def _run_in_order(
    run: Run, chosen: Iterable[Stage], attempt: Attempt, report: Report, jobs: int
) -> list[str]:
    order = TopologicalSorter({stage.name: stages.needs(stage) for stage in chosen})
    order.prepare()
    ran: list[str] = []
    ready: list[str] = []
    running: dict[Future[tuple[str, Usage]], str] = {}
    failure: ReportError | None = None
    with ThreadPoolExecutor(max_workers=jobs) as pool, _no_process_left(pool, running):
        while running or (order.is_active() and failure is None):
            ready = sorted([*ready, *order.get_ready()], key=stages.urgency)
            while ready and len(running) < jobs and failure is None:
                name = ready.pop(0)
                running[pool.submit(attempt, stages.find(name))] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                try:
                    outcome, used = future.result()
                except Exception as error:  # whatever stopped it is reported with the stage's name
                    failure = failure or _as_report_error(run, name, error)
                    report(name, "FAILED", Usage())
                    continue
                report(name, outcome, used)
                order.done(name)
                ran += [name] if outcome.startswith("done") else []
    if failure:
        raise failure
    return ran


@contextmanager
def _no_process_left(pool: ThreadPoolExecutor, running: Iterable[Future[Any]]) -> Iterator[None]:
    """When a signal ends the run, start no other stage and kill the kernels of those that run."""
    try:
        yield
    except Ended:
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in list(running)):
            stop_children()
            wait(list(running), timeout=0.1)
        raise
