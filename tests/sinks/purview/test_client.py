import json

import pytest

from miner.errors import SinkError
from miner.ports import Entity, Rejected
from sinks.purview.files import FilesSink
from sinks.purview.options import PurviewOptions
from tests.sinks.purview.fake_atlas import Fault
from tests.sinks.purview.given import METASTORE, TABLES, Reports, column_popularity, edge, popularity
from tests.sinks.purview.given import flows as batch_of

VIEWS = f"databricks://{METASTORE}/catalogs/c/schemas/s/views"


@pytest.fixture
def catalog(atlas):
    """A catalog in which tables a to e and x have been scanned."""
    for name in "abcdex":
        atlas.scanned("databricks_table", f"{TABLES}/{name}")
    return atlas


def processes(sink, *edges):
    """The process entities of some edges; what they are part of is sent."""
    made = list(sink.processes([batch_of(*edges)], Reports()))
    assert sink.send([one for one in made if one.kind == "runnable"]) == []
    return [one for one in made if one.kind == "process"]


def usage(sink, *rows):
    return list(sink.usage(popularity(*rows), Reports()))


def test_lineage_arrives(catalog, sink):
    """A process stands in the catalog with its inputs, its output and its columns."""
    sink.prepare()
    (entity,) = processes(sink, edge("c.s.a", "c.s.x", pairs=[("i", "k")]), edge("c.s.b", "c.s.x"))
    assert sink.send([entity]) == []
    assert catalog.inputs(entity.qualified_name) == [f"{TABLES}/a", f"{TABLES}/b"]
    mapping = json.loads(catalog.process(entity.qualified_name)["columnMapping"])
    assert mapping[0]["ColumnMapping"] == [{"Source": "i", "Sink": "k"}]


