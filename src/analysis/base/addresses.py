"""Addresses of tables in databases, as they are written; nothing is opened here.

`postgres://user@host:port/database/schema.table?option=value`, of which all but the table may be
left to the environment, or `duckdb://file.db#schema.table`. `${NAME}` is a variable of the
environment. A password is never written down: an address stands in params.yml, in a shell's history
and in the records of a run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ENGINES = {"postgres": "PostgreSQL", "duckdb": "DuckDB", "sqlite": "SQLite"}
"""How those are called that were tried; of others the scheme is the name."""
IN_FILES = ("duckdb", "sqlite")
KIND = b"churnbook.kind"
"""In the metadata of the copy of a table: the name of the database system."""
SCHEME = re.compile(r"([a-z][a-z0-9]*)(\+[a-z0-9]+)?")
VARIABLE = re.compile(r"\$\{(\w+)\}")
SECRET = re.compile(r"(pass|passw|password|passwd|pwd|token|secret)$", re.IGNORECASE)
PLACE = re.compile(
    r"((?P<user>[^:]*)(:(?P<password>.*))?@)?(?P<host>\[[^\]]*\]|[^:]*)(:(?P<port>.*))?"
)
NO_PASSWORD = (
    "a password does not belong in an address. Take it out, and set PGPASSWORD, or another "
    "variable NAME and write '${NAME}' in its place, in single quotes"
)
FORMS = "postgres://host/database/schema.table or duckdb://file.db#table"


@dataclass(frozen=True)
class Address:
    """Where a table is. Texts are as written: see filled_in; None is left to the environment."""

    scheme: str
    table: str
    schema: str | None = None
    database: str | None = None
    host: str | None = None
    port: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = ()

    @property
    def engine(self) -> str:
        """The name of the database system."""
        return ENGINES.get(self.scheme, self.scheme)

    @property
    def name(self) -> str:
        """The table by schema and name."""
        return f"{self.schema}.{self.table}" if self.schema else self.table

    @property
    def shown(self) -> str:
        """The table as messages and pages call it: nothing says on which machine it is."""
        return f"{self.name} ({self.engine})"


@dataclass(frozen=True)
class Copy:
    """A table of a database: where its copy is, what it is called, and the digest of its rows."""

    path: str
    name: str
    engine: str
    digest: str


def is_address(given: object) -> bool:
    """Say whether an input is a table in a database, and no file."""
    return isinstance(given, str) and "://" in given


def parse_address(text: str) -> Address:
    """Return the parts of an address. Raises ValueError, which never repeats the text, where it is
    none, or holds a password.
    """
    start, rest = text.strip().split("://", 1)
    try:
        parts = urlsplit(f"any://{rest}")
    except ValueError as error:
        raise ValueError(f"this is no address; write {FORMS}") from error
    known = SCHEME.fullmatch(start.lower())
    if known is None:
        raise ValueError(f"this is no address; write {FORMS}")
    scheme = {"postgresql": "postgres"}.get(known[1], known[1])
    return _in_file(scheme, rest) if scheme in IN_FILES else _on_server(scheme, parts)


def _in_file(scheme: str, rest: str) -> Address:
    path, _, name = rest.partition("#")
    if not path.strip("/") or not name:
        raise ValueError(f"write the file and the table, as in {scheme}://file.db#table")
    return Address(scheme, **_named(name), database=unquote(path))


def _named(name: str) -> dict[str, Any]:
    schema, _, table = name.rpartition(".")
    return {"schema": unquote(schema) or None, "table": unquote(table)}


def _on_server(scheme: str, parts: Any) -> Address:
    options = tuple(parse_qsl(parts.query, keep_blank_values=True))
    place = PLACE.fullmatch(parts.netloc)
    if place is None or _holds_password(place["password"], options, parts):
        raise ValueError(NO_PASSWORD)
    if place["port"] and not re.fullmatch(r"\d+", VARIABLE.sub("1", place["port"])):
        raise ValueError(f"what stands for the port is no number. Correct it; {NO_PASSWORD}")
    *database, name = [part for part in (*parts.path.split("/"), parts.fragment) if part] or [""]
    if not name or (scheme == "postgres" and len(database) > 1):
        raise ValueError(f"write database and table, as in {scheme}://host/database/schema.table")
    known = {key: unquote(value) for key, value in place.groupdict().items() if value}
    known |= {"host": known["host"].strip("[]")} if "host" in known else {}
    known |= {"database": unquote("/".join(database))} if database else {}
    return Address(scheme, **_named(name), **known, options=options)


def _holds_password(password: str | None, options: Any, parts: Any) -> bool:
    """Say whether a password is written out: as such, as an option, or where one with a character
    that ends the place of a host has its rest.
    """
    secrets = [password or "", *(value for key, value in options if SECRET.search(key))]
    is_written = any(VARIABLE.sub("", secret) for secret in secrets)
    return is_written or any("@" in part for part in (parts.path, parts.query, parts.fragment))


def filled_in(address: Address, environment: Mapping[str, str]) -> Address:
    """Return the address with the values of its variables.

    Raises ValueError with the name of a variable that is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise ValueError(
                f"the environment has no variable {found[1]!r}, which the address names"
            )
        return environment[found[1]]

    def fill(text: str) -> str:
        return VARIABLE.sub(value, text)

    texts = {part.name: getattr(address, part.name) for part in fields(address)}
    known = {name: fill(value) for name, value in texts.items() if isinstance(value, str)}
    return replace(address, **known, options=tuple((k, fill(v)) for k, v in address.options))


def without_place(given: object) -> object:
    """Return an input as a page may show it: of an address, the table and the kind of database."""
    try:
        return parse_address(given).shown if isinstance(given, str) and is_address(given) else given
    except ValueError:
        return "an address that cannot be read"
