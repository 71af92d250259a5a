"""What of the machine a kernel may use, and where it puts what does not fit into its memory."""

import os
from pathlib import Path
from typing import Any

import pytest

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.params import load_params
from analysis.run import limits
from analysis.run.folders import Run, run_under
from tests.handmade import ROOT

CLEANING, FEATURES = stages.find("02_clean_events"), stages.find("04_features")


def run_with(tmp_path: Path, **values: object) -> Run:
    return run_under(ROOT, tmp_path, load_params(ROOT / "params.yml", values))


def setting(con: Any, name: str) -> Any:
    return con.raw_sql(f"SELECT current_setting('{name}')").fetchone()[0]


def test_stages_that_may_run_at_once_share_the_memory(tmp_path: Path):
    run = run_with(tmp_path, memory_limit="4GB")
    assert limits.share_of(run, CLEANING, jobs=2) == 4 * 10**9  # every later stage waits for it
    assert limits.share_of(run, FEATURES, jobs=2) == 2 * 10**9
    assert limits.share_of(run, FEATURES, jobs=1) == 4 * 10**9
    assert limits.share_of(run, FEATURES, jobs=99) == 4 * 10**9 // (1 + len(beside_features()))


def beside_features() -> set[str]:
    beside = stages.beside(FEATURES)
    assert beside == {"03_audit", "05_cohorts", "09_published"}
    return beside


def test_without_a_limit_it_is_a_share_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    group = tmp_path / "memory.max"
    group.write_text("10000000\n")
    monkeypatch.setattr(limits, "GROUP", group)
    assert limits.share_of(run_with(tmp_path), CLEANING, jobs=2) == 6_000_000
    group.write_text("max\n")
    assert limits.share_of(run_with(tmp_path), CLEANING, jobs=2) > 6_000_000


def test_a_kernel_gets_its_limits_and_a_folder_that_is_removed(tmp_path: Path):
    run = run_with(tmp_path, memory_limit="1.5 gb", threads=1)
    with limits.folder_for_spills(run, CLEANING) as folder:
        assert folder.parent == tmp_path / ".churnbook" / "tmp"
        (folder / "spilled").write_text("rows")
        assert limits.environment(run, CLEANING, 2, folder) == {
            "CHURNBOOK_MEMORY_LIMIT": "675MB", "CHURNBOOK_THREADS": "1", "TMPDIR": str(folder),
            "CHURNBOOK_PARTS": str(tmp_path / ".churnbook" / "parts"),
        }  # fmt: skip
    assert not folder.exists()


def test_a_kernel_learns_where_spark_is(tmp_path: Path):
    run = run_with(tmp_path, engine="spark", spark_url="sc://host:15002")
    given = limits.environment(run, CLEANING, 2, tmp_path)
    assert given["CHURNBOOK_SPARK_URL"] == "sc://host:15002"


def test_an_address_holds_no_token_and_goes_with_its_engine(tmp_path: Path):
    with pytest.raises(ReportError, match="without user, password or token"):
        run_with(tmp_path, engine="spark", spark_url="sc://host:443/;token=x")
    with pytest.raises(ReportError, match="give spark_url with engine: spark"):
        run_with(tmp_path, engine="spark")


def test_a_given_folder_takes_the_temporary_files(tmp_path: Path):
    run = run_with(tmp_path, temporary_folder=str(tmp_path / "large disk"))
    with limits.folder_for_spills(run, CLEANING) as folder:
        assert folder.parent == tmp_path / "large disk"


def test_a_connection_keeps_to_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in (("MEMORY_LIMIT", "300MB"), ("THREADS", "1")):
        monkeypatch.setitem(os.environ, f"CHURNBOOK_{name}", value)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    con = engine.connect()
    assert setting(con, "memory_limit") == "286.1 MiB"
    assert setting(con, "threads") == 1
    assert Path(setting(con, "temp_directory")).parent == tmp_path
    con.raw_sql("CREATE TABLE t AS SELECT md5(i::VARCHAR) AS x FROM range(12000000) AS r(i)")
    assert list(tmp_path.iterdir())  # more than fits
    con.disconnect()
    assert not list(tmp_path.iterdir())


def test_free_is_what_neither_the_machine_nor_the_container_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    there = limits.free_memory()
    assert 0 < there < limits.memory_of_machine()
    monkeypatch.setattr(limits, "GROUP", tmp_path / "memory.max")
    (tmp_path / "memory.max").write_text("10000000\n")
    (tmp_path / "memory.stat").write_text("anon 4000000\nfile 5000000\n")  # files can be dropped
    assert limits.free_memory() == 6_000_000
