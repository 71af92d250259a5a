"""Ending on a signal: one line, no process left."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Obeyed even where a shell started the build in the background with SIGINT ignored."""


class Ended(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        """Keep the number of the signal."""
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise Ended in the main thread at the first signal to end; ignore those that follow. The
    engine stops a query then, but with an error of its own.
    """
    received = list[int]()
    hang_up = getattr(signal, "SIGHUP", None)
    is_kept = hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN  # as nohup asks
    chosen = ENDING if is_kept or hang_up is None else (*ENDING, hang_up)

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for each in chosen:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(number)

    before = {each: signal.signal(each, end) for each in chosen}
    try:
        yield
    except RuntimeError as error:
        if received:
            raise Ended(received[0]) from error
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def stop_children() -> None:
    """Kill the processes that this one started: kernels and the site's builder. That kernels died
    is then no news, and not said.
    """
    logging.getLogger("papermill").disabled = True
    children = psutil.Process().children(recursive=True)
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(children, timeout=3)
