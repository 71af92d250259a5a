"""How far figures move without what a check suspects, and what follows for the verdicts."""

import numpy as np
import pandas as pd
import pytest

from analysis.contract import suspects
from analysis.contract.checks import OF_THE_DATA, Check, Verdict, to_table
from analysis.log.churn import Windows
from analysis.summary import materiality as module
from analysis.summary.materiality import behind, beside, decide, materiality, reach
from analysis.summary.recomputed import Evidence, figures, without
from tests.handmade import ROLES, at, make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-05-01")  # 120 days
TYPED = {"window": WINDOW, "zone": "UTC", "roles": ROLES, "gap_minutes": 30, "types": ()}


def daily(user: str, first: int, last: int, step: int = 1) -> list[tuple[str, str]]:
    day = pd.Timestamp("2025-01-01", tz="UTC")
    return [(user, str(day + pd.Timedelta(days=n, hours=9))) for n in range(first, last, step)]


ROWS = [
    *daily("stays", 0, 120),
    *daily("weekly", 3, 120, 7),
    *daily("leaves", 0, 85),
    *daily("machine", 0, 120),
    *daily("back", 0, 20),
    *daily("back", 100, 120),
]
USERS = make_users({
    "stays": "2025-01-01", "weekly": "2025-01-04", "leaves": "2025-01-01", "machine": "2025-01-01",
    "back": "2025-01-01",
})  # fmt: skip
NO_SCORES = pd.DataFrame({"user_id": ["stays"], "churned": [0.0], "proba": [0.2]})
NOW = pd.DataFrame({"user_id": ["stays", "machine"], "proba_churn": [0.3, 0.9]})
EVENTS = make_events(ROWS)
LOG = make_log(EVENTS, USERS, WINDOW)
SNAPSHOTS = pd.DataFrame({
    "user_id": ["stays", "stays"], "split": ["test", "score"], "churned": [0.0, None],
    "snapshot_at": [at("2025-04-01"), at("2025-05-01")],
})  # fmt: skip


def evidence(**changed) -> Evidence:
    given = {
        "users": USERS, "user_days": LOG.user_days, "window": WINDOW, "windows": Windows(30, 0, 30),
        "zone": "UTC", "min_group": 1, "events": len(ROWS), "group_columns": [],
        "snapshots": SNAPSHOTS, "scores": NO_SCORES, "predictions": NOW, "segments": "continuum",
    }  # fmt: skip
    return Evidence(**(given | changed))


def left(*parts: pd.DataFrame) -> dict:
    return figures(without(evidence(), suspects.join(parts), LOG.events, TYPED))


def test_the_figures_of_the_whole_log_by_hand():
    found = figures(evidence())
    assert found["retention_d1"] == 4 / 5  # all but "weekly", who comes on day 0 and 7
    assert found["retention_d7"] == 1
    assert found["churn_rate"] == 1 / 4  # of those seen in March, "leaves" stopped on day 85
    assert found["expected_churners"] == 1  # 0.3 + 0.9
    assert found["test_auc"] is None  # one outcome only
    assert found["events_total"] == len(ROWS)


def test_without_a_user_the_figures_are_those_of_the_others():
    found = left(suspects.users(["machine"]))
    assert found["retention_d1"] == 3 / 4
    assert found["churn_rate"] == 1 / 3
    assert found["expected_churners"] == 0
    assert found["events_total"] == len(ROWS)  # a machine's events did happen


def test_without_a_span_only_what_is_known_counts():
    found = left(suspects.span(at("2025-03-20"), at("2025-05-01")))
    assert (
        found["churn_rate"] == 1 / 5
    )  # in February, after the last snapshot with known days: "back"
    assert found["retention_d30"] == 1  # everybody's first month is known
    assert found["expected_churners"] is None  # today's users are seen in the span
    nothing = left(suspects.span(at("2025-01-01"), at("2025-05-01")))
    assert nothing["churn_rate"] is None
    assert nothing["retention_d1"] is None


def test_a_span_keeps_users_whose_days_end_before_it():
    """A window [signup, signup + 2 days) that ends where the span begins is known."""
    assert left(suspects.span(at("2025-01-03"), at("2025-01-04")))["retention_d1"] == 4 / 5
    assert left(suspects.span(at("2025-01-02"), at("2025-01-04")))["retention_d1"] == 0  # "weekly"


def test_without_a_type_of_events_its_days_are_gone():
    is_push = ["push" if user == "machine" else "content_play" for user, _ in ROWS]
    log = make_log(make_events(ROWS, event_type=is_push), USERS, WINDOW)
    given = evidence(user_days=log.user_days)
    found = figures(without(given, suspects.event_types(["push"]), log.events, TYPED))
    assert found["retention_d1"] == 3 / 5
    assert found["expected_churners"] is None  # a quarter of the events were read by the model


