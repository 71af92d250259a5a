"""The workflow that publishes the book: it runs the Makefile's commands and publishes the site alone."""

import re
from typing import Any

import pytest
import yaml

from analysis.run.folders import default_run
from tests.handmade import ROOT

PATH = ROOT / ".github" / "workflows" / "publish.yml"
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_its_commands_are_those_of_the_makefile(steps):
    commands = [step["run"].split() for step in steps if "run" in step]
    assert commands == [["make", "book"]]
    assert {word for _make, *words in commands for word in words} <= set(TARGETS)


def test_it_publishes_the_built_pages_and_nothing_else(steps):
    uploads = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert uploads == [default_run(ROOT).html.relative_to(ROOT).as_posix()]


def test_every_action_is_githubs_own_and_pinned(steps):
    used = [step["uses"] for step in steps if "uses" in step]
    assert len(used) == 4
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", action) for action in used)


def test_only_the_job_that_publishes_may_write(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    allowed = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert allowed == {"build": {}, "publish": {"pages": "write", "id-token": "write"}}
    assert workflow["jobs"]["publish"]["needs"] == "build"


def test_it_names_no_registry_and_a_python_that_the_project_takes(steps):
    assert not re.search(r"https?://|index-url|pypi", PATH.read_text(encoding="utf-8"))
    (version,) = [
        s["with"]["python-version"] for s in steps if "python-version" in s.get("with", {})
    ]
    assert f"Python :: {version}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
