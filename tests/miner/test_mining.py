from collections import deque

import pytest
import structlog

from miner.errors import BalanceError, EmptySourceError, OutOfScopeError, ShrunkDayError, SourceError
from miner.ledger import reading
from miner.ledger.leases import Leases
from miner.mining import mine
from miner.pipeline import FAILED, Run
from tests import oracle
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.oracle.scope import Lists
from tests.rows import columns, lineage


def estate(*days, rows=10):
    """So many rows a day: one edge by a query, the rest reads."""
    told = []
    for one in days:
        told.append(lineage("c.s.a", "c.s.b", query="q", day=one))
        told += [lineage("c.s.a", None, created_by="ann@x.org", day=one) for _ in range(rows - 1)]
    return told


def mined_until_it_fails(world, tables, error, **options):
    """The days mined before an error, and the error."""
    told = []
    mining = mine(world.source(tables, **options), world.ledger, run_id=1, now=lambda: world.now)
    with pytest.raises(error) as raised:
        deque((told.append(one.day) for one in mining), maxlen=0)
    return told, raised.value


def test_a_day_is_marked_with_its_rows(world):
    """A mined day has its rows, kept rows and mark; whole and settled follow from the clock."""
    world.now = noon(day(4))
    mined = world.mine(FakeTables(*estate(day(0), day(1)), *estate(day(4), rows=3)))
    assert [(one.stream, one.day, one.rows, one.kept) for one in mined] == [
        ("lineage", day(0), 10, 1), ("lineage", day(1), 10, 1), ("lineage", day(2), 0, 0), ("lineage", day(3), 0, 0),
        ("lineage", day(4), 3, 1),
        ("usage", day(0), 10, 10), ("usage", day(1), 10, 10), ("usage", day(2), 0, 0), ("usage", day(3), 0, 0),
        ("usage", day(4), 3, 3),
    ]  # fmt: skip
    marks = world.marks()
    assert [one for one, mark in marks.items() if mark.settled] == [day(0)]
    assert [one for one, mark in marks.items() if not mark.whole] == [day(4)]
    assert {mark.rules for mark in marks.values()} == {"rules"}


def test_settled_days_are_not_asked_for_again(world):
    """What is settled is never read again; what is not is, until it settles."""
    world.now = noon(day(5))
    tables = FakeTables(*estate(day(0), day(1), day(2)))
    world.mine(tables)
    tables.asked.clear()
    assert [one.day for one in world.mine(tables) if one.stream == "lineage"] == [day(2)]
    assert {(first, last) for method, first, last in tables.asked if method == "edges"} == {(day(2), day(2))}
    world.now = noon(day(6))
    world.mine(tables)
    tables.asked.clear()
    assert world.mine(tables) == []
    assert tables.asked == []


def test_other_rules_mine_again(world):
    """Other exclusions make every day due, in both streams."""
    tables = FakeTables(*estate(day(0), day(1)))
    world.mine(tables)
    assert len(world.mine(tables, rules="other")) == 4
    assert world.mine(tables, rules="other") == []


def test_days_are_fetched_together(world):
    """Lineage asks for a month at once, usage for a week; no question leaves a month."""
    tables = FakeTables(*(row for offset in range(-12, 2) for row in estate(day(offset), rows=1)))
    world.mine(tables)
    asked = {
        method: [(first, last) for one, first, last in tables.asked if one == method] for method in ("edges", "usage")
    }
    assert asked["edges"] == [(day(-12), day(-10)), (day(-9), day(1))]
    assert asked["usage"] == [(day(-12), day(-10)), (day(-9), day(-3)), (day(-2), day(1))]


def test_a_mismatch_is_fetched_once_more(world):
    """Rows that came between the count and the rows make a mismatch once: the days are fetched again and recorded."""
    tables = FakeTables(*estate(day(0)))
    tables.miscounts = 1
    with structlog.testing.capture_logs() as events:
        assert [one.rows for one in world.mine(tables, streams=("lineage",))] == [10]
    assert [method for method, _, _ in tables.asked].count("edges") == 2
    assert [one["event"] for one in events].count("days.unbalanced") == 1


