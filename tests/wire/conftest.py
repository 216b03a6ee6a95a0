import contextlib
from types import SimpleNamespace

import databricks.sql.auth.retry
import pytest
from databricks import sql
from databricks.sql.exc import DatabaseError

from tests import rows
from tests.wire.server import LocalWarehouse


class Clock:
    """A time that moves when told to."""

    def __init__(self):
        self.now = rows.at().timestamp()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def warehouse(tmp_path, clock):
    """A running warehouse over an estate of one day with one edge, where it is noon of that day."""
    root = rows.write_estate(
        tmp_path / "estate",
        table_lineage=[rows.lineage("c.s.a", "c.s.b", job="7")],
        column_lineage=[rows.columns("c.s.a", "c.s.b", "x", "y", job="7")],
        query_history=[rows.statement(f"s{number}") for number in range(10)],
        job_run_timeline=[rows.run("7")],
    )
    with LocalWarehouse(root, clock=clock) as running:
        yield running


@pytest.fixture
def waits(monkeypatch):
    """The seconds that the connector would have waited before it tried again, none of which pass.

    It waits at least five seconds after a 429 or 503, whatever it is told.
    """
    passed = []
    real = databricks.sql.auth.retry.time
    monkeypatch.setattr(databricks.sql.auth.retry, "time", SimpleNamespace(time=real.time, sleep=passed.append))
    return passed


@pytest.fixture
def connect(warehouse):
    """Open connections to the warehouse; they are closed in the end, whatever became of the server."""
    opened = []

    def open_one(**more):
        connection = sql.connect(**warehouse.connect_arguments(**more))
        opened.append(connection)
        return connection

    yield open_one
    warehouse.faults.clear()
    for connection in opened:
        # Closing ends open operations; at one that the server has forgotten it raises and leaves the session open.
        with contextlib.suppress(DatabaseError):
            connection.close()
        connection.close()
