"""`make mutants`: mutation testing of the definitions, with mutmut, module by module.

An operator exchanged, a number moved, an argument left out: for each such change to a definition
some test must fail. What survives is listed at the end, and `CONTRIBUTING.md` says which survivors
are no faults. Each module is run with its own tests, which take seconds.

    python -m benchmarks.mutants cohorts/retention.py --sample 100
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AUDIT, COHORTS = "audit/test_audit_checks.py", "cohorts/test_cohorts_checks.py"
TARGETS = {
    "cohorts/retention.py": ["cohorts/test_retention.py", COHORTS],
    "cohorts/survival.py": ["cohorts/test_survival.py", COHORTS],
    "log/churn.py": ["log/test_churn.py"],
    "model/thresholds.py": ["model/test_thresholds.py"],
    "model/economics.py": ["model/test_economics.py"],
    "base/score_metrics.py": ["base/test_score_metrics.py"],
    "summary/materiality.py": ["summary/test_materiality.py"],
    "audit/endings.py": ["audit/test_endings.py", AUDIT],
    "audit/relations.py": ["audit/test_relations.py", AUDIT],
    "audit/sessions.py": ["audit/test_sessions.py", AUDIT],
    "audit/values.py": ["audit/test_values.py", AUDIT],
}
"""The modules that hold definitions, under `src/analysis/`, with their tests, under `tests/`."""
SLOW = ("simulated", "begins_later", "few_newcomers", "without_the_rule", "bring_no_bias",
        "rarely_get", "most_users_can")  # fmt: skip
"""Tests that are left out: they simulate companies, for minutes."""
KILLED = ("killed", "timeout", "caught by type check")
COPIED = ("src", "tests", "benchmarks", "book", "notebooks", "params.yml", "pyproject.toml")
CONFIG = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/analysis/{module}"]
also_copy = ["benchmarks", "book", "notebooks", "params.yml"]
pytest_add_cli_args = ["-n", "0", "-p", "no:cacheprovider", "-m", "not golden", "-k", "{words}"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 10.0
timeout_multiplier = 5.0
use_git_change_detection = false
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Each mutant is tried in a fork of a process that has run the tests: threads do not outlive it."""


def plainly_decorated(source: str) -> str:
    """Return `source` with each `@check(...)` applied below its function, for mutmut leaves out
    functions that have a decorator.
    """
    lines = source.splitlines()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    for function in reversed([node for node in functions if node.decorator_list]):
        first, last = function.decorator_list[0].lineno - 1, function.lineno - 1
        decorator = "\n".join(lines[first:last]).removeprefix("@")
        lines.insert(
            function.end_lineno or 0, f"\n\n{function.name} = {decorator}({function.name})"
        )
        del lines[first:last]
    return "\n".join(lines) + "\n"


def wanted(path: Path, tests: list[str]) -> str:
    """Return the words by which pytest selects the tests of a module: of a check of the audit, its
    own cases among those of all.
    """
    body = ast.parse(path.read_text(encoding="utf-8")).body
    named = [n.name for n in body if isinstance(n, ast.FunctionDef) and n.decorator_list]
    own = f"({' or '.join([f'test_{path.stem}', *named])}) and " if AUDIT in tests else ""
    return f"{own}not ({' or '.join(SLOW)})"


def prepare(folder: Path, module: str) -> None:
    """Copy the project to `folder`, with mutmut's settings for one module."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    path = folder / "src" / "analysis" / module
    words = wanted(path, TARGETS[module])
    path.write_text(plainly_decorated(path.read_text(encoding="utf-8")), encoding="utf-8")
    tests = [f"tests/{name}" for name in TARGETS[module]]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(CONFIG.format(module=module, tests=tests, words=words))


def mutmut(folder: Path, *words: str) -> str:
    """Run one command of mutmut in `folder` and return what it printed."""
    command = [sys.executable, "-m", "mutmut", *words]
    env = {**os.environ, **ONE_THREAD, "PYTHONPATH": ""}
    done = subprocess.run(
        command, cwd=folder, check=True, env=env, text=True, stdout=subprocess.PIPE
    )
    return done.stdout


def statuses(folder: Path) -> dict[str, str]:
    """Return the status of every mutant: `killed`, `survived` and so on, by name."""
    lines = mutmut(folder, "results", "--all", "true").splitlines()
    return dict(line.strip().split(": ", 1) for line in lines if ": " in line)


def run(module: str, sample: int) -> str:
    """Mutate one module, print its survivors, and return the line that sums it up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, module)
        if sample:
            mutmut(folder, "run", "--max-children", "1", "*__mutmut_1")
            left = sorted(n for n, s in statuses(folder).items() if s == "not checked")
            more = min(max(sample - len(statuses(folder)) + len(left), 1), len(left))
            chosen = random.Random(module).sample(left, more)
            mutmut(folder, "run", "--max-children", "1", *chosen)
        else:
            mutmut(folder, "run", "--max-children", "1")
        tried = {n: s for n, s in statuses(folder).items() if s != "not checked"}
        left = [name for name, status in tried.items() if status not in KILLED]
        for name in left:
            print(f"\n{name}: {tried[name]}\n{mutmut(folder, 'show', name)}", flush=True)
    killed = len(tried) - len(left)
    return f"{module}: {killed} of {len(tried)} killed ({killed / len(tried):.1%})"


def main() -> None:
    """Mutate the modules that are named, or all of TARGETS."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules under src/analysis; all by default")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each; all by default")
    given = parser.parse_args()
    print("\n".join([run(module, given.sample) for module in given.modules or TARGETS]))


if __name__ == "__main__":
    main()
