"""What is sent is a function of the ledger, sent once, and only where it differs."""

from dataclasses import replace
from itertools import count

import pytest

from miner.errors import SinkError
from miner.ledger.leases import Leases
from miner.pipeline import Run
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import METASTORE, WORKSPACE, columns, lineage


def name_of(target, process="q", kind="query"):
    """The fake's name for a flow's entity."""
    return f"{METASTORE}/{WORKSPACE}/{kind}/{process}/table:{target}"


def edges(*targets, on=0, source="c.s.a", **given):
    """One edge to each target by one query."""
    return [lineage(source, target, query="q", day=day(on), **given) for target in targets]


def states(world):
    """What the ledger says of each process entity."""
    return dict(world.sql("SELECT qualified_name, state FROM emission WHERE kind = 'process'"))


def dirty(world):
    """How many flows are to be looked at."""
    ((number,),) = world.sql("SELECT count(*) FROM dirty_flow")
    return number


def test_an_entity_is_built_whole(world):
    """An entity has all current inputs, whatever month they are from, and each input the union of its columns."""
    edge = {"query": "q"}
    table = [
        *edges("c.s.b", on=-20), *edges("c.s.b", on=-19), *edges("c.s.b", on=0, source="c.s.z"),
    ]  # fmt: skip
    pairs = [
        columns("c.s.a", "c.s.b", "id", "key", day=day(-20), **edge),
        columns("c.s.a", "c.s.b", "v", "w", day=day(-19), **edge),
    ]
    world.mine(FakeTables(*table, column_lineage=pairs))
    world.emit()
    expected = {"c.s.a": [["id", "key"], ["v", "w"]], "c.s.z": []}
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == expected
    world.mine(FakeTables(*table, *edges("c.s.b", on=1, source="c.s.y"), column_lineage=pairs))
    changes = world.emit()
    assert (dict(changes.created).get("process"), changes.changed["process"]) == (None, 1)
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {**expected, "c.s.y": []}


def test_columns_meet_whatever_their_case(world):
    """One column in two spellings is one pair, spelled one way."""
    table = [*edges("c.s.b", on=0), *edges("c.s.b", on=1)]
    pairs = [
        columns("c.s.a", "c.s.b", name, "key", query="q", day=day(offset)) for offset, name in enumerate(("ID", "id"))
    ]
    world.mine(FakeTables(*table, column_lineage=pairs))
    world.emit()
    (pair,) = world.sink.told()[name_of("c.s.b")]["inputs"]["c.s.a"]
    assert [text.lower() for text in pair] == ["id", "key"]
    assert [row["column_pairs"] for row in world.edges()] == [1]


def test_a_second_emission_does_nothing(world):
    """An unchanged ledger builds no flow, sends nothing, not even type definitions."""
    world.mine(FakeTables(*edges("c.s.b", "c.s.d"), lineage("c.s.b", None, day=day(0), created_by="a@x.org")))
    first = world.emit()
    assert first.created == {"process": 2, "usage": 3}
    world.sink.flows.clear()
    world.sink.log.clear()
    second = world.emit()
    assert (second.sent, second.removed, second.operations, dict(second.unchanged)) == (0, [], 0, {})
    assert (world.sink.flows, world.sink.log) == ([], [])
    assert dirty(world) == 0


def test_mining_again_without_change_builds_nothing(world):
    """An unsettled day mined again as it was leaves nothing to look at."""
    world.now = noon(day(1))
    tables = FakeTables(*edges("c.s.b", "c.s.d"), *edges("c.s.b", on=1))
    world.mine(tables)
    world.emit()
    world.mine(tables)
    assert dirty(world) == 0
    world.sink.flows.clear()
    assert (world.emit().sent, world.sink.flows) == (0, [])


def test_one_new_edge_builds_its_flow_only(world):
    """Work grows with what changed: one new edge builds one flow, and an edge's next day none."""
    world.now = noon(day(3))
    rows = edges("c.s.b", "c.s.d", "c.s.e")
    world.mine(FakeTables(*rows))
    world.emit()
    world.sink.flows.clear()
    world.mine(FakeTables(*rows, *edges("c.s.b", "c.s.d", "c.s.e", on=1), *edges("c.s.d", on=1, source="c.s.new")))
    changes = world.emit()
    assert {row["target_name"] for row in world.sink.flows} == {"d"}
    assert (changes.changed["process"], changes.created["process"]) == (1, 0)


