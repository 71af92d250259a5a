"""What the tests share: the project's folder, and one finished run on the default tables."""

from pathlib import Path

import pytest

from analysis.contract.params import load_params
from analysis.run.folders import Run
from analysis.run.runner import run_stages

PROJECT = Path(__file__).resolve().parents[1]


def _say_nothing(_name: str, _what: str, _seconds: float) -> None:
    """Take the place of the terminal."""


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root."""
    return PROJECT


@pytest.fixture(scope="session")
def default_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the finished default run, kept away from the project's own `data/` (a minute)."""
    folder = tmp_path_factory.mktemp("default-run")
    params = load_params(PROJECT / "params.yml", {"users": None, "events": None})
    run = Run(PROJECT, folder / "data", folder / "chapters", params)
    run_stages(run, _say_nothing)
    return run