def test_events_too_many_change_counts_and_what_the_model_read_but_no_day():
    extra = pd.DataFrame(
        {
            "user_id": ["stays"],
            "start": [at("2025-01-05")],
            "end": [at("2025-01-06")],
            "amount": [5.0],
        }
    )
    found = left(suspects.surplus(extra))
    assert found["events_total"] == len(ROWS) - 5
    assert found["retention_d1"] == 4 / 5
    assert found["expected_churners"] is None  # 5 of 347 events: more than 1 %


def test_a_share_of_lost_events_is_tried_by_leaving_out_as_many_again():
    kept = without(evidence(), suspects.lost(0.5), LOG.events, TYPED).user_days
    rows, some = LOG.user_days.count().execute(), kept.count().execute()
    assert some == pytest.approx(rows / 2, abs=2)  # one event a row, spread evenly
    assert (
        figures(without(evidence(), suspects.lost(0.02), LOG.events, TYPED))["churn_rate"] == 1 / 4
    )


def test_the_halves_of_a_day_are_lost_together():
    visits = [(user, f"2025-02-01T{hour}:00") for user in USERS["user_id"] for hour in (10, 14)]
    events = make_events(visits, session_id=list("aabbccddee"))
    halves = make_log(events, USERS, WINDOW).user_days
    kept = without(evidence(user_days=halves), suspects.lost(1e-9), LOG.events, TYPED).user_days
    assert halves.count().execute() == len(visits)
    assert kept.events.execute().tolist() == [2] * (len(USERS) - 1)  # the first draw is 0


def test_nothing_can_be_said_of_users_who_are_in_neither_table():
    found = left(suspects.unseen())
    assert found.pop("events_total") == len(ROWS)
    assert set(found.values()) == {None}


def entry(value, low=None, high=None, unit="share"):
    return {"value": value, "ci_low": low, "ci_high": high, "label": "Churn", "unit": unit}


@pytest.mark.parametrize(
    ("given", "found", "is_material"),
    [
        (entry(0.32, 0.30, 0.34), 0.34, False),  # the end of its interval
        (entry(0.32, 0.30, 0.34), 0.341, True),
        (entry(0.32, 0.30, 0.34), 0.299, True),
        (entry(0.32, 0.30, 0.34), None, True),  # cannot be computed
        (entry(1000, unit="count"), 990, False),  # 1 %
        (entry(1000, unit="count"), 989, True),
        (entry("continuum", unit="text"), "continuum", False),
        (entry("continuum", unit="text"), None, True),
    ],
)
def test_a_figure_is_material_when_it_leaves_its_interval(given, found, is_material):
    named = suspects.users(["a"]).assign(check="machines")
    table = materiality(named, {"churn_rate": given}, lambda part: {"churn_rate": found})
    assert table["is_material"].tolist() == [is_material]
    assert table.loc[0, ["check", "figure", "basis"]].tolist() == [
        "machines",
        "churn_rate",
        "churn",
    ]


def test_the_effects_of_each_check_by_hand():
    named = pd.concat([
        suspects.users(["a"]).assign(check="machines"), suspects.users(["b"]).assign(check="holes"),
    ])  # fmt: skip
    entries = {
        "churn_rate": entry(0.25, 0.2, 0.3),
        "segments_verdict": entry("continuum", unit="text"),
        "test_auc": entry(None),  # not available: nothing to compare
        "events_total": entry(1000.0, np.nan, np.nan, "count"),
        "kpi_active": entry(-100.0, unit="count"),
    }
    found = {"a": {"churn_rate": 0.5, "segments_verdict": "groups", "events_total": 1011, "kpi_active": -99},
             "b": {"churn_rate": 0.2, "kpi_active": -102}}  # fmt: skip
    table = materiality(named, entries, lambda part: found[part["user_id"].iloc[0]])
    assert list(table.columns) == module.COLUMNS
    shown = table[["check", "figure", "basis", "without", "change", "is_material"]]
    assert shown.astype(object).where(shown.notna(), None).to_numpy().tolist() == [
        ["holes", "churn_rate", "churn", 0.2, pytest.approx(-0.05), False],
        ["holes", "segments_verdict", "segments", None, None, True],
        ["holes", "events_total", "counts", None, None, True],
        ["holes", "kpi_active", "activity", -102, -2, True],
        ["machines", "churn_rate", "churn", 0.5, 0.25, True],
        ["machines", "segments_verdict", "segments", "groups", None, True],
        ["machines", "events_total", "counts", 1011, 11, True],
        ["machines", "kpi_active", "activity", -99, 1, False],
    ]  # fmt: skip
    first = table.iloc[0]
    assert first[["value", "ci_low", "ci_high"]].tolist() == [0.25, 0.2, 0.3]
    assert first[["label", "unit"]].tolist() == ["Churn", "share"]


