"""Types and hierarchy in a real Atlas: what is defined, what hangs below what, and what becomes of it later."""

from dataclasses import replace

import pytest

from sinks.purview.client import PurviewSink
from sinks.purview.patience import Patience
from tests.atlas.estate import SENDING, assets
from tests.atlas.server import PASSWORD, USER
from tests.sinks.purview.given import Reports, edge
from tests.sinks.purview.given import flows as batch_of

HOST = "adb-6051921418418893.13.azuredatabricks.net"


@pytest.fixture
def connected(catalog):
    """Make sinks for the catalog."""
    made = []

    def connect(**options):
        made.append(
            PurviewSink(
                catalog.endpoint, (USER, PASSWORD), replace(SENDING, **options), patience=Patience(first_wait=0.1)
            )
        )
        return made[-1]

    yield connect
    for sink in made:
        sink.close()


def sent(catalog, sink, *edges):
    """Entities of some edges, all of which the catalog takes."""
    made = list(sink.processes([batch_of(*edges)], Reports()))
    catalog.scan(assets([one for one in made if one.kind == "process"], []))
    sink.prepare()
    assert [one for delivery in sink.deliver(sink.batches(made)) for one in delivery.refused] == []
    return made


def chains(catalog):
    """Types and names of what each process hangs below, innermost first."""
    above = catalog.above(catalog.attached())
    return {
        name: [(one["typeName"], one["attributes"]["qualifiedName"]) for one in some] for name, some in above.items()
    }


def test_definitions(catalog, connected):
    """The pair has its options and its relationship; defining it again changes nothing; a new window widens the group.

    None of Microsoft's types was touched.
    """
    names = ("uc_miner_runnable", "uc_miner_process", "uc_miner_consumer", "uc_miner_summary", "uc_miner_runnable_processes", "databricks_process")  # fmt: skip
    connected(windows=(30,)).prepare()
    first = {name: catalog.ask("GET", f"types/typedef/name/{name}") for name in names}
    assert first["uc_miner_runnable"]["options"]["derivedLineageSources"] == '["processes"]'
    assert first["uc_miner_process"]["options"]["defaultRenderedLineage"] == "runnable"
    group = catalog.ask("GET", "types/typedef/name/UnityCatalogUsage")
    connected(windows=(30,)).prepare()
    assert {name: catalog.ask("GET", f"types/typedef/name/{name}") for name in names} == first
    assert catalog.ask("GET", "types/typedef/name/UnityCatalogUsage") == group
    connected(windows=(30, 90)).prepare()
    wider = catalog.ask("GET", "types/typedef/name/UnityCatalogUsage")
    there = {one["name"] for one in wider["attributeDefs"]}
    assert there == {one["name"] for one in group["attributeDefs"]} | {"reads_90d"} | {n for n in there if "_90d" in n}
    assert "reads_90d" in there


def test_the_native_hierarchy(catalog, connected):
    """Jobs hang below task, job and workspace, notebooks below workspace, all others below a runnable of ours."""
    made = sent(
        catalog,
        connected(),
        edge("c.s.a", "c.s.x"),
        edge("c.s.a", "c.s.y", process=2, process_kind="notebook"),
        edge("c.s.a", "c.s.z", process=3, process_kind="pipeline", process_id="p"),
    )
    job, notebook, pipeline = [one.qualified_name for one in made if one.kind == "process"]
    (runnable,) = [one for one in made if one.kind == "runnable"]
    workspace = ("databricks_workspace", f"databricks://{HOST}")
    assert chains(catalog) == {
        job: [
            ("databricks_notebook_task", f"databricks://{HOST}/jobs/101/tasks/_lineage"),
            ("databricks_job", f"databricks://{HOST}/jobs/101"),
            workspace,
        ],
        notebook: [("databricks_notebook", f"databricks://{HOST}/notebooks/102"), workspace],
        pipeline: [("uc_miner_runnable", runnable.qualified_name)],
    }


def test_a_task_that_becomes_known(catalog, connected):
    """Once a job is known to have one task only, its process hangs below that; it is the same entity."""
    sink = connected()
    before = sent(catalog, sink, edge("c.s.a", "c.s.x"))[-1]
    (guid,) = [one["guid"] for one in catalog.attached()]
    after = sent(catalog, sink, edge("c.s.a", "c.s.x", task_key="load"))[-1]
    assert after.qualified_name == before.qualified_name
    assert [one["guid"] for one in catalog.attached()] == [guid]
    ((task, *_),) = chains(catalog).values()
    assert task == ("databricks_notebook_task", f"databricks://{HOST}/jobs/101/tasks/load")


def test_parents_of_others(catalog, connected):
    """A workspace that is there keeps its name and whatever else it has."""
    theirs = {
        "typeName": "databricks_workspace",
        "attributes": {"qualifiedName": f"databricks://{HOST}", "name": "theirs"},
    }
    catalog.ask("POST", "entity/bulk", json={"entities": [theirs]})
    sent(catalog, connected(), edge("c.s.a", "c.s.x", workspace_name="ours"))
    (chain,) = catalog.above(catalog.attached()).values()
    assert [one["attributes"]["name"] for one in chain] == ["Job 101, any task", "Job 101", "theirs"]


def test_from_own_types_to_native_ones(catalog, mined_once, tmp_path):
    """Other types replace the entities of the former ones, runnables too; nothing is drawn twice, and back again."""
    estate = mined_once.copy(tmp_path / "estate")
    estate.endpoint = catalog.endpoint
    catalog.scan(assets(*estate.entities()))
    for choice in ("own", "native", "own"):
        estate.options = replace(SENDING, process_types=choice)
        changes = estate.emit()
        assert not changes.rejected
        processes, _ = estate.entities()
        assert catalog.processes().keys() == {one.qualified_name for one in processes}
        assert estate.emit().sent == 0
        if choice == "native":
            kinds = {name: len(gone) for name, gone in changes.orphans.items()}
            assert kinds["process"] > kinds["runnable"] > 0
