"""What the machine refused, as one error: what was being written, why it failed, and the fix."""

import errno
import shutil
from pathlib import Path
from typing import Any

from analysis.base.errors import RunStopped
from analysis.contract.stages import Stage
from analysis.run.progress import in_bytes

FULL, READ_ONLY, FORBIDDEN = "full", "read-only", "forbidden"
BY_NUMBER = {
    errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY,
    errno.EACCES: FORBIDDEN, errno.EPERM: FORBIDDEN,
}  # fmt: skip
BY_TEXT = {
    "No space left on device": FULL, "Disk quota exceeded": FULL,
    "Read-only file system": READ_ONLY, "Permission denied": FORBIDDEN,
}  # fmt: skip
"""How libraries in a kernel (DuckDB, Arrow) put the same errors, each with a type of its own."""
MEMORY = ("MemoryError", "Out of Memory", "OutOfMemory", "Cannot allocate memory")
STAYS = "What was finished stays; the next build goes on from there."


def artifacts_of(stage: Stage) -> str:
    """Return words for what a stage writes."""
    first, *more = stage.writes.values()
    return f"{first} and {len(more)} more artifacts of {stage.name}" if more else first


def explain(error: OSError, folder: Path, what: str = "") -> RunStopped:
    """Return the error to show for `error`, met while writing `what` to `folder`."""
    name = str(error.filename or what or folder)
    cause = BY_NUMBER.get(error.errno or 0)
    return RunStopped(_refused(cause, name, folder) if cause else f"{name}: {error}. {STAYS}")


def explain_text(text: str, folder: Path, what: str) -> str | None:
    """Return the error to show for a kernel's message, if the machine was the reason."""
    if any(word in text for word in MEMORY):
        return (
            f"There was not enough memory for {what}. Close other programs, raise memory_limit in "
            f"params.yml, or build with --jobs 1, one stage at a time. {STAYS}"
        )
    causes = [cause for words, cause in BY_TEXT.items() if words in text]
    return _refused(causes[0], what, folder) if causes else None


def killed(stage: Stage, held: int) -> RunStopped:
    """Return the error for a kernel that something else ended, having `held` so many bytes; 0 where
    it ended before that was measured.
    """
    when = f", when it held {in_bytes(held)} of memory" if held else ""
    return RunStopped(
        f"notebooks/{stage.name}.ipynb: its kernel was killed{when}. The usual reason is that the "
        "machine ran out of memory. Close other programs, set memory_limit to less, so that more "
        f"goes to temporary_folder, or build with --jobs 1, one stage at a time. {STAYS}"
    )


def _refused(cause: str, what: str, folder: Path) -> str:
    if cause == FULL:
        return (
            f"The disk is full: {what} could not be written to {folder} ({_free(folder)}). Free "
            f"some space there, or give --out a folder on another disk. {STAYS}"
        )
    why = "the disk is read-only" if cause == READ_ONLY else "you may not write there"
    return (
        f"{what} could not be written to {folder}: {why}. Give --out a folder that you may write "
        f"to. {STAYS}"
    )


def disk_of(folder: Path) -> Any:
    """Return total, used and free bytes of the disk that `folder` is on, or will be."""
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))


def _free(folder: Path) -> str:
    usage = disk_of(folder)
    return f"{usage.free / 1e6:.1f} MB of {usage.total / 1e6:,.0f} MB are free"
