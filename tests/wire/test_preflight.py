"""The preflight of a Databricks source, with the unmodified connector and SDK over a real socket."""

import json
import re
import shutil
from pathlib import Path

import pytest

from miner.checks import findings
from queries.databricks.preflight import checks_of
from queries.embedded import EmbeddedWarehouse
from queries.preflight.checks import SourceChecks
from queries.preflight.looks import Looks
from queries.system_tables import KNOWN_TABLES, SystemTableReader
from schedules import cli, databricks
from schedules.session import Session
from schedules.settings import Settings
from tests import rows
from tests.wire.rest import WAREHOUSE_ID
from tests.wire.server import TOKEN, LocalWarehouse
from tests.wire.tokens import BROWSE, SELECT, USE_SCHEMA, Missing

NOW = rows.at(rows.DAY, 18)


@pytest.fixture
def warehouse(tmp_path):
    """A running warehouse over an estate of one day with one edge, in the evening of that day."""
    root = rows.write_estate(
        tmp_path / "estate",
        table_lineage=[rows.lineage("c.s.a", "c.s.b", job="7")],
        column_lineage=[rows.columns("c.s.a", "c.s.b", "x", "y", job="7")],
        query_history=[rows.statement("s1")],
        job_run_timeline=[rows.run("7")],
        audit=[rows.audited("getTable")],
        table_share_usage=[],
        **dict.fromkeys(rows.COST_TABLES, ()),
    )
    with LocalWarehouse(root, clock=NOW.timestamp) as running:
        yield running


@pytest.fixture
def look(warehouse, tmp_path):
    """Findings by name, without the source's."""
    opened = []

    def make(through=warehouse, **given):
        source = {"kind": "databricks", "host": through.url, "warehouse_id": WAREHOUSE_ID, "token": TOKEN} | given
        made = databricks.warehouse(Settings(sources={"prod": source}).sources["prod"], tmp_path)
        opened.append(made)
        reader = SystemTableReader(made, dict(KNOWN_TABLES))
        looks = Looks(reader, start=rows.DAY, today=rows.DAY, tag=("application", "uc-lineage-miner"))
        checks = [
            *checks_of(looks, "p", lambda: NOW),
            *SourceChecks(looks, "p", ("p.warehouse",), lambda: NOW).all(),
        ]
        return {finding.name.removeprefix("p."): finding for finding in findings(checks)}

    yield make
    for made in opened:
        made.close()


def states(found):
    return {name: one.state for name, one in found.items() if one.state != "pass"}


def test_all_is_well(look, warehouse):
    """A warehouse that answers passes every check; who it is and where is told."""
    found = look(principal="Miner@example.com")
    assert states(found) == {"direct_access": "skip", "query_tags": "skip"}
    assert found["network"].finding == f"127.0.0.1:{warehouse.port} answers without TLS"
    assert found["sign_in"].finding == f"127.0.0.1:{warehouse.port} knows miner@example.com by pat"
    assert found["warehouse"].finding.startswith("warehouse local (PRO) is RUNNING; a statement was answered in ")
    assert found["region"].finding.startswith("westeurope (azure), metastore 1111")
    assert found["clock"].finding == "this machine's clock differs by 0 s from the warehouse's"
    assert found["tables.query_history"].finding == "system.query.history can be read"


def test_nothing_is_changed(look, warehouse, tmp_path):
    """The workspace is asked by GET alone, and the warehouse for rows alone; no file of the estate changes."""
    before = {path: path.read_bytes() for path in (tmp_path / "estate").rglob("*.parquet")}
    look()
    asked = {call.method for call in warehouse.journal.calls()}
    assert {method.split()[0] for method in asked if " " in method} == {"GET"}
    assert {text.split()[0] for text in warehouse.journal.statements()} <= {"SELECT", "WITH"}
    assert {path: path.read_bytes() for path in (tmp_path / "estate").rglob("*.parquet")} == before


