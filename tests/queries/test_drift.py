"""Columns and fields come and go: what is missing is NULL or refused by name, and nothing is guessed."""

import pyarrow as pa
import pytest

from miner.errors import SchemaDriftError
from queries.documented import DOCUMENTED
from queries.system_tables import KNOWN_TABLES, OPTIONAL_TABLES, REQUIRED, SystemTableReader
from tests import oracle
from tests.queries import given
from tests.rows import (
    COLUMN_LINEAGE,
    DAY,
    TABLES,
    audited,
    columns,
    hit,
    lineage,
    run,
    shared,
    statement,
    write_estate,
    write_table,
)

ROWS = [
    lineage("c.s.a", "c.s.b", job="1", notebook="7", statement_id="s1", direct_access=True, created_by="ann@x.org"),
    lineage("c.s.a", "c.s.c", alert="2", entity_type="JOB", entity_id="5", direct_access=False),
    lineage("s3://bucket/a", "c.s.b", entity_type="NOTEBOOK", entity_id="7", entity_run_id="r"),
]
COLUMNS = [columns("c.s.a", "c.s.b", "x", "y", job="1", direct_access=True)]
HISTORY = [
    statement("s1", execution_status="FAILED", executed_by="bob@x.org"),
    hit("s2", "s1", executed_by="bob@x.org"),
]
RUNS = [run("1", "SUBMIT_RUN", "load")]
AUDIT = [
    audited("generateTemporaryTableCredential", table_full_name="c.s.a"),
    audited("deltaSharingQueriedTable", share="x", schema="s", name="b"),
]
SHARES = [shared("c.s.b", "x")]


def without(rows, *names):
    """Rows as a table without those columns has them."""
    return [row | dict.fromkeys(names) for row in rows]


def write(root, role, lacking):
    """The export with one table that lacks some columns."""
    for other, rows in _rows().items():
        write_table(root, other, rows, without=lacking if other == role else ())
    return root


READ = {
    "table_lineage": ("entity_run_id", "source_path", "created_by", "statement_id", "entity_metadata", "direct_access"),
    "column_lineage": ("source_path", "entity_metadata", "direct_access"),
    "query_history": ("executed_by", "execution_status", "from_result_cache", "cache_origin_statement_id"),
    "job_run_timeline": ("run_name",),
    "audit": ("response",),
    "table_share_usage": ("shared_as_schema", "shared_as_table"),
}


@pytest.mark.parametrize(("role", "column"), [(role, column) for role, names in READ.items() for column in names])
def test_an_optional_column_may_be_absent(tmp_path, role, column):
    """A table without an optional column is read as if it were NULL in every row, and the column is said to be absent."""
    source = given.reader(write(tmp_path, role, [column]))
    rows = {name: without(rows, column) if name == role else rows for name, rows in _rows().items()}
    if role == "table_lineage":
        assert given.edges(source).kept == oracle.edges(DAY, rows[role])
    if role in ("table_lineage", "query_history"):
        assert given.usage(source).figures == given.expected_usage(DAY, rows["table_lineage"], rows["query_history"])
    if role == "column_lineage":
        assert given.columns(source).pairs == given.keyed(oracle.column_pairs(DAY, rows[role]))
    if role in ("audit", "table_share_usage"):
        told = {dataset: reads for (_, _, dataset, by), reads in given.outside_reads(source).items() if by == "audit"}
        assert told == {"c.s.a": 1, "c.s.b" if role == "audit" else None: 1}
    if role == "job_run_timeline":
        assert given.one_time_runs(source) == oracle.one_time_runs(rows[role], DAY, DAY)
    assert any(name.startswith(f"{TABLES[role]}.{column}") for name in source.absent())


