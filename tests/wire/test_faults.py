"""Each fault that can be asked for reaches the real connector, as the error or the try-again it knows."""

import pytest
import urllib3
from databricks.sql.exc import DatabaseError, DataError, RequestError, ServerOperationError

from tests.wire.faults import Fails, Forgotten, HttpStatus, Pending, Reset, Truncated

HISTORY = "SELECT statement_id FROM system.query.history ORDER BY statement_id"
EDGES = "SELECT event_id FROM system.access.table_lineage"


def rows_of(cursor, text=HISTORY):
    return cursor.execute(text).fetchall_arrow().num_rows


@pytest.mark.parametrize("code", [429, 503])
def test_come_back_later(warehouse, connect, waits, code):
    """A busy warehouse is asked again, after what it said or after the connector's own least wait."""
    fault = warehouse.faults.add(HttpStatus(code, retry_after=7), "ExecuteStatement", times=2)
    warehouse.faults.add(HttpStatus(code), "ExecuteStatement", nth=3)
    assert rows_of(connect().cursor()) == 10
    assert waits == [7, 7, 5]
    assert fault.struck == 2
    assert [call.status for call in warehouse.journal.calls("ExecuteStatement")] == [code, code, code, 200]


def test_busy_for_ever(warehouse, connect, waits):
    """What leaves the connector in the end is an error of urllib3's, none of its own."""
    cursor = connect(_retry_stop_after_attempts_count=3).cursor()
    warehouse.faults.add(HttpStatus(503, retry_after=1), "ExecuteStatement", times=100)
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        cursor.execute("SELECT 1")
    assert len(warehouse.journal.calls("ExecuteStatement")) == 4


@pytest.mark.parametrize("code", [400, 401, 403, 404, 500])
def test_refused(warehouse, connect, waits, code):
    """A statement is not sent again after any other status, and the reason is told."""
    cursor = connect().cursor()
    warehouse.faults.add(HttpStatus(code, reason="Not today."), "ExecuteStatement")
    with pytest.raises(RequestError, match="Not today"):
        cursor.execute("SELECT 1")
    assert waits == []
    assert rows_of(cursor) == 10


def test_a_fault_of_one_table(warehouse, connect):
    """A fault may be about statements that read one table, by its n-th read."""
    cursor = connect().cursor()
    warehouse.faults.add(Fails(words="Boom."), table="system.query.*", nth=2)
    assert [rows_of(cursor, EDGES), rows_of(cursor)] == [1, 10]
    with pytest.raises(ServerOperationError, match=r"\[INTERNAL_ERROR\] Boom. SQLSTATE: XX000"):
        cursor.execute(HISTORY)
    assert [rows_of(cursor), rows_of(cursor, EDGES)] == [10, 1]


def test_a_fetch_is_asked_again(warehouse, connect, waits):
    """A failed fetch that was not carried out costs no rows."""
    warehouse.faults.add(HttpStatus(500), "FetchResults", nth=2)
    cursor = connect().cursor(arraysize=3)
    assert cursor.execute(HISTORY).fetchall_arrow().column(0).to_pylist() == [f"s{n}" for n in range(10)]
    assert len(waits) == 1


@pytest.mark.parametrize("act", [HttpStatus(500, late=True), Reset(late=True)])
def test_a_lost_answer_to_a_fetch(warehouse, connect, waits, act):
    """Rows whose answer was lost are gone: the connector sees the gap."""
    warehouse.faults.add(act, "FetchResults")
    cursor = connect().cursor(arraysize=3)
    cursor.execute(HISTORY)
    with pytest.raises(DataError, match="some result batches must have been skipped"):
        cursor.fetchall_arrow()


def test_a_connection_is_reset(warehouse, connect):
    """A reset is tried again by urllib3, before the statement ran."""
    cursor = connect().cursor()
    warehouse.faults.add(Reset(), "ExecuteStatement")
    assert rows_of(cursor) == 10
    assert [(call.status, call.error) for call in warehouse.journal.calls("ExecuteStatement")] == [
        (0, "reset"),
        (200, ""),
    ]


def test_reset_for_ever(warehouse, connect):
    """A warehouse that resets every connection ends in an error of urllib3's."""
    cursor = connect(_retry_stop_after_attempts_count=2).cursor()
    warehouse.faults.add(Reset(), "ExecuteStatement", times=100)
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        cursor.execute("SELECT 1")


def test_a_forgotten_operation(warehouse, connect):
    """A server that forgets an operation in mid-fetch says so; another cursor of the session can ask anew."""
    warehouse.faults.add(Forgotten(), "FetchResults", nth=2)
    connection = connect()
    cursor = connection.cursor(arraysize=3)
    cursor.execute(HISTORY)
    assert cursor.fetchmany_arrow(6).num_rows == 6
    with pytest.raises(DatabaseError, match="Invalid OperationHandle"):
        cursor.fetchall_arrow()
    assert rows_of(connection.cursor()) == 10


def test_a_forgotten_session(warehouse, connect):
    """A session that the server closed answers nothing any more; a new one does."""
    cursor = connect().cursor()
    warehouse.faults.add(Forgotten(), "ExecuteStatement")
    for _ in range(2):
        with pytest.raises(DatabaseError, match="Invalid SessionHandle"):
            cursor.execute("SELECT 1")
    assert rows_of(connect().cursor()) == 10


@pytest.mark.parametrize("arraysize", [3, 100])
@pytest.mark.parametrize("kept", [0, 4, 9])
def test_a_truncated_result(warehouse, connect, arraysize, kept):
    """A result that ends early looks whole to the connector."""
    warehouse.faults.add(Truncated(kept))
    cursor = connect().cursor(arraysize=arraysize)
    assert [rows_of(cursor), rows_of(cursor)] == [kept, 10]


def test_a_cold_warehouse(warehouse, connect, waits):
    """While it starts, sessions are refused for now and statements are pending; then all goes well."""
    warehouse.faults.add(HttpStatus(503, retry_after=10), "OpenSession", times=3)
    warehouse.faults.add(Pending(polls=3), times=2)
    cursor = connect().cursor()
    assert [rows_of(cursor), rows_of(cursor), rows_of(cursor)] == [10, 10, 10]
    assert waits == [10, 10, 10]
    assert len(warehouse.journal.calls("GetOperationStatus")) == 6


def test_a_file_is_refused(warehouse, connect):
    """A file of a result that cannot be had loses the statement."""
    warehouse.registry.cloud_fetch = True
    warehouse.faults.add(HttpStatus(403), "GET /files/*")
    cursor = connect().cursor()
    with pytest.raises(RequestError):
        rows_of(cursor)
    assert rows_of(cursor) == 10


def test_every_rule_counts(warehouse):
    """A rule strikes from its n-th call on, as often as told, whatever other rules do."""
    first = warehouse.faults.add(HttpStatus(500), "A*", nth=2, times=2)
    second = warehouse.faults.add(Reset(), "*", table="c.S.*", nth=1, times=1)
    struck = [warehouse.faults.struck("Abc", ["C.s.t"]) for _ in range(4)]
    assert struck == [[second.act], [first.act], [first.act], []]
    assert warehouse.faults.struck("Bcd", ["c.t.t"]) == []
    assert (first.struck, second.struck) == (2, 1)