def test_the_same_as_from_files(look, tmp_path):
    """The looks at tables and rows say the same over the wire as over the files behind it."""
    over_wire = look()
    embedded = EmbeddedWarehouse(tmp_path / "estate", scratch=tmp_path, threads=1)
    looks = Looks(SystemTableReader(embedded), start=rows.DAY, today=rows.DAY, tag=("application", "uc-lineage-miner"))
    from_files = {one.name: one for one in findings(SourceChecks(looks, "p", (), lambda: NOW).all())}
    embedded.close()
    for name, one in from_files.items():
        assert over_wire[name.removeprefix("p.")] == one


@pytest.mark.parametrize("token", ["dapi-unknown", "dapi-ended"])
def test_a_refused_token(look, warehouse, token):
    """A token that is unknown or has ended is a cross for the sign-in; no finding holds it."""
    warehouse.tokens.add("dapi-ended", expires=0)
    found = look(token=token)
    assert found["sign_in"].state == "fail"
    assert found["sign_in"].mend.startswith("check auth")
    assert found["freshness"].finding == "not looked at: p.sign_in failed"
    assert token not in str(found)


def test_nobody_answers(look):
    """A host that nobody listens at is a cross for the network."""
    found = look(host="http://127.0.0.1:9")
    assert states(found)["network"] == "fail"
    assert found["tables.table_lineage"].finding == "not looked at: p.network failed"


def test_no_such_warehouse(look):
    """A warehouse that is not there is a cross that says where to look."""
    found = look(warehouse_id="ffffffff")["warehouse"]
    assert (found.state, "there is no warehouse ffffffff" in found.finding) == ("fail", True)
    assert "warehouse_id" in found.mend


def test_a_stopped_warehouse(look, warehouse):
    """A stopped warehouse is told as it stands, and then answers."""
    warehouse.workspace.state = "STOPPED"
    found = look()["warehouse"]
    assert found.state == "pass"
    assert "is STOPPED; a statement was answered" in found.finding


@pytest.mark.parametrize("right", [SELECT, USE_SCHEMA, BROWSE])
def test_a_missing_grant(look, warehouse, right):
    """A table that may not be read is a cross with the exact grants, whatever right is missing."""
    warehouse.tokens.add("dapi-less", "less@example.com", missing=[Missing("system.access.table_lineage", right)])
    found = look(token="dapi-less")
    assert found["tables.table_lineage"].state == "fail"
    assert (
        "GRANT SELECT ON TABLE `system`.`access`.`table_lineage` TO `less@example.com`"
        in found["tables.table_lineage"].mend
    )
    assert found["tables.column_lineage"].state == "pass"
    assert found["freshness"].finding == "not looked at: p.tables.table_lineage failed"


def test_names_that_are_not_there(look):
    """Several tables that would tell names are granted by each statement once."""
    mend = look()["names"].mend
    assert mend.count("GRANT USE CATALOG ON CATALOG `system`") == 1
    assert mend.count("GRANT USE SCHEMA ON SCHEMA `system`.`lakeflow`") == 1
    assert {name for name in ("jobs", "job_tasks", "pipelines") if f"`lakeflow`.`{name}`" in mend} == {
        "jobs", "job_tasks", "pipelines",
    }  # fmt: skip
    assert mend.endswith("The schemas system.access and system.lakeflow must also be enabled for the metastore")


def test_another_principal(look):
    """Settings that name another principal than the one signed in are a cross: own reads would count."""
    found = look(principal="other@example.com")["principal"]
    assert (found.state, 'principal = "miner@example.com"' in found.mend) == ("fail", True)
    assert look()["principal"].mend.startswith('set principal = "miner@example.com"')


def test_a_clock_that_is_wrong(look, tmp_path):
    """A machine whose clock differs by more than minutes is told to set it."""
    with LocalWarehouse(tmp_path / "estate", clock=lambda: NOW.timestamp() + 600) as fast:
        found = look(through=fast)["clock"]
    assert (found.state, "NTP" in found.mend) == ("fail", True)
    assert "differs by 600 s" in found.finding


