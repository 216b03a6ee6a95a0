"""Whatever rows come, the queries say what a row-at-a-time reading of the design says."""

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.queries import given as answers
from tests.queries import strategies
from tests.rows import DAY

DAYS = (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))
LINEAGE = st.lists(strategies.table_rows(), min_size=10, max_size=60)
COLUMNS = st.lists(strategies.column_rows(), min_size=10, max_size=60)
HISTORY = st.lists(strategies.history_rows(), max_size=12)
RUNS = st.lists(strategies.query_rows(), max_size=14)
TERMINAL = st.lists(
    strategies.history_rows(), max_size=12, unique_by=lambda row: (row["workspace_id"] or "", row["statement_id"])
)
"""History as it is: a statement has one row, written when it ended."""

some = settings(max_examples=10, report_multiple_bugs=False)


@contextmanager
def reader(scope, **tables):
    """A source in a folder of its own: one example must not see another's rows."""
    with TemporaryDirectory() as folder:
        source = answers.reader(Path(folder), scope, **tables)
        yield source
        source.warehouse.close()


@some
@given(rows=LINEAGE, scope=strategies.SCOPES)
def test_edges(rows, scope):
    """Edges, those seen through views, whether they are verified, and the fate of every row follow the design."""
    with reader(scope, table_lineage=rows) as source:
        answered = answers.edges_of_days(source, DAYS[0], DAYS[-1])
    for day in DAYS:
        assert answered[day].kept == oracle.edges(day, rows, scope)
        assert answered[day].indirect == oracle.indirect_edges(day, rows, scope)
        assert answered[day].fates == oracle.lineage_fates(day, rows, scope)


@some
@given(rows=COLUMNS, scope=strategies.SCOPES)
def test_column_sets(rows, scope):
    """An edge has the set of its column pairs, in one row when a day is mined alone, whatever mixture of rows told them."""
    with reader(scope, column_lineage=rows) as source:
        answered = answers.columns_of_days(source, DAYS[0], DAYS[-1])
        alone = answers.columns(source, DAY)
    for day in DAYS:
        assert answered[day].pairs == answers.keyed(oracle.column_pairs(day, rows, scope))
        assert answered[day].fates == oracle.lineage_fates(day, rows, scope)
    assert alone.pairs == answered[DAY].pairs
    assert alone.rows_of_edge == Counter(alone.pairs.keys())


@some
@given(rows=LINEAGE, history=HISTORY, scope=strategies.SCOPES)
def test_usage(rows, history, scope):
    """Reads of every sort, writes and last times per reader and kind, and the fate of every row, follow the design."""
    with reader(scope, table_lineage=rows, query_history=history) as source:
        answer = answers.usage(source)
    assert answer.figures == answers.expected_usage(DAY, rows, history, scope)
    assert answer.fates == oracle.usage_fates(DAY, rows, scope)


@some
@given(rows=LINEAGE, history=TERMINAL, scope=strategies.SCOPES)
def test_usage_of_a_run_of_days(rows, history, scope):
    """A day's figures are the same whichever days it is mined with: a backfill ends where daily mining does."""
    with reader(scope, table_lineage=rows, query_history=history) as source:
        answered = answers.usage_of_days(source, DAYS[0], DAYS[-1])
    for day in DAYS:
        assert answered[day].figures == answers.expected_usage(day, rows, history, scope)
        assert answered[day].fates == oracle.usage_fates(day, rows, scope)


@some
@given(rows=COLUMNS, history=TERMINAL, scope=strategies.SCOPES)
def test_column_usage(rows, history, scope):
    """Reads of columns per reader and kind, and the fate of every row, follow the design, whatever days come together."""
    with reader(scope, column_lineage=rows, query_history=history) as source:
        answered = answers.column_usage_of_days(source, DAYS[0], DAYS[-1])
        alone = answers.column_usage(source, DAY)
    for day in DAYS:
        assert answered[day].figures == oracle.column_usage(day, rows, history, scope)
        assert answered[day].fates == oracle.column_usage_fates(day, rows, history, scope)
    assert alone == answered[DAY]


@some
@given(rows=LINEAGE, history=RUNS, scope=strategies.SCOPES, most=st.integers(1, 3))
def test_query_runs(rows, history, scope, most):
    """Statements by fingerprint, what they read, and the fate of every row of the history follow the design.

    A day's figures are the same whichever days it is mined with.
    """
    with reader(scope, table_lineage=rows, query_history=history) as source:
        answered = answers.query_runs_of_days(source, DAYS[0], DAYS[-1], most)
    for day in DAYS:
        assert answered[day].runs == oracle.query_runs(day, rows, history, scope, most)
        assert answered[day].fates == oracle.query_fates(day, history, scope)


@settings(max_examples=50, report_multiple_bugs=False)
@given(texts=st.lists(strategies.PIECES, min_size=20, max_size=20))
def test_plain_statements(texts):
    """Whatever is in a text, the rules make of it what reading it letter by letter makes of it."""
    assert answers.ruled("plain_statement(raw)", texts) == [oracle.plain_statement(text) for text in texts]
