"""Does the report judge real logs as a careful analyst did?

`python -m benchmarks.real ../shared/real-logs` builds the report on every log under the folder (a
folder with users.* and events.*), and sets what it says beside the README.md there: its tables
with a row per log and the columns of QUESTIONS hold the referee's verdicts. A log whose build stops
is in the table too. The result is kept in book/studies/real.csv, which the appendix shows.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis.base.errors import ReportError
from analysis.base.formats import format_list, plural
from analysis.contract import catalogue, stages
from analysis.contract.params import load_params
from analysis.run.folders import Run
from analysis.run.runner import run_stages
from benchmarks.company import HEADLINES, ROOT, STUDIES, write_result

RESULT = STUDIES / "real.csv"
HEADS = catalogue.heads_of("real")
"""Heads of the columns in the file that the appendix shows."""
FIGURES, WINDOW = "Figures to strike", "Window"
JUDGED_BY = {
    "Events missing": (
        "log_volume", "log_users", "log_mix", "newcomers_seen", "early_users_seen",
        "groups_seen", "survivors", "signup_flow", "capped_histories",
    ),
    "Duplicates": ("duplicates", "double_logging", "copied_users"),
    "Machines": ("machines",),
}  # fmt: skip
"""Questions that checks answer, each with these checks."""
QUESTIONS = (FIGURES, *JUDGED_BY, WINDOW)
"""What is asked of each log: the heads of the README's columns begin with these words."""
NAMES = ("log", "folder")
"""Heads of the README's columns that name the log."""
OF_HEADLINES = ("all", "retention", "survival", "churn")
"""Words by which the README means headline figures."""
PARENT = "as its parent"
"""What the README writes for a log made from another, whose name begins its own."""
NOT_STATED, NO_REPORT = "not stated", "no report"
SAID = {"fail": "fails", "warn": "asks for caution"}
Told = Mapping[str, Mapping[str, str]]
"""The cells of the README by question and log."""


class Findings(NamedTuple):
    """What a report says of a log: the statuses of its checks and their titles, the labels of the
    figures struck by their keys, and the window.
    """

    statuses: Mapping[str, str]
    titles: Mapping[str, str]
    struck: Mapping[str, str]
    window: str


def find_logs(folder: Path) -> list[Path]:
    """Return the folders in `folder` that hold a users and an events table."""
    with_users, with_events = (
        {path.parent for path in folder.glob(f"*/{name}.*")} for name in ("users", "events")
    )
    return sorted(with_users & with_events)


def read_referee(text: str) -> Told:
    """Return what a README's tables say: its cells by question and log, without markup."""
    told: dict[str, dict[str, str]] = {question: {} for question in QUESTIONS}
    for heads, rows in _tables_of(text):
        named = next((place for place, head in enumerate(heads) if head in NAMES), None)
        if named is None:
            continue
        for question in QUESTIONS:
            for place, head in enumerate(heads):
                if head.lower().startswith(question.lower()):
                    told[question] |= {row[named]: row[place] for row in rows}
    return told