def test_events_tell_what_is_fetched(world):
    """Whatever is logged while days are fetched, a warehouse's retry too, tells source, stream and the first of the days."""
    tables, told = FakeTables(*estate(day(0)), *estate(day(1))), []
    tables.hook = lambda *_: told.append(structlog.contextvars.get_contextvars())
    world.mine(tables, streams=("usage",))
    known = {"source": "prod", "stream": "usage", "day": str(day(0))}
    assert any(known.items() <= one.items() for one in told)
    assert not known.keys() & structlog.contextvars.get_contextvars().keys()


@pytest.mark.parametrize("stream", ["lineage", "usage"])
def test_a_mismatch_that_stays_is_refused(world, stream):
    """Rows lost on the way, twice, stop the days with the numbers told; nothing of them is recorded."""
    tables = FakeTables(*estate(day(0), day(1)))
    before = world.dump()
    tables.miscounts = 9
    told, error = mined_until_it_fails(world, tables, BalanceError, streams=(stream,))
    assert told == []
    assert f"table_lineage holds 11 rows of {day(0)}, 10 are accounted for" in error.message
    assert error.mend
    assert world.dump() == before


def test_lost_column_rows_are_a_mismatch(world, monkeypatch):
    """The balance holds for column_lineage too."""
    tables = FakeTables(*estate(day(0)), column_lineage=[columns("c.s.a", "c.s.b", "x", "y", query="q", day=day(0))])
    monkeypatch.setattr(tables, "column_sets", lambda _first, _last: iter(()))
    _, error = mined_until_it_fails(world, tables, BalanceError)
    assert "column_lineage holds 1 rows" in error.message


@pytest.mark.parametrize("method", ["edges", "column_sets", "column_contents", "one_time_runs", "usage", "totals"])
def test_a_failed_read_records_nothing_of_its_days(world, method):
    """A read that breaks in the middle fails its run of days whole; the days before stay; the next run ends it."""
    pairs = [columns("c.s.a", "c.s.b", f"x{day(at)}", "y", query="q", day=day(at)) for at in (-10, 0)]
    given = {"column_lineage": pairs, "ships_contents": method != "column_contents"}
    job = [lineage("c.s.a", "c.s.j", job=str(number), day=day(-9)) for number in range(4)]
    tables = FakeTables(*estate(day(-10)), *job, *estate(day(0)), **given)
    tables.batch_rows = 1
    broken = world.source(tables).options.start

    def hook(asked, first, number):
        if (
            asked == method
            and first > broken
            and first.month == day(-9).month
            and number >= (method in ("edges", "usage"))
        ):
            raise SourceError("the connection broke", mend="run again")

    if method == "one_time_runs":
        tables.rows["job_run_timeline"] = []
        tables._batches = _failing_batches(tables, method)
    tables.hook = hook
    stream = "usage" if method == "usage" else "lineage"
    told, error = mined_until_it_fails(world, tables, SourceError, streams=(stream,))
    assert error.message == "the connection broke"
    assert told == [day(-10)]
    assert list(world.marks(stream)) == [day(-10)]
    tables.hook = lambda *_: None
    tables.__dict__.pop("_batches", None)
    world.mine(tables, streams=(stream,))
    whole = world.dump()
    assert len(world.marks(stream)) == 11
    world.mine(tables, streams=(stream,), rules="again")
    assert [line.replace("again", "rules") for line in world.dump()] == whole


def _failing_batches(tables, method):
    real = tables._batches

    def batches(asked, first, last, told, schema):
        if asked == method and last > day(-10):
            raise SourceError("the connection broke", mend="run again")
        return real(asked, first, last, told, schema)

    return batches


def shrunk(world, before, after, **options):
    """Mine settled days, then others' rows for the same days under other rules, so that they are due again."""
    world.mine(FakeTables(*before))
    return world.mine(FakeTables(*after), rules="other", **options)


