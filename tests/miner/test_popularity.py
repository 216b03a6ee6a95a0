"""Popularity windows, and the rules that design section 5 gives them; `test_figures.py` compares all with the oracle."""

import math
from datetime import timedelta

import pytest

from miner.popularity import COLUMNS, PopularityOptions, popularity
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import lineage

PERSON, PRINCIPAL = "ann@x.org", "0a1b2c3d-0000-4444-8888-0123456789ab"


def told(world, **options):
    """Popularity by dataset and window."""
    frame = popularity(world.ledger, PopularityOptions(**options))
    assert list(frame.columns) == list(COLUMNS)
    return {(row.dataset, row.window_days): row for row in frame.itertuples()}


def none(value):
    """None where pandas has no value."""
    return None if value is None or value != value else value  # noqa: PLR0124 -- not a number, not a time


def read(who, *, of="c.s.a", on=0, **given):
    return lineage(of, None, day=day(on), created_by=who, **given)


def mined(world, *rows, **options):
    world.mine(FakeTables(*rows), streams=("usage",))
    return told(world, **options)


def test_people_and_machines(world):
    """A reader is a person by an address of mail, and only where no machine reads for them."""
    rows = [read(PERSON), read(PRINCIPAL), read("System-User"), read("bob@x.org", job="7"), read(PERSON, pipeline="p")]
    row = mined(world, *rows, windows=(1,))["c.s.a", 1]
    assert (row.readers, row.people, row.reads) == (4, 1, 5)


def test_unknown_readers(world):
    """A read whose reader is unknown is a read and no reader, and is told."""
    row = mined(world, read(None), read(None), read(PERSON), windows=(1,))["c.s.a", 1]
    assert (row.reads, row.readers, row.readers_unknown) == (3, 1, 2)


def test_readers_do_not_add_up_over_days(world):
    """A reader of every day is one reader of the week."""
    rows = [read(PERSON, on=-offset) for offset in range(7)]
    found = mined(world, *rows, windows=(1, 7))
    assert (found["c.s.a", 7].readers, found["c.s.a", 7].reads, found["c.s.a", 1].reads) == (1, 7, 1)


def test_ties_share_a_band(world):
    """Equal scores have equal bands: one more than four times the share of strictly lower scores."""
    rows = [read(who, of=f"c.s.t{place}") for place, times in enumerate((1, 1, 2, 3)) for who in "abc"[:times]]
    found = mined(world, *rows, lineage(None, "c.s.unread", day=day(0)), windows=(1,))
    assert [found[f"c.s.t{place}", 1].band for place in range(4)] == [1, 1, 3, 4]
    assert (found["c.s.unread", 1].band, found["c.s.unread", 1].score, found["c.s.unread", 1].writes) == (0, 0, 1)


def test_atlans_score(world):
    """Asked for, the score is Atlan's: readers times ln(reads), so that a single read scores nothing; bands follow."""
    rows = [read("ann@x.org", of="c.s.much") for _ in range(4)] + [read("bob@x.org", of="c.s.much")]
    world.mine(FakeTables(*rows, read("ann@x.org", of="c.s.once"), lineage(None, "c.s.unread", day=day(0))))
    found = told(world, windows=(1,), score="atlan")
    scores = {name: (row.score, row.band) for (name, _), row in found.items()}
    assert scores["c.s.much"] == (pytest.approx(2 * math.log(5)), 1)
    assert scores["c.s.once"] == scores["c.s.unread"] == (0, 0)


def test_trend(world):
    """The share by which reads grew; empty where there were none before."""
    rows = [read(PERSON, on=-1), read(PERSON), read(PERSON), read(PERSON), read(PERSON, of="c.s.new")]
    found = mined(world, *rows, windows=(1,))
    assert found["c.s.a", 1].trend == 2.0
    assert none(found["c.s.new", 1].trend) is None


def test_a_missing_day_leaves_no_trend(world):
    """Where a day of the window before is not mined there is no trend; the window itself is whole."""
    tables = FakeTables(read(PERSON, on=-1), read(PERSON), read(PERSON, on=-3))
    world.mine_days(tables, [day(-3), day(-1), day(0)], streams=("usage",))
    row = told(world, windows=(2,))["c.s.a", 2]
    assert (none(row.trend), row.partial_days, row.partial) == (None, 0, False)
    row = told(world, windows=(3,))["c.s.a", 3]
    assert (none(row.trend), row.partial_days, row.partial) == (None, 1, True)


def test_as_of_is_the_last_whole_day(world):
    """A day that is not over is no last day, unless asked for; it makes a window partial."""
    world.now = noon(day(0))
    found = mined(world, read(PERSON, on=-1), read(PERSON), read(PERSON), windows=(1,))
    assert (found["c.s.a", 1].as_of, found["c.s.a", 1].reads) == (day(-1), 1)
    row = told(world, windows=(1,), as_of=day(0))["c.s.a", 1]
    assert (row.reads, row.partial_days) == (2, 1)


def test_sources_are_summed(world):
    """Usage of one table seen by two sources is one figure; the last day is that of the slower source."""
    world.mine(FakeTables(read(PERSON), read(PERSON, on=-1)), name="east", streams=("usage",))
    world.mine(FakeTables(read("bob@x.org", on=-1)), name="west", streams=("usage",))
    row = told(world, windows=(1,))["c.s.a", 1]
    assert (row.as_of, row.reads, row.readers) == (day(-1), 2, 2)


def test_nothing_mined(world):
    """An empty ledger has no figures, in the same columns."""
    assert told(world) == {}


def test_old_usage_is_outside(world):
    """What lies before the longest window and the one before it is no row at all."""
    found = mined(world, read(PERSON, of="c.s.old", on=-6), read(PERSON), windows=(1, 3))
    assert {name for name, _ in found} == {"c.s.a"}
    assert told(world, windows=(1, 3), as_of=day(-1) + timedelta(days=0))["c.s.old", 3].reads == 0