def test_rounding_alone_is_no_effect():
    assert not module._is_material(entry(0.3, 0.2, 0.4), 0.4 + 5e-10)
    assert not module._is_material(entry(0.3, 0.2, 0.4), 0.2 - 5e-10)
    assert module._is_material(entry(0.3, 0.2, 0.4), 0.4 + 2e-9)
    assert module._is_material(entry(0.3, 0.2, 0.4), 0.2 - 2e-9)


@pytest.fixture
def register(monkeypatch):
    known = {
        "machines": Check("machines", OF_THE_DATA, (), lambda: None),
        "holes": Check("holes", OF_THE_DATA, (), lambda: None),
        "drift": Check("drift", "06_model", ("scores",), lambda: None),
    }
    monkeypatch.setattr(module.checks, "REGISTER", known)


EFFECTS = pd.DataFrame(
    [
        ("machines", "churn_rate", "churn", "Churn", "share", 0.32, 0.30, 0.34, 0.325, 0.005, False),
        ("machines", "retention_d1", "retention", "Back", "share", 0.5, 0.4, 0.6, 0.5, 0.0, False),
        ("holes", "churn_rate", "churn", "Churn", "share", 0.32, 0.30, 0.34, 0.4, 0.08, True),
        ("holes", "retention_d1", "retention", "Back", "share", 0.5, 0.4, 0.6, 0.51, 0.01, False),
    ],
    columns=module.COLUMNS,
)  # fmt: skip
VERDICTS = to_table([Verdict(name, "fail") for name in ("machines", "holes", "drift")])


def test_evidence_without_a_material_effect_is_a_warning(register):
    decided = decide(VERDICTS, EFFECTS)
    assert decided["status"].tolist() == ["warn", "fail", "fail"]  # drift is no check of the data


def test_a_failing_check_strikes_only_what_depends_on_it(register):
    judged = decide(VERDICTS, EFFECTS).assign(strikes=["churn", "churn", "scores"])
    reached = reach(judged, EFFECTS)
    assert behind("churn_rate", ["churn"], reached) == ["machines", "holes"]
    assert behind("retention_d1", ["retention"], reached) == []  # not material, not seen
    assert behind("users_at_risk", ["churn"], reached) == ["machines", "holes"]
    assert behind("expected_at_last_rate", ["scores"], reached)[:2] == ["machines", "holes"]
    assert behind("mean_probability", ["scores"], reached) == ["drift"]


def test_the_effects_beside_a_figure_are_those_that_can_be_seen(register):
    assert beside(EFFECTS, "holes", "fail")["figure"].tolist() == ["churn_rate"]
    assert beside(EFFECTS, "machines", "warn")["figure"].tolist() == ["churn_rate"]
    assert beside(EFFECTS, "machines", "pass").empty


def test_a_figure_in_other_words_rests_on_what_its_figure_rests_on(register):
    rows = [("machines", "retention_d30", "retention", "Back", "share", 0.5, 0.4, 0.6, 0.3, -0.2, True),
            ("machines", "kpi_active", "activity", "Active", "count", 9, None, None, 8, -1, True)]  # fmt: skip
    effects = pd.DataFrame(rows, columns=module.COLUMNS)
    reached = reach(VERDICTS.head(1).assign(strikes=""), effects)
    assert behind("newcomers_lost_30d", ["retention"], reached) == ["machines"]
    assert behind("retention_d7", ["retention"], reached) == []  # computed again: it stands
    assert behind("kpi_active", ["activity"], reached) == ["machines"]
    assert behind("kpi_revenue", ["activity"], reached) == []
    assert behind("users_joined", ["retention"], reached) == ["machines"]


def test_headline_figures_come_first_whatever_the_order_of_the_effects(register):
    rows = [
        ("holes", name, "any", "Any", "share", 0.5, 0.4, 0.6, 0.9, 0.4, True)
        for name in ("kpi_active", "churn_rate", "retention_d1", "kpi_revenue")
    ]
    effects = pd.DataFrame(rows, columns=module.COLUMNS)
    ordered = sorted(["churn_rate", "retention_d1"], key=list(module.FIGURES).index)
    named = beside(effects, "holes", "fail")["figure"].tolist()
    assert named == [*ordered, "kpi_active", "kpi_revenue"]


def test_an_effect_that_print_does_not_show_stands_beside_no_figure(register):
    row = (
        "machines",
        "churn_rate",
        "churn",
        "Churn",
        "share",
        0.32,
        0.3,
        0.34,
        0.3201,
        1e-4,
        False,
    )
    effects = pd.DataFrame([row], columns=module.COLUMNS)
    assert beside(effects, "machines", "warn").empty
    gone = effects.astype(object).assign(without=[None])
    assert beside(gone, "machines", "warn").empty
    assert beside(EFFECTS, "machines", "not_applicable").empty
    assert list(beside(EFFECTS.head(0), "machines", "warn").columns) == module.COLUMNS
