"""CONTRIBUTING.md: its steps, followed in miniature, have the effects that it promises."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell

import analysis.audit  # noqa: F401 (registers its checks)
from analysis.base.charts import Sketch
from analysis.base.drawing import Canvas
from analysis.base.errors import ReportError
from analysis.base.texts import read_texts
from analysis.book.artifacts import make_metric
from analysis.book.forms import format_metric
from analysis.book.publish import declared, may_be_published
from analysis.book.reference import dictionary_table
from analysis.book.show import format_cells, show
from analysis.cohorts import Cohorts
from analysis.contract import captions, catalogue, checks, params, stages
from analysis.contract.captions import chart
from analysis.contract.chapter import Chapter, table
from analysis.contract.checks import REGISTER, Verdict, check, to_table
from analysis.contract.inputs import RESERVED
from analysis.contract.stages import STAGES, Stage
from analysis.model import features, snapshots
from analysis.model.candidates import fit, pipelines, source_columns
from analysis.model.features import NEEDS, feature_columns
from analysis.run import documents, runner
from analysis.run.execute import check_parameters
from analysis.run.folders import Run
from analysis.summary import entries, materiality
from analysis.summary.judged import describe_checks
from analysis.summary.numbers import as_text, is_struck, numbers_table
from simulation import FAULTS, simulate
from simulation.faults import collect_faults, values
from simulation.plan import Plan, fault
from tests.book.small_book import plain, words
from tests.charting import axes_of, says
from tests.handmade import ROOT, make_events, make_log, make_params, make_users, make_window
from tests.model.made_up import SNAPSHOTS
from tests.model.test_snapshots import shoot
from tests.run import test_notebooks as of_notebooks
from tests.run.test_runner import write_notebook

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^## Add an? (\w+)$", PAGE, re.MULTILINE)
ROOMS = (ROOT, ROOT / "src" / "analysis", ROOT / "src" / "analysis" / "book")
"""Folders from which a path on the page may start."""


# --- the page itself --------------------------------------------------------------------------


def test_every_heading_has_a_test() -> None:
    required = {"feature", "metric", "check", "chart", "column", "stage", "fault"}
    assert required <= set(HEADINGS)
    assert [name for name in HEADINGS if f"test_add_a_{name}" not in globals()] == []


def named(pattern: str) -> list[str]:
    """Return what stands in code quotes on the page and matches all of `pattern`."""
    quoted = re.findall(r"`([^`\n]+)`", PAGE)
    return sorted({text for text in quoted if re.fullmatch(pattern, text)})


def is_there(path: str) -> bool:
    in_a_chapter = any((ROOT / "src" / "analysis").glob(f"*/{path}"))
    return in_a_chapter or any((room / path).exists() for room in ROOMS)


def test_every_path_on_the_page_exists() -> None:
    paths = named(r"(?!\.\./)[\w./-]+(/|\.(py|yml|md|toml|lock|ipynb))")
    assert len(paths) > 30
    placeholders = {"notebooks/NN_name.ipynb"}
    assert [path for path in paths if path not in placeholders and not is_there(path)] == []


def test_every_module_target_and_package_on_the_page_exists() -> None:
    modules = re.findall(r"python -m ([\w.]+)", PAGE)
    assert modules
    assert all(find_spec(module) for module in modules)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {command.split()[1] for command in named(r"make \w+")}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+) \| [^|]+ \|$", PAGE.partition("## Dep")[2], re.M)
    packages = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    assert len(packages) > 5
    assert all(metadata.version(name) for name in packages)


def test_every_room_is_in_the_table_of_rooms() -> None:
    folders = {path.parent.name for path in (ROOT / "src" / "analysis").glob("*/__init__.py")}
    assert folders == {name.strip("/") for name in re.findall(r"`(\w+/)`", PAGE)} & folders


# --- what the steps promise -------------------------------------------------------------------


@pytest.fixture
def copied_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a copy of the catalogue's folder, which is read in its place."""
    folder = tmp_path / "catalogue"
    shutil.copytree(catalogue.FOLDER, folder)
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    forget_catalogue()
    yield folder
    monkeypatch.undo()
    forget_catalogue()


