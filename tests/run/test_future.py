"""Events that are still to come."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.run.future import VOLUME, check_future
from tests.run.tiny import make_run

NOW = datetime(2025, 1, 5, 12, tzinfo=UTC)


def lines_of(folder, events):
    run = make_run(folder, folder / "out")
    path = run.data / VOLUME
    path.parent.mkdir(parents=True)
    days = pd.date_range("2025-01-05", periods=len(events), tz="UTC").astype(str)
    pd.DataFrame({"day": days, "events": events}).to_csv(path, index=False)
    said = []
    check_future(run, said.append, NOW)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in said]


def test_tomorrow_may_have_come_in_another_zone(tmp_path):
    assert lines_of(tmp_path, [5, 5]) == []


def test_a_few_events_to_come_are_said(tmp_path):
    (line,) = lines_of(tmp_path, [5, 5, 0, 2])
    assert line.startswith("Note: of 12 events, 2 lie after tomorrow, the last on 2025-01-08.")


def test_a_log_most_of_which_is_to_come_stops(tmp_path):
    with pytest.raises(ReportError, match="of 12 events, 11 lie after tomorrow"):
        lines_of(tmp_path, [1, 0, 11])
