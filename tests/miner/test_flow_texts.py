"""What the latest statement says that wrote the target of a flow: kept where it is asked for, told, and forgotten."""

import json

import pytest

from miner.ledger.soundness import checks
from miner.ledger.text_pruning import prune_texts
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import at, lineage, run, statement


def wrote(target, statement_id, on=0, hour=12, source="c.s.a", **given):
    """A row of a job that writes a table by a statement."""
    told = {"job": "7"} | given
    return lineage(source, target, day=day(on), event_time=at(day(on), hour), statement_id=statement_id, **told)


def said(statement_id, text, on=0, **given):
    """A statement with its text."""
    return statement(statement_id, statement_text=text, start_time=at(day(on), 12), **given)


def tables(*rows, history=(), **given):
    """A source with these rows and this history."""
    return FakeTables(*rows, query_history=history, **given)


def kept(world):
    """What the ledger keeps, by target."""
    told = (json.loads(line) for line in world.dump())
    return {row["to"][-1]: row["text"] for row in told if row["what"] == "text"}


def bodies(world):
    """What the sink was sent of each flow, by the end of its name: None where the entity tells nothing."""
    return {name.rsplit(".", 1)[-1]: body.get("said") for name, body in world.sink.told().items()}


def test_nothing_is_asked_or_kept_unless_it_is_wanted(world):
    """Without the setting no text is read, kept or told, and bodies are what they were."""
    given = tables(wrote("c.s.t", "s1"), history=[said("s1", "INSERT")])
    world.mine(given)
    world.emit()
    assert kept(world) == {}
    assert "flow_texts" not in {method for method, *_ in given.asked}
    assert bodies(world) == {"t": None}


def test_texts_of_flows_are_told(world):
    """Each flow tells what its latest statement says, cut to the length that is asked for."""
    rows = [wrote("c.s.t", "s1", hour=9), wrote("c.s.t", "s2", hour=13, source="c.s.b"), wrote("c.s.u", "s3")]
    history = [said("s1", "first of all"), said("s2", "second of all"), said("s3", "third of all")]
    world.mine(tables(*rows, history=history), flow_text=6)
    world.emit()
    assert kept(world) == bodies(world) == {"t": "second", "u": "third "}


@pytest.mark.parametrize("kind", [{"query": "q"}, {"notebook": "5"}, {}, {"dashboard": "d"}])
def test_what_people_run_is_never_kept(world, kind):
    """Queries, notebooks and ad hoc statements tell no text, nor does what only reads."""
    rows = [wrote("c.s.t", "s1", **({"job": None} | kind))]
    world.mine(tables(*rows, history=[said("s1", "INSERT")]), flow_text=100)
    assert kept(world) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"execution_status": "FAILED"}, {"execution_status": "CANCELED"}, {"statement_text": ""}, {"statement_text": None},
        {"statement_text": "<REDACTED>"}, {"statement_text": "__REDACTED__"}, {"workspace_id": "2002"},
    ],
)  # fmt: skip
def test_statements_that_tell_nothing(world, change):
    """A statement that did nothing, whose text is not shown, or of another workspace is passed over for an earlier one."""
    rows = [wrote("c.s.t", "s1", hour=9), wrote("c.s.t", "s2", hour=13)]
    world.mine(tables(*rows, history=[said("s1", "INSERT"), said("s2", "MERGE") | change]), flow_text=100)
    assert kept(world) == {"t": "INSERT"}


def test_the_latest_wins_in_whatever_order_days_are_mined(world):
    """An older day mined later changes nothing; of two texts at one instant the greater stays."""
    rows = [wrote("c.s.t", f"s{on}", on=on) for on in range(3)]
    history = [said("s0", "zero"), said("s1", "one", on=1), said("s2", "two", on=2)]
    given = tables(*rows, history=history)
    world.mine_days(given, [day(1), day(2), day(0)], flow_text=100)
    assert kept(world) == {"t": "two"}
    for text, left in (("a", "two"), ("z", "z"), ("y", "z")):
        given.rows["query_history"][2] = said("s2", text, on=2)
        world.mine_days(given, [day(2)], flow_text=100, rules=text)
        assert kept(world) == {"t": left}


