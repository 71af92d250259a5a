"""What do the model, the scores and the segments cost where there are millions of users?

`python -m benchmarks.model_scale --users 2.5e6` makes the features of so many users at nine
snapshots in the engine, runs the product's own chapters on them, each in a process of its own, and
prints seconds, CPU time and the peak of memory. `--at-risk` is the share of the users who are at
risk at a snapshot: a third in the logs of benchmarks.scale.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from analysis.contract import stages
from analysis.contract.params import load_params
from analysis.run.execute import KERNEL_ENVIRONMENT
from benchmarks.scale_log import DRAWS

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOTS = 9
"""Snapshots: six train, then one calibrates, one tests, and the last is scored."""
CHAPTERS = ("06_model", "07_scoring", "08_segmentation")

ATTRIBUTES = """
  one_of(draw(k, 1), ['Mexico', 'Mexico', 'Peru', 'Chile', 'Colombia', 'Spain']) AS country,
  one_of(draw(k, 2), ['Android', 'Android', 'iOS']) AS device,
  one_of(draw(k, 3), ['es', 'es', 'es', 'en']) AS language,
  one_of(draw(k, 4), ['female', 'male', 'other']) AS gender,
  18.0 + floor(draw(k, 5) * 50) AS age,
  one_of(draw(k, 6), ['organic', 'ads', 'friend']) AS acquisition_channel
"""
# Users differ in how active they are, and each snapshot adds chance of its own.
BEHAVIOUR = """
  30 * pow(draw(i, 8), 0.4 + 2 * active) AS recency_days,
  1 + floor(60 * active * draw(i, 9)) AS event_count,
  1 + floor(12 * active * draw(i, 10)) AS active_days,
  floor(4 * active * draw(i, 11)) AS active_days_last_week,
  1 + floor(8 * draw(i, 12)) AS unique_event_types,
  draw(i, 13) AS recent_share,
  floor(20 * active * draw(i, 14)) AS credits_spent,
  floor(9 * draw(i, 15)) AS credits_bought,
  5 * active * (0.5 + draw(i, 16)) AS sessions_per_week,
  3 * draw(i, 17) AS plays_per_session,
  CASE WHEN draw(i, 18) > 0.1 THEN draw(i, 19) END AS next_episode_rate,
  900 * active * draw(i, 20) AS session_seconds_p95,
  draw(i, 21) AS exit_rate,
  floor(3 * draw(i, 22)) AS failed_intents
"""
ROWS = """
FROM (SELECT *, (0.3 * draw(i, 7) + 0.7 * pow(draw(k, 7), 2)) AS active
  FROM (SELECT i, i // {users} AS t, i % {users} AS k FROM range({first}, {last}) AS r(i)))
"""
USER = "name_of(k, 'user') AS user_id"
AT_SNAPSHOTS = f"""
SELECT *, CASE WHEN t < {SNAPSHOTS - 1} THEN (draw(i, 24) <
    1 / (1 + exp(0.4 + 3 * active - 0.05 * recency_days)))::INT::DOUBLE END AS churned
FROM (SELECT i, t, active, {USER},
    TIMESTAMPTZ '2025-01-31 00:00:00+00' + to_days((30 * t)::INT) AS snapshot_at,
    CASE WHEN t < {SNAPSHOTS - 3} THEN 'train' WHEN t = {SNAPSHOTS - 3} THEN 'calibrate'
      WHEN t = {SNAPSHOTS - 2} THEN 'test' ELSE 'score' END AS split,
    30 * t + 180 * draw(k, 25) AS tenure_days, {BEHAVIOUR}, {ATTRIBUTES} {ROWS}
  WHERE draw(i, 23) < {{at_risk}})
"""
"""Everything that decides the outcome is a column, but for `active`."""
TABLES = {
    stages.SNAPSHOTS: (f"SELECT * EXCLUDE (i, t, active) FROM ({AT_SNAPSHOTS})", SNAPSHOTS),
    "features/user_features.parquet": (f"SELECT {USER}, {BEHAVIOUR} {ROWS}", 1),
    stages.USERS: (f"SELECT {USER}, {ATTRIBUTES} {ROWS}", 1),
}  # fmt: skip


def main() -> None:
    """Measure each number of users; print and write a table with a row per size and chapter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", nargs="+", type=float, default=[50_000.0])
    parser.add_argument("--at-risk", type=float, default=1 / 3)
    parser.add_argument(
        "--folder", type=Path, help="where tables are kept; a temporary one if none"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_measure(given.child, given.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        parts = [_measure_size(int(n), given.at_risk, folder / str(int(n))) for n in given.users]
    table = pd.concat(parts, ignore_index=True)
    print(table.round(1).to_string(index=False), flush=True)
    if given.out:
        table.to_csv(given.out, index=False)


def make_tables(users: int, at_risk: float, folder: Path) -> None:
    """Write the TABLES of so many users into `folder`, where they are not there yet."""
    with duckdb.connect(config={"memory_limit": "4GB"}) as con:
        con.execute(f"SET temp_directory = '{folder}/tmp'; SET TimeZone = 'UTC'; {DRAWS}")
        for name, (query, times) in TABLES.items():
            path = folder / name
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                rows = {"users": users, "first": 0, "last": times * users, "at_risk": at_risk}
                con.execute(f"COPY ({query.format(**rows)}) TO '{path}' (FORMAT parquet)")


def _measure_size(users: int, at_risk: float, folder: Path) -> pd.DataFrame:
    make_tables(users, at_risk, folder)
    rows = [{"users": users, "chapter": name, **_run_child(name, folder)} for name in CHAPTERS]
    return pd.DataFrame(rows)


def _run_child(name: str, folder: Path) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.model_scale", "--child", name]
    words += ["--folder", str(folder)]
    environment = {**os.environ, **KERNEL_ENVIRONMENT}
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measure(name: str, folder: Path) -> dict[str, Any]:
    """Return `seconds`, `cpu_seconds` and `peak_mb` of one chapter, from reading to writing."""
    from analysis.model import Model, Scoring
    from analysis.segments import Segments

    chapter: Any = dict(zip(CHAPTERS, (Model, Scoring, Segments), strict=True))[name]
    params = load_params(ROOT / "params.yml")
    given = {param: getattr(params, param) for param in stages.find(name).params}
    cpu, clock = time.process_time(), time.monotonic()
    chapter.read(str(folder), **given).write(str(folder))
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": clock, "cpu_seconds": cpu, "peak_mb": peak}


if __name__ == "__main__":
    main()
