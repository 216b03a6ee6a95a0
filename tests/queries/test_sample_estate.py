"""Every shipped query on a believable estate: what it says is what a row-at-a-time reading says."""

from datetime import date, timedelta

import pyarrow.dataset as ds
import pytest

from miner.scope import DEFAULT
from queries.sample import MINER, write_estate
from tests import oracle
from tests.queries import given as answers
from tests.rows import TABLES

LAST = date(2026, 11, 20)
DAYS = (LAST - timedelta(days=2), LAST - timedelta(days=1))
SCOPE = oracle.Scope(
    DEFAULT.catalogs, DEFAULT.schemas, DEFAULT.tables, DEFAULT.paths, principal=MINER, own_tables=answers.OWN_TABLES
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A few hundred tables, five days, some hundred events each."""
    folder = tmp_path_factory.mktemp("sample")
    write_estate(folder, tables=300, days=5, events_per_day=600, seed=7, last_day=LAST)
    return folder


@pytest.fixture(scope="module")
def rows(root):
    """All rows of the estate by role."""
    return {role: _read(root, name) for role, name in TABLES.items()}


def _read(root, name):
    unread = ("query_parameters", "query_tags", "compute_ids", "job_parameters")
    found = ds.dataset(root.joinpath(*name.split(".")), format="parquet")
    return found.to_table(columns=[column for column in found.schema.names if column not in unread]).to_pylist()


@pytest.fixture(scope="module")
def source(root):
    """The product's reader over the estate."""
    opened = answers.reader(root, SCOPE)
    yield opened
    opened.warehouse.close()


def test_edges(source, rows):
    """Edges and the fates of all rows, two days mined at once; nothing is dropped for a reason nobody knows."""
    answered = answers.edges_of_days(source, *DAYS)
    for day in DAYS:
        assert answered[day].kept == oracle.edges(day, rows["table_lineage"], SCOPE)
        assert answered[day].indirect == oracle.indirect_edges(day, rows["table_lineage"], SCOPE)
        assert answered[day].fates == oracle.lineage_fates(day, rows["table_lineage"], SCOPE)
        assert answered[day].fates.total() == answers.totals(source, "table_lineage", day)
        assert len(answered[day].kept) > 50


def test_column_sets(source, rows):
    """Column pairs by edge, and the fates of all column rows."""
    answered = answers.columns_of_days(source, *DAYS)
    for day in DAYS:
        assert answered[day].pairs == answers.keyed(oracle.column_pairs(day, rows["column_lineage"], SCOPE))
        assert answered[day].fates == oracle.lineage_fates(day, rows["column_lineage"], SCOPE)
        assert answered[day].fates.total() == answers.totals(source, "column_lineage", day)
        assert len(answered[day].pairs) > 20


def test_usage(source, rows):
    """Figures by dataset, reader and kind, reads from the cache with them, and the fates of all rows."""
    answered = answers.usage_of_days(source, *DAYS)
    for day in DAYS:
        expected = answers.expected_usage(day, rows["table_lineage"], rows["query_history"], SCOPE)
        assert answered[day].figures == expected
        assert answered[day].fates == oracle.usage_fates(day, rows["table_lineage"], SCOPE)
        assert answered[day].fates.total() == answers.totals(source, "table_lineage", day)
        for measure in ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes"):
            assert sum(getattr(figures, measure) for figures in expected.values()), measure


def test_one_time_runs(source, rows):
    """Job ids that are one-time runs, with their names."""
    expected = oracle.one_time_runs(rows["job_run_timeline"], *DAYS)
    assert answers.one_time_runs(source, *DAYS) == expected
    assert len(expected) > 5


def test_replaced_tables(source, rows):
    """Tables that statements replaced, by day, and the edges that they made void."""
    expected = answers.expected_replaced(*DAYS, rows["table_lineage"], rows["query_history"])
    assert answers.replaced(source, *DAYS) == expected
    assert expected


def test_flow_texts(source, rows):
    """What the latest statements say that wrote for jobs and pipelines."""
    expected = answers.expected_flow_texts(*DAYS, rows["table_lineage"], rows["query_history"], SCOPE)
    assert answers.flow_texts(source, *DAYS) == expected
    assert expected


def test_span(source, rows):
    """The days the lineage tables hold rows for."""
    for role in ("table_lineage", "column_lineage"):
        days = [row["event_date"] for row in rows[role]]
        span = source.span(role)
        assert (span.first, span.last) == (min(days), max(days))


def test_nothing_is_absent(source):
    """The sample has every column that is documented."""
    assert source.absent() == []
