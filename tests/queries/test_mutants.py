"""No predicate and no rule of the SQL can go without a test turning red."""

from datetime import date

import pytest

from miner.errors import SourceError
from tests import oracle
from tests.queries import crafted
from tests.queries import given as answers
from tests.queries.mutants import Bench, mutants

DAYS = (crafted.FIRST, crafted.LAST)


def ask(source, query="all"):
    """What the queries say of the crafted estate, in the oracle's words."""
    asked = {
        "lineage_edges": lambda: answers.edges_of_days(source, *DAYS),
        "lineage_columns": lambda: answers.columns_of_days(source, *DAYS),
        "usage_daily": lambda: answers.usage_of_days(source, *DAYS),
        "one_time_runs": lambda: answers.one_time_runs(source, *DAYS),
        "totals": lambda: [
            answers.told([*source.totals(table, *DAYS).to_batches()]) for table in ("table_lineage", "column_lineage")
        ],
        "span": lambda: [source.span(table) for table in ("table_lineage", "column_lineage")],
    }
    asked["cached_reads"] = asked["usage_daily"]
    return {name: answer() for name, answer in asked.items()} if query == "all" else asked[query]()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The crafted estate, its true answers, and the means to swap a query."""
    source = answers.reader_of_documented(tmp_path_factory.mktemp("crafted"), crafted.SCOPE, **crafted.TABLES)
    source._prepared = {}
    yield Bench(source, ask)
    source.warehouse.close()


@pytest.mark.parametrize("day", DAYS)
def test_the_crafted_estate(bench, day: date):
    """On the estate that the mutants are tried on, every answer is the oracle's."""
    lineage, pairs, history = crafted.TABLE_ROWS, crafted.COLUMN_ROWS, crafted.HISTORY
    edges, columns, usage = (bench.answer[name][day] for name in ("lineage_edges", "lineage_columns", "usage_daily"))
    assert edges.kept == oracle.edges(day, lineage, crafted.SCOPE)
    assert edges.indirect == oracle.indirect_edges(day, lineage, crafted.SCOPE)
    assert edges.fates == oracle.lineage_fates(day, lineage, crafted.SCOPE)
    assert columns.pairs == answers.keyed(oracle.column_pairs(day, pairs, crafted.SCOPE))
    assert columns.fates == oracle.lineage_fates(day, pairs, crafted.SCOPE)
    assert usage.figures == answers.expected_usage(day, lineage, history, crafted.SCOPE)
    assert usage.fates == oracle.usage_fates(day, lineage, crafted.SCOPE)
    assert bench.answer["one_time_runs"] == oracle.one_time_runs(crafted.RUNS, *DAYS)


@pytest.mark.parametrize("mutant", mutants(), ids=str)
def test_nothing_is_there_for_nothing(bench, mutant):
    """A query without one of its predicates or rules answers otherwise than the oracle on the crafted estate."""
    for query in bench.affected(mutant):
        bench.swap(query, mutant)
        try:
            answer = ask(bench.source, query)
        except (SourceError, AssertionError):
            return
        if answer != bench.answer[query]:
            return
    pytest.fail("nobody notices")
