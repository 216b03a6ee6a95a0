"""Too many processes at one dataset become one summary, and single ones again, edge by edge the same lineage."""

from dataclasses import replace

from miner.drawn import EVERYTHING, Drawing
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import lineage

FIVE = Drawing(most_processes=5)


def into(target, *numbers, source="c.s.src", on=0):
    """Queries that write one table, each from a table of its own."""
    return [lineage(f"{source}{one}", target, query=f"w{one}", day=day(on)) for one in numbers]


def out_of(source, *numbers, on=0):
    """Queries that each make a table of one."""
    return [lineage(source, f"c.s.made{one}", query=f"r{one}", day=day(on)) for one in numbers]


def emitter(world, drawing=FIVE):
    return replace(world.emitter(), drawing=drawing)


def drawn(world):
    """Every edge of the sink as source and target, and how many entities draw it."""
    found = {}
    for name, body in world.sink.told().items():
        for source in body["inputs"]:
            edge = (source, name.split("/", 4)[4].partition(":")[2])
            found[edge] = found.get(edge, 0) + 1
    for body in world.sink.told("summary").values():
        for edge in map(tuple, body["pairs"]):
            found[edge] = found.get(edge, 0) + 1
    return found


def known(world):
    return {(row["source"], row["target"]): 1 for row in world.edges()}


def test_many_writers(world):
    """More writers of one table than are to be drawn become one summary with all their sources; five stay five."""
    world.mine(FakeTables(*into("c.s.log", *range(6)), *into("c.s.quiet", *range(5))))
    changes = emitter(world).emit()
    assert set(world.sink.told("summary")) == {"written/c.s.log"}
    assert (changes.summarised, changes.created["process"], changes.created["summary"]) == (6, 5, 1)
    assert drawn(world) == known(world)


def test_many_readers(world):
    """A table that many read leaves their entities, which keep what else they read; without anything else they go."""
    both = lineage("c.s.other", "c.s.made0", query="r0", day=day(0))
    world.mine(FakeTables(*out_of("c.s.dim", *range(6)), both))
    emitter(world).emit()
    assert set(world.sink.told("summary")) == {"read/c.s.dim"}
    ((name, body),) = world.sink.told().items()
    assert (name.rpartition(":")[2], set(body["inputs"])) == ("c.s.made0", {"c.s.other"})
    assert drawn(world) == known(world)


def test_both_ends(world):
    """An edge between two such tables is drawn once, by the summary of its target."""
    rows = [lineage("c.s.dim", "c.s.log", query=f"q{one}") for one in range(6)]
    world.mine(FakeTables(*rows, *out_of("c.s.dim", *range(6))))
    emitter(world).emit()
    assert drawn(world) == known(world)
    assert world.sink.told("summary")["written/c.s.log"]["pairs"] == [["c.s.dim", "c.s.log"]]


def test_nothing_is_done_twice(world):
    """A second emission builds nothing; one more writer builds the summary it belongs to, and nothing else."""
    world.now = noon(day(1))
    rows = [*into("c.s.log", *range(8)), *out_of("c.s.dim", *range(8)), *into("c.s.quiet", 1)]
    world.mine(FakeTables(*rows))
    emitter(world).emit()
    world.sink.flows.clear()
    assert (emitter(world).emit().sent, world.sink.flows) == (0, [])
    world.mine(FakeTables(*rows, *into("c.s.log", 9, on=1)))
    changes = emitter(world).emit()
    assert (dict(changes.changed).get("summary"), changes.created["process"]) == (1, 0)
    assert {row["target_name"] for row in world.sink.flows} == {"log"}
    assert drawn(world) == known(world)


def test_it_comes_and_goes_with_some_room(world):
    """What became a summary stays one while more than four fifths are left, and then becomes single ones again."""
    world.now = noon(day(1))
    ten = replace(emitter(world), drawing=Drawing(most_processes=10))
    kept = lineage("c.s.x", "c.s.y", query="k", day=day(0))
    for number, summaries in ((10, 0), (11, 1), (9, 1), (8, 0), (10, 0)):
        world.mine(FakeTables(kept, *into("c.s.log", *range(number)), *out_of("c.s.dim", *range(number))))
        assert ten.plan().created["summary"] == 2 * summaries * (number == 11)
        ten.emit()
        assert len(world.sink.told("summary")) == 2 * summaries, number
        assert drawn(world) == known(world)
    world.sink.flows.clear()
    assert (ten.emit().sent, world.sink.flows) == (0, [])


