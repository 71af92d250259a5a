"""Ending on a signal, whatever the process is at."""

import os
import signal
from threading import Timer

import pytest

from analysis.base import engine
from analysis.run.signals import Ended, ended_by_signals

LONG = "select count(*) as n from range(100000000) a(i), range(20) b(j) where hash(i * j) % 7 = 3"


def test_a_query_of_the_engine_ends_with_the_signal():
    con = engine.in_process()
    con.raw_sql("SET enable_progress_bar = false")
    handler = signal.getsignal(signal.SIGTERM)
    Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Ended) as ended, ended_by_signals():
        con.sql(LONG).to_pyarrow()
    assert ended.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is handler


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match="of its own"), ended_by_signals():
        raise RuntimeError("of its own")
