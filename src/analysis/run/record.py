"""The record of a whole run: which inputs, parameters and code it began with, and whether it ended.

Every stage's record names the run that it is of, so artifacts of two runs in one folder can be told
apart.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from analysis.base.addresses import is_address
from analysis.base.errors import ReportError, RunStopped
from analysis.contract import stages
from analysis.contract.params import OF_THE_PAGES
from analysis.run.digests import digest
from analysis.run.fingerprint import HELPERS, SIMULATION, code_digest, package_versions
from analysis.run.folders import OF_THE_RUN, RUN, UNFINISHED, Run, files_of, notebook_of
from analysis.run.sources import digests_of_inputs, sources_of_stages
from analysis.run.state import write_json, write_text
from analysis.run.tables import TABLES

NOT_FINISHED = """\
This run is not finished: it is under way, or it was stopped or failed. Some files here may be of an
earlier run. `churnbook verify` names them; the next build that ends removes this file.
"""


def check_inputs(run: Run) -> None:
    """Raise ReportError unless both tables are there and can be read, and the run will not write
    over them.
    """
    errors = []
    for table in TABLES if run.params.users else ():
        try:
            _check_input(run, table)
        except ReportError as error:
            errors.append(error)
    if errors:
        raise ReportError("\n".join(map(str, errors))) from errors[0]


def _check_input(run: Run, table: str) -> None:
    if is_address(run.raw(table)):  # not read yet: see run.tables
        return
    from analysis.base.engine import list_files  # slow to import

    ours = {path.resolve() for path in files_of(run)}
    for path in list_files(run.raw(table), table):
        if not ours.isdisjoint((path.resolve(), *path.resolve().parents)):
            raise ReportError(
                f"{table}: {path} is a file that this run writes. Copy it elsewhere, and give the "
                f"copy with --{table}."
            )
        try:
            path.open("rb").close()
        except OSError as error:
            raise ReportError(
                f"{table}: {path} cannot be read: {error.strerror}. Make it readable to you."
            ) from error


def digest_of_code(run: Run) -> str:
    """Return the digest of the helpers, the simulation and the notebooks."""
    digests = [code_digest(HELPERS), code_digest(SIMULATION)]
    digests += [digest(notebook_of(run, stage)) for stage in stages.STAGES]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def begin(run: Run) -> dict[str, Any]:
    """Mark the folder as unfinished and return the record of the run that begins: `run` is the
    digest of its inputs, parameters, code and packages.
    """
    inputs, params = digests_of_inputs(run), run.params.model_dump(exclude={*OF_THE_PAGES})
    parts = [inputs, params | dict.fromkeys(TABLES), digest_of_code(run), package_versions()]
    run_print = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    record = {"run": run_print, "inputs": inputs, "params": params, "is_finished": False,
              "sources": sources_of_stages(run)}  # fmt: skip
    write_text(run.data / UNFINISHED, NOT_FINISHED)
    write_json(run.record(RUN), record | {"outputs": _outputs(run)})
    return record


def finish(run: Run, record: dict[str, Any]) -> None:
    """Say that the run has ended. Raises RunStopped if a table was changed meanwhile."""
    now = digests_of_inputs(run)
    changed = [table for table in now if now[table] != record["inputs"][table]]
    if changed:
        raise RunStopped(
            f"{changed[0]}: {run.raw(changed[0])} was changed while the run read it. Build again "
            "when nothing writes to it."
        )
    Path(run.data / UNFINISHED).unlink(missing_ok=True)
    write_json(run.record(RUN), record | {"is_finished": True, "outputs": _outputs(run)})


def _outputs(run: Run) -> dict[str, str]:
    there = [name for name in OF_THE_RUN if (run.data / name).is_file()]
    return {name: digest(run.data / name) for name in there}
