"""What a kernel imports before its first cell runs: nothing that its chapter can do without."""

import subprocess
import sys

import pytest

HEAVY = {"matplotlib", "papermill", "scipy", "seaborn", "skops", "sklearn", "sphinx", "statsmodels"}
"""Packages that take a tenth of a second and more to import."""


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("analysis.book.show, analysis.log.chapters", set()),
        ("analysis.book.show, analysis.audit", {"scipy", "statsmodels"}),
        ("analysis.book.show, analysis.model", {"scipy", "statsmodels", "sklearn"}),
    ],
)
def test_a_kernel_imports_what_its_chapter_needs(modules: str, needed: set[str]):
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8"
    )
    assert HEAVY & set(done.stdout.split()) == needed
