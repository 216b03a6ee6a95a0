"""No predicate and no rule of the SQL can go without a test turning red."""

import hashlib
from datetime import date, timedelta
from functools import partial

import pytest

from miner.ports import TableName
from miner.scope import Globs, Scope
from miner.visible import SHOWN_DAYS
from queries.cost import CostReader
from queries.names import NameReader
from queries.preflight.looks import RECENT_DAYS, Looks
from queries.system_tables import KNOWN_TABLES
from tests import oracle, rows
from tests.queries import crafted, crafted_cost, crafted_names
from tests.queries import given as answers
from tests.queries.mutants import COSTS, NAMES, Bench, mutants
from tests.rows import METASTORE

DAYS = (crafted.FIRST, crafted.LAST)


def contents(content):
    """Column sets when only some contents, or none, are asked for."""

    def ask(source, first, last):
        told = answers.told(source._column_sets(first, last, content, WANTED))
        return sorted((row["fate"], row["set_key"] or "", row["content"] or "") for row in told)

    return ask


def without_principal(ask):
    """The same question when nobody is said to be the miner."""

    def asked(source, first, last):
        principal, source.principal = source.principal, ""
        try:
            return ask(source, first, last)
        finally:
            source.principal = principal

    return asked


def of_scope(scope, ask):
    """The same question of another scope."""

    def asked(source, first, last):
        before, source.scope = source.scope, scope
        try:
            return ask(source, first, last)
        finally:
            source.scope = before

    return asked


def looks(ask, days):
    """A look of a preflight, as the rows of the estate come into its days and go out of them again."""

    def asked(source, first, last):
        before, long_after = first - timedelta(days=1), date(2030, 1, 1)
        todays = (last, before + timedelta(days=days), last + timedelta(days=days), long_after)
        opened = [
            Looks(source, start=start, today=today, tag=crafted.TAG) for start in (before, last) for today in todays
        ]
        return [ask(one) for one in opened]

    return asked


def long_before(source, first, last):
    """The first direct access, asked for days of which the estate has nothing yet."""
    year_before = first - timedelta(days=365)
    return Looks(source, start=year_before, today=year_before, tag=crafted.TAG).first_direct


def statements(most, text_length=0):
    """Statements when so many of each ranking stand by themselves, and so much of their texts is told."""

    def ask(source, first, last):
        return answers.query_runs_of_days(source, first, last, most, text_length)

    return ask


NAMED = Scope(include=Globs(workspaces=("*1",)))
"""A scope that leaves out what has no workspace."""

KINDS = Scope(exclude=Globs(process_kinds=("job",)), include=Globs(process_kinds=("j*", "a*", "*board")))
"""A scope of some kinds of process alone."""

QUESTIONS = {
    "lineage_edges": (answers.edges_of_days,),
    "lineage_columns": (answers.columns_of_days, contents("wanted"), contents("none")),
    "usage_daily": (answers.daily_usage_of_days, without_principal(answers.daily_usage_of_days)),
    "cached_reads": (
        answers.cached_reads_of_days,
        without_principal(answers.cached_reads_of_days),
        of_scope(Scope(), answers.cached_reads_of_days),
    ),
    "column_usage": (answers.column_usage_of_days, without_principal(answers.column_usage_of_days)),
    "query_runs": (
        statements(100, 30),
        statements(1),
        without_principal(statements(100)),
        of_scope(KINDS, statements(100)),
    ),
    "one_time_runs": (answers.one_time_runs,),
    "replaced_tables": (answers.replaced,),
    "flow_texts": (answers.flow_texts,),
    "totals": (answers.totals_of_days,),
    "span": (lambda source, **_: source.span("table_lineage"),),
    "lineage_mix": (
        looks(lambda one: one.mix, RECENT_DAYS),
        of_scope(NAMED, looks(lambda one: one.mix, RECENT_DAYS)),
    ),
    "first_direct_access": (looks(lambda one: one.first_direct, RECENT_DAYS), long_before),
    "history_totals": (looks(lambda one: one.shown("query_history"), SHOWN_DAYS),),
    "history_mix": (looks(lambda one: one.history, RECENT_DAYS),),
    "enrichment": (answers.enrichment_of_days,),
    "outside_reads": (answers.outside_reads,),
    "most_read": (looks(lambda one: one.most_read().to_pylist(), RECENT_DAYS),),
}
"""What is asked of each query of the crafted estate, answered in the oracle's words."""


