"""A chapter computes when asked, judges by names, and writes what its stage declares."""

from dataclasses import dataclass
from types import SimpleNamespace

import pandas as pd
import pytest

from analysis.base.errors import ReportError, Unavailable
from analysis.base.unavailable import reason_of, require
from analysis.contract import catalogue, checks, stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.checks import Check, Verdict
from analysis.contract.stages import Stage
from analysis.contract.store import Store

STAGE = Stage(
    "small",
    "Can it be trusted?",
    reads=("a/x.csv",),
    writes={"lift": "a/lift.csv", "card": "a/card.json"},
)


@dataclass(frozen=True, eq=False)
class Small(Chapter):
    asked: list[str]
    log: object
    stage = "small"

    @table
    def lift(self) -> pd.DataFrame:
        self.asked.append("lift")
        return pd.DataFrame({"decile": [1], "lift": [2.0]})

    @table
    def costly(self) -> pd.DataFrame:
        raise AssertionError("nobody needs this")

    @table
    def unknown(self) -> pd.DataFrame:
        raise Unavailable("The log is too short. Give a longer one.")

    @table
    def of_unknown(self) -> pd.DataFrame:
        return require(self.unknown).head(1)

    @property
    def card(self):
        return {"model": "small", "threshold": float("nan")}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(stages, "STAGES", (STAGE,))
    register = {
        "lifts": Check("lifts", "small", (), lambda lift, window: Verdict(
            "lifts", "pass", float(lift["lift"].max()), n=window)),
        "asks": Check("asks", "small", (), lambda unknown: Verdict("asks", "pass")),
        "costs": Check("costs", "small", (), lambda costly: Verdict("costs", "pass")),
    }  # fmt: skip
    monkeypatch.setattr(checks, "REGISTER", register)
    monkeypatch.setattr(catalogue, "columns_of", lambda name: ["decile"])
    monkeypatch.setattr(catalogue, "empty_table", lambda name: pd.DataFrame(columns=["decile"]))
    catalogue._table_of.cache_clear()
    yield Small([], SimpleNamespace(window=7))
    catalogue._table_of.cache_clear()  # which knows where this stage would write `lift`


def test_a_table_is_computed_once_and_knows_its_name(small):
    assert small.lift is small.lift
    assert small.lift.attrs["table"] == "lift"
    assert small.asked == ["lift"]


def test_a_table_of_amounts_knows_their_currency():
    class Priced(Small):
        currency = "MXN"

        @table
        def maximum_profit(self) -> pd.DataFrame:
            return pd.DataFrame({"maximum_profit": [1.5]})

    priced = Priced([], None)
    assert priced.maximum_profit.attrs["currency"] == "MXN"
    assert "currency" not in priced.lift.attrs


def test_a_check_gets_attributes_of_the_chapter_and_of_its_log_and_no_other_is_computed(small):
    (verdict,) = small.verdicts({"lifts"})
    assert (verdict.value, verdict.n) == (2.0, 7)


def test_what_cannot_be_computed_is_an_empty_table_with_the_reason(small):
    assert small.unknown.empty
    assert list(small.unknown) == ["decile"]
    assert small.unknown.attrs["table"] == "unknown"
    assert reason_of(small.unknown) == "The log is too short. Give a longer one."
    assert reason_of(small.of_unknown) == reason_of(small.unknown)


def test_a_check_of_what_cannot_be_computed_is_not_applicable(small):
    (verdict,) = small.verdicts({"asks"})
    assert verdict.status == "not_applicable"
    assert verdict.facts == {"reason": "The log is too short. Give a longer one."}


def test_writing_makes_every_declared_artifact(small, tmp_path):
    small.write(str(tmp_path))
    assert (tmp_path / "a/lift.csv").read_text() == "decile,lift\n1,2.0\n"
    assert (
        tmp_path / "a/card.json"
    ).read_text() == '{\n "model": "small",\n "threshold": null\n}\n'


def test_a_table_without_a_promised_column_is_not_written(small, tmp_path):
    small.__dict__["lift"] = pd.DataFrame({"lift": [2.0]})
    with pytest.raises(
        ReportError,
        match="lift: the column 'decile' is promised by the catalogue but not in the table",
    ):
        small.write(str(tmp_path))


def test_a_stage_reads_only_what_it_declares(small, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.csv").write_text("n\n1\n")
    store = Store("small", str(tmp_path))
    assert store.table("a/x.csv")["n"].tolist() == [1]
    with pytest.raises(ReportError, match="small reads 'a/y.csv', which it does not declare"):
        store.table("a/y.csv")


def test_what_is_not_there_names_the_command(small, tmp_path):
    with pytest.raises(ReportError, match=r"x.csv: not found. Run .*make book"):
        Store("small", str(tmp_path)).table("a/x.csv")
