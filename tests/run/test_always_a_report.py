"""There is always a report: on logs from which little can be computed, what cannot says why."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from analysis.base import files
from analysis.base.unavailable import reason_of
from analysis.book.show import show
from analysis.contract import stages
from analysis.contract.chapter import Chapter, frame
from tests.handmade import ROOT, make_params
from tests.run.unhelpful import LOGS, build

KEYS = re.compile(r"\{kpi\}`([a-z0-9_]+)")
PAGES = [ROOT / "index.md", *sorted((ROOT / "notebooks").glob("*.ipynb"))]
WITHOUT_A_MODEL = ("one_day", "ten_days", "twenty_days", "one_user", "all_churn", "nobody_churns")
NOT_SENTENCES = re.compile(r"\bnan\b|\bNone\b|^[a-z]|[^.]$")


@pytest.fixture(scope="module", params=list(LOGS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every chapter of one log, written under a folder."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, dict(build(LOGS[request.param](), folder))


def _frames(chapter: Chapter) -> dict[str, pd.DataFrame]:
    names = [n for n in dir(type(chapter)) if isinstance(getattr(type(chapter), n, None), frame)]
    return {name: getattr(chapter, name) for name in names}


def test_every_declared_artifact_is_written(run: tuple[str, Path, Any]) -> None:
    _, folder, _ = run
    missing = [p for s in stages.STAGES for p in s.writes.values() if not (folder / p).is_file()]
    assert missing == []


def test_what_cannot_be_computed_says_why_in_whole_sentences(run: tuple[str, Path, Any]) -> None:
    _, _, chapters = run
    for chapter in chapters.values():
        for table in _frames(chapter).values():
            reason = reason_of(table)
            assert not reason or not NOT_SENTENCES.search(reason), reason


def _charts_of(stage: str, chapter: Chapter) -> Iterator[str]:
    """Yield the page's source of every chart of a notebook, drawn of `chapter`."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{stage}.ipynb", 4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    reading = next(source for source in cells if ".read(" in source)
    names = {**make_params().model_dump(), reading.split(" = ")[0].splitlines()[-1]: chapter}
    exec("\n".join(line for line in reading.splitlines() if line.startswith("from ")), names)
    for source in cells:
        if source.startswith("show_chart("):
            yield str(eval(source, names))


def test_every_chart_is_drawn_or_says_why(run: tuple[str, Path, Any]) -> None:
    _, _, chapters = run
    for stage, chapter in chapters.items():
        for page in _charts_of(stage, chapter):
            assert not re.search(r"\bnan\b", page, re.IGNORECASE)


def test_tables_are_shown_with_their_reason(run: tuple[str, Path, Any]) -> None:
    _, _, chapters = run
    model = chapters["06_model"]
    page = show(model.evaluation_chosen).as_raw_html()
    assert ("Not available. " in page) == bool(reason_of(model.evaluation_chosen))


def test_pages_find_every_figure_they_print(run: tuple[str, Path, Any]) -> None:
    _, folder, _ = run
    metrics = files.read_json(str(folder / "summary/metrics.json"))
    printed = {key for page in PAGES for key in KEYS.findall(page.read_text(encoding="utf-8"))}
    assert printed <= set(metrics)


def test_without_a_model_no_figure_of_it_and_no_action_by_score(
    run: tuple[str, Path, Any],
) -> None:
    name, folder, chapters = run
    metrics = files.read_json(str(folder / "summary/metrics.json"))
    if name not in WITHOUT_A_MODEL:
        pytest.skip("these users can be modelled, or not, by chance")
    assert chapters["06_model"].why_not
    keys = ("test_auc", "flagged_users", "expected_churners", "model_vs_recency", "model_name")
    assert [metrics[key]["value"] for key in keys] == [None] * len(keys)
    assert metrics["flagged_users"]["reason"] == chapters["06_model"].why_not
    assert chapters["10_summary"].actions["action"].str.contains("contact", case=False).sum() == 0


def test_the_cells_of_the_notebooks_run(run: tuple[str, Path, Any]) -> None:
    from analysis.model import charts
    from analysis.segments import charts as segment_charts

    _, _, chapters = run
    model, scoring, segments = (chapters[n] for n in ("06_model", "07_scoring", "08_segmentation"))
    gain = model.gain_over_recency
    charts.draw_model_comparison(model.roc_auc_by_model, chosen=model.in_use, gain=gain)
    charts.draw_pr(model.pr_points, base_rate=model.base_rate, chosen=model.in_use)
    charts.draw_score_histogram(model.chosen_scores)
    charts.draw_dependence(model.dependence)
    charts.draw_profit(model.profit, chosen=model.contacted)
    charts.draw_score_distribution(scoring.predictions, threshold=scoring.threshold)
    charts.draw_group_differences(scoring.groups_against_rest)
    segment_charts.draw_cluster_profile(segments.cluster_summary)
    segment_charts.draw_tier_churn(segments.tier_churn, min_users=segments.min_group)
