"""The commands that make a run again: as short as the run allows."""

import shlex

import pytest

from analysis.book.reproduce import commands
from analysis.contract.params import load_params, parse_override
from tests.handmade import ROOT

USUAL = {
    name: {"value": value} for name, value in load_params(ROOT / "params.yml").model_dump().items()
}


def manifest(**changed):
    return {"parameters": USUAL | {name: {"value": value} for name, value in changed.items()}}


def test_the_default_run_is_made_by_make():
    assert commands(manifest(), USUAL) == ["make book", ".venv/bin/churnbook verify"]


def test_given_tables_are_named_as_their_files_are():
    assert commands(manifest(users="my users.csv", events="e.parquet"), USUAL) == [
        ".venv/bin/churnbook build --users 'my users.csv' --events e.parquet --out runs/again",
        ".venv/bin/churnbook verify runs/again",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("horizon_days", 60), ("users_columns", {"user_id": "it's"}), ("log_end", "2025-10-01"),
     ("capacity", None), ("passive_event_types", ["push: a", "ñandú"])],
)  # fmt: skip
def test_other_parameters_come_back_as_they_were(name, value):
    usual = USUAL | {"capacity": {"value": 7}}
    build, _verify = commands(
        {"parameters": usual | {name: {"value": value}}}, USUAL if name != "capacity" else usual
    )
    given = [parse_override(word) for word in shlex.split(build) if word.startswith(f"{name}=")]
    assert given == [(name, value)]