def _tables_of(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield the heads and the rows of each table in Markdown."""
    for block in re.findall(r"(?:^\|.*\|[ \t]*\n?)+", text, flags=re.MULTILINE):
        heads, _, *rows = [_cells_of(line) for line in block.splitlines()]
        yield heads, [row for row in rows if len(row) == len(heads)]


def _cells_of(line: str) -> list[str]:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line).replace("*", "")
    return [cell.strip() for cell in plain.strip().strip("|").split("|")]


def referee_of(told: Told, question: str, log: str) -> str:
    """Return the referee's verdict on a log: the first words of the cell, without its reasons."""
    cell = told[question].get(log, "")
    if cell.startswith(PARENT):
        parents = [name for name in told[question] if log.startswith(name) and name != log]
        return referee_of(told, question, max(parents, key=len)) if parents else NOT_STATED
    reasons = r"[;(]" if question == FIGURES else r"[;,(]"
    return re.split(reasons, cell)[0].strip() or NOT_STATED


def build(log: Path, out: Path) -> Findings:
    """Return what the report says of a log, built under `out`. Raises ReportError when it stops."""
    users, events = (str(next(log.glob(f"{name}.*")).resolve()) for name in ("users", "events"))
    params = load_params(ROOT / "params.yml", {"users": users, "events": events})
    run = Run(ROOT, out / "data", out / "chapters", params)
    run_stages(run, lambda name, what, used: None)
    return read_findings(run.data)


def texts(column: "pd.Series[Any]") -> dict[str, str]:
    """Return a column of text by the labels of its rows."""
    return {str(label): str(text) for label, text in column.items()}


def read_findings(data: Path) -> Findings:
    """Return what the report in the folder `data` of a finished run says."""
    checks = pd.read_csv(data / "summary" / "checks.csv").set_index("check")
    numbers = pd.read_csv(data / "summary" / "numbers.csv").set_index("key")
    record = json.loads((data / stages.WINDOW).read_text(encoding="utf-8"))
    return Findings(
        texts(checks["status"]),
        texts(checks["title"]),
        texts(numbers.loc[numbers["is_struck"] == "yes", "label"]),
        " to ".join(record[end][:10] for end in ("log_start", "log_end")),
    )


def compare(log: str, told: Told, found: Findings | None) -> Iterator[dict[str, str]]:
    """Yield for each question `log, question, referee, says, agrees`; `found` is None when the
    build stopped.
    """
    for question in QUESTIONS:
        referee = referee_of(told, question, log)
        says = NO_REPORT if found is None else _says(found, question)
        agrees = "no" if found is None else _agrees(found, question, referee)
        agrees = NOT_STATED if referee == NOT_STATED else agrees
        row = (log, question, referee, says, agrees)
        yield dict(zip(HEADS, row, strict=True))


def _says(found: Findings, question: str) -> str:
    """Return what the report says on a question, in words."""
    if question == WINDOW:
        return found.window
    if question == FIGURES:
        return _say_struck(found.struck)
    fired = {name: found.statuses.get(name, "") for name in JUDGED_BY[question]}
    said = [f"{found.titles[n]}: {SAID[s]}" for n, s in fired.items() if s in SAID]
    return "; ".join(said) or "no"


def _say_struck(struck: Mapping[str, str]) -> str:
    """Return which headline figures are struck, and how many figures beside them."""
    headlines = [label for key, label in struck.items() if key in HEADLINES]
    others = len(struck) - len(headlines)
    said = ["all headline figures"] if len(headlines) == len(HEADLINES) else headlines
    said += [plural(others, "other figure", "other figures")] if others else []
    return format_list(said) if said else "none"


def _agrees(found: Findings, question: str, referee: str) -> str:
    """Return `yes` when the report agrees with the referee, else `no`.

    Headline figures must be struck where the referee names them (OF_HEADLINES), and only there;
    where other figures are named, one must be struck. A check must fail or ask for caution where
    the referee found something, and none may fail where there is nothing.
    """
    nothing = referee in ("none", "no")
    if question == WINDOW:
        is_right = found.window == referee
    elif question == FIGURES:
        is_headline = bool({*found.struck} & {*HEADLINES})
        is_named = any(word in referee.split() for word in OF_HEADLINES)
        is_right = is_headline == is_named and (nothing or bool(found.struck))
    else:
        statuses = {found.statuses.get(name) for name in JUDGED_BY[question]}
        is_right = "fail" not in statuses if nothing else bool(statuses & {*SAID})
    return "yes" if is_right else "no"


def study(logs: Iterable[Path], told: Told) -> pd.DataFrame:
    """Return the rows of `compare` for all logs, building one after the other."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for log in logs:
            print(log.name, flush=True)
            try:
                found = build(log, Path(folder) / log.name)
            except ReportError as error:
                print(f"  stopped: {error}", flush=True)
                found = None
            rows += compare(log.name, told, found)
    return pd.DataFrame(rows, columns=list(HEADS))


def main() -> None:
    """Build every log under a folder, and keep the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logs", nargs="+", help="names of the logs, when not all")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    readme = given.folder / "README.md"
    told = read_referee(readme.read_text(encoding="utf-8") if readme.is_file() else "")
    logs = [log for log in find_logs(given.folder) if not given.logs or log.name in given.logs]
    write_result(study(logs, told), HEADS, given.out)


if __name__ == "__main__":
    main()
