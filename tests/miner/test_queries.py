"""Statements by fingerprint in the ledger: mined by day, replaced as a whole, kept so long, and ranked as the oracle does."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner import mining, schemas
from miner.checks import findings
from miner.disclosure import NAMES, disclosure
from miner.errors import HeldError, MissingRightError
from miner.ledger import QUERIES, STREAMS, query_ranks, reading, wanted
from miner.ledger.query_pruning import Pruned, prune_queries
from miner.ledger.query_ranks import Ranked, Window
from miner.ledger.soundness import checks
from miner.ports import Statements
from miner.readers import Readers
from miner.scope import Chosen
from tests import oracle
from tests.miner.fakes import FakeTables
from tests.miner.world import MUCH_LATER, day, worlds
from tests.oracle import query_ranks as ranks
from tests.queries import strategies
from tests.rows import DAY, at, lineage, statement

MINED = {"streams": (*STREAMS, QUERIES)}
ALONE = {"streams": (QUERIES,)}
SAID = ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 2", "SELECT c FROM t", "<REDACTED>")


def said(offset, number, text=SAID[0], **given):
    """A statement of a day that took a second."""
    usual = {
        "start_time": at(day(offset)), "statement_text": text, "statement_type": "SELECT", "executed_by": "ann@x.org",
        "total_duration_ms": 1000, "total_task_duration_ms": 10, "read_bytes": 5, "read_rows": 3, "produced_rows": 1,
    }  # fmt: skip
    return statement(f"s{offset} {number}", **usual | given)


def estate(offsets=(-20, -12, 0), **more):
    """A few statements a day, most of which read one table, and one that no lineage tells of."""
    rows, history = [], []
    for offset in offsets:
        history += [said(offset, number, text) for number, text in enumerate(SAID)]
        history += [said(offset, "failed", SAID[2], execution_status="FAILED", executed_by="bob@x.org")]
        rows += [
            lineage("c.s.a", None, day=day(offset), created_by="ann@x.org", statement_id=f"s{offset} {number}")
            for number in (0, 1, "failed")
        ]
    return FakeTables(*rows, query_history=history, **more)


def lines(world, *what):
    """Lines of the dump."""
    return [line for line in map(json.loads, world.dump()) if line["what"] in what]


def totals(world):
    """Sums by day and dataset, whatever the fingerprint."""
    found = Counter()
    for line in lines(world, "query"):
        for name in (*schemas.RUNS, "duration_ms", "task_ms", "read_bytes"):
            found[line["day"], str(line["dataset"]), name] += line[name]
    return found


def test_what_a_day_holds(world):
    """Statements that differ by literals are one; all are counted, those that lineage tells of by dataset too."""
    world.mine(estate((0,)), **MINED)
    told = lines(world, "query")
    of_a = [line for line in told if line["dataset"]]
    assert {tuple(line["dataset"][1:]) for line in of_a} == {("c", "s", "a")}
    assert sorted((line["runs"], line["failed_runs"], line["reader"]) for line in of_a) == [
        (0, 1, "bob@x.org"),
        (2, 0, "ann@x.org"),
    ]
    assert sum(line["runs"] for line in told if not line["dataset"]) == len(SAID)
    assert {line["fingerprint"] for line in told} == {line["fingerprint"] for line in lines(world, "fingerprint")}
    fates = {(line["fate"], line["rows"]) for line in lines(world, "fate") if line["table"] == "query_history"}
    assert fates == {("kept", 4), ("no_text", 1)}


def test_a_day_mined_again_is_replaced(world):
    """A day's statements are what its last mining said: late ones are added, those that went are gone."""
    tables = estate((-1, 0))
    world.mine(tables, settle_days=60, **ALONE)
    before = world.dump()
    world.mine(tables, settle_days=60, **ALONE)
    assert world.dump() == before
    tables.rows["query_history"] += [said(-1, "late", SAID[2])]
    world.mine(tables, settle_days=60, **ALONE)
    other = estate((-1, 0))
    other.rows["query_history"] += [said(-1, "late", SAID[2])]
    with worlds(1, now=world.now) as (fresh,):
        fresh.mine(other, settle_days=60, **ALONE)
        assert lines(world, "query", "fate", "day") == lines(fresh, "query", "fate", "day")
    assert [tuple(row) for row in world.sql("SELECT stream, rows FROM late_rows")] == [("queries", 1)]