def forget_catalogue() -> None:
    catalogue._files.cache_clear()
    catalogue._table_of.cache_clear()


def describe(folder: Path, columns: str, tables: str) -> None:
    """Add lines to the `columns` and the `tables` of the catalogue of cohorts."""
    path = folder / "cohorts.yml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("columns:\n", f"columns:\n{columns}", 1)
    path.write_text(text.replace("\ntables:\n", f"\ntables:\n{tables}", 1), encoding="utf-8")


@pytest.fixture
def cohorts() -> Cohorts:
    """Give the chapter on six users."""
    users = make_users({f"u{i}": f"2025-01-0{i + 1}" for i in range(6)})
    events = make_events([(f"u{i}", f"2025-0{m}-1{i}") for i in range(6) for m in range(1, 7 - i)])
    log = make_log(events, users, make_window("2025-01-01", "2025-07-01"))
    chosen = make_params(min_group=2, group_columns=[]).model_dump()
    stage = stages.find(Cohorts.stage)
    return Cohorts(log, **{name: chosen[name] for name in stage.params})


def test_add_a_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    def behaviour(*arguments: Any) -> Any:
        known = features.behaviour(*arguments)
        return known.mutate(weekend_share=0.5, clicks_lately=known.event_count)

    monkeypatch.setattr(snapshots, "behaviour", behaviour)
    monkeypatch.setitem(NEEDS, "clicks_lately", {"click"})
    numeric, _ = feature_columns(shoot())
    assert "weekend_share" in numeric
    assert "clicks_lately" not in numeric, "the log has no clicks"
    assert "weekend_share" in features.feature_summary(shoot())["feature"].tolist()

    table = SNAPSHOTS.assign(weekend_share=SNAPSHOTS["noise"])
    numeric, categorical = feature_columns(table)
    models = pipelines(numeric, categorical, seed=1)
    fitted = fit(models["logistic_regression"], table[table["split"] == "train"])
    assert "weekend_share" in source_columns(fitted)[0]


def test_a_feature_with_words_is_reserved(copied_catalogue: Path) -> None:
    made = {"recency_days", "silence_ratio", *NEEDS}
    assert made <= catalogue.features()
    assert made <= RESERVED | {"credits_spent"}
    path = copied_catalogue / "model.yml"
    text = path.read_text(encoding="utf-8")
    line = "    recency_days: Days since the last event\n"
    assert line in text
    path.write_text(text.replace(line, f"{line}    weekend_share: At weekends\n", 1), "utf-8")
    forget_catalogue()
    assert "weekend_share" in catalogue.features()


def test_add_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Verdict("retention_eligible", "fail")
    entry = entries.metric(0.25, "share", "Back at the weekend", 40, (0.1, 0.4), ["retention"])
    texts = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    facts = {"wrong": 1, "left_out": 0, "users": 2}
    verdicts = to_table([Verdict("retention_eligible", "fail", 1.0, facts=facts)])
    nothing = pd.DataFrame(columns=materiality.COLUMNS)
    judged = describe_checks(verdicts.assign(stage="05_cohorts"), texts, nothing)
    known = entries.with_checks(
        {"weekend_return": entry},
        lambda key, bases: materiality.behind(key, bases, materiality.reach(judged, nothing)),
    )
    assert example.check in known["weekend_return"]["checks"]
    assert plain(as_text(known["weekend_return"])) == "25.0 % (10.0 to 40.0 %, n = 40)"
    assert is_struck(known["weekend_return"], [example.check])
    assert not is_struck(known["weekend_return"], [])
    row = numbers_table(known, [example.check]).iloc[0]
    assert (row["key"], row["is_struck"]) == ("weekend_return", "yes")
    printed = make_metric("weekend_return", known["weekend_return"])
    assert plain(format_metric(printed)) == "25.0 %"
    assert printed.checks == tuple(known["weekend_return"]["checks"])


