"""Whatever is mined, in whichever order, retirement keeps to its rules as a slow reading of them tells."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from miner.ledger import retirement
from miner.ledger.retirement import Limits
from miner.ports import Span
from tests.miner.estates import NO_SHRINK
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon, worlds
from tests.oracle.retirement import Seen, current
from tests.rows import columns, lineage

FIRST = day(-25)
LONG = 40
STALE = 3
SETTLE = 2
PROCESSES = ("p", "q")
SOURCES = ("c.s.a", "c.s.b")
TARGETS = ("c.s.t", "c.s.u", "c.s.view")
VIEWS = ("c.s.view",)
PAIRS = (frozenset(), frozenset({("id", "key")}), frozenset({("v", "w")}))


@dataclass
class History:
    """Edges by day, workspaces with rows by day, and the days of each step: a run of the miner."""

    seen: list[Seen]
    idle: set[tuple[date, str]]
    steps: list[tuple[date, date, date]]
    """First and last day mined, and the day on which that is done."""
    rules: list[str] = field(default_factory=list)
    """The rules of each step: what was mined under others is mined again."""


@st.composite
def histories(draw):
    """Some weeks with a quiet stretch now and then, mined in pieces that may come late, twice, or never."""
    days = [FIRST + timedelta(days=number) for number in range(LONG)]
    edges = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("1001", "1002")), st.sampled_from(PROCESSES), st.sampled_from(SOURCES),
                st.sampled_from(TARGETS),
            ),
            min_size=3, max_size=8, unique=True,
        )
    )  # fmt: skip
    seen = []
    for workspace, process, source, target in edges:
        start, length, every = (
            draw(st.integers(0, LONG - 1)),
            draw(st.integers(1, LONG)),
            draw(st.sampled_from((1, 1, 2, 5, 9))),
        )
        pairs = draw(st.sampled_from(PAIRS))
        for number in range(start, min(start + length, LONG), every):
            pairs = draw(st.sampled_from((pairs, pairs, pairs, *PAIRS)))
            seen.append(Seen(days[number], workspace, process, source, target, pairs))
    idle = {(one, name) for one in days for name in ("1001", "1002") if draw(st.integers(0, 3)) == 0}
    steps, at = [], 0
    while at < LONG:
        length = draw(st.integers(1, 9))
        first, last = days[at], days[min(at + length, LONG) - 1]
        steps.append((first, last, last + timedelta(days=draw(st.sampled_from((0, 1, 3, 6))))))
        at += length + draw(st.sampled_from((0, 0, 0, 2)))
        if draw(st.integers(0, 4)) == 0:
            back = draw(st.integers(0, at))
            again = days[min(back, LONG - 1)], days[min(back + 3, LONG - 1)], steps[-1][2]
            steps.append(again)
    return History(seen, idle, steps, [draw(st.sampled_from(("one", "one", "one", "two"))) for _ in steps])


def tables_of(history, last):
    """The rows up to a day. A workspace that is not idle has a row that makes no edge."""
    seen = [one for one in history.seen if one.day <= last]
    told = [lineage(one.source, one.target, day=one.day, query=one.process, workspace_id=one.workspace) for one in seen]
    told += [
        lineage("c.s.other", None, day=FIRST + timedelta(days=number), workspace_id=name)
        for number in range(LONG)
        for name in ("1001", "1002")
        if FIRST + timedelta(days=number) <= last and (FIRST + timedelta(days=number), name) not in history.idle
    ]
    pairs = [
        columns(one.source, one.target, *pair, day=one.day, query=one.process, workspace_id=one.workspace)
        for one in seen
        for pair in sorted(one.pairs)
    ]
    return FakeTables(*told, column_lineage=pairs)


def mined_of(world):
    """The days that are mined, and those that are settled."""
    marks = world.marks()
    return set(marks), {one for one, mark in marks.items() if mark.settled}


def expected(history, world):
    """What the oracle says of what is mined."""
    mined, settled = mined_of(world)
    seen = [one for one in history.seen if one.day in mined]
    rows = {one: {name for name in ("1001", "1002") if (one, name) not in history.idle} for one in mined}
    for one in seen:
        rows[one.day].add(one.workspace)
    return current(seen, rows, settled, VIEWS, STALE)


def told(world):
    """What the ledger says: edges with the number of their column pairs."""
    return {
        (one["workspace_id"], one["process_id"], one["source"], one["target"]): one["column_pairs"]
        for one in world.edges(stale_days=STALE)
        if one["target"] in TARGETS
    }


@settings(max_examples=12, report_multiple_bugs=False, phases=NO_SHRINK, deadline=None)
@given(history=histories())
def test_retirement_follows_its_rules(history):
    """After every run the current edges and their columns are those that the rules leave, found out step by step or at once."""
    with worlds(1) as (world,):
        world.now = noon(FIRST)
        for (first, last, done), rules in zip(history.steps, history.rules, strict=True):
            world.now = max(world.now, noon(done))
            tables = tables_of(history, last)
            tables.shows = Span(first, last)
            world.mine(tables, settle_days=SETTLE, rules=rules, allow_shrink=True, allow_empty=True)
            make_view(world)
            wanted = expected(history, world)
            assert told(world) == {key: len(pairs) for key, pairs in wanted.items()}
        stepwise = world.sql("SELECT edge_id, set_id FROM edge_retired ORDER BY 1, 2")
        world.alter("DELETE FROM retirement")
        retirement.retire(world.ledger, Limits(STALE))
        assert told(world) == {key: len(pairs) for key, pairs in wanted.items()}
        again = world.sql("SELECT edge_id, set_id FROM edge_retired ORDER BY 1, 2")
        assert set(again) <= set(stepwise)


def make_view(world):
    """Have the ledger know what is a view: the usage stream may have told before or not."""
    world.alter("UPDATE dataset SET type = 'VIEW' WHERE name = 'view'")