def test_two_sources_stand_beside_each_other(world):
    """Mining one source leaves the statements of the other as they are."""
    world.mine(estate((0,)), "one", **ALONE)
    world.mine(estate((-12, 0)), "two", **ALONE)
    before = [line for line in lines(world, "query") if line["source"] == "one"]
    world.mine(
        FakeTables(lineage("c.s.a", day=day(0)), query_history=[said(0, 9)]),
        "two",
        rules="other",
        allow_shrink=True,
        **ALONE,
    )
    assert [line for line in lines(world, "query") if line["source"] == "one"] == before


def test_the_rest_is_summed(world):
    """However few statements stand by themselves, the sums by day and dataset are the same, and the rest is one row."""
    world.mine(estate(), **ALONE)
    whole = totals(world)
    world.mine(estate(), statements=Statements(1), **ALONE)
    assert totals(world) == whole
    rest = [line for line in lines(world, "query") if line["fingerprint"] is None]
    assert rest
    assert {(line["reader"], line["client"], line["warehouse"], line["process_kind"]) for line in rest} == {("",) * 4}


def test_rules_of_its_own(world):
    """What is kept of statements changes their days alone; what is mined at all changes all."""
    world.mine(estate(), **MINED)
    again = world.mine(estate(), statements=Statements(2), **MINED)
    assert {one.stream for one in again} == {QUERIES}
    assert len(again) == len(world.marks(QUERIES))
    assert {one.stream for one in world.mine(estate(), rules="other", statements=Statements(2), **MINED)} == {
        "lineage",
        "usage",
        QUERIES,
    }


def test_what_is_said_is_kept_only_when_asked_for(world):
    """Without leave nothing of a text is kept; with it no literal, no more than so much, and nothing of a masked one."""
    world.mine(estate(), **ALONE)
    assert {line["said"] for line in lines(world, "fingerprint")} == {None}
    world.mine(estate(), statements=Statements(text_length=14), **ALONE)
    assert {line["said"] for line in lines(world, "fingerprint")} == {"select a from ", "select c from ", None}
    world.mine(estate(), statements=Statements(text_length=100), **ALONE)
    kept = {line["said"] for line in lines(world, "fingerprint")}
    assert kept == {"select a from t where b = ?", "select c from t", None}
    assert not any("REDACTED" in line for line in world.content())
    world.mine(estate(), **ALONE)
    assert prune_queries(world.ledger, day(-100), texts=True) == Pruned(0, 0, 0)
    assert prune_queries(world.ledger, day(-100), texts=False) == Pruned(0, 0, 2)
    assert {line["said"] for line in lines(world, "fingerprint")} == {None}
    assert not any("select" in line for line in world.content())


def test_pruning(world):
    """Days before a day go with their marks, balance and what only they said; the others stay as they are."""
    tables = estate((-20, -12, 0))
    tables.rows["query_history"] += [said(-20, "once", "SELECT once FROM t")]
    world.mine(tables, **ALONE)
    stays = [line for line in lines(world, "query", "day", "fate") if line["day"] >= str(day(-12))]
    said_once = len(lines(world, "fingerprint"))
    pruned = prune_queries(world.ledger, day(-12), texts=True)
    assert lines(world, "query", "day", "fate") == stays
    assert pruned.days == 8
    assert pruned.rows > 0
    assert len(lines(world, "fingerprint")) == said_once - 1
    assert prune_queries(world.ledger, day(-12), texts=True) == Pruned(0, 0, 0)
    assert world.mine(tables, statements_from=day(-12), **ALONE) == []
    assert {one.state for one in sound(world)} == {"pass"}


def sound(world):
    with world.ledger.reading() as connection:
        return [one for one in findings(checks(connection)) if one.name in ("ledger.queries", "ledger.balance")]


