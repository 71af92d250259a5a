"""Event logs of any size, made in the engine: the input of benchmarks.scale."""

from pathlib import Path

import duckdb

EVENTS_PER_USER, DAYS, EARLIER_DAYS = 40, 300, 180
"""Events per user, days of the log, and days before it in which users signed up as well."""

DRAWS = """
CREATE MACRO draw(number, salt) AS hash(number * 64 + salt) / 18446744073709551616.0;
CREATE MACRO name_of(number, salt) AS md5(number || '-' || salt)::UUID::VARCHAR;
CREATE MACRO one_of(draw, choices) AS choices[1 + floor(draw * len(choices))::INT];
"""
"""Numbers between 0 and 1 and identifiers that depend on nothing but the row's number."""

USERS = """
SELECT name_of(k, 'user') AS user_id,
  DATE '2025-01-01' + CAST(floor(k / {users} * ({earlier} + {days}) - {earlier}) AS INT)
    AS signup_date,
  one_of(draw(k, 1), ['Mexico', 'Mexico', 'Peru', 'Chile', 'Colombia', 'Spain']) AS country,
  one_of(draw(k, 2), ['Android', 'Android', 'iOS']) AS device,
  one_of(draw(k, 3), ['es', 'es', 'es', 'en']) AS language,
  one_of(draw(k, 4), ['female', 'male', 'other']) AS gender,
  18 + CAST(floor(draw(k, 5) * 50) AS INT) AS age,
  one_of(draw(k, 6), ['organic', 'ads', 'friend']) AS acquisition_channel,
  one_of(draw(k, 7), ['free', 'free', 'premium']) AS subscription_type
FROM range({users}) AS r(k)
"""

# A session has 1 to 15 events. Newer users come more often; who came long ago fades out.
EVENTS = """
WITH numbered AS (
  SELECT e, 2 * (e // 16) + (e % 16 >= 1 + hash(e // 16) % 15)::INT AS s
  FROM range({events}) AS r(e)
), sessions AS (
  SELECT e, s, s / ({events} / 8.0) * {days} AS day,
    floor((s / ({events} / 8.0) * {days} + {earlier}) / ({days} + {earlier}) * {users}
      * (1 - pow(draw(s, 1), 3)))::BIGINT AS k
  FROM numbered
), timed AS (
  SELECT *, TIMESTAMPTZ '2025-01-01 00:00:00+00'
    + to_milliseconds(((floor(day) * 86400 + sqrt(draw(s, 2)) * 85000
    + (e % 16 + draw(e, 3)) * 25) * 1000)::BIGINT) AS event_timestamp
  FROM sessions
), received AS (
  SELECT *, event_timestamp + to_milliseconds(CASE WHEN draw(e, 4) < 0.005
    THEN 100000000 ELSE 500 - (1500 * ln(1 - draw(e, 5))) END::BIGINT) AS received_at,
    one_of(draw(e, 6), ['app_open', 'poster_click', 'poster_click', 'content_play', 'content_play',
      'content_play', 'next_episode', 'app_exit', 'credits_spend', 'credits_purchase'
    ]) AS event_type,
    floor(pow(draw(e, 7), 2) * 200)::INT AS show_number
  FROM timed
)
SELECT name_of(e, 'event') AS event_uuid, name_of(k, 'user') AS user_id, event_type,
  event_timestamp, received_at, received_at + INTERVAL 1 SECOND AS created_at,
  name_of(s, 'session') AS session_id,
  CASE WHEN event_type <> 'app_open' THEN name_of(show_number, 'show') END AS show_id,
  CASE WHEN event_type IN ('content_play', 'next_episode')
    THEN 'ep_' || show_number || '_' || floor(draw(e, 8) * 40)::INT END AS episode_id,
  one_of(draw(k, 1), ['Mexico', 'Mexico', 'Peru', 'Chile', 'Colombia', 'Spain']) AS country,
  one_of(draw(e, 9), ['client', 'client', 'client', 'server']) AS source,
  '1.' || floor(day / 30)::INT || '.' || hash(s) % 5 AS app_version,
  'dev_' || left(name_of(k, 'user'), 8) AS device_id,
  CASE WHEN event_type LIKE 'credits%' THEN '{{"amount":' || 1 + hash(e) % 20 || '}}'
    ELSE '{{}}' END AS properties
FROM received, (VALUES (1), (2)) AS copies(copy)
WHERE copy = 1 OR hash(e) % 1000 = 0
"""
"""Fourteen columns: the contract's thirteen and `device_id`. One row in a thousand has a copy."""


def make_log(folder: Path, events: int, memory_limit: str = "4GB") -> tuple[Path, Path]:
    """Write a log of `events` events, and copies of one in a thousand, into `folder` as
    `users.parquet` and `events.parquet` if they are not there; return the paths. It is the same
    every time.
    """
    size = {"events": events, "users": max(events // EVENTS_PER_USER, 50), "days": DAYS,
            "earlier": EARLIER_DAYS}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "users.parquet", folder / "events.parquet"
    with duckdb.connect(config={"memory_limit": memory_limit}) as con:
        con.execute(f"SET temp_directory = '{folder}/tmp'; SET TimeZone = 'UTC'; {DRAWS}")
        for path, query in zip(paths, (USERS, EVENTS), strict=True):
            if not path.is_file():
                copy = f"COPY ({query.format(**size)}) TO '{path}.part' (FORMAT parquet)"
                con.execute(copy)
                Path(f"{path}.part").rename(path)
    return paths
