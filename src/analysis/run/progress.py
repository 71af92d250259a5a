"""What the terminal shows while stages run: what became of each, what it used, the time left."""

import os
import time

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from analysis.contract import stages
from analysis.run.folders import Run
from analysis.run.usage import Usage, finish_time, last_usage

WARNING = "warning"
"""How a line begins that tells of a stage before it starts."""
COLOURS = {"skipped": "dim", "FAILED": "bold red", WARNING: "yellow"}
MINUTE, HOUR = 60, 3600  # seconds


class Progress:
    """Prints a line for each stage that ends. Shown as a status, it counts the time down; where the
    output is no terminal, the time left stands at the end of the lines.
    """

    def __init__(
        self,
        console: Console,
        run: Run,
        jobs: int | None,
        until: str | None = None,
        afterwards: float = 0.0,
    ):
        """Go by what the stages, all or those up to `until`, took when they last ran; `afterwards`
        seconds follow them.
        """
        chosen = stages.up_to(until) if until else stages.STAGES
        last = {stage.name: last_usage(run, stage.name) for stage in chosen}
        self.console, self.jobs, self.afterwards = console, jobs or os.cpu_count() or 1, afterwards
        self.seconds = {name: found.get("seconds") for name, found in last.items()}
        self.started = time.monotonic()

    def __call__(self, name: str, what: str, usage: Usage) -> None:
        """Say what became of the stage `name`, and what it used, or a warning before it starts."""
        if name in self.seconds and not what.startswith(WARNING):
            self.seconds[name] = usage.seconds
        used = f" {usage.seconds:5.1f} s" if usage.seconds else ""
        used += f"  {in_bytes(usage.peak_bytes):>6}" if usage.peak_bytes else ""
        left = f"  {self.left()}" if used and not self.console.is_terminal else ""
        colour = COLOURS.get(what.split(":")[0].split()[0], "green")
        padded = f"{what:<16}" if used else what
        self.console.print(
            f"  {name:<16} [{colour}]{escape(padded)}[/{colour}]{used}{left}".rstrip()
        )

    def left(self) -> str:
        """Return the time left in words: empty where a stage that is to run has never run."""
        known = {name: value for name, value in self.seconds.items() if value is not None}
        if len(known) < len(self.seconds):
            return ""
        end = self.started + finish_time(known, self.jobs) + self.afterwards
        return in_time(end - time.monotonic())

    def __rich__(self) -> Text:
        """Return the line that is shown while stages run."""
        left = self.left()
        return Text(f"Running the stages{f', {left}' if left else ''}")


def in_bytes(size: float) -> str:
    """Return a size as a reader of a terminal compares it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def in_time(seconds: float) -> str:
    """Return how much time is left, no more exactly than it is known; empty when it is over."""
    if seconds < 1:
        return ""
    if seconds < 2 * MINUTE:
        step = 1 if seconds < 10 else 5
        return f"about {step * round(seconds / step)} s left"
    if seconds < 2 * HOUR:
        return f"about {seconds / MINUTE:.0f} min left"
    return f"about {seconds / HOUR:.0f} h left"
