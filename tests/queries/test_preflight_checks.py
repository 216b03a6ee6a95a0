"""What the checks of a source say of rows made by hand."""

from datetime import timedelta

import pytest

from miner.checks import findings
from queries.preflight.checks import SourceChecks
from queries.preflight.looks import NO_TAG, Looks
from queries.system_tables import NO_TABLE
from tests.oracle import Scope
from tests.queries import given
from tests.rows import DAY, METASTORE, at, audited, columns, lineage, run, shared, statement, write_estate, write_table

NOW = at(DAY, 18)
TAG = ("application", "uc-lineage-miner")
EDGE = lineage("c.s.a", "c.s.b", job="7", direct_access=True)
PAIR = columns("c.s.a", "c.s.b", "x", "y")


@pytest.fixture
def found_in(tmp_path):
    """Findings by name without the source's, of an estate of the rows given."""
    opened = []

    def make(*rows, start=DAY, tag=TAG, tables=None, now=NOW, statements=False, texts=False, **more):
        folder = tmp_path / "estate"
        if not folder.exists():
            write_estate(folder, table_lineage=rows, **{"column_lineage": [PAIR]} | more)
        source = given.unopened(folder, Scope(principal="miner@x.org"))
        opened.append(source)
        source.statements, source.texts = statements, texts
        source.tables = {role: name for role, name in {**source.tables, **(tables or {})}.items() if name}
        looks = Looks(source, start=start, today=NOW.date(), tag=tag)
        checks = SourceChecks(looks, "sources.prod", (), lambda: now)
        return {finding.name.removeprefix("sources.prod."): finding for finding in findings(checks.all())}

    yield make
    for source in opened:
        source.warehouse.close()


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["SELECT 1", "SELECT 2"], "2 of 2 texts can be seen"),
        (
            ["SELECT 1", "<REDACTED>", ""],
            "1 of 3 texts can be seen; the other statements are told apart by their type alone",
        ),
    ],
)
def test_texts_where_statements_are_mined(found_in, texts, told):
    """Where statements are mined, a preflight says how many of them can be told apart by what they say."""
    history = [statement(str(number), statement_text=text) for number, text in enumerate(texts)]
    found = found_in(EDGE, query_history=history, statements=True)
    assert (found["query_text"].state, found["query_text"].finding) == ("pass", told)
    assert found["columns.query_history"].finding.startswith("all 2")


def test_texts_where_entities_tell_them(found_in):
    """Where entities tell what statements say, a preflight says how many may be seen, and what is lost without them."""
    history = [statement(str(number), statement_text=text) for number, text in enumerate(["SELECT 1", "<REDACTED>"])]
    found = found_in(EDGE, query_history=history, texts=True)
    assert found["query_text"].finding == "1 of 2 texts can be seen; entities tell none of the others"
    without = found_in(EDGE, texts=True, tables={"query_history": NO_TABLE})["tables.query_history"]
    assert without.finding.endswith("failed and cached reads are not told; entities tell no statement's text")


def test_no_history_where_statements_are_mined(found_in):
    """Without query history no statement is mined, and a preflight says so."""
    found = found_in(EDGE, statements=True)
    assert found["tables.query_history"].finding.endswith("; no queries are mined")


def test_all_is_well(found_in):
    """A whole estate passes every check, under names that are a contract."""
    tagged = statement("s", statement_text="SELECT 1", query_tags=dict([TAG]))
    outside = {"audit": [audited("getTable")], "table_share_usage": [shared("c.s.a")]}
    found = found_in(EDGE, query_history=[tagged], job_run_timeline=[run("7")], **outside)
    assert list(found) == [
        "tables.table_lineage", "columns.table_lineage", "tables.column_lineage", "columns.column_lineage",
        "tables.query_history", "columns.query_history", "tables.job_run_timeline", "columns.job_run_timeline",
        "tables.audit", "columns.audit", "tables.table_share_usage", "columns.table_share_usage",
        "freshness", "retention", "direct_access", "scope", "events", "query_text", "query_tags",
    ]  # fmt: skip
    assert {(one.state, one.mend) for one in found.values()} == {("pass", "")}
    assert found["tables.query_history"].finding == "system.query.history can be read"
    assert found["columns.table_lineage"].finding == "all 31 columns and fields that the miner reads are there"


