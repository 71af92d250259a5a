"""Why a table in a database cannot be read, as one message: the table, the reason and the fix."""

from collections.abc import Iterable

from analysis.base.addresses import IN_FILES, Address
from analysis.base.errors import ReportError, nearest
from analysis.base.groups import first_line

FORBIDDEN = "42501"
"""Code of the SQL standard (SQLSTATE) where the user lacks a right."""
EXTRAS = {"postgres": "churnbook[postgres]"}


def no_driver(address: Address, table: str) -> ReportError:
    """Return the error for a database whose driver is not installed."""
    extra = EXTRAS.get(address.scheme, f"ibis-framework[{address.scheme}]")
    return ReportError(
        f"{table}: to read {address.shown}, a driver is needed that is not installed here. Install "
        f"it: python -m pip install '{extra}'"
    )


def no_table(address: Address, table: str, known: Iterable[str]) -> ReportError:
    """Return the error for a table that the database does not have, among those it has."""
    return ReportError(
        f"{table}: there is no table {address.name!r} in the {address.engine} database, or none "
        f"that your user may see.{nearest(address.name, known)} Correct the address."
    )


def explain(error: Exception, address: Address, table: str) -> ReportError:
    """Return the error to show for one of a driver. Its words are cut to a line, and hold no
    password: neither do those of libpq, and what the address was filled with is taken out.
    """
    what, words = f"{table}: {address.shown}", _without_values(first_line(error), address)
    if getattr(error, "sqlstate", None) == FORBIDDEN:
        return ReportError(
            f"{what} may not be read: {words} Its owner can allow it: {_grant(address)}"
        )
    return ReportError(f"{what} cannot be read: {words} {_remedy(address)}")


def _grant(address: Address) -> str:
    user = f'"{address.user}"' if address.user else "your user"
    usage = f"GRANT USAGE ON SCHEMA {address.schema} TO {user}; " if address.schema else ""
    return f"{usage}GRANT SELECT ON {address.name} TO {user};"


def _remedy(address: Address) -> str:
    if address.scheme in IN_FILES:
        return "Give the file of a database, and close what else has it open."
    if address.scheme == "postgres":
        return (
            "Correct the address, or set PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD, which "
            "are used for what it leaves out."
        )
    return "Correct the address, and what it takes from the environment."


def _without_values(words: str, address: Address) -> str:
    """Return `words` without the password that the address was filled with."""
    secrets = [address.password, *(value for _, value in address.options)]
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    return words
