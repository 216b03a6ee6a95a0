"""The warehouse as a client meets it: statements, sessions, errors, cancelling, many at once, the call log."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from databricks import sql
from databricks.sql.exc import DatabaseError, RequestError, ServerOperationError

from tests import rows
from tests.wire.faults import Hold
from tests.wire.server import TOKEN

ENDLESS = "SELECT count(*) AS n FROM range(10000000) AS a CROSS JOIN range(10000000) AS b WHERE a.id * b.id = 7"


def one(cursor, text, **values):
    return cursor.execute(text, values or None).fetchall_arrow().column(0).to_pylist()


def until(happened, seconds=10):
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_who_and_when(warehouse, connect):
    """The session knows its user; the time is the warehouse's own."""
    cursor = connect().cursor()
    assert one(cursor, "SELECT current_user()") == ["miner@example.com"]
    assert one(cursor, "SELECT current_timestamp()") == [rows.at()]
    assert one(cursor, "SELECT current_date()") == [rows.DAY]


def test_names(warehouse, connect):
    """A table is found by three parts in any case, quoted, as IDENTIFIER, or by the session's catalog and schema."""
    cursor = connect(catalog="system", schema="access").cursor()
    for name in (
        "system.access.table_lineage",
        "SYSTEM.`Access`.table_lineage",
        "access.table_lineage",
        "table_lineage",
    ):
        assert one(cursor, f"SELECT count(*) FROM {name}") == [1]  # noqa: S608 -- names of our own
        assert one(cursor, "SELECT count(*) FROM IDENTIFIER(:t) AS t", t=name) == [1]
    assert one(cursor, "WITH table_lineage AS (SELECT 5 AS n) SELECT n FROM table_lineage") == [5]
    cursor.execute("USE SCHEMA query")
    assert one(cursor, "SELECT count(*) FROM history") == [10]


def test_information_schema(connect):
    """The estate tells of its own tables and columns."""
    cursor = connect().cursor()
    asked = "SELECT concat(table_schema, '.', table_name) FROM system.information_schema.tables ORDER BY 1"
    assert one(cursor, asked) == [
        "access.column_lineage", "access.table_lineage", "lakeflow.job_run_timeline", "query.history",
    ]  # fmt: skip
    asked = "SELECT column_name FROM system.information_schema.columns WHERE table_name = :t"
    assert "entity_metadata" in one(cursor, asked, t="table_lineage")
    assert one(cursor, "SELECT schema_name FROM nothing.information_schema.schemata") == []


