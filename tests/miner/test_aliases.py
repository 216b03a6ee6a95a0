"""Identities that are one, applied when reading: the raw datasets and processes stay, so that a wrong one goes again."""

import json

import pytest

from miner.ledger import edges, wanted
from miner.popularity import PopularityOptions, popularity
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import METASTORE, WORKSPACE, at, lineage, run

PATH = "s3://bucket/a"
NO_RUN_TYPES = ("system.lakeflow.job_run_timeline",)


def located(name="c.s.a", path=PATH, **given):
    """A read that carries a table's name and its path."""
    return lineage(name, None, **{"day": day(0)} | given) | {"source_path": path}


def flows(world):
    """The flows an emission would be given, all of them."""
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        wanted.want(connection, everything=True)
        rows = [row for batch in edges.flows(connection) for row in batch.to_pylist()]
    return {
        (row["process_id"], row["source_path"] or row["source_name"], row["target_path"] or row["target_name"])
        for row in rows
    }


def datasets(world):
    """The raw datasets of the dump."""
    return [line["dataset"][1:] for line in map(json.loads, world.dump()) if line["what"] == "dataset"]


def aliases(world):
    """The alias lines of the dump."""
    return [line for line in map(json.loads, world.dump()) if line["what"] == "alias"]


def test_a_path_is_its_table(world):
    """A row with name and path makes the two one in the edge report, the flows and popularity; raw datasets stay."""
    rows = [
        lineage(PATH, "c.s.b", query="q", day=day(0)),
        lineage("c.s.z", PATH, query="q", day=day(0)),
        lineage(PATH, None, created_by="ann@x.org", day=day(0)),
        located(created_by="ann@x.org"),
    ]
    world.mine(FakeTables(*rows))
    assert world.ends() == {("q", "c.s.a", "c.s.b"), ("q", "c.s.z", "c.s.a")}
    assert flows(world) == {("q", "a", "b"), ("q", "z", "a")}
    frame = popularity(world.ledger, PopularityOptions(windows=(1,))).set_index("dataset")
    assert PATH not in frame.index
    assert (frame.loc["c.s.a"].reads, frame.loc["c.s.a"].readers, frame.loc["c.s.a"].writes) == (3, 2 - 1, 1)
    assert [PATH] in datasets(world)
    assert [(line["from"], line["to"], line["evidence"], line["first"]) for line in aliases(world)] == [
        ([METASTORE, PATH], [METASTORE, "c", "s", "a"], "row", str(day(0)))
    ]


def test_evidence_grows_with_its_days(world):
    """Evidence has the first and the last day on which it was seen, whichever is mined first."""
    tables = FakeTables(*(located(day=day(offset)) for offset in (-2, 0, -1)))
    world.mine_days(tables, [day(0), day(-2), day(-1)])
    assert [(line["first"], line["last"]) for line in aliases(world)] == [(str(day(-2)), str(day(0)))]


def test_ambiguous_evidence_is_not_applied(world):
    """A path that two tables claim is neither."""
    rows = [lineage(PATH, "c.s.b", query="q", day=day(0)), located(), located("c.s.other")]
    world.mine(FakeTables(*rows))
    assert world.ends() == {("q", PATH, "c.s.b")}
    assert len(aliases(world)) == 2


def test_taking_an_alias_back_rebuilds(world):
    """When a second table claims the path, what was drawn with the first is built anew from the path, target and all."""
    rows = [lineage(PATH, "c.s.b", query="q", day=day(0)), lineage("c.s.z", PATH, query="q", day=day(0))]
    world.mine(FakeTables(*rows, located()))
    world.emit()
    assert {tuple(body["inputs"]) for body in world.sink.told().values()} == {("c.s.a",), ("c.s.z",)}
    assert any(name.endswith("table:c.s.a") for name in world.sink.told())
    world.mine(FakeTables(*rows, located(), located("c.s.other", day=day(1))))
    changes = world.emit()
    assert {tuple(body["inputs"]) for body in world.sink.told().values()} == {(PATH,), ("c.s.z",)}
    assert [name.endswith("table:c.s.a") for _, name in changes.removed] == [True]
    assert any(name.endswith(f"path:{PATH}") for name in world.sink.told())


