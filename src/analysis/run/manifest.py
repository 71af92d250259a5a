"""What a run was made of: inputs, parameters, code, engine and package versions, what each stage
read, and every artifact.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.base.addresses import is_address, without_place
from analysis.contract import stages
from analysis.contract.params import OF_THE_PAGES, load_notes
from analysis.run.digests import digest, files_in
from analysis.run.fingerprint import package_versions
from analysis.run.folders import Run
from analysis.run.record import digest_of_code
from analysis.run.state import write_text
from analysis.run.tables import TABLES, digests_of
from analysis.run.volume import volume_read

PACKAGE_OF = {"duckdb": "duckdb", "spark": "pyspark-client"}
"""The package through which each engine does the event-level work."""


def write_manifest(run: Run) -> dict[str, Any]:
    """Write and return what the run was made of: inputs, parameters, code, engine, packages, how
    much each stage read, and each artifact with its digest. It contains nothing about the machine,
    the clock or the paths: for those see run.usage.
    """
    engine = run.params.engine
    notes = load_notes(run.project / "params.yml")
    shown = {
        name: _without_folder(name, v)
        for name, v in run.params.model_dump(exclude={*OF_THE_PAGES}).items()
    }
    artifacts = {path: Path(run.path_of(path)) for s in stages.STAGES for path in s.writes.values()}
    manifest = {
        "inputs": [entry for table in TABLES for entry in _inputs(run, table)],
        "parameters": {
            name: {"value": value, "unit": notes[name].unit, "reason": notes[name].reason}
            for name, value in shown.items()
        },
        "engine": {"name": engine, "version": version(PACKAGE_OF[engine])},
        "packages": package_versions(),
        "code": {"sha256": digest_of_code(run)},
        "stages": {stage.name: volume_read(run, stage) for stage in stages.STAGES},
        "artifacts": {name: _artifact(path) for name, path in sorted(artifacts.items())},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    write_text(run.data / stages.MANIFEST, text + "\n")
    return manifest


def _artifact(path: Path) -> dict[str, Any]:
    sizes = [part.stat().st_size for part in files_in(path)]
    of_folder = {"files": len(sizes)} if path.is_dir() else {}
    return {"sha256": digest(path), "bytes": sum(sizes), **of_folder}


def _without_folder(name: str, value: Any) -> Any:
    if is_address(value):
        return without_place(value)
    return Path(value).name if name in TABLES and value else value


def _inputs(run: Run, table: str) -> list[dict[str, Any]]:
    qa = json.loads((run.data / "clean" / f"{table}.qa.json").read_text(encoding="utf-8"))
    copy = run.copy_of(table)
    given = copy.engine if copy else "given"
    source = "simulated" if run.params.users is None else given
    return [
        {"name": table, "file": name, "sha256": found, "rows": qa["rows_read"], "source": source}
        for name, found in digests_of(run, table)
    ]
