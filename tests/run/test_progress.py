"""The terminal says what became of each stage, what it used, and how long the rest takes."""

import io

import pytest
from rich.console import Console

from analysis.run import progress
from analysis.run.progress import Progress, in_bytes, in_time
from analysis.run.usage import Usage, keep_usage
from tests.run.tiny import COUNT, SHOW, make_run


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that a test sets, in seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def printed(run, terminal=False, lines=(), afterwards=0.0):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=40, soft_wrap=True,
                      highlight=False, color_system=None)  # fmt: skip
    shown = Progress(console, run, 1, afterwards=afterwards)
    for line in lines:
        shown(*line)
    return shown, console.file.getvalue()


def test_a_line_says_seconds_memory_and_the_time_left_of_the_last_run(project, clock):
    run = make_run(project)
    keep_usage(run, COUNT.name, Usage(10.0))
    keep_usage(run, SHOW.name, Usage(31.0))
    line = COUNT.name, "done (changed)", Usage(12.5, 20.0, 1_440_000_000)
    shown, text = printed(run, lines=[line], afterwards=9.0)
    assert text == (
        "  01_count         done (changed)    12.5 s  1.4 GB  about 50 s left\n"
    )  # 52.5 s in steps of 5: one line, however narrow the terminal
    clock[0] += 12.5 + 31 - 4
    assert str(shown.__rich__()) == "Running the stages, about 15 s left"  # 4 + 9
    clock[0] += 20
    assert str(shown.__rich__()) == "Running the stages"


def test_on_a_terminal_the_time_left_is_counted_down_below_the_lines(project):
    run = make_run(project)
    for stage in (COUNT, SHOW):
        keep_usage(run, stage.name, Usage(30.0))
    _, text = printed(run, terminal=True, lines=[(COUNT.name, "done (changed)", Usage(30.0))])
    assert text == "  01_count         done (changed)    30.0 s\n"


def test_what_has_never_run_has_no_time_left(project):
    run = make_run(project)
    keep_usage(run, COUNT.name, Usage(10.0))
    shown, text = printed(run, lines=[(COUNT.name, "skipped: nothing has changed", Usage())])
    assert (shown.left(), text) == ("", "  01_count         skipped: nothing has changed\n")
    shown(SHOW.name, "FAILED", Usage())
    assert shown.console.file.getvalue().endswith("  02_show          FAILED\n")


def test_a_stage_that_is_skipped_takes_no_time(project, clock):
    run = make_run(project)
    for stage in (COUNT, SHOW):
        keep_usage(run, stage.name, Usage(60.0))
    shown, _ = printed(run)
    assert shown.left() == "about 2 min left"
    shown(COUNT.name, "skipped: nothing has changed", Usage())
    assert shown.left() == "about 60 s left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.9, ""), (1, "about 1 s left"), (9.4, "about 9 s left"), (12, "about 10 s left"),
     (119, "about 120 s left"), (120, "about 2 min left"), (7199, "about 120 min left"),
     (7200, "about 2 h left")],
)  # fmt: skip
def test_time_left_in_words(seconds, words):
    assert in_time(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(94_500_000, "94 MB"), (999_000_000, "999 MB"), (10**9, "1.0 GB")]
)
def test_sizes_in_words(size, words):
    assert in_bytes(size) == words


def test_a_warning_stands_on_a_line_and_ends_nothing(project, clock):
    run = make_run(project)
    for stage in (COUNT, SHOW):
        keep_usage(run, stage.name, Usage(60.0))
    shown, text = printed(run, lines=[(COUNT.name, "warning: needs [2 GB].", Usage())])
    assert text == "  01_count         warning: needs [2 GB].\n"
    assert shown.left() == "about 2 min left"
