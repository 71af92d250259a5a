"""What the checks on rows, users and columns say of real logs whose truth is known."""

from functools import lru_cache

import pytest

from analysis.audit import Audit
from analysis.base import engine
from analysis.contract import stages
from analysis.contract.checks import Verdict
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.raw import read_raw
from tests.handmade import ROLES, ROOT, make_params

REAL_LOGS = ROOT.parent / "shared" / "real-logs"
pytestmark = pytest.mark.skipif(not REAL_LOGS.is_dir(), reason=f"no real logs at {REAL_LOGS}")


@lru_cache(maxsize=1)  # the cases come log by log
def audit_of(log: str) -> Audit:
    """Return the audit of one log, with the parameters of params.yml."""
    con = engine.connect()
    (users_file,), (events_file,) = (
        list((REAL_LOGS / log).glob(f"{name}.*")) for name in ("users", "events")
    )
    users = UsersChapter(read_raw(con, str(users_file), "users", USERS, {}), "UTC")
    raw = read_raw(con, str(events_file), "events", EVENTS, {})
    events = EventsChapter(raw, users.users, "UTC", None, None, [], ROLES, 30)
    params = make_params().model_dump()
    of_stage = {name: params[name] for name in stages.find(Audit.stage).params}
    return Audit(events.log, users.users_qa, events.events_qa, **of_stage)


def judged(log: str, check: str) -> Verdict:
    (verdict,) = audit_of(log).verdicts({check})
    return verdict


TOLD = [
    ("ruff-commits", "machines", "fail"),  # two of the four bots work on Mondays
    ("ruff-commits", "automatic_events", "pass"),
    ("ruff-commits", "lateness", "warn"),
    ("ruff-commits", "signup_flow", "pass"),
    ("angularjs-commits", "machines", "pass"),
    ("angularjs-commits", "times_of_day", "warn"),  # dates only
    ("angularjs-commits", "signup_dates", "fail"),  # a user of 1970
    ("angularjs-commits", "recorded_to_the_end", "pass"),
    ("nycflights-planes", "machines", "pass"),  # planes keep to a schedule, as all do
    ("nycflights-planes", "copied_users", "pass"),  # planes of one model are not one plane
    ("nycflights-planes", "signup_flow", "warn"),  # signup is the first sighting
    ("opendata-stackexchange", "machines", "fail"),
    ("opendata-stackexchange", "newcomers_seen", "warn"),
    ("opendata-stackexchange", "native_agrees", "warn"),
    ("opendata-stackexchange", "missing_values", "warn"),
    ("opendata-stackexchange", "orphans", "pass"),
    ("opendata-stackexchange", "events_before_signup", "warn"),
    ("opendata-stackexchange", "impossible_values", "warn"),  # ages of 15 to 17
    ("opendata-stackexchange", "groups_seen", "pass"),
    ("opendata-stackexchange", "signup_flow", "pass"),
    ("uk-retail-orders", "impossible_values", "pass"),  # cancellations are negative by nature
    ("uk-retail-orders", "machines", "pass"),
    ("uk-retail-orders", "log_amounts", "pass"),
    ("uk-retail-orders", "signup_flow", "warn"),  # the first months hold old customers
]


@pytest.mark.parametrize(("log", "check", "status"), TOLD)
def test_a_real_log_is_judged_as_a_careful_analyst_would(log, check, status):
    assert judged(log, check).status == status


@pytest.mark.parametrize(
    ("log", "check", "ids"),
    [
        ("ruff-commits", "machines", ["u4099e40a1649", "ua6fdf3bc17c1"]),
        ("angularjs-commits", "signup_dates", ["uc1a7f14464be"]),
        ("opendata-stackexchange", "machines", ["s1edcf678da"]),
    ],
)
def test_the_suspects_are_those_of_the_log_s_story(log, check, ids):
    suspects = judged(log, check).suspects
    assert suspects is not None
    assert suspects["user_id"].tolist() == ids


def test_the_visits_that_a_log_does_not_hold_are_counted():
    facts = judged("opendata-stackexchange", "native_agrees").facts
    assert facts["later"] == 2_820  # 70.6 % of 3,996, but for two
    assert facts["users"] == 3_996
