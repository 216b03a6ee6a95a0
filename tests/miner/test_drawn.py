"""What is drawn of what is mined: limits of the settings, worked out over whole sets, counted, and taken back."""

from dataclasses import replace

import pytest

from miner.drawn import CONSUMER, KIND, PEOPLE, SANDBOX, Drawing
from miner.matching import Matcher
from tests.miner.fakes import FakeSink, FakeTables
from tests.miner.world import day, noon
from tests.rows import WORKSPACE, lineage

ANN, ROBOT = "ann@x.org", "0a1b2c3d-0000-4444-8888-0123456789ab"
FEW = Drawing(people_days=3)


def limited(world, **limits):
    """The world's emitter under some drawing."""
    return replace(world.emitter(), drawing=Drawing(**limits))


def targets(world):
    """What the processes write into that are there."""
    return sorted(name.rpartition(":")[2] for name in world.sink.told())


def by_hand(*days, target="c.s.b", by=ANN, **given):
    """A notebook's edge on some days, run by a person."""
    return [lineage("c.s.a", target, day=day(one), created_by=by, **({"notebook": "n"} | given)) for one in days]


def dirty(world):
    return world.sql("SELECT count(*) FROM dirty_flow")[0][0]


def test_consumers_are_edges(world):
    """A dashboard that reads a table is an edge of the ledger, and a process of the sink, without any asset of it."""
    world.sink = FakeSink(naming="1")
    world.sink.assets = {"c.s.a": "a", "c.s.b": "b"}
    world.mine(FakeTables(*[lineage(f"c.s.{name}", None, dashboard="d1") for name in "abx"]))
    consumer = f"uc-miner://{WORKSPACE}/dashboard/d1"
    assert {(row["source"], row["target_kind"], row["target"]) for row in world.edges()} == {
        (f"c.s.{name}", "consumer", consumer) for name in "abx"
    }
    world.emit()
    ((name, body),) = world.sink.told().items()
    assert (name.endswith(f"/consumer:{consumer}"), set(body["inputs"])) == (True, {"a", "b"})
    assert set(world.sink.looked_up) == {"c.s.a", "c.s.b", "c.s.x"}


def test_consumers_are_no_datasets_with_usage(world):
    """Consumers change no figure: what they read has the figures it had, and they have none."""
    world.mine(FakeTables(lineage("c.s.a", None, dashboard="d1", created_by=ANN)))
    world.emit()
    assert {name.rpartition("/")[2] for name in world.sink.told("usage")} == {"c.s.a"}


def test_kinds(world):
    """Only kinds that the settings name are drawn, of consumers those that they name too; the rest is counted."""
    ids = {"query": "q", "job": "j", "dashboard": "d", "genie": "g"}
    rows = [lineage("c.s.a", f"c.s.{kind}", day=day(on), **{kind: name}) for kind, name in ids.items() for on in (0, 1)]
    world.mine(FakeTables(*rows, *[lineage("c.s.a", None, **{kind: "r"}) for kind in ("dashboard", "genie", "alert")]))
    some = limited(world, kinds=("*", "!query"), consumers=("dashboard",))
    assert dict(some.plan().unmatched) == {KIND: 1, CONSUMER: 2}
    assert "query q → c.s.query" in some.plan().examples[KIND]
    some.emit()
    assert targets(world) == ["//1001/dashboard/r", "c.s.dashboard", "c.s.genie", "c.s.job"]
    assert limited(world, kinds=()).plan().unmatched[KIND] == 7


def test_what_is_not_drawn_is_not_looked_up(world):
    """The catalog is asked for nothing that no entity needs."""
    world.sink = FakeSink(naming="1")
    world.mine(
        FakeTables(
            lineage("c.s.a", "c.s.b", query="q"),
            lineage("c.dev.a", "c.s.d", pipeline="p"),
            lineage("c.s.x", "c.s.d", pipeline="p"),
        )
    )
    with world.ledger.reading() as connection:
        some = limited(world, kinds=("!query", "*"), sandboxes=("dev",))
        some._want(connection)
        Matcher(world.ledger, world.sink, some.ages, some.now).for_flows(connection)
    assert sorted(world.sink.looked_up) == ["c.s.d", "c.s.x"]


@pytest.mark.parametrize(
    ("glob", "drawn"), [("dev", ["c.s.mixed"]), ("c.de?", ["c.s.mixed"]), ("x.dev", ["c.dev.b", "c.s.b", "c.s.mixed"])]
)
def test_sandboxes(world, glob, drawn):
    """Nothing into a sandbox is drawn, nor what comes out of sandboxes alone; one among other sources is left out."""
    rows = [
        lineage("c.s.a", "c.dev.b"),
        lineage("c.dev.a", "c.s.b"),
        lineage("c.s.a", "c.s.mixed"),
        lineage("c.dev.a", "c.s.mixed"),
    ]
    world.mine(FakeTables(*[row | {"entity_metadata": None} for row in rows]))
    changes = limited(world, sandboxes=(glob,)).emit()
    assert targets(world) == drawn
    assert changes.unmatched[SANDBOX] == 3 - len(drawn)
    (mixed,) = (body for name, body in world.sink.told().items() if name.endswith("c.s.mixed"))
    assert set(mixed["inputs"]) == ({"c.s.a"} if len(drawn) == 1 else {"c.s.a", "c.dev.a"})