@pytest.fixture
def restored_register() -> Iterator[None]:
    """Take out of the register what a test declares."""
    before = dict(REGISTER)
    yield
    REGISTER.clear()
    REGISTER.update(before)


SENTENCES = {
    "title": "Days of retention",
    "evidence": '{{ n | plural("day", "days") }} are judged.',
    "pass": "There are enough.",
    "fail": "There are too few.",
    "remedy": "Name more in `retention_days`.",
}


@pytest.mark.usefixtures("restored_register")
def test_add_a_check(cohorts: Cohorts) -> None:
    @check(stage="05_cohorts", strikes=["retention"])
    def days_judged(retention_by_day: pd.DataFrame, min_group: int, window: Any) -> Verdict:
        """Judge whether there are enough days of retention."""
        assert (min_group, window) == (2, cohorts.log.window)
        return Verdict("days_judged", "fail", n=int(retention_by_day["day"].nunique()))

    verdicts = cohorts.verdict_table
    assert verdicts["check"].tolist()[-1] == "days_judged"
    (verdict,) = cohorts.verdicts({"days_judged"})  # as a study asks for it
    assert verdict.n == 7

    texts = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    nothing = pd.DataFrame(columns=materiality.COLUMNS)
    judged = verdicts.assign(stage=cohorts.stage)
    with pytest.raises(ReportError, match="no entry for the check 'days_judged'. Add one"):
        describe_checks(judged, texts, nothing)
    texts["report"]["days_judged"] = SENTENCES
    row = describe_checks(judged, texts, nothing).iloc[-1]
    assert row["evidence"] == "7 days are judged."
    assert row["consequence"] == "There are too few."
    assert (row["strikes"], row["stage"]) == ("retention", "05_cohorts")
    chapter = of_notebooks.read(stages.find(row["stage"]))
    assert any("{checks-panel}" in cell.source for cell in chapter.cells)

    rate = entries.metric(0.3, "share", "Back", rests_on=["retention"])
    churn = entries.metric(0.3, "share", "Left", rests_on=["churn"])
    described = describe_checks(judged, texts, nothing)
    known = entries.with_checks(
        {"back": rate, "left": churn},
        lambda key, bases: materiality.behind(key, bases, materiality.reach(described, nothing)),
    )
    assert [is_struck(entry, ["days_judged"]) for entry in known.values()] == [True, False]


EXAMPLE_WORDS = {
    "topic": "Users by day of the week",
    "title": "{% if late > early %}Users come back on weekends{% else %}On weekdays{% endif %}",
    "subtitle": "Share of users by day",
    "label": "Line from {{ early | share }} to {{ late | share }}.",
    "mark": "Day {{ day }}: {{ rate | share }}",
}


