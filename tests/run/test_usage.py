"""What a stage used is measured, kept apart from all that is compared, and used for the next run."""

import json
import subprocess
import sys

import pytest

from analysis.contract import stages
from analysis.run import kernels, lock, runner, usage, verify
from analysis.run.usage import Usage
from tests.run import tiny
from tests.run.tiny import CELLS, COUNT, SHOW, make_run, write_notebook

HOLDING = "held = bytearray(300_000_000)\nheld[::4096] = b'x' * len(held[::4096])\ndel held"
WORKING = "import time\nuntil = time.process_time() + 0.5\nwhile time.process_time() < until: pass"


def build(run):
    with lock.hold(run, wait=False, say=print):
        runner.run_stages(run, lambda *_: None)


def test_seconds_cpu_and_the_peak_of_a_kernels_memory_are_recorded(project, monkeypatch):
    monkeypatch.setattr(kernels, "CAN_FORK", False)  # what copies share counts to each
    first, last = CELLS["02_show"][0], CELLS["02_show"][1:]
    write_notebook(project, "02_show", [first, HOLDING, WORKING, *last])
    run = make_run(project)
    lines = []
    runner.run_stages(run, lambda *line: lines.append(line))
    kept = json.loads((run.data / ".state" / "timings.json").read_text())
    count, show = (kept[stage.name] for stage in (COUNT, SHOW))
    assert show["peak_bytes"] - count["peak_bytes"] == pytest.approx(300_000_000, rel=0.1)
    assert 0.5 < show["cpu_seconds"] < show["seconds"] + 0.5
    name, _, used = lines[-1]
    assert (name, used.seconds, used.peak_bytes) == ("02_show", show["seconds"], show["peak_bytes"])


def test_what_a_process_used_outlives_it():
    waiting = [sys.executable, "-c", "print(flush=True); input()"]
    process = subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()  # begun
    seen = usage.measure(process.pid, Usage(seconds=7, peak_bytes=10**12))
    assert (seen.seconds, seen.peak_bytes) == (7, 10**12)  # a peak never falls
    assert usage.measure(process.pid, Usage()).peak_bytes > 1_000_000
    process.communicate(b"\n")
    assert usage.measure(process.pid, seen) == seen


def test_nothing_is_compared_with_what_the_clock_gave(project, tmp_path, no_kernels):
    run = make_run(project, tmp_path / "out")
    build(run)
    before = {p: p.read_bytes() for p in run.home.rglob("*") if p.is_file()}
    usage.keep_usage(run, SHOW.name, Usage(99.0, 99.0, 99))
    assert not verify.find_differences(verify.recorded_run(run)).is_different
    build(run)
    changed = {p.name for p, kept in before.items() if p.read_bytes() != kept}
    assert changed <= {"timings.json", "digests.json"}
    assert usage.last_usage(run, SHOW.name)["seconds"] == 99.0  # skipped: its last run counts
    assert usage.last_usage(run, "none") == {}
    assert tiny.files_under(run.data) == tiny.WRITTEN


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 21), (2, 14), (4, 12)])
def test_when_the_last_stage_ends(jobs, seconds, monkeypatch):
    needs = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"a"}, "e": {"b", "c", "d"}}
    takes = {"a": 1, "b": 3, "c": 7, "d": 6, "e": 4}
    # one: 21; two: a, then b and c, d after b (4 to 10), e after d; more: a, c, e
    found = [type("Stage", (), {"name": name})() for name in needs]
    monkeypatch.setattr(stages, "STAGES", found)
    monkeypatch.setattr(stages, "needs", lambda stage: needs[stage.name])
    assert usage.finish_time(takes, jobs) == seconds


def test_the_stage_for_which_the_longest_row_waits_is_first(monkeypatch):
    needs = {"a": set(), "b": set(), "c": set(), "d": {"c"}, "e": {"a", "d"}, "f": {"e", "b"}}
    monkeypatch.setattr(stages, "STAGES", [type("Stage", (), {"name": name})() for name in needs])
    monkeypatch.setattr(stages, "needs", lambda stage: needs[stage.name])
    # c: d, e and f wait; a: e and f; b: f
    assert sorted("abc", key=stages.urgency) == ["c", "a", "b"]
    # one at a time, c, a, d, b, e, f; two: c and a from 0, d from 1, b and e end at 3, f at 4
    assert usage.finish_time(dict.fromkeys(needs, 1), 1) == 6
    assert usage.finish_time(dict.fromkeys(needs, 1), 2) == 4
