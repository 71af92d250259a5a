"""A PostgreSQL server of the tests' own, on loopback, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

OWNER, PASSWORD = "owner", "correct horse"
VARIABLES = {
    "PGHOST": "127.0.0.1",
    "PGDATABASE": "postgres",
    "PGUSER": OWNER,
    "PGPASSWORD": PASSWORD,
}
"""Of the environment; PGPORT is the server's."""


def programs():
    """Return the folder of initdb and pg_ctl; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = Path(os.path.realpath(found)) if found else (debian or [None])[-1]
    return path.parent if path else None


def _run(name, *arguments):
    """Run a program of PostgreSQL, which refuses to be root."""
    as_other = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    who = as_other if os.getuid() == 0 else {}
    command = [str(programs() / name), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **who)


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def server():
    """Give the port of a new server. Its folder is not under pytest's, into which another user may
    not look.
    """
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="churnbook-pg-") as name:
        folder, port = Path(name), _free_port()
        (folder / "password").write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "nobody", "nogroup")
        options = f"-p {port} -h 127.0.0.1 -k '' -F"
        _run("initdb", "-D", folder / "data", "-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8",
             "--locale=C", f"--pwfile={folder / 'password'}", "--no-sync")  # fmt: skip
        _run("pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield port
        finally:
            _run("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
