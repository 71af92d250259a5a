"""The run as a DAG for Airflow 3: one task per stage, from the stages' declarations.

Each task is the command line's own `build --stage`, so lock, records, limits and exit codes are the
same. The last task builds what is left: the manifest and the pages.
"""

import re
import shlex
import sys
from collections.abc import Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.run.folders import Run
from analysis.run.state import write_text

LAST = "book"
"""The task after the stages."""
MADE = '"""Written by `churnbook airflow`'
DAG = (
    MADE
    + """: write it again rather than edit it. For Airflow 3.

Passwords come from the environment of the worker. Exit codes are in the project's README.
\"""

from datetime import datetime, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = {project!r}
BUILD = {build!r}
NEEDS = {{
{needs}
}}

with DAG(
    {name!r},
    schedule={schedule!r},
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,  # one at a time has the run's folder, with all of the memory limit
    default_args={{"cwd": PROJECT, "do_xcom_push": False}},
) as dag:
    tasks = {{}}
    for name, needed in NEEDS.items():
        command = BUILD if name == {last!r} else f"{{BUILD}} --stage {{name}}"
        tasks[name] = BashOperator(task_id=name, bash_command=command)
        tasks[name].set_upstream([tasks[other] for other in needed])
"""
)


def write_dag(path: Path, run: Run, options: Sequence[str], schedule: str) -> None:
    """Write the DAG of `run`, which `churnbook build` makes with `options`, to the file `path`.

    Raises ReportError when a file is there that this did not write.
    """
    if path.exists() and not (path.is_file() and path.read_text("utf-8").startswith(MADE)):
        raise ReportError(
            f"--out {path}: this is there already, and `churnbook airflow` did not write it. Move "
            "it away, or give another file."
        )
    write_text(path, render_dag(run, options, schedule))


def render_dag(run: Run, options: Sequence[str], schedule: str) -> str:
    """Return the text of the DAG."""
    build = [sys.executable, "-m", "analysis.run", "build", *options, "--jobs", "1"]
    needs = needs_of_tasks().items()
    return DAG.format(
        project=_as_written(str(run.project)),
        build=_as_written(shlex.join(build)),
        needs="\n".join(f"    {name!r}: {needed!r}," for name, needed in needs),
        last=LAST,
        name="churnbook" if run.is_default else f"churnbook_{_plain(run.home.name)}",
        schedule=schedule,
    )


def needs_of_tasks() -> dict[str, list[str]]:
    """Return which tasks each waits for, those first: the last one for the stages that no other
    waits for.
    """
    needs = {stage.name: sorted(stages.needs(stage)) for stage in stages.STAGES}
    found = {name: needs[name] for name in TopologicalSorter(needs).static_order()}
    needed = {name for names in found.values() for name in names}
    return {**found, LAST: sorted(set(found) - needed)}


def _as_written(text: str) -> str:
    """Keep Airflow from reading a template into a value that holds two braces."""
    return f"{{% raw %}}{text}{{% endraw %}}" if re.search(r"\{[{%#]", text) else text


def _plain(name: str) -> str:
    """Return a folder's name in the characters that Airflow takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)
