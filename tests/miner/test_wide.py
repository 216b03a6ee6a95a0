"""Column mappings that are too long for one process: what carries them follows the ledger as the process itself does."""

import json
from dataclasses import replace

import pytest

from miner.ledger.retirement import Limits
from sinks.purview.client import PurviewSink
from sinks.purview.options import DEFAULT, MARK
from sinks.purview.pace import Pace
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day
from tests.rows import METASTORE, columns, lineage
from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering

TABLES = f"databricks://{METASTORE}/catalogs/c/schemas/s/tables"
OPTIONS = replace(DEFAULT, max_attribute_bytes=1_000, process_types="own", max_entities=1, workers=1)


@pytest.fixture
def atlas():
    """A catalog that has the tables."""
    with answering() as catalog:
        for name in "abx":
            catalog.scanned("databricks_table", f"{TABLES}/{name}")
        yield catalog
    assert catalog.unknown == []


@pytest.fixture
def connected(atlas, tmp_path):
    """A ledger over a sink to the catalog, with other options each time if need be."""
    made = []

    def connect(options=OPTIONS):
        sink = PurviewSink(atlas.endpoint, (USER, PASSWORD), options, pace=Pace(1e9))
        if made:
            made[0].sink.close()
            made[0].sink = sink
        else:
            made.append(World(tmp_path, sink=sink))
        return made[0]

    yield connect
    for world in made:
        world.sink.close()
        world.throw_away()


def estate(pairs, more=()):
    """A query that writes `x` from `a` with so many column pairs, and from `b` with one."""
    edge = {"query": "q", "day": day(0)}
    table = [lineage("c.s.a", "c.s.x", **edge), lineage("c.s.b", "c.s.x", **edge), *more]
    told = [columns("c.s.a", "c.s.x", f"column_{n}", f"column_{n}", **edge) for n in range(pairs)]
    return FakeTables(*table, column_lineage=[*told, columns("c.s.b", "c.s.x", "k", "k", **edge)])


def processes(atlas):
    """Attributes of our processes by what comes behind the name of the flow's own."""
    found = {name: one["attributes"] for (kind, name), one in atlas.entities.items() if kind == "uc_miner_process"}
    own = min(found, key=len, default="")
    return {name.removeprefix(own): one for name, one in found.items()}


def shown(atlas):
    """The column pairs of all processes."""
    return sorted(
        pair["Source"]
        for one in processes(atlas).values()
        for part in json.loads(one["columnMapping"])
        for pair in part["ColumnMapping"]
    )


def test_nothing_is_lost(connected, atlas):
    """Every pair arrives, over several processes below one runnable; sent again nothing changes."""
    world = connected()
    world.mine(estate(40))
    changes = world.emit()
    assert changes.rejected == {}
    assert changes.created["columns"] > 1
    assert list(processes(atlas)) == [f"/columns-{n + 2}" for n in range(changes.created["columns"])] + [""]
    assert shown(atlas) == sorted([f"column_{n}" for n in range(40)] + ["k"])
    assert all(len(one["columnMapping"].encode()) <= 1_000 for one in processes(atlas).values())
    assert {len(one["inputs"]) for name, one in processes(atlas).items() if not name} == {2}
    assert world.emit().sent == 0
    assert world.emitter().verify(10).wrong == ()


@pytest.mark.parametrize("removed", ["delete", "mark"])
def test_parts_that_are_needed_no_more_go(connected, atlas, removed):
    """With fewer pairs there are fewer processes; those that carried the rest are deleted, though others are marked."""
    world = connected(replace(OPTIONS, removed=removed))
    world.mine(estate(40))
    world.emit()
    before = world.sql("SELECT count(*) FROM emission WHERE kind = 'columns'")[0][0]
    world.mine(estate(8), rules="other")
    changes = world.emit()
    assert 0 < len(changes.orphans["columns"]) <= before
    assert not changes.orphans["process"]
    assert shown(atlas) == sorted([f"column_{n}" for n in range(8)] + ["k"])
    assert len(processes(atlas)) == 1 + before - len(changes.orphans["columns"])
    assert world.emit().sent == 0


def test_a_flow_that_goes_takes_its_parts_along(connected, atlas):
    """A process without edges goes with all that carried its columns; marked, it alone stays."""
    world = connected(replace(OPTIONS, removed=MARK))
    world.mine(estate(40))
    world.emit()
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", query="o", day=day(0))), rules="other", allow_shrink=True)
    changes = replace(world.emitter(), limits=Limits(), max_removals=100).emit()
    assert len(changes.orphans["process"]) == 1
    assert changes.orphans["columns"]
    left = [one for name, one in processes(atlas).items() if one["name"].startswith("(retired)")]
    assert len(left) == 1
    assert not [name for name in processes(atlas) if "/columns-" in name]


def test_held_back_parts_are_not_forgotten(connected, atlas):
    """While removals are held back those of parts are too; the next emission that may remove still knows them."""
    world = connected()
    other = lineage("c.s.a", "c.s.b", query="o", day=day(0))
    world.mine(estate(40, [other]))
    world.emit()
    world.mine(estate(8), rules="other", allow_shrink=True)
    held = replace(world.emitter(), max_removals=0).emit()
    assert held.held_back == 1
    assert len(shown(atlas)) > 9
    changes = world.emit()
    assert changes.orphans["columns"]
    assert shown(atlas) == sorted([f"column_{n}" for n in range(8)] + ["k"])


def test_a_flow_is_done_only_with_all_its_parts(connected, atlas):
    """An emission that is stopped between two parts is finished by the next one."""
    world = connected()
    world.mine(estate(40))
    asked = iter([False, False, True])
    stopped = world.emitter().emit(stopping=lambda: next(asked))
    assert stopped.unfinished
    assert all("/columns-" in one["qualifiedName"] for one in processes(atlas).values())
    connected().emit()
    assert shown(atlas) == sorted([f"column_{n}" for n in range(40)] + ["k"])


def test_a_part_that_is_refused_is_tried_again(connected, atlas):
    """The other parts arrive, the refused one is counted, and sent by the next emission."""
    world = connected()
    world.mine(estate(40))
    atlas.refuses = b"columns-2"
    changes = world.emit()
    assert changes.rejected.total() == 1
    assert "" in processes(atlas)
    atlas.refuses = b""
    world.emit()
    assert shown(atlas) == sorted([f"column_{n}" for n in range(40)] + ["k"])
