"""Values cross the wire as the Arrow types a warehouse sends, inline and as files to fetch."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks import sql

from queries.documented import DOCUMENTED
from tests import rows
from tests.wire.server import LocalWarehouse

LINEAGE = [
    rows.lineage("c.s.a", "c.s.b", job="7", job_run="8", direct_access=True),
    rows.lineage("s3://bucket/ä", "c.s.b", pipeline="p"),
    rows.lineage("c.s.a", None),
]
HISTORY = [
    rows.statement(
        "s1",
        total_duration_ms=7,
        statement_text="SELECT 'é' -- \U0001f600",
        query_tags=[("team", "lake"), ("none", None)],
        compute={"type": "WAREHOUSE", "cluster_id": None, "warehouse_id": "w"},
    ),
    rows.statement("s2"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estate")
    columns = [rows.columns("c.s.a", "c.s.b", "x", "y")]
    runs = [rows.run("7"), rows.run("8", compute_ids=["a", None])]
    return rows.write_estate(
        folder, table_lineage=LINEAGE, column_lineage=columns, query_history=HISTORY, job_run_timeline=runs,
        audit=[rows.audited("getTable", full_name="c.s.a"), rows.audited("deltaSharingQueriedTable", status=None)],
        table_share_usage=[rows.shared("c.s.a")],
    )  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["inline", "by link"])
def cursor(request, root):
    """A cursor that reads at most two rows at a time."""
    with LocalWarehouse(root) as server:
        server.registry.cloud_fetch = request.param
        with sql.connect(**server.connect_arguments()) as connection, connection.cursor(arraysize=2) as cursor:
            yield cursor


def plain(table):
    """Rows, with maps as they are written, in no order."""
    return sorted(map(repr, table.to_pylist()))


@pytest.mark.parametrize("table", rows.TABLES.values())
def test_system_tables(cursor, root, table):
    """Every row of the system tables: structures, maps, lists, NULLs. Only the zone of times is spelled otherwise."""
    written = pq.read_table(root.joinpath(*table.split(".")))
    cursor.execute("SELECT * FROM IDENTIFIER(:t)", {"t": table})
    answered = cursor.fetchall_arrow()
    documented = DOCUMENTED[table]
    assert answered.schema.names == documented.names
    assert [_unnamed(kind) for kind in answered.schema.types] == [_sent(kind) for kind in documented.types]
    assert plain(answered.cast(written.schema)) == plain(written)


def _sent(kind):
    return pa.timestamp("us", "Etc/UTC") if pa.types.is_timestamp(kind) and kind.tz else _unnamed(kind)


SCALARS = {
    "CAST(7 AS TINYINT)": (pa.int8(), 7),
    "CAST(7 AS SMALLINT)": (pa.int16(), 7),
    "CAST(7 AS INT)": (pa.int32(), 7),
    "CAST(7 AS BIGINT)": (pa.int64(), 7),
    "CAST(1.5 AS FLOAT)": (pa.float32(), 1.5),
    "CAST(1.5 AS DOUBLE)": (pa.float64(), 1.5),
    "CAST('1.50' AS DECIMAL(10, 2))": (pa.decimal128(10, 2), Decimal("1.50")),
    "TRUE": (pa.bool_(), True),
    "'x'": (pa.string(), "x"),
    "CAST('x' AS BINARY)": (pa.binary(), b"x"),
    "CAST('2026-11-10' AS DATE)": (pa.date32(), date(2026, 11, 10)),
    "CAST('2026-11-10 01:02:03.000004' AS TIMESTAMP)": (
        pa.timestamp("us", "Etc/UTC"), datetime(2026, 11, 10, 1, 2, 3, 4, UTC)),
    "CAST('2026-11-10 01:02:03' AS TIMESTAMP_NTZ)": (pa.timestamp("us"), datetime(2026, 11, 10, 1, 2, 3)),  # noqa: DTZ001
    "array(1, NULL)": (pa.list_(pa.int32()), [1, None]),
    "map('a', CAST(NULL AS STRING))": (pa.map_(pa.string(), pa.string()), [("a", None)]),
    "named_struct('a', 'x', 'b', named_struct('c', 2))": (
        pa.struct([("a", pa.string()), ("b", pa.struct([("c", pa.int32())]))]), {"a": "x", "b": {"c": 2}}),
    "CAST(NULL AS STRING)": (pa.string(), None),
    "count(*)": (pa.int64(), 1),
    "sum(CAST(7 AS BIGINT))": (pa.int64(), 7),
}  # fmt: skip


@pytest.mark.parametrize("expression", SCALARS)
def test_scalars(cursor, expression):
    """Each type of Spark as Arrow, a sum of whole numbers as BIGINT."""
    kind, value = SCALARS[expression]
    found = cursor.execute(f"SELECT {expression} AS v").fetchall_arrow()
    assert found.column("v").to_pylist() == [value]
    assert _unnamed(found.schema.field("v").type) == _unnamed(kind)


def _unnamed(kind):
    """A type without the names Arrow gives the items of lists."""
    if pa.types.is_list(kind):
        return pa.list_(_unnamed(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_unnamed(kind.key_type), _unnamed(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _unnamed(field.type)) for field in kind])
    return kind


PARAMETERS = ["x' OR 1=1 --", "a\\nb\n", "", 7, 2**40, 1.5, Decimal("1.50"), True, date(2026, 11, 10), None]


@pytest.mark.parametrize("value", PARAMETERS)
def test_parameters(cursor, value):
    """A value comes back as it went, by name and by place: it is never read as SQL."""
    assert cursor.execute("SELECT :v AS v", {"v": value}).fetchall_arrow().column("v").to_pylist() == [value]
    assert cursor.execute("SELECT ? AS v", [value]).fetchall_arrow().column("v").to_pylist() == [value]


def test_a_time_as_parameter(cursor):
    """A time with a zone is the same instant on the server."""
    found = cursor.execute("SELECT :v = event_time AS same FROM system.access.table_lineage", {"v": rows.at()})
    assert set(found.fetchall_arrow().column("same").to_pylist()) == {True}


def test_piece_by_piece(cursor):
    """fetchmany_arrow gives what was asked for, over the pieces that the server makes."""
    cursor.execute(
        "SELECT a.event_id FROM system.access.table_lineage AS a CROSS JOIN system.access.table_lineage AS b"
    )
    assert [cursor.fetchmany_arrow(4).num_rows for _ in range(4)] == [4, 4, 1, 0]


def test_names_of_items(cursor):
    """Items of lists are called as Spark calls them."""
    found = cursor.execute("SELECT array(named_struct('a', array(1))) AS v").fetchall_arrow().schema.field("v").type
    assert str(found) == "list<element: struct<a: list<element: int32>>>"


def test_no_rows(cursor):
    """An empty answer has its columns."""
    empty = cursor.execute(
        "SELECT event_id, direct_access FROM system.access.table_lineage WHERE 1 = 0"
    ).fetchall_arrow()
    assert (empty.num_rows, empty.schema.names) == (0, ["event_id", "direct_access"])


@pytest.mark.slow
@pytest.mark.parametrize("by_link", [False, True])
def test_a_million_rows(tmp_path, by_link):
    """All arrive, in pieces, none twice."""
    folder = tmp_path / "c" / "s" / "t"
    folder.mkdir(parents=True)
    pq.write_table(
        pa.table({"n": range(1_000_000), "s": [f"name {n % 97}" for n in range(1_000_000)]}), folder / "a.parquet"
    )
    with LocalWarehouse(tmp_path) as server, sql.connect(**server.connect_arguments()) as connection:
        server.registry.cloud_fetch = by_link
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM c.s.t")
            count = total = 0
            while piece := cursor.fetchmany_arrow(100_000):
                count, total = count + piece.num_rows, total + sum(piece.column("n").to_pylist())
    assert (count, total) == (1_000_000, 499_999_500_000)
