"""Datasets are looked up in a sink's catalog once, only where emission needs them, and again after a while."""

from datetime import timedelta

import pytest

from miner.changes import Changes
from miner.emission import Emitter
from miner.errors import SinkError
from miner.ledger import wanted
from miner.ledger.asset_index import LedgerIndex
from miner.ledger.matches import Ages
from miner.ledger.retirement import Limits
from miner.popularity import PopularityOptions
from miner.ports import IndexedAsset
from tests.miner.fakes import FakeSink, FakeTables
from tests.miner.test_aliases import NO_RUN_TYPES
from tests.miner.test_emission import dirty, edges, name_of, states
from tests.miner.world import World, day
from tests.rows import METASTORE, lineage

AGES = Ages(matched=timedelta(days=30), missing=timedelta(days=1))


@pytest.fixture
def world(tmp_path):
    """A world whose sink has a catalog."""
    made = World(tmp_path, sink=FakeSink(naming="names"))
    yield made
    made.throw_away()


def has(world, *names):
    """Put assets into the catalog, each under its dataset's name."""
    world.sink.assets |= {name: name for name in names}


def emit(world, ages=AGES):
    """Emit, and tell what was looked up by it, sorted."""
    world.sink.looked_up.clear()
    emitter = Emitter(world.ledger, world.sink, Limits(), PopularityOptions(windows=(1, 7)), lambda: world.now, ages)
    changes = emitter.emit()
    return changes, sorted(world.sink.looked_up)


def held(world):
    """What the ledger knows: dataset, state and asset."""
    return world.sql(
        "SELECT d.catalog || '.' || d.schema || '.' || d.name, m.state, m.qualified_name FROM asset_match m "
        "JOIN dataset d ON d.id = m.dataset_id ORDER BY 1"
    )


def held_states(world):
    """Dataset and state of what the ledger knows."""
    return [(name, state) for name, state, _ in held(world)]


def test_looked_up_once(world):
    """What emission needs is looked up once: by the next emission nothing, nor by one that builds other flows."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b", "c.s.gone")))
    changes, asked = emit(world)
    assert asked == ["c.s.a", "c.s.b", "c.s.gone"]
    assert changes.looked_up == {"matched": 2, "missing": 1}
    assert held(world) == [("c.s.a", "matched", "c.s.a"), ("c.s.b", "matched", "c.s.b"), ("c.s.gone", "missing", "")]
    has(world, "c.s.new")
    world.mine(FakeTables(*edges("c.s.b", "c.s.gone"), *edges("c.s.new", on=1)))
    assert emit(world)[1] == ["c.s.new"]
    assert emit(world)[1] == []


def test_an_unchanged_run_does_nothing(world):
    """With everything looked up, a second emission builds, looks up and sends nothing."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b"), lineage("c.s.b", None, day=day(0), created_by="a@x.org")))
    emit(world)
    world.sink.flows.clear()
    world.sink.log.clear()
    changes, asked = emit(world)
    assert (changes.sent, changes.looked_up, asked, world.sink.flows, world.sink.log) == (0, {}, [], [], [])


def test_what_emission_does_not_need(world):
    """Ends of waiting flows, and of edges that are stale, are not looked up for lineage."""
    world.mine_days(
        FakeTables(
            lineage("c.s.x", "c.s.y", job="7", day=day(4)),
            *edges("c.s.b"),
            *(row for at in range(1, 5) for row in edges("c.s.b", on=at, source="c.s.z")),
            absent=NO_RUN_TYPES,
        ),
        [day(at) for at in range(5)],
    )
    emitter = Emitter(world.ledger, world.sink, Limits(3), PopularityOptions(windows=(1,)), lambda: world.now, AGES)
    emitter._retire(Changes())
    with emitter._looked_up(Changes()):
        pass
    assert sorted(world.sink.looked_up) == ["c.s.b", "c.s.z"]


def test_missing_assets_appear(world):
    """A missing asset is looked up again after a day, and what waited for it is sent; earlier, nothing happens."""
    has(world, "c.s.a")
    world.mine(FakeTables(*edges("c.s.b")))
    changes, _ = emit(world)
    assert (changes.created["process"], dict(changes.unmatched)) == (0, {"no asset": 2})
    has(world, "c.s.b")
    world.now += timedelta(hours=23)
    assert emit(world)[1] == []
    world.now += timedelta(hours=2)
    changes, asked = emit(world)
    assert asked == ["c.s.b"]
    assert changes.created == {"process": 1, "usage": 1}
    assert states(world) == {name_of("c.s.b"): "sent"}
    assert dirty(world) == 0


