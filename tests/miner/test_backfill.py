"""A backfill mines what was asked for, goes on where it was stopped, and leaves the live run as it is."""

from datetime import timedelta
from itertools import pairwise

import pytest
import structlog

from miner.backfill import Asked, Backfill, chunks_of, plan
from miner.errors import ShrunkDayError
from miner.ledger import backfills, registry
from miner.ledger.leases import Leases
from miner.ledger.watermarks import watermarks
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day, noon
from tests.rows import lineage

YEAR = [day(offset) for offset in range(-40, 1)]


def estate(days=YEAR):
    return FakeTables(
        *[lineage("c.s.a", f"c.s.t{one.day % 3}", query="q", day=one, created_by="ann@x.org") for one in days]
    )


class Estate:
    """A source and backfills of its lineage."""

    def __init__(self, world, tables, **options):
        self.world = world
        self.source = world.source(tables, **({"start": day(-5), "streams": ("lineage",)} | options))

    def plan(self, first=-40, last=0, **asked):
        return plan(self.source, "lineage", Asked(day(first), day(last), **asked), self.world.ledger, self.world.now)

    def fill(self, first=-40, last=0, **asked):
        """The days mined, one at a time."""
        made = self.plan(first, last, **asked)
        work = Backfill(
            self.world.ledger,
            Asked(day(first), day(last), **asked),
            Leases(self.world.ledger, "none"),
            lambda: self.world.now,
        )
        return work.go([made])

    def live(self):
        return self.world.mine(self.source.tables, start=day(-5), streams=("lineage",))

    def watermark(self):
        with self.world.ledger.reading() as connection:
            return watermarks(connection).get(("prod", "lineage"))


def test_newest_first(world):
    """Without another wish the newest days come first; in a chunk days keep their order, and all are mined once."""
    mined = [one.day for one in Estate(world, estate()).fill(chunk_days=4)]
    assert sorted(mined) == YEAR
    assert mined[:4] == [day(-3), day(-2), day(-1), day(0)]
    assert sorted(world.marks()) == YEAR


def test_oldest_first(world):
    """Asked for, the oldest days come first."""
    assert [one.day for one in Estate(world, estate()).fill(oldest_first=True)] == YEAR


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("at_most", [1, 3, 31])
def test_chunks(newest_first, at_most):
    """Chunks hold every day once, days without gap in one month, never more than allowed."""
    todo = sorted({*YEAR} - {day(-7)}, reverse=newest_first)
    chunks = chunks_of(todo, at_most)
    assert sorted(one for chunk in chunks for one in chunk) == sorted(todo)
    for chunk in chunks:
        assert len(chunk) <= at_most
        assert len({one.month for one in chunk}) == 1
        assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(chunk))


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("stopped_after", [1, 9, 23])
def test_stopped_and_gone_on(world, again, stopped_after):
    """Stopped at any moment, the same backfill mines exactly what is left, and ends where an undisturbed one does."""
    backfill = Estate(world, estate())
    if again:
        list(backfill.fill())
    stopped = backfill.fill(again=again, chunk_days=3)
    first = [next(stopped).day for _ in range(stopped_after)]
    stopped.close()
    rest = [one.day for one in backfill.fill(again=again, chunk_days=3)]
    assert set(first) & set(rest) == set()
    # What was committed with the chunk at hand, and not told any more.
    untold = len(YEAR) - len(rest) - len(first)
    assert 0 <= untold < 3
    with world.ledger.reading() as connection:
        record = backfills.kept_backfills(connection)[0]
    assert (record.outcome, record.request.again) == ("done", again)
    assert len(backfill.plan(again=again).todo) == (len(YEAR) if again else 0)


def test_done_days_are_skipped(world):
    """Days mined under the same rules are skipped; those mined under others, or before they were over, are not."""
    backfill = Estate(world, estate())
    list(backfill.fill(-10, -8))
    world.mine_days(backfill.source.tables, [day(-7)], rules="other", start=day(-30), streams=("lineage",))
    made = backfill.plan(-12, -6)
    assert set(made.todo) == {day(-12), day(-11), day(-7), day(-6)}
    assert made.done == 3
    assert len(backfill.plan(-12, -6, again=True).todo) == 7


