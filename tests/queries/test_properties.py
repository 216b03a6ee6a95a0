"""Whatever rows come, the queries say what a row-at-a-time reading of the design says."""

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.queries import given as answers
from tests.queries import strategies
from tests.rows import DAY


@contextmanager
def reader(scope, **tables):
    """A source in a folder of its own: one example must not see another's rows."""
    with TemporaryDirectory() as folder:
        source = answers.reader_of_documented(Path(folder), scope, **tables)
        yield source
        source.warehouse.close()


@settings(max_examples=20)
@given(rows=st.lists(strategies.table_rows(), min_size=10, max_size=60), scope=strategies.SCOPES)
def test_edges(rows, scope):
    """Edges, those seen through views, whether they are verified, and the fate of every row follow the design."""
    with reader(scope, table_lineage=rows) as source:
        answer = answers.edges(source)
    assert answer.kept == oracle.edges(DAY, rows, scope)
    assert answer.indirect == oracle.indirect_edges(DAY, rows, scope)
    assert answer.fates == oracle.lineage_fates(DAY, rows, scope)


@settings(max_examples=20)
@given(rows=st.lists(strategies.column_rows(), min_size=10, max_size=60), scope=strategies.SCOPES)
def test_column_sets(rows, scope):
    """An edge has one row with the set of its column pairs, whatever mixture of rows told them."""
    with reader(scope, column_lineage=rows) as source:
        answer = answers.columns(source)
    assert answer.pairs == answers.keyed(oracle.column_pairs(DAY, rows, scope))
    assert answer.fates == oracle.lineage_fates(DAY, rows, scope)
    assert answer.rows_of_edge == Counter(answer.pairs.keys())


@settings(max_examples=20)
@given(
    rows=st.lists(strategies.table_rows(), min_size=10, max_size=60),
    history=st.lists(strategies.history_rows(), max_size=12),
    scope=strategies.SCOPES,
)
def test_usage(rows, history, scope):
    """Reads of every sort, writes and last times per reader and kind, and the fate of every row, follow the design."""
    with reader(scope, table_lineage=rows, query_history=history) as source:
        answer = answers.usage(source)
    assert answer.figures == answers.expected_usage(DAY, rows, history, scope)
    assert answer.fates == oracle.usage_fates(DAY, rows, scope)