def _rows():
    return {
        "table_lineage": ROWS, "column_lineage": COLUMNS, "query_history": HISTORY, "job_run_timeline": RUNS,
        "audit": AUDIT, "table_share_usage": SHARES,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_only_what_is_read_is_needed(tmp_path, form):
    """An export of the required columns alone is mined, in every format."""
    documented = {role: DOCUMENTED[name].names for role, name in TABLES.items()}
    for role, rows in _rows().items():
        write_table(tmp_path, role, rows, form=form, without=set(documented[role]) - set(REQUIRED[role]))
    source = given.reader(tmp_path)
    bare = {role: without(rows, *set(documented[role]) - set(REQUIRED[role])) for role, rows in _rows().items()}
    assert given.edges(source).kept == oracle.edges(DAY, bare["table_lineage"])
    assert given.columns(source).pairs == given.keyed(oracle.column_pairs(DAY, bare["column_lineage"]))
    assert given.usage(source).figures == given.expected_usage(DAY, bare["table_lineage"], bare["query_history"])
    assert len(source.absent()) > 20


@pytest.mark.parametrize(("role", "column"), [(role, column) for role in TABLES for column in REQUIRED[role]])
def test_a_required_column_is_refused_by_name(tmp_path, role, column):
    """A table without a column the miner cannot do without is refused, naming the file and the column."""
    source = given.unopened(write(tmp_path, role, [column]))
    with pytest.raises(SchemaDriftError) as caught:
        source.absent()
    folder = tmp_path.joinpath(*TABLES[role].split("."))
    assert caught.value.message == f"{folder / 'part-0.parquet'} lacks the column {column}"
    assert caught.value.mend


def test_required_columns_are_documented():
    """What is required is in the documents, and of both lineage tables what an edge cannot be known without."""
    for role, names in REQUIRED.items():
        assert set(names) <= set(DOCUMENTED[KNOWN_TABLES[role]].names)
    assert set(OPTIONAL_TABLES) < set(REQUIRED)
    assert {"direct_access", "entity_metadata", "statement_id"}.isdisjoint(REQUIRED["table_lineage"])


METADATA = COLUMN_LINEAGE.field("entity_metadata").type
OLD = pa.struct([field for field in METADATA if field.name not in ("genie_space_id", "alert_id")])
FLAT = pa.struct(
    [
        (field.name, pa.struct([("job_id", pa.string())]) if field.name == "job_info" else field.type)
        for field in METADATA
    ]
)


@pytest.mark.parametrize(
    ("kind", "edge_kinds", "absent"),
    [
        (OLD, {"job", "notebook"}, ["alert_id", "genie_space_id"]),
        (FLAT, {"job", "notebook"}, []),
        (pa.struct([("notebook_id", pa.string())]), {"notebook"}, ["job_info", "alert_id", "dlt_pipeline_info"]),
    ],
    ids=["before Genie", "a struct within", "one field only"],
)
def test_a_struct_field_may_be_absent(tmp_path, kind, edge_kinds, absent):
    """Fields of structs drift as columns do: an absent one is NULL, also one that came into the struct later."""
    rows = [_trimmed(row, kind) for row in ROWS]
    write_table(tmp_path, "table_lineage", rows, types={"entity_metadata": kind})
    source = given.reader(write_estate(tmp_path, table_lineage=None))
    answer = given.edges(source)
    assert {edge.kind for edge in answer.kept} == edge_kinds
    assert answer.kept == oracle.edges(DAY, rows)
    found = source.absent()
    assert all(any(f"entity_metadata.{name}" in one for one in found) for name in absent)


def _trimmed(row, kind):
    told = row["entity_metadata"]
    return row | {"entity_metadata": told and {field.name: told[field.name] for field in kind}}


def test_files_with_different_columns(tmp_path):
    """A table whose files were exported at different times: each is read with the columns it has."""
    old = [lineage("c.s.a", f"c.s.old{place}", job="1", alert="2") for place in range(2)]
    new = [lineage("c.s.a", f"c.s.new{place}", job="1", alert="2", direct_access=False) for place in range(2)]
    write_table(
        tmp_path,
        "table_lineage",
        [_trimmed(row, OLD) for row in old],
        name="old",
        without=["direct_access"],
        types={"entity_metadata": OLD},
    )
    write_table(tmp_path, "table_lineage", new, name="new")
    write_table(
        tmp_path,
        "table_lineage",
        [lineage("c.s.a", "c.s.text", job="1")],
        name="text",
        form="csv",
        without=["account_id"],
    )
    source = given.reader(write_estate(tmp_path, table_lineage=None))
    answer = given.edges(source)
    assert {(edge.kind, edge.target.name) for edge in answer.kept} == {
        ("job", "old0"),
        ("job", "old1"),
        ("job", "text"),
    }
    assert {(edge.kind, edge.target.name) for edge in answer.indirect} == {("alert", "new0"), ("alert", "new1")}
    assert [name for name in source.absent() if "table_lineage" in name] == []


def test_new_columns_do_no_harm(tmp_path):
    """Databricks adds columns and fields at any time: what is not documented yet is passed over."""
    file = write_table(tmp_path, "table_lineage", ROWS)
    table = pa.parquet.read_table(file)
    newer = pa.struct([*METADATA, pa.field("brand_new_id", pa.string())])
    rows = [row | {"brand_new": 1} for row in table.to_pylist()]
    schema = pa.schema(
        [field if field.name != "entity_metadata" else pa.field(field.name, newer) for field in table.schema]
    )
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema=schema.append(pa.field("brand_new", pa.int64()))), file)
    assert given.edges(given.reader(tmp_path)).kept == oracle.edges(DAY, ROWS)


def test_columns_in_another_order(tmp_path):
    """Columns are found by their names."""
    file = write_table(tmp_path, "table_lineage", ROWS)
    table = pa.parquet.read_table(file)
    pa.parquet.write_table(table.select(table.schema.names[::-1]), file)
    assert given.edges(given.reader(tmp_path)).kept == oracle.edges(DAY, ROWS)


def test_cloned_tables(tmp_path):
    """Tables may have other names, back-quoted where odd; those are then the miner's own."""
    names = {role: f"`my-copies`.sys_{role}.`t 1`" for role in TABLES}
    write_table(
        tmp_path, "table_lineage", [lineage("my-copies.sys_table_lineage.t 1", None, created_by="miner"), ROWS[0]]
    )
    write_estate(tmp_path, table_lineage=None)
    for role, name in TABLES.items():
        old = tmp_path.joinpath(*name.split("."))
        if old.exists():
            new = tmp_path / "my-copies" / f"sys_{role}" / "t 1"
            new.parent.mkdir(parents=True)
            old.rename(new)
    source = SystemTableReader(given.unopened(tmp_path).warehouse, tables=names, principal="miner")
    assert given.edges(source).kept == oracle.edges(DAY, ROWS[:1])
    assert given.usage(source).fates == {("own_read", ""): 1, ("kept", ""): 1}
    assert source.absent() == [
        names[role] for role in ("query_history", "job_run_timeline", "audit", "table_share_usage")
    ]
