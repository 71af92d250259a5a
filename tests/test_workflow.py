"""The workflows run the Makefile's commands; one publishes the site, and nothing else."""

import re
from typing import Any

import pytest
import yaml

from analysis.run.folders import default_run
from tests.handmade import ROOT

FOLDER = ROOT / ".github" / "workflows"
COMMANDS = {"publish.yml": ["make", "book"], "spark.yml": ["make", "spark"]}
PATH = FOLDER / "publish.yml"
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def of_every_file():
    return {
        path.name: [
            step
            for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
            for step in job["steps"]
        ]
        for path in FOLDER.iterdir()
    }


def test_their_commands_are_those_of_the_makefile():
    commands = {
        name: [step["run"].split() for step in steps if "run" in step]
        for name, steps in of_every_file().items()
    }
    assert commands == {name: [command] for name, command in COMMANDS.items()}
    assert {word for _make, *words in COMMANDS.values() for word in words} <= set(TARGETS)


def test_it_publishes_the_built_pages_and_nothing_else(steps):
    uploads = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert uploads == [default_run(ROOT).html.relative_to(ROOT).as_posix()]


def test_every_action_is_githubs_own_and_pinned():
    used = {
        name: [step["uses"] for step in steps if "uses" in step]
        for name, steps in of_every_file().items()
    }
    assert {name: len(actions) for name, actions in used.items()} == {
        "publish.yml": 4, "spark.yml": 2
    }  # fmt: skip
    pinned = re.compile(r"actions/[a-z-]+@v\d+\.\d+\.\d+")
    assert all(pinned.fullmatch(action) for actions in used.values() for action in actions)


def test_only_the_job_that_publishes_may_write(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    allowed = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert allowed == {"build": {}, "publish": {"pages": "write", "id-token": "write"}}
    assert workflow["jobs"]["publish"]["needs"] == "build"
    on_spark = yaml.safe_load((FOLDER / "spark.yml").read_text(encoding="utf-8"))
    assert on_spark["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in on_spark["jobs"].values())


def test_it_names_no_registry_and_a_python_that_the_project_takes(steps):
    assert not re.search(r"https?://|index-url|pypi", PATH.read_text(encoding="utf-8"))
    (version,) = [
        s["with"]["python-version"] for s in steps if "python-version" in s.get("with", {})
    ]
    assert f"Python :: {version}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
