"""Pseudonyms: identifiers hashed with a secret key before anything else reads the tables.

The pseudonym of an identifier is its HMAC-SHA256 (RFC 2104) in hexadecimal digits, without spaces
around it: the same identifier has the same pseudonym in both tables and in every run with the same
key. Who has no key cannot try out identifiers. The key is never written into the run's folder.
"""

import hashlib
import os
import secrets
from dataclasses import replace
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.base.files import keep_private
from analysis.book.identifiers import identifying
from analysis.run.disclose import KEYS, connect, read_given
from analysis.run.folders import Run
from analysis.run.ownership import claim

FOLDER = "pseudonymised"
DEFAULT_KEY = "~/.config/churnbook/pseudonym.key"
KEY_BYTES, BLOCK = 32, 64
"""Length of a new key, and of the blocks of SHA-256."""
MISSING = ("", "null", "none", "nan", "na", "n/a")
"""Written for a missing identifier: stays as it is."""


def read_key(given: Path | None, data: Path) -> bytes:
    """Return the key in the file `given`; without one, that of DEFAULT_KEY, made at its first use.

    Raises ReportError for a file that is missing, too short, readable by others, or in the run's
    folder.
    """
    path = (given or Path(DEFAULT_KEY)).expanduser().resolve()
    if path.is_relative_to(data.resolve().parent):
        raise ReportError(f"--key {path.name}: keep the key outside {data.parent.name}/.")
    if given is None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as new:
            new.write(secrets.token_hex(KEY_BYTES) + "\n")
    if not path.is_file():
        raise ReportError(f"--key {path}: no such file. Make one: openssl rand -hex 32 > FILE")
    if path.stat().st_mode & 0o077:
        raise ReportError(f"--key {path}: others may read it. Run: chmod 600 {path}")
    key = path.read_bytes().strip()
    if len(key) < KEY_BYTES:
        raise ReportError(f"--key {path}: {len(key)} bytes are too few; {KEY_BYTES} are needed.")
    return key


def pseudonymise(run: Run, key: bytes) -> Run:
    """Return the run on copies of its tables, under its data, whose identifiers are pseudonyms.

    Raises ReportError where the run has no tables of its own.
    """
    if run.params.users is None:
        raise ReportError(
            "--pseudonymise: the simulated tables are about nobody. Give --users and --events."
        )
    folder = run.data / FOLDER
    claim(run, [folder / f"{name}.parquet" for name in ("users", "events")])
    folder.mkdir(parents=True, exist_ok=True)
    renamed = {"users": run.params.users_columns, "events": run.params.events_columns}
    written = {
        name: _copy(run, name, columns, folder / f"{name}.parquet", key)
        for name, columns in renamed.items()
    }
    return replace(run, params=run.params.model_copy(update=written))


def _copy(run: Run, name: str, renamed: dict[str, str], target: Path, key: bytes) -> str:
    con = connect()
    raw = read_given(run, name, con)
    hashed = identifying(raw.columns, [renamed.get(column, column) for column in KEYS])
    con.create_view("given", raw, overwrite=True)
    columns = [_pseudonym(c, key) if c in hashed else _quoted(c) for c in raw.columns]
    new = target.with_name(f".{target.name}")
    new.touch(mode=0o600)
    path = str(new).replace("'", "''")
    query = f"SELECT {', '.join(columns)} FROM given"
    con.raw_sql(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    new.replace(target)
    keep_private(target)
    return str(target)


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _pseudonym(column: str, key: bytes) -> str:
    """Return the SQL of a column's pseudonyms: HMAC by its definition, from DuckDB's SHA-256."""
    name = _quoted(column)
    text = f"trim(CAST({name} AS VARCHAR))"
    inner, outer = (f"from_hex('{_pad(key, byte).hex()}')" for byte in (0x36, 0x5C))
    digest = f"sha256({outer} || from_hex(sha256({inner} || encode({text}))))"
    missing = ", ".join(f"'{word}'" for word in MISSING)
    return f"CASE WHEN lower({text}) IN ({missing}) THEN {text} ELSE {digest} END AS {name}"


def _pad(key: bytes, byte: int) -> bytes:
    short = hashlib.sha256(key).digest() if len(key) > BLOCK else key
    return bytes(one ^ byte for one in short.ljust(BLOCK, b"\0"))
