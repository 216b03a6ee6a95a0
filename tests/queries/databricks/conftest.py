import types
from dataclasses import dataclass, field

import pytest
import urllib3
from databricks.sql.auth import retry

from queries.databricks.options import Options, Patience
from queries.databricks.session import Session
from queries.databricks.sign_in import Identity, SignIn
from queries.databricks.warehouse import DatabricksWarehouse
from queries.system_tables import SystemTableReader
from tests import rows
from tests.wire.server import TOKEN, LocalWarehouse


@dataclass
class FakeTime:
    """Seconds that pass only while somebody sleeps; `during` is called in each sleep."""

    now: float = 0.0
    sleeps: list[float] = field(default_factory=list)
    during: object = None

    def seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        if self.during:
            self.during()

    @property
    def waits(self) -> list[float]:
        """The sleeps that are no pauses between two questions for a statement's state."""
        return [seconds for seconds in self.sleeps if seconds >= 1]


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture(autouse=True)
def connector_waits(monkeypatch):
    """What the connector itself would have slept between two tries of a request."""
    waits = []
    clock = types.SimpleNamespace(time=retry.time.time, sleep=waits.append)
    for module in (retry, urllib3.util.retry):
        monkeypatch.setattr(module, "time", clock)
    return waits


@pytest.fixture
def wire(tmp_path):
    """A running warehouse over an estate of one day."""
    root = rows.write_estate(
        tmp_path / "estate",
        table_lineage=[
            rows.lineage("c.s.a", "c.s.b", job="7"),
            rows.lineage("c.s.b", None, statement_id="s1", created_by="ann@x.org"),
        ],
        column_lineage=[rows.columns("c.s.a", "c.s.b", "x", "y", job="7")],
        query_history=[rows.statement("s1")],
        job_run_timeline=[rows.run("7")],
    )
    with LocalWarehouse(root) as running:
        yield running


@pytest.fixture
def client_of(wire, time, tmp_path):
    """A client of the running warehouse, with a clock that nobody waits for."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    opened = []

    def make(token=TOKEN, *, principal="", patience=None, **more) -> DatabricksWarehouse:
        given = token if callable(token) else lambda: token
        identity = Identity(SignIn("pat", wire.url, token=given))
        patience = patience or Patience(attempts=3, request_attempts=1)
        chosen = Options(wire.url, wire.http_path, principal=principal, patience=patience, **more)
        session = Session(chosen, identity)
        opened.append(DatabricksWarehouse(chosen, session, identity, scratch, time.seconds, time.sleep))
        return opened[-1]

    yield make
    for warehouse in opened:
        warehouse.close()
    assert list(scratch.iterdir()) == []


@pytest.fixture
def client(client_of):
    return client_of()


@pytest.fixture
def reader(client):
    return SystemTableReader(client)
