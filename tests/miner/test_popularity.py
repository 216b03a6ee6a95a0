"""Popularity windows against the oracle, and the rules that design section 5 gives them."""

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.popularity import COLUMNS, PopularityOptions, popularity
from tests import oracle
from tests.miner.estates import NO_SHRINK
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon, worlds
from tests.oracle.scope import matching
from tests.queries.given import expected_usage
from tests.rows import at, lineage, statement

MACHINES = {"job", "pipeline", "alert"}
DAYS = [day(offset) for offset in range(-6, 1)]
PERSON, PRINCIPAL = "ann@x.org", "0a1b2c3d-0000-4444-8888-0123456789ab"


@st.composite
def reads(draw):
    """A row of a small estate: a read, a write or both, by somebody, in some way."""
    one = draw(st.sampled_from(DAYS))
    return lineage(
        draw(st.sampled_from(("c.s.a", "c.s.b", "c.s.d", "c.s.e", None))),
        draw(st.sampled_from(("c.s.a", "c.s.f", None, None, None))),
        **draw(st.sampled_from(({}, {"job": "1"}, {"query": "q"}, {"dashboard": "d"}, {"pipeline": "p"}))),
        day=one,
        event_time=at(one, draw(st.integers(0, 23))),
        created_by=draw(st.sampled_from((None, PERSON, "bob@x.org", "svc-etl@x.org", PRINCIPAL, "System-User"))),
        direct_access=draw(st.sampled_from((True, None, False))),
        statement_id=draw(st.sampled_from((None, None, "st1", "st2"))),
        entity_run_id=draw(st.sampled_from((None, "r1", "r2"))),
    )


def told(world, **options):
    """Popularity by dataset and window."""
    frame = popularity(world.ledger, PopularityOptions(**options))
    assert list(frame.columns) == list(COLUMNS)
    return {(row.dataset, row.window_days): row for row in frame.itertuples()}


def chosen(name, include, exclude):
    """Whether a folded name counts: included, where anything is told to be, and not left out."""
    lists = ([glob.lower() for glob in globs] for globs in (include, exclude))
    included, left_out = (matching(name, globs) is not None for globs in lists)
    return (included or not include) and not left_out


def none(value):
    """None where pandas has no value."""
    return None if value is None or value != value else value  # noqa: PLR0124 -- not a number, not a time


@settings(max_examples=10, report_multiple_bugs=False, phases=NO_SHRINK)
@given(
    rows=st.lists(reads(), min_size=1, max_size=50),
    mined=st.sets(st.sampled_from(DAYS)).map(sorted),
    failed=st.booleans(),
    users=st.sampled_from(
        (
            ((), ()),
            ((), ("svc-*",)),
            ((), ("ANN@X.ORG", "0a1b*")),
            (("*@X.org", "system-*"), ("svc-*",)),
            (("*",), ("bob@*",)),
        )
    ),
    kinds=st.sampled_from(
        (((), ()), ((), ("job",)), ((), ("pipeline", "dashboard")), (("job", "ad_*"), ()), (("*o*",), ("job",)))
    ),
)
def test_against_the_oracle(rows, mined, failed, users, kinds):
    """Every figure of every window is that of a row-at-a-time reading: who counts, unmined days, trends and bands."""
    history = (
        [statement("st1", executed_by="bob@x.org", execution_status="FAILED", start_time=at(DAYS[3]))] if failed else []
    )
    days = sorted({*mined, DAYS[-1]})
    daily = {one: expected_usage(one, rows, history) for one in days}

    def counts(use):
        return chosen(use.reader, *users) and chosen(use.kind, *kinds)

    with worlds(1) as (world,):
        world.mine_days(FakeTables(*rows, query_history=history), days, streams=("usage",))
        found = told(
            world,
            windows=(1, 2, 3),
            include_users=users[0],
            exclude_users=users[1],
            include_process_kinds=kinds[0],
            exclude_process_kinds=kinds[1],
        )
    used = set()
    for length in (1, 2, 3):
        every = oracle.popularity(daily, DAYS[-1], length)
        counted = oracle.popularity(daily, DAYS[-1], length, counts)
        by_hand = oracle.popularity(daily, DAYS[-1], length, lambda use: counts(use) and use.kind not in MACHINES)
        by_machine = oracle.popularity(
            daily, DAYS[-1], length, lambda use: counts(use) and (use.kind in MACHINES or "@" not in use.reader)
        )
        for (_, name), whole in every.items():
            used.add((name.spelled, length))
            row = found[name.spelled, length]
            one = next((figures for (_, other), figures in counted.items() if other == name), None)
            hand = next((figures for (_, other), figures in by_hand.items() if other == name), None)
            machine = next((figures for (_, other), figures in by_machine.items() if other == name), None)
            assert row.machines == (machine.readers if machine else 0)
            window = [DAYS[-1] - timedelta(days=back) for back in range(length)]
            uses = [item for one in window for item in daily.get(one, {}).items()]
            ran = [
                figures
                for use, figures in uses
                if use.dataset == name and counts(use)
                if use.kind in MACHINES or (use.reader and "@" not in use.reader)
            ]
            assert (row.machine_reads, row.machine_runs) == (sum(f.reads for f in ran), sum(f.runs for f in ran))
            assert (row.writes, row.partial_days) == (whole.writes, whole.partial_days)
            assert row.partial == (whole.partial_days > 0)
            assert row.people == (hand.people if hand else 0)
            if one is None:
                assert (row.reads, row.readers, row.score, row.band, row.indirect_reads) == (0, 0, 0, 0, 0)
                continue
            assert (row.reads, row.readers, row.indirect_reads) == (one.reads, one.readers, one.indirect_reads)
            assert (row.score, row.band) == (pytest.approx(one.score), one.band)
            assert none(row.trend) == (None if one.trend is None else pytest.approx(one.trend))
            assert none(row.last_read) == one.last_read
    for key in found.keys() - used:
        row = found[key]
        assert (row.reads, row.writes, row.readers, row.people, row.band, none(row.last_read)) == (0, 0, 0, 0, 0, None)


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
