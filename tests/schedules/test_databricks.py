"""The command against a warehouse on a socket: mined over the wire it is the same as mined from files."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from functools import partial
from pathlib import Path

import pytest
import urllib3
from databricks.sql.auth import retry

from schedules import databricks, jobs, ledger_jobs
from schedules.parts import Parts
from schedules.settings import load
from tests import rows
from tests.queries.databricks.conftest import FakeTime
from tests.schedules.conftest import NOW, small_estate
from tests.wire.faults import Fails, Forgotten, Hold, HttpStatus, Pending, Reset, Truncated
from tests.wire.server import TOKEN, LocalWarehouse
from tests.wire.tokens import SELECT, Missing

FILES = '[sources.prod]\nkind = "files"\npath = "{}"\n'
BEFORE = '[ledger]\nurl = "sqlite:///{ledger}.db"\n[mining]\nstart = 2026-11-08\n[purview]\nsink = "none"\n[log]\nformat = "json"\n'


def estate(folder: Path) -> Path:
    """Three days of lineage with everything that a run reads."""
    lineage = small_estate()
    return rows.write_estate(
        folder,
        table_lineage=lineage,
        column_lineage=[rows.columns("main.s.a", "main.s.b", "x", "y", job="7")],
        query_history=[rows.statement(row["statement_id"]) for row in lineage if row["statement_id"]],
        job_run_timeline=[rows.run("8", run_type="SUBMIT_RUN", run_name="load")],
    )


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """What would have been slept between two tries, by the connector and by us."""
    slept, passed = [], FakeTime()
    clock = types.SimpleNamespace(time=time.time, sleep=slept.append)
    for module in (retry, urllib3.util.retry):
        monkeypatch.setattr(module, "time", clock)
    made = partial(databricks.DatabricksWarehouse, seconds=passed.seconds, sleep=passed.sleep)
    monkeypatch.setattr(databricks, "DatabricksWarehouse", made)
    return slept


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The estate on disk; ids of rows are new each time one is written."""
    return estate(tmp_path_factory.mktemp("estate") / "export")


@pytest.fixture
def wire(home, exported):
    with LocalWarehouse(exported) as running:
        home.session.now = lambda: NOW
        yield running


def settings(home, wire, more: str = "", *, ledger: str = "ledger", token: str = TOKEN) -> None:
    """Settings whose source is the running warehouse."""
    home.settings.write_text(
        BEFORE.format(ledger=ledger)
        + f'[sources.prod]\nkind = "databricks"\nhost = "{wire.url}"\nhttp_path = "{wire.http_path}"\ntoken = "{token}"\n'
        + f"attempts = 3\nrequest_attempts = 1\n{more}"
    )


@pytest.fixture(scope="module")
def from_files(tmp_path_factory, exported):
    """What the ledger holds when the same days are mined from files."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "uc-miner.toml").write_text(BEFORE.format(ledger="files") + FILES.format(exported))
    parts = Parts(load(folder / "uc-miner.toml", {}), lambda: NOW)
    jobs.run(parts)
    ledger_jobs.dump(parts, str(folder / "dump"))
    return [json.loads(line) for line in (folder / "dump").read_text().splitlines()]


def test_the_same_ledger_as_from_files(home, wire, from_files):
    """A run over the wire leaves the same ledger as one from files."""
    settings(home, wire)
    answer = home("run")
    assert answer.code == 0, answer.err
    assert {line["what"] for line in from_files} >= {"day", "fate", "dataset", "process", "edge", "usage"}
    assert home.dump() == from_files
    assert len(wire.journal.calls("OpenSession")) == 1
    assert home("status").code == 0


def test_a_warehouse_that_is_waited_for(home, wire, tmp_path):
    """Who runs the miner is told which source's warehouse is waited for, and when it goes on."""
    settings(home, wire)
    wire.faults.add(Pending(30), nth=2)
    told = []
    jobs.run(Parts(load(home.settings, {}), lambda: NOW, starting=lambda *what: told.append(what)))
    waits = [seconds for source, seconds in told if source == "prod" and seconds]
    assert waits
    assert waits == sorted(waits)
    assert told[-1] == ("prod", None)


