"""Every shipped query as a Databricks client sends it gives the rows that the embedded warehouse gives."""

from collections import Counter
from datetime import date, timedelta

import pyarrow as pa
import pytest
from databricks import sql

from miner.ports import Statements
from miner.scope import Globs, Scope
from queries.embedded import EmbeddedWarehouse
from queries.preflight.looks import MIX
from queries.sample import MINER, write_estate
from queries.system_tables import SystemTableReader, cast
from tests import rows
from tests.queries import crafted
from tests.wire.over_the_wire import WireWarehouse
from tests.wire.server import LocalWarehouse

LAST = date(2026, 11, 20)
SCOPE = Scope(
    exclude=Globs(
        catalogs=("other", "sys?", "*_sandbox"),
        schemas=("tmp_*", "*.q_?"),
        tables=("log_*",),
        paths=("*/_checkpoint*",),
        workspaces=("9*",),
        process_kinds=("new_*",),
    ),
    include=Globs(
        catalogs=("?", "?*"),
        schemas=("*.?", "?*"),
        tables=("?", "?*.?*.?*"),
        paths=("*:*", "relative/*"),
        workspaces=("*1", "?*", ""),
        process_kinds=("*a*", "*e*", "*o*"),
    ),
)


def _batches(found):
    return [] if found is None else found.to_batches()


ASKED = {
    "span": lambda source, first, last: pa.table({"days": [str(source.span("table_lineage"))]}).to_batches(),
    "totals": lambda source, first, last: source.totals("column_lineage", first, last).to_batches(),
    "lineage_edges": lambda source, first, last: source.edges(first, last),
    "lineage_columns": lambda source, first, last: source.column_sets(first, last),
    "usage_daily, cached_reads": lambda source, first, last: source.usage(first, last),
    "column_usage": lambda source, first, last: source.column_usage(first, last),
    "query_runs": lambda source, first, last: source.query_runs(first, last, Statements(3, 40)),
    "history_totals": lambda source, first, last: _batches(source.shown("query_history", first, last)),
    "lineage_mix": lambda source, first, last: cast(
        source.ask("lineage_mix", {"first_day": first, "last_day": last}, {"table_lineage": "table_lineage"}), MIX
    ),
    "replaced_tables": lambda source, first, last: source.replaced(first, last),
    "flow_texts": lambda source, first, last: source.flow_texts(first, last, 40),
    "one_time_runs": lambda source, first, last: source.one_time_runs(first, last),
}


def estates(name, root):
    """An estate on disk and the days to ask for."""
    match name:
        case "sample":
            write_estate(root, tables=200, days=4, events_per_day=400, seed=11, last_day=LAST)
            return LAST - timedelta(days=3), LAST
        case "crafted":
            rows.write_estate(root, **crafted.TABLES)
            return crafted.FIRST, crafted.LAST
    lacking = {"without": ("entity_metadata", "direct_access", "statement_id")}
    rows.write_table(root, "table_lineage", crafted.TABLES["table_lineage"], **lacking)
    rows.write_table(root, "column_lineage", crafted.TABLES["column_lineage"], **lacking)
    return crafted.FIRST, crafted.LAST


@pytest.fixture(scope="module", params=["sample", "crafted", "poor"])
def sources(request, tmp_path_factory):
    """The product's reader over the embedded warehouse and over the wire, and the days to ask both for."""
    root = tmp_path_factory.mktemp(request.param)
    days = estates(request.param, root)
    embedded = EmbeddedWarehouse(root, scratch=root / "scratch", threads=1)
    given = {"scope": SCOPE, "principal": MINER}
    with LocalWarehouse(root) as server, sql.connect(**server.connect_arguments()) as connection:
        wire = SystemTableReader(WireWarehouse(connection), **given)
        yield SystemTableReader(embedded, **given), wire, days
    embedded.close()


def told(batches):
    """The rows of an answer, however often and in whatever order."""
    return Counter(repr(row) for batch in batches for row in batch.to_pylist())


@pytest.mark.parametrize("query", ASKED)
def test_same_rows(sources, query):
    """Over the wire or embedded, an estate with every quirk, and one that lacks tables, columns and fields."""
    embedded, wire, days = sources
    expected = told(ASKED[query](embedded, *days))
    assert told(ASKED[query](wire, *days)) == expected


def test_same_fields_absent(sources):
    """What a table lacks is seen by asking for none of its rows."""
    embedded, wire, _ = sources
    assert wire.absent() == embedded.absent()


def test_something_is_compared(sources):
    """The estates have rows for the queries to tell."""
    embedded, _, days = sources
    assert told(ASKED["lineage_edges"](embedded, *days)).total() > 20
    assert told(ASKED["lineage_columns"](embedded, *days)).total() > 20


def test_wanted_contents(sources):
    """Column sets asked for by key come with their content, as embedded."""
    embedded, wire, (first, last) = sources
    keys = [
        row["set_key"] for batch in embedded.column_sets(first, last) for row in batch.to_pylist() if row["set_key"]
    ]
    wanted = sorted(set(keys))[::2]
    assert wanted
    assert told(wire.column_contents(first, last, wanted)) == told(embedded.column_contents(first, last, wanted))
