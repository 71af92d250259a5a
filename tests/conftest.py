"""What the tests share: the project's folder, and one finished run on the default tables."""

import gc
import os
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from analysis.contract.params import load_params
from analysis.contract.stages import MANIFEST
from analysis.run.folders import Run
from analysis.run.runner import run_stages
from analysis.run.usage import Usage

PROJECT = Path(__file__).resolve().parents[1]

settings.register_profile("suite", deadline=None)  # a busy machine is no fault
settings.load_profile("suite")


def _say_nothing(_name: str, _what: str, _used: Usage) -> None:
    """Take the place of the terminal."""


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run at once: one more than there are cores, for who waits for a kernel
    or a browser leaves one idle for a third of the time.
    """
    return 1 + (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Keep what was collected, eight thousand tests, out of every later collection of garbage, each
    of which would take a second longer.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root."""
    return PROJECT


@pytest.fixture(scope="session")
def default_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the finished default run, kept away from the project's own `data/` (a minute). The
    first process of pytest-xdist that asks makes it for all; nobody writes to it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "default-run"
    params = load_params(PROJECT / "params.yml", {"users": None, "events": None})
    run = Run(PROJECT, folder / "data", folder / "chapters", params)
    with FileLock(f"{folder}.lock"):
        if not (run.data / MANIFEST).is_file():
            run_stages(run, _say_nothing)
    return run
