"""What kernels and the command import at first: nothing that they can do without."""

import subprocess
import sys

import pytest

HEAVY = {
    "lark",
    "matplotlib",
    "papermill",
    "scipy",
    "seaborn",
    "skops",
    "sklearn",
    "sphinx",
    "statsmodels",
}
"""Packages that take a tenth of a second and more to import. (jsonschema imports lark, and compiles
forty grammars with it, where rfc3987-syntax is installed; all that reads a notebook does so.)"""


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("analysis.book.show, analysis.log.chapters", set()),
        ("analysis.book.show, analysis.audit", {"scipy", "statsmodels"}),
        ("analysis.book.show, analysis.model", {"scipy", "statsmodels", "sklearn"}),
        ("analysis.run.cli", set()),
    ],
)
def test_what_is_needed_is_imported(modules: str, needed: set[str]):
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8"
    )
    assert HEAVY & set(done.stdout.split()) == needed
