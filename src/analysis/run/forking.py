"""A process that has loaded what notebooks import, and becomes a kernel as often as it is asked to.

Python, the engine and the libraries of a chapter take some four seconds to load, ten times a run.
Here they are loaded once; a copy of the process (fork) has them at no cost. It is asked on its
standard input, a line of JSON each (see kernels.ForkServer), and answers with the process's number.
It is safe to copy because it only imports: no thread of Python or the engine runs, which a copy
would miss.
"""

import importlib
import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

LOADED = (
    "duckdb", "ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib_inline.backend_inline",
    "analysis.book.show", "ibis.backends.duckdb", "analysis.log.chapters",
    "analysis.audit", "analysis.cohorts", "seaborn", "analysis.model", "analysis.segments",
    "analysis.published", "analysis.summary.chapter", "skops.io",
)  # fmt: skip
"""What the notebooks and their chapters import, in the order in which stages run."""
REQUESTS, ANSWERS, ERRORS = 0, 1, 2


def main() -> None:
    """Load what is LOADED, one module at a time, and meanwhile answer requests; end when whoever
    asks has ended.
    """
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder it was started in, which a kernel adds by itself
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the kernels: leave no zombie
    waiting = list(LOADED)
    with open(REQUESTS, "rb", buffering=0, closefd=False) as requests:
        while True:
            if waiting and not select.select([requests], [], [], 0)[0]:
                load(waiting.pop(0))
            elif not (line := requests.readline()):
                return
            elif pid := os.fork():
                os.write(ANSWERS, f"{pid}\n".encode())
            else:
                break
    _be_kernel(**json.loads(line))


def load(name: str) -> None:
    """Import a module. The engine's begins a connection of its own that nobody uses, with a thread:
    it is closed.
    """
    module = importlib.import_module(name)
    if name == "duckdb":
        module.default_connection().close()


def _be_kernel(arguments: Sequence[str], environment: dict[str, str], folder: str) -> None:
    """Run a kernel in this process, as if it had been started in `folder` and `environment`."""
    arguments = [*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    os.setsid()  # a signal to it is meant for what it starts, too
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), REQUESTS)
    os.dup2(ERRORS, ANSWERS)
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


if __name__ == "__main__":
    main()
