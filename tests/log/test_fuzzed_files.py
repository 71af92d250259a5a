"""Files of random and of damaged bytes: they are read, or an error says what is wrong with them."""

import random

import pandas as pd
import pytest

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import USERS
from analysis.log.raw import read_raw
from analysis.log.users import clean_users

TRIES = 60
ROWS = {
    "user_id": [f"user {n}" for n in range(40)],
    "signup_date": [f"2025-01-{n % 28 + 1:02d}" for n in range(40)],
    "plan": ['basic, "old"' if n % 3 else None for n in range(40)],
}
SYNTAX = [
    b'"',
    b",",
    b";",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\\",
    b"\t",
    b"#",
]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return `content` cut short, or with some bytes changed, doubled, lost or strewn in."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(data) + 1), chance.choice([1, 1, 4, 30])
        part = bytes(data[at : at + length])
        new = chance.choice([b"", part * 2, chance.randbytes(length), chance.choice(SYNTAX)])
        data[at : at + len(part)] = new
    return bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data)


def valid_files(folder):
    """Return the name and the bytes of one table in each form that is read."""
    frame = pd.DataFrame(ROWS)
    text = frame.to_csv(index=False)
    frame.to_parquet(folder / "good.parquet", compression="zstd")
    return {
        "comma.csv": text.encode(),
        "semicolon.csv": frame.to_csv(index=False, sep=";", lineterminator="\r\n").encode("utf-8-sig"),
        "zstd.parquet": (folder / "good.parquet").read_bytes(),
    }  # fmt: skip


def read(path):
    """Read and clean a file as the first stage does; say how many users it has, or why it stops."""
    try:
        raw = read_raw(engine.connect(), str(path), "users", USERS, {})
        return len(clean_users(raw).table)
    except ReportError as error:
        return str(error)


@pytest.mark.parametrize("name", ["comma.csv", "semicolon.csv", "zstd.parquet"])
def test_a_damaged_file_is_read_or_refused(tmp_path, name):
    content = valid_files(tmp_path)[name]
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == len(ROWS["user_id"])
    chance = random.Random(name)
    for _ in range(TRIES):
        (tmp_path / name).write_bytes(damaged(content, chance))
        said = read(tmp_path / name)
        assert isinstance(said, int) or said.startswith("users: ")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_random_bytes_are_refused_or_read(tmp_path, suffix):
    chance = random.Random(suffix)
    for _ in range(TRIES):
        path = tmp_path / f"random.{suffix}"
        path.write_bytes(chance.randbytes(chance.choice([0, 1, 3, 20, 400])))
        said = read(path)
        assert isinstance(said, int) or said.startswith("users: ")