def test_a_fingerprint_that_was_pruned_meanwhile(world):
    """What is staged while another process prunes is whole when it is merged."""
    tables = estate((-12,))
    world.mine(tables, **ALONE)
    tables.hook = lambda method, *_: method == "totals" and prune_queries(world.ledger, day(5), texts=True) and None
    world.mine(tables, rules="other", **ALONE)
    assert lines(world, "query")
    assert {one.state for one in sound(world)} == {"pass"}


@pytest.mark.parametrize("lacking", ["absent", "refused", "empty"])
def test_without_query_history(world, lacking):
    """Statements need query history: without it that is told once, with what to do, and the other streams go on."""
    tables = estate((0,))
    if lacking == "absent":
        tables.lacks = ("query_history",)
    elif lacking == "refused":
        tables.refused = MissingRightError("SELECT on system.query.history is missing", mend="GRANT it")
    else:
        tables.rows["query_history"] = []
    told = []
    mined = list(
        mining.mine(world.source(tables, **MINED), world.ledger, run_id=1, now=lambda: world.now, left_out=told.append)
    )
    assert {one.stream for one in mined} == {"lineage", "usage"}
    (sentence,) = told
    assert sentence.startswith("source prod: no queries are mined: ")
    assert sentence.endswith("or set [queries] mine = false")
    assert "query.history" in sentence


def test_held_elsewhere(world):
    """A stream that another process mines is left to it."""
    held = []

    class Leases:
        def holding(self, source, stream, cancel):
            raise HeldError(f"{stream} of {source} is held", mend="wait")

    list(
        mining.mine(
            world.source(estate((0,)), **ALONE), world.ledger, run_id=1, now=lambda: world.now, leases=Leases(),
            held=held.append,
        )
    )  # fmt: skip
    assert [error.message for error in held] == ["queries of prod is held"]


def test_a_settled_day_that_lost_rows_is_kept(world):
    """The rules that keep lineage's days from being erased keep statements too."""
    world.mine(estate((0,)), **ALONE)
    tables = estate((0,))
    tables.rows["query_history"] = tables.rows["query_history"][:1]
    with pytest.raises(mining.ShrunkDayError, match="queries of 2026-11-10"):
        world.mine(tables, rules="other", **ALONE)


EVERYTHING = Ranked(Chosen(), Chosen(), Chosen(), 3)


THREE_DAYS = Window(3, DAY + timedelta(days=1))


def ranked(world, window=THREE_DAYS, of=EVERYTHING):
    """The rankings as the ledger tells them."""
    ledger = world.ledger
    with ledger.copying() as copy:
        with ledger.reading(copy) as connection:
            wanted.resolve(connection)
            query_ranks.copy_out(ledger.database, connection, copy, window, of)
        told = disclosure(NAMES, b"")
        return [row for batch in query_ranks.stream(ledger.database, copy, window, told) for row in batch.to_pylist()]


def key(row):
    return row["metastore_id"], row["dataset"], row["ranking"], row["rank"]


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(strategies.table_rows(), min_size=10, max_size=40),
    history=st.lists(strategies.query_rows(), min_size=5, max_size=25),
    most=st.sampled_from((1, 100)),
)
def test_rankings(rows, history, most):
    """Every list, its order and every figure is what the oracle makes of the days."""
    rows = [row | {"source_path": None, "target_path": None} for row in rows]  # aliases are told of elsewhere
    rows += [
        lineage(None, "c.s.z", day=DAY + timedelta(days=back)) for back in (-1, 1)
    ]  # the days of lineage are mined
    with worlds(now=MUCH_LATER) as (world,):
        world.mine(FakeTables(*rows, query_history=history), allow_empty=True, statements=Statements(most), **MINED)
        daily = {
            one: oracle.query_runs(one, rows, history, most=most)
            for one in (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))
        }
        told = {key(row): row for row in ranked(world)}
    expected = {
        (metastore or "", name.spelled if name else "", *place): one
        for (metastore, name, *place), one in ranks.rankings(daily, 3).items()
    }
    assert told.keys() == expected.keys()
    for place, row in told.items():
        one, figures = expected[place], expected[place].figures
        assert (row["fingerprint"], row["statement_type"]) == (one.fingerprint, one.type)
        assert [row[name] for name in schemas.RUNS] == [getattr(figures, name) for name in schemas.RUNS]
        assert (row["task_ms"], row["read_bytes"], row["read_rows"], row["produced_rows"]) == (
            figures.task_ms, figures.read_bytes, figures.read_rows, figures.produced_rows,
        )  # fmt: skip
        assert row["mean_duration_ms"] == (
            pytest.approx(figures.duration_ms / figures.runs, abs=0.06) if figures.runs else None
        )
        assert row["max_duration_ms"] == (figures.longest_ms if figures.runs else None)
        assert row["readers"] == len(one.people | one.machines)
        assert (row["people"], row["machines"]) == (len(one.people), len(one.machines))
        assert row["top_reader"] == ranks.top_reader(one)
        assert row["client_applications"] == ", ".join(sorted(one.clients))
        assert row["warehouses"] == ", ".join(sorted(one.warehouses))
        assert row["last_run"] == figures.last_run_at
        of = [
            figures
            for day in daily.values()
            for who, figures in day.items()
            if (who.metastore or "", who.dataset.spelled if who.dataset else "") == place[:2]
        ]
        assert row["runs_of_all"] == sum(figures.runs + figures.cached_runs for figures in of)


