"""Random estates: few names and ids, so that rows meet, in every spelling and with every gap the documents allow."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from tests.oracle import Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES
from tests.rows import (
    DAY,
    METASTORE,
    at,
    billed,
    columns,
    lineage,
    price,
    statement,
    warehouse_event,
    worked,
)

GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"

_CATALOGS = ("c", "C", "`c`", "dev_x", "system")
_SCHEMAS = ("s", "S", "access", "tmp1", "query")
_NAMES = (
    "a",
    "A",
    "`b`",
    "b",
    "a__dbt_tmp",
    "b__dbt_stg_20260101",
    f"__materialization_mat_{GUID}_a_3",
    "table_lineage",
    "history",
)
_PATHS = (
    "s3://bucket/a", "s3a://Bucket//a/", "s3n://bucket/a/day=1", "s3://bucket/A", "abfss://x@acc/_checkpoints/1",
    "abfs://X@acc/b/2026/11/10", "/dbfs/mnt/d", "dbfs:/mnt/d/part-00000-x.parquet", "/mnt/d/_delta_log", "/", "",
)  # fmt: skip


@st.composite
def ends(draw, side):
    """The columns of one end: nothing, a table, a path, both, or a name with a gap."""
    form = draw(st.sampled_from(("table", "table", "table", "path", "path", "both", "none", "gap", "blank")))
    row = {}
    if form in ("table", "both", "gap"):
        row = {
            f"{side}_table_catalog": draw(st.sampled_from(_CATALOGS)),
            f"{side}_table_schema": draw(st.sampled_from(_SCHEMAS)),
            f"{side}_table_name": draw(st.sampled_from(_NAMES)),
        }
    if form in ("path", "both", "blank"):
        row[f"{side}_path"] = draw(st.sampled_from(_PATHS))
    if form == "gap":
        row[f"{side}_table_{draw(st.sampled_from(('catalog', 'schema')))}"] = draw(st.sampled_from((None, "")))
    if form == "blank":
        row |= {f"{side}_table_{part}": "" for part in ("catalog", "schema", "name")}
    return row


_IDS = st.dictionaries(
    st.sampled_from(("alert", "genie", "dashboard", "legacy_dashboard", "pipeline", "job", "notebook", "query")),
    st.sampled_from(("1", "2", "")),
    max_size=2,
)
_TYPES = st.sampled_from((None, None, "", "JOB", "NOTEBOOK", "DBSQL_QUERY", "DASHBOARD_V3", "dbsql_dashboard", "NEW"))
_WHO = st.sampled_from((None, "", "Ann@x.org", " ann@x.org", "bob@x.org", "Miner"))
_STATEMENTS = ("st1", "st2", "st3")
_DAYS = st.sampled_from((DAY, DAY, DAY, DAY - timedelta(days=1), DAY + timedelta(days=1)))


@st.composite
def _shared(draw):
    """What both lineage tables tell of an event."""
    day = draw(_DAYS)
    return {
        **draw(ends("source")),
        **draw(ends("target")),
        **draw(_IDS),
        "metastore_id": draw(st.sampled_from((METASTORE, METASTORE, "m2", None))),
        "workspace_id": draw(st.sampled_from(("1001", "1001", "1002", None))),
        "entity_type": draw(_TYPES),
        "entity_id": draw(st.sampled_from((None, "", "7"))),
        "day": day,
        "event_time": at(day, draw(st.integers(0, 23))),
        "direct_access": draw(st.sampled_from((True, True, False, None))),
    }


@st.composite
def table_rows(draw):
    """One row of table_lineage."""
    return lineage(
        **draw(_shared()),
        entity_run_id=draw(st.sampled_from((None, "st1", "run"))),
        event_id=draw(st.sampled_from((None, "e1", "e2"))),
        statement_id=draw(st.sampled_from((None, *_STATEMENTS))),
        created_by=draw(_WHO),
    )


@st.composite
def column_rows(draw):
    """One row of column_lineage."""
    names = st.sampled_from(("id", "Id", "größe", "a.b", "1:x", "", None))
    told = {
        "entity_run_id": draw(st.sampled_from((None, "st1", "run"))),
        "event_id": draw(st.sampled_from((None, "e1", "e2"))),
        "statement_id": draw(st.sampled_from((None, *_STATEMENTS))),
        "created_by": draw(_WHO),
    }
    return columns(None, None, draw(names), draw(names), **told, **draw(_shared()))


@st.composite
def history_rows(draw):
    """One row of query.history."""
    return statement(
        draw(st.sampled_from((*_STATEMENTS, "st4", None))),
        workspace_id=draw(st.sampled_from(("1001", "1001", "1002", None))),
        executed_by=draw(_WHO),
        execution_status=draw(st.sampled_from(("FINISHED", "FINISHED", "FAILED", "CANCELED"))),
        start_time=at(DAY, 0) + timedelta(hours=12 * draw(st.integers(-3, 5))),
        from_result_cache=draw(st.sampled_from((True, True, False, None))),
        cache_origin_statement_id=draw(st.sampled_from((*_STATEMENTS, None))),
    )


_SOURCES = st.dictionaries(
    st.sampled_from(
        ("alert_id", "genie_space_id", "dashboard_id", "legacy_dashboard_id", "notebook_id", "sql_query_id")
    ),
    st.sampled_from(("1", "2", "")),
    max_size=2,
)
_INNER = st.sampled_from(({}, {}, {"job_info": {"job_id": "7"}}, {"pipeline_info": {"pipeline_id": "p"}}))
_TEXTS = (
    "SELECT 1", "select  2 -- two", "SELECT 'x' FROM `c`.s.a", 'select "y" from c.s.a', "SELECT a FROM c.s.a",
    "<REDACTED>", "", "-- nothing", None,
)  # fmt: skip
_NUMBERS = st.sampled_from((0, 1, 2, 3, 1000, None))


@st.composite
def query_rows(draw):
    """One row of query.history as the stream of statements reads it."""
    source = draw(st.sampled_from((None, {**draw(_SOURCES), **draw(_INNER)})))
    return draw(history_rows()) | {
        "statement_text": draw(st.sampled_from(_TEXTS)),
        "statement_type": draw(st.sampled_from(("SELECT", "SELECT", "select", "INSERT", "", None))),
        "client_application": draw(st.sampled_from(("dbt", "", None))),
        "compute": draw(st.sampled_from((None, {"type": "WAREHOUSE", "warehouse_id": "w1"}, {"warehouse_id": None}))),
        "query_source": source,
        "query_tags": draw(st.sampled_from((None, [], [("application", "uc-lineage-miner")], [("application", "x")]))),
        **{name: draw(_NUMBERS) for name in _MEASURED},
    }


_MEASURED = ("total_duration_ms", "total_task_duration_ms", "read_bytes", "read_rows", "produced_rows")

PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ("'", '"', "`", "--", "/*", "*/", "\\", "\n", " ", "(", ")", ",", "?", ".", ";", "'a'", "(?)", "Σ", "é")
        ),
        st.sampled_from(
            ("select", "1", "2.5", "1e+5", "0x1F", "t_1", "1_t", "`a b`", "`A`", "=", "-", "--x\r", "'it''s'", "\\'")
        ),
        st.text(alphabet="aZ_09'`\"\\-/* \t\n\x0b\r(),?.;=<é🙂", max_size=4),
    ),
    max_size=20,
).map("".join)
"""Texts that are statements as little as they may be: what is made of them must not depend on who made them."""

SCOPES = st.sampled_from(
    (
        Scope(),
        Scope(principal="miner", own_tables=OWN_TABLES),
        Scope(catalogs=("nothing", "dev_*"), tables=("b", "?"), paths=("*/_checkpoint*",)),
        Scope(include=Lists(catalogs=("c",), schemas=("s", "*.tmp?"), workspaces=("1001",))),
        Scope(
            schemas=("dev_?.s",),
            tables=("c.*.b",),
            principal="miner",
            own_tables=OWN_TABLES,
            include=Lists(tables=("?", "*.access.*"), paths=("s3:*",), process_kinds=("job", "ad_*", "not*")),
        ),
        Scope(schemas=("tmp?",), paths=("s3://bucket/A",), workspaces=("*2",), process_kinds=("genie*", "new")),
    )
)


_WAREHOUSES = st.sampled_from(("wh1", "wh1", "wh2", None, ""))
_PLACES = st.sampled_from(("1001", "1001", "1002", None))
_SKUS = st.sampled_from(("A", "A", "B", "C"))
_AMOUNTS = st.integers(-30_000_000_000, 90_000_000_000).map(lambda number: str(Decimal(number).scaleb(-9)))
_PRICES = st.one_of(st.none(), st.integers(1, 3_000_000_000).map(lambda number: str(Decimal(number).scaleb(-9))))
_HOURS = st.integers(0, 5)
"""Few hours, late in the evening and early, so that statements meet their hours and midnight."""


def _evening(day, hour, seconds=0):
    return at(day, 0) + timedelta(hours=21 + hour, seconds=seconds)


@st.composite
def bills(draw):
    """One row of billing.usage."""
    start = _evening(DAY - timedelta(days=1), draw(_HOURS))
    return billed(
        draw(_AMOUNTS),
        warehouse=draw(_WAREHOUSES),
        workspace_id=draw(_PLACES),
        sku_name=draw(_SKUS),
        usage_start_time=start + timedelta(minutes=draw(st.sampled_from((0, 0, 30)))),
        usage_date=start.date(),
        record_type=draw(st.sampled_from(("ORIGINAL", "RETRACTION", "RESTATEMENT"))),
    )


@st.composite
def list_prices(draw):
    """One row of list_prices."""
    since, until = draw(st.sampled_from((-99, 0, 2))), draw(st.sampled_from((None, None, 1, 4)))
    before = DAY - timedelta(days=1)
    return price(
        draw(_PRICES), draw(_PRICES), draw(_PRICES), sku_name=draw(_SKUS), price_start_time=_evening(before, since),
        price_end_time=None if until is None else _evening(before, until),
        currency_code=draw(st.sampled_from(("USD", "USD", "USD", "EUR"))),
    )  # fmt: skip


@st.composite
def work(draw):
    """One row of query.history, of a statement that may have worked on a warehouse."""
    return worked(
        draw(st.sampled_from((*_STATEMENTS, "st4", "st5", None))),
        draw(st.sampled_from((0, None, 1, 10, 2500, 400_000))),
        _evening(DAY - timedelta(days=1), draw(_HOURS), draw(st.sampled_from((0, 7, 1800.0017, 3599.9996)))),
        draw(st.sampled_from((0, 7, 300, 3600, 9000))),
        draw(_WAREHOUSES),
        workspace_id=draw(_PLACES),
        compilation_duration_ms=draw(st.sampled_from((None, 0, 333))),
        result_fetch_duration_ms=draw(st.sampled_from((None, 71))),
    )


@st.composite
def events(draw):
    """One row of warehouse_events; at any moment a warehouse has one."""
    kinds = ("STARTING", "RUNNING", "RUNNING", "SCALED_UP", "SCALED_DOWN", "STOPPING", "STOPPED")
    moment = _evening(DAY - timedelta(days=1), draw(st.integers(-2, 6)), draw(st.integers(0, 3599)))
    return warehouse_event(
        draw(st.sampled_from(kinds)), moment, draw(st.sampled_from(("wh1", "wh2"))), workspace_id=draw(_PLACES)
    )
