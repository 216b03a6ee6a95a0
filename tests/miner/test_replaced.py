"""A replacing statement makes void what others brought into its target before, by event time; its own edges stay."""

from datetime import timedelta

import pytest

from tests.miner.fake_names import FakeNames
from tests.miner.test_names import form, read
from tests.miner.test_retirement import emitter, ends, fired, history, mine
from tests.miner.world import day
from tests.rows import at, lineage, statement


def replacing(target, source, on, statement_id, hour=12, **given):
    """A row of a statement that replaces a table, and the statement."""
    told = {"query": "rebuild", "statement_id": statement_id, "event_time": at(day(on), hour)} | given
    return lineage(source, target, day=day(on), **told)


def wrote(target, source, on, hour=12, query="q"):
    """An edge by another query."""
    return lineage(source, target, day=day(on), query=query, event_time=at(day(on), hour), statement_id=f"w{on}{hour}")


def tables(*rows, replaced=(("r", 3),), **given):
    """A history with these rows, in which some statements replaced their targets."""
    made = history(rows)
    made.rows["query_history"] = [
        statement(name, statement_type="REPLACE", start_time=at(day(on), 12), **given) for name, on in replaced
    ]
    return made


def test_what_was_there_before_goes(world):
    """Edges into the table that were last seen before the day of the statement are void; its own, and later ones, stay."""
    mine(world, tables(
        wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r"), wrote("c.s.t", "c.s.later", 4),
        wrote("c.s.other", "c.s.old", 1),
    ))  # fmt: skip
    assert ends(world) == {("c.s.new", "c.s.t"), ("c.s.later", "c.s.t"), ("c.s.old", "c.s.other")}
    assert fired(world) == {"replaced": 1}


def test_the_same_day_goes_by_the_hour(world):
    """Of the statement's own day what was last seen before it is void, what was seen after it is not."""
    mine(world, tables(
        wrote("c.s.t", "c.s.early", 3, hour=11), replacing("c.s.t", "c.s.new", 3, "r"),
        wrote("c.s.t", "c.s.late", 3, hour=13),
        wrote("c.s.t", "c.s.both", 3, hour=1), wrote("c.s.t", "c.s.both", 3, hour=14),
    ))  # fmt: skip
    assert ends(world) == {("c.s.new", "c.s.t"), ("c.s.late", "c.s.t"), ("c.s.both", "c.s.t")}


def test_the_last_of_several_counts(world):
    """A table that is replaced from two sources in turn has the edges of the last statement alone."""
    rows = tables(
        replacing("c.s.t", "c.s.a", 3, "r", hour=2),
        replacing("c.s.t", "c.s.b", 3, "s", hour=4),
        replaced=(("r", 3), ("s", 3)),
    )
    mine(world, rows)
    assert ends(world) == {("c.s.b", "c.s.t")}


@pytest.mark.parametrize(
    "change",
    [{"execution_status": "FAILED"}, {"statement_type": "CREATE"}, {"statement_type": None}, {"workspace_id": "2002"}],
)
def test_other_statements_replace_nothing(world, change):
    """A statement that failed, is of another type or of another workspace makes nothing void."""
    rows = tables(wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r"))
    rows.rows["query_history"][0] |= change
    mine(world, rows)
    assert ends(world) == {("c.s.old", "c.s.t"), ("c.s.new", "c.s.t")}


def test_without_the_history_of_queries_the_rule_is_silent(world):
    """Nothing tells what statements did: edges go by age, as ever."""
    rows = tables(wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r"))
    rows.rows["query_history"] = []
    mine(world, rows)
    assert len(ends(world)) == 2


def test_a_run_s_own_table_is_not_the_table(world):
    """A replaced `…__dbt_tmp` says nothing of the table that it is merged into."""
    rows = tables(wrote("c.s.t", "c.s.old", 1), replacing("c.s.t__dbt_tmp", "c.s.new", 3, "r"))
    mine(world, rows)
    assert ends(world) == {("c.s.old", "c.s.t"), ("c.s.new", "c.s.t")}


def test_an_edge_that_comes_again_is_there_again(world):
    """What was void and is seen again after the statement is current from that day on."""
    rows = [wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r")]
    mine(world, tables(*rows), until=5)
    assert ends(world) == {("c.s.new", "c.s.t")}
    mine(world, tables(*rows, wrote("c.s.t", "c.s.old", 6)), first=5)
    assert ends(world) == {("c.s.new", "c.s.t"), ("c.s.old", "c.s.t")}


def test_days_that_are_not_settled_replace_nothing(world):
    """A day to which rows may still come, of the other query for one, judges nothing."""
    world.now = at(day(4), 12)
    rows = tables(wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r"))
    mine(world, rows, until=5)
    assert len(ends(world)) == 2
    world.now += timedelta(days=10)
    mine(world, rows, until=8)
    assert ends(world) == {("c.s.new", "c.s.t")}


def test_a_day_mined_again_tells_anew(world):
    """Statements that the history does not tell any more made nothing void."""
    rows = tables(wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r"))
    mine(world, rows)
    assert len(ends(world)) == 1
    rows.rows["query_history"] = []
    mine(world, rows, rules="other")
    assert len(ends(world)) == 2
    assert world.sql("SELECT * FROM replaced") == []


def test_edges_into_the_table_s_storage(world):
    """What was written into the table's storage by its path is an edge into the table, and void with the others."""
    path = "abfss://c@a.dfs.core.windows.net/t"
    rows = tables(
        lineage("c.s.old", path, day=day(1), query="q"), replacing("c.s.t", "c.s.new", 3, "r"),
    )  # fmt: skip
    mine(world, rows)
    read(world, FakeNames(tables=[form("c.s.t", path=path)]), mined=(day(19),))
    assert ends(world) == {("c.s.new", "c.s.t")}


def test_it_is_reported(world):
    """The plan tells what goes by this rule, and the emission does it."""
    rows = [wrote("c.s.t", "c.s.old", 1), replacing("c.s.t", "c.s.new", 3, "r")]
    mine(world, tables(*rows), until=2)
    emitter(world).emit()
    mine(world, tables(*rows), first=2)
    planned = emitter(world).plan()
    assert planned.retired == {"replaced": 1}
    assert set(planned.reasons.values()) == {"replaced"}
    changes = emitter(world).emit()
    assert (changes.retired, changes.removed) == ({"replaced": 1}, planned.removed)
