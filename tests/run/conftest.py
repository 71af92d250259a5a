"""The tiny project that the tests of runs share."""

import pytest

from analysis.contract import stages
from analysis.run import runner
from analysis.run.lock import socket_folder
from tests.run import tiny


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give a tiny project of two stages, with its own tables."""
    monkeypatch.setattr(stages, "STAGES", (tiny.COUNT, tiny.SHOW))
    return tiny.write_project(tmp_path / "project")


@pytest.fixture
def no_kernels(monkeypatch):
    """Run notebooks in this process, where a test is about what a run leaves, not about kernels."""
    monkeypatch.setattr(runner, "execute", tiny.execute_here)


@pytest.fixture
def sockets():
    """Give a folder for the sockets of kernels."""
    with socket_folder() as folder:
        yield folder