class OfOneMetastore(NameReader):
    """Names as they are read where the warehouse tells its metastore, as none of files does."""

    def _metastore(self, _first, _last):
        return METASTORE


def named(part):
    """One part of the names, in an order of its own."""

    def ask(source):
        read = OfOneMetastore(source).read(part, crafted_names.FIRST, crafted_names.LAST)
        return sorted((row for batch in read for row in batch.to_pylist()), key=str)

    return ask


def described(source):
    """The columns of two tables, of which there is one."""
    asked = [TableName("c", "s", "t"), TableName("c", "s", "nothing")]
    return sorted(
        (tuple(row.values()) for batch in NameReader(source).columns(asked) for row in batch.to_pylist()), key=str
    )


def metastores(first, last):
    """The metastores that lineage of some days tells of."""
    days = {"first_day": first, "last_day": last}
    return lambda source: NameReader(source)._texts("lineage_metastores", "metastore_id", days, "table_lineage")


NAME_QUESTIONS = {
    "job_names": (named("jobs"),),
    "job_tasks": (named("job_tasks"),),
    "pipeline_names": (named("pipelines"),),
    "workspace_names": (named("workspaces"),),
    "table_forms": (named("tables"),),
    "table_columns": (described,),
    "dbt_models": (named("dbt_models"),),
    "lineage_metastores": (
        metastores(crafted_names.FIRST, crafted_names.LAST),
        metastores(crafted_names.AFTER, crafted_names.AFTER),
        metastores(crafted_names.FIRST, crafted_names.AFTER + timedelta(days=1)),
    ),
}
"""What is asked of each query of the crafted names."""


def cost_totals(source, first, last):
    """Rows billed by day and workspace."""
    return sorted(CostReader(source).totals(first, last).to_pylist(), key=str)


COST_QUESTIONS = {
    "cost_daily": (answers.costs_of_days, without_principal(answers.costs_of_days)),
    "cost_charges": (answers.charges_of_days,),
    "cost_totals": (cost_totals,),
    "cost_span": (lambda source, **_: CostReader(source).span(),),
}
"""What is asked of each query of the crafted costs, answered in the oracle's words."""

WANTED = "\n".join(("0" * 32, hashlib.md5(b"1:x1:y", usedforsecurity=False).hexdigest()))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The crafted estate, its true answers, and the means to swap a query."""
    source = answers.reader(tmp_path_factory.mktemp("crafted"), crafted.SCOPE, **crafted.TABLES)
    questions = {
        query: [partial(ask, first=DAYS[0], last=DAYS[1]) for ask in asked] for query, asked in QUESTIONS.items()
    }
    made = Bench(source, questions)
    yield made
    assert made.unchanged()
    source.warehouse.close()


@pytest.fixture(scope="module")
def names_bench(tmp_path_factory):
    """The crafted names, what they are read as, and the means to swap a query."""
    folder = rows.write_estate(tmp_path_factory.mktemp("names"), **crafted_names.ESTATE)
    for role, told in crafted_names.TABLES.items():
        rows.write_table(folder, KNOWN_TABLES[role], told)
    source = answers.unopened(folder, crafted_names.SCOPE)
    source.tables = dict(KNOWN_TABLES)
    made = Bench(source, NAME_QUESTIONS)
    yield made
    assert made.unchanged()
    source.warehouse.close()


@pytest.fixture(scope="module")
def cost_bench(tmp_path_factory):
    """The crafted costs, what becomes of them, and the means to swap a query."""
    source = answers.cost_reader(tmp_path_factory.mktemp("costs"), crafted_cost.SCOPE, **crafted_cost.TABLES)
    days = {"first": crafted_cost.FIRST, "last": crafted_cost.LAST}
    made = Bench(source, {name: [partial(ask, **days) for ask in asked] for name, asked in COST_QUESTIONS.items()})
    yield made
    assert made.unchanged()
    source.warehouse.close()


@pytest.mark.parametrize("day", [crafted_cost.FIRST, crafted_cost.AFTER, crafted_cost.LAST])
def test_the_crafted_costs(cost_bench, day: date):
    """On the estate that the mutants are tried on, every cost is the oracle's, to a few billionths."""
    tables = crafted_cost.TABLES
    expected = oracle.costs(
        day, billing=tables["billing_usage"], prices=tables["list_prices"], history=tables["query_history"],
        lineage=tables["table_lineage"], events=tables["warehouse_events"], scope=crafted_cost.SCOPE,
    )  # fmt: skip
    answers.assert_costs(cost_bench.answers["cost_daily"][0][day], expected)


