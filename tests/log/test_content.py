"""What counts as content of an event, and its hash."""

import ibis
import pyarrow as pa
import pytest

from analysis.base import engine
from analysis.log import content
from analysis.log.content import Columns, is_of_loading
from analysis.log.events import clean_events
from tests.handmade import CON

ROWS = 200


def raw(**columns: list) -> ibis.Table:
    """Return a raw log of ROWS events with these columns of text, besides the required ones."""
    own = {
        "user_id": ["a"] * ROWS,
        "event_type": ["play"] * ROWS,
        "event_timestamp": ["2025-01-05T10:00:00"] * ROWS,
    }
    table = pa.table(
        {name: pa.array(list(v), pa.string()) for name, v in {**own, **columns}.items()}
    )
    return CON.create_table(ibis.util.gen_name("raw"), table, temp=True)


@pytest.mark.parametrize(
    "name", ["id", "_id", "row_number", "rowId", "Unnamed: 0", "loaded_at", "ingestedAt", "batch_id",
             "_etl_run_id", "_fivetran_synced", "_airbyte_extracted_at", "import_date", "event_key",
             "batch", "load_ts", "_sdc_batched_at", "dbt_load_time"],
)  # fmt: skip
def test_columns_named_like_identifiers_of_rows_and_loading_are_no_content(name):
    assert is_of_loading(name)


@pytest.mark.parametrize(
    "name", ["rating", "item_id", "load", "download_id", "page", "row", "line", "imported_rows",
             "device_id", "synced", "message", "index_fund", "order_date", "content", "os"],
)  # fmt: skip
def test_other_columns_are_content(name):
    assert not is_of_loading(name)


def test_a_column_by_which_no_two_rows_agree_is_an_identifier():
    numbers = [str(n) for n in range(ROWS)]
    said = clean_events(
        raw(
            event_uuid=numbers,
            serial=[f"x{n}" for n in numbers],
            order=[f"x{n}" for n in numbers[:-1]] + ["x0"],  # one repeats: it says something
            seconds=[f"{n}.5" for n in numbers],  # fractions: a measurement
            comment=[f"x{n}" if int(n) < ROWS / 2 - 1 else None for n in numbers],  # rarely filled
            session_id=numbers,  # of the contract: it has a meaning
            rating=["5"] * ROWS,
            loaded_at=["2025-01-06"] * ROWS,
        )
    ).said
    counted = ("order", "seconds", "comment", "session_id", "rating")
    assert set(said.counted) == set(counted)
    assert set(said.left_out) == {"event_uuid", "serial", "loaded_at"}


def test_an_estimate_that_is_too_low_hides_no_identifier():
    """Of 20 columns the estimate of four or five is more than a tenth too low."""
    columns = {f"serial{k}": [f"{k}-{n}" for n in range(ROWS)] for k in range(20)}
    assert clean_events(raw(**columns)).said.counted == ()


def test_few_rows_do_not_show_an_identifier():
    few = raw(serial=[str(n) for n in range(ROWS)]).limit(content.FEW_ROWS - 1)
    assert clean_events(few).said == Columns(("serial",), ())


def test_content_is_equal_where_all_but_identifiers_and_load_times_agree():
    rating = ["5"] * (ROWS - 2) + ["4", None]
    cleaned = clean_events(
        raw(event_uuid=[str(n) for n in range(ROWS)], rating=rating, loaded_at=rating)
    )
    assert cleaned.said == Columns(("rating",), ("event_uuid", "loaded_at"))
    counts = engine.to_pandas(cleaned.table)["content"].value_counts()
    assert counts.tolist() == [ROWS - 2, 1, 1]


def test_events_that_say_no_more_than_who_what_and_when_have_no_content():
    cleaned = clean_events(raw(event_uuid=[str(n) for n in range(ROWS)]))
    assert content.NAME not in cleaned.table.columns
    named = clean_events(raw(content=["x"] * ROWS, Is_Bad_Event_Timestamp=["y"] * ROWS))
    assert named.said.counted == ("content", "Is_Bad_Event_Timestamp")
