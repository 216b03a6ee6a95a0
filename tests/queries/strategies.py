"""Random estates: few names and ids, so that rows meet, in every spelling and with every gap the documents allow."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.oracle import Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES
from tests.rows import DAY, METASTORE, at, columns, lineage, statement

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
