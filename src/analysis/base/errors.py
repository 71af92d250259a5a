"""The errors that a reader is meant to see: on the terminal, or where a figure would stand."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class ReportError(Exception):
    """The report cannot be made, for a reason that one message gives.

    The message names the table or file, the rule, how many rows break it, one
    offending value and the remedy. The command ends with `exit_code`: 2 for usage and input.
    """

    exit_code: ClassVar[int] = 2


class RunStopped(ReportError):  # noqa: N818 (it says what became of the run)
    """Not the input but the machine or the report's own code stopped the run."""

    exit_code: ClassVar[int] = 4


class FolderBusy(ReportError):  # noqa: N818 (it says what the folder is)
    """Another build works on the folder, and this one was told not to wait."""

    exit_code: ClassVar[int] = 3


class Unavailable(ReportError):  # noqa: N818 (it stands where a figure would)
    """A figure, table or chapter cannot be computed from these tables; the report goes on.

    The message stands on the page in its place: whole sentences for the reader, the last of which
    says what would change it.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Is it 'a', 'b' or 'c'?": up to three of the `known` names that are like `name`, the
    likest first; "" where none is.
    """
    near = [repr(other) for other in difflib.get_close_matches(name, known, n=3, cutoff=0.5)]
    listed = " or ".join([", ".join(near[:-1]), near[-1]] if len(near) > 1 else near)
    return f" Is it {listed}?" if near else ""
