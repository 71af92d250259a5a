"""The commands that make a run again, from what its manifest says."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

from analysis.book.artifacts import MANIFEST, read_text
from analysis.book.directive import BookDirective

CHURNBOOK, AGAIN = ".venv/bin/churnbook", "runs/again"
TABLES = ("users", "events")


class Reproduce(BookDirective):
    """The commands that make this run again and compare it with its records."""

    def make(self) -> list[nodes.Node]:
        """Return one block of commands."""
        path = Path(self.env.srcdir) / "params.yml"
        self.env.note_dependency(str(path))
        usual = yaml.safe_load(read_text(path, "params.yml"))
        text = "\n".join(commands(self.artifacts(MANIFEST).json(MANIFEST), usual))
        return [nodes.literal_block(text, text, language="sh")]


def commands(manifest: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """Return the commands, in the project's folder, for a run on the simulated tables or on given
    ones, which are named as their files are; parameters unlike the `usual` of params.yml are given.
    """
    parameters = manifest.get("parameters") or {}
    changed = [
        word
        for name, entry in parameters.items()
        if name not in TABLES and entry["value"] != (usual.get(name) or {}).get("value")
        for word in ("-p", f"{name}={json.dumps(entry['value'], ensure_ascii=False)}")
    ]
    tables = [
        word
        for name in TABLES
        if (given := (parameters.get(name) or {}).get("value"))
        for word in (f"--{name}", given)
    ]
    if not tables and not changed:
        return ["make book", f"{CHURNBOOK} verify"]
    build = [CHURNBOOK, "build", *tables, *changed, "--out", AGAIN]
    return [shlex.join(build), f"{CHURNBOOK} verify {AGAIN}"]