def test_the_setting_changes_what_is_drawn(world):
    """Another number, or none, draws everything as it says in the next run."""
    world.mine(FakeTables(*into("c.s.log", *range(6)), *out_of("c.s.dim", *range(8))))
    for number, summaries in ((0, 0), (5, 2), (7, 2), (8, 1), (0, 0)):
        emitter(world, Drawing(most_processes=number)).emit()
        assert len(world.sink.told("summary")) == summaries, number
        assert drawn(world) == known(world)
    assert world.sql("SELECT * FROM summary") == []


def test_a_summary_is_no_loss(world):
    """Processes that a summary takes over go, however few may be removed; one that is lost beside them holds all back."""
    careful = replace(emitter(world), max_removals=0)
    world.mine(FakeTables(*out_of("c.s.dim", *range(5)), lineage("c.s.x", "c.s.y", query="x", day=day(0))))
    assert careful.emit().created["process"] == 6
    world.mine(FakeTables(*out_of("c.s.dim", 5, on=1)), start=day(1))
    changes = careful.emit()
    assert (changes.held_back, len(changes.orphans["process"]), changes.created["summary"]) == (0, 5, 1)
    assert drawn(world) == known(world)
    lost = replace(careful, drawing=replace(FIVE, sandboxes=("c.s",)))
    assert lost.plan().held_back == 1


def test_what_is_left_out_is_in_no_summary(world):
    """Kinds, sandboxes and what waits are in no summary, and what is not drawn by kind does not count for one."""
    rows = [*into("c.s.log", *range(6)), lineage("c.s.p", "c.s.log", notebook="n", created_by="ann@x.org")]
    rows += [
        lineage("c.dev.a", "c.s.log", query="w1"),
        *[lineage("c.s.d", "c.s.few", pipeline=f"p{one}") for one in range(9)],
    ]
    world.mine(FakeTables(*rows))
    emitter(world, replace(FIVE, people_days=3, sandboxes=("dev",), kinds=("query", "notebook"))).emit()
    ((_, body),) = world.sink.told("summary").items()
    assert [source for source, _ in body["pairs"]] == [f"c.s.src{one}" for one in range(6)]


def test_consumers_stay_single(world):
    """Every dashboard of a table is an answer by itself: consumers are in no summary, and do not count for one."""
    world.mine(
        FakeTables(*[lineage("c.s.dim", None, dashboard=f"d{one}") for one in range(9)], *out_of("c.s.dim", *range(6)))
    )
    emitter(world).emit()
    assert len(world.sink.told()) == 9
    assert len(world.sink.told("summary")["read/c.s.dim"]["pairs"]) == 6
    emitter(world, EVERYTHING).emit()
    assert drawn(world) == known(world)


def test_other_names_of_a_table(world):
    """What writes a table by its path writes the table: it counts, and is in its summary."""
    path = "s3://bucket/log"
    rows = [*into("c.s.log", *range(4)), *into(path, 5, 6), lineage(None, "c.s.log") | {"target_path": path}]
    world.mine(FakeTables(*rows))
    emitter(world).emit()
    assert len(world.sink.told("summary")["written/c.s.log"]["pairs"]) == 6
    assert world.sink.told() == {}


def test_what_is_read_back_is_as_it_was_sent(world):
    """Reading entities back builds them as they were sent: without what a summary draws."""
    both = lineage("c.s.other", "c.s.made0", query="r0", day=day(0))
    world.mine(FakeTables(*out_of("c.s.dim", *range(6)), both))
    emitter(world).emit()
    verified = emitter(world).verify(100)
    assert (verified.processes, verified.wrong) == (1, ())
    assert drawn(world) == known(world)


def test_summaries_are_read_back(world):
    """A summary that somebody removed is found and sent again; one that is to be sent otherwise is left to the next one."""
    table = into("c.s.log", *range(8))
    world.mine(FakeTables(*table))
    emitter(world).emit()
    right = dict(world.sink.held)
    verified = emitter(world).verify(10)
    assert (verified.wrong, verified.chosen["summary"], verified.entities) == ((), 1, 1)
    del world.sink.held["written/c.s.log"]
    assert emitter(world).verify(10).wrong == ("written/c.s.log",)
    assert world.sink.held == right
    world.now = noon(day(1))
    world.mine(FakeTables(*table, *into("c.s.log", 9, on=1)))
    world.sink.log.clear()
    assert (emitter(world).verify(10).entities, world.sink.sent) == (0, [])
    assert emitter(world).emit().changed["summary"] == 1