def test_only_a_text_that_moved_is_sent_again(world):
    """Another text marks its flow, and no other; the same one marks none."""
    rows = [wrote("c.s.t", "s1"), wrote("c.s.u", "s2")]
    given = tables(*rows, history=[said("s1", "INSERT"), said("s2", "MERGE")])
    world.mine(given, flow_text=100)
    world.emit()
    given.rows["table_lineage"] += [wrote("c.s.t", "s3", on=1), wrote("c.s.u", "s4", on=1)]
    given.rows["query_history"] += [said("s3", "DELETE", on=1), said("s4", "MERGE", on=1)]
    world.mine(given, flow_text=100)
    changes = world.emit()
    assert changes.changed["process"] == 1
    assert bodies(world) == {"t": "DELETE", "u": "MERGE"}
    assert world.emit().changed["process"] == 0


def test_a_run_of_many_ids_tells_one_text(world):
    """One-time runs that are one process tell what the latest of them says."""
    rows = [wrote("c.s.t", f"s{on}", on=on, job=f"70{on}") for on in range(3)]
    history = [said(f"s{on}", f"text {on}", on=on) for on in range(3)]
    runs = [run(f"70{on}", "SUBMIT_RUN", "load", period_start_time=at(day(on))) for on in range(3)]
    world.mine(tables(*rows, history=history, job_run_timeline=runs), flow_text=100)
    world.emit()
    assert bodies(world) == {"t": "text 2"}


def test_what_is_forgotten_is_taken_back(world):
    """Cut shorter, and then to nothing: the ledger forgets it at once, and what is built next tells it no more."""
    world.mine(tables(wrote("c.s.t", "s1"), history=[said("s1", "INSERT ❄\0 b")]), flow_text=100)
    assert kept(world) == {"t": "INSERT ❄\N{REPLACEMENT CHARACTER} b"}
    assert prune_texts(world.ledger, 100) == 0
    assert prune_texts(world.ledger, 8) == 1
    assert kept(world) == {"t": "INSERT ❄"}
    assert prune_texts(world.ledger, 0) == 1
    assert prune_texts(world.ledger, 0) == 0
    world.emit()
    assert kept(world) == bodies(world) == {"t": ""}


def test_asked_for_again_it_comes_back(world):
    """The text of the same event, longer than what was left of it, is kept when its day is mined again."""
    given = tables(wrote("c.s.t", "s1"), history=[said("s1", "INSERT")])
    world.mine(given, flow_text=100)
    prune_texts(world.ledger, 0)
    world.mine(given, flow_text=100, rules="other")
    assert kept(world) == {"t": "INSERT"}


def test_the_ledger_holds_together(world):
    """Texts are of flows that the ledger has; one of a flow that it has not is found."""
    world.mine(tables(wrote("c.s.t", "s1"), history=[said("s1", "INSERT")]), flow_text=100)

    def found():
        with world.ledger.reading() as connection:
            return [one.look().state for one in checks(connection) if one.name == "ledger.texts"]

    assert found() == ["pass"]
    world.alter("UPDATE flow_text SET target_dataset = target_dataset + 1")
    assert found() == ["fail"]


def test_a_text_of_a_row_that_came_later_waits(world):
    """A row that arrived between two reads has no flow yet: its text is left to the next mining, and nothing fails."""
    given = tables(wrote("c.s.t", "s1"), history=[said("s1", "INSERT"), said("s2", "MERGE")])

    later = tables(wrote("c.s.t", "s1"), wrote("c.s.new", "s2"), history=given.rows["query_history"])
    given.flow_texts = later.flow_texts
    world.mine(given, flow_text=100)
    assert kept(world) == {"t": "INSERT"}
