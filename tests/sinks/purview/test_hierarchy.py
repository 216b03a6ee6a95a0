"""What processes hang below, of our own types and of Purview's."""

from dataclasses import replace

import pytest

from sinks.purview import native
from sinks.purview.entities import process_entities
from sinks.purview.options import PurviewOptions
from tests.sinks.purview.given import METASTORE, body, edge
from tests.sinks.purview.given import flows as batch_of

OWN = PurviewOptions()
NATIVE = replace(OWN, native=True)
WORKSPACE = "databricks://adb-6051921418418893.13.azuredatabricks.net"


@pytest.fixture
def made(unmatched):
    """The entities of some edges."""

    def make(*edges, options=NATIVE):
        return list(process_entities([batch_of(*edges)], unmatched, options))

    return make


def parents(entities):
    return [(one.type_name, one.qualified_name) for one in entities if one.kind == "parent"]


def end(entity, name):
    """The type and qualified name of one end."""
    reference = body(entity)["relationshipAttributes"][name]
    return reference["typeName"], reference["uniqueAttributes"]["qualifiedName"]


def test_a_job(made):
    """Workspace, job and one task for all of its lineage, each before what refers to it; the process hangs below."""
    entities = made(edge("c.s.a", "c.s.x", label="nightly load", workspace_name="prod"))
    job = f"{WORKSPACE}/jobs/101"
    assert parents(entities) == [
        ("databricks_workspace", WORKSPACE),
        ("databricks_job", job),
        ("databricks_notebook_task", f"{job}/tasks/_lineage"),
    ]
    *_, above, task, process = entities
    assert [body(one)["attributes"]["name"] for one in entities] == [
        "prod", "Job nightly load", "Job nightly load, any task", "Job nightly load → c.s.x"
    ]  # fmt: skip
    assert end(above, "workspace") == ("databricks_workspace", WORKSPACE)
    assert end(task, "job") == ("databricks_job", job)
    assert end(process, "task") == ("databricks_notebook_task", task.qualified_name)
    assert process.type_name == "databricks_process"
    assert set(process.needs) == {WORKSPACE, job, task.qualified_name}
    assert body(task)["attributes"]["jobId"] == 101


def test_the_only_task_of_a_job(made):
    """A job that has but one task has its lineage below that."""
    entities = made(edge("c.s.a", "c.s.x", task_key="load"))
    assert parents(entities)[-1] == ("databricks_notebook_task", f"{WORKSPACE}/jobs/101/tasks/load")


def test_a_notebook(made):
    """A notebook is itself what its processes hang below, under its number as in Purview's own scan."""
    entities = made(edge("c.s.a", "c.s.x", process_kind="notebook"))
    assert parents(entities) == [
        ("databricks_workspace", WORKSPACE),
        ("databricks_notebook", f"{WORKSPACE}/notebooks/101"),
    ]
    assert end(entities[-1], "task") == parents(entities)[-1]


def test_what_a_native_process_has_no_attributes_for(made):
    """It goes into custom attributes, short enough for Atlas; nothing that is unknown is told."""
    *_, process = made(
        edge("c.s.a", "c.s.x", verified=False), *[edge(f"dbfs:/mnt/{n:0300}", "c.s.x") for n in range(9)]
    )
    sent = body(process)
    assert set(sent["attributes"]) == {"qualifiedName", "name", "columnMapping", "inputs", "outputs"}
    custom = sent["customAttributes"]
    assert custom["madeBy"] == "uc-miner"
    assert (custom["processKind"], custom["processId"], custom["unverified"]) == ("job", "101", "true")
    assert custom["unmatchedInputs"].endswith("and 8 more")
    assert "workspaceName" not in custom
    assert all(len(value) <= 500 for value in custom.values())


@pytest.mark.parametrize("kind", ["pipeline", "dashboard", "ad_hoc", "genie_space"])
def test_other_kinds_are_our_own(made, kind):
    """Kinds without native types hang below a runnable of ours, whatever the catalog has."""
    runnable, process = made(edge("c.s.a", "c.s.x", process_kind=kind, process_id=None if kind == "ad_hoc" else "7"))
    assert (runnable.type_name, process.type_name) == ("uc_miner_runnable", "uc_miner_process")
    assert end(process, "runnable") == ("uc_miner_runnable", runnable.qualified_name)
    assert process.qualified_name.startswith(f"{runnable.qualified_name}/")


def test_a_workspace_without_a_host(made):
    """A workspace whose host does not follow from its number has no native name: its jobs are our own."""
    assert parents(made(edge("c.s.a", "c.s.x", workspace_id="prod"))) == []


def test_one_runnable_for_all_targets(made):
    """A process has one runnable, told once; ad hoc processes, which only their target tells apart, one for each."""
    kinds = [one.kind for one in made(edge("c.s.a", "c.s.x"), edge("c.s.a", "c.s.y"), options=OWN)]
    assert kinds == ["runnable", "process", "process"]
    ad_hoc = {"process_kind": "ad_hoc", "process_id": None}
    kinds = [one.kind for one in made(edge("c.s.a", "c.s.x", **ad_hoc), edge("c.s.a", "c.s.y", **ad_hoc), options=OWN)]
    assert kinds == ["runnable", "runnable", "process", "process"]


def test_names_tell_types_apart(made):
    """The same process under another type has another name: the ledger then knows that the old entity is to go."""
    names = {
        made(edge("c.s.a", "c.s.x"), options=options)[-1].qualified_name
        for options in (OWN, NATIVE, replace(OWN, process_type="our_process"))
    }
    assert len(names) == 3
    assert all(name.startswith(f"uc-miner://{METASTORE}/6051921418418893/job/101/") for name in names)


def test_names_of_odd_jobs(made):
    """The run name of one-time runs is one segment of a name, and no number."""
    entities = made(edge("c.s.a", "c.s.x", process_id="ADF/daily 5%"))
    (_, job, _) = [one for one in entities if one.kind == "parent"]
    assert job.qualified_name == f"{WORKSPACE}/jobs/ADF%2Fdaily 5%25"
    assert "jobId" not in body(job)["attributes"]


def native_types(atlas):
    """How a catalog tells its types."""
    return lambda name: atlas._definition(name) if name in atlas.types else None


def test_purviews_types_fit(atlas):
    """The types as Purview has them take our entities."""
    atlas.native()
    assert native.misfit(native_types(atlas)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda types: types.pop("databricks_process"), "there is no type databricks_process"),
        (
            lambda types: types["databricks_process"].update(attributeDefs=[]),
            "databricks_process has no attribute columnMapping of type string",
        ),
        (
            lambda types: types["databricks_job"]["attributeDefs"].append(
                {"name": "cost", "typeName": "int", "isOptional": False}
            ),
            "databricks_job demands cost",
        ),
        (
            lambda types: types["databricks_notebook"].update(superTypes=["Asset"]),
            "databricks_notebook is no databricks_runnable",
        ),
    ],
    ids=["missing", "without columns", "demanding", "others' notebooks"],
)
def test_types_that_do_not_fit(atlas, change, reason):
    """Types of that name that lack what we send, or demand what we do not know, are left alone, and it is said why."""
    atlas.native()
    change(atlas.types)
    assert native.misfit(native_types(atlas)) == reason


def test_types_without_relationships(atlas):
    """Types of that name that know no hierarchy are somebody's own."""
    atlas.native()
    del atlas.relationships["databricks_runnable_processes"]
    assert native.misfit(native_types(atlas)) == "databricks_process has no relationship task to databricks_runnable"
