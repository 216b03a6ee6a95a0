"""However an estate is mined, the ledger ends up knowing the same."""

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.ledger import COLUMNS, STREAMS
from tests.miner.estates import DAYS, NO_SHRINK, WHOLE, estates, fake, lineage_rows, pair_rows, same, some
from tests.miner.world import noon, worlds
from tests.queries.given import reader
from tests.rows import at, columns, lineage

EVERY = {"streams": (*STREAMS, COLUMNS)}

few = settings(max_examples=2, report_multiple_bugs=False, phases=NO_SHRINK)


@contextmanager
def real(rows):
    """The product's own reader over an estate on disk."""
    with TemporaryDirectory() as folder:
        tables = reader(Path(folder), **rows)
        yield tables
        tables.warehouse.close()


@some
@given(rows=estates(), order=st.permutations(DAYS), ships=st.booleans())
def test_any_order(rows, order, ships):
    """Days mined one by one in any order, or all in runs of days, or twice, leave the same ledger."""
    with worlds(2) as (together, apart):
        together.mine(fake(rows), **EVERY)
        apart.mine_days(fake(rows, ships_contents=ships), order, **EVERY)
        expected = together.dump()
        same(apart.dump(), expected)
        together.mine(fake(rows, ships_contents=ships), rules="other", **EVERY)
        together.mine(fake(rows), rules="rules", **EVERY)
        same(together.dump(), expected)


@some
@given(
    rows=estates(),
    late=st.lists(lineage_rows(), max_size=8),
    pairs=st.lists(pair_rows(), max_size=8),
    emits=st.booleans(),
)
def test_late_rows_and_mining_again(rows, late, pairs, emits):
    """Unsettled days mined again as rows come in, emitting in between or not, end where one mining of it all does."""
    later = {
        **rows,
        "table_lineage": rows["table_lineage"] + late,
        "column_lineage": rows["column_lineage"] + pairs,
    }
    with worlds(2) as (once, often):
        once.now = often.now = noon(DAYS[-1])
        often.mine(fake(rows), settle_days=30, **EVERY)
        if emits:
            often.emit()
        often.mine(fake(rows, ships_contents=False), settle_days=30, **EVERY)
        often.mine(fake(later), settle_days=30, **EVERY)
        if emits:
            often.emit()
        once.mine(fake(later), settle_days=30, **EVERY)
        same(often.dump(emissions=False), once.dump(emissions=False))


@few
@given(rows=estates(), order=st.permutations(DAYS))
def test_the_real_reader(rows, order):
    """The same over files and SQL: day by day in any order as in runs of days, and as the fake tells it."""
    with worlds(3) as (together, apart, faked), real(rows) as tables:
        source = Shown(tables)
        together.mine(source, **EVERY)
        apart.mine_days(source, order, **EVERY)
        same(apart.dump(), together.dump())
        faked.mine(fake(rows), **EVERY)
        same(faked.dump(), together.dump())


class Shown:
    """A reader of which every day of the estate is in the span, or those that are to be mined."""

    def __init__(self, tables):
        self.tables = tables
        self.shows = None

    def span(self, table):
        self.tables.span(table)
        return self.shows or WHOLE

    def __getattr__(self, name):
        return getattr(self.tables, name)


_PAIRS = [("id", "id"), ("a.b", "x"), ("1:x", "größe")]


@settings(max_examples=12, phases=NO_SHRINK)
@given(st.lists(st.sets(st.sampled_from(_PAIRS)), min_size=4, max_size=4), st.booleans(), st.permutations(range(4)))
def test_columns_that_change_from_day_to_day(told, ships, order):
    """An edge whose pairs differ from day to day has each day's own set, mined together or apart."""
    days = DAYS[1:5]
    edge = {"query": "q"}
    table = [lineage("c.s.a", "c.s.b", day=one, **edge) for one in days]
    pairs = [
        columns("c.s.a", "c.s.b", *pair, day=one, **edge) for one, some in zip(days, told, strict=True) for pair in some
    ]
    rows = {"table_lineage": table, "column_lineage": pairs}
    with worlds(2) as (together, apart):
        together.mine(fake(rows, ships_contents=ships))
        apart.mine_days(fake(rows), [DAYS[0], *(days[place] for place in order)])
        same(apart.dump(), together.dump())
        assert sets_by_day(together) == {str(one): sorted(some) for one, some in zip(days, told, strict=True)}


