"""Names: attributes that come, change and go, and never make a process, an edge or a flow anew."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from miner.errors import LeaseLostError, SourceError
from miner.ledger import edges, reading, wanted
from miner.ledger.leases import Leases
from miner.ledger.locations import folders_of
from miner.names import read_names
from miner.pipeline import FAILED, Run
from miner.popularity import PopularityOptions, popularity
from tests.miner.fake_names import FakeNames
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import METASTORE, WORKSPACE, lineage

PATH = "abfss://c@a.dfs.core.windows.net/orders"
BELOW = f"{PATH}/archive/north"


def label(kind, item_id, name, changed=0, **more):
    return {
        "kind": kind, "workspace_id": WORKSPACE, "item_id": item_id, "name": name, "changed_at": noon(day(changed))
    } | more  # fmt: skip


def form(name, **more):
    catalog, schema, table = name.split(".")
    told = {"metastore_id": METASTORE, "catalog": catalog, "schema": schema, "name": table}
    return told | {"type": "TABLE", "table_type": "EXTERNAL"} | more


def catalog(name, **more):
    empty = {"connection": "", "address": "", "provider": "", "share": ""}
    return {"metastore_id": METASTORE, "catalog": name, "type": "FOREIGN"} | empty | more


TODAY = (day(0),)


def read(world, names, source="prod", mined=TODAY):
    return read_names(source, names, world.ledger, mined=mined, run_id=1, now=lambda: world.now)


def test_who_lost_its_lease_commits_no_names(world, mined):
    """Names that were read under a lease that ended meanwhile, whoever has it now, change nothing."""
    now = [world.now]
    taken = Leases(world.ledger, "none", lambda _connection: now[0])
    names = FakeNames(jobs=[label("job", "7", "load")])
    before = world.content()
    with taken.holding("prod", "names") as lease:
        now[0] += timedelta(minutes=3)
        with pytest.raises(LeaseLostError):
            read_names("prod", names, world.ledger, mined=TODAY, run_id=1, now=lambda: world.now, lease=lease)
    assert [line for line in world.content() if "lease" not in line] == [line for line in before if "lease" not in line]
    with taken.holding("prod", "names") as lease:
        read_names("prod", names, world.ledger, mined=TODAY, run_id=1, now=lambda: world.now, lease=lease)
    assert dirty(world) == [("7",)]


def flows(world):
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        wanted.want(connection, everything=True)
        return [row for batch in edges.flows(connection) for row in batch.to_pylist()]


def dirty(world):
    return world.sql("SELECT p.process_id FROM dirty_flow d JOIN process p ON p.id = d.process_id ORDER BY 1")


@pytest.fixture
def mined(world):
    """One job, one query and one ad hoc process, all of them sent."""
    world.mine(
        FakeTables(
            lineage("c.s.a", "c.s.b", job="7", day=day(0)),
            lineage("c.s.a", "c.s.b", job="7", day=day(-1)),
            lineage("c.s.a", "c.s.c", query="q", day=day(0)),
            lineage("c.s.a", "c.s.d", day=day(0)),
        )
    )
    world.emit()
    assert dirty(world) == []
    return world


NAMES = {
    "jobs": [label("job", "7", "nightly load")],
    "job_tasks": [{"workspace_id": WORKSPACE, "job_id": "7", "task_key": "load"}],
    "dbt_models": [label("ad_hoc", "c.s.d", "dbt model d")],
    "workspaces": [{"workspace_id": WORKSPACE, "name": "prod", "url": "https://adb-1.1.azuredatabricks.net"}],
}


def test_flows_carry_names(mined):
    """A flow has the name of its process, the one task of a job, and its workspace's name and address; the ids stay."""
    told = read(mined, FakeNames(**NAMES))
    assert told.rows == {"workspaces": 1, "jobs": 1, "job_tasks": 1, "dbt_models": 1}
    assert "queries: not given" in told.absent
    found = {row["process_id"]: row for row in flows(mined)}
    assert {name: (row["label"], row["task_key"]) for name, row in found.items()} == {
        "7": ("nightly load", "load"), "q": (None, None), "c.s.d": ("dbt model d", None),
    }  # fmt: skip
    assert {(row["workspace_name"], row["workspace_url"]) for row in found.values()} == {
        ("prod", "https://adb-1.1.azuredatabricks.net")
    }
    assert {row["process_id"]: row["process_name"] for row in mined.edges()}["7"] == "nightly load"