def test_an_edge_to_itself_by_an_alias(world):
    """An edge from a table to its own path is none once the two are one."""
    row = lineage("c.s.a", PATH, query="q", day=day(0))
    world.mine(FakeTables(row))
    world.emit()
    assert len(world.sink.told()) == 1
    world.mine(FakeTables(row, located(day=day(1))))
    assert (world.ends(), flows(world)) == (set(), set())
    world.emit()
    assert world.sink.told() == {}


def process(line, end):
    """Kind and id of one end of a process alias."""
    return tuple(line[end][2:])


@pytest.mark.parametrize(
    ("name", "notebook", "stands_for"),
    [
        ("daily_load_0a1b2c3d-0000-4444-8888-0123456789ab", "n1", ("submitted_run", "daily_load")),
        ("20261110", "n1", ("notebook", "n1")),
        (None, "n1", ("notebook", "n1")),
        (None, None, ("submitted_runs", "")),
    ],
)
def test_one_time_runs(world, name, notebook, stands_for):
    """A one-time run stands for its run's lasting name, else its notebook, else the submitted runs."""
    rows = [lineage("c.s.a", "c.s.b", job=job, notebook=notebook, day=day(0)) for job in ("901", "902")]
    runs = [run(job, run_name=name) for job in ("901", "902")]
    world.mine(
        FakeTables(*rows, lineage("c.s.a", "c.s.d", job="7", day=day(0)), job_run_timeline=[*runs, run("7", "JOB_RUN")])
    )
    assert {(row["process_kind"], row["process_id"], row["target"]) for row in world.edges()} == {
        (*stands_for, "c.s.b"), ("job", "7", "c.s.d"),
    }  # fmt: skip
    assert {(process(line, "from"), process(line, "to")) for line in aliases(world)} == {
        (("job", "901"), stands_for), (("job", "902"), stands_for),
    }  # fmt: skip
    world.emit()
    assert len(world.sink.told()) == 2


def test_ambiguous_run_names_are_not_applied(world):
    """A job id with two lasting names stands for neither; what was drawn under the first name is taken back."""
    tables = FakeTables(
        *(lineage("c.s.a", "c.s.b", job="901", day=one) for one in (day(0), day(5))),
        job_run_timeline=[run("901", run_name="load", period_start_time=at(day(0)))],
    )
    world.mine_days(tables, [day(0)])
    world.emit()
    assert [name.split("/")[2:4] for name in world.sink.told()] == [["submitted_run", "load"]]
    tables.rows["job_run_timeline"].append(run("901", run_name="other", period_start_time=at(day(5))))
    world.mine_days(tables, [day(5)])
    changes = world.emit()
    assert [name.split("/")[2:4] for name in world.sink.told()] == [["job", "901"]]
    assert len(changes.removed) == 1


def test_a_run_name_for_what_was_drawn_to_a_path(world):
    """A flow drawn as a job to a table known by its path is taken back when the job turns out to be a one-time run."""
    rows = [lineage("c.s.z", PATH, job="901", day=day(0)), located()]
    world.mine(FakeTables(*rows))
    world.emit()
    assert {name.split("/")[2] for name in world.sink.told()} == {"job"}
    late = [run("901", run_name="load", period_start_time=at(day(0)))]
    world.mine(FakeTables(*rows, job_run_timeline=late), rules="again")
    world.emit()
    assert [name.split("/")[2:] for name in world.sink.told()] == [["submitted_run", "load", "table:c.s.a"]]


@pytest.mark.parametrize("together", [True, False])
def test_a_run_stands_for_its_days(world, together):
    """What a one-time run stands for is valid on the days it moved data, mined in one run of days or in another order."""
    days = [day(offset) for offset in range(-3, 1)]
    rows = [lineage("c.s.a", "c.s.b", job="901", day=one) for one in days[1:3]]
    rows += [lineage("c.s.x", None, day=one) for one in days]
    tables = FakeTables(
        *rows, job_run_timeline=[run("901", run_name="load", period_start_time=at(one)) for one in days[1:3]]
    )
    if together:
        world.mine(tables)
    else:
        world.mine_days(tables, days[::-1])
    assert [(line["first"], line["last"]) for line in aliases(world)] == [(str(days[1]), str(days[2]))]


def test_submitted_runs_of_other_workspaces_stay_apart(world):
    """The same job id of another workspace is another job."""
    rows = [lineage("c.s.a", "c.s.b", job="901", workspace_id=space, day=day(0)) for space in (WORKSPACE, "2")]
    world.mine(FakeTables(*rows, job_run_timeline=[run("901", run_name="load")]))
    assert {(row["workspace_id"], row["process_kind"]) for row in world.edges()} == {
        (WORKSPACE, "submitted_run"),
        ("2", "job"),
    }


