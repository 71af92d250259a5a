"""What the machine refuses ends with one clear error: a full disk, a read-only folder, no memory."""

import errno
import os
import re
import subprocess

import pytest

from analysis.base.errors import RunStopped
from analysis.run import execute, lock, runner, site, trouble
from analysis.run.folders import UNFINISHED
from analysis.run.usage import Usage
from tests.run.tiny import CELLS, COUNT, SHOW, make_run, temporary, write_notebook

MEGABYTE = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path):
    """Give a folder on a file system of its own, of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def build(run):
    with lock.hold(run, wait=False, say=print):
        return runner.run_stages(run, lambda *_: None)


def test_a_full_disk_is_named_and_freed_space_is_enough_to_go_on(project, small_disk):
    filling = "Path(outputs, 'big').write_bytes(bytes(3 * 1024 * 1024))"
    write_notebook(project, "02_show", [*CELLS["02_show"], filling])
    run = make_run(project, small_disk / "out")
    with pytest.raises(RunStopped) as caught:
        build(run)
    message = str(caught.value)
    assert "The disk is full: summary/figure.json could not be written to " in message
    assert "MB of 2 MB are free). Free some space there, or give --out" in message
    assert (run.data / UNFINISHED).is_file()
    assert list(run.temporary.iterdir()) == []

    write_notebook(project, "02_show", CELLS["02_show"])
    assert build(run) == [SHOW.name]


def test_a_disk_that_is_full_already_is_named(project, small_disk):
    run = make_run(project, small_disk / "out")
    build(run)
    before = {path: path.read_bytes() for path in run.home.rglob("*") if path.is_file()}
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(3 * MEGABYTE))
    with pytest.raises((RunStopped, OSError)) as caught:
        build(make_run(project, small_disk / "out", seed=7))
    assert "The disk is full: " in str(
        trouble.explain(caught.value, run.data)
    ) or "disk is full" in str(caught.value)
    filler.unlink()
    damaged = [path for path, kept in before.items() if path.exists() and not path.read_bytes()]
    assert damaged == [] or all(not before[path] for path in damaged)
    assert build(make_run(project, small_disk / "out", seed=7)) == [COUNT.name]


def test_a_read_only_disk_is_named(project, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    run = make_run(project, small_disk / "out")
    with pytest.raises(OSError, match="Read-only") as caught:
        build(run)
    message = str(trouble.explain(caught.value, run.home))
    assert "the disk is read-only. Give --out a folder that you may write to." in message


def test_a_kernel_that_is_killed_is_named_with_the_usual_reason(project, sockets):
    lived = "import os, signal, time\ntime.sleep(3)\n"  # it is measured each second
    killed = lived + "os.kill(os.getpid(), signal.SIGKILL)"
    write_notebook(project, "02_show", [CELLS["02_show"][0], killed])
    with pytest.raises(
        RunStopped, match=r"02_show.ipynb: its kernel was killed.*--jobs 1"
    ) as caught:
        execute.execute(make_run(project), SHOW, sockets)
    held = re.search(r"when it held ([0-9]+) MB of memory", str(caught.value))
    assert 20 < int(held[1]) < 200  # a kernel without libraries
    assert temporary(project) == []
    assert "its kernel was killed. The usual reason" in str(trouble.killed(SHOW, 0))


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("raise MemoryError()", "There was not enough memory for summary/figure.json"),
        ("raise OSError('IO Error: No space left on device')", "The disk is full: summary/figure"),
        ("raise OSError(13, 'Permission denied')", "you may not write there"),
    ],
)
def test_what_a_kernel_met_is_said_in_the_same_words(project, sockets, raised, said):
    write_notebook(project, "02_show", [CELLS["02_show"][0], raised])
    with pytest.raises(RunStopped, match=rf"^notebooks/02_show.ipynb: .*{said}"):
        execute.execute(make_run(project), SHOW, sockets)


def test_more_artifacts_are_counted():
    assert trouble.artifacts_of(COUNT) == "clean/users.qa.json and 1 more artifacts of 01_count"


def test_another_error_keeps_its_words(tmp_path):
    error = OSError(errno.ELOOP, "Too many levels of symbolic links", "/a/b")
    assert str(trouble.explain(error, tmp_path)).startswith("/a/b: [Errno 40] Too many levels")


def test_one_stage_at_a_time_if_asked(project, monkeypatch):
    at_once = []

    def attempt(stage):
        at_once.append(stage.name)
        return "done", Usage()

    run = make_run(project)
    assert runner._run_in_order(run, (COUNT, SHOW), attempt, lambda *_: None, jobs=1) == at_once


def test_a_builder_that_met_a_full_disk_says_so(project):
    printed = "reading sources\nOSError: [Errno 28] No space left on device\n"
    assert site._why_not_built(make_run(project), printed).startswith("The disk is full: the site")
    assert "index.md:3: WARNING" in site._why_not_built(make_run(project), "x\nindex.md:3: WARNING")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(project, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        build(make_run(project, tmp_path / "locked" / "out"))