def test_people_wait_for_the_third_day(world):
    """What people run by hand is drawn once it was seen on three days of thirty, and counted until then."""
    world.now = noon(day(0))
    rows = by_hand(-40, -20, 0)
    world.mine(FakeTables(*rows))
    changes = replace(world.emitter(), drawing=FEW).emit()
    assert (targets(world), dict(changes.unmatched), changes.waiting) == ([], {PEOPLE: 1}, 0)
    world.now = noon(day(5))
    world.mine(FakeTables(*rows, *by_hand(5)))
    replace(world.emitter(), drawing=FEW).emit()
    assert targets(world) == ["c.s.b"]
    assert dirty(world) == 0


def test_days_of_the_run_are_days_of_the_flow(world):
    """The days of all edges of a flow count, each once, whatever source or month they are from."""
    world.now = noon(day(1))
    rows = [*by_hand(-15, -15), *by_hand(-5, -5), *[row | {"source_table_name": "z"} for row in by_hand(-5, -2)]]
    world.mine(FakeTables(*rows))
    assert replace(world.emitter(), drawing=replace(FEW, people_days=4)).plan().unmatched == {PEOPLE: 1}
    assert replace(world.emitter(), drawing=FEW).plan().created["process"] == 1


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ({"by": ROBOT}, True),
        ({"by": "System-User"}, True),
        ({"by": ANN}, False),
        ({"by": "analysts"}, False),
        ({"by": None}, False),
        ({"notebook": None}, False),
        ({"notebook": None, "by": ROBOT}, True),
        ({"notebook": None, "job": "j", "by": ANN}, True),
        ({"notebook": None, "query": "q", "by": ANN}, True),
    ],
)
def test_who_waits(world, given, drawn):
    """Notebooks and ad hoc statements wait unless a service principal is known to have run them; other kinds do not."""
    world.mine(FakeTables(*by_hand(0, 1, **given)))
    replace(world.emitter(), drawing=FEW).emit()
    assert (targets(world) == ["c.s.b"]) is drawn


def test_one_run_by_a_machine_is_enough(world):
    """A notebook that is scheduled elsewhere and also run by hand does not wait; one of another target does."""
    world.mine(FakeTables(*by_hand(0), *by_hand(1, by=ROBOT), *by_hand(0, target="c.s.other")))
    replace(world.emitter(), drawing=FEW).emit()
    assert targets(world) == ["c.s.b"]


def test_waiting_builds_nothing(world):
    """Flows that wait are looked at again and never built; stale ones wait no longer."""
    world.now = noon(day(0))
    world.mine(FakeTables(*by_hand(0)))
    emitter = replace(world.emitter(), drawing=FEW)
    for _ in range(2):
        emitter.emit()
        assert (world.sink.flows, dirty(world)) == ([], 1)
    tables = FakeTables(*by_hand(0), *[lineage("c.s.a", "c.s.b", job="1", day=day(one)) for one in range(6)])
    world.now = noon(day(30))
    world.mine_days(tables, [day(one) for one in range(6)])
    replace(emitter, limits=emitter.limits._replace(stale_days=3)).emit()
    assert dirty(world) == 0


def test_other_limits_draw_and_take_back(world):
    """A setting that changes draws or takes back in the next run, under the guard of removals; then nothing is done."""
    world.now = noon(day(1))
    rows = [row for target in ("c.s.b", "c.s.d", "c.s.e") for row in by_hand(0, target=target)]
    world.mine(FakeTables(*rows, *by_hand(0, -1, -2, target="c.s.often")))
    world.emit()
    careful = replace(world.emitter(), drawing=FEW, max_removals=10)
    assert (careful.plan().held_back, len(targets(world))) == (3, 4)
    assert careful.emit().held_back == 3
    assert len(replace(careful, max_removals=100).emit().removed) == 3
    assert targets(world) == ["c.s.often"]
    world.now = noon(day(3))
    world.mine(FakeTables(*rows, *by_hand(0, -1, -2, target="c.s.often"), *by_hand(2, 3, target="c.s.b")))
    careful.emit()
    assert targets(world) == ["c.s.b", "c.s.often"]
    world.emit()
    assert len(targets(world)) == 4
    world.sink.flows.clear()
    assert (world.emit().sent, world.sink.flows) == (0, [])