def test_a_flow_without_edges_is_removed(world):
    """A flow that lost all its edges is removed, a flow that lost one is changed; forgotten, it may come again."""
    world.now = noon(day(1))
    rows = [*edges("c.s.b", "c.s.d"), *edges("c.s.b", source="c.s.z")]
    world.mine(FakeTables(*rows))
    world.emit()
    world.mine(FakeTables(rows[0]))
    changes = world.emit()
    assert changes.removed == [("fake_process", name_of("c.s.d"))]
    assert set(world.sink.told()) == set(states(world)) == {name_of("c.s.b")}
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {"c.s.a": []}
    world.mine(FakeTables(*rows))
    assert world.emit().created["process"] == 1


def test_another_fingerprint_builds_everything(world):
    """Other options of the sink have every entity built; only what differs is sent."""
    world.mine(FakeTables(*edges("c.s.b", "c.s.d")))
    world.emit()
    world.sink.fingerprint = "2"
    world.sink.flows.clear()
    changes = world.emit()
    assert len(world.sink.flows) == 2
    assert (changes.unchanged["process"], changes.sent) == (2, 0)
    world.sink.flows.clear()
    assert (dict(world.emit().unchanged), world.sink.flows) == ({}, [])


@pytest.mark.parametrize("batch", [0, 1, 2, 3])
def test_a_sink_that_fails_in_the_middle(world, batch):
    """What arrived is 'sent', what may have is 'sending'; the next emission sends the rest, and nothing that arrived."""
    world.mine(FakeTables(*edges(*(f"c.s.t{place}" for place in range(6)))))
    world.sink.fails_at = batch
    with pytest.raises(SinkError):
        world.emit()
    arrived = set(world.sink.sent)
    assert len(arrived) == 2 * batch
    told = states(world)
    assert {name for name, state in told.items() if state == "sent"} == {name for name in arrived if "/query/" in name}
    assert list(told.values()).count("sending") == (2 if batch < 3 else 0)
    world.emit()
    assert set(states(world).values()) == {"sent"}
    assert len(world.sink.held) == 6 + 7
    assert sorted(world.sink.sent) == sorted(set(world.sink.sent))
    assert dirty(world) == 0


def test_sending_is_marked_before_and_sent_after(world):
    """While a batch is on its way the ledger says so: a crash then leaves a trace."""
    seen = []
    world.sink.before_send = lambda batch: seen.append((len(batch), sorted(states(world).values())))
    world.mine(FakeTables(*edges("c.s.b", "c.s.d", "c.s.e")))
    world.emit()
    assert seen[:2] == [(2, ["sending", "sending"]), (1, ["sending", "sent", "sent"])]
    assert set(states(world).values()) == {"sent"}


def test_what_was_being_sent_is_sent_again(world):
    """An entity marked as being sent has an unknown fate: it is sent again though it arrived."""
    world.mine(FakeTables(*edges("c.s.b")))
    mark = "miner.ledger.sent.mark_sent"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mark, _crash)
        with pytest.raises(KeyboardInterrupt):
            world.emit()
    assert states(world) == {name_of("c.s.b"): "sending"}
    world.emit()
    assert world.sink.sent.count(name_of("c.s.b")) == 2
    assert states(world) == {name_of("c.s.b"): "sent"}


def _crash(*_given):
    raise KeyboardInterrupt


def test_rejections(world):
    """A refused entity is recorded with the server's words, told, tried again, and cleared once it goes through."""
    world.mine(FakeTables(*edges("c.s.b", "c.s.d")))
    world.sink.refuses = {name_of("c.s.b"): "no such type"}
    changes = world.emit()
    assert dict(changes.rejected) == {"no such type": 1}
    assert world.sql("SELECT sink, qualified_name, reason FROM rejection") == [
        ("fake", name_of("c.s.b"), "no such type")
    ]
    assert states(world) == {name_of("c.s.d"): "sent"}
    world.sink.refuses = {name_of("c.s.b"): "still not"}
    assert dict(world.emit().rejected) == {"still not": 1}
    assert world.sql("SELECT reason FROM rejection") == [("still not",)]
    world.sink.refuses = {}
    changes = world.emit()
    assert (changes.rejected.total(), changes.created["process"]) == (0, 1)
    assert world.sql("SELECT * FROM rejection") == []
    assert set(world.sink.told()) == {name_of("c.s.b"), name_of("c.s.d")}


def test_refused_usage_is_tried_again(world):
    """Figures that were refused are sent again though nothing changed; those that arrived are not."""
    world.mine(FakeTables(*edges("c.s.b")))
    world.sink.refuses = {f"{METASTORE}/c.s.b": "busy"}
    world.emit()
    world.sink.refuses = {}
    world.sink.log.clear()
    assert world.emit().created == {"usage": 1}
    assert world.sink.sent == [f"{METASTORE}/c.s.b"]


