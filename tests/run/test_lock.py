"""One run at a time per folder, and what killed runs left is cleared."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import psutil
import pytest

from analysis.base.errors import FolderBusy, ReportError
from analysis.run import lock, runner
from analysis.run.folders import OWN
from tests.handmade import ROOT
from tests.run.tiny import (
    CELLS,
    RUN_STAGES,
    SHOW,
    files_under,
    make_run,
    temporary,
    write_notebook,
)  # fmt: skip

SLOW = "import time\nPath(outputs, 'half').touch()\ntime.sleep(60)"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def start(project, *options):
    """Start `churnbook build --stages-only` on the tiny project; its kernels wait for a minute."""
    tables = [f"--{name}={project / f'{name}.csv'}" for name in ("users", "events")]
    return subprocess.Popen(
        [sys.executable, "-c", RUN_STAGES, "build", "--stages-only", *tables, *options],
        cwd=project, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=heed_hangup,
    )  # fmt: skip


def heed_hangup():
    """The tests may run under nohup, which makes every process they start ignore it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def make_slow(project):
    cells = CELLS["02_show"]
    write_notebook(project, "02_show", [cells[0], "from pathlib import Path\n" + SLOW, *cells[1:]])


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def half_way(project):
    return lambda: list((project / "data" / ".state" / "tmp").glob("02_show-*/half"))


def running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_run_with_one_line_and_nothing_left(project, number, code, tmp_path):
    make_slow(project)
    process = start(project)
    wait_for(half_way(project))
    kernels = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(number)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == code, printed
    last = printed.splitlines()[-1]
    assert last.startswith(f"Stopped by {signal.Signals(number).name}. What was finished stays;")
    assert "Traceback" not in printed
    assert kernels
    assert not any(running(pid) for pid in kernels)
    assert temporary(project) == []
    assert "data/clean/users.qa.json" in files_under(project)


def test_a_signal_ends_the_builder_of_the_site_as_well(project):
    process = start(project, "--no-stages-only")
    wait_for((project / "building").is_file)
    builders = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 143, printed
    assert builders
    assert not any(running(pid) for pid in builders)


def test_a_killed_run_frees_its_folder_and_the_next_clears_what_it_left(project):
    make_slow(project)
    process = start(project)
    wait_for(half_way(project))
    kernels = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.communicate(timeout=120)
    assert temporary(project) != []
    wait_for(lambda: not any(running(pid) for pid in kernels))  # kernels notice by themselves
    write_notebook(project, "02_show", CELLS["02_show"])
    run = make_run(project)
    with lock.hold(run, wait=False, say=print):
        assert runner.run_stages(run, lambda *_: None) == [SHOW.name]
    assert temporary(project) == []


def test_a_second_build_stops_or_waits_and_says_so(project):
    run, said = make_run(project), []
    with lock.hold(run, wait=False, say=print):
        with (
            pytest.raises(FolderBusy, match="Another build is working on"),
            lock.hold(run, wait=False, say=said.append),
        ):
            pass
        process = start(project, "--no-wait")
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 3
        assert printed.splitlines()[-1].endswith("Build again when it has ended.")
        assert lock.is_busy(run)
        waiting = threading.Thread(target=hold_for_a_moment, args=(run, said))
        waiting.start()
        wait_for(lambda: said)
    waiting.join(timeout=30)
    assert said[0].startswith(f"Another build is working on {run.home}. Waiting for it to end")
    assert said[1:] == ["had it"]
    assert not lock.is_busy(run)


def hold_for_a_moment(run, said):
    with lock.hold(run, wait=True, say=said.append):
        said.append("had it")


def test_the_lock_is_released_when_a_run_fails(project):
    run = make_run(project)
    with pytest.raises(ReportError), lock.hold(run, wait=False, say=print):
        raise ReportError("no")
    assert not lock.is_busy(run)


def test_unfinished_work_of_all_versions_is_cleared_and_other_files_are_not(project):
    run = make_run(project)
    left = [
        run.temporary / "01_count-abcdefgh" / "x", run.data / ".01_count-abcd_fg1" / "x",
        run.home / OWN / "tmp" / "site" / "index.md", run.data / "summary" / ".figure.json.new",
    ]  # fmt: skip
    kept = [run.data / ".01_count-mine" / "x", run.data / ".other-abcdefgh" / "x", run.data / "x"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with lock.hold(run, wait=False, say=print):
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in kept)


@pytest.fixture
def temp(tmp_path_factory, monkeypatch):
    """Give a folder for temporary files with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield folder


def make_socket_folder(temp, name, age=0.0):
    folder = os.path.join(temp, name)
    os.mkdir(folder)
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.join(folder, "kernel-1"))
    server.listen()
    os.utime(folder, (time.time() - age, time.time() - age))
    return server


def test_socket_folders_are_removed_when_their_process_has_ended(temp):
    with make_socket_folder(temp, "churnbook-listens1", age=7200):
        make_socket_folder(temp, "churnbook-isdead11", age=7200).close()
        make_socket_folder(temp, "churnbook-isnew111").close()
        make_socket_folder(temp, "churnbook-with-others", age=7200).close()
        make_socket_folder(temp, "churnbook-withfile", age=7200).close()
        open(os.path.join(temp, "churnbook-withfile", "thesis.txt"), "w").close()
        os.utime(os.path.join(temp, "churnbook-withfile"), (0, 0))
        with lock.socket_folder() as mine:
            lock.clear_sockets()
            left = set(os.listdir(temp))
    assert left == {
        "churnbook-listens1", "churnbook-isnew111", "churnbook-with-others", "churnbook-withfile",
        mine.name,
    }  # fmt: skip
    assert not mine.exists()


def test_the_socket_folder_of_a_killed_process_is_removed_at_once(temp):
    os.mkdir(os.path.join(temp, "churnbook-killed11"))
    open(os.path.join(temp, "churnbook-killed11", lock.OWNER), "w").close()
    lock.clear_sockets()
    assert os.listdir(temp) == []
