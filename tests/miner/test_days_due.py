from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.ledger.reading import MinedDay
from miner.mining import due_days, runs_of
from miner.ports import Span
from miner.streams import MiningOptions

FIRST = date(2026, 11, 1)
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


def days(*numbers):
    return [FIRST.replace(day=number) for number in numbers]


def mark(number, *, settled=True, rules="r"):
    one = FIRST.replace(day=number)
    return {one: MinedDay("prod", "lineage", one, 1, settled, True, rules, NOW)}


def due(marks, first=1, last=5, start=FIRST, now=NOW):
    options = MiningOptions(start=start, settle_days=3, rules="r")
    return due_days(marks, options, Span(*days(first, last)), now)


def test_never_mined():
    """Every day from the first to the last the table holds is due when none was mined, oldest first."""
    assert due({}) == days(1, 2, 3, 4, 5)


def test_settled_days_are_done():
    """A settled day is not mined again; an unsettled one is."""
    assert due(mark(1) | mark(2, settled=False) | mark(3)) == days(2, 4, 5)


def test_other_rules():
    """A day mined under other exclusions is due again, settled or not."""
    assert due(mark(1) | mark(2, rules="old") | mark(3, rules="old", settled=False) | mark(4) | mark(5)) == days(2, 3)


def test_bounds():
    """No day is due before the start or the table's first, after its last, or after today."""
    assert due({}, first=3, last=6) == days(3, 4, 5, 6)
    assert due({}, start=FIRST.replace(day=4)) == days(4, 5)
    assert due({}, now=datetime(2026, 11, 3, 0, 0, 1, tzinfo=UTC)) == days(1, 2, 3)
    assert due({}, start=FIRST.replace(day=9)) == []


def test_an_empty_table_has_no_day():
    """A table without a row has no day to mine."""
    options = MiningOptions(start=FIRST, settle_days=3, rules="r")
    assert due_days({}, options, Span(None, None), NOW) == []


@pytest.mark.parametrize(
    ("numbers", "at_most", "expected"),
    [
        ((), 7, []),
        ((1, 2, 3), 7, [(1, 2, 3)]),
        ((1, 2, 3, 4, 5), 2, [(1, 2), (3, 4), (5,)]),
        ((1, 3, 4, 9), 7, [(1,), (3, 4), (9,)]),
        ((1, 2), 1, [(1,), (2,)]),
    ],
)
def test_runs(numbers, at_most, expected):
    """Days without a gap are mined together, at most so many."""
    assert runs_of(days(*numbers), at_most) == [tuple(days(*run)) for run in expected]


def test_a_run_ends_with_its_month():
    """An edge's month is one row, so a run of days never leaves it."""
    assert runs_of([date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)], 31) == [
        (date(2026, 11, 30),),
        (date(2026, 12, 1), date(2026, 12, 2)),
    ]
    assert runs_of([date(2026, 12, 31), date(2027, 1, 1)], 31) == [(date(2026, 12, 31),), (date(2027, 1, 1),)]


@given(st.sets(st.integers(0, 120)), st.integers(1, 31))
def test_runs_hold_each_day_once(offsets, at_most):
    """Whatever is due is in the runs once, in order, in runs without gap, within a month, and not longer than told."""
    told = [FIRST + timedelta(days=offset) for offset in sorted(offsets)]
    runs = runs_of(told, at_most)
    assert [one for run in runs for one in run] == told
    for run in runs:
        assert len(run) <= at_most
        assert (run[-1] - run[0]).days == len(run) - 1
        assert {(one.year, one.month) for one in run} == {(run[0].year, run[0].month)}
