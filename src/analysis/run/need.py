"""Whether the memory will do for a stage, said before it starts."""

from analysis.contract.stages import RAW, Stage
from analysis.run import limits
from analysis.run.folders import Run
from analysis.run.progress import WARNING, in_bytes
from analysis.run.trouble import disk_of
from analysis.run.usage import last_usage
from analysis.run.volume import bytes_read, rows_expected

KERNEL = 450_000_000
"""Bytes that a kernel holds with its libraries, whatever the log's size."""
PER_ROW_GIVEN, PER_ROW_CLEAN = 900, 300
"""Bytes that a stage takes per row that it reads, where nothing limits it: of the given tables, and
of artifacts. Measured by `python -m benchmarks.scale --events 2e5 2e6 --memory-limit 8GB`:
2,352 MB against 685 for 1.8 million events more while cleaning, 991 against 508 in the audit, less
elsewhere.
"""


def warning_of(run: Run, stage: Stage, jobs: int) -> str | None:
    """Return the warning to show before `stage` starts, or None where the memory will do.

    The need is that of its last run, by the size of its inputs now; without one, by their rows. On
    Spark the rows are not on this machine.
    """
    if run.params.engine == "spark":
        return None
    need, share, free = need_of(run, stage), limits.share_of(run, stage, jobs), limits.free_memory()
    if need > share:
        is_shared = share < limits.share_of(run, stage, jobs=1)
        return f"{WARNING}: {_too_much_for_limit(run, need, share, is_shared)}"
    if KERNEL + need > free:
        return (
            f"{WARNING}: needs about {in_bytes(KERNEL + need)} of memory, and {in_bytes(free)} are "
            "free on this machine: it may be killed. Close other programs, build with --jobs 1, or "
            "set memory_limit to less, so that the rest goes to temporary_folder."
        )
    return None


def _too_much_for_limit(run: Run, need: float, share: int, is_shared: bool) -> str:
    given = run.params.memory_limit
    limit = f"memory_limit {given}" if given else f"{limits.SHARE:.0%} of this machine's"
    limit += ", shared by stages that run at once" if is_shared else ""
    fix = "Raise memory_limit, build with --jobs 1" if is_shared else "Raise memory_limit"
    disk = in_bytes(disk_of(limits.place_for_spills(run)).free)
    return (
        f"needs about {in_bytes(need)} of memory for its rows, and may fill {in_bytes(share)} "
        f"({limit}). What does not fit goes to temporary_folder ({disk} free there), which takes "
        f"longer. {fix}, or give the events to a cluster (engine: spark)."
    )


def need_of(run: Run, stage: Stage) -> float:
    """Return the bytes of memory that the rows of `stage` are expected to take."""
    last = last_usage(run, stage.name)
    before = last.get("bytes_read", 0)
    if last.get("peak_bytes") and before:
        held: float = max(last["peak_bytes"] - KERNEL, 0)
        return held * bytes_read(run, stage) / int(before)
    per_row = PER_ROW_GIVEN if RAW.keys() & {*stage.params} else PER_ROW_CLEAN
    return per_row * rows_expected(run, stage)