def test_who_and_what_is_ranked(world):
    """Users, kinds of process and types of statement that are left out are in no list; the sum of all stays."""
    tables = estate((0,))
    world.mine(tables, **ALONE)
    everyone = ranked(world)
    no_ann = ranked(world, of=Ranked(Chosen.by((), ("ann@*",)), Chosen(), Chosen(), 3))
    assert {row["top_reader"] for row in everyone} == {"ann@x.org", "bob@x.org"}
    assert {(row["top_reader"], row["ranking"]) for row in no_ann} == {("bob@x.org", "failing")}
    assert {row["runs_of_all"] for row in no_ann} == {row["runs_of_all"] for row in everyone}
    assert ranked(world, of=Ranked(Chosen(), Chosen.by((), ("ad_hoc",)), Chosen(), 3)) == []
    assert ranked(world, of=Ranked(Chosen(), Chosen(), Chosen.by(("*",), ("select",)), 3)) == []
    assert {row["rank"] for row in ranked(world, of=Ranked(Chosen(), Chosen(), Chosen(), 1))} == {1}
    assert ranked(world, Window(1, DAY - timedelta(days=1))) == []


def test_one_reader_of_two_names(world):
    """A service principal that is known by its id and by its name is one reader, and no person."""
    number = "5eed0a11-0c0f-4b0e-9d1a-000000000001"
    history = [said(0, 0, executed_by=number), said(0, 1, executed_by="Robot"), said(0, 2)]
    world.mine(FakeTables(lineage("c.s.a", day=DAY), query_history=history), **ALONE)
    known = Readers(names={number: "Robot"})
    (row,) = [row for row in ranked(world, of=replace(EVERYTHING, readers=known)) if row["ranking"] == "popular"]
    assert (row["readers"], row["people"], row["machines"], row["top_reader"]) == (2, 1, 1, number)
    no_robot = replace(EVERYTHING, readers=known, users=Chosen.by((), ("robot",)))
    assert {row["top_reader"] for row in ranked(world, of=no_robot)} == {"ann@x.org"}


def test_aliases(world):
    """A path that is known to be a table is that table in rankings too."""
    rows = [
        lineage("c.s.a", None, day=DAY, statement_id="s0 0") | {"source_path": "s3://b/a"},
        lineage("s3://b/a", None, day=DAY, statement_id="s0 1"),
    ]
    world.mine(FakeTables(*rows, query_history=[said(0, 0), said(0, 1)]), **MINED)
    told = [row for row in ranked(world) if row["ranking"] == "popular"]
    assert {(row["dataset"], row["kind"], row["runs"]) for row in told} == {("", "all", 2), ("c.s.a", "table", 2)}


def test_days_of_its_own(world):
    """Which days of statements are mined is told apart from those of usage."""
    world.mine(estate((-12, 0)), streams=STREAMS)
    world.mine(estate((0,)), **ALONE)
    with world.ledger.reading() as connection:
        assert reading.whole_days(connection, QUERIES) == {day(0)}
        assert len(reading.whole_days(connection, "usage")) == 13
        assert reading.last_whole_day(connection, QUERIES) == day(0)