@chart("day", "rate")
def draw_example(rates: pd.DataFrame) -> Sketch:
    """Return a line of `rate` by `day`."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.panel(200)
        axes.plot(rates["day"], rates["rate"])
        for day, rate in zip(rates["day"], rates["rate"], strict=True):
            canvas.mark(axes, day, rate, canvas.say("mark", day=day, rate=rate))

    return Sketch({"early": rates["rate"].iloc[0], "late": rates["rate"].iloc[-1]}, paint)


def test_add_a_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(captions.all_captions(), "example", EXAMPLE_WORDS)
    rates = pd.DataFrame({"day": [1, 2], "rate": [0.3, 0.4]})
    drawn = draw_example(rates)
    assert axes_of(drawn)[0].lines[0].get_ydata().tolist() == [0.3, 0.4]
    assert says(drawn, narrow=True) == ["Day 1: 30.0 %", "Day 2: 40.0 %"]
    assert drawn.title == "Users come back on weekends"
    assert draw_example(rates[::-1]).title == "On weekdays"
    assert draw_example(rates[:0]).reason == "No data."
    with pytest.raises(ReportError, match="draw_example: the frame has no column 'rate'"):
        draw_example(rates[["day"]])

    cell = new_code_cell("show_chart(charts.draw_example(cohorts.rates))")
    cell.metadata["tags"] = ["hide-input"]
    sentence = new_markdown_cell("## When?\nOne line for all of the users.")
    notebook = nbformat.v4.new_notebook(cells=[sentence, cell])
    monkeypatch.setattr(of_notebooks, "read", lambda stage: notebook)
    of_notebooks.test_each_chart_has_a_sentence_before_it(STAGES[0])
    with pytest.raises(AssertionError):
        of_notebooks.test_each_chart_says_what_it_rests_on(STAGES[0])
    cell.metadata["churnbook"] = {"rests_on": ["retention"]}
    of_notebooks.test_each_chart_says_what_it_rests_on(STAGES[0])


@dataclass(frozen=True, eq=False)
class Example(Chapter):
    """A chapter of one table."""

    rows: pd.DataFrame
    stage: ClassVar[str] = "99_example"

    @table
    def example_days(self) -> pd.DataFrame:
        """Return the events of each example_day."""
        return self.rows


EXAMPLE = Stage(
    Example.stage,
    "Trend and cohorts",
    reads=(stages.VOLUME,),
    writes={"example_days": "example/days.csv"},
    params=("seed",),
)
COLUMNS = """\
  example_day: {label: Day of the week, unit: text, meaning: Name of the day.}
  example_share: {label: Share of the week, unit: share, meaning: Events of the day over all.}
"""
TABLES = """\
  example_days:
    title: Events of each example_day
    rests_on: [counts]
    columns: [example_day, example_share]
