"""The command against a warehouse on a socket: mined over the wire it is the same as mined from files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import urllib3
from databricks.sql.auth import retry

from queries.system_tables import KNOWN_TABLES
from schedules import databricks, jobs, ledger_jobs
from schedules.parts import Parts
from schedules.settings import load
from tests import rows
from tests.queries.crafted_names import row
from tests.queries.databricks.conftest import FakeTime
from tests.schedules.conftest import NOW, small_estate
from tests.wire.azure import IDENTITY_HEADER, VAULT, LocalAzure
from tests.wire.entra import MACHINE, TENANT
from tests.wire.faults import Fails, Forgotten, Hold, HttpStatus, Pending, Reset, Truncated
from tests.wire.server import TOKEN, LocalWarehouse
from tests.wire.tokens import SELECT, Missing

FILES = '[sources.prod]\nkind = "files"\npath = "{}"\n'
BEFORE = '[ledger]\nurl = "sqlite:///{ledger}.db"\n[mining]\nstart = 2026-11-08\n[purview]\nsink = "none"\n[log]\nformat = "json"\n'


def estate(folder: Path) -> Path:
    """Three days of lineage with everything that a run reads, names too."""
    lineage = small_estate()
    of = {"workspace_id": rows.WORKSPACE, "change_time": rows.at(hour=1)}
    named = {"table_catalog": "main", "table_schema": "s"}
    for role, told in {
        "jobs": {**of, "job_id": "7", "name": "nightly"},
        "job_tasks": {**of, "job_id": "7", "task_key": "load"},
        "pipelines": {**of, "pipeline_id": "q1", "name": "Größe"},
        "workspaces": {"workspace_id": rows.WORKSPACE, "workspace_name": "prod"},
        "information_schema_tables": {**named, "table_name": "C", "table_type": "VIEW"},
        "information_schema_views": {**named, "table_name": "c", "view_definition": "SELECT 1"},
    }.items():
        rows.write_table(folder, KNOWN_TABLES[role], [row(role, **told)])
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
    shown = f'token = "{token}"\n' if token else ""
    home.settings.write_text(
        BEFORE.format(ledger=ledger)
        + f'[sources.prod]\nkind = "databricks"\nhost = "{wire.url}"\nhttp_path = "{wire.http_path}"\n{shown}'
        + f"attempts = 3\nrequest_attempts = 1\n{more}"
    )


@pytest.fixture(scope="module")
def mined_files(tmp_path_factory, exported):
    """A folder with a ledger of the same days, mined from files, and its dump."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "uc-miner.toml").write_text(BEFORE.format(ledger="files") + FILES.format(exported))
    parts = Parts(load(folder / "uc-miner.toml", {}), lambda: NOW)
    jobs.run(parts)
    ledger_jobs.dump(parts, str(folder / "dump"))
    return folder


@pytest.fixture(scope="module")
def from_files(mined_files):
    """What the ledger holds when the same days are mined from files."""
    return [json.loads(line) for line in (mined_files / "dump").read_text().splitlines()]


def test_the_same_ledger_as_from_files(home, wire, from_files):
    """A run over the wire leaves the same ledger as one from files."""
    settings(home, wire)
    answer = home("run")
    assert answer.code == 0, answer.err
    told = {"day", "fate", "dataset", "process", "edge", "usage", "label", "task", "workspace", "table"}
    assert {line["what"] for line in from_files} >= told
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
    assert by_stream(home.dump()) in halves_of(from_files)
    wire.faults.clear()
    assert home("run").code == 0
    assert home.dump() == from_files


@pytest.mark.slow
@pytest.mark.parametrize(("act", "where"), FAULTS, ids=str)
def test_what_is_known_stays(home, wire, mined_files, from_files, act, where):  # noqa: PLR0917
    """A fault while unsettled days are mined again changes nothing of what the ledger knows."""
    settings(home, wire)
    shutil.copy(mined_files / "files.db", home.ledger)
    struck = wire.faults.add(act, times=1000, **where)
    answer = home("run")
    assert struck.struck >= 1
    assert answer.code in {0, 1}, answer.err
    assert home.dump() == from_files


def by_stream(lines) -> dict[str, list[str]]:
    """The lines of a dump that each stream wrote; of datasets, spellings and types left out, which either may tell first."""
    found = {"lineage": [], "usage": []}
    for line in lines:
        if line["what"] in {"day", "fate"}:
            found[line["stream"]].append(json.dumps(line))
        elif line["what"] in {"edge", "indirect", "process", "alias"}:
            found["lineage"].append(json.dumps(line))
        elif line["what"] == "usage":
            found["usage"].append(json.dumps(line))
    return found


