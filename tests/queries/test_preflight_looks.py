"""The queries that a preflight asks, on rows made by hand."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from miner.ports import Span
from miner.visible import Shown
from queries import statements
from queries.documented import DOCUMENTED, INFORMATION_SCHEMA_SCHEMATA
from queries.preflight.looks import HISTORY_MIX, MIX, HistoryMix, Looks, Mix
from tests.oracle import Scope as Rules
from tests.queries import given
from tests.rows import DAY, METASTORE, at, columns, lineage, statement, write_estate, write_table

TODAY = DAY
WEEK_AGO, BEFORE, TOMORROW = (TODAY + timedelta(days=days) for days in (-7, -8, 1))
START = TODAY - timedelta(days=20)
TAG = ("application", "uc-lineage-miner")


@pytest.fixture
def looks_at(reader_of):
    """Looks at an estate of the rows given."""

    def make(*rows, scope=None, **tables):
        reader = reader_of(*rows, **({"scope": scope} if scope else {}), **tables)
        return Looks(reader, start=START, today=TODAY, tag=TAG)

    return make


def test_mix(looks_at):
    """Events of the last seven days and today are counted by kind, statement, path and direct access."""
    rows = [
        lineage("c.s.a", "c.s.b", job="7", statement_id="s1", direct_access=True),
        lineage("c.s.a", "s3://b/x", job="7", alert="a", direct_access=False),
        lineage("s3://b/x", None, notebook="n", day=WEEK_AGO, event_time=at(WEEK_AGO)),
        lineage("c.s.a", None, day=TODAY, event_time=at(hour=23), source_path="s3://b/y", metastore_id="m2"),
        lineage("s3://b/z", None, source_table_name="`", entity_id="9", entity_type="NEW_KIND"),
        lineage("c.s.a", "c.s.b", day=BEFORE),
        lineage("c.s.a", "c.s.b", day=TOMORROW),
    ]
    assert looks_at(*rows).mix == Mix(
        rows=5, with_statement=1, by_path=3, untold_access=3, outside=0,
        kinds=Counter(job=1, alert=1, notebook=1, ad_hoc=1, new_kind=1),
        metastores=(METASTORE, "m2"), last_event=at(hour=23),
    )  # fmt: skip


def test_an_empty_table(looks_at):
    """An empty table is counted as nothing, and has no days."""
    looks = looks_at(query_history=[])
    assert looks.mix == Mix(0, 0, 0, 0, 0, Counter(), (), None)
    assert looks.history == HistoryMix(0, 0, 0, 0, 0, None)
    assert looks.first_direct is None
    assert looks.shown("query_history") == looks.shown("column_lineage") == Shown()
    assert looks.most_read().num_rows == 0


def test_first_direct_access(looks_at):
    """The first day that tells direct access is looked for from the first day to mine on."""
    days = [START - timedelta(days=1), START, START + timedelta(days=1), START + timedelta(days=2)]
    access = [True, None, False, True]
    rows = [lineage("c.s.a", None, day=day, direct_access=told) for day, told in zip(days, access, strict=True)]
    assert looks_at(*rows).first_direct == days[2]
    assert looks_at(lineage("c.s.a", None)).first_direct is None


def test_history(looks_at):
    """Statements of the recent days are counted: masked and empty texts, the principal's own, and tagged ones."""
    tagged = {"team": "data", "application": "uc-lineage-miner"}
    history = [
        statement("s1", statement_text="<REDACTED>", executed_by="Miner@x.org", query_tags=tagged),
        statement("s2", statement_text="", query_tags={"application": "other"}),
        statement("s3", statement_text=None, executed_by="ann@x.org", query_tags={}),
        statement("s4", statement_text="SELECT 1", start_time=at(WEEK_AGO, 0)),
        statement("s5", statement_text="SELECT 1", start_time=at(BEFORE, 23, 59, 59)),
        statement("s6", statement_text="SELECT 1", start_time=at(TOMORROW, 0)),
    ]
    looks = looks_at(query_history=history, scope=Rules(principal="miner@x.org"))
    assert looks.history == HistoryMix(4, 1, 2, 1, 1, at())


def test_shown(looks_at):
    """Days and workspaces of thirty days, by table; a row without workspace counts under ''."""
    first = TODAY - timedelta(days=30)
    looks = looks_at(
        lineage("c.s.a", None, workspace_id="1"),
        lineage("c.s.a", None, workspace_id=None, day=first),
        lineage("c.s.a", None, workspace_id="2", day=first - timedelta(days=1)),
        column_lineage=[columns("c.s.a", "c.s.b", "x", "y", workspace_id="3")],
        query_history=[
            statement("s1", workspace_id="4", start_time=at(first, 0)),
            statement("s2", workspace_id=None, start_time=at(TODAY, 23, 59, 59)),
            statement("s3", workspace_id="5", start_time=at(first, 0) - timedelta(seconds=1)),
            statement("s4", workspace_id="6", start_time=at(TOMORROW, 0)),
        ],
    )
    assert looks.shown("table_lineage") == Shown({first: {"": 1}, TODAY: {"1": 1}})
    assert looks.shown("column_lineage") == Shown({TODAY: {"3": 1}})
    assert looks.shown("query_history") == Shown({first: {"4": 1}, TODAY: {"": 1}})
    assert looks.shown("job_run_timeline") is None