def test_matched_assets_are_looked_up_again(world):
    """A matched asset is looked up again after its own age; one that is another asset now changes what refers to it."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b"), *edges("c.s.d", source="c.s.b")))
    emit(world)
    world.now += timedelta(days=29)
    has(world, "c.s.d")
    assert emit(world)[1] == ["c.s.d"]
    world.now += timedelta(days=1)
    assert emit(world)[1] == ["c.s.a", "c.s.b"]
    world.now += timedelta(days=30)
    world.sink.assets["c.s.a"] = "moved"
    world.sink.flows.clear()
    changes, _ = emit(world)
    assert {row["target_name"] for row in world.sink.flows} == {"b"}
    assert changes.changed["process"] == 1
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {"moved": []}
    assert "moved" in world.sink.told("usage")


def test_an_asset_that_is_gone(world):
    """When a target's asset is gone, its process goes as well; when a source's is gone, only that input does."""
    has(world, "c.s.a", "c.s.b", "c.s.z")
    world.mine(FakeTables(*edges("c.s.b"), *edges("c.s.b", source="c.s.z"), *edges("c.s.a", source="c.s.z")))
    emit(world)
    del world.sink.assets["c.s.a"]
    world.now += timedelta(days=30)
    changes, _ = emit(world)
    assert [name for _, name in changes.removed] == [name_of("c.s.a")]
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {"c.s.z": []}


def test_ambiguous(world):
    """Several assets for one dataset are none: it is counted, and not guessed."""
    has(world, "c.s.a")
    world.sink.assets["c.s.b"] = "several"
    world.mine(FakeTables(*edges("c.s.b")))
    changes, _ = emit(world)
    assert changes.looked_up == {"matched": 1, "ambiguous": 1}
    assert changes.created["process"] == 0
    assert held(world)[1] == ("c.s.b", "ambiguous", "")


def test_a_path_that_is_a_table(world):
    """The table that a path turned out to be is looked up, not the path; when it moves, the path's flows change."""
    path = "abfss://c@a.dfs.core.windows.net/t"
    has(world, "c.s.t", "c.s.b")
    row = lineage(None, "c.s.b", query="q", day=day(0)) | {"source_path": path}
    known = lineage("c.s.t", None, day=day(0)) | {"source_path": path}
    world.mine(FakeTables(row, known))
    assert emit(world)[1] == ["c.s.b", "c.s.t"]
    world.sink.assets["c.s.t"] = "moved"
    world.now += timedelta(days=30)
    assert emit(world)[0].changed["process"] == 1
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {"moved": []}


def test_other_names(world):
    """When names depend on other settings, everything that is built is looked up again."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b")))
    emit(world)
    world.sink.naming, world.sink.fingerprint = "others", "2"
    assert emit(world)[1] == ["c.s.a", "c.s.b"]


def test_a_failed_look_up_is_no_missing_asset(world):
    """When the catalog cannot be asked, emission fails; nothing is remembered as missing, nothing removed."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b")))
    emit(world)
    before = held(world)
    world.sink.away = True
    world.now += timedelta(days=31)
    with pytest.raises(SinkError):
        emit(world)
    assert held(world) == before
    assert set(world.sink.told()) == {name_of("c.s.b")}


def test_what_is_refused_is_looked_up_again(world):
    """When an entity is refused, an asset it refers to may be gone: its ends are looked up again before they are due."""
    has(world, "c.s.a", "c.s.b", "c.s.d", "c.s.z")
    world.mine(FakeTables(*edges("c.s.b"), *edges("c.s.d", source="c.s.z")))
    world.sink.refuses = {name_of("c.s.b"): "a reference is not there"}
    world.sink.before_send = lambda _batch: world.sink.assets.pop("c.s.b", None)
    changes, asked = emit(world)
    assert (changes.rejected.total(), changes.created["usage"]) == (1, 3)
    assert sorted(set(asked)) == ["c.s.a", "c.s.b", "c.s.d", "c.s.z"]
    changes, _ = emit(world)
    assert (changes.rejected.total(), changes.created["process"], dirty(world)) == (0, 0, 0)
    assert dict(held_states(world))["c.s.b"] == "missing"