def test_unmatched_is_told(world):
    """What has no entity is counted by reason, with an example; it is no failure."""
    world.mine(FakeTables(*edges("c.s.b", "s3://bucket/nowhere/1", "s3://bucket/nowhere/2")))
    changes = world.emit()
    assert dict(changes.unmatched) == {"no asset": 2}
    assert changes.examples["no asset"].startswith("s3://bucket/nowhere/")
    assert changes.created["process"] == 1


def test_a_mark_set_during_an_emission_is_not_lost(world):
    """Mining never waits for emission: a flow that changes while it is being sent is looked at next time."""
    rows = edges("c.s.b")
    world.mine(FakeTables(*rows))

    def mine_more(_batch):
        world.sink.before_send = lambda _batch: None
        world.mine(FakeTables(*rows, *edges("c.s.b", source="c.s.late", on=1)))

    world.sink.before_send = mine_more
    world.emit()
    assert world.sink.told()[name_of("c.s.b")]["inputs"] == {"c.s.a": []}
    assert dirty(world) == 1
    assert world.emit().changed["process"] == 1
    assert set(world.sink.told()[name_of("c.s.b")]["inputs"]) == {"c.s.a", "c.s.late"}


def test_usage_mined_during_an_emission_is_not_lost(world):
    """Figures that change while the old ones are being sent are sent next time."""
    rows = [lineage("c.s.a", None, day=day(0), created_by="ann@x.org")]
    world.mine(FakeTables(*rows))

    def mine_more(_batch):
        world.sink.before_send = lambda _batch: None
        world.mine(FakeTables(*rows, lineage("c.s.a", None, day=day(1), created_by="bob@x.org")))

    world.sink.before_send = mine_more
    world.emit()
    world.emit()
    assert world.sink.told("usage")[f"{METASTORE}/c.s.a"]["figures"]["7"][0] == 2


def test_most_removals(world):
    """More removals than a run may make are not made, and told by the plan too; the rest is; with leave they are made."""
    world.now = noon(day(1))
    names = [f"c.s.t{number}" for number in range(10)]
    world.mine(FakeTables(*edges(*names)))
    world.emit()
    world.mine(FakeTables(*edges(*names[:7], "c.s.new")))
    careful = replace(world.emitter(), max_removals=10)
    assert (careful.plan().held_back, careful.plan().removed) == (3, [])
    changes = careful.emit()
    assert (changes.held_back, changes.removed, changes.created["process"]) == (3, [], 1)
    assert len(world.sink.told()) == 11
    assert careful.emit().held_back == 3
    assert len(replace(careful, max_removals=30).emit().removed) == 3
    assert careful.emit().held_back == 0
    assert dirty(world) == 0


def test_a_run_that_held_removals_back_fails(world):
    """Removals held back are the run's failure, with what to do; what else it did stands."""
    world.now = noon(day(1))
    world.mine(FakeTables(*edges("c.s.b", "c.s.d")))
    world.emit()
    source = world.source(FakeTables(*edges("c.s.new")))
    careful = replace(world.emitter(), max_removals=0)
    outcome = Run(world.ledger, [source], careful, lambda: world.now, Leases(world.ledger)).go()
    assert (outcome.word, outcome.changes.created["process"]) == ("failed", 1)
    ((where, failure),) = outcome.failures
    assert (where, "--max-removals" in failure.mend) == ("sink fake", True)


def batches_of(number):
    """Ends sending after so many batches."""
    asked = count(1)
    return lambda: next(asked) >= number


def test_what_ran_out_of_time_goes_on(world):
    """An emission that ends in the middle keeps what it did: the next one builds and sends the rest alone, then usage."""
    world.mine(FakeTables(*edges("c.s.first")))
    world.emit()
    world.sink.log.clear()
    world.mine(FakeTables(*edges("c.s.first", *(f"c.s.t{place}" for place in range(6)))), rules="more")
    changes = world.emitter().emit(stopping=batches_of(2))
    assert (changes.unfinished, len(world.sink.sent)) == (True, 4)
    assert dirty(world) == 2
    assert len(world.sink.told("usage")) == 2
    world.sink.flows.clear()
    changes = world.emit()
    assert (changes.unfinished, changes.created["process"], len(world.sink.flows)) == (False, 2, 2)
    assert len(world.sink.told("usage")) == 8
    assert dirty(world) == 0
    assert sorted(world.sink.sent) == sorted(set(world.sink.sent))