ERRORS = {
    "SELECT * FROM system.access.nope": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "SELECT nope FROM system.query.history": ("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
    "SELECT entity_metadata.nope FROM system.access.table_lineage": ("FIELD_NOT_FOUND", "42704"),
    "SELECT nope(1)": ("UNRESOLVED_ROUTINE", "42883"),
    "SELECT FROM WHERE": ("PARSE_SYNTAX_ERROR", "42601"),
    "SELECT 1; SELECT 2": ("PARSE_SYNTAX_ERROR", "42601"),
    "SELECT :nope": ("UNBOUND_SQL_PARAMETER", "42P02"),
    "SELECT CAST(concat('x', statement_id) AS INT) FROM system.query.history": ("CAST_INVALID_INPUT", "22018"),
    "DELETE FROM system.query.history": ("UNSUPPORTED_FEATURE.LOCAL_WAREHOUSE", "0A000"),
    "SELECT 1 / 0": ("UNSUPPORTED_FEATURE.LOCAL_WAREHOUSE", "0A000"),
    "SELECT dayofweek(current_date())": ("UNSUPPORTED_FEATURE.LOCAL_WAREHOUSE", "0A000"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(warehouse, connect, text):
    """A statement's error carries class and state, as Databricks words them; the session goes on."""
    error_class, state = ERRORS[text]
    cursor = connect().cursor()
    with pytest.raises(ServerOperationError) as raised:
        cursor.execute(text)
    assert str(raised.value).startswith(f"[{error_class}] ")
    assert f"SQLSTATE: {state}" in str(raised.value)
    assert "HiveSQLException" in raised.value.context["diagnostic-info"]
    assert warehouse.journal.calls("ExecuteStatement")[-1].error == str(raised.value)
    assert one(cursor, "SELECT 1") == [1]


def test_no_value_becomes_sql(warehouse, connect):
    """A value with quotes, comments or markers in it stays a value; a name from a parameter stays a name."""
    cursor = connect().cursor()
    for evil in ("x'; DROP TABLE t; --", ":other", "$$", "\\'", "`"):
        assert one(cursor, "SELECT :v", v=evil) == [evil]
    with pytest.raises(ServerOperationError):
        cursor.execute("SELECT * FROM IDENTIFIER(:t)", {"t": "system.query.history WHERE 1=0 --"})


def test_sessions(warehouse, connect):
    """What a session was opened with, and what it set since, is known to the warehouse; so is who called."""
    connection = connect(
        session_configuration={"QUERY_TAGS": "team:lake", "TIMEZONE": "Europe/Vienna"}, user_agent_entry="miner/1"
    )
    opened = warehouse.journal.calls("OpenSession")[-1]
    assert opened.conf.items() >= {"QUERY_TAGS": "team:lake", "TIMEZONE": "Europe/Vienna"}.items()
    assert "miner/1" in opened.user_agent
    cursor = connection.cursor()
    assert str(
        cursor.execute("SELECT event_time FROM system.access.table_lineage").fetchall_arrow().schema.types[0]
    ) == ("timestamp[us, tz=Europe/Vienna]")
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.execute("SET statement_timeout = 60")
    (session,) = warehouse.registry.sessions.values()
    assert (session.configuration["TIMEZONE"], session.configuration["STATEMENT_TIMEOUT"]) == ("UTC", "60")
    cursor.execute("SELECT 1", query_tags={"run": "7"})
    assert warehouse.journal.calls("ExecuteStatement")[-1].conf["query_tags"] == "run:7"
    connection.close()
    assert not warehouse.registry.sessions


def test_the_call_log(warehouse, connect):
    """Every call in order, with text, values and tables, and with no secret."""
    cursor = connect().cursor()
    cursor.execute(
        "SELECT * FROM IDENTIFIER(:t) WHERE event_date = :d", {"t": "system.access.table_lineage", "d": rows.DAY}
    )
    call = warehouse.journal.calls("ExecuteStatement")[-1]
    assert call.parameters == {"t": ("STRING", "system.access.table_lineage"), "d": ("DATE", "2026-11-10")}
    assert (call.tables, call.principal) == (("system.access.table_lineage",), "miner@example.com")
    assert [call.method for call in warehouse.journal.calls()] == ["OpenSession", "ExecuteStatement"]
    assert warehouse.journal.statements() == [call.statement]
    assert TOKEN not in json.dumps([str(call) for call in warehouse.journal.calls()])
    warehouse.journal.clear()
    assert warehouse.journal.calls() == []


def test_small_answers_are_one_call(warehouse, connect):
    """Rows, columns and the end of the operation come with the answer to the statement; nothing stays open."""
    cursor = connect().cursor()
    assert one(cursor, "SELECT statement_id FROM system.query.history ORDER BY 1 LIMIT 1") == ["s0"]
    cursor.close()
    assert [call.method for call in warehouse.journal.calls()] == ["OpenSession", "ExecuteStatement"]
    assert not warehouse.registry.operations


def test_a_row_limit(connect):
    """A client may ask for so many rows and no more."""
    cursor = connect().cursor(row_limit=3)
    assert one(cursor, "SELECT statement_id FROM system.query.history ORDER BY 1") == ["s0", "s1", "s2"]


@pytest.mark.parametrize("text", ["SELECT 1", ENDLESS], ids=["held", "working"])
def test_cancel(warehouse, connect, text):
    """A statement that waits or works is stopped from another thread; the cursor stays usable."""
    cursor = connect().cursor()
    if text == "SELECT 1":
        warehouse.faults.add(Hold())
    failed = []

    def ask():
        try:
            cursor.execute(text)
        except DatabaseError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: warehouse.journal.calls("GetOperationStatus"))
    cursor.cancel()
    thread.join(10)
    assert len(failed) == 1
    assert warehouse.journal.calls("CancelOperation")
    assert one(cursor, "SELECT 1") == [1]


def test_a_slow_statement(warehouse, connect):
    """A statement runs until it is let go on; asking after it does not hurt."""
    hold = Hold()
    warehouse.faults.add(hold, table="system.query.history")
    cursor = connect().cursor()
    cursor.execute_async("SELECT count(*) FROM system.query.history")
    assert cursor.is_query_pending()
    hold.release()
    cursor.get_async_execution_result()
    assert cursor.fetchall_arrow().column(0).to_pylist() == [10]


def test_three_clients_at_once(warehouse):
    """Each gets its own rows, while the others are served."""
    hold = Hold()
    warehouse.faults.add(hold, times=3)

    def ask(number):
        with sql.connect(**warehouse.connect_arguments()) as connection, connection.cursor(arraysize=10_000) as cursor:
            cursor.execute("SELECT id, :n AS n FROM range(100000)", {"n": number})
            table = cursor.fetchall_arrow()
            return len(set(table.column("id").to_pylist())), set(table.column("n").to_pylist())

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask, number) for number in range(3)]
        until(lambda: len(warehouse.registry.operations) == 3)
        hold.release()
        assert [one.result(60) for one in asked] == [(100_000, {number}) for number in range(3)]


def test_another_warehouse(warehouse):
    """A path that names no warehouse of this workspace is not found."""
    with pytest.raises(RequestError, match="does not exist"):
        sql.connect(**warehouse.connect_arguments(_connection_uri=f"{warehouse.url}/sql/1.0/warehouses/other"))
