"""`cached_reads.sql` and the small queries on rows made by hand."""

from datetime import date, timedelta

import pytest

from miner.ports import Span
from tests.oracle import Dataset, Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES, cached_reads_of_days, one_time_runs, told, usage
from tests.rows import DAY, at, columns, hit, lineage, run, statement

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
ORIGIN = lineage("c.s.a", None, statement_id="o1", query="1")


@pytest.fixture
def cached(reader_of):
    """Cached reads by (name or path, reader, kind) of a day."""

    def answer(lineage_rows, history, **more):
        found = cached_reads_of_days(reader_of(*lineage_rows, query_history=history, **more), DAY, DAY)[DAY].figures
        return {
            (use.dataset.name or use.dataset.path, use.reader, use.kind): one.cached_reads for use, one in found.items()
        }

    return answer


def test_a_hit_reads_what_its_origin_read(cached):
    """Each statement answered from the cache reads once what the statement read that filled it, for its own reader."""
    rows = [ORIGIN, ORIGIN, lineage("s3a://bucket/x/", None, statement_id="o1", query="1")]
    history = [hit("h1", "o1", executed_by=" Ann@X.org"), hit("h2", "o1", executed_by="ann@x.org"), hit("h3", "o1")]
    assert cached(rows, history) == {
        ("a", "ann@x.org", "query"): 2,
        ("a", "", "query"): 1,
        ("s3://bucket/x", "ann@x.org", "query"): 2,
        ("s3://bucket/x", "", "query"): 1,
    }


@pytest.mark.parametrize(
    "history",
    [
        [statement("h1")],
        [hit("h1", "o1") | {"from_result_cache": None}],
        [hit("h1", "o1", execution_status="FAILED")],
        [hit("o1", "o1")],
        [hit("h1", None)],
        [hit("h1", "o2")],
        [hit("h1", "o1", workspace_id="2")],
        [hit("h1", "o1", start_time=at(YESTERDAY, 23, 59))],
        [hit("h1", "o1", start_time=at(TOMORROW, 0))],
    ],
)
def test_what_is_no_hit(cached, history):
    """Only a finished statement of the day and workspace, answered from another's result, is a cached read."""
    assert cached([ORIGIN], history) == {}


@pytest.mark.parametrize(
    ("day", "found"), [(YESTERDAY - timedelta(days=1), False), (YESTERDAY, True), (DAY, True), (TOMORROW, False)]
)
def test_where_origins_are_looked_for(cached, day, found):
    """The result cache lives a day: origins are looked for today and yesterday."""
    assert bool(cached([ORIGIN | {"event_date": day}], [hit("h1", "o1")])) == found


@pytest.mark.parametrize(
    "row",
    [
        lineage("c.s.a", None, statement_id="o1", direct_access=False),
        lineage(None, "c.s.a", statement_id="o1"),
        lineage("c.s.a", None, statement_id="o1") | {"source_table_schema": None},
        lineage("c.s.log_1", None, statement_id="o1"),
        lineage("c.s.a", None, statement_id="o1", genie="1"),
        lineage("system.query.history", None, statement_id="o1"),
    ],
)
def test_what_a_hit_does_not_read(cached, row):
    """What is no read of a statement itself is none of its cached result: indirect, left out, unnamed, the miner's own."""
    scope = Scope(tables=("log_*",), process_kinds=("genie_*",), principal="miner@x.org", own_tables=OWN_TABLES)
    assert cached([row], [hit("h1", "o1", executed_by="Miner@x.org")], scope=scope) == {}


@pytest.mark.parametrize(
    "include",
    [
        Lists(catalogs=("d",)),
        Lists(schemas=("c.t",)),
        Lists(tables=("b",)),
        Lists(workspaces=("2",)),
        Lists(process_kinds=("job",)),
    ],
)
def test_a_hit_of_what_is_not_included(cached, include):
    """A cached read counts where a read of the same would: not for what is mined in no other way."""
    assert cached([ORIGIN], [hit("h1", "o1")], scope=Scope(include=include)) == {}
    assert cached([ORIGIN], [hit("h1", "o1")], scope=Scope(include=Lists(paths=("s3:*",)))) == {("a", "", "query"): 1}


def test_one_kind_a_hit(cached):
    """Rows of one origin that disagree on its kind are still one read of each dataset."""
    rows = [lineage("c.s.a", None, statement_id="o1", **kind) for kind in ({"job": "1"}, {"notebook": "1"})]
    assert cached(rows, [hit("h1", "o1")]) == {("a", "", "notebook"): 1}