def test_a_first_emission_that_ran_out_of_time_sends_the_rest(world):
    """Before everything was built once, everything is built again; what arrived is not sent again."""
    world.mine(FakeTables(*edges(*(f"c.s.t{place}" for place in range(6)))))
    assert world.emitter().emit(stopping=batches_of(2)).unfinished
    changes = world.emit()
    assert (changes.created["process"], changes.unchanged["process"]) == (2, 4)
    assert sorted(world.sink.sent) == sorted(set(world.sink.sent))


def test_new_edges_come_before_usage(world):
    """Whoever has little time sends lineage first."""
    world.mine(FakeTables(*edges("c.s.b", "c.s.d", "c.s.e")))
    world.emit()
    kinds = [world.sink.held[name].kind for name in world.sink.sent]
    assert kinds == ["process"] * 3 + ["usage"] * 4


def test_figures_that_moved_too_little_stay(world):
    """Figures are compared with those that were sent, not with yesterday's: small steps add up, and then they are sent."""
    world.sink.moves_by = 2
    told = [lineage("c.s.a", None, day=day(0), created_by="ann@x.org", statement_id=f"st{one}") for one in range(9)]
    sent_again = []
    for number in range(5, 10):
        world.mine(FakeTables(*told[:number]), rules=str(number))
        sent_again.append(world.emit().sent)
    assert sent_again == [1, 0, 1, 0, 1]


def test_planning_what_is_as_it_was_sent(world):
    """A plan that finds every entity as it was sent tells that, and nothing to do."""
    world.mine(FakeTables(*edges("c.s.b")))
    world.emit()
    world.alter("INSERT INTO dirty_flow SELECT process_id, target_dataset, 1 FROM edge")
    planned = world.plan()
    assert (dict(planned.unchanged), planned.sent, planned.removed) == ({"process": 1}, 0, [])


def test_verifying_reads_in_turn(world):
    """Each time those entities are read that come next by name, and again from the first; nothing right is sent."""
    world.mine(FakeTables(*edges(*(f"c.s.t{place}" for place in range(5)))))
    world.emit()
    world.sink.log.clear()
    looks = [world.emitter().verify(2) for _ in range(3)]
    assert [(one.processes, one.entities, one.wrong) for one in looks] == [(2, 2, ())] * 3
    read = [{name.rpartition(".")[2] for name in names} for what, *names in world.sink.log if what == "read"]
    assert read == [{"t0", "t1"}, {"t2", "t3"}, {"t4", "t0"}]
    assert world.sink.sent == []


def test_verifying_mends(world):
    """What the catalog holds otherwise than it should, or not at all, is sent again; the next look finds it right."""
    world.mine(FakeTables(*edges("c.s.b", "c.s.d", "c.s.e")))
    world.emit()
    right = dict(world.sink.held)
    del world.sink.held[name_of("c.s.b")]
    world.sink.held[name_of("c.s.d")] = right[name_of("c.s.d")]._replace(body=b'{"inputs": {}}')
    world.sink.log.clear()
    verified = world.emitter().verify(10)
    assert verified.wrong == (name_of("c.s.b"), name_of("c.s.d"))
    assert sorted(world.sink.sent) == sorted(verified.wrong)
    assert world.sink.held == right
    assert world.emitter().verify(10).wrong == ()
    assert set(states(world).values()) == {"sent"}


def test_verifying_leaves_the_queue_alone(world):
    """What is still to be sent or removed stays so: reading back is no emission."""
    world.now = noon(day(1))
    world.mine(FakeTables(*edges("c.s.b", "c.s.d")))
    world.emit()
    world.mine(FakeTables(*edges("c.s.b", "c.s.new")))
    before = dirty(world)
    assert world.emitter().verify(10).wrong == ()
    assert dirty(world) == before > 0
    changes = world.emit()
    assert (changes.created["process"], len(changes.removed)) == (1, 1)


def test_verifying_figures(world):
    """Figures that somebody changed are sent again as they were sent, in turn with the processes."""
    world.sink.moves_by = 2
    world.mine(FakeTables(*edges("c.s.b", statement_id="st")))
    world.emit()
    right = dict(world.sink.held)
    name = next(one for one, entity in right.items() if entity.kind == "usage")
    world.sink.held[name] = right[name]._replace(body=b"{}")
    verified = world.emitter().verify(10)
    assert (verified.wrong, dict(verified.chosen)) == ((name,), {"process": 1, "usage": 2})
    assert world.sink.held == right
    assert world.emitter().verify(10).wrong == ()
    assert world.emit().sent == 0