def test_a_settled_day_that_shrank_is_refused(world):
    """A settled day that lost more than a tenth of its rows keeps its earlier result."""
    before = estate(day(0), rows=100)
    world.mine(FakeTables(*before))
    known = world.dump()
    told, error = mined_until_it_fails(world, FakeTables(*before[:89]), ShrunkDayError, rules="other")
    assert told == []
    assert "100 rows when it was mined, 89 now" in error.message
    assert "--allow-shrink" in error.mend
    assert world.dump() == known


def test_a_tenth_less_is_taken(world):
    """A settled day may lose a tenth."""
    before = estate(day(0), rows=100)
    assert [one.rows for one in shrunk(world, before, before[:90])] == [90, 90]


def test_a_lost_workspace_is_refused(world):
    """A settled day that lost a whole workspace keeps its earlier result, whatever the rows are."""
    before = estate(day(0), rows=100)
    other = lineage("c.s.a", None, workspace_id="2", day=day(0))
    world.mine(FakeTables(*before, other))
    _, error = mined_until_it_fails(world, FakeTables(*before), ShrunkDayError, rules="other")
    assert "workspace 2 gone" in error.message


def test_allow_shrink_takes_it(world):
    """Told so, the smaller result replaces the earlier one."""
    before = estate(day(0), rows=10)
    assert [one.rows for one in shrunk(world, before, before[1:3], allow_shrink=True)] == [2, 2]
    assert world.edges() == []


def test_an_unsettled_day_may_shrink(world):
    """A day that is not settled is mined again whatever it lost."""
    world.now = noon(day(1))
    before = estate(day(0), rows=10)
    world.mine(FakeTables(*before))
    assert [one.rows for one in world.mine(FakeTables(*before[:1]))] == [1, 1]


def test_an_empty_source_is_refused(world):
    """A table without a row is an error, not an empty estate; told so, it is one."""
    _, error = mined_until_it_fails(world, FakeTables(), EmptySourceError)
    assert "--allow-empty" in error.mend
    assert world.mine(FakeTables(), allow_empty=True) == []
    assert world.sql("SELECT count(*) FROM day_mined") == [(0,)]


def test_nothing_since_the_start_is_refused(world):
    """A table that ends before the start is an error, and its span is told."""
    tables = FakeTables(*estate(day(-100), day(-90)))
    _, error = mined_until_it_fails(world, tables, EmptySourceError)
    assert f"{day(-100)} to {day(-90)}" in error.message
    assert world.mine(tables, allow_empty=True) == []


def test_late_rows_by_age(world):
    """Rows that came after a day was mined are counted by the age the day had when they were seen."""
    world.now = noon(day(0))
    world.mine(FakeTables(*estate(day(0), rows=10)))
    for age, rows in ((1, 14), (2, 14), (3, 17)):
        world.now = noon(day(age))
        world.mine(FakeTables(*estate(day(0), rows=rows)))
    with world.ledger.reading() as connection:
        late = [(one.source, one.stream, one.age_days, one.rows) for one in reading.late_rows(connection)]
    assert late == [("prod", stream, age, rows) for stream in ("lineage", "usage") for age, rows in ((1, 4), (3, 3))]


def test_two_sources(world):
    """Two sources share a ledger: what both saw is there once, mining one again leaves the other's share."""
    edge = {"query": "q", "day": day(0)}
    both, one = lineage("c.s.a", "c.s.b", **edge), lineage("c.s.a", "c.s.c", **edge)
    world.mine(FakeTables(both), name="east")
    world.mine(FakeTables(both, one), name="west")
    assert world.ends() == {("q", "c.s.a", "c.s.b"), ("q", "c.s.a", "c.s.c")}
    world.mine(FakeTables(lineage("c.s.z", None, day=day(0))), name="west", rules="other", allow_shrink=True)
    assert world.ends() == {("q", "c.s.a", "c.s.b")}
    assert world.sql("SELECT name FROM source ORDER BY name") == [("east",), ("west",)]