"""


def test_add_a_column(
    copied_catalogue: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stages, "STAGES", (*STAGES, EXAMPLE))
    describe(copied_catalogue, COLUMNS, TABLES)
    chapter = Example(pd.DataFrame({"example_day": ["Monday"], "example_share": [0.25]}))
    cells = format_cells(chapter.example_days, catalogue.table_of("example_days"))
    assert plain(cells.loc[0, "Share of the week"]) == "25.0 %"
    page = BeautifulSoup(show(chapter.example_days).as_raw_html(), "html.parser")
    assert [words(head) for head in page("th")] == ["Day of the week", "Share of the week"]
    listed = str(dictionary_table(catalogue.table_of("example_days")))
    assert "Events of the day over all." in listed
    chapter.write(str(tmp_path))
    assert (tmp_path / EXAMPLE.writes["example_days"]).is_file()
    with pytest.raises(
        ReportError, match="example_days: the column 'example_share' is promised by the catalogue"
    ):
        Example(chapter.rows[["example_day"]]).write(str(tmp_path))


def test_add_a_stage(
    copied_catalogue: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    verdicts = "example/checks.csv"
    stage = replace(EXAMPLE, writes={**EXAMPLE.writes, "verdict_table": verdicts})
    monkeypatch.setattr(stages, "STAGES", (*STAGES, stage))
    describe(copied_catalogue, COLUMNS, TABLES)

    assert stages.needs(stage) == {"02_clean_events"}
    assert stages.checks_of_stages()[stage.name] == verdicts
    summary = stages.find(stages.SUMMARY)
    assert verdicts in stages.reads_of(summary)
    assert stage.name in stages.needs(summary)
    assert f"- file: book/chapters/{stage.name}" in documents.render_toc()
    row = "| `example/days.csv` | Events of each example_day | 99_example |"
    assert row in documents.render_data_readme()
    assert set(stage.writes.values()) <= set(declared())
    assert may_be_published("example/days.csv", catalogue.columns_of("example_days"))

    monkeypatch.setattr(stages, "STAGES", (stage,))  # run by itself, without a manifest
    monkeypatch.setattr(runner, "write_manifest", lambda run: None)
    monkeypatch.setattr(runner, "write_crate", lambda run, manifest: None)
    run = lay_out(tmp_path / "project", stage)
    notebook = nbformat.read(run.project / "notebooks" / f"{stage.name}.ipynb", as_version=4)
    check_parameters(notebook, stage)
    assert runner.run_stages(run, lambda *_: None) == [stage.name]
    assert (run.data / "example/days.csv").read_text() == "example_day,example_share\nMonday,1.0\n"
    assert (run.chapters / f"{stage.name}.ipynb").is_file()
    assert runner.run_stages(run, lambda *_: None) == []


def lay_out(project: Path, stage: Stage) -> Run:
    """Return a run of a project with the notebook of one stage and the table that it reads."""
    (project / "notebooks").mkdir(parents=True)
    (project / "data" / "audit").mkdir(parents=True)
    (project / "data" / stages.VOLUME).write_text("day,events\n2025-01-06,3\n")
    cells = [
        'inputs = "data"\noutputs = "data"\nseed = 1',
        "from pathlib import Path\nimport pandas as pd\n"
        f"volume = pd.read_csv(f'{{inputs}}/{stages.VOLUME}', parse_dates=['day'])\n"
        "shares = volume.assign(example_day=volume['day'].dt.day_name(), example_share=1.0)",
        "folder = Path(outputs, 'example')\nfolder.mkdir()\n"
        "shares[['example_day', 'example_share']].to_csv(folder / 'days.csv', index=False)\n"
        "pd.DataFrame().to_csv(folder / 'checks.csv')",
    ]
    write_notebook(project, stage.name, cells)
    for name in ("users", "events"):
        (project / f"{name}.csv").write_text("user_id\n")
    given = {name: str(project / f"{name}.csv") for name in ("users", "events")}
    return Run(project, project / "data", project / "chapters", make_params(**given))


def test_add_a_parameter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class More(params.Params):
        shown_months: params.Days

    text = (ROOT / "params.yml").read_text(encoding="utf-8")
    text += '\nshown_months:\n  value: 12\n  unit: months\n  reason: "Enough for a year."\n'
    (tmp_path / "params.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(params, "Params", More)
    known = params.load_params(tmp_path / "params.yml").model_dump()
    assert known["shown_months"] == 12
    with pytest.raises(ReportError, match="shown_months: .* greater than or equal to 1"):
        params.load_params(tmp_path / "params.yml", {"shown_months": 0})
    assert params.load_notes(tmp_path / "params.yml")["shown_months"].unit == "months"

    stage = stages.find("05_cohorts")
    longer = replace(stage, params=(*stage.params, "shown_months"))
    notebook = of_notebooks.read(stage)
    with pytest.raises(ReportError, match="parameters cell and stages.py differ: shown_months"):
        check_parameters(notebook, longer)
    (cell,) = [cell for cell in notebook.cells if "parameters" in of_notebooks.tags(cell)]
    cell.source += "\nshown_months = 12  # months"
    check_parameters(notebook, longer)


def test_add_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    @fault("users", strengths=(0.1, 0.5), found_by=("missing_values",))
    def blank_countries(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
        """Share of users whose country is
        not given.
        """
        is_blank = plan.choose(share, len(users), "blank_countries")
        return users.assign(country=users["country"].mask(is_blank))

    monkeypatch.setattr(values, "blank_countries", blank_countries, raising=False)
    assert collect_faults()["blank_countries"] is blank_countries
    assert set(collect_faults()) == {*FAULTS, "blank_countries"}
    monkeypatch.setitem(FAULTS, "blank_countries", blank_countries)

    planted = simulate(1000, 5, seed=1, faults={"blank_countries": 0.3}, dirt=False)
    clean = simulate(1000, 5, seed=1, dirt=False)
    assert planted.users["country"].isna().mean() == pytest.approx(0.3, abs=0.05)
    assert planted.users.drop(columns="country").equals(clean.users.drop(columns="country"))
    assert planted.events.equals(clean.events)
    stated = planted.truth["faults"]["blank_countries"]
    assert stated["meaning"] == "Share of users whose country is not given."
    assert set(blank_countries.found_by) <= set(checks.REGISTER)
