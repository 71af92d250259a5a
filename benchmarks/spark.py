"""`make spark`: both engines against each other, with Apache Spark itself and a worker killed.

Apache Spark (the package `pyspark`, with Java 17 or newer on the machine) is installed into an
environment of its own, beside this project's. It runs as a cluster of two workers on this machine,
to which the tests of `tests/engines` are sent; after a while one worker's process is killed, and
the artifacts must be the same all the same. Then `churnbook build` makes every stage with each
engine, of the simulated tables and of those of the published case where they are, with a worker
killed in each; the artifacts must be the same.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from analysis.contract.stages import ABOUT_RUN
from tests.engines.test_both_engines import check_equal
from tests.handmade import SEED_DATA

ROOT = Path(__file__).resolve().parents[1]
SPARK = "pyspark[connect]==4.1.3"
"""The server; `pyspark-client` in pyproject.toml is of the same release."""
HOME = Path(sys.prefix) / "spark"
MASTER = "local-cluster[2,1,1024]"
"""Two workers with a core and 1,024 MB each."""
WORKER = "CoarseGrainedExecutorBackend"
START, RUNS, BUILDS = 120.0, 20.0, 45.0
"""Seconds in which the server must answer, and after which a worker is killed, of the tests and of
a build, which has begun with the events by then.
"""
TABLES = {
    "simulated": [],
    "published case": ["--users", str(SEED_DATA / "idilio_user_data.csv"),
                       "--events", str(SEED_DATA / "idilio_analytics_events.parquet")],
}  # fmt: skip


def install(home: Path) -> Path:
    """Return the folder of Apache Spark in the environment `home`, which is made if need be."""
    if not (home / "bin" / "spark-submit").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", SPARK], check=True)
    (found,) = home.glob("lib/python*/site-packages/pyspark")
    return found


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def cluster(spark: Path, python: Path) -> Iterator[str]:
    """Give the address of a Spark Connect server, and stop it with its workers."""
    port, options = free_port(), ("spark.sql.shuffle.partitions=4", "spark.ui.enabled=false")
    given = [part for option in options for part in ("--conf", option)]
    server = subprocess.Popen(
        [spark / "bin" / "spark-submit", "--class",
         "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", MASTER,
         "--driver-memory", "1g", "--conf", f"spark.connect.grpc.binding.port={port}", *given,
         "spark-internal"],
        env=os.environ | {"SPARK_HOME": str(spark), "SPARK_NO_DAEMONIZE": "1", "TZ": "UTC",
                          "PYSPARK_PYTHON": str(python)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port, server)
        yield f"sc://127.0.0.1:{port}"
    finally:
        for process in (*psutil.Process(server.pid).children(recursive=True), server):
            process.terminate()
        server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        with closing(socket.socket()) as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise SystemExit(f"Spark did not answer on port {port}. Is Java 17 or newer installed?")


def kill_meanwhile(after: float, killed: list[int]) -> None:
    """Kill a worker's process some seconds `after` one is seen, and keep its number."""
    threading.Thread(target=_kill_a_worker, args=(after, killed), daemon=True).start()


def _kill_a_worker(after: float, killed: list[int]) -> None:
    while not (workers := [p for p in psutil.process_iter(["cmdline"]) if is_worker(p)]):
        time.sleep(0.5)
    time.sleep(after)
    workers[0].send_signal(signal.SIGKILL)
    killed.append(workers[0].pid)


def is_worker(process: psutil.Process) -> bool:
    """Say whether a process is one that works for Spark."""
    return any(WORKER in part for part in process.info["cmdline"] or ())


def build(out: Path, *options: str) -> Path:
    """Make every stage of a run under `out`; return the folder of its artifacts."""
    command = [sys.executable, "-c", "from analysis.run.cli import app; app()", "build"]
    given = ["--stages-only", "--jobs", "1", "--out", str(out), *options]
    subprocess.run([*command, *given], cwd=ROOT, check=True)
    for name in ABOUT_RUN:  # which name the engine
        (out / "data" / name).unlink()
    return out / "data"


def compare_builds(url: str, killed: list[int]) -> None:
    """Make the runs of TABLES with each engine, and compare every artifact."""
    on_spark = ["-p", "engine=spark", "-p", f"spark_url={url}"]
    for name, given in TABLES.items():
        if given and not SEED_DATA.is_dir():
            print(f"Not compared: {name}, whose tables are not here.")
            continue
        with tempfile.TemporaryDirectory(prefix="churnbook-") as folder:
            here = build(Path(folder, "duckdb"), *given)
            kill_meanwhile(BUILDS, killed)
            there = build(Path(folder, "spark"), *given, *on_spark)
            check_equal(here, there)
            print(f"Every artifact is the same on both engines: {name}.")


def main() -> None:
    """Install Spark where it is missing, and end as the tests do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="the environment of Apache Spark")
    given = parser.parse_args()
    if not shutil.which("java"):
        raise SystemExit(
            "Apache Spark needs Java 17 or newer: apt-get install default-jre-headless"
        )
    killed: list[int] = []
    with cluster(install(given.home), given.home / "bin" / "python") as url:
        tests = [sys.executable, "-m", "pytest", "-n", "0", "tests/engines"]
        kill_meanwhile(RUNS, killed)
        subprocess.run(tests, cwd=ROOT, env=os.environ | {"SPARK_REMOTE": url}, check=True)
        compare_builds(url, killed)
    print(f"Workers killed meanwhile: {len(killed)}.")
    raise SystemExit(not killed)


if __name__ == "__main__":
    main()
