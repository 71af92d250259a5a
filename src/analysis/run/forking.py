"""A process that has loaded what notebooks import, and becomes a kernel as often as it is asked to.

Python, the engine and the libraries of a chapter take some four seconds to load, ten times a run.
Here they are loaded once; a copy of the process (fork) has them at no cost. It is asked on its
standard input, a line of JSON each (see kernels.ForkServer), and answers with the number of the new
process, 0 where there is none. It is safe to copy because it only imports: no thread of Python or
the engine runs, which a copy would miss.
"""

import importlib
import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

LOADED = (
    "duckdb", "ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib_inline.backend_inline",
    "analysis.book.show", "ibis.backends.duckdb", "analysis.log.chapters",
    "analysis.audit", "analysis.cohorts", "seaborn", "analysis.model", "analysis.segments",
    "analysis.published", "analysis.summary.chapter", "skops.io",
)  # fmt: skip
"""What the notebooks and their chapters import, in the order in which stages run."""


def main() -> None:
    """Load what is LOADED, one module at a time, and meanwhile answer requests; end when whoever
    asks has ended.
    """
    answers = os.dup(1)
    os.dup2(2, 1)  # what a module prints is no answer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the kernels: leave no zombie
    waiting, parent = list(LOADED), os.getpid()
    with open(0, "rb", buffering=0, closefd=False) as requests:
        while True:
            if waiting and not select.select([requests], [], [], 0)[0]:
                load(waiting.pop(0))
            elif not (line := requests.readline()):
                return
            elif (pid := _fork()) is None or pid:
                os.write(answers, f"{pid or 0}\n".encode())
            else:
                break
    os.close(answers)
    _be_kernel(parent, **json.loads(line))


def _fork() -> int | None:
    """Return the copy's number, 0 in the copy, and None where the system allows no more."""
    try:
        return os.fork()
    except OSError:
        return None


def load(name: str) -> None:
    """Import a module; where that fails, so will the cell of the notebook that needs it, and say
    why. The engine's begins a connection of its own that nobody uses, with a thread: it is closed.
    """
    with suppress(Exception):
        importlib.import_module(name)
    if name == "duckdb" and name in sys.modules:
        sys.modules[name].default_connection().close()


def _be_kernel(
    parent: int, arguments: Sequence[str], environment: dict[str, str], folder: str
) -> None:
    """Run a kernel in this process, as if it had been started in `folder` and `environment`. It
    ends when `parent`, of which it is a copy, does.
    """
    arguments = [*arguments, f"--IPKernelApp.parent_handle={parent}"]
    os.setsid()  # a signal to its group is meant for what it starts, too
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None  # it is found anew, of the environment
    sys.argv = ["ipykernel_launcher", *arguments]
    kernel: Any = importlib.import_module("ipykernel.kernelapp")
    kernel.launch_new_instance(argv=arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to unload everything takes a second, and its temporary folder is the run's
