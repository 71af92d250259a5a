"""nbval reads the finished run in data/, and writes into a folder of its own."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
FOLDERS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Stop where there is no finished run to compare with; keep kernels as the runner has them."""
    config.stash[FOLDERS] = []
    if config.getoption("nbval", False) and not (DATA / "summary" / "manifest.json").is_file():
        raise pytest.UsageError(
            "data/ holds no finished run to compare with. Run `make book` first."
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Let every notebook write its artifacts into a temporary folder instead of data/."""
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None and "parameters" in cell.metadata.get("tags", []):
            folder = tempfile.mkdtemp(prefix="churnbook-nbval-")
            config.stash[FOLDERS].append(folder)
            cell.source += f"\noutputs = {folder!r}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the temporary folders."""
    for folder in config.stash.get(FOLDERS, []):
        shutil.rmtree(folder, ignore_errors=True)
