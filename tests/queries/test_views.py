"""The recommended views: what they show, and that the miner sees through them what it sees without them."""

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlglot

from queries.documented import DOCUMENTED
from queries.embedded import EmbeddedWarehouse
from queries.preflight.looks import Looks
from queries.system_tables import ALWAYS_THERE, DEFAULT_TABLES, SystemTableReader, wanted
from queries.views import columns_read, view, views
from tests.queries import crafted, given
from tests.rows import write_estate

VIEWED = [role for role in DEFAULT_TABLES if role not in ALWAYS_THERE]
NAMES = {role: f"ops.lineage.{role}" for role in VIEWED}


@pytest.mark.parametrize("role", VIEWED)
def test_every_column_that_is_read(role):
    """A view shows every documented column that a query reads, in the documented order, and no other."""
    columns = columns_read(role)
    assert {path[0] for path in wanted(role)} <= set(columns)
    assert columns == [name for name in DOCUMENTED[DEFAULT_TABLES[role]].names if name in columns]
    assert not {"query_parameters", "error_message", "record_id"} & set(columns)


def test_texts_are_masked():
    """SQL texts come out of no view, and a preflight sees that they are masked."""
    text = view("query_history", "ops.l.h")
    assert "'<REDACTED>' AS statement_text" in text
    assert "\n  statement_text" not in text


def test_texts_where_statements_are_mined():
    """Where statements are mined a view shows what that reads, texts too; else no more than the rest needs."""
    text = view("query_history", "ops.l.h", texts=True)
    assert "\n  statement_text," in text
    assert "REDACTED" not in text
    read = {path[0] for path in wanted("query_history", statements=True)}
    assert read <= set(columns_read("query_history", texts=True))
    assert read - {path[0] for path in wanted("query_history")} >= {"client_application", "read_bytes"}
    assert not {"client_application", "read_bytes"} & set(columns_read("query_history"))


def test_texts_where_entities_tell_them():
    """Where entities tell what statements say a view shows that, and nothing else that it did not show."""
    text, masked = view("query_history", "ops.l.h", flow_texts=True), view("query_history", "ops.l.h")
    assert text == masked.replace("'<REDACTED>' AS statement_text", "statement_text") != masked
    assert {path[0] for path in wanted("query_history", texts=True)} <= set(columns_read("query_history"))
    assert "'<REDACTED>'" not in views({"query_history": "ops.l.h"}, flow_texts=True)


def test_it_is_sql():
    """What is printed is what Databricks' grammar takes: the schema, then a view for each table."""
    parsed = sqlglot.parse(views(NAMES, ["10'01"]), read="databricks")
    assert [(tree.key, tree.args["kind"]) for tree in parsed] == [("create", "SCHEMA")] + 5 * [("create", "VIEW")]
    assert "WHERE workspace_id IN ('10\\'01')" in views(NAMES, ["10'01"])


def test_odd_names():
    """Names with blanks and backticks are quoted; each schema is made once."""
    text = views({"table_lineage": "`my cat`.l.`t``1`", "query_history": "`my cat`.l.h"})
    assert "CREATE OR REPLACE VIEW `my cat`.`l`.`t``1`\n" in text
    assert text.count("CREATE SCHEMA IF NOT EXISTS `my cat`.`l`;") == 1


def through_views(root, workspaces=()):
    """The estate's tables as the views show them, exported under the views' names."""
    with duckdb.connect() as engine:
        for role, name in NAMES.items():
            select = sqlglot.parse_one(view(role, name, workspaces), read="databricks").expression.sql("duckdb")
            system = DEFAULT_TABLES[role]
            files = root.joinpath(*system.split("."), "*.parquet")
            rows = engine.sql(select.replace(f"FROM {system}", f"FROM read_parquet('{files}')")).to_arrow_table()
            folder = root.joinpath(*name.split("."))
            folder.mkdir(parents=True)
            pq.write_table(rows, folder / "part-0.parquet")
    return SystemTableReader(EmbeddedWarehouse(root, scratch=root / "scratch", threads=1), NAMES)


@pytest.fixture
def estate(tmp_path):
    """The crafted estate."""
    return write_estate(tmp_path, **crafted.TABLES)


def test_the_miner_sees_the_same(estate):
    """Edges, column sets, usage and one-time runs are the same through the views as from the system tables."""
    behind, plain = through_views(estate), given.unopened(estate)
    plain.scope = behind.scope
    for ask in ("edges", "column_sets", "usage", "one_time_runs"):
        seen, expected = (given.told(getattr(one, ask)(crafted.FIRST, crafted.LAST)) for one in (behind, plain))
        assert seen, ask
        assert sorted(map(str, seen)) == sorted(map(str, expected)), ask
    assert behind.absent() == []
    looks = Looks(behind, start=crafted.FIRST, today=crafted.LAST)
    assert looks.history.redacted == looks.history.rows > 0
    behind.warehouse.close()
    plain.warehouse.close()


def test_a_row_filter(estate):
    """A view of one workspace shows its rows alone."""
    behind = through_views(estate, ["1001"])
    for table in ("table_lineage", "column_lineage"):
        found = behind.totals(table, crafted.FIRST, crafted.LAST)
        assert set(found["workspace_id"].to_pylist()) == {"1001"}
    behind.warehouse.close()