def test_refused_figures_are_looked_up_again(world):
    """When figures are refused, their asset is looked up by the next emission."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b")))
    world.sink.refuses = {"c.s.b": "there is no such asset"}
    emit(world)
    assert emit(world)[1] == ["c.s.b"]


def test_a_plan_looks_up_as_well(world):
    """A plan tells what an emission would do with what the catalog holds, and the emission asks no more."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b", "c.s.gone")))
    planned = world.plan()
    assert planned.created == {"process": 1, "usage": 2}
    changes, asked = emit(world)
    assert asked == []
    assert (changes.created, changes.unmatched) == (planned.created, planned.unmatched)
    assert world.plan().sent == 0


def test_two_sinks(world):
    """What one catalog holds says nothing of another."""
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(*edges("c.s.b")))
    emit(world)
    world.sink = FakeSink("other", naming="names")
    assert emit(world)[1] == ["c.s.a", "c.s.b"]


def test_the_index(world):
    """An index is renewed when it is too old, as a whole, and serves in between; a renewal that fails changes nothing."""
    first, second = IndexedAsset("k1", "t", "q1"), IndexedAsset("k1", "t", "q2")
    index = LedgerIndex(world.ledger, "fake", timedelta(days=1), world.now)
    assert index.due
    index.renew([[first, second], [], [IndexedAsset("k2", "t", "q3")]])
    assert not index.due
    assert index.find(["k1", "k2", "k3"]) == {"k1": [first, second], "k2": [IndexedAsset("k2", "t", "q3")]}
    later = LedgerIndex(world.ledger, "fake", timedelta(days=1), world.now + timedelta(days=1))
    assert later.due

    def failing():
        yield [first]
        raise SinkError("away")

    with pytest.raises(SinkError):
        later.renew(failing())
    assert later.due
    assert index.find(["k1"]) == {"k1": [first, second]}
    later.renew([[first]])
    assert later.find(["k1", "k2"]) == {"k1": [first]}
    assert LedgerIndex(world.ledger, "other", timedelta(days=1), world.now).due


def test_usage_alone(world):
    """A dataset that is only read is looked up for its figures."""
    has(world, "c.s.read")
    world.mine(FakeTables(lineage("c.s.read", None, day=day(0), created_by="a@x.org")))
    changes, asked = emit(world)
    assert (asked, changes.created) == (["c.s.read"], {"usage": 1})
    assert list(world.sink.told("usage")) == ["c.s.read"]


def test_dump(world):
    """The dump tells what datasets were found to be, without the time."""
    has(world, "c.s.a")
    world.mine(FakeTables(*edges("c.s.b")))
    emit(world)
    lines = [line for line in world.dump() if line.startswith('{"what": "match"')]
    assert len(lines) == 2
    assert METASTORE in lines[0]


def test_columns_that_are_spelled_otherwise(world):
    """An asset whose columns are spelled otherwise than before has its flows built again; the ledger keeps them."""
    world.sink = FakeSink(naming="1")
    world.sink.assets = {"c.s.a": "a", "c.s.b": "b"}
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", query="q")))
    world.emit()
    assert world.sql("SELECT DISTINCT spelled_columns FROM asset_match") == [(None,)]
    world.sink.flows.clear()
    world.sink.columns = {"a": '["Id"]'}
    world.now += timedelta(days=31)
    world.emit()
    assert {row["source_name"] for row in world.sink.flows} == {"a"}
    held = world.sql("SELECT qualified_name, spelled_columns FROM asset_match ORDER BY qualified_name")
    assert held == [("a", '["Id"]'), ("b", None)]


def test_flows_are_laid_down_once(world, monkeypatch):
    """Where nothing is to be looked up, what is wanted is worked out once an emission; else once more behind it."""
    counted = []
    want = wanted.want
    monkeypatch.setattr("miner.ledger.wanted.want", lambda *given, **more: counted.append(1) or want(*given, **more))
    has(world, "c.s.a", "c.s.b")
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0))))
    assert world.emit().looked_up == {"matched": 2}
    assert len(counted) == 2
    counted.clear()
    assert world.emit().sent == 0
    assert len(counted) == 1
