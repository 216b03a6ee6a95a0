"""What retires an edge, and what never does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from miner.emission import Emitter
from miner.ledger import edges, wanted
from miner.ledger.retirement import Limits
from miner.popularity import PopularityOptions
from miner.ports import Span
from tests.miner.fake_names import FakeNames
from tests.miner.fakes import FakeTables
from tests.miner.test_names import form, read
from tests.miner.world import day, noon
from tests.rows import columns, lineage, run

STALE = 5
UNTIL = 20
"""Days of a history, most of which is quiet."""
MANAGED = "abfss://m@acct.dfs.core.windows.net/__unitystorage/catalogs/c1/tables/"


def edge(target, source="c.s.a", on=(0,), **given):
    """An edge on some days by one query."""
    return [lineage(source, target, day=day(one), **({"query": "q"} | given)) for one in on]


def history(*edges, idle=(), workspaces=("1001",)):
    """A source with these edges; its workspaces have rows on every day but those that are idle."""
    busy = [
        lineage("c.s.busy", None, day=day(one), workspace_id=name)
        for name in workspaces
        for one in range(UNTIL)
        if one not in idle
    ]
    return FakeTables(*[row for some in edges for row in some], *busy)


def mine(world, tables, until=UNTIL, first=0, **options):
    """Mine some days of a history, settled at once."""
    tables.shows = Span(day(first), day(until - 1))
    world.mine(tables, allow_empty=True, **options)


def ends(world, stale=STALE):
    """Source and target of the current edges."""
    return {(one["source"], one["target"]) for one in world.edges(stale_days=stale)}


def fired(world):
    """How many edges are retired, by rule."""
    return dict(world.sql("SELECT rule, count(DISTINCT edge_id) FROM edge_retired GROUP BY rule"))


def test_age_is_days_on_which_the_target_is_written_without_it(world):
    """An edge goes when its target was written without it for as many counted days as are set, not a day before."""
    tables = history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=range(UNTIL)))
    mine(world, tables, until=STALE)
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}
    mine(world, tables, first=STALE, until=STALE + 1)
    assert ends(world) == {("c.s.z", "c.s.t")}
    assert fired(world) == {"aged": 1}


def test_seen_again_it_counts_again(world):
    """A retired edge that is seen again is current at once, settled or not."""
    tables = history(edge("c.s.t", on=(0, 12)), edge("c.s.t", source="c.s.z", on=range(UNTIL)))
    mine(world, tables, until=12)
    assert ends(world) == {("c.s.z", "c.s.t")}
    mine(world, tables, first=12, until=13, settle_days=3650)
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_a_target_that_is_written_no_more_keeps_its_edges(world):
    """Where nothing comes instead, what is known stays, however long ago it was seen."""
    mine(world, history(edge("c.s.t")))
    assert ends(world) == {("c.s.a", "c.s.t")}


def test_a_quiet_target_does_not_age_its_edges_all_at_once(world):
    """Age runs from the first write without the edge: what was quiet for long has lost nothing by being written once."""
    mine(world, history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=(0, 15))))
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_a_stopped_daemon_retires_nothing(world):
    """Days that nobody mined do not count, be it a year."""
    rows = [*edge("c.s.t"), *edge("c.s.t", source="c.s.z", on=(0, 1, 18, 19))]
    tables = history(rows)
    mine(world, tables, until=2)
    world.now += timedelta(days=365)
    mine(world, tables, first=18, until=20)
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_a_lost_grant_retires_nothing(world):
    """Days without any row, as a source shows them that may read no more, do not count."""
    rows = [*edge("c.s.t"), *edge("c.s.t", source="c.s.z", on=(0, 1, 18, 19))]
    mine(world, history(rows, idle=range(2, 18)))
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_a_narrowed_view_retires_nothing(world):
    """A workspace that a view shows no more does not age, though others go on and write the same table."""
    here = {"workspace_id": "1002"}
    rows = [*edge("c.s.t", on=(0, 1), **here), *edge("c.s.t", source="c.s.z", on=range(UNTIL))]
    mine(world, history(rows))
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}
    assert fired(world) == {}


def test_the_same_with_the_workspace_in_view_retires(world):
    """The other side of that: a workspace with rows of other tables is in view, and its edges age."""
    rows = [*edge("c.s.t", on=(0, 1), workspace_id="1002"), *edge("c.s.t", source="c.s.z", on=range(UNTIL))]
    mine(world, history(rows, workspaces=("1001", "1002")))
    assert ends(world) == {("c.s.z", "c.s.t")}


def test_unsettled_days_retire_nothing(world):
    """Days that may still get rows do not count."""
    tables = history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=range(UNTIL)))
    mine(world, tables, settle_days=3650)
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_another_source_retires_nothing(world):
    """A source that sees the same table written says nothing of edges that only another source shows."""
    mine(world, history(edge("c.s.t")))
    mine(world, history(edge("c.s.t", source="c.s.z", on=range(UNTIL))), name="other")
    assert ends(world) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_an_edge_into_a_view_never_ages(world):
    """A view is written only when it is defined: its edges stay however long that is ago."""
    view = {"target_type": "VIEW"}
    mine(world, history(edge("c.s.v", on=(0,), **view), edge("c.s.t", source="c.s.z", on=range(UNTIL))))
    assert ("c.s.a", "c.s.v") in ends(world)


def test_a_new_definition_replaces_a_view_s_edges(world):
    """What a view was defined from before goes with the day on which it is defined anew; what is in both stays."""
    view = {"target_type": "VIEW"}
    old = edge("c.s.v", on=(0,), **view) + edge("c.s.v", source="c.s.b", on=(0,), **view)
    new = edge("c.s.v", source="c.s.b", on=(1,), **view) + edge("c.s.v", source="c.s.c", on=(1,), **view)
    mine(world, history(old, new), until=2)
    assert ends(world) == {("c.s.b", "c.s.v"), ("c.s.c", "c.s.v")}
    assert fired(world) == {"redefined": 1}


def test_a_definition_of_an_unsettled_day_replaces_nothing(world):
    """Rows of the new definition may still come: until its day is settled, the old one stands beside it."""
    view = {"target_type": "VIEW"}
    tables = history(edge("c.s.v", on=(0,), **view), edge("c.s.v", source="c.s.b", on=(1,), **view))
    mine(world, tables, until=1)
    mine(world, tables, first=1, until=2, settle_days=3650)
    assert ends(world) == {("c.s.a", "c.s.v"), ("c.s.b", "c.s.v")}


def test_columns_age_while_their_edge_goes_on(world):
    """Column pairs that the edge is seen without for so long leave it; those of an edge that is quiet stay."""
    on = range(UNTIL)
    tables = history(edge("c.s.t", on=on), edge("c.s.quiet"))
    pairs = [("c.s.t", "id", (0,)), ("c.s.t", "key", range(1, UNTIL)), ("c.s.quiet", "id", (0,))]
    tables.rows["column_lineage"] = [
        columns("c.s.a", target, name, name, day=day(one), query="q") for target, name, days in pairs for one in days
    ]
    mine(world, tables, until=STALE)
    assert {one["target"]: one["column_pairs"] for one in world.edges(stale_days=STALE)} == {"c.s.t": 2, "c.s.quiet": 1}
    mine(world, tables, first=STALE)
    assert {one["target"]: one["column_pairs"] for one in world.edges(stale_days=STALE)} == {"c.s.t": 1, "c.s.quiet": 1}
    assert fired(world) == {"columns": 1}


def test_more_patience_brings_edges_back(world):
    """What is retired follows from the ledger and the settings: with a higher limit an edge counts again."""
    mine(world, history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=range(UNTIL))))
    assert ends(world) == {("c.s.z", "c.s.t")}
    assert ends(world, stale=180) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}
    assert fired(world) == {}


def test_days_mined_again_under_other_rules_are_judged_again(world):
    """When the writes that retired an edge are out of scope now, the edge is back."""
    tables = history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=range(UNTIL)))
    mine(world, tables)
    assert ends(world) == {("c.s.z", "c.s.t")}
    mine(world, history(edge("c.s.t")), rules="others", allow_shrink=True)
    assert ends(world) == {("c.s.a", "c.s.t")}


@pytest.fixture
def located(world):
    """A table that is read, written and told its storage on each of the first days; then it has another storage."""

    def written(source, on, storage):
        return edge("c.s.t", source=source, on=on, target_path=f"{MANAGED}{storage}")

    rows = [*written("c.s.a", (0, 1), "one"), *edge("c.s.x", source="c.s.t", on=(0,))]
    mine(world, history(rows, written("c.s.z", (3, 4), "two")), until=8)
    return world


def test_a_table_made_anew_loses_what_was_written_before(located):
    """Another managed storage is another table of the same name: what went into the old one goes, what it fed stays."""
    assert ends(located, stale=180) == {("c.s.z", "c.s.t"), ("c.s.t", "c.s.x")}
    assert fired(located) == {"recreated": 1}


def test_two_storages_side_by_side_retire_nothing(world):
    """Where the old storage is told of after the new one, nothing says which of them the table is."""
    rows = [
        *edge("c.s.t", on=(0, 5), target_path=f"{MANAGED}one"),
        *edge("c.s.t", source="c.s.z", on=(3,), target_path=f"{MANAGED}two"),
    ]
    mine(world, history(rows), until=8)
    assert ends(world, stale=180) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def test_another_external_location_retires_nothing(world):
    """An external table may be moved and stay what it is: only managed storage tells a table made anew."""
    rows = [
        *edge("c.s.t", on=(0,), target_path="abfss://c@acct.dfs.core.windows.net/one"),
        *edge("c.s.t", source="c.s.z", on=(3,), target_path="abfss://c@acct.dfs.core.windows.net/two"),
    ]
    mine(world, history(rows), until=8)
    assert ends(world, stale=180) == {("c.s.a", "c.s.t"), ("c.s.z", "c.s.t")}


def dropped(world, stale=180, after=10):
    """Source and target of the current edges, when a table may be missing for so many days."""
    emitter = replace(world.emitter(), limits=Limits(stale, after))
    emitter.plan()
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        return {(one["source"], one["target"]) for one in edges.edge_report(connection).to_pylist()}


ALL = {("c.s.a", "c.s.t"), ("c.s.b", "c.s.u")}


@pytest.fixture
def listed(world):
    """Two tables that are made from others, all listed by information_schema on the second day."""
    tables = history(edge("c.s.t"), edge("c.s.u", source="c.s.b"))
    mine(world, tables, until=2)
    names = FakeNames(tables=[form(f"c.s.{name}") for name in "abtu"])
    read(world, names, mined=(day(1),))
    return world, tables, names


def test_a_dropped_table_takes_its_edges_along(listed):
    """A table that its schema lists no more, while it lists others, is dropped once it is missing for long enough."""
    world, tables, names = listed
    names.parts["tables"] = [form(f"c.s.{name}") for name in "abu"]
    mine(world, tables, first=2, until=4)
    read(world, names, mined=(day(3),))
    assert dropped(world) == ALL
    mine(world, tables, first=4, until=14)
    assert dropped(world) == ALL, "nobody looked again whether it is still missing"
    read(world, names, mined=(day(13),))
    assert dropped(world) == {("c.s.b", "c.s.u")}
    assert fired(world) == {"dropped": 1}


def test_a_schema_that_lists_nothing_drops_nothing(listed):
    """A catalog that may not be read any more shows no table at all: that is no evidence."""
    world, tables, names = listed
    names.parts["tables"] = [form("c.elsewhere.w")]
    mine(world, tables, first=2)
    read(world, names, mined=(day(3),))
    read(world, names, mined=(day(UNTIL - 1),))
    assert dropped(world) == ALL


def test_names_that_are_not_read_drop_nothing(listed):
    """Without information_schema no table is missing."""
    world, tables, names = listed
    del names.parts["tables"]
    mine(world, tables, first=2)
    read(world, names, mined=(day(UNTIL - 1),))
    assert dropped(world) == ALL


def test_a_table_that_moves_data_is_not_dropped(listed):
    """A table that is missing from information_schema and still read or written is there: a right on it may be lost."""
    world, tables, names = listed
    names.parts["tables"] = [form(f"c.s.{name}") for name in "abu"]
    tables.rows["table_lineage"] += edge("c.s.t", on=(6,))
    mine(world, tables, first=2, until=4)
    read(world, names, mined=(day(3),))
    mine(world, tables, first=4)
    read(world, names, mined=(day(UNTIL - 1),))
    assert dropped(world) == ALL


def test_a_table_that_is_listed_again_has_its_edges_again(listed):
    """Evidence can be taken back."""
    world, tables, names = listed
    names.parts["tables"] = [form(f"c.s.{name}") for name in "abu"]
    mine(world, tables, first=2, until=4)
    read(world, names, mined=(day(3),))
    mine(world, tables, first=4)
    read(world, names, mined=(day(UNTIL - 1),))
    assert dropped(world) == {("c.s.b", "c.s.u")}
    names.parts["tables"] = [form(f"c.s.{name}") for name in "abtu"]
    read(world, names, mined=(day(UNTIL - 1),))
    assert dropped(world) == ALL


def emitter(world, **options):
    """An emitter that is soon out of patience."""
    return replace(
        Emitter(world.ledger, world.sink, Limits(STALE), PopularityOptions(windows=(1,)), lambda: world.now), **options
    )


def test_the_plan_tells_first_what_goes_and_why(world):
    """A plan counts the edges by rule and names each removal with its reason; the emission after it does just that, once."""
    rows = [*edge("c.s.t"), *edge("c.s.t", on=range(UNTIL), query="other"), *edge("c.s.u")]
    rows += [*edge("c.s.u", source="c.s.z", on=range(UNTIL))]
    mine(world, history(rows), until=2)
    emitter(world).emit()
    mine(world, history(rows), first=2)
    planned, again = emitter(world).plan(), emitter(world).plan()
    assert planned.retired == again.retired == {"aged": 2}
    ((_, name),) = planned.removed
    assert planned.reasons == {name: "aged"}
    assert name in world.sink.held
    changes = emitter(world).emit()
    assert (changes.retired, changes.removed, changes.reasons) == (planned.retired, planned.removed, planned.reasons)
    assert changes.changed["process"] == 1
    assert name not in world.sink.held
    last = emitter(world).emit()
    assert (last.retired, last.removed, last.sent) == ({}, [], 0)


def test_one_time_runs_are_no_edges_that_go(world):
    """Each run of a one-time job is an identity of its own to Databricks: that it comes no more retires no edge."""
    jobs = [str(number) for number in range(UNTIL)]
    tables = history(*(edge("c.s.t", on=(at,), query=None, job=job) for at, job in enumerate(jobs)))
    tables.rows["job_run_timeline"] = [
        run(job, run_name=f"load {job}", period_start_time=noon(day(at))) for at, job in enumerate(jobs)
    ]
    mine(world, tables)
    changes = emitter(world).emit()
    assert fired(world)["aged"] > 10
    assert (changes.retired, changes.created["process"]) == ({}, 1)


def test_the_guard_holds_back_what_age_would_remove(world):
    """More removals than a run may make are not made, whatever retired the edges; the next run may make them."""
    rows = [*edge("c.s.t"), *edge("c.s.t", on=range(UNTIL), query="other")]
    mine(world, history(rows), until=2)
    emitter(world).emit()
    mine(world, history(rows), first=2)
    changes = emitter(world, max_removals=0).emit()
    assert (changes.held_back, changes.removed) == (1, [])
    assert len(world.sink.told()) == 2
    changes = emitter(world).emit()
    assert (changes.held_back, list(changes.reasons.values())) == (0, ["aged"])
    assert len(world.sink.told()) == 1


def test_an_unchanged_run_judges_nothing(world, monkeypatch):
    """Without a day that settled since, no edge is looked at."""
    mine(world, history(edge("c.s.t"), edge("c.s.t", source="c.s.z", on=range(UNTIL))))
    emitter(world).emit()
    monkeypatch.setattr("miner.ledger.retirement._judged", lambda *_: pytest.fail("edges were judged again"))
    emitter(world).emit()