def test_one_source_failing_does_not_stop_the_other(world):
    """A source that fails stops only itself: the other is mined, emission goes on, the run is noted as failed."""
    bad = FakeTables(*estate(day(0)))
    bad.miscounts = 9
    sources = [world.source(bad, "bad"), world.source(FakeTables(*estate(day(0))), "good")]
    outcome = Run(world.ledger, sources, world.emitter(), lambda: world.now, Leases(world.ledger)).go()
    assert [(what, type(error)) for what, error in outcome.failures] == [("source bad", BalanceError)]
    assert {one.source for one in outcome.days} == {"good"}
    assert len(world.sink.told()) == 1
    assert outcome.word == FAILED
    with world.ledger.reading() as connection:
        ((command, started, ended, word, note),) = reading.runs(connection)
    assert (command, started, ended, word) == ("run", world.now, world.now, FAILED)
    assert "holds 11 rows" in note


def test_nothing_staged_is_left(world):
    """Neither a mined nor a failed run of days leaves a file beside the ledger."""
    tables = FakeTables(*estate(day(0), day(-20)))
    world.mine(tables)
    tables.miscounts = 9
    mined_until_it_fails(world, tables, BalanceError, rules="other", parallel=3)
    assert list(world.ledger.scratch.iterdir()) == []


def test_progress_is_told(world):
    """The watch hears of every run of days, and of the end."""
    told = []
    source = world.source(FakeTables(*estate(day(-10), day(0))), streams=("lineage",))
    list(mine(source, world.ledger, run_id=1, now=lambda: world.now, watch=lambda *one: told.append(one)))
    assert told == [("prod", "lineage", done, 11) for done in (0, 1, 11)]


NARROW = oracle.Scope(include=Lists(catalogs=("d",)))


def test_nothing_in_scope(world):
    """Rows of which none is in scope end a run with an error that says where to look, unless that is allowed."""
    tables = FakeTables(*estate(day(0), day(1)), scope=NARROW)
    told, error = mined_until_it_fails(world, tables, OutOfScopeError, rules="narrow")
    assert len(told) == 4
    assert "no row of table_lineage is in scope" in error.message
    assert "include and exclude" in error.mend
    with pytest.raises(OutOfScopeError):
        world.mine(FakeTables(*estate(day(0), day(1)), scope=NARROW), rules="narrow")
    assert world.mine(tables, rules="narrow", allow_empty=True) == []


def test_quiet_days_of_a_narrow_scope(world):
    """Days of which nothing is in scope are no error where other days under the same rules had something."""
    row = lineage("d.s.a", None, day=day(0))
    world.mine(FakeTables(row, scope=NARROW), rules="narrow")
    world.now = noon(day(1))
    mined = world.mine(FakeTables(row, *estate(day(1)), scope=NARROW), rules="narrow")
    assert [one.outside for one in mined if one.day == day(1)] == [10, 10]


def test_a_changed_scope_that_empties_days(world):
    """Days that held something keep their result when a changed scope leaves nothing of them, unless that is allowed."""
    rows = estate(day(0), day(1))
    world.mine(FakeTables(*rows))
    before = world.dump()
    told, error = mined_until_it_fails(world, FakeTables(*rows, scope=NARROW), OutOfScopeError, rules="narrow")
    assert told == []
    assert "the earlier result was kept" in error.message
    assert world.dump() == before
    mined = world.mine(FakeTables(*rows, scope=NARROW), rules="narrow", allow_empty=True)
    assert {one.outside for one in mined} == {10}


def test_a_changed_scope_mines_again(world):
    """A scope that is narrowed and then widened again ends where it began: nothing of the narrow one stays."""
    rows = [*estate(day(0), day(1)), lineage("d.s.a", "d.s.b", query="q", day=day(0))]
    world.mine(FakeTables(*rows))
    before = world.dump()
    world.mine(FakeTables(*rows, scope=NARROW), rules="narrow")
    narrow = world.dump()
    assert narrow != before
    world.mine(FakeTables(*rows))
    assert world.dump() == before
