"""`column_usage.sql` on rows made by hand."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.oracle import ColumnReads, ColumnUse, Dataset, Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES, column_usage, column_usage_of_days, told, totals
from tests.rows import DAY, METASTORE, at, columns, end, statement

A = Dataset("c", "s", "a", None)
ANN = {"created_by": "ann@x.org", "job": "1"}


@pytest.fixture
def read(reader_of):
    """What the query says of some rows."""

    def answer(*rows, history=None, **more):
        return column_usage(reader_of(column_lineage=rows, query_history=history, **more))

    return answer


def use(column, dataset=A, reader="ann@x.org", kind="job", metastore=METASTORE):
    return ColumnUse(metastore, dataset, column, reader, kind)


SCOPE = Scope(
    catalogs=("system",),
    tables=("log_*",),
    workspaces=("9*",),
    include=Lists(process_kinds=("job", "ad_hoc")),
    principal="miner@x.org",
    own_tables=OWN_TABLES,
)
FATES = [
    ("kept", "", columns("c.s.a", "c.s.b", "x", "y")),
    ("kept", "", columns("c.s.a", None, "x", None)),
    ("kept", "", columns("c.s.a", "system.s.b", "x", "y")),
    ("kept", "", columns("s3://bucket/a", "c.s.b", "x", "y")),
    ("excluded_workspace", "9*", columns("c.s.a", "c.s.b", "x", "y", workspace_id="9")),
    ("not_included_process_kind", "", columns("c.s.a", "c.s.b", "x", "y", notebook="1")),
    ("incomplete_name", "", columns("c.s.a", "c.s.b", "x", "y") | {"target_table_schema": None}),
    ("no_dataset", "", columns(None, None, "x", "y")),
    ("own_read", "", columns(OWN_TABLES[0], None, "x", None, created_by="Miner@x.org")),
    ("excluded_catalog", "system", columns(OWN_TABLES[0], None, "x", None, created_by="ann@x.org")),
    ("excluded_catalog", "system", columns("system.s.a", "c.s.b", "x", "y")),
    ("excluded_table", "log_*", columns("c.s.log_1", "c.s.b", "x", "y")),
    ("write_only", "", columns(None, "c.s.b", "x", "y")),
    ("write_only", "", columns(None, "c.s.b", None, "y")),
    ("no_column", "", columns("c.s.a", "c.s.b", None, "y")),
    ("no_column", "", columns("c.s.a", "c.s.b", "", "y")),
    ("self_read", "", columns("c.s.a", "C.S.A", "x", "x")),
    ("self_read", "", columns("c.s.a", "c.s.a", "x", "x", direct_access=False)),
    ("indirect", "", columns("c.s.a", "c.s.b", "x", "y", direct_access=False)),
    ("failed_read", "", columns("c.s.a", "c.s.b", "x", "y", statement_id="failed")),
    ("failed_read", "", columns("c.s.a", "c.s.b", "x", "y", statement_id="canceled")),
]


def test_fates(reader_of):
    """A row is a direct read of a named column of a source in scope, or is dropped for one reason; all are counted."""
    history = [statement("failed", execution_status="FAILED"), statement("canceled", execution_status="CANCELED")]
    source = reader_of(column_lineage=[row for *_, row in FATES], query_history=history, scope=SCOPE)
    assert column_usage(source).fates == Counter((fate, glob) for fate, glob, _ in FATES)
    assert totals(source, "column_lineage") == len(FATES)


def test_one_read_of_a_unit(read):
    """A statement reads a column once a day, into however many columns of however many tables it goes."""
    rows = [columns("c.s.a", f"c.s.{target}", "x", name, **ANN, statement_id="s1") for target in "bd" for name in "yz"]
    rows += [columns("c.s.a", "c.s.b", "w", "y", **ANN, statement_id="s1"), columns("c.s.a", "c.s.b", "x", "y", **ANN, statement_id="s2")]  # fmt: skip
    found = read(*rows).figures
    assert {one.column: figures.reads for one, figures in found.items()} == {"x": 2, "w": 1}


def test_units_without_a_statement(read):
    """Without a statement a run is one read, without a run an event; workspaces are apart."""
    ids = [
        {"entity_run_id": "r", "event_id": "1"}, {"entity_run_id": "r", "event_id": "2"}, {"event_id": "3"},
        {"event_id": "4"}, {"event_id": "4"}, {"event_id": "4", "workspace_id": "2"},
    ]  # fmt: skip
    (figures,) = read(*(columns("c.s.a", "c.s.b", "x", "y", **ANN, **given) for given in ids)).figures.values()
    assert figures.reads == 4


def test_names_of_columns(read):
    """Columns compare in lower case; dots, spaces and letters of any script belong to the name; the latest spelling is told."""
    names = ["Order Id", "ORDER ID", "order id", "a.b", "A.b", "größe", "GRÖSSE", "x", " x"]
    rows = [columns("c.s.a", "c.s.b", name, "y", **ANN, event_time=at(hour=place)) for place, name in enumerate(names)]
    found = {one.column: (figures.spelling, figures.reads) for one, figures in read(*rows).figures.items()}
    assert found == {
        "order id": ("order id", 3), "a.b": ("A.b", 2), "größe": ("größe", 1), "grösse": ("GRÖSSE", 1),
        "x": ("x", 1), " x": (" x", 1),
    }  # fmt: skip


def test_spellings_at_one_instant(reader_of):
    """Of two spellings at one instant the same one is told however the rows lie: mining again changes nothing."""
    rows = [columns("c.s.a", "c.s.b", name, "y", **ANN) for name in ("Id", "iD", "ID")]
    for given in (rows, rows[::-1]):
        (row,) = told(reader_of(column_lineage=given).column_usage(DAY, DAY))
        assert row["column_spelling"] == "iD"


def test_readers(read):
    """Who reads is told by history, else a dashboard by its id, else who made the event; as in usage of tables."""
    rows = [
        columns("c.s.a", "c.s.b", "x", "y", statement_id="s1", created_by="ann@x.org", query="q"),
        columns("c.s.a", None, "x", None, statement_id="s2", created_by="ann@x.org", dashboard="d"),
        columns("c.s.a", "c.s.b", "x", "y", created_by=" Ann@X.org ", query="q"),
        columns("c.s.a", "c.s.b", "x", "y", created_by=None, query="q"),
    ]
    found = read(*rows, history=[statement("s1", executed_by="Bob@x.org")]).figures
    assert set(found) == {
        use("x", reader="bob@x.org", kind="query"), use("x", reader="dashboard:d", kind="dashboard"),
        use("x", kind="query"), use("x", reader="", kind="query"),
    }  # fmt: skip


def test_last_read(read):
    """The last read is the latest that did not fail."""
    rows = [
        columns("c.s.a", "c.s.b", "x", "y", **ANN, statement_id=name, event_time=at(hour=hour))
        for name, hour in (("s1", 8), ("s2", 9), ("failed", 10))
    ]
    found = read(*rows, history=[statement("failed", execution_status="FAILED", executed_by="ann@x.org")]).figures
    assert found == {use("x"): ColumnReads(2, at(hour=9), "x")}


def test_paths(read):
    """A column of a path is one too; all spellings of the path are one."""
    rows = [columns(path, "c.s.b", "x", "y", **ANN) for path in ("s3a://bucket/a/day=1", "s3://bucket//a/")]
    rows.append(columns(None, "c.s.b", "x", "y", **ANN) | end("source", "s3://bucket/a") | {"source_table_name": ""})
    assert {one: figures.reads for one, figures in read(*rows).figures.items()} == {
        use("x", Dataset(None, None, None, "s3://bucket/a")): 3
    }


def test_days_of_a_run(reader_of):
    """A day's reads are the same whichever days it is mined with; other days are left alone."""
    days = [DAY + timedelta(days=offset) for offset in range(-1, 4)]
    rows = [columns("c.s.a", "c.s.b", "x", "y", **ANN, day=day, event_time=at(day), statement_id="s1") for day in days]
    source = reader_of(column_lineage=rows, query_history=[statement("s1", execution_status="FAILED")])
    found = column_usage_of_days(source, DAY, days[-2])
    assert [day for day in days if found[day].figures] == [DAY + timedelta(days=2)]
    assert found[DAY].fates == column_usage(source).fates == Counter({("failed_read", ""): 1})
    assert {day for day in found if found[day].fates} == set(days[1:-1])


def test_without_history(read):
    """Without query.history readers are who made the event, and nothing failed."""
    answer = read(columns("c.s.a", "c.s.b", "x", "y", **ANN, statement_id="s1"), history=None)
    assert answer.figures == {use("x"): ColumnReads(1, at(), "x")}
