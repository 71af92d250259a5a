"""The one error that a reader of the terminal is meant to see."""


class ReportError(Exception):
    """A report that cannot be made, explained in one message.

    The message names the table or file, the rule, how many rows break it, one
    offending value and the remedy.
    """
