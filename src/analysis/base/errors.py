"""The one error that a reader of the terminal is meant to see."""


class ReportError(Exception):
    """The report cannot be made, for a reason that one message gives.

    The message names the table or file, the rule, how many rows break it, one
    offending value and the remedy.
    """
