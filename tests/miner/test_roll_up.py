"""Old usage by month: nothing is lost, nothing is counted twice, and no figure is told without its days."""

import json
from datetime import timedelta

import pandas as pd
import pytest

from miner.errors import LedgerError
from miner.ledger import roll_up
from miner.popularity import PopularityOptions, popularity
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import lineage

SUMMED = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes", "events")
OFFSETS = (-20, -12, -11, -9, 0)
"""Days in two months and on both sides of the month's end, which is ten days before the tests' usual day."""


def estate():
    rows = []
    for offset in OFFSETS:
        one = day(offset)
        rows += [
            lineage("c.s.a", "c.s.b", day=one, job="7", created_by="etl@x.org"),
            lineage("c.s.a", None, day=one, created_by="ann@x.org", statement_id=f"s{offset}"),
            lineage("c.s.a", None, day=one, created_by=None, statement_id=f"u{offset}"),
        ]
    return FakeTables(*rows)


@pytest.fixture
def mined(world):
    world.mine(estate())
    return world


def usage(world, what):
    lines = map(json.loads, world.dump())
    return [line for line in lines if line["what"] == what]


def totals(lines):
    """Sums by dataset, reader and kind of process, and the last read and write."""
    told = {}
    for line in lines:
        key = (*line["dataset"], line["reader"], line["process_kind"])
        sums, reads, writes = told.get(key, ([0] * len(SUMMED), "", ""))
        sums = [before + line[name] for before, name in zip(sums, SUMMED, strict=True)]
        told[key] = (sums, max(reads, line["last_read"] or ""), max(writes, line["last_write"] or ""))
    return told


def test_nothing_is_lost(mined):
    """Each sum over all days stays what it was, by dataset, reader and kind; only days before the given one go."""
    before = usage(mined, "usage")
    done = roll_up.roll_up(mined.ledger, day(-10))
    kept, rolled = usage(mined, "usage"), usage(mined, "usage_month")
    assert {line["day"] for line in kept} == {str(day(-9)), str(day(0))}
    assert {line["month"] for line in rolled} == {str(day(-20))[:7]}
    assert totals(kept + rolled) == totals(before)
    assert done.rows == len(before) - len(kept)


def test_in_steps_as_at_once(mined):
    """Rolled up day by day, a ledger ends up as one that was rolled up at once; a second time changes nothing."""
    for offset in range(-21, 2):
        roll_up.roll_up(mined.ledger, day(offset))
    stepwise = mined.dump()
    assert roll_up.roll_up(mined.ledger, day(1)) == roll_up.RolledUp(0, 0)
    assert mined.dump() == stepwise
    assert len({line["month"] for line in usage(mined, "usage_month")}) == 2
    assert usage(mined, "usage") == []


def test_a_day_that_is_not_settled_stays(world):
    """A day that will be mined again stays as it is, however old."""
    world.mine(estate(), settle_days=60)
    assert roll_up.roll_up(world.ledger, day(1)) == roll_up.RolledUp(0, 0)
    assert len(usage(world, "usage")) > 0


def test_closed_days_are_not_mined_again(mined):
    """Under other rules, days that were rolled up stay as they are; the others are mined again."""
    roll_up.roll_up(mined.ledger, day(-10))
    known = mined.dump()
    again = mined.mine(estate(), rules="other")
    assert min(one.day for one in again if one.stream == "usage") == day(-10)
    assert min(one.day for one in again if one.stream == "lineage") == day(-20)
    assert [line for line in mined.dump() if '"usage' in line[:20]] == [line for line in known if '"usage' in line[:20]]


def test_a_closed_day_is_refused(mined, monkeypatch):
    """Whoever records a closed day all the same is refused, and nothing of it is written: it would count twice."""
    roll_up.roll_up(mined.ledger, day(-10))
    before = mined.content()
    monkeypatch.setattr("miner.ledger.reading.closed_days", lambda *_: set())
    with pytest.raises(LedgerError, match=f"usage of {day(-20)} is rolled up") as raised:
        mined.mine(estate(), rules="other", streams=("usage",))
    assert raised.value.mend
    assert mined.content() == before


def test_windows_that_need_a_closed_day_say_so(mined):
    """A window is the same as before, or says that days of it are missing."""
    options = PopularityOptions(windows=(5, 30), as_of=day(0))
    before = popularity(mined.ledger, options)
    roll_up.roll_up(mined.ledger, day(-10))
    after = popularity(mined.ledger, options)
    short = before["window_days"] == 5
    pd.testing.assert_frame_equal(after[after["window_days"] == 5], before[short])
    [missing] = after[after["window_days"] == 30]["partial_days"].unique()
    [missing_before] = before[~short]["partial_days"].unique()
    assert missing - missing_before == (day(-10) - day(-20)).days


def test_figures_are_not_sent_again(mined):
    """Rolling up changes no figure within the windows, and so sends nothing."""
    mined.emit()
    roll_up.roll_up(mined.ledger, mined.now.date() - timedelta(days=40))
    roll_up.roll_up(mined.ledger, day(-15))
    assert mined.emit().sent == 0
