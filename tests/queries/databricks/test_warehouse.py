from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread

import pyarrow as pa
import pytest
import sqlglot

from miner.errors import (
    MissingRightError,
    MissingTableError,
    QuotaError,
    SchemaDriftError,
    SignInError,
    SourceError,
    TransientError,
)
from queries import statements
from queries.databricks.options import Patience
from queries.documented import DOCUMENTED
from queries.system_tables import REQUIRED, SystemTableReader
from queries.warehouse import nested_fields
from tests import rows
from tests.wire.faults import Fails, Forgotten, Hold, HttpStatus, Pending, Reset, Truncated
from tests.wire.server import TOKEN
from tests.wire.tokens import BROWSE, SELECT, USE_CATALOG, USE_SCHEMA, Missing

LINEAGE = "system.access.table_lineage"
QUERIES = ("span", "totals", "lineage_edges", "lineage_columns", "usage_daily", "cached_reads", "one_time_runs")


def total(reader) -> int:
    return pa.compute.sum(reader.totals("table_lineage", rows.DAY)["rows"]).as_py()


@pytest.mark.parametrize("name", QUERIES)
def test_the_text_that_is_sent(client, name):
    """Every shipped query keeps its table parameters and values as parameters in Databricks' dialect, and parses there."""
    tree = statements.parsed(name)
    tables = {parameter: "a.b.c" for _, parameter in statements._bound_tables(tree)}
    prepared = client.prepare(tree, tables)
    assert tables
    for parameter in tables:
        assert f"IDENTIFIER(:{parameter})" in prepared.text
    assert prepared.parameters == statements.parameters(sqlglot.parse_one(prepared.text, read="databricks"))
    assert "a.b.c" not in prepared.text
    assert prepared.bound == tables


def test_values_and_tables_are_bound(client, wire):
    """A value has its type, a table name comes back-quoted; the session is in UTC and carries the miner's tags."""
    reader = SystemTableReader(
        client, {**SystemTableReader(client).tables, "table_lineage": "`system`.access.table_lineage"}
    )
    assert total(reader) == 2
    opened = wire.journal.calls("OpenSession")[0]
    assert opened.conf["TIMEZONE"] == "UTC"
    assert opened.conf["QUERY_TAGS"] == "application:uc-lineage-miner"
    assert "uc-lineage-miner" in opened.user_agent
    asked = wire.journal.calls("ExecuteStatement")[-1]
    assert asked.parameters["first_day"] == ("DATE", "2026-11-10")
    assert asked.parameters["lineage_table"] == ("STRING", "`system`.`access`.`table_lineage`")


def test_instants_are_bound_with_their_zone(client, wire):
    """An instant reaches the warehouse as what it is, whatever the session's zone."""
    query = client.prepare(sqlglot.parse_one("SELECT :at AS at", read="databricks"), {})
    (batch,) = client.run(query, {"at": datetime(2026, 11, 10, 12, tzinfo=UTC)})
    assert batch.to_pylist() == [{"at": datetime(2026, 11, 10, 12, tzinfo=UTC)}]
    assert wire.journal.calls("ExecuteStatement")[-1].parameters["at"][0] == "TIMESTAMP"


def test_a_session_for_all(reader, wire):
    """What is read together shares one session: a warehouse wakes once. It is ended at the end."""
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: total(reader), range(8))) == [2] * 8
    reader.warehouse.close()
    assert len(wire.journal.calls("OpenSession")) == 1
    assert len(wire.journal.calls("CloseSession")) == 1


def test_nothing_is_opened_before_it_is_needed(client, wire):
    """A source that is only configured wakes no warehouse."""
    client.close()
    assert wire.journal.calls() == []


def test_fields(client):
    """The fields of a table, struct fields too; they are asked for once."""
    documented = DOCUMENTED[LINEAGE]
    found = client.fields(LINEAGE, documented, REQUIRED["table_lineage"])
    assert found == nested_fields(documented)
    assert client.fields(LINEAGE, documented, ()) is found