@pytest.mark.parametrize("day", DAYS)
def test_the_crafted_estate(bench, day: date):
    """On the estate that the mutants are tried on, every answer is the oracle's."""
    lineage, pairs, history = crafted.TABLE_ROWS, crafted.COLUMN_ROWS, crafted.HISTORY
    names = ("lineage_edges", "lineage_columns", "usage_daily", "cached_reads")
    edges, columns, usage, cached = (bench.answers[name][0][day] for name in names)
    assert edges.kept == oracle.edges(day, lineage, crafted.SCOPE)
    assert edges.indirect == oracle.indirect_edges(day, lineage, crafted.SCOPE)
    assert edges.fates == oracle.lineage_fates(day, lineage, crafted.SCOPE)
    assert columns.pairs == answers.keyed(oracle.column_pairs(day, pairs, crafted.SCOPE))
    assert columns.fates == oracle.lineage_fates(day, pairs, crafted.SCOPE)
    assert usage.figures == oracle.usage(day, lineage, history, crafted.SCOPE)
    assert cached.figures == oracle.cached_reads(day, lineage, history, crafted.SCOPE)
    assert usage.fates == oracle.usage_fates(day, lineage, crafted.SCOPE)
    assert bench.answers["replaced_tables"][0] == answers.expected_replaced(*DAYS, lineage, history)
    assert bench.answers["flow_texts"][0] == answers.expected_flow_texts(*DAYS, lineage, history, crafted.SCOPE)
    matched = bench.answers["enrichment"][0]
    assert matched.get(day, {}) == oracle.enrichment(day, lineage, history)
    read = bench.answers["column_usage"][0][day]
    assert read.figures == oracle.column_usage(day, pairs, history, crafted.SCOPE)
    assert read.fates == oracle.column_usage_fates(day, pairs, history, crafted.SCOPE)
    whole, few = (bench.answers["query_runs"][place][day] for place in (0, 1))
    assert whole.runs == oracle.query_runs(day, lineage, history, crafted.SCOPE)
    assert few.runs == oracle.query_runs(day, lineage, history, crafted.SCOPE, most=1)
    assert whole.fates == few.fates == oracle.query_fates(day, history, crafted.SCOPE)
    assert bench.answers["one_time_runs"][0] == oracle.one_time_runs(crafted.RUNS, *DAYS)