def halves_of(lines) -> list[dict[str, list[str]]]:
    """What a run may have left that ended early: each stream's days whole, or nothing of it."""
    whole = by_stream(lines)
    return [
        {"lineage": lineage, "usage": usage} for lineage in ([], whole["lineage"]) for usage in ([], whole["usage"])
    ]


def test_tokens_that_expire_on_the_way(home, wire, from_files):
    """Tokens of a service principal that end in the middle of a run are exchanged, and no row is lost."""
    wire.workspace.add_client("app-1", "s3cret", calls=7)
    settings(home, wire, 'auth = "oauth-m2m"\nclient_id = "app-1"\nclient_secret = "s3cret"\n', token="")
    assert home("run").code == 0
    assert home.dump() == from_files
    assert len(wire.journal.calls("POST /oidc/v1/token")) > 5


@pytest.fixture
def azure(tmp_path, monkeypatch, wire):
    """Azure as this machine sees it, with a directory whose tokens the warehouse admits."""
    (tmp_path / "azure").mkdir()
    with LocalAzure(tmp_path / "azure") as running:
        running.stand_in(monkeypatch)
        running.directory.admits = wire.tokens.add
        monkeypatch.setenv("IDENTITY_ENDPOINT", running.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        running.directory.machines.add(MACHINE)
        yield running


def test_signed_in_by_azure(home, wire, azure, from_files):
    """A service principal whose secret lies in a vault mines as anybody does; a log at debug level holds no secret."""
    kept, app = "a-secret-of-the-vault", "66666666-7777-8888-9999-000000000000"
    azure.vault["miner"] = azure.directory.secrets[app] = kept
    settings(
        home, wire, token="",
        more=f'auth = "azure-client-secret"\ntenant_id = "{TENANT}"\nclient_id = "{app}"\n'
        f'client_secret = "keyvault:{VAULT}/secrets/miner"\n',
    )  # fmt: skip
    good = home("--log-level", "debug", "run")
    assert good.code == 0, good.err
    assert home.dump() == from_files
    azure.directory.secrets[app] = "another"
    bad = home("--log-level", "debug", "run")
    assert bad.code == 1
    assert "AADSTS7000215" in bad.told
    for answer in (good, bad):
        assert not [
            one for one in (kept, *(token.value for token in azure.directory.issued)) if one in answer.out + answer.err
        ]


def test_signed_in_as_the_machine(home, wire, azure, from_files):
    """A machine with a managed identity needs no secret at all."""
    settings(home, wire, 'auth = "azure-managed-identity"\n', token="")
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
    wire.faults.add(
        Fails("UNRESOLVED_COLUMN", "42703", "no `x`; line 1 pos 7\nSELECT t.x FROM t"),
        nth=4,
        table="system.access.table_lineage",
    )
    assert home("--log-level", "debug", "run").code == 1
    wire.faults.clear()
    logged = home("--log-level", "debug", "run")
    assert logged.code == 0
    for text in (logged.out + logged.err,):
        assert TOKEN not in text
        assert "IDENTIFIER(" not in text
        assert "SELECT" not in text
        assert "warehouse.opened" in text


def test_no_text_of_a_statement_is_logged(home, tmp_path):
    """A log of whole runs at debug level holds no text that entities tell, with faults and without."""
    said = "INSERT INTO main.s.b SELECT 'a literal'"
    days = (rows.DAY - timedelta(days=1), rows.DAY)
    wrote = [rows.lineage("main.s.a", "main.s.b", job="7", statement_id="w", day=day) for day in days]
    history = [rows.statement("w", statement_text=said)]
    rows.write_estate(tmp_path / "said", table_lineage=wrote, query_history=history)
    home.session.now = lambda: NOW
    with LocalWarehouse(tmp_path / "said") as wire:
        settings(home, wire, '[sources.prod.tables]\nquery_history = "system.query.history"\n')
        asked = home.settings.read_text().replace('sink = "none"', 'sink = "files"\nstatement_text = 4000')
        home.settings.write_text(asked)
        faulty = wire.faults.add(HttpStatus(500), "FetchResults", nth=2)
        runs = [home("--log-level", "debug", "run")]
        wire.faults.clear()
        runs += [home("--log-level", "debug", *command) for command in (("run",), ("emit",), ("plan", "--json"))]
    assert faulty.struck
    assert {line["text"] for line in home.dump() if line["what"] == "text"} == {said}
    logged = "".join(run.out + run.err for run in runs)
    assert "entities.emitted" in logged
    assert not [word for word in ("INSERT", "SELECT", "literal") if word in logged]


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