def test_clipped_loudly(world):
    """Days that the source does not hold, or that are not over, are left out and told."""
    world.now = noon(day(0))
    with structlog.testing.capture_logs() as told:
        made = Estate(world, estate(YEAR[-3:])).plan(-10, 0)
    assert sorted(made.todo) == [day(-2), day(-1)]
    assert made.gone == 9
    (event,) = [one for one in told if one["event"] == "backfill.clipped"]
    assert (event["log_level"], event["days"], event["first"]) == ("warning", 9, str(day(-2)))


@pytest.mark.parametrize("oldest_first", [True, False])
def test_the_live_watermark_never_moves_back(world, oldest_first):
    """Whatever a backfill adds before the live days, the watermark stays; live mining moves it on meanwhile."""
    backfill = Estate(world, estate())
    world.now = noon(day(-1))
    backfill.live()
    assert backfill.watermark() == day(-2)
    seen = []
    for number, _ in enumerate(backfill.fill(-40, -6, oldest_first=oldest_first, chunk_days=5)):
        if number == 12:
            world.now = noon(day(1))
            backfill.live()
        seen.append(backfill.watermark())
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (day(-2), day(0))


def test_a_backfill_alone_sets_no_watermark(world):
    """Days filled before the first live run are no live days."""
    backfill = Estate(world, estate())
    list(backfill.fill(-40, -20))
    assert backfill.watermark() is None
    backfill.live()
    assert backfill.watermark() == day(0)


def test_the_watermark_passes_what_is_not_due(world):
    """After weeks without a run, live mining from a later start on moves the watermark over the days left out."""
    backfill = Estate(world, estate())
    world.now = noon(day(-30))
    world.mine(backfill.source.tables, start=day(-35), streams=("lineage",))
    assert backfill.watermark() == day(-31)
    world.now = noon(day(1))
    backfill.live()
    assert backfill.watermark() == day(0)


def test_the_plan_estimates(world):
    """What earlier runs took tells rows and time; a source never mined tells neither."""
    backfill = Estate(world, estate())
    assert (backfill.plan().rows, backfill.plan().seconds) == (None, None)
    started = registry.start_run(world.ledger, "run", noon(day(30)))
    assert started == 1
    backfill.live()
    registry.end_run(world.ledger, started, "done", "", noon(day(30)) + timedelta(seconds=12))
    made = backfill.plan()
    assert (made.rows, made.seconds) == (35, 70.0)


def test_a_day_that_lost_rows(world):
    """A day that lost rows is refused as in a run, and the record says failed; allowed, it is taken."""
    backfill = Estate(world, estate())
    list(backfill.fill(-10, -5))
    fewer = FakeTables(*[row for row in backfill.source.tables.rows["table_lineage"] if row["event_date"] != day(-7)])
    with pytest.raises(ShrunkDayError):
        list(Estate(world, fewer).fill(-10, -5, again=True, note="clean"))
    with world.ledger.reading() as connection:
        (last, _) = backfills.kept_backfills(connection)
    assert (last.outcome, last.request.note, last.ended) == ("failed", "clean", world.now)
    assert world.marks()[day(-7)].rows == 1
    list(Estate(world, fewer, allow_shrink=True).fill(-10, -5, again=True))
    assert world.marks()[day(-7)].rows == 0


@pytest.mark.usefixtures("ledgers")
def test_equal_to_a_live_run(tmp_path):
    """Days that came by a backfill, in any order, leave the ledger that a live run leaves."""
    ways = []
    for name in ("live", "newest", "oldest"):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        if name == "live":
            world.mine(estate(), streams=("lineage",))
        else:
            list(Estate(world, estate(), start=day(-60)).fill(oldest_first=name == "oldest", chunk_days=3))
        ways.append(world.dump())
        world.close()
    assert ways[0] == ways[1] == ways[2]