def test_optional_tables_may_be_missing(found_in):
    """Without an optional table its checks are dashes that say what is not told, and how to have it."""
    found = found_in(EDGE, tables={"job_run_timeline": NO_TABLE})
    assert (found["tables.query_history"].state, found["query_text"].state) == ("skip", "skip")
    assert "failed and cached reads are not told" in found["tables.query_history"].finding
    assert "export system.query.history into" in found["tables.query_history"].mend
    assert found["query_tags"].finding == "not looked at: tables.query_history has nothing to tell".replace(
        "tables", "sources.prod.tables"
    )
    assert found["tables.job_run_timeline"].finding.startswith("not to be read: one-time runs")
    assert found["freshness"].state == "pass"


def test_a_required_table_is_missing(found_in, tmp_path):
    """A required table that is not there is a cross with its mend; what depends on it is not looked at."""
    write_table(tmp_path / "estate", "column_lineage", [PAIR])
    found = found_in()
    assert (found["tables.table_lineage"].state, found["tables.column_lineage"].state) == ("fail", "pass")
    assert found["tables.table_lineage"].mend
    assert {found[name].finding for name in ("freshness", "retention", "direct_access", "scope", "events")} == {
        "not looked at: sources.prod.tables.table_lineage failed"
    }


def test_absent_columns(found_in, tmp_path):
    """Optional columns and fields that are absent are named; of a view, with what to do."""
    root = tmp_path / "estate"
    write_estate(root, column_lineage=[PAIR], table_lineage=None)
    write_table(root, "table_lineage", [EDGE], without=("direct_access", "created_by"))
    found = found_in()["columns.table_lineage"]
    assert (found.state, found.mend) == ("pass", "")
    assert found.finding == "29 of 31 are there; taken as not known: created_by, direct_access"
    (root / "ops" / "l").mkdir(parents=True)
    (root / "system" / "access" / "table_lineage").rename(root / "ops" / "l" / "t")
    found = found_in(tables={"table_lineage": "ops.l.t"})["columns.table_lineage"]
    assert (found.state, "uc-miner views" in found.mend) == ("pass", True)


def test_a_required_column_is_missing(found_in, tmp_path):
    """A required column that is missing is a cross of the columns, not of the table."""
    write_estate(tmp_path / "estate", column_lineage=[PAIR], table_lineage=None)
    write_table(tmp_path / "estate", "table_lineage", [EDGE], without=("metastore_id",))
    found = found_in()
    assert (found["tables.table_lineage"].state, found["columns.table_lineage"].state) == ("pass", "fail")
    assert "metastore_id" in found["columns.table_lineage"].finding


def test_an_empty_table(found_in):
    """An empty table gets the advice that a run on it gives."""
    found = found_in()
    for name in ("freshness", "retention"):
        assert found[name].state == "fail"
        assert "holds no row at all" in found[name].finding
        assert "--allow-empty" in found[name].mend
    assert found["events"].state == found["direct_access"].state == "skip"
    assert "workspace unknown" in found["scope"].finding


def test_no_column_lineage(found_in):
    """Column lineage that is wanted and empty is a cross; where it is not wanted it may be empty."""
    assert found_in(EDGE, column_lineage=[])["freshness"].mend.startswith("check the grants on column_lineage")
    found = found_in(tables={"column_lineage": ""})
    assert "tables.column_lineage" not in found
    assert "column_lineage" not in found["scope"].finding
    assert found["freshness"].state == "pass"


def test_freshness(found_in):
    """The last event of each table is told to the minute where it is recent."""
    found = found_in(EDGE, query_history=[statement("s", start_time=at(DAY, 17, 5))])["freshness"]
    assert found.finding == (
        "table_lineage up to 2026-11-10 12:00 UTC, column_lineage up to 2026-11-10, query_history up to 2026-11-10 17:05 UTC"
    )
    stale = found_in(now=NOW + timedelta(days=3))["freshness"]
    assert (stale.state, stale.finding[:19]) == ("fail", "no event for 3 days")


def test_long_stale(found_in):
    """Where no event is recent the table's last day is told."""
    day = DAY - timedelta(days=40)
    found = found_in(lineage("c.s.a", "c.s.b", day=day), query_history=[statement("s", start_time=at(day))], start=day)
    assert found["freshness"].state == "fail"
    assert "table_lineage up to 2026-10-01 00:00 UTC" in found["freshness"].finding
    assert "query_history silent for 7 days" in found["freshness"].finding


def test_retention(found_in):
    """Days that are to be mined and are not there are counted; a table that ends before them is a cross."""
    assert (
        "3 days from 2026-11-07 on are not there" in found_in(EDGE, start=DAY - timedelta(days=3))["retention"].finding
    )
    late = found_in(start=DAY + timedelta(days=1))["retention"]
    assert (late.state, late.mend) == ("fail", "set [mining] start to 2026-11-10 or before")


