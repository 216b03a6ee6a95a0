"""How far lineage goes, and who is at its end."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from miner.ledger import wanted
from miner.ledger.audience import audience
from miner.ledger.walk import DOWN, UP, datasets_named, walk
from tests.miner.fakes import FakeTables
from tests.miner.world import day, worlds
from tests.rows import columns, lineage

PATH = "s3://bucket/a"
FEW = ("c.s.a", "c.s.b", "c.s.c", "c.s.d", "c.s.e")


def edge(source, target, query="q", **more):
    return lineage(source, target, query=query, **{"day": day(0)} | more)


def way(world, name, ends=DOWN, depth=100, most=1000):
    """The walk from a name."""
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        start = datasets_named(connection, (name,) if "/" in name else name.split("."))
        return walk(connection, start, ends, depth, most)


def steps(found):
    return {row["dataset"]: row["depth"] for row in found.datasets.to_pylist()}


def crossed(found):
    return {(row["source"], row["target"]) for row in found.edges.to_pylist()}


def test_steps_down_and_up(world):
    """Each dataset comes with the least number of edges to it, in rings too; edges are those on the way."""
    world.mine(FakeTables(edge("c.s.a", "c.s.b"), edge("c.s.b", "c.s.c"), edge("c.s.a", "c.s.c"),
                          edge("c.s.c", "c.s.a"), edge("c.s.x", "c.s.y")))  # fmt: skip
    assert steps(way(world, "c.s.a")) == {"c.s.a": 0, "c.s.b": 1, "c.s.c": 1}
    assert steps(way(world, "c.s.c", UP)) == {"c.s.c": 0, "c.s.a": 1, "c.s.b": 1}
    assert crossed(way(world, "c.s.x")) == {("c.s.x", "c.s.y")}
    assert crossed(way(world, "c.s.x", UP)) == set()


def test_how_far(world):
    """A walk ends after its steps, or once it has reached enough, and tells whether lineage goes on."""
    world.mine(FakeTables(edge("c.s.a", "c.s.b"), edge("c.s.b", "c.s.c"), edge("c.s.c", "c.s.d")))
    near = way(world, "c.s.a", depth=2)
    assert (steps(near), near.more) == ({"c.s.a": 0, "c.s.b": 1, "c.s.c": 2}, True)
    assert crossed(near) == {("c.s.a", "c.s.b"), ("c.s.b", "c.s.c")}
    assert not way(world, "c.s.a", depth=3).more
    few = way(world, "c.s.a", most=1)
    assert (steps(few), few.more) == ({"c.s.a": 0, "c.s.b": 1}, True)


def test_aliases_and_names(world):
    """A path that is a table stands for it wherever the walk comes by; names are found in any case."""
    located = lineage("c.s.a", None, day=day(0)) | {"source_path": PATH}
    world.mine(FakeTables(edge("c.s.z", PATH), edge("c.s.a", "c.s.b"), edge(PATH, "c.s.c"), located))
    assert steps(way(world, "c.s.z")) == {"c.s.z": 0, "c.s.a": 1, "c.s.b": 2, "c.s.c": 2}
    assert steps(way(world, PATH)) == steps(way(world, "C.S.A")) == {"c.s.a": 0, "c.s.b": 1, "c.s.c": 1}
    assert steps(way(world, "c.s.nobody")) == {}


def test_indirect_edges_are_no_way(world):
    """What is read through a view alone is not gone along; column pairs come with what is."""
    world.mine(
        FakeTables(edge("c.s.a", "c.s.b", direct_access=False), edge("c.s.b", "c.s.c"),
                   column_lineage=[columns("c.s.b", "c.s.c", "x", "y", query="q", day=day(0))])
    )  # fmt: skip
    assert steps(way(world, "c.s.a")) == {"c.s.a": 0}
    (told,) = way(world, "c.s.b").edges.to_pylist()
    assert json.loads(told["pairs"]) == [["x", "y"]]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FEW), st.sampled_from(FEW)), min_size=1, max_size=10), st.sampled_from(FEW))
def test_any_graph(edges, start):
    """In any graph, what is reached and how soon is what breadth-first search over its edges finds."""
    expected, ring = {}, {start} & {name for one in edges for name in one if one[0] != one[1]}
    while ring:
        expected |= dict.fromkeys(ring, max(expected.values(), default=-1) + 1)
        ring = {target for source, target in edges if source in ring and target not in expected}
    with worlds() as (world,):
        world.mine(FakeTables(*(edge(*one) for one in edges)))
        found = steps(way(world, start))
    assert {name: step for name, step in found.items() if name in expected} == expected
    assert found.keys() - expected.keys() <= {start}


def test_audience(world):
    """Who reads what was walked to, in the days asked for: people told from machines, indirect reads beside reads."""
    world.mine(FakeTables(
        edge("c.s.a", "c.s.b"),
        lineage("c.s.b", None, created_by="Ann@x.org", day=day(0)),
        lineage("c.s.b", None, created_by="ann@x.org", day=day(-3)),
        lineage("c.s.b", None, created_by="ann@x.org", job="7", day=day(0)),
        lineage("c.s.b", None, created_by="bob@x.org", day=day(0), direct_access=False),
        lineage("c.s.x", None, created_by="eve@x.org", day=day(0)),
    ))  # fmt: skip
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        walk(connection, datasets_named(connection, ("c", "s", "b")), DOWN, 1, 10)
        found = audience(connection, day(-1), day(0))
    assert {(one.reader, one.process_kind, one.person, one.reads, one.indirect_reads) for one in found} == {
        ("ann@x.org", "ad_hoc", True, 1, 0), ("ann@x.org", "job", False, 1, 0), ("bob@x.org", "ad_hoc", True, 0, 1),
    }  # fmt: skip