def test_only_what_is_called_otherwise_is_looked_at(mined):
    """A new name marks the flows of its process, the same name again marks none, a lost name marks them again."""
    jobs = {"jobs": NAMES["jobs"]}
    read(mined, FakeNames(**jobs))
    assert dirty(mined) == [("7",)]
    mined.emit()
    read(mined, FakeNames(**jobs))
    assert dirty(mined) == []
    read(mined, FakeNames(jobs=[]))
    assert dirty(mined) == [("7",)]
    assert {row["label"] for row in flows(mined)} == {None}


def test_an_absent_part_leaves_what_was_known(mined):
    """A source that cannot tell a part any more says nothing about it: names stay."""
    read(mined, FakeNames(**NAMES))
    read(mined, FakeNames())
    assert {row["label"] for row in flows(mined)} == {"nightly load", "dbt model d", None}


def test_models_of_other_days_stay(mined):
    """Dbt models are told by the days mined; those of other days are not lost, and none is asked for without a day."""
    read(mined, FakeNames(dbt_models=NAMES["dbt_models"]))
    names = FakeNames(dbt_models=[label("ad_hoc", "c.s.x", "dbt model x")])
    read(mined, names)
    assert "dbt model d" in {row["label"] for row in flows(mined)}
    names.asked.clear()
    read(mined, names, mined=())
    assert "dbt_models" not in {part for part, *_ in names.asked}


def test_the_latest_name_counts(mined):
    """Of two sources that name one job, the one that knows the later version is believed, whichever was read last."""
    mined.mine(FakeTables(lineage("c.s.a", "c.s.b", job="7", day=day(0))), "other")
    read(mined, FakeNames(jobs=[label("job", "7", "new", 1)]))
    read(mined, FakeNames(jobs=[label("job", "7", "old", 0)]), "other")
    assert "new" in {row["label"] for row in flows(mined)}


def test_two_tasks_are_no_task(mined):
    """A job with several tasks has no task of its own: which one moved the data is not told."""
    tasks = [*NAMES["job_tasks"], {"workspace_id": WORKSPACE, "job_id": "7", "task_key": "check"}]
    read(mined, FakeNames(job_tasks=tasks))
    assert {row["task_key"] for row in flows(mined)} == {None}


@pytest.fixture
def by_path(world):
    """A path that is read and written; the table there is known by its name elsewhere."""
    world.mine(FakeTables(lineage(PATH, "c.s.b", query="q", day=day(0)), lineage(PATH, None, day=day(0))))
    world.emit()
    return world


def test_a_storage_location_is_its_table(by_path):
    """A path that is a table's location is that table in edges and popularity; without the table it is a path again."""
    read(by_path, FakeNames(tables=[form("c.s.orders", path=PATH)]))
    assert by_path.ends() == {("q", "c.s.orders", "c.s.b")}
    assert dirty(by_path) == [("q",)]
    frame = popularity(by_path.ledger, PopularityOptions(windows=(1,), as_of=day(0)))
    assert frame.set_index("dataset").loc["c.s.orders"].reads == 2
    by_path.emit()
    read(by_path, FakeNames(tables=[]))
    assert by_path.ends() == {("q", PATH, "c.s.b")}
    assert dirty(by_path) == [("q",)]


def test_two_tables_at_one_location(by_path):
    """A location that two tables claim is neither: ambiguous evidence is never applied."""
    read(by_path, FakeNames(tables=[form("c.s.one", path=PATH), form("c.s.two", path=PATH)]))
    assert by_path.ends() == {("q", PATH, "c.s.b")}


@pytest.mark.parametrize(
    ("locations", "found"),
    [
        ({"orders": BELOW}, "c.s.orders"),
        ({"orders": PATH}, "c.s.orders"),
        ({"orders": PATH, "archive": f"{PATH}/archive"}, "c.s.archive"),
        ({"orders": PATH, "one": f"{PATH}/archive", "two": f"{PATH}/archive"}, BELOW),
        ({"order": PATH.removesuffix("s")}, BELOW),
        ({"all": PATH.rpartition("/")[0]}, BELOW),
    ],
)
def test_a_path_below_a_storage_location(world, locations, found):
    """A path below a location is the table of the nearest one at a slash; a container's root is nobody's location."""
    world.mine(FakeTables(lineage(BELOW, "c.s.b", query="q", day=day(0))))
    read(world, FakeNames(tables=[form(f"c.s.{name}", path=path) for name, path in locations.items()]))
    assert world.ends() == {("q", found, "c.s.b")}


def test_a_row_tells_more_than_a_folder(world):
    """A path that a row of lineage says to be a table is that table, whosesoever folder it is in; the location is as good."""
    both = lineage("c.s.other", None, day=day(0)) | {"source_path": BELOW}
    world.mine(FakeTables(lineage(BELOW, "c.s.b", query="q", day=day(0)), both))
    for location, found in ((PATH, "c.s.other"), (BELOW, BELOW), (PATH, "c.s.other")):
        read(world, FakeNames(tables=[form("c.s.orders", path=location)]))
        assert world.ends() == {("q", found, "c.s.b")}
        assert dirty(world) == [("q",)]
        world.emit()


