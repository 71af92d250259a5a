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

from analysis.run.usage import Usage, measure

CAN_FORK = sys.platform == "linux"
"""On macOS a copy of a process that has loaded the system's own libraries may crash."""
LAUNCHER = "ipykernel_launcher"


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
        return None if self._process and self._process.is_running() else 0

    def wait(self) -> int:
        """Wait until the process has ended."""
        if self._process:
            self._process.wait()
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
        self._asked = threading.Lock()

    def start(self) -> None:
        """Start it, if it is not, in a session of its own: Ctrl-C is for the run, which ends it."""
        with self._asked:
            if self._process:
                return
            backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as kernels do
            self._process = subprocess.Popen(
                [sys.executable, "-m", "analysis.run.forking"],
                env={**os.environ, **backend}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                start_new_session=True, bufsize=0,
            )  # fmt: skip

    def fork(self, arguments: Sequence[str], environment: dict[str, str], folder: str) -> Forked:
        """Return a kernel with these command-line `arguments`. Raises OSError when it has ended."""
        self.start()
        order = {"arguments": arguments, "environment": environment, "folder": folder}
        with self._asked:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            answer = self._process.stdout.readline()
        if not answer:
            raise BrokenPipeError("the process that starts kernels has ended")
        return Forked(int(answer))

    def close(self) -> None:
        """End it, whatever it is about to load."""
        if self._process:
            self._process.kill()
            self._process.communicate()


class KernelManager(AsyncKernelManager):
    """A kernel manager that does not interrupt a kernel it is about to stop: the interrupt may
    arrive between two cells, and then prints an error that is none. It starts the kernel with the
    variables of `environment` beside this process's own, and keeps what it used, by the name of its
    connection file: asked whether it is alive each second and before its end. Within `forked`, its
    kernel is a copy of a process that has loaded what notebooks import.
    """

    environment: Any = TraitDict().tag(config=True)
    used: ClassVar[dict[str, Usage]] = {}
    server: ClassVar[ForkServer | None] = None

    @classmethod
    @contextmanager
    def forked(cls) -> Iterator[None]:
        """Keep a process to copy kernels from, where this system can."""
        cls.server = server = ForkServer() if CAN_FORK else None
        try:
            yield
        finally:
            cls.server = None
            if server:
                server.close()

    @classmethod
    def get_ready(cls) -> None:
        """Begin to load what kernels need: one will soon be started."""
        if cls.server:
            cls.server.start()

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        options["env"] = {**os.environ, **options.get("env", {}), **self.environment}
        return await super()._async_pre_start_kernel(**options)

    pre_start_kernel = _async_pre_start_kernel

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        if self.server is None or LAUNCHER not in kernel_cmd:
            return await super()._async_launch_kernel(kernel_cmd, **options)
        arguments = kernel_cmd[kernel_cmd.index(LAUNCHER) + 1 :]
        folder = options.get("cwd") or os.getcwd()
        process = self.server.fork(arguments, options["env"], folder)
        provisioner: Any = self.provisioner
        provisioner.process, provisioner.pid = process, process.pid
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