def sets_by_day(world):
    """The pairs of each day of the only edge."""
    edges = [json.loads(line) for line in world.dump() if '"what": "edge"' in line]
    return {day: sorted(map(tuple, edge["columns"])) for edge in edges for day in edge["days"]}


@pytest.mark.parametrize("ships", [True, False])
def test_a_set_the_ledger_knows_meets_a_new_part(ships):
    """The content of a part that an earlier month brought is taken from the ledger."""
    edge = {"query": "q"}
    table = [lineage("c.s.a", "c.s.b", day=one, **edge) for one in DAYS]
    pairs = [columns("c.s.a", "c.s.b", "id", "id", day=one, **edge) for one in DAYS]
    pairs += [columns("c.s.a", "c.s.b", "x", "y", day=one, **edge) for one in DAYS[2:4]]
    with worlds(1) as (world,):
        world.mine(fake({"table_lineage": table, "column_lineage": pairs}, ships_contents=ships))
        assert sets_by_day(world) == {str(one): [("id", "id")] + [("x", "y")] * (one in DAYS[2:4]) for one in DAYS}


def test_only_missing_contents_are_fetched():
    """A warehouse that ships no contents is asked only for the sets the ledger does not have."""
    edge = {"query": "q"}
    table = [lineage("c.s.a", "c.s.b", day=one, **edge) for one in DAYS]
    pairs = [columns("c.s.a", "c.s.b", "id", "id", day=one, **edge) for one in DAYS]
    tables = fake({"table_lineage": table, "column_lineage": pairs}, ships_contents=False)
    with worlds(1) as (world,):
        world.mine_days(tables, DAYS)
        assert [first for method, first, _ in tables.asked if method == "column_contents"] == [DAYS[0]]


def test_no_columns_wanted():
    """Told to leave columns out, mining asks for none and keeps none."""
    tables = fake({"table_lineage": [lineage("c.s.a", "c.s.b", day=DAYS[0], query="q")]})
    with worlds(1) as (world,):
        world.mine(tables, column_lineage=False)
        assert "column_sets" not in {method for method, _, _ in tables.asked}
        assert [edge["column_pairs"] for edge in world.edges()] == [0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_latest_spelling(order):
    """A dataset has the spelling of its latest day, though it was only read through views, in whichever order it is mined."""
    told = (("c.s.a", DAYS[2]), ("C.s.A", DAYS[3]))
    table = [lineage(name, "c.s.z", day=one, query="q", direct_access=False) for name, one in told]
    with worlds(2) as (together, apart):
        together.mine(fake({"table_lineage": table}))
        apart.mine_days(
            fake({"table_lineage": table}), [DAYS[0], DAYS[1], *(told[place][1] for place in order), DAYS[4]]
        )
        same(apart.dump(), together.dump())
        assert apart.sql("SELECT spelling FROM dataset WHERE name = 'a'") == [("C.s.A",)]


def test_the_latest_spelling_of_a_day():
    """Within a day it is the latest event that tells, be it a read through a view after a direct one by somebody else."""
    table = [
        lineage("C.s.a", None, day=DAYS[0], query="q", created_by="ann@x.com", event_time=at(DAYS[0], 9)),
        lineage("c.S.a", None, day=DAYS[0], query="q", direct_access=False, event_time=at(DAYS[0], 10)),
    ]
    with worlds(1) as (world,):
        world.mine(fake({"table_lineage": table}))
        assert world.sql("SELECT spelling FROM dataset WHERE name = 'a'") == [("c.S.a",)]