def test_cached_reads_are_no_reads(reader_of):
    """They are a column of their own, and no row of the balance."""
    source = reader_of(ORIGIN, query_history=[hit("h1", "o1", executed_by="ann@x.org")])
    answer = usage(source)
    assert [(use.reader, one.reads, one.cached_reads) for use, one in sorted(answer.figures.items())] == [
        ("", 1, 0),
        ("ann@x.org", 0, 1),
    ]
    assert answer.fates == {("kept", ""): 1}


def test_a_run_of_days(reader_of):
    """Over several days each hit counts on its day, with origins of that day and the one before."""
    rows = [lineage("c.s.a", None, statement_id="o1", day=day) for day in (YESTERDAY, DAY)]
    history = [
        hit(f"h{day}", "o1", start_time=at(day)) for day in (YESTERDAY, DAY, TOMORROW, TOMORROW + timedelta(days=1))
    ]
    found = cached_reads_of_days(reader_of(*rows, query_history=history), DAY, TOMORROW + timedelta(days=1))
    assert {day: [one.cached_reads for one in answer.figures.values()] for day, answer in found.items()} == {
        DAY: [1],
        TOMORROW: [1],
    }


def test_one_time_runs(reader_of):
    """Submitted runs and runs of a workflow's notebook are one-time; scheduled jobs are not, nor runs of other days."""
    runs = [
        run("1", "SUBMIT_RUN", "load_1"),
        run("2", "WORKFLOW_RUN", None),
        run("2", "WORKFLOW_RUN", ""),
        run("3", "JOB_RUN", "nightly"),
        run("4", None, "nightly"),
        run(None, "SUBMIT_RUN", "load"),
        run("5", "SUBMIT_RUN", "load", workspace_id=None),
        run("6", "SUBMIT_RUN", "early", period_start_time=at(YESTERDAY, 23, 59, 59)),
        run("7", "SUBMIT_RUN", "first", period_start_time=at(DAY, 0)),
        run("8", "SUBMIT_RUN", "last", period_start_time=at(TOMORROW, 23, 59, 59)),
        run("9", "SUBMIT_RUN", "late", period_start_time=at(TOMORROW + timedelta(days=1), 0)),
    ]
    assert one_time_runs(reader_of(job_run_timeline=runs), DAY, TOMORROW) == {
        ("1001", "1"): "load_1",
        ("1001", "2"): None,
        ("", "5"): "load",
        ("1001", "7"): "first",
        ("1001", "8"): "last",
    }


def test_the_latest_name_of_a_run(reader_of):
    """A run told of several times has the name it was told with last; a row without a name says nothing."""
    names = [("z", 1), ("b", 3), ("A", 4), ("a", 4), ("0", 4), ("", 5), (None, 6), ("y", 2)]
    runs = [run("1", "SUBMIT_RUN", name, period_start_time=at(hour=hour)) for name, hour in names]
    assert one_time_runs(reader_of(job_run_timeline=runs)) == {("1001", "1"): "a"}


def test_totals(reader_of):
    """Rows by day and workspace, filtered by day alone: what the fates must add up to."""
    rows = [
        lineage(None, None, workspace_id="2"),
        lineage("c.s.a", None, workspace_id=None),
        lineage("c.s.a", None, workspace_id=""),
        lineage("c.s.a", None, day=TOMORROW),
        lineage("c.s.a", None, day=YESTERDAY),
    ]
    source = reader_of(*rows, column_lineage=[columns("c.s.a", None, "x", None)])
    assert source.totals("table_lineage", DAY, TOMORROW).to_pylist() == [
        {"day": DAY, "workspace_id": "", "rows": 2},
        {"day": DAY, "workspace_id": "2", "rows": 1},
        {"day": TOMORROW, "workspace_id": "1001", "rows": 1},
    ]
    assert source.totals("column_lineage", DAY, DAY).to_pylist() == [{"day": DAY, "workspace_id": "1001", "rows": 1}]


def test_span(reader_of):
    """The first and last day that a table holds rows for, whatever they say."""
    days = (date(2026, 2, 28), date(2025, 12, 31), date(2026, 1, 1))
    source = reader_of(*(lineage(None, None, day=day) for day in days))
    assert source.span("table_lineage") == Span(date(2025, 12, 31), date(2026, 2, 28))
    assert source.span("column_lineage") == Span(None, None)


def test_spellings_of_an_origin(reader_of):
    """The dataset of a cached read is that of any other read: folded and cut."""
    rows = [
        lineage("C.S.A__dbt_tmp", None, statement_id="o1"),
        lineage("s3a://bucket/x/day=1", None, statement_id="o1"),
    ]
    found = cached_reads_of_days(reader_of(*rows, query_history=[hit("h1", "o1")]), DAY, DAY)[DAY]
    assert {use.dataset for use in found.figures} == {
        Dataset("c", "s", "a", None),
        Dataset(None, None, None, "s3://bucket/x"),
    }
    assert told(reader_of(*rows).usage(DAY, TOMORROW))
