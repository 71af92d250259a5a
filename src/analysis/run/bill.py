"""The bill of materials: every package of the lock file with its licence, as CycloneDX.

It has no serial number and no time, so the same lock file gives the same bytes.
"""

import json
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from analysis.contract.stages import BILL
from analysis.run.fingerprint import package_versions
from analysis.run.folders import LOCK_FILE, Run
from analysis.run.state import write_text

LONGEST_NAME = 60  # characters; longer is the licence's text
NOT_STATED = "not stated"
NO_ANSWER = ("", "UNKNOWN", "OSI Approved")


def write_bill(run: Run) -> None:
    """Write the bill of materials of the run."""
    components = [_component(name, number) for name, number in sorted(_packages(run).items())]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component("churnbook", version("churnbook"))},
        "components": components,
    }
    write_text(run.data / BILL, json.dumps(bill, indent=1, ensure_ascii=False) + "\n")


def _packages(run: Run) -> dict[str, str]:
    """Return the version of each locked package; of the named ones where there is no lock file."""
    path = run.project / LOCK_FILE
    if not path.is_file():
        return package_versions()
    lines = path.read_text(encoding="utf-8").splitlines()
    needed = [parsed for line in lines if (parsed := _locked(line))]
    return {r.name: next(iter(r.specifier)).version for r in needed}


def _locked(line: str) -> Requirement | None:
    """Return what a line of the lock file requires here; None for a checksum or another Python."""
    try:
        parsed = Requirement(line.rstrip("\\ "))
    except InvalidRequirement:
        return None
    return parsed if parsed.marker is None or parsed.marker.evaluate({"extra": ""}) else None


def _component(name: str, number: str) -> dict[str, Any]:
    address = f"pkg:pypi/{name}@{number}"
    return {
        "type": "library" if name != "churnbook" else "application",
        "bom-ref": address,
        "name": name,
        "version": number,
        "licenses": _licences(name),
        "purl": address,
    }


def _licences(name: str) -> list[dict[str, Any]]:
    """Return the licences that the installed package states: its expression, or their names."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return _named([])
    for expression in about.get_all("License-Expression") or []:
        return [{"expression": expression}]
    stated = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    names = [line.rpartition("::")[2].strip() for line in stated]
    return _named([*names, *(about.get_all("License") or [])])


def _named(candidates: list[str]) -> list[dict[str, Any]]:
    names = [name.strip() for name in candidates if name.strip() not in NO_ANSWER]
    short = [name for name in names if len(name) <= LONGEST_NAME and "\n" not in name]
    return [{"license": {"name": name}} for name in dict.fromkeys(short or [NOT_STATED])]