FAULTS = [
    (HttpStatus(401), {"method": "ExecuteStatement", "nth": 6}),
    (HttpStatus(403, reason="Invalid access token."), {"method": "FetchResults", "nth": 6}),
    (HttpStatus(429, retry_after=2), {"method": "ExecuteStatement", "nth": 6}),
    (HttpStatus(503, retry_after=2), {"method": "ExecuteStatement", "nth": 6}),
    (HttpStatus(503), {"method": "OpenSession"}),
    (HttpStatus(500), {"method": "ExecuteStatement", "nth": 6}),
    (HttpStatus(500), {"method": "FetchResults", "nth": 6}),
    (HttpStatus(500, late=True), {"method": "FetchResults", "nth": 6}),
    (Reset(), {"method": "ExecuteStatement", "nth": 6}),
    (Reset(late=True), {"method": "FetchResults", "nth": 6}),
    (Forgotten(), {"method": "FetchResults", "nth": 6}),
    (Forgotten(), {"method": "GetOperationStatus", "nth": 6}),
    (Forgotten(), {"method": "ExecuteStatement", "nth": 6}),
    (Pending(3), {"nth": 6}),
    (Truncated(1), {"table": "system.access.table_lineage", "nth": 3}),
    (Truncated(0), {"table": "system.access.table_lineage", "nth": 4}),
    (Truncated(0), {"table": "system.access.column_lineage", "nth": 2}),
    (Truncated(0), {"table": "system.access.column_lineage", "nth": 3}),
    (Truncated(0), {"table": "system.lakeflow.job_run_timeline", "nth": 2}),
    (Truncated(0), {"table": "system.query.history", "nth": 2}),
    (Truncated(1), {"table": "system.query.history", "nth": 2}),
    (Fails(), {"nth": 8}),
]


@pytest.mark.parametrize(("act", "where"), FAULTS, ids=str)
@pytest.mark.parametrize("times", [1, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_same_or_nothing(home, wire, from_files, act, where, times):  # noqa: PLR0917
    """After any fault the ledger is the same as ever, or the run failed with what to do and the ledger is unchanged."""
    settings(home, wire)
    struck = wire.faults.add(act, times=times, **where)
    answer = home("run")
    assert struck.struck >= 1
    if answer.code == 0:
        assert home.dump() == from_files
        return
    assert answer.code == 1, answer.err
    assert "mend: " in answer.told
    wire.faults.clear()
    assert home("run").code == 0
    assert home.dump() == from_files


def test_a_missing_grant_ends_the_run(home, wire):
    """A run that may not read a table fails with the GRANT to run; the ledger holds no day."""
    wire.tokens.add("dapi-poor", "poor@x.org", missing=[Missing("system.access.column_lineage", SELECT)])
    settings(home, wire, token="dapi-poor")
    answer = home("run")
    assert answer.code == 1
    assert "GRANT SELECT ON TABLE `system`.`access`.`column_lineage` TO `poor@x.org`" in answer.told
    assert home.dump() == []


def test_a_refused_token_ends_the_run(home, wire):
    """A refused token is told as such, once, and not shown."""
    settings(home, wire, token="dapi-00000000000000000000000000000000")
    answer = home("run")
    assert answer.code == 1
    assert "does not accept the sign-in" in answer.told
    assert "dapi-0" not in answer.out + answer.err


def test_nothing_secret_is_logged(home, wire):
    """A log of a whole run at debug level holds no token and no statement, with faults and without."""
    settings(home, wire, '[sources.prod.tables]\nquery_history = "system.query.history"\n')
    for method in ("ExecuteStatement", "FetchResults", "OpenSession"):
        wire.faults.add(HttpStatus(500), method, nth=2)
    wire.faults.add(Fails("UNRESOLVED_COLUMN", "42703", "no `x`; line 1 pos 7\nSELECT t.x FROM t"), nth=9)
    assert home("--log-level", "debug", "run").code == 1
    wire.faults.clear()
    logged = home("--log-level", "debug", "run")
    assert logged.code == 0
    for text in (logged.out + logged.err,):
        assert TOKEN not in text
        assert "IDENTIFIER(" not in text
        assert "SELECT" not in text
        assert "warehouse.opened" in text


def run_until(home, wire, stop) -> subprocess.Popen:
    settings(home, wire)
    held = wire.faults.add(Hold(), table="system.access.table_lineage", nth=4)
    process = subprocess.Popen(
        [sys.executable, "-m", "schedules", "run"],
        cwd=home.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not held.struck and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(stop)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(home, wire, from_files, stop):
    """Control-C, or a request to terminate, cancels what runs on the warehouse; the next run mines the same ledger."""
    wire.journal.clear()
    process = run_until(home, wire, stop)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert wire.journal.calls("CancelOperation")
    assert wire.journal.calls("CloseSession")
    wire.faults.clear()
    assert home("run").code == 0
    assert home.dump() == from_files