def test_inputs_are_replaced(catalog, sink):
    """A source that is gone from the ledger is gone from the process: lineage does not only grow."""
    sink.prepare()
    sink.send(processes(sink, edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x")))
    (entity,) = processes(sink, edge("c.s.b", "c.s.x"))
    sink.send([entity])
    assert catalog.inputs(entity.qualified_name) == [f"{TABLES}/b"]


def test_sending_again_changes_nothing(catalog, sink):
    """The catalog itself says that the second sending of the same entities changed nothing."""
    sink.prepare()
    entities = processes(sink, *[edge("c.s.a", f"c.s.{name}", process=n) for n, name in enumerate("bcdex")])
    sink.send(entities)
    assert len(catalog.answers[-1]["mutatedEntities"]["CREATE"]) == 5
    sink.send(entities)
    assert catalog.answers[-1] == {}


def test_bodies_are_those_of_the_files_sink(catalog, sink, tmp_path):
    """What is posted is byte by byte what the files sink writes."""
    sink.prepare()
    entities = processes(sink, edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x", process=2))
    sink.send(entities)
    FilesSink(tmp_path).send(entities)
    (_, posted) = catalog.calls("POST", "/entity/bulk")
    assert posted.body == (tmp_path / "bulk-000001.json").read_bytes()
    assert posted.headers["content-type"] == "application/json"


def test_one_bad_entity_does_not_cost_the_others(catalog, sink):
    """Of a batch with references to assets that are not there, exactly those are rejected, with the server's words."""
    sink.prepare()
    edges = [
        edge("c.s.a", f"c.s.{name}", process=n) for n, name in enumerate(["b", "gone", "c", "d", "lost", "e", "x"])
    ]
    entities = processes(sink, *edges)
    rejected = sink.send(entities)
    bad = [entities[1], entities[4]]
    assert [one.qualified_name for one in rejected] == [entity.qualified_name for entity in bad]
    assert all("ATLAS-404-00-00A" in one.reason and "is not found" in one.reason for one in rejected)
    assert {key for key in catalog.entities if key[0] == "uc_miner_process"} == {
        ("uc_miner_process", entity.qualified_name) for entity in entities if entity not in bad
    }


def test_unknown_type(catalog, sink):
    """An entity of a type the catalog lacks is rejected alone."""
    sink.prepare()
    good, bad = processes(sink, edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x", process=2))
    foreign = Entity("process", bad.qualified_name, "odd", bad.body.replace(b"uc_miner_process", b"odd"), "", 1)
    assert [one.qualified_name for one in sink.send([foreign, good])] == [bad.qualified_name]
    assert catalog.inputs(good.qualified_name) == [f"{TABLES}/a"]


def test_too_large_a_body_is_parted(catalog, sink):
    """A server that takes less than we send gets it in parts; one entity that is too large alone is rejected."""
    sink.prepare()
    entities = processes(sink, *[edge("c.s.a", "c.s.x", process=n) for n in range(8)])
    catalog.largest_body = len(entities[0].body) * 3
    assert sink.send(entities) == []
    catalog.largest_body = 100
    (rejected,) = sink.send(entities[:1])
    assert rejected.reason.startswith("413")


def test_usage_arrives(catalog, sink):
    """Figures stand on the scan's own asset; what people wrote there stays."""
    sink.prepare()
    catalog.groups["Theirs"] = {"attributeDefs": []}
    catalog.entities["databricks_table", f"{TABLES}/a"]["businessAttributes"]["Theirs"] = {"team": "finance"}
    assert sink.send(usage(sink, {"dataset": "c.s.a"})) == []
    assert catalog.usage(f"{TABLES}/a")["UnityCatalogUsage"]["reads_30d"] == 10
    assert catalog.usage(f"{TABLES}/a")["Theirs"] == {"team": "finance"}


def test_usage_of_columns_arrives(catalog, connected):
    """Figures stand on the column that the scan made; one that the catalog does not have is told, and is no fault."""
    catalog.scanned("databricks_table_column", f"{TABLES}/a/columns/Id", "Id")
    sink = connected(PurviewOptions(columns=True))
    sink.prepare()
    rows = [{"dataset": "c.s.a", "column": name} for name in ("Id", "new")]
    entities = list(sink.column_usage(column_popularity(*rows), Reports()))
    (absent,) = sink.send(entities)
    assert (absent.qualified_name, absent.absent) == (f"{TABLES}/a/columns/new", True)
    figures = catalog.usage(f"{TABLES}/a/columns/Id", "databricks_table_column")["UnityCatalogUsage"]
    assert (figures["reads_30d"], figures["machines_30d"]) == (10, 1)
    assert ("databricks_table_column", f"{TABLES}/a/columns/new") not in catalog.entities


def test_usage_takes_figures_away(catalog, sink):
    """A trend that is no longer known does not stay; nothing else is deleted, and nothing when there is nothing."""
    sink.prepare()
    catalog.groups["Theirs"] = {"attributeDefs": []}
    sink.send(usage(sink, {"dataset": "c.s.a", "trend": 0.5}))
    business = catalog.usage(f"{TABLES}/a")
    business["Theirs"] = {"trend_30d": "up"}
    business["UnityCatalogUsage"]["reads_90d"] = 40
    sink.send(usage(sink, {"dataset": "c.s.a", "trend": None, "reads": 9}))
    figures = catalog.usage(f"{TABLES}/a")["UnityCatalogUsage"]
    assert "trend_30d" not in figures
    assert (figures["reads_30d"], figures["reads_90d"]) == (9, 40)
    assert catalog.usage(f"{TABLES}/a")["Theirs"] == {"trend_30d": "up"}
    sink.send(usage(sink, {"dataset": "c.s.a", "trend": None}))
    assert len(catalog.calls("DELETE", "/entity/guid")) == 1


def test_usage_never_makes_an_asset(catalog, sink):
    """A dataset that was not scanned is rejected: an upsert would make an asset of Microsoft's type."""
    sink.prepare()
    before = set(catalog.entities)
    rejected = sink.send(
        usage(sink, {"dataset": "c.s.a"}, {"dataset": "c.s.gone"}, {"dataset": "c.s.v", "dataset_type": "VIEW"})
    )
    assert rejected == [
        Rejected(f"{TABLES}/gone", "the catalog has no such databricks_table"),
        Rejected(f"{VIEWS}/v", "the catalog has no such databricks_view"),
    ]
    assert set(catalog.entities) == before
    assert catalog.usage(f"{TABLES}/a")["UnityCatalogUsage"]["reads_30d"] == 10


def test_usage_of_a_type_that_is_not_there(catalog, sink):
    """A catalog without a type of datasets rejects their figures; those of other types arrive."""
    sink.prepare()
    rejected = sink.send(usage(sink, {"dataset": "c.s.a"}, {"dataset": "s3://bucket/folder", "kind": "path"}))
    assert [one.reason for one in rejected] == ["the catalog has no such aws_s3_v2_directory"]
    assert catalog.usage(f"{TABLES}/a")["UnityCatalogUsage"]["reads_30d"] == 10


def test_usage_never_renames_an_asset(catalog, sink):
    """An asset keeps the name the catalog gave it."""
    sink.prepare()
    catalog.scanned("databricks_table", f"{TABLES}/f", name="Finance")
    sink.send(usage(sink, {"dataset": "c.s.f"}))
    assert catalog.entities["databricks_table", f"{TABLES}/f"]["attributes"]["name"] == "Finance"


def test_deleted_assets_are_not_revived(catalog, sink):
    """An asset that was deleted softly counts as absent."""
    sink.prepare()
    catalog.entities["databricks_table", f"{TABLES}/a"]["status"] = "DELETED"
    assert len(sink.send(usage(sink, {"dataset": "c.s.a"}))) == 1


def test_many_assets_are_looked_up_in_portions(catalog, sink):
    """Look-ups stay short enough for an address, and every asset is found; one is read back."""
    sink.prepare()
    for number in range(90):
        catalog.scanned("databricks_table", f"{TABLES}/t{number}")
    assert sink.send(usage(sink, *[{"dataset": f"c.s.t{number}"} for number in range(90)])) == []
    lookups = catalog.calls("GET", "/entity/bulk/uniqueAttribute")
    assert [sum(name.startswith("attr_") for name in asked.query) for asked in lookups] == [25, 25, 25, 15, 1]


def test_kinds_may_come_mixed(catalog, sink):
    """A batch of processes and usage is posted kind by kind: only usage may touch business attributes."""
    sink.prepare()
    batch = [*processes(sink, edge("c.s.a", "c.s.x")), *usage(sink, {"dataset": "c.s.a"})]
    assert sink.send(batch) == []
    behaviours = [one.query.get("businessAttributeUpdateBehavior") for one in catalog.calls("POST", "/entity/bulk")]
    assert behaviours[-2:] == [None, "merge"]


def test_nothing_to_send(catalog, sink):
    """An empty batch asks nothing of the catalog."""
    assert sink.send([]) == []
    assert catalog.asked == []


def test_definitions_are_made_once(catalog, connected):
    """Preparing again creates and changes nothing; the group applies to the types the catalog has."""
    connected().prepare()
    connected().prepare()
    assert [one.path for one in catalog.calls("POST", "/types")] == ["/types/typedefs"] * 6
    assert catalog.calls("PUT", "/types") == []
    (attribute, *_) = catalog.groups["UnityCatalogUsage"]["attributeDefs"]
    assert json.loads(attribute["options"]["applicableEntityTypes"]) == [
        "azure_datalake_gen2_path",
        "databricks_table",
        "databricks_view",
    ]


def test_a_further_window_widens_the_group(catalog, connected):
    """The group that is there is renewed, not made again, which Atlas answers with 409."""
    connected(PurviewOptions(windows=(30,))).prepare()
    wider = connected(PurviewOptions(windows=(30, 90)))
    wider.prepare()
    (put,) = catalog.calls("PUT", "/types/typedefs")
    assert list(json.loads(put.body)) == ["businessMetadataDefs"]
    wider.send(usage(wider, {"dataset": "c.s.a"}, {"dataset": "c.s.a", "window_days": 90, "reads": 40}))
    assert catalog.usage(f"{TABLES}/a")["UnityCatalogUsage"]["reads_90d"] == 40


def test_an_older_process_type_is_widened(catalog, sink):
    """A type left by an older version gets what it lacks, and keeps what is there."""
    catalog.types["uc_miner_process"] = {
        "name": "uc_miner_process",
        "superTypes": ["Process"],
        "attributeDefs": [{"name": "columnMapping", "typeName": "string"}, {"name": "old", "typeName": "string"}],
    }
    sink.prepare()
    assert {"columnMapping", "old", "link"} <= {
        attribute["name"] for attribute in catalog.types["uc_miner_process"]["attributeDefs"]
    }


def test_a_catalog_without_scanned_types(atlas, sink):
    """Where no type of datasets is known, the usage group, which would apply to nothing, is not made."""
    for name in ("databricks_table", "databricks_view", "azure_datalake_gen2_path"):
        del atlas.types[name]
    sink.prepare()
    assert atlas.groups == {}
    assert "uc_miner_process" in atlas.types


def test_own_entities_are_removed(catalog, sink):
    """A removal deletes our process and nothing else; one that is gone already is no error."""
    sink.prepare()
    entities = processes(sink, edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x", process=2))
    sink.send(entities)
    gone = [(entities[0].type_name, entities[0].qualified_name)]
    sink.remove(gone)
    sink.remove(gone)
    assert [key[1] for key in catalog.entities if key[0] == "uc_miner_process"] == [entities[1].qualified_name]
    assert ("databricks_table", f"{TABLES}/a") in catalog.entities


def test_own_entities_are_marked(catalog, connected):
    """With `mark` a process keeps its place and loses its ends, under a name that says so; sent again it is as it was."""
    sink = connected(PurviewOptions(removed="mark"))
    sink.prepare()
    made = list(sink.processes([batch_of(edge("c.s.a", "c.s.x"))], Reports()))
    for one in made:
        assert sink.send([one]) == []
    before = {key: dict(one["attributes"]) for key, one in catalog.entities.items()}
    ours = [(one.type_name, one.qualified_name) for one in made]
    for _ in range(2):
        sink.remove(ours[::-1])
    process = catalog.process(made[-1].qualified_name)
    assert (process["inputs"], process["outputs"]) == ([], [])
    for key in ours:
        assert catalog.entities[key]["attributes"]["name"] == f"(retired) {before[key]['name']}"
    for one in made:
        sink.send([one])
    assert {key: one["attributes"] for key, one in catalog.entities.items()} == before


def test_foreign_entities_are_not_removed(catalog, sink):
    """One entity that is not ours stops the removal before the first deletion."""
    with pytest.raises(SinkError):
        sink.remove([("uc_miner_process", "uc-miner://1"), ("databricks_table", f"{TABLES}/a")])
    assert catalog.asked == []


def test_a_batch_is_sent_through_faults(catalog, sink, slept):
    """A busy catalog costs waits, not entities."""
    sink.prepare()
    entities = processes(sink, edge("c.s.a", "c.s.x"))
    catalog.faults.extend([Fault(429, {"Retry-After": "7"}), Fault(503), Fault(drop=True)])
    assert sink.send(entities) == []
    assert slept == [7.0, 2.0, 4.0]
    assert catalog.inputs(entities[0].qualified_name) == [f"{TABLES}/a"]


def test_lost_answers(catalog, sink):
    """A request that was carried out, but whose answer was lost, is repeated without harm."""
    catalog.faults.extend([Fault(502, late=True), None] * 8)
    sink.prepare()
    catalog.faults.clear()
    assert {"uc_miner_process"} <= set(catalog.types)
    (entity,) = processes(sink, edge("c.s.a", "c.s.x"))
    catalog.faults.append(Fault(drop=True, late=True))
    assert sink.send([entity]) == []
    catalog.faults.append(Fault(drop=True, late=True))
    sink.remove([(entity.type_name, entity.qualified_name)])
    assert (entity.type_name, entity.qualified_name) not in catalog.entities


def test_two_miners_prepare_at_once(catalog, connected, monkeypatch):
    """A definition that another miner makes in between is taken as it is, and widened."""
    connected(PurviewOptions(windows=(7,))).prepare()
    late = connected(PurviewOptions(windows=(30,)))
    asked = []
    definition = late._catalog._definition

    def blind_at_first(name):
        asked.append(name)
        return definition(name) if asked.count(name) > 1 else None

    monkeypatch.setattr(late._catalog, "_definition", blind_at_first)
    late.prepare()
    assert {"reads_7d", "reads_30d"} <= {one["name"] for one in catalog.groups["UnityCatalogUsage"]["attributeDefs"]}


def test_native_types_where_they_are(catalog, connected):
    """Where the catalog has Purview's types, jobs become entities of theirs; none of these types is posted."""
    catalog.native()
    sink = connected()
    sink.prepare()
    made = list(sink.processes([batch_of(edge("c.s.a", "c.s.x"))], Reports()))
    assert all(sink.send(batch) == [] for batch in sink.batches(made))
    process = made[-1]
    assert process.type_name == "databricks_process"
    assert catalog.parent("databricks_process", process.qualified_name, "task") == made[-2].qualified_name
    posted = [one for call in catalog.calls("POST", "/types") for one in json.loads(call.body).get("entityDefs", [])]
    assert {one["name"].partition("_")[0] for one in posted} == {"uc"}


@pytest.mark.parametrize(("choice", "native"), [("auto", True), ("native", True), ("own", False)])
def test_the_choice_of_types(catalog, connected, choice, native):
    """`own` asks the catalog nothing; the others look at its types, once."""
    catalog.native()
    sink = connected(PurviewOptions(process_types=choice))
    assert sink.fingerprint == PurviewOptions(native=native).fingerprint
    asked = len(catalog.asked)
    assert (sink.fingerprint, len(catalog.asked)) == (sink.fingerprint, asked)
    assert (asked > 0) == native


def test_native_types_that_must_be(catalog, connected):
    """Asked for and not there, they stop the run with the reason; left to the miner, its own take their place."""
    with pytest.raises(SinkError, match="there is no type databricks_workspace") as caught:
        connected(PurviewOptions(process_types="native")).prepare()
    assert "process_types" in caught.value.mend
    assert connected().fingerprint == PurviewOptions().fingerprint


def test_parents_of_others_stay_as_they_are(catalog, connected):
    """A workspace that somebody else made is referred to, and not renamed; our own job follows its name."""
    catalog.native()
    sink = connected()
    sink.prepare()
    workspace, job, _, _ = sink.processes([batch_of(edge("c.s.a", "c.s.x"))], Reports())
    catalog.scanned("databricks_workspace", workspace.qualified_name, "theirs")
    sink.send([workspace])
    sink.send([job])
    _, renamed, _, _ = sink.processes([batch_of(edge("c.s.a", "c.s.x", label="nightly"))], Reports())
    sink.send([renamed])
    named = {kind: one["attributes"]["name"] for (kind, _), one in catalog.entities.items()}
    assert (named["databricks_workspace"], named["databricks_job"]) == ("theirs", "Job nightly")


def test_whoever_may_not_define_types(catalog, sink):
    """A refused definition says which right is missing, where, and what else would do."""
    catalog.may_define = False
    with pytest.raises(SinkError, match="uc_miner_runnable") as caught:
        sink.prepare()
    assert "Data Curator on the root collection" in caught.value.mend
    assert "typedefs.json" in caught.value.mend


def test_usage_that_is_refused_in_bulk(atlas, connected):
    """Where the catalog refuses all of a first batch, the import may take it: a type may demand what figures lack."""
    atlas.scanned("databricks_table", f"{TABLES}/a")
    sink = connected()
    sink.prepare()
    atlas.refuses = b"businessAttributes"
    assert sink.send(usage(sink, {"dataset": "c.s.a"})) == []
    assert atlas.usage(f"{TABLES}/a")["UnityCatalogUsage"]["reads_30d"] == 10


def test_usage_that_is_refused_in_every_way(atlas, connected):
    """Where the import does not take it either, what is told are the words of the refusal."""
    atlas.scanned("databricks_table", f"{TABLES}/a")
    sink = connected()
    sink.prepare()
    atlas.refuses = b"businessAttributes"
    atlas.faults.extend([None, None, Fault(404)])
    (rejected,) = sink.send(usage(sink, {"dataset": "c.s.a"}))
    assert not rejected.absent
    assert "invalid parameters" in rejected.reason
