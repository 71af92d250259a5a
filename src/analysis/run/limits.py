"""How much of the machine a kernel may use, and where what does not fit into its memory goes."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from analysis.base.engine import LIMITS, SPARK_URL
from analysis.contract import stages
from analysis.contract.stages import Stage
from analysis.log.parts import FOLDER as PARTS
from analysis.run.folders import OWN, Run

SHARE = 0.6
"""Share of the machine's memory that the kernels may use together: the rest is for the tables that
Python holds, for other programs, and for the system's cache of files."""
COUNTED = 0.45
"""Part of a kernel's memory that its engine may fill: the rest is for the tables of users, which
Python holds, and for what the engine holds without counting it."""
UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
GROUP = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much of the machine's memory a container has."""


def memory_of_machine() -> int:
    """Return the bytes of memory that the machine has, or this container of it."""
    given = _text(GROUP).strip()
    there = int(psutil.virtual_memory().total)
    return min(there, int(given)) if given.isdigit() else there


def free_memory() -> int:
    """Return the bytes of memory that no program holds, or none of this container."""
    there = int(psutil.virtual_memory().available)
    held = re.search(r"^anon (\d+)$", _text(GROUP.with_name("memory.stat")), re.MULTILINE)
    return min(there, memory_of_machine() - int(held[1])) if held else there


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def place_for_spills(run: Run) -> Path:
    """Return the folder of the parameter for temporary files, or the one that the run owns."""
    given = run.params.temporary_folder
    return Path(given).expanduser() if given else run.home / OWN / "tmp"


def bytes_of(text: str) -> int:
    """Return the bytes that a size such as `4GB` names: see contract.params."""
    return int(float(text[:-2]) * UNITS[text[-2:]])


def engine_memory(size: int) -> str:
    """Return how much a kernel's engine may fill of `size` bytes, as the engine writes it."""
    return f"{max(int(COUNTED * size) // 10**6, 1)}MB"


def share_of(run: Run, stage: Stage, jobs: int) -> int:
    """Return the bytes of memory for the kernel of `stage`: an equal share for each that may run
    at the same time.
    """
    given = run.params.memory_limit
    whole = bytes_of(given) if given else SHARE * memory_of_machine()
    return int(whole // min(jobs, 1 + len(stages.beside(stage))))


@contextmanager
def folder_for_spills(run: Run, stage: Stage) -> Iterator[Path]:
    """Give a folder for the temporary files of `stage`, in that of the parameter or in one that the
    run owns, which is emptied before the next run.
    """
    home = place_for_spills(run)
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{stage.name}-", dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(run: Run, stage: Stage, jobs: int, folder: Path) -> dict[str, str]:
    """Return the variables by which the kernel of `stage` keeps to its limits; its temporary files
    go to `folder`, and what is read of a log's files stays for the next run.
    """
    memory = engine_memory(share_of(run, stage, jobs))
    found = {LIMITS["memory_limit"]: memory, "TMPDIR": str(folder)}
    threads = run.params.threads
    found |= {LIMITS["threads"]: str(threads)} if threads else {}
    found |= {PARTS: str(run.parts)}
    return found | ({SPARK_URL: str(run.params.spark_url)} if run.params.spark_url else {})