def test_most_read(looks_at):
    """Tables by distinct reads in the recent days: folded, cleaned, direct, and without what the settings leave out."""
    rows = [
        lineage("C.s.`B`", None, statement_id="s1"),
        lineage("c.s.b", "c.s.x", statement_id="s1"),
        lineage("c.s.b__dbt_tmp", None, entity_run_id="r1"),
        lineage("c.s.b", None, statement_id="s1", workspace_id="2"),
        lineage("c.s.a", None, day=WEEK_AGO),
        lineage("c.s.a", None),
        lineage("c.s.z", None, direct_access=False),
        lineage("c.s.y", None, day=BEFORE),
        lineage("other.s.y", None),
        lineage("s3://b/x", None),
        lineage(None, "c.s.x"),
        lineage("c.s.v", None, source_type="VIEW", metastore_id="m2"),
        lineage("c.s.n", None) | {"source_table_schema": None},
    ]
    found = looks_at(*rows, scope=Rules(catalogs=("other",))).most_read().to_pylist()
    assert [
        (row["metastore_id"], row["catalog"], row["schema"], row["name"], row["type"], row["reads"]) for row in found
    ] == [
        (METASTORE, "c", "s", "b", "TABLE", 3),
        (METASTORE, "c", "s", "a", "TABLE", 2),
        ("m2", "c", "s", "v", "VIEW", 1),
    ]


def test_most_read_are_a_thousand(looks_at):
    """No more than a thousand tables are looked up, those read most first."""
    rows = [lineage(f"c.s.t{number:04}", None) for number in range(1001)] + [lineage("c.s.t1000", None)]
    found = looks_at(*rows).most_read()
    assert (found.num_rows, found["name"][0].as_py(), found["name"][-1].as_py()) == (1000, "t1000", "t0998")


def test_columns_that_are_not_there(tmp_path):
    """Columns that an older account lacks count as not known."""
    older = ("direct_access", "statement_id", "entity_metadata")
    write_estate(tmp_path)
    write_table(tmp_path, "table_lineage", [lineage("c.s.a", None)], without=older)
    write_table(tmp_path, "query_history", [statement("s")], without=("query_tags", "statement_text", "executed_by"))
    looks = Looks(given.unopened(tmp_path), start=START, today=TODAY, tag=TAG)
    assert (looks.mix.with_statement, looks.mix.untold_access, looks.first_direct) == (0, 1, None)
    assert looks.history == HistoryMix(1, 0, 1, 0, 0, at())
    looks.reader.warehouse.close()


def test_clock(looks_at):
    """The warehouse's time comes in UTC."""
    before = datetime.now(UTC)
    now = looks_at().clock()
    assert now.tzinfo is UTC
    assert before - timedelta(seconds=5) < now < before + timedelta(seconds=60)


def test_visible_schemas(looks_at, monkeypatch, tmp_path):
    """Schemas of one catalog, folded, each once; None where the list cannot be asked for."""
    looks = looks_at()
    assert looks.visible_schemas("system") is None
    monkeypatch.setitem(DOCUMENTED, "system.information_schema.schemata", INFORMATION_SCHEMA_SCHEMATA)
    names = (("SYSTEM", "Access"), ("system", "access"), ("system", "query"), ("main", "sales"))
    rows = [
        dict.fromkeys(INFORMATION_SCHEMA_SCHEMATA.names) | {"catalog_name": catalog, "schema_name": schema}
        for catalog, schema in names
    ]
    write_table(tmp_path / "estate-0", "system.information_schema.schemata", rows)
    assert looks.visible_schemas("system") == ["access", "query"]


def test_read_and_span(looks_at):
    """Asking a table for nothing gives nothing; days are asked for once."""
    looks = looks_at(lineage("c.s.a", None))
    looks.read("table_lineage")
    assert looks.span("table_lineage") == looks.span("table_lineage") == Span(DAY, DAY)
    looks.reader.warehouse.close()
    assert looks.span("table_lineage") == Span(DAY, date(2026, 11, 10))


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("lineage_mix", MIX.names),
        ("history_mix", HISTORY_MIX.names),
        ("principal", ["principal"]),
        ("metastore", ["metastore"]),
    ],
)
def test_declared_columns(query, columns):
    """A query answers with the columns that are declared for it."""
    assert statements.parsed(query).named_selects == columns