@pytest.mark.parametrize(("schema", "state"), [("lakeflow", "skip"), ("access", "fail")])
def test_a_schema_that_is_not_enabled(look, tmp_path, schema, state):
    """A schema that may not be used is told with the command that enables it; one that a run needs is a cross."""
    shutil.rmtree(tmp_path / "estate" / "system" / schema)
    found = look()["schemas"]
    assert (found.state, f"system.{schema} may not be used" in found.finding) == (state, True)
    assert f"system-schemas enable METASTORE_ID {schema}" in found.mend


def test_schemas_that_cannot_be_listed(look, warehouse):
    """Where the list of schemas may not be read, this is a dash and hinders nothing."""
    warehouse.tokens.add("dapi-less", missing=[Missing("system.information_schema.*")])
    found = look(token="dapi-less")
    assert found["schemas"].state == "skip"
    assert "is not told" in found["schemas"].finding
    assert found["tables.table_lineage"].state == "pass"


def test_the_command(warehouse, tmp_path, capsys, monkeypatch):
    """`uc-miner preflight` goes the whole way; neither its page nor its log holds a token or a text."""
    file = tmp_path / "uc-miner.toml"
    file.write_text(f'[sources.p]\nkind = "databricks"\nhost = "{warehouse.url}"\nwarehouse_id = "{WAREHOUSE_ID}"\n')
    monkeypatch.setenv("UC_MINER__SOURCES__P__TOKEN", TOKEN)
    code = cli.main(["-c", str(file), "--log-level", "debug", "preflight", "--json"], Session(now=lambda: NOW))
    told = capsys.readouterr()
    found = {one["name"]: one for one in json.loads(told.out)}
    assert (code, found["sources.p.tables.table_lineage"]["state"]) == (0, "pass")
    assert TOKEN not in told.out + told.err
    assert "SELECT" not in told.err


def test_a_missing_grant_on_history(look, warehouse):
    """What hinders one table is one finding, of an optional one a dash with its grant: looks at others leave it out."""
    warehouse.tokens.add(
        "dapi-less", missing=[Missing("system.query.history"), Missing("system.access.column_lineage")]
    )
    found = look(token="dapi-less")
    crosses = {name for name, state in states(found).items() if state == "fail"}
    assert crosses == {"tables.column_lineage"}
    history = found["tables.query_history"]
    assert (history.state, "GRANT SELECT ON TABLE `system`.`query`.`history`" in history.mend) == ("skip", True)
    assert found["freshness"].finding == "table_lineage up to 2026-11-10 12:00 UTC"


def test_documented(look):
    """docs/operations.md has a row for every check of a warehouse."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `sources\.NAME\.([a-z_.A-Z]+)` \|", page, re.MULTILINE)
    assert {re.sub(r"(tables|columns)\..+", r"\1.TABLE", name) for name in look()} == set(named)


@pytest.mark.parametrize("right", [SELECT, BROWSE])
def test_a_run_says_the_same(warehouse, tmp_path, capsys, monkeypatch, right):
    """A run on a table that may not be read ends with code 1 and the grants that the preflight tells."""
    warehouse.tokens.add("dapi-less", "less@example.com", missing=[Missing("system.access.table_lineage", right)])
    file = tmp_path / "uc-miner.toml"
    file.write_text(f'[sources.p]\nkind = "databricks"\nhost = "{warehouse.url}"\nwarehouse_id = "{WAREHOUSE_ID}"\n')
    monkeypatch.setenv("UC_MINER__SOURCES__P__TOKEN", "dapi-less")
    cli.main(["-c", str(file), "preflight", "--json"], Session(now=lambda: NOW))
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert cli.main(["-c", str(file), "run"], Session(now=lambda: NOW)) == 1
    mend = found["sources.p.tables.table_lineage"]["mend"]
    assert "GRANT SELECT ON TABLE `system`.`access`.`table_lineage` TO `less@example.com`" in mend
    assert "GRANT SELECT ON TABLE `system`.`access`.`table_lineage` TO `less@example.com`" in capsys.readouterr().err