def test_a_job_seen_once_waits(world):
    """Where run types are unknown a job is drawn once it was seen on a second day; the plan says how many wait."""
    tables = FakeTables(lineage("c.s.a", "c.s.b", job="7", day=day(0)), absent=NO_RUN_TYPES)
    world.mine(tables)
    assert world.plan().waiting == 1
    assert world.emit().waiting == 1
    assert world.sink.told() == {}
    assert world.plan().waiting == 1
    tables.rows["table_lineage"].append(lineage("c.s.a", "c.s.b", job="7", day=day(1)))
    world.mine(tables)
    assert world.emit().created["process"] == 1
    assert len(world.sink.told()) == 1


def test_all_flows_of_a_waiting_job_are_drawn(world):
    """A second day of one flow draws the other flows of the job too."""
    tables = FakeTables(lineage("c.s.a", "c.s.b", job="7", day=day(-15)), absent=NO_RUN_TYPES)
    world.mine(tables)
    world.emit()
    tables.rows["table_lineage"].append(lineage("c.s.a", "c.s.d", job="7", day=day(0)))
    world.mine(tables)
    world.emit()
    assert {name.rpartition(":")[2] for name in world.sink.told()} == {"c.s.b", "c.s.d"}


def test_a_known_job_does_not_wait(world):
    """Where run types are known, or it is no job, one day is enough."""
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", job="7", day=day(0))))
    world.mine(FakeTables(lineage("c.s.a", "c.s.d", query="q", day=day(0)), absent=NO_RUN_TYPES), name="west")
    assert world.emit().created["process"] == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0), None])
@pytest.mark.parametrize(("direct", "drawn"), [(False, False), (True, True), (None, True)])
def test_unverified_edges(world, order, direct, drawn):
    """An edge of unknown access goes when shown indirect, and stays when shown direct, in whichever order they come."""
    rows = [
        lineage("c.s.a", "c.s.b", query="q", day=day(offset), direct_access=access)
        for offset, access in ((0, None), (1, direct))
    ]
    tables = FakeTables(*rows)
    if order is None:
        world.mine(tables)
        world.emit()
    else:
        for place in order:
            world.mine_days(tables, [day(place)])
            world.emit()
    assert world.ends() == ({("q", "c.s.a", "c.s.b")} if drawn else set())
    assert len(world.sink.told()) == drawn
    assert [row["verified"] for row in world.edges()] == ([direct is True] if drawn else [])


def test_a_direct_edge_is_not_lost_to_an_indirect_one(world):
    """Shown direct once, an edge stays though it was also seen through a view."""
    rows = [lineage("c.s.a", "c.s.b", query="q", day=day(0), direct_access=access) for access in (True, False, None)]
    world.mine(FakeTables(*rows))
    assert [(row["source"], row["verified"]) for row in world.edges()] == [("c.s.a", True)]


def test_indirect_evidence_taken_back(world):
    """A late correction that takes the indirect row away brings the unverified edge back."""
    world.now = world.now.replace(month=11, day=12)
    unknown = lineage("c.s.a", "c.s.b", query="q", day=day(0), direct_access=None)
    indirect = lineage("c.s.a", "c.s.b", query="q", day=day(1), direct_access=False)
    world.mine(FakeTables(unknown, indirect))
    world.emit()
    assert world.sink.told() == {}
    world.mine(FakeTables(unknown, lineage("c.s.x", None, day=day(1))))
    world.emit()
    assert len(world.sink.told()) == 1


def test_a_redrawn_verdict(world):
    """An edge shown direct on a day that no longer says so is judged anew: seen through a view elsewhere, it goes."""
    world.now = world.now.replace(month=11, day=12)
    first = lineage("c.s.a", "c.s.b", query="q", day=day(0), direct_access=True)
    indirect = lineage("c.s.a", "c.s.b", query="q", day=day(1), direct_access=False)
    world.mine(FakeTables(first, indirect))
    world.emit()
    assert len(world.sink.told()) == 1
    world.mine(FakeTables(first | {"direct_access": None}, indirect))
    world.emit()
    assert world.ends() == set()
    assert world.sink.told() == {}
