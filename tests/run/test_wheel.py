"""The wheel holds all that the package needs, and its command works outside the project."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from analysis.contract.stages import STAGES
from tests.handmade import ROOT

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "src")


def run(folder: Path, *words: str, **environment: str) -> str:
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel, built from a copy of the sources, for building writes beside them."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        path = ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / name)
    pip = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "made", ".")
    run(folder, *pip)
    return next((folder / "made").glob("churnbook-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a folder into which the wheel alone is installed."""
    folder = tmp_path_factory.mktemp("installed")
    run(folder, "-m", "pip", "install", "--quiet", "--no-deps", "--target", "packages", str(wheel))
    return folder


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    source = ROOT / "src"
    files = {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()}
    own = {n for n in files if "__pycache__" not in n and ".egg-info" not in n}
    assert own <= set(zipfile.ZipFile(wheel).namelist())


def test_the_command_works_from_the_wheel_in_an_empty_folder(installed):
    packages = str(installed / "packages")
    script = str(installed / "packages" / "bin" / "churnbook")
    helped = run(installed, script, "--help", PYTHONPATH=packages)
    assert "build" in helped
    listed = run(installed, script, "stages", PYTHONPATH=packages)
    assert all(stage.name in listed for stage in STAGES)
    where = "import analysis.book.render, analysis; print(analysis.__file__)"
    assert run(installed, "-c", where, PYTHONPATH=packages).startswith(packages)