_ONE_ROW = "rows left out are one row already: their dataset, workspace and unit are NULL"
_LESS = "the join says so too; this reads less"
_NULL = "NULL joins nothing; this joins less"
_NO_TIME = "an overlap of no time adds nothing"
_SKIPS = "greatest and least skip NULL; this says what is meant"
EQUIVALENT = {
    "replaced_tables: without t.event_date >= :first_day (2)": _LESS,
    "replaced_tables: without t.event_date <= :last_day (2)": _LESS,
    "flow_texts: without h.start_time >= :history_from": _LESS,
    "flow_texts: without h.start_time < :history_to": _LESS,
    "flow_texts: other bound of h.start_time < :history_to": _LESS,
    "usage_daily: always DATASET_KEY(metastore_id, catalog, schema, name, path)": "says nothing of rows left out",
    "usage_daily: always last_spelled.spelled": "says nothing of rows left out",
    "usage_daily: always reader": _ONE_ROW,
    "usage_daily: always process_kind": _ONE_ROW,
    "usage_daily: always workspace_id": "rows left out are summed after units; this makes fewer of them",
    "usage_daily: always unit": "the same",
    "usage_daily: without h.start_time >= :history_from": _LESS,
    "usage_daily: without h.start_time < :history_to": _LESS,
    "usage_daily: other bound of h.start_time < :history_to": _LESS,
    "usage_daily: without NOT h.statement_id IS NULL": _NULL,
    "enrichment: without h.start_time >= :history_from": _LESS,
    "enrichment: without h.start_time < :history_to": _LESS,
    "enrichment: other bound of h.start_time < :history_to": _LESS,
    "enrichment: without t.event_date >= :lineage_from": _LESS,
    "enrichment: without t.event_date <= :lineage_to": _LESS,
    "column_usage: without h.start_time >= :history_from": _LESS,
    "column_usage: without h.start_time < :history_to": _LESS,
    "column_usage: other bound of h.start_time < :history_to": _LESS,
    "column_usage: without NOT h.statement_id IS NULL": _NULL,
    **{
        f"column_usage: always {part}": "rows left out are summed after units; this makes fewer of them"
        for part in (
            "metastore_id",
            "from_catalog",
            "from_schema",
            "from_name",
            "from_path",
            "LOWERED(spelled)",
            "workspace_id",
            "unit",
        )
    },
    "query_runs: without t.event_date >= :lineage_from": _LESS,
    "query_runs: without t.event_date <= :lineage_to": _LESS,
    "query_runs: without NOT t.statement_id IS NULL": _NULL,
    "cached_reads: without DISTINCT": "reads are grouped after the join; this joins less",
    "cached_reads: without t.event_date >= :lineage_from": _LESS,
    "cached_reads: without t.event_date <= :last_day": _LESS,
    "cached_reads: without NOT t.statement_id IS NULL": _NULL,
    "clean_name: always REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REP … ]+_(.+)_[0-9]+\\\\z', '$1')": "spares most names three expressions",
    "cost_daily: without WHERE hours.fate = 'kept'": "what is laid says so too; this joins less",
    "cost_daily: without h.start_time >= :history_from": _LESS,
    "cost_daily: without h.start_time < :history_to": _LESS,
    "cost_daily: other bound of h.start_time < :history_to": _LESS,
    "cost_daily: without h.start_time >= :history_from (2)": _LESS,
    "cost_daily: without h.start_time < :history_to (2)": _LESS,
    "cost_daily: other bound of h.start_time < :history_to (2)": _LESS,
    "cost_daily: without t.event_date >= :lineage_from": _LESS,
    "cost_daily: without t.event_date <= :lineage_to": _LESS,
    "cost_daily: without t.event_date >= :lineage_from (2)": _LESS,
    "cost_daily: without t.event_date <= :lineage_to (2)": _LESS,
    "cost_daily: without e.event_time >= :events_from": _LESS,
    "cost_daily: other bound of e.event_time >= :events_from": _LESS,
    "cost_daily: without e.event_time < :events_to": "what comes later ends spans after their last hour; this reads less",
    "cost_daily: other bound of e.event_time < :events_to": "the same",
    "cost_daily: without NOT t.statement_id IS NULL": _NULL,
    "cost_daily: other bound of states.from_ms < busy.begin_ms + 3600000": _NO_TIME,
    "cost_daily: other bound of COALESCE(states.to_ms, busy.begin_ms + 3600000) > busy.begin_ms": _NO_TIME,
    "cost_daily: without busy.begin_ms + 3600000 of COALESCE(states.to_ms, busy.begin_ms + 3600000)": _SKIPS,
    "cost_daily: without 0 of COALESCE(MAX(to_ms) OVER (PARTITION BY d … DING AND 1 PRECEDING), 0)": _SKIPS,
    "cost_daily: other bound of up.up_ms > busy.busy_ms": "the whole of an amount is the amount",
    "cost_daily: without reads.workspace_id = paid.workspace_id": "costs are joined by it too; this joins less",
    "cost_daily: without reads.statement_id = paid.statement_id": "the same",
    "cost_daily: without DISTINCT (2)": "what is read is grouped after the join; this joins less",
    "dbt_models: without NOT h.statement_id IS NULL": _NULL,
    "dbt_models: without NOT t.statement_id IS NULL": _NULL,
    "table_forms: without i.table_name <> ''": "what has no name has no clean one either; this groups less",
    "row_fate: without TRUE of COALESCE(direct_access, TRUE)": "NULL is no reason either",
}
"""What may be taken out without another answer, and why it is there."""


def test_equivalents_are_there():
    """What is excused is still in the SQL."""
    assert EQUIVALENT.keys() - {str(mutant) for mutant in mutants()} == set()


@pytest.mark.parametrize("mutant", [mutant for mutant in mutants() if str(mutant) not in EQUIVALENT], ids=str)
def test_nothing_is_there_for_nothing(request, mutant):
    """A query without one of its predicates or rules answers otherwise on the crafted estate."""
    benches = {**dict.fromkeys(NAMES, "names_bench"), **dict.fromkeys(COSTS, "cost_bench")}
    asked = request.getfixturevalue(benches.get(mutant.where, "bench"))
    assert any(asked.differs(query, mutant) for query in asked.affected(mutant))
