"""The documented schemas: what the generator writes and the reader may ask for."""

import pyarrow as pa
import pytest

from queries import documented
from queries.documented import COLUMN_LINEAGE, DOCUMENTED, QUERY_HISTORY, TABLE_LINEAGE


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("system.access.table_lineage", 26),
        ("system.access.column_lineage", 28),
        ("system.query.history", 44),
        ("system.information_schema.tables", 15),
        ("system.information_schema.columns", 33),
        ("system.information_schema.views", 9),
        ("system.lakeflow.jobs", 19),
        ("system.lakeflow.job_tasks", 9),
        ("system.lakeflow.job_run_timeline", 13),
        ("system.lakeflow.pipelines", 13),
        ("system.access.workspaces_latest", 6),
        ("system.access.audit", 17),
        ("system.information_schema.table_share_usage", 10),
        ("system.billing.usage", 18),
        ("system.billing.list_prices", 8),
        ("system.compute.warehouse_events", 6),
    ],
)
def test_schemas_are_complete(table: str, columns: int) -> None:
    """Every documented column of every table is there, none twice."""
    names = DOCUMENTED[table].names
    assert len(names) == columns
    assert len(set(names)) == columns


def test_no_table_is_documented_unnoticed() -> None:
    """The tables the product knows are exactly these sixteen."""
    assert len(DOCUMENTED) == 16
    assert all(table.startswith("system.") and table.count(".") == 2 for table in DOCUMENTED)


def test_lineage_columns_stand_in_the_documented_order() -> None:
    """Positions match a live DESCRIBE, so that exports without a header can be read too."""
    assert TABLE_LINEAGE.names[:7] == [
        "account_id",
        "metastore_id",
        "workspace_id",
        "entity_type",
        "entity_id",
        "entity_run_id",
        "source_table_full_name",
    ]
    assert TABLE_LINEAGE.names[18:] == [
        "created_by",
        "event_time",
        "event_date",
        "record_id",
        "event_id",
        "statement_id",
        "entity_metadata",
        "direct_access",
    ]


def test_column_lineage_is_table_lineage_and_two_columns() -> None:
    """Column lineage adds the two column names, each after its end, and changes no type."""
    assert COLUMN_LINEAGE.names.index("source_column_name") == 12
    assert COLUMN_LINEAGE.names.index("target_column_name") == 19
    shared = [field for field in COLUMN_LINEAGE if not field.name.endswith("column_name")]
    assert pa.schema(shared).equals(TABLE_LINEAGE)


def test_instants_are_utc_and_days_are_dates() -> None:
    """Every timestamp is UTC to the microsecond; event_date is a day, not a text."""
    for schema in DOCUMENTED.values():
        for field in schema:
            if pa.types.is_timestamp(field.type):
                assert field.type == pa.timestamp("us", tz="UTC"), field.name
    assert TABLE_LINEAGE.field("event_date").type == pa.date32()
    assert COLUMN_LINEAGE.field("event_date").type == pa.date32()


def test_ids_are_texts() -> None:
    """Ids are strings, workspace and job ids too, though they look like numbers."""
    for schema in DOCUMENTED.values():
        for field in schema:
            if field.name.endswith("_id"):
                assert field.type == pa.string(), field.name


def test_metadata_names_every_kind_of_process() -> None:
    """The struct that tells what a row was part of has the fields the precedence of processes needs."""
    fields = {field.name for field in documented.ENTITY_METADATA}
    assert fields == {
        "job_info",
        "dashboard_id",
        "legacy_dashboard_id",
        "notebook_id",
        "sql_query_id",
        "dlt_pipeline_info",
        "genie_space_id",
        "alert_id",
    }


def test_history_nests_where_the_documentation_does() -> None:
    """query_parameters is the nested struct it is, so that a reader that selects it is found out."""
    assert [field.name for field in documented.QUERY_PARAMETERS] == ["named_parameters", "pos_parameters", "truncated"]
    assert pa.types.is_map(documented.QUERY_PARAMETERS.field("named_parameters").type)
    assert pa.types.is_map(QUERY_HISTORY.field("query_tags").type)
    assert QUERY_HISTORY.field("read_io_cache_percent").type == pa.int8()
