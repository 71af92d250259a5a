"""The kernels of a run: how they are started, and what they use."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import psutil
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict as TraitDict

from analysis.run.fingerprint import HELPERS, code_digest
from analysis.run.usage import Usage, measure

CAN_FORK = sys.platform == "linux"
"""On macOS a copy of a process that has loaded the system's own libraries may crash."""
LAUNCHER = [sys.executable, "-m", "ipykernel_launcher"]
"""How a kernel of this environment is started: no other can be a copy."""
FORKING = "import sys; sys.path = [place for place in sys.path if place]; \
from analysis.run.forking import main; main()"
"""Nothing is imported from the folder where the command is given; kernels add their own."""


class Forked:
    """A kernel's process, which is another's child: what its manager asks of a process."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        """Keep the process's number and when it began."""
        self.pid = pid
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def poll(self) -> int | None:
        """Return None while the process runs, then 0: how it ended is not known."""
        try:
            runs = self._process and self._process.is_running()
            return None if runs and self._process.status() != psutil.STATUS_ZOMBIE else 0
        except psutil.NoSuchProcess:
            return 0

    def wait(self) -> int:
        """Return at once: the manager waits until poll says that the process has ended."""
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)


class ForkServer:
    """The process whose copies are the kernels of a run: see run.forking."""

    def __init__(self) -> None:
        """Start nothing yet: where nothing has changed no kernel is needed."""
        self._process: Any = None
        self._code = ""
        self._asked = threading.Lock()

    def start(self) -> None:
        """Start it, if it is not, in a session of its own: Ctrl-C is for the run, which ends it."""
        with self._asked:
            if self._process:
                return
            self._code = code_digest(HELPERS)
            backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as kernels do
            self._process = subprocess.Popen(
                [sys.executable, "-c", FORKING],
                env={**backend, **os.environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                start_new_session=True, bufsize=0,
            )  # fmt: skip

    def fork(
        self, arguments: Sequence[str], environment: dict[str, str], folder: str
    ) -> Forked | None:
        """Return a kernel with these command-line `arguments`; None where there can be no copy: the
        process has ended, or our code has changed since it was loaded.
        """
        self.start()
        order = {"arguments": arguments, "environment": environment, "folder": folder}
        with self._asked:
            if code_digest(HELPERS) != self._code:
                return None
            try:
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
            except BrokenPipeError:
                return None
            pid = int(self._process.stdout.readline() or 0)
        return Forked(pid) if pid else None

    def close(self) -> None:
        """End it, whatever it is about to load."""
        if self._process:
            self._process.kill()
            self._process.communicate()


@contextmanager
def fork_server() -> Iterator[ForkServer | None]:
    """Give a process to copy kernels from, where this system can."""
    server = ForkServer() if CAN_FORK else None
    try:
        yield server
    finally:
        if server:
            server.close()


class KernelManager(AsyncKernelManager):
    """A kernel manager that does not interrupt a kernel it is about to stop: the interrupt may
    arrive between two cells, and then prints an error that is none. It starts the kernel with the
    variables of `environment` beside this process's own, and keeps what it used, by the name of its
    connection file: asked whether it is alive each second and before its end.
    """

    environment: Any = TraitDict().tag(config=True)
    used: ClassVar[dict[str, Usage]] = {}
    server: ClassVar[ForkServer | None] = None

    @classmethod
    def of(cls, server: ForkServer | None) -> "type[KernelManager]":
        """Return managers whose kernels are copies of what `server` has loaded, if there is one."""
        return type(cls.__name__, (cls,), {"server": server})

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        options["env"] = {**os.environ, **options.get("env", {}), **self.environment}
        return await super()._async_pre_start_kernel(**options)

    pre_start_kernel = _async_pre_start_kernel

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        process = None
        if self.server and kernel_cmd[: len(LAUNCHER)] == LAUNCHER:
            folder = options.get("cwd") or os.getcwd()
            process = self.server.fork(kernel_cmd[len(LAUNCHER) :], options["env"], folder)
        if process is None:
            return await super()._async_launch_kernel(kernel_cmd, **options)
        provisioner: Any = self.provisioner
        provisioner.process, provisioner.pid, provisioner.pgid = process, process.pid, process.pid
        self._reconcile_connection_info(provisioner.connection_info)
        return None

    async def interrupt_kernel(self) -> None:  # type: ignore[override]
        """Interrupt the kernel, unless it is being shut down."""
        if not self.shutting_down:
            await super().interrupt_kernel()

    _async_interrupt_kernel = interrupt_kernel

    async def _async_is_alive(self) -> bool:
        pid = getattr(self.provisioner, "pid", None)
        if pid:
            before = self.used.get(self.connection_file, Usage())
            self.used[self.connection_file] = measure(pid, before)
        return await super()._async_is_alive()

    is_alive = _async_is_alive
