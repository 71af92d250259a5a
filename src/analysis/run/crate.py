"""The run as a Process Run Crate: which program made which file of which, for other tools to read.

Like the manifest it holds nothing of the machine, the clock or the paths, so it says no time at
which a stage ended. Source: https://w3id.org/ro/wfrun/process/0.5, on RO-Crate 1.1.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.contract import catalogue, stages
from analysis.contract.stages import BILL, CRATE, MANIFEST, PAGES, RAW, Stage, reads_of
from analysis.run.folders import Run
from analysis.run.state import read_json, write_text

Entity = dict[str, Any]
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
]
PYTHON = "https://www.python.org/"
FORMATS = {
    ".csv": "text/csv", ".json": "application/json", ".parquet": "application/vnd.apache.parquet",
    ".skops": "application/zip", ".md": "text/markdown", ".yml": "application/yaml",
}  # fmt: skip


def write_crate(run: Run, manifest: Entity) -> None:
    """Write the run that `manifest` describes as RO-Crate metadata of the data folder."""
    files = [*_artifacts(manifest), *_about_run()]
    inputs = [_input(entry) for entry in manifest["inputs"]]
    actions = [_action(stage, manifest) for stage in stages.STAGES]
    programs = [_program(stage, manifest["code"]["sha256"]) for stage in stages.STAGES]
    pages = [_page(name) for name in PAGES]
    inside = [entity for entity in inputs if entity["@type"] == "File"]
    graph = [
        _descriptor(),
        _root(run, [*inside, *files], actions),
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        LICENCE,
        {"@id": PYTHON, "@type": "ComputerLanguage", "name": "Python", "url": PYTHON},
        *inputs, *files, *pages, *_parameters(manifest), *programs, *actions,
    ]  # fmt: skip
    text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False)
    write_text(run.data / CRATE, text + "\n")


LICENCE = {
    "@id": "#licence",
    "@type": "CreativeWork",
    "name": "All rights reserved",
    "description": "The files are made of the given tables; whoever owns those decides.",
}


def _descriptor() -> Entity:
    return {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }


def _root(run: Run, files: Iterable[Entity], actions: Iterable[Entity]) -> Entity:
    """Return the data folder. Its date is the end of the log: a run does not read the clock."""
    log_end = read_json(run.data / stages.WINDOW).get("log_end")
    dated = {"datePublished": str(log_end)[:10]} if log_end else {}
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "Churn and retention report: its data",
        "description": "Every file of one run of churnbook. The date is the end of the event log.",
        **dated,
        "license": _ref(LICENCE),
        "conformsTo": {"@id": PROFILE},
        "hasPart": [_ref(entity) for entity in files],
        "mentions": [_ref(entity) for entity in actions],
    }


def _ref(entity: Entity) -> Entity:
    return {"@id": entity["@id"]}


def _artifacts(manifest: Entity) -> list[Entity]:
    titles = {path: name for stage in stages.STAGES for name, path in stage.writes.items()}
    return [
        _file(path, catalogue.title_of(titles[path]), str(entry["bytes"]), entry["sha256"])
        | _folder(path, entry)
        for path, entry in manifest["artifacts"].items()
    ]


def _folder(path: str, entry: Entity) -> Entity:
    """Return what is said otherwise of a table that Spark wrote: a folder of files."""
    if "files" not in entry:
        return {}
    return {"@id": f"{path}/", "@type": "Dataset", "description": f"Files: {entry['files']}."}


def _ids(names: Iterable[str], manifest: Entity) -> list[Entity]:
    """Return references to artifacts, and to pages of the project."""
    made = manifest["artifacts"]
    ids = {name: _folder(name, entry).get("@id", name) for name, entry in made.items()}
    return [{"@id": f"#{name}" if name in PAGES else ids.get(name, name)} for name in names]


def _about_run() -> list[Entity]:
    titles = {MANIFEST: "What the run was made of", BILL: "Packages and their licences"}
    return [_file(path, title) for path, title in titles.items()]


def _file(path: str, name: str, size: str = "", sha256: str = "") -> Entity:
    known = {"contentSize": size, "sha256": sha256}
    return {
        "@id": path,
        "@type": "File",
        "name": name,
        "encodingFormat": FORMATS.get(Path(path).suffix, "application/octet-stream"),
        **{key: value for key, value in known.items() if value},
    }


def _input(entry: Entity) -> Entity:
    """Return an input table: a file of the folder if simulated, else one that is kept elsewhere."""
    if entry["source"] == "simulated":
        return _file(RAW[entry["name"]], f"Simulated {entry['name']}", "", entry["sha256"])
    what = "file" if entry["source"] == "given" else f"{entry['source']} table"
    return {
        "@id": f"#{entry['name']}-{entry['sha256'][:16]}",
        "@type": "CreativeWork",
        "name": entry["file"],
        "description": f"A {what} of the given table {entry['name']}, which is not in this folder.",
        "sha256": entry["sha256"],
    }


def _page(path: str) -> Entity:
    return {"@id": f"#{path}", "@type": "CreativeWork", "name": f"{path} of the project"}


def _parameters(manifest: Entity) -> list[Entity]:
    return [
        {
            "@id": f"#parameter-{name}",
            "@type": "PropertyValue",
            "name": name,
            "value": entry["value"] if isinstance(entry["value"], str) else _json(entry["value"]),
            "unitText": entry["unit"],
            "description": entry["reason"],
        }
        for name, entry in manifest["parameters"].items()
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _program(stage: Stage, code: str) -> Entity:
    return {
        "@id": f"#notebook-{stage.name}",
        "@type": "SoftwareSourceCode",
        "name": f"notebooks/{stage.name}.ipynb",
        "description": f"The notebook of the stage {stage.name}, run by churnbook.",
        "programmingLanguage": {"@id": PYTHON},
        "version": code,
    }


def _action(stage: Stage, manifest: Entity) -> Entity:
    tables = [entry for entry in manifest["inputs"] if entry["name"] in stage.params]
    parameters = [{"@id": f"#parameter-{name}"} for name in stage.params if name not in RAW]
    return {
        "@id": f"#run-{stage.name}",
        "@type": "CreateAction",
        "name": f"Run of {stage.name}",
        "description": "One run of the notebook, with these inputs and parameters.",
        "instrument": {"@id": f"#notebook-{stage.name}"},
        "object": [
            *(_ref(_input(entry)) for entry in tables),
            *_ids(reads_of(stage), manifest),
            *parameters,
        ],
        "result": _ids(stage.writes.values(), manifest),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
