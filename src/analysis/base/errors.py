"""The errors that a reader is meant to see: on the terminal, or where a figure would stand."""


class ReportError(Exception):
    """The report cannot be made, for a reason that one message gives.

    The message names the table or file, the rule, how many rows break it, one
    offending value and the remedy.
    """


class Unavailable(ReportError):  # noqa: N818 (it stands where a figure would)
    """A figure, table or chapter cannot be computed from these tables; the report goes on.

    The message stands on the page in its place: whole sentences for the reader, the last of which
    says what would change it.
    """
