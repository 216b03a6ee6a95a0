"""Runs of days: a day's answer is the same whichever days it is asked with."""

from datetime import date, timedelta

import pytest

from tests import oracle
from tests.queries import given
from tests.rows import columns, lineage

FIRST, LAST = date(2026, 1, 16), date(2026, 1, 31)
DAYS = [FIRST + timedelta(days=place) for place in range(16)]
AROUND = [FIRST - timedelta(days=1), *DAYS, LAST + timedelta(days=1)]


@pytest.fixture
def rows():
    """An edge of every day, one of odd days, one of each day, and dropped rows in numbers that differ by day."""
    found = []
    for place, day in enumerate(AROUND):
        found += [
            lineage("c.s.a", "c.s.b", job="every", day=day),
            lineage("c.s.a", f"c.s.on_{day.day}", job="one", day=day),
        ]
        found += [lineage("c.s.a", "c.s.b", job="odd", day=day, direct_access=place % 4 == 1 or None)] * (place % 2)
        found += [lineage("c.s.a", None, day=day)] * place
    return found


def test_the_longest_run(reader_of, rows):
    """Sixteen days, to the end of a month of 31: each has its own edges and its own balance, and none of its neighbours'."""
    source = reader_of(*rows)
    answered = given.edges_of_days(source, FIRST, LAST)
    assert sorted(answered) == DAYS
    for day in DAYS:
        assert answered[day].kept == oracle.edges(day, rows)
        assert answered[day].fates == oracle.lineage_fates(day, rows)
    totals = source.totals("table_lineage", FIRST, LAST).to_pylist()
    assert {row["day"]: row["rows"] for row in totals} == {day: answered[day].fates.total() for day in DAYS}


def test_alone_and_together(reader_of, rows):
    """Days asked for one by one answer as they do together, in both streams."""
    source = reader_of(*rows)
    edges, usage = given.edges_of_days(source, FIRST, LAST), given.usage_of_days(source, FIRST, LAST)
    for day in (FIRST, DAYS[7], LAST):
        assert given.edges(source, day) == edges[day]
        assert given.usage(source, day) == usage[day]


def test_pairs_by_day(reader_of):
    """An edge whose pairs change from day to day has on each day the pairs of that day, and its own balance."""
    rows = [columns("c.s.a", "c.s.b", "always", "x", job="1", day=day) for day in AROUND]
    rows += [columns("c.s.a", "c.s.b", f"on_{day.day}", "x", job="1", day=day) for day in AROUND]
    rows += [columns("c.s.a", "c.s.b", "odd", "x", job="1", day=day) for day in AROUND if day.day % 2]
    rows += [columns("c.s.a", "c.s.b", None, "x", job="1", day=day) for day in AROUND for _ in range(day.day)]
    answered = given.columns_of_days(reader_of(column_lineage=rows), FIRST, LAST)
    assert sorted(answered) == DAYS
    for day in DAYS:
        assert answered[day].pairs == given.keyed(oracle.column_pairs(day, rows))
        assert answered[day].fates == oracle.lineage_fates(day, rows)
