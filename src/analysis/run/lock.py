"""One run at a time per folder: the lock, and what a killed run left behind."""

import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.base.errors import FolderBusy
from analysis.contract import stages
from analysis.run import digests, ownership
from analysis.run.folders import OWN, Run, files_of
from analysis.run.state import discard, new_name

LOCK = f"{OWN}/lock"
DIGESTS = f"{OWN}/digests.json"
"""What is remembered of files: see run.digests."""
SOCKETS = "churnbook-"
OWNER = "owner.lock"
HOUR = 3600  # seconds


@contextmanager
def hold(run: Run, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Have the run's folder alone, cleared of what a killed run left, with its files claimed.

    The system releases the lock when the process ends, however it ends. Raises FolderBusy
    when another build has it and `wait` is false.
    """
    (run.home / OWN).mkdir(parents=True, exist_ok=True)
    lock = FileLock(run.home / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        busy = f"Another build is working on {run.home}."
        if not wait:
            raise FolderBusy(f"{busy} Build again when it has ended.") from error
        say(f"{busy} Waiting for it to end (--no-wait stops instead).")
        lock.acquire()
    try:
        ownership.claim(run, files_of(run))
        clear_leftovers(run)
        digests.recall(run.home / DIGESTS)
        yield
    finally:
        with suppress(OSError):  # of a full disk: the error that stopped the run says it better
            ownership.forget_missing(run)
            digests.remember(run.home / DIGESTS)
        lock.release()


def is_busy(run: Run) -> bool:
    """Say whether a build is working on the run's folder: nobody is where nobody can write."""
    if not (run.home / LOCK).is_file() or not os.access(run.home / LOCK, os.W_OK):
        return False
    try:
        with FileLock(run.home / LOCK, blocking=False):
            return False
    except Timeout:
        return True


def clear_leftovers(run: Run) -> None:
    """Remove the unfinished work of killed runs: the caller holds the folder, so it is nobody's."""
    old = re.compile(rf"\.({'|'.join(stage.name for stage in stages.STAGES)})-[a-z0-9_]{{8}}")
    of_before = [p for p in run.data.glob(".*") if old.fullmatch(p.name) and p.is_dir()]
    for folder in (run.temporary, run.home / OWN / "tmp", *of_before):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
    for path in files_of(run):
        discard(new_name(path))


@contextmanager
def socket_folder() -> Iterator[Path]:
    """Give a folder with a short path for the sockets of this process's kernels: a long path is
    no socket. Folders of killed processes are removed first.
    """
    clear_sockets()
    folder = Path(tempfile.mkdtemp(prefix=SOCKETS))
    lock = FileLock(folder / OWNER)
    try:
        with lock:
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_sockets() -> None:
    """Remove the socket folders whose process has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SOCKETS}*"):
        try:
            if _is_socket_folder(folder) and not _has_owner(folder):
                shutil.rmtree(folder)
        except FileNotFoundError:  # its owner has just ended and removed it
            continue


def _is_socket_folder(folder: Path) -> bool:
    """Say whether we made `folder`: our user, our name, and nothing but what kernels put there."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        return False
    is_named = re.fullmatch(rf"{SOCKETS}[a-z0-9_]{{8}}", folder.name)
    return bool(is_named) and all(
        path.name == OWNER or path.is_socket() or path.suffix == ".json"
        for path in folder.iterdir()
    )


def _has_owner(folder: Path) -> bool:
    if (folder / OWNER).is_file():
        try:
            with FileLock(folder / OWNER, blocking=False):
                return False
        except Timeout:
            return True
    is_new = time.time() - folder.stat().st_mtime < HOUR
    return is_new or any(_answers(path) for path in folder.iterdir() if path.is_socket())


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        return client.connect_ex(str(path)) == 0
