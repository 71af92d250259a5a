"""A live preview of the default run: pages are built again as they are written.

By sphinx-autobuild on Sphinx alone (`book/sphinx/conf.py`), which keeps its environment and so
reads only what has changed. The preview is not the site: no disclosure gate has read it, so it is
served on this machine's loopback address alone, and stays in a folder of its own.
"""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.run.folders import OWN

ADDRESS = "127.0.0.1"
FOLDER = "_build/serve"
NOT_WRITTEN_BY_HAND = (
    "_build", OWN, "book/chapters", "data", "runs", "tests", "benchmarks", "*.egg-info",
)  # fmt: skip
"""In the project: what changes there is no reason to build."""
STAGES = [sys.executable, "-m", "analysis.run", "build", "--stages-only"]
MISSING = (
    "The preview needs sphinx-autobuild, which is not installed here. Install it: "
    "python -m pip install 'churnbook[serve]'"
)


def command_of(project: Path, port: int, opens: bool) -> list[str]:
    """Return the command that serves the project's pages. Before each build the stages are brought
    up to date, which takes a second when none has to run.
    """
    command = [sys.executable, "-m", "sphinx_autobuild", "-c", str(project / "book" / "sphinx")]
    command += ["--host", ADDRESS, "--port", str(port), "--pre-build", shlex.join(STAGES)]
    for name in NOT_WRITTEN_BY_HAND:
        command += ["--ignore", str(project / name)]
    hidden = rf"^{re.escape(project.as_posix())}/(.*/)?(\.[^/]+|__pycache__)(/|$)"
    command += ["--re-ignore", hidden, "-q"]
    if opens:
        command.append("--open-browser")
    return [*command, str(project), str(project / FOLDER)]


def serve(project: Path, port: int, opens: bool = False) -> int:
    """Serve the pages until the server ends; return its exit code.

    Raises ReportError without sphinx-autobuild.
    """
    if find_spec("sphinx_autobuild") is None:
        raise ReportError(MISSING)
    environment = os.environ | {"CHURNBOOK_STAGES": "done", "PYTHONHASHSEED": "0"}
    command = command_of(project, port, opens)
    return subprocess.run(command, cwd=project, env=environment, check=False).returncode
