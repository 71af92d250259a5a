"""The parameters of a run: read from params.yml, checked once, all errors together."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import yaml
from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from analysis.base.addresses import is_address, parse_address
from analysis.base.dialects import Given
from analysis.base.errors import ReportError, nearest
from analysis.base.formats import read_locale
from analysis.contract.inputs import EVENTS, ROLES, USERS, Role, names


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}; use a name like UTC") from error
    return name


def _known_language(name: str) -> str:
    try:
        read_locale(name)
    except ReportError as error:
        raise ValueError(str(error)) from error
    return name


def _known_currency(code: str) -> str:
    if code not in Locale.parse("en").currencies:
        raise ValueError(f"no currency has the code {code!r}; use one such as USD, MXN or EUR")
    return code


DAY = r"(199[0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2}"
CLOCK = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"


def _instant(text: str | None) -> str | None:
    """Take ISO 8601 of the years 1990 to 2099 and nothing else: 03.04.1998 is two days."""
    if text is not None and not _is_iso(rf"{DAY}({CLOCK})?", text):
        raise ValueError(
            "this is not an instant in ISO 8601, of the years 1990 to 2099; write it as 2025-01-31 "
            "or 2025-01-31T12:00Z"
        )
    return text


def _is_iso(pattern: str, text: str) -> bool:
    """Say whether `text` is a day or an instant in this form, and one that a calendar has."""
    try:
        return bool(re.fullmatch(pattern, text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def _closed_days(text: str) -> str:
    first, slash, last = text.partition("/")
    ends = [first, last] if slash else [first]
    if not all(_is_iso(DAY, end) for end in ends):
        raise ValueError("write a day as 2025-12-25, or a span as 2025-12-24/2026-01-02")
    if ends[0] > ends[-1]:
        raise ValueError("the first day of a span must not be after its last")
    return text


def _size(text: str) -> str:
    written = text.replace(" ", "").upper()
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?[MGT]B", written):
        raise ValueError("write a size as 500MB or 4GB")
    return written


def _spark_address(text: str) -> str:
    """Take the place of a server and nothing else: a token would be kept with the parameters."""
    if not re.fullmatch(r"sc://[A-Za-z0-9._-]+(:[0-9]+)?", text):
        raise ValueError("write the address as sc://host:port, without user, password or token")
    return text


def _format(given: dict[str, str]) -> dict[str, str]:
    Given.of(given)
    return given


Format = Annotated[dict[str, str], AfterValidator(_format)]


def _keys_among(known: Collection[str]) -> Callable[[Any], Any]:
    """Return a validator of a mapping: its keys are `known`, and no two have one value."""

    def check(mapping: Any) -> Any:
        if not isinstance(mapping, dict):
            return mapping
        for key in mapping:
            if key not in known:
                raise ValueError(f"there is no standard name {key!r}.{nearest(str(key), known)}")
        return mapping

    return check


def _one_name_each(mapping: dict[str, str]) -> dict[str, str]:
    """Take a mapping of columns if each column of the file gets one standard name."""
    for given, count in Counter(mapping.values()).items():
        if count > 1:
            named = " and ".join(repr(name) for name, value in mapping.items() if value == given)
            raise ValueError(f"{named} are both read from {given!r}; give each a column of its own")
    return mapping


def _place(given: str | None) -> str | None:
    """Take a path, or an address that can be read and holds no password."""
    if is_address(given):
        parse_address(str(given))
    return given


Place = Annotated[str | None, AfterValidator(_place)]
Columns = Annotated[dict[str, str], AfterValidator(_one_name_each)]
UsersColumns = Annotated[Columns, BeforeValidator(_keys_among(names(USERS)))]
EventsColumns = Annotated[Columns, BeforeValidator(_keys_among(names(EVENTS)))]
EventTypes = Annotated[dict[Role, str], BeforeValidator(_keys_among(ROLES))]
ClosedDays = Annotated[str, BeforeValidator(str), AfterValidator(_closed_days)]
LanguageName = Annotated[str, AfterValidator(_known_language)]
Instant = Annotated[str | None, AfterValidator(_instant)]
Size = Annotated[str, AfterValidator(_size)]
SparkAddress = Annotated[str, AfterValidator(_spark_address)]
Share = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=3660)]
Money = Annotated[float, Field(ge=0)]
TenureDays = Annotated[
    list[Annotated[int, Field(ge=1)]],
    Field(min_length=1),
    AfterValidator(lambda days: sorted(set(days))),
]
OF_THE_PAGES = frozenset({"language", "languages"})
"""Parameters of the pages alone: no figure depends on them, and no record of a run names them."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Params(BaseModel):
    """Every value a run depends on. Units and reasons stand in params.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    product: Annotated[str, Field(max_length=60)]
    data_note: Annotated[str, Field(max_length=60)]
    users: Place = None
    events: Place = None
    users_columns: UsersColumns = {}
    events_columns: EventsColumns = {}
    users_format: Format = {}
    events_format: Format = {}
    event_types: EventTypes
    passive_event_types: list[str]
    ending_event_types: list[str]
    static_columns: list[str]
    group_columns: list[str]
    engine: Literal["duckdb", "spark"] = "duckdb"
    spark_url: SparkAddress | None = None
    memory_limit: Size | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    temporary_folder: str | None = None
    simulated_users: Annotated[int, Field(ge=50)]
    simulated_events_per_user: Annotated[float, Field(gt=1)]
    simulated_seed: Seed
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    log_start: Instant = None
    log_end: Instant = None
    closed_days: list[ClosedDays]
    lookback_days: Days
    gap_days: Annotated[int, Field(ge=0, le=3660)]
    horizon_days: Days
    retention_days: TenureDays
    session_gap_minutes: Annotated[float, Field(gt=0)]
    min_group: Annotated[int, Field(ge=2)]
    min_disclosed: Annotated[int, Field(ge=1)]
    bootstrap_draws: Annotated[int, Field(ge=100)]
    most_learned: Annotated[int, Field(ge=1000)]
    seed: Seed
    max_clusters: Annotated[int, Field(ge=2, le=30)]
    null_draws: Annotated[int, Field(ge=20)]
    high_risk_from: Share
    medium_risk_from: Share
    customer_value: Money
    contact_cost: Money
    incentive_cost: Money
    saved_share: Share
    saved_share_range: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = None
    customer_value_range: Annotated[list[Money], Field(min_length=2, max_length=2)] | None = None
    currency: Annotated[str, AfterValidator(_known_currency)]
    capacity: Annotated[int, Field(ge=1)] | None = None
    holdout_share: Share
    published_view: Literal["auto", "claims", "shortcuts"]
    language: LanguageName = "en"
    languages: Annotated[list[LanguageName], Field(min_length=1)] = ["en"]

    @field_validator("*", mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        """YAML makes a date of 2025-01-31 and a truth value of `no`: the first is text here."""
        if isinstance(value, bool):
            raise ValueError("a number or text is needed, not true or false")
        return value.isoformat() if isinstance(value, date) else value

    @model_validator(mode="after")
    def _agree(self) -> "Params":
        if (self.engine == "spark") != (self.spark_url is not None):
            raise ValueError("give spark_url with engine: spark, and only there")
        if self.medium_risk_from >= self.high_risk_from:
            raise ValueError("medium_risk_from must be below high_risk_from")
        for name in ("saved_share", "customer_value"):
            low, high = getattr(self, f"{name}_range") or (0.0, float("inf"))
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie within {name}_range, from {low:g} to {high:g}")
        if (self.users is None) != (self.events is None):
            raise ValueError("give both users and events, or neither (the simulated tables)")
        if self.log_start and self.log_end and _utc(self.log_start) >= _utc(self.log_end):
            raise ValueError("log_start must be before log_end")
        return self


@dataclass(frozen=True)
class ParamNote:
    """What params.yml says of one parameter besides its value."""

    unit: str
    reason: str


def _utc(text: str) -> pd.Timestamp:
    instant = pd.Timestamp(text)
    return instant.tz_localize("UTC") if instant.tzinfo is None else instant.tz_convert("UTC")


def parse_instant(text: str | None, zone: str = "UTC") -> pd.Timestamp | None:
    """Return the instant in UTC that `text` (ISO 8601) names: a date is its first instant in
    `zone`, a time is UTC unless it says otherwise.
    """
    if text is None or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None if text is None else _utc(text)
    day = pd.Timestamp(text).tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return day.tz_convert("UTC")


def _read_yaml(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        raise ReportError(f"{path.name}: not found. Run from the folder that holds {path.name}.")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ReportError(f"{path.name}: not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise ReportError(f"{path.name}: expected `name: {{value, unit, reason}}` entries.")
    wrong = [name for name, entry in raw.items() if not _is_entry(entry)]
    if wrong:
        raise ReportError(
            f"{path.name}: {wrong[0]!r} must have exactly value, unit and reason "
            f"({len(wrong)} such entries)."
        )
    return raw


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and set(entry) == {"value", "unit", "reason"}


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "parameters"
        if item["type"] == "extra_forbidden":
            near = nearest(name, Params.model_fields)
            lines.append(f"  {name}: no such parameter.{near}")
        elif is_address(item["input"]):  # which may hold a password
            lines.append(f"  {name}: {item['msg']}.")
        elif item["loc"]:
            lines.append(f"  {name}: {item['msg']}, but got {item['input']!r}")
        else:
            lines.append(f"  {name}: {item['msg']}")
    return "\n".join(["Wrong parameters:", *lines, "params.yml says what each one is."])


def check_params(values: Mapping[str, Any]) -> Params:
    """Return `values` as Params.

    Raises ReportError that lists every unknown name and every wrong value.
    """
    try:
        return Params.model_validate(dict(values))
    except ValidationError as error:
        raise ReportError(_explain(error)) from error


def load_params(path: Path, overrides: Mapping[str, Any] | None = None) -> Params:
    """Return the values of `path` (params.yml), with `overrides` in their place.

    Raises ReportError when the file is unreadable or a value is wrong.
    """
    values = {name: entry["value"] for name, entry in _read_yaml(path).items()}
    return check_params({**values, **(overrides or {})})


def load_own(path: Path) -> dict[str, Any]:
    """Return the parameters of `path`, a file of `name: value` over params.yml; none without it.

    Raises ReportError when it is no such file.
    """
    if not path.is_file():
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ReportError(f"{path}: expected lines of `name: value`, as horizon_days: 60.")
    return {str(name): value for name, value in values.items()}


def load_notes(path: Path) -> dict[str, ParamNote]:
    """Return unit and reason of each parameter of `path` (params.yml)."""
    entries = _read_yaml(path).items()
    return {name: ParamNote(str(e["unit"]), str(e["reason"])) for name, e in entries}


def parse_override(text: str) -> tuple[str, Any]:
    """Return name and value of one `NAME=VALUE`; the value is read as YAML.

    Raises ReportError when there is no `=` or the value is not YAML.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ReportError(f"-p {text}: write NAME=VALUE, as in -p horizon_days=60.")
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ReportError(f"-p {text}: the value is not valid YAML.") from error
