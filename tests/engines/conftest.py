"""A Spark Connect server for the tests: Sail, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.base import engine

SERVER = """
import os, sys
from pysail.spark import SparkConnectServer

server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
os._exit(0)
"""

SERVERS: list[Any] = []


@pytest.fixture(scope="session")
def sail() -> Iterator[str]:
    """The address of a server that ends with this process. SPARK_REMOTE names another one to use."""
    if os.environ.get("SPARK_REMOTE"):
        yield os.environ["SPARK_REMOTE"]
        return
    pytest.importorskip("pysail", reason="pysail is not installed: see the extra dev")
    pytest.importorskip("pyspark.sql.connect", reason="pyspark-client is not installed")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    server: Any = subprocess.Popen([sys.executable, "-c", SERVER], text=True, **pipes)
    SERVERS.append(server)  # which outlives the tests: kept tables are dropped as Python ends
    yield f"sc://127.0.0.1:{server.stdout.readline().strip()}"


@pytest.fixture
def on_spark(sail: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Events of this test are on Spark, as in a kernel that the runner started so."""
    monkeypatch.setenv(engine.SPARK_URL, sail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return sail