def test_a_table_that_is_not_there(client, reader):
    """A table that is not there has no fields; where it is needed, the error names the grants that would show it."""
    assert client.fields("system.access.gone", DOCUMENTED[LINEAGE], ()) is None
    reader.tables["table_lineage"] = "system.access.gone"
    with pytest.raises(MissingTableError) as caught:
        reader.totals("table_lineage", rows.DAY)
    assert "GRANT SELECT ON TABLE `system`.`access`.`gone` TO `miner@example.com`" in caught.value.mend


@pytest.mark.parametrize("right", [SELECT, USE_SCHEMA, USE_CATALOG])
@pytest.mark.parametrize("table", [LINEAGE, "system.lakeflow.job_run_timeline"])
def test_a_missing_right_names_its_grant(wire, client_of, right, table):
    """A table that is there and may not be read is an error, an optional one too; the principal is asked for."""
    wire.tokens.add("dapi-poor", "poor@x.org", missing=[Missing(table, right)])
    with pytest.raises(MissingRightError) as caught:
        SystemTableReader(client_of("dapi-poor")).absent()
    assert f"GRANT {SELECT} ON TABLE" in caught.value.mend
    assert "TO `poor@x.org`" in caught.value.mend
    assert right in str(caught.value)


NOT_THERE = ("system.access.audit", "system.information_schema.table_share_usage")
"""Optional tables that the wire's estate has not."""


@pytest.mark.parametrize("right", [SELECT, USE_SCHEMA])
def test_usage_without_the_history(wire, client_of, right):
    """Without a grant on query history usage is counted all the same; what is missing is told, and the grant for it."""
    whole = SystemTableReader(client_of())
    wire.tokens.add("dapi-poor", "poor@x.org", missing=[Missing("system.query.history", right)])
    poor = SystemTableReader(client_of("dapi-poor"))
    counted, told = (sum(kept_reads(one)) for one in (poor, whole))
    assert counted == told > 0
    (missing,) = [one for one in poor.missing() if one.role == "query_history"]
    assert missing.refused
    assert missing.reason.startswith("the principal may not read system.query.history")
    assert "failed and cached reads are not told" in missing.without
    assert "GRANT SELECT ON TABLE `system`.`query`.`history` TO `poor@x.org`" in missing.mend
    fates = set(poor.enrichment(rows.DAY)["fate"].to_pylist())
    assert fates <= {"history_not_read", "no_statement_id"}
    assert "system.query.history" in poor.absent()


def kept_reads(reader):
    """Reads of a day by row."""
    for batch in reader.usage(rows.DAY):
        for row in batch.to_pylist():
            if row["fate"] == "kept":
                yield row["reads"] + row["failed_reads"]


def test_an_invisible_optional_table_is_absent(wire, client_of):
    """What the principal may not even see is as if it were not there, as Unity Catalog has it."""
    wire.tokens.add("dapi-poor", missing=[Missing("system.query.history", BROWSE)])
    assert SystemTableReader(client_of("dapi-poor")).absent() == ["system.query.history", *NOT_THERE]


def test_an_optional_table_left_out_is_not_asked_for(reader, wire):
    """A table that the settings leave out needs no right."""
    reader.tables = {**reader.tables, "query_history": "none"}
    assert reader.absent() == ["system.query.history", *NOT_THERE]
    assert sum(batch.num_rows for batch in reader.usage(rows.DAY)) > 0
    assert not any("query.history" in table for call in wire.journal.calls() for table in call.tables)


@pytest.mark.parametrize(
    ("act", "method"),
    [
        (HttpStatus(429, retry_after=2), "ExecuteStatement"),
        (HttpStatus(503, retry_after=1), "OpenSession"),
        (HttpStatus(503), "ExecuteStatement"),
        (HttpStatus(500), "ExecuteStatement"),
        (HttpStatus(500), "GetOperationStatus"),
        (HttpStatus(500), "FetchResults"),
        (HttpStatus(502), "OpenSession"),
        (HttpStatus(503, late=True), "ExecuteStatement"),
        (HttpStatus(401), "FetchResults"),
        (HttpStatus(403, reason="Invalid access token."), "ExecuteStatement"),
        (Reset(), "ExecuteStatement"),
        (Reset(late=True), "FetchResults"),
        (Forgotten(), "GetOperationStatus"),
        (Forgotten(), "FetchResults"),
        (Forgotten(), "ExecuteStatement"),
        (Pending(3), "ExecuteStatement"),
        (Fails(words="TEMPORARILY_UNAVAILABLE"), "ExecuteStatement"),
    ],
)
def test_a_fault_that_passes(reader, wire, act, method):
    """Whatever goes wrong for a moment, the answer is whole in the end."""
    struck = wire.faults.add(act, method)
    assert total(reader) == 2
    assert struck.struck == 1