def test_direct_access(found_in):
    """The first day that tells direct access is named, and how many days before it do not."""
    first = DAY - timedelta(days=2)
    found = found_in(lineage("c.s.a", None, day=first), EDGE, start=first - timedelta(days=9))["direct_access"]
    assert found.finding == "told from 2026-11-10 on; 2 days before it give unverified edges"


def test_scope_of_a_filtered_view(found_in, tmp_path):
    """A view that hides workspaces which lineage shows is reported with them; a system table is not."""
    day = DAY - timedelta(days=1)
    history = [statement(name, workspace_id="1", start_time=at(day)) for name in ("s1", "s2")]
    rows = [lineage("c.s.a", None, workspace_id=str(number), day=day) for number in range(1, 9)]
    pairs = [columns("c.s.a", "c.s.b", "x", "y", day=day)]
    today = [lineage("c.s.a", None, workspace_id="today")]
    plain = found_in(*rows, *today, query_history=history, column_lineage=pairs)["scope"]
    assert plain.mend == ""
    assert plain.finding == (
        f"metastore {METASTORE}; workspaces 1, 2, 3, 4, 5 and 4 more; table_lineage 9 workspaces on 2 of 30 days; "
        "column_lineage 1 workspace on 1 of 30 days; query_history 1 workspace on 1 of 30 days"
    )
    root = tmp_path / "estate"
    (root / "ops" / "l").mkdir(parents=True)
    (root / "system" / "query" / "history").rename(root / "ops" / "l" / "h")
    view = found_in(tables={"query_history": "ops.l.h"})["scope"]
    assert view.finding.endswith("ops.l.h shows nothing of workspaces 1001, 2, 3, 4, 5 and 3 more")
    assert "WHERE" in view.mend


def test_scope_of_a_view_of_lineage(found_in, tmp_path):
    """A view of lineage itself is held against what the other tables show: workspaces and days."""
    root = tmp_path / "estate"
    days = [DAY - timedelta(days=back) for back in (0, 1, 2)]
    pairs = [columns("c.s.a", "c.s.b", "x", "y", workspace_id="2", day=day) for day in days[1:]]
    write_estate(root, table_lineage=None, column_lineage=pairs)
    write_table(root, "table_lineage", [lineage("c.s.a", "c.s.b", day=day) for day in days[:2]])
    (root / "ops" / "l").mkdir(parents=True)
    (root / "system" / "access" / "table_lineage").rename(root / "ops" / "l" / "t")
    view = found_in(tables={"table_lineage": "ops.l.t"})["scope"]
    assert view.finding.endswith("ops.l.t shows nothing of workspace 2 and of 1 of the days")


def test_events(found_in):
    """Shares by statement, path, direct access and kind of process."""
    rows = [
        EDGE,
        lineage("s3://b/x", None, statement_id="s"),
        lineage("c.s.a", None),
        lineage("c.s.a", None, query="q"),
    ]
    assert found_in(*rows)["events"].finding == (
        "4 in 7 days: 100.0% in scope, 25.0% with a statement id, 25.0% with an end that is a path, 75.0% without direct_access; "
        "ad_hoc 50.0%, job 25.0%, query 25.0%"
    )


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("<REDACTED>", "SELECT 1"), "1 of 2 texts are redacted: nothing is lost"),
        (("", None), "every text is empty, as with customer-managed keys"),
        (("SELECT 1", ""), "1 of 2 texts can be seen; the miner reads none"),
    ],
)
def test_query_text(found_in, texts, told):
    """Masked and empty texts are told, and that nothing is lost by them. No text is ever in a finding."""
    history = [statement(f"s{number}", statement_text=text) for number, text in enumerate(texts)]
    found = found_in(EDGE, query_history=history)["query_text"]
    assert (found.state, found.finding.startswith(told), "SELECT" in found.finding) == ("pass", True, False)


def test_no_statement(found_in):
    """A silent history is a dash."""
    found = found_in(EDGE, query_history=[])
    assert found["query_text"].state == found["query_tags"].state == "skip"


def test_query_tags(found_in):
    """Whether the miner's tag reaches the history: seen, missing on its principal's statements, or not to be told."""
    mine = statement("s", executed_by="Miner@x.org", statement_text="SELECT 1")
    missing = found_in(EDGE, query_history=[mine])["query_tags"]
    assert missing.finding == "none of the principal's 1 statements carries application = uc-lineage-miner"
    assert found_in(tag=NO_TAG)["query_tags"].finding == "the miner's statements carry no tag"
