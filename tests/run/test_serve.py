"""The live preview: started on a small project, asked for a page, and asked again when it changed."""

import itertools
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from analysis.base.errors import ReportError
from analysis.run import serve
from tests.run.tiny import write_project

CONF = "extensions = ['myst_parser']\nexclude_patterns = ['_build', 'data', '.*']\n"
SERVE = """\
import sys
from pathlib import Path
from analysis.run import serve
serve.STAGES = [sys.executable, "-c", "print('stages', file=open('stages.log', 'a'))"]
serve.serve(Path.cwd(), int(sys.argv[1]))
"""


@pytest.fixture
def free_port():
    with socket.socket() as one:
        one.bind((serve.ADDRESS, 0))
        return one.getsockname()[1]


def page_with(port, text, seconds=90):
    """Return the first page when it has the text; what it was at last, when that takes too long."""
    page, end = "", time.monotonic() + seconds
    while text not in page and time.monotonic() < end:
        time.sleep(0.3)
        try:
            with urllib.request.urlopen(f"http://{serve.ADDRESS}:{port}/", timeout=5) as answer:
                page = answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            continue
    return page


@pytest.fixture
def served(tmp_path, free_port):
    """Give a project of one page while it is served."""
    project = write_project(tmp_path / "project")
    (project / "book" / "sphinx").mkdir(parents=True)
    (project / "book" / "sphinx" / "conf.py").write_text(CONF)
    (project / "index.md").write_text("# Before\n")
    command = [sys.executable, "-c", SERVE, str(free_port)]
    server = subprocess.Popen(command, cwd=project)
    yield project
    for process in [
        *psutil.Process(server.pid).children(recursive=True),
        psutil.Process(server.pid),
    ]:
        process.kill()
    server.wait(timeout=10)


def test_a_page_that_changes_is_built_again_and_sent_to_the_browser(served, free_port):
    page = page_with(free_port, "Before")
    assert "Before" in page
    assert f"ws://{serve.ADDRESS}:{free_port}/websocket-reload" in page
    (served / "index.md").write_text("# After\n")
    assert "After" in page_with(free_port, "After")
    assert (served / "stages.log").read_text().splitlines() == ["stages", "stages"]
    assert not (served / "_build" / "html").exists()


def test_it_is_served_to_this_machine_alone_and_watches_what_people_write(tmp_path):
    command = serve.command_of(tmp_path, 8000, opens=True)
    given = list(itertools.pairwise(command))
    assert ("--host", "127.0.0.1") in given
    assert ("--port", "8000") in given
    assert ("--ignore", str(tmp_path / "data")) in given
    assert ("--ignore", str(tmp_path / "book")) not in given
    assert "--open-browser" in command
    assert "--open-browser" not in serve.command_of(tmp_path, 8000, opens=False)
    assert command[-1] == str(tmp_path / "_build" / "serve")


def test_without_sphinx_autobuild_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    with pytest.raises(ReportError, match=r"not installed here.*churnbook\[serve\]"):
        serve.serve(tmp_path, 8000)


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "analysis.run", "--help"], capture_output=True, text=True
    )
    assert "serve" in done.stdout