def test_a_nearer_location_takes_over(world):
    """A table that is made nearer to a path takes it over, and gives it back when it goes; what was drawn is redrawn."""
    world.mine(FakeTables(lineage(BELOW, "c.s.b", query="q", day=day(0))))
    far, near = form("c.s.orders", path=PATH), form("c.s.archive", path=f"{PATH}/archive")
    for told, found in (([far], "c.s.orders"), ([far, near], "c.s.archive"), ([far], "c.s.orders"), ([], BELOW)):
        read(world, FakeNames(tables=told))
        assert world.ends() == {("q", found, "c.s.b")}
        assert dirty(world) == [("q",)]
        world.emit()


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        ("abfss://c@a/x/y", ["abfss://c@a/x", "abfss://c@a/x/y"]),
        ("dbfs:/mnt/x", ["dbfs:/mnt", "dbfs:/mnt/x"]),
        ("/Volumes/c", ["/Volumes", "/Volumes/c"]),
        ("s3://b", ["s3://b"]),
    ],
)
def test_folders_above_a_path(path, folders):
    """A path is in every folder above it, up to the first one of its container."""
    assert folders_of(path) == folders


def test_usage_is_told_again(by_path):
    """A location that turns out to be a table changes figures: usage is looked at again."""
    with by_path.ledger.reading() as connection:
        before = reading.usage_state(connection)
    read(by_path, FakeNames(tables=[form("c.s.orders", path=PATH)]))
    with by_path.ledger.reading() as connection:
        assert reading.usage_state(connection) != before


def test_tables_nobody_uses_are_not_kept(mined):
    """information_schema lists every table: those without lineage, whose location is no known path, make no dataset."""
    read(mined, FakeNames(tables=[form("c.s.unused", path="abfss://c@a/unused"), form("c.s.a")]))
    datasets = [line["dataset"][-1] for line in map(json.loads, mined.dump()) if line["what"] == "dataset"]
    assert sorted(datasets) == ["a", "b", "c", "d"]


def test_catalogs(mined):
    """Foreign catalogs come with their database, shared ones by name; what two metastores tell differently is left out."""
    address = "sqlserver://h:1433;database=d"
    rows = [
        catalog("crm", connection="crm", address=address),
        catalog("untold", connection="x"),
        catalog("partner", type="SHARED", provider="acme", share="orders"),
        catalog("both", address="mysql://a:3306/d"),
        catalog("both", address="mysql://b:3306/d", metastore_id="other"),
    ]
    read(mined, FakeNames(catalogs=rows))
    with mined.ledger.reading() as connection:
        found = reading.catalogs(connection)
    assert (found.foreign, found.shared) == ({"crm": address}, ("partner",))


def test_nothing_is_lost_when_a_part_is(mined):
    """A part that is lost in the middle changes nothing at all, and is an error."""
    read(mined, FakeNames(**NAMES))
    names = FakeNames(jobs=[label("job", "7", "other")], pipelines=[label("pipeline", "p", "x")])
    names.lost = "pipelines"
    with pytest.raises(SourceError):
        read(mined, names)
    assert "nightly load" in {row["label"] for row in flows(mined)}


def test_before_any_day_was_mined(world):
    """Without a mined day there is nothing to name, and the source is not asked."""
    names = FakeNames(**NAMES)
    assert read(world, names) is None
    assert names.asked == []


def test_a_run_reads_names_after_its_days(world):
    """A run mines, reads names, then emits; names that fail fail the run and cost neither days nor entities."""
    source = world.source(FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0))))
    names = FakeNames(queries=[label("query", "q", "my query")])
    named = type(source)(source.name, source.tables, source.options, names)
    outcome = Run(world.ledger, [named], world.emitter(), lambda: world.now, Leases(world.ledger)).go()
    assert [read.rows for read in outcome.names] == [{"queries": 1}]
    assert outcome.changes.created["process"] == 1
    names.lost = "queries"
    world.now = datetime(2026, 12, 30, tzinfo=UTC)
    outcome = Run(world.ledger, [named], world.emitter(), lambda: world.now, Leases(world.ledger)).go()
    assert [(name, error.message) for name, error in outcome.failures] == [("names of source prod", "queries was lost")]
    assert (outcome.word, outcome.names) == (FAILED, [])
    assert {row["label"] for row in flows(world)} == {"my query"}
