"""What views hide, and what a source has lost since it was mined."""

from datetime import timedelta

import pytest

from miner import visible
from miner.errors import ShrunkDayError
from miner.ledger.leases import Leases
from miner.pipeline import Run
from miner.visible import Shown, hidden, loss
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import at, columns, lineage, statement

TODAY = day(2)
VIEW = {"table_lineage": "ops.l.t"}


def texts(shown, views=(), known=()):
    found = hidden({role: Shown(rows) for role, rows in shown.items()}, dict(views), dict(known), TODAY)
    return [one.text for one in found]


def test_a_view_is_held_against_the_other_tables():
    """Workspaces and days that another table shows and a view does not; a system table is never blamed."""
    shown = {"table_lineage": {day(0): {"1": 5}}, "query_history": {day(0): {"1": 2, "2": 1}, day(1): {"1": 1}}}
    assert texts(shown, VIEW) == ["ops.l.t shows nothing of workspace 2 and of 1 of the days"]
    assert texts(shown) == []
    assert texts(shown, {"query_history": "ops.l.h"}) == []


def test_today_is_no_evidence():
    """The tables come up with today at different hours: what only today shows is not missed."""
    shown = {"table_lineage": {day(0): {"1": 5}}, "query_history": {day(0): {"1": 2}, TODAY: {"2": 1}}}
    assert texts(shown, VIEW) == []


def test_days_mined_before():
    """Rows of days mined before that are shown no more are told, also of a system table: the first day and how many."""
    known = {day(-2): {"1": 100}, day(-1): {"1": 100}, day(0): {"1": 100, "2": 1}, day(1): {"1": 100}}
    shown = {"table_lineage": {day(-1): {"1": 90}, day(0): {"1": 100}, day(1): {"1": 50}}}
    (text,) = texts(shown, known=known)
    assert (
        text == f"table_lineage of {day(0)}: 101 rows when it was mined, 100 now, workspace 2 gone; "
        "so it is with 1 more days"
    )
    assert texts(shown, VIEW, known)[0].startswith(f"ops.l.t of {day(0)}")
    (finding,) = hidden({"table_lineage": Shown(shown["table_lineage"])}, {}, known, TODAY)
    assert (finding.mend, finding.lost) == (ShrunkDayError.MEND, True)


@pytest.mark.parametrize("rows", [{}, {day(1): {"1": 1}}])
def test_days_before_the_first_one_shown(rows):
    """What lies before the first day shown may be gone for good, as in an export that holds some weeks."""
    assert texts({"table_lineage": rows}, known={day(0): {"1": 5}}) == []


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"1": 100}, {"1": 90}, ""),
        ({"1": 100}, {"1": 89}, "100 rows when it was mined, 89 now"),
        ({"1": 100, "2": 1}, {"1": 200}, "101 rows when it was mined, 200 now, workspace 2 gone"),
        ({"1": 1, "": 1}, {}, "2 rows when it was mined, 0 now, workspaces (none), 1 gone"),
        ({}, {}, ""),
    ],
)
def test_loss(before, now, told):
    """A day may lose a tenth of its rows, and no workspace."""
    assert loss(before, now) == told


def go(world, tables):
    return Run(world.ledger, [world.source(tables)], None, lambda: world.now, Leases(world.ledger)).go()


def test_a_run_tells_of_views(world):
    """A run over a view looks what it hides, after mining; the days it mined again count as they were before."""
    world.now = noon(day(2))
    rows = [lineage("c.s.a", "c.s.b", query="q", workspace_id=name, day=day(1)) for name in ("1", "2")]
    first, second = FakeTables(*rows), FakeTables(*rows[:1])
    assert go(world, first).narrow == []
    assert "shown" not in {method for method, _, _ in first.asked}
    second.named = VIEW
    second.rows["query_history"] = [statement("s", workspace_id="3", start_time=at(day(1)))]
    outcome = go(world, second)
    assert (outcome.word, [source for source, _ in outcome.narrow]) == ("done", ["prod", "prod"])
    assert [finding.text for _, finding in outcome.narrow] == [
        "ops.l.t shows nothing of workspace 3",
        f"ops.l.t of {day(1)}: 2 rows when it was mined, 1 now, workspace 2 gone",
    ]
    third = FakeTables(*rows[:1], absent=["query_history", "column_lineage"])
    third.named = VIEW
    assert go(world, third).narrow == []


def test_what_a_run_looks_at(world):
    """The looks are bounded to the days before today that a preflight takes in too."""
    tables = FakeTables(
        lineage("c.s.a", "c.s.b", query="q", day=day(0)), column_lineage=[columns("c.s.a", "c.s.b", "x", "y")]
    )
    tables.named = VIEW
    go(world, tables)
    asked = {(first, last) for method, first, last in tables.asked if method == "shown"}
    assert asked == {(world.now.date() - timedelta(days=visible.SHOWN_DAYS), world.now.date())}
