"""The sentences on checks in the language of the page, from the facts that the stages wrote.

`summary/checks.csv` holds them in English, as the summary wrote them; how each check came out, and
what it strikes, stays as it is there. A check whose facts no stage wrote keeps its English.
"""

from functools import lru_cache
from pathlib import Path

import pandas as pd

from analysis.base import files, language
from analysis.base.texts import read_texts
from analysis.book.publish import min_disclosed_of
from analysis.contract import stages
from analysis.summary.judged import describe_checks

Row = dict[str, str]
SENTENCES = ("title", "evidence", "effect", "consequence", "remedy")
MATERIALITY = "materiality"


def say_checks(rows: list[Row], data: Path, book: Path) -> list[Row]:
    """Return the rows of checks.csv with their sentences in the language in use."""
    status = tuple((row["check"], row["status"]) for row in rows)
    said = _sentences(status, data, book, language.current())
    return [{**row, **said.get(row["check"], {})} for row in rows]


@lru_cache(maxsize=8)
def _sentences(
    status: tuple[tuple[str, str], ...], data: Path, book: Path, _language: str
) -> dict[str, Row]:
    parts = [
        files.read_table(str(data / path)).assign(stage=stage)
        for stage, path in stages.checks_of_stages().items()
        if (data / path).is_file()
    ]
    decided = dict(status)
    verdicts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"check": []})
    verdicts = verdicts[verdicts["check"].isin(decided)]
    if verdicts.empty:
        return {}
    verdicts = verdicts.assign(status=verdicts["check"].map(decided))
    texts = read_texts((book / "checks.yml").read_text(encoding="utf-8"))
    effects = files.read_table(str(data / stages.path_of(MATERIALITY)))
    made = describe_checks(verdicts, texts, effects, min_disclosed=min_disclosed_of(data))
    return {str(row["check"]): {name: str(row[name]) for name in SENTENCES}
            for row in made.to_dict("records")}  # fmt: skip