@pytest.mark.parametrize(
    ("act", "method", "error"),
    [
        (HttpStatus(429), "ExecuteStatement", QuotaError),
        (HttpStatus(503), "OpenSession", TransientError),
        (HttpStatus(500), "ExecuteStatement", TransientError),
        (HttpStatus(404), "OpenSession", SourceError),
        (HttpStatus(401), "ExecuteStatement", SignInError),
        (HttpStatus(403), "OpenSession", SignInError),
        (Reset(), "FetchResults", TransientError),
        (Forgotten(), "FetchResults", TransientError),
        (Fails("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"), "ExecuteStatement", SchemaDriftError),
        (Fails(), "ExecuteStatement", SourceError),
    ],
)
def test_a_fault_that_stays(reader, wire, act, method, error):
    """What does not pass ends in one error of ours that says what to do, never in fewer rows."""
    wire.faults.add(act, method, times=10_000)
    with pytest.raises(error) as caught:
        total(reader)
    assert caught.value.mend
    assert "SELECT" not in caught.value.message
    assert TOKEN not in str(caught.value)


def test_waits_double_up_to_the_longest(client_of, wire, time):
    """A statement is tried again as a whole, ever more patiently."""
    wire.faults.add(HttpStatus(500), "ExecuteStatement", times=10_000)
    reader = SystemTableReader(client_of(patience=Patience(attempts=6, longest=5, request_attempts=1)))
    with pytest.raises(TransientError):
        total(reader)
    assert time.waits == [1, 2, 4, 5, 5]


def test_the_connector_does_not_wait_a_minute(reader, wire, connector_waits):
    """A busy answer is waited out for as long as the settings say, not for the connector's 60 seconds."""
    wire.faults.add(HttpStatus(429, retry_after=2), "ExecuteStatement")
    assert total(reader) == 2
    assert connector_waits == [5]


def test_a_cold_warehouse_is_waited_for(client_of, wire, time):
    """A warehouse that starts is waited for as long as the settings say, though not a statement's tries would do."""
    wire.faults.add(HttpStatus(503, reason="TEMPORARILY_UNAVAILABLE"), "OpenSession", times=20)
    reader = SystemTableReader(client_of(patience=Patience(attempts=2, start=900, longest=30, request_attempts=1)))
    assert total(reader) == 2
    assert 100 < time.now < 900


def test_a_warehouse_that_never_starts(client_of, wire, time):
    """In the end a warehouse that does not start is given up, with what to raise."""
    wire.faults.add(HttpStatus(503), "OpenSession", times=10_000)
    with pytest.raises(TransientError, match="did not start") as caught:
        total(SystemTableReader(client_of(patience=Patience(start=300, request_attempts=1))))
    assert "start_timeout" in caught.value.mend
    assert 300 <= time.now < 400


def test_a_statement_that_waits_for_the_warehouse(reader, wire, time, capsys):
    """A statement that is queued while the warehouse starts is told of, and is not run twice."""
    wire.faults.add(Pending(30))
    assert total(reader) == 2
    assert "warehouse.starting" in capsys.readouterr().out
    assert len({call.operation for call in wire.journal.calls("ExecuteStatement")}) == 2


def test_who_waits_is_told(client_of, wire):
    """Whoever waits for a warehouse that is starting is told for how long, and when it goes on."""
    told = []
    client = client_of()
    client.starting = told.append
    wire.faults.add(HttpStatus(503), "OpenSession", times=8)
    assert total(SystemTableReader(client)) == 2
    refused = told[: told.index(None)]
    wire.faults.add(Pending(30))
    told.clear()
    assert client.fields("system.query.history", None, ())
    queued = told[: told.index(None)]
    for waits in (refused, queued):
        assert waits == sorted(set(waits))
        assert len(waits) >= 2
    assert 5 <= queued[0] < 8
    assert told[-1] is None


