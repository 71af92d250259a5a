"""What each stage used of the machine when it last ran, and what that says of the next run.

It depends on the clock and the machine, so it is kept in a record of its own, `timings.json`, which
nothing is compared with: neither `verify` nor what decides whether there is anything to build.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import psutil

from analysis.contract import stages
from analysis.run.folders import TIMINGS, Run
from analysis.run.state import part, read_json, write_json

KEEPING = threading.Lock()
"""Held while the record is read and written: stages end in threads of their own."""


@dataclass(frozen=True)
class Usage:
    """Seconds by the clock, seconds of all cores, and the most memory held at once, in bytes; 0
    where it was not measured.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


def measure(pid: int, before: Usage) -> Usage:
    """Return what a process, and those it started and waited for, has used by now; after its end
    what was seen `before`.
    """
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        peak = max(_peak_bytes(process), before.peak_bytes)
    except (psutil.Error, OSError):
        return before
    cpu = times.user + times.system + times.children_user + times.children_system
    return Usage(before.seconds, cpu, peak)


def _peak_bytes(process: psutil.Process) -> int:
    """Return the most memory that a process has held: where the system (not Linux) keeps no such
    mark, what it holds now.
    """
    status = Path(f"/proc/{process.pid}/status")
    mark = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return int(mark[1]) * 1024 if mark else int(process.memory_info().rss)


def keep_usage(run: Run, name: str, usage: Usage, **read: int) -> None:
    """Record what the stage `name` used, and how much it `read`."""
    with KEEPING:
        path = run.record(TIMINGS)
        write_json(path, read_json(path) | {name: asdict(usage) | read})


def last_usage(run: Run, name: str) -> dict[str, Any]:
    """Return the record of the last run of `name`: empty if there is none."""
    return part(read_json(run.record(TIMINGS)), name)


def finish_time(seconds: Mapping[str, float], jobs: int) -> float:
    """Return after how many seconds the last of the stages in `seconds` ends, when each takes as
    many as that says and up to `jobs` run at once, in the order of the runner.
    """
    chosen = [stage for stage in stages.STAGES if stage.name in seconds]
    order = TopologicalSorter({stage.name: stages.needs(stage) for stage in chosen})
    order.prepare()
    waiting: list[str] = []
    running: list[tuple[float, str]] = []
    now = 0.0
    while order.is_active():
        waiting = sorted([*waiting, *order.get_ready()], key=stages.urgency)
        while waiting and len(running) < jobs:
            name = waiting.pop(0)
            heappush(running, (now + seconds[name], name))
        now, name = heappop(running)
        order.done(name)
    return now
