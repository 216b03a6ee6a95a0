"""`outside_reads.sql` and `enrichment.sql` on rows made by hand."""

from datetime import timedelta

import pytest

from queries.system_tables import NO_TABLE
from tests import oracle
from tests.queries.given import enrichment_of_days, outside_reads
from tests.rows import DAY, METASTORE, at, audited, lineage, shared, statement

CREDENTIAL, QUERIED = "generateTemporaryTableCredential", "deltaSharingQueriedTable"


@pytest.fixture
def outside(reader_of):
    """Reads past lineage by metastore, dataset and who tells of them, of a day."""

    def answer(*events, shares=(), **more):
        source = reader_of(audit=events, table_share_usage=shares, **more)
        return {(of, name, by): reads for (_, of, name, by), reads in outside_reads(source).items()}

    return answer


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (audited(CREDENTIAL, table_full_name="Main.S.`T`", operation="READ", metastore_id=METASTORE), (METASTORE, "main.s.t")),
        (audited(CREDENTIAL, full_name_arg="main.s.t"), ("", "main.s.t")),
        (audited(CREDENTIAL, table_full_name="main.s.t", status=None), ("", "main.s.t")),
        (audited("generateTemporaryPathCredential", url="s3a://b/x/", operation="PATH_READ"), ("", "s3://b/x")),
        (audited(QUERIED, share="P", schema="Out", name="O"), ("", "main.s.inner")),
        (audited(QUERIED + "Changes", share_name="p", schema="out", name="o"), ("", "main.s.inner")),
        (audited(QUERIED, share="p", schema="out", name="unknown"), ("", None)),
        (audited(CREDENTIAL, table_full_name="t"), ("", None)),
        (audited(CREDENTIAL, table_full_name="main.s.t", operation="READ_WRITE"), None),
        (audited(CREDENTIAL, table_full_name="main.s.t", status=403), None),
        (audited("getTable", full_name_arg="main.s.t"), None),
        (audited(CREDENTIAL, table_full_name="main.s.t", day=DAY - timedelta(days=1)), None),
    ],
)  # fmt: skip
def test_a_read(outside, event, found):
    """Who got credentials to read, or had a shared table queried, read it; a writer, a refusal and a look did not."""
    told = outside(event, shares=[shared("main.s.inner", "p", shared_as_schema="out", shared_as_table="o")])
    assert told.pop(("", "main.s.inner", "share")) == 0
    assert told == ({} if found is None else {(*found, "audit"): 1})


def test_reads_add_up(outside):
    """Events of a day add up by dataset; a table in two shares is told once."""
    events = [audited(CREDENTIAL, table_full_name=name) for name in ("c.s.a", "C.s.A", "c.s.b")]
    told = outside(*events, shares=[shared("c.s.x", "p"), shared("c.s.x", "q")])
    assert told == {("", "c.s.a", "audit"): 2, ("", "c.s.b", "audit"): 1, ("", "c.s.x", "share"): 0}


def test_without_one_or_both(reader_of):
    """Without the audit log shares are told and nothing else; without either, nothing is, and it was not audited."""
    source = reader_of(audit=None, table_share_usage=[shared("c.s.x")])
    told = source.outside_reads(DAY)
    assert (told.audited, told.rows["dataset"].to_pylist()) == (False, ["c.s.x"])
    source.tables = {**source.tables, "table_share_usage": NO_TABLE}
    assert (source.outside_reads(DAY).audited, source.outside_reads(DAY).rows.num_rows) == (False, 0)


def test_the_actions_are_a_setting(reader_of):
    """Only the actions that are asked for are reads."""
    source = reader_of(
        audit=[audited("readByOurs", table_full_name="c.s.a"), audited(CREDENTIAL, table_full_name="c.s.b")]
    )
    source.outside_actions = ("readByOurs",)
    assert source.outside_reads(DAY).rows["dataset"].to_pylist() == ["c.s.a"]
    source.outside_actions = ()
    assert source.outside_reads(DAY).rows.num_rows == 0


def test_both_sides(reader_of):
    """A statement is on both sides when they have it a day apart at most, in one workspace; rows without one are counted."""
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    rows = [
        *(lineage("c.s.a", "c.s.b", statement_id=told) for told in ("same", "same", "day before", "too early", "elsewhere")),
        lineage("c.s.a", None), lineage("system.s.a", None), lineage(None, None, statement_id="nothing"),
        lineage("c.s.a", None, statement_id="in lineage before", day=before),
    ]  # fmt: skip
    history = [
        statement("same"), statement("day before", start_time=at(before, 0)), statement("nothing", start_time=at(after, 23)),
        statement("too early", start_time=at(before - timedelta(days=1), 23, 59)), statement("elsewhere", workspace_id="2"),
        statement("in lineage before", start_time=at(hour=0)), statement("no lineage"), statement(None), statement(None),
    ]  # fmt: skip
    source = reader_of(*rows, query_history=history)
    expected = {
        ("lineage_statements", "in_history"): 3, ("lineage_statements", "not_in_history"): 2,
        ("lineage_statements", "no_statement_id"): 2,
        ("history_statements", "in_lineage"): 2, ("history_statements", "not_in_lineage"): 2,
        ("history_statements", "no_statement_id"): 2,
    }  # fmt: skip
    assert enrichment_of_days(source, DAY, DAY) == {DAY: expected}
    assert oracle.enrichment(DAY, rows, history) == expected


def test_days_do_not_depend_on_the_run(reader_of):
    """A day's figures are the same whichever days are mined with it."""
    days = [DAY + timedelta(days=offset) for offset in range(-3, 4)]
    rows = [lineage("c.s.a", None, day=one, statement_id=f"{place % 3}") for place, one in enumerate(days)]
    history = [statement(f"{place % 2}", start_time=at(one, 23)) for place, one in enumerate(days)]
    source = reader_of(*rows, query_history=history)
    whole = enrichment_of_days(source, days[0], days[-1])
    assert whole == {one: dict(oracle.enrichment(one, rows, history)) for one in days}
    for one in days:
        assert enrichment_of_days(source, one, one) == {one: whole[one]}


def test_without_history(reader_of):
    """Where query history is not read nobody says that it lacks a statement."""
    source = reader_of(lineage("c.s.a", None, statement_id="s1"), lineage("c.s.a", None), query_history=None)
    assert enrichment_of_days(source, DAY, DAY) == {
        DAY: {("lineage_statements", "history_not_read"): 1, ("lineage_statements", "no_statement_id"): 1}
    }