def test_a_statement_that_never_begins(client_of, wire):
    """A statement that is never begun is cancelled."""
    wire.faults.add(Pending(10_000))
    with pytest.raises(SourceError, match="did not begin a statement within 60 seconds"):
        total(SystemTableReader(client_of(patience=Patience(start=60))))
    assert len(wire.journal.calls("CancelOperation")) == 1


def test_a_statement_that_takes_too_long(client_of, wire):
    """A statement past its time is cancelled on the warehouse, where it would cost on."""
    wire.faults.add(Hold(), table=LINEAGE, nth=2)
    reader = SystemTableReader(client_of(patience=Patience(statement=0.5)))
    with pytest.raises(SourceError, match=r"did not end within 0.5 seconds"):
        total(reader)
    assert len(wire.journal.calls("CancelOperation")) == 1


def test_cancel(reader, wire, time):
    """Cancelling ends what runs, from another thread, and lets nothing begin."""
    total(reader)
    running = Event()
    wire.faults.add(Hold(), table=LINEAGE)
    time.during = running.set
    failed = []

    def read():
        try:
            total(reader)
        except SourceError as error:
            failed.append(error.message)

    thread = Thread(target=read)
    thread.start()
    assert running.wait(10)
    reader.warehouse.cancel()
    thread.join(10)
    assert failed == ["reading was cancelled"]
    assert len(wire.journal.calls("CancelOperation")) == 1
    with pytest.raises(SourceError, match="cancelled"):
        total(reader)


def test_control_c_cancels(reader, wire, time):
    """Control-C while a statement runs cancels it on the warehouse before it goes on its way."""
    total(reader)
    wire.faults.add(Hold(), table=LINEAGE)

    def interrupt():
        raise KeyboardInterrupt

    time.during = interrupt
    with pytest.raises(KeyboardInterrupt):
        total(reader)
    assert len(wire.journal.calls("CancelOperation")) == 1


def test_an_operation_lost_in_mid_fetch(client_of, wire, tmp_path):
    """Rows of a lost result are dropped, and the statement run again: no row is missing, none is there twice."""
    rows.write_estate(
        wire.registry.engine.root, table_lineage=[rows.lineage("c.s.a", f"c.s.t{n:05}") for n in range(3000)]
    )
    reader = SystemTableReader(client_of(batch_rows=1000))
    reader.totals("table_lineage", rows.DAY)
    lost = wire.faults.add(Forgotten(), "FetchResults", table=LINEAGE, nth=3)
    names = [name for batch in reader.edges(rows.DAY) for name in batch.column("target_name").to_pylist() if name]
    assert lost.struck == 1
    assert sorted(names) == [f"t{n:05}" for n in range(3000)]


def test_results_in_files(client_of, wire):
    """Large results come as files from storage, without the token; they are the same rows."""
    wire.registry.cloud_fetch = True
    assert total(SystemTableReader(client_of())) == 2
    assert any(path for path in wire.workspace.files)
    wire.workspace.files.clear()
    assert total(SystemTableReader(client_of(cloud_fetch=False))) == 2
    assert not wire.workspace.files


def test_a_token_that_expires(wire, client_of):
    """A token refused in the middle of a run is asked for anew, once, and the statement run again."""
    wire.tokens.add("first", calls=5)
    wire.tokens.add("second")
    given = iter(["first", "second", "second", "second"])
    current = [next(given)]

    def token() -> str:
        if wire.tokens._known["first"].calls == 0:
            current[0] = "second"
        return current[0]

    assert total(SystemTableReader(client_of(token))) == 2
    assert current == ["second"]


@pytest.mark.parametrize("table", ["system.lakeflow.job_run_timeline", LINEAGE])
def test_a_truncated_result_is_told(reader, wire, table):
    """A result that ends too early without an error is found out, also where no separate count is there to compare."""
    reader.absent()
    wire.faults.add(Truncated(0), table=table)
    read = reader.totals if table == LINEAGE else lambda *days: list(reader.one_time_runs(*days))
    given = ("table_lineage", rows.DAY) if table == LINEAGE else (rows.DAY, rows.DAY)
    with pytest.raises(SourceError, match="0 rows came"):
        read(*given)
