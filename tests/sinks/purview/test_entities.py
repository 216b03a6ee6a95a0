import json
from dataclasses import replace

import pytest

from miner.ports import Unmatched
from sinks.purview import payload
from sinks.purview.entities import DEGRADED, process_entities
from sinks.purview.naming import Context
from sinks.purview.options import DEFAULT, PurviewOptions
from tests.sinks.purview.given import METASTORE, TABLES, body, edge
from tests.sinks.purview.given import flows as batch_of


@pytest.fixture
def made(unmatched):
    """The process entities of some edges."""

    def make(*edges, options=None):
        every = process_entities([batch_of(*edges)], unmatched, options or PurviewOptions())
        return [entity for entity in every if entity.kind in {"process", "columns"}]

    return make


def reference(table):
    return {"typeName": "databricks_table", "uniqueAttributes": {"qualifiedName": f"{TABLES}/{table}"}}


def test_one_entity_per_process_and_target(made, unmatched):
    """A process that fills a table from two has one entity with both inputs, and a person recognises it."""
    (entity,) = made(edge("c.s.b", "c.s.x", pairs=[("k", "k")]), edge("c.s.a", "c.s.x", pairs=[("i", "k")]))
    assert unmatched == []
    sent = body(entity)
    attributes = sent["attributes"]
    mapping = json.loads(attributes.pop("columnMapping"))
    identity = attributes.pop("qualifiedName")
    assert sent["typeName"] == entity.type_name == "uc_miner_process"
    assert identity == entity.qualified_name
    assert identity.startswith(f"uc-miner://{METASTORE}/6051921418418893/job/101/")
    assert [part["DatasetMapping"]["Source"] for part in mapping] == [f"{TABLES}/a", f"{TABLES}/b"]
    assert sent["relationshipAttributes"] == {
        "runnable": {
            "typeName": "uc_miner_runnable",
            "uniqueAttributes": {"qualifiedName": f"uc-miner://{METASTORE}/6051921418418893/job/101"},
        }
    }
    assert attributes == {
        "name": "Job 101 → c.s.x",
        "metastoreId": METASTORE,
        "workspaceId": "6051921418418893",
        "workspaceName": "",
        "processKind": "job",
        "processId": "101",
        "notebookId": "",
        "jobId": "",
        "pipelineId": "",
        "taskKey": "",
        "link": "https://adb-6051921418418893.13.azuredatabricks.net/jobs/101",
        "unverified": False,
        "unmatchedInputs": [],
        "columnMappingDegraded": False,
        "inputs": [reference("a"), reference("b")],
        "outputs": [reference("x")],
    }
    assert (entity.kind, entity.operations) == ("process", 5)


def test_the_ledger_knows_its_flow_again(made):
    """An entity tells the ledger's ids of its process and target, which are in no body."""
    rows = [edge("c.s.a", "c.s.x", process=7), edge("c.s.a", "c.s.y", process=9)]
    assert [entity.flow for entity in made(*rows)] == [(row["process"], row["target"]) for row in rows]


def test_identity_does_not_depend_on_attributes(made):
    """Names, notebooks, spellings and inputs come and go without making a new entity."""
    (one,) = made(edge("c.s.a", "c.s.x"))
    (two,) = made(edge("c.s.b", "c.s.x", notebook_id="9", job_id="8", target_spelling="C.S.X", verified=False))
    assert one.qualified_name == two.qualified_name
    assert one.digest != two.digest


def test_processes_and_targets_are_kept_apart(made):
    """Another process, workspace, metastore or target is another entity."""
    entities = made(
        edge("c.s.a", "c.s.x", process=1),
        edge("c.s.a", "c.s.y", process=1),
        edge("c.s.a", "c.s.x", process=2),
        edge("c.s.a", "c.s.x", process=3, process_id="101", workspace_id="2"),
        edge("c.s.a", "c.s.x", process=4, process_id="101", metastore_id="m2"),
        edge("c.s.a", "c.s.x", process=5, process_id="101", process_kind="notebook"),
    )
    assert len({entity.qualified_name for entity in entities}) == 6


def test_ad_hoc(made):
    """An ad hoc process is told by its workspace and target alone."""
    (entity,) = made(edge("c.s.a", "c.s.x", process_kind="ad_hoc", process_id=None))
    assert "/ad_hoc/c.s.x/" in entity.qualified_name
    assert body(entity)["attributes"]["name"] == "Ad hoc → c.s.x"


def test_order_of_rows_does_not_matter(made):
    """The same edges give the same bytes, so that an unchanged estate sends nothing."""
    edges = [edge(f"c.s.t{n}", "c.s.x", pairs=[(f"k{n}", "k"), ("K", "k")]) for n in range(6)]
    assert made(*edges) == made(*edges[::-1]) == made(*edges[3:], *edges[:3])


def test_digest_covers_the_body_and_the_payload_version(made, monkeypatch):
    """A changed form of bodies sends everything once more."""
    (one,) = made(edge("c.s.a", "c.s.x"))
    assert one.digest == payload.digest(one.body)
    assert len(one.digest) == 32
    monkeypatch.setattr(payload, "_SALT", (payload.PAYLOAD_VERSION + 1).to_bytes(16, "big"))
    (two,) = made(edge("c.s.a", "c.s.x"))
    assert (one.body, one.digest != two.digest) == (two.body, True)


def test_paths_are_ends_like_tables(made):
    """A path is referenced by the type and name of its scan."""
    (entity,) = made(edge("abfss://box@acct.dfs.core.windows.net/raw", "c.s.x"))
    assert body(entity)["attributes"]["inputs"] == [
        {
            "typeName": "azure_datalake_gen2_path",
            "uniqueAttributes": {"qualifiedName": "https://acct.dfs.core.windows.net/box/raw"},
        }
    ]


def test_view_types(made):
    """The type of an end decides where it is looked for."""
    (entity,) = made(edge("c.s.v", "c.s.x", source_type="VIEW"))
    assert body(entity)["attributes"]["inputs"][0]["typeName"] == "databricks_view"


def test_unmatched_input(made, unmatched):
    """An input without an asset is listed in the entity and reported once, however many processes read it."""
    one, two = made(
        edge("c.s.a", "c.s.x", process=1),
        edge("/Volumes/c/s/v", "c.s.x", process=1),
        edge("c.s.a", "c.s.x", process=2),
        edge("/Volumes/c/s/v", "c.s.x", process=2),
    )
    assert body(one)["attributes"]["unmatchedInputs"] == ["/Volumes/c/s/v"]
    assert body(two)["attributes"]["inputs"] == [reference("a")]
    assert unmatched == [Unmatched("/Volumes/c/s/v", "no type of asset is known for volumes")]


def test_many_unmatched_inputs(made):
    """The list of unmatched inputs stays short enough for an attribute, and says how many there are."""
    edges = [edge(f"dbfs:/mnt/{n:04}", "c.s.x") for n in range(300)]
    (entity,) = made(edge("c.s.a", "c.s.x"), *edges, options=PurviewOptions(max_attribute_bytes=1000))
    *listed, more = body(entity)["attributes"]["unmatchedInputs"]
    assert listed == [f"dbfs:/mnt/{n:04}" for n in range(len(listed))]
    assert 900 < len(json.dumps(listed)) < 1100
    assert more == f"and {300 - len(listed)} more"


def test_no_matched_end_no_entity(made, unmatched):
    """Without a target, or without any source, there is nothing to draw: reported once, with the reason."""
    assert made(edge("c.s.a", "gs://b/x", process=1), edge("c.s.b", "gs://b/x", process=1)) == []
    assert made(edge("gs://b/x", "c.s.x", process=2), edge("dbfs:/mnt/a", "c.s.x", process=2)) == []
    assert unmatched == [
        Unmatched("Job 101 → gs://b/x", "target: no type of asset is known for gs:// paths"),
        Unmatched(
            "Job 102 → c.s.x",
            "every source: no type of asset is known for gs:// paths; the storage behind the mount point is not known",
        ),
    ]


def test_two_spellings_of_one_asset(made, unmatched):
    """Two datasets that are one asset are one input; an asset is never its own source."""
    dfs = "acct.dfs.core.windows.net"
    (entity,) = made(
        edge(f"abfss://box@{dfs}/raw", "c.s.x", pairs=[("a", "k")]),
        edge(f"https://{dfs}/box/raw", "c.s.x", pairs=[("b", "k")]),
    )
    attributes = body(entity)["attributes"]
    assert len(attributes["inputs"]) == 1
    assert [pair["Source"] for pair in json.loads(attributes["columnMapping"])[0]["ColumnMapping"]] == ["a", "b"]
    assert made(edge(f"abfss://box@{dfs}/raw", f"https://{dfs}/box/raw")) == []
    assert [one.reason for one in unmatched] == ["source and target are one asset"]


def test_unverified(made):
    """One edge of unknown directness makes the process unverified."""
    (entity,) = made(edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x", verified=False))
    assert body(entity)["attributes"]["unverified"] is True


def columns_of(entity):
    """Pairs of a process by source."""
    mapping = json.loads(body(entity)["attributes"]["columnMapping"])
    return {(one["DatasetMapping"]["Source"], pair["Source"]) for one in mapping for pair in one["ColumnMapping"]}


def test_wide_tables(made, unmatched):
    """What is too long for one column mapping is carried by further processes, and the flow's own comes behind them."""
    wide = [(f"column_{n}", f"column_{n}") for n in range(2000)]
    edges = edge("c.s.a", "c.s.x", pairs=wide), edge("c.s.b", "c.s.x", pairs=[("k", "k")])
    *parts, process = made(*edges)
    told = [body(one)["attributes"] for one in (*parts, process)]
    assert all(len(one["columnMapping"].encode()) < 32 * 1024 for one in told)
    assert [one.kind for one in parts] == ["columns"] * len(parts)
    assert [one.qualified_name for one in parts] == [
        f"{process.qualified_name}/columns-{n + 2}" for n in range(len(parts))
    ]
    assert {one.flow for one in parts} == {process.flow}
    assert set(process.needs) >= {one.qualified_name for one in parts}
    assert {pair for one in (*parts, process) for pair in columns_of(one)} == {
        *((f"{TABLES}/a", name) for name, _ in wide), (f"{TABLES}/b", "k")
    }  # fmt: skip
    ends = [[one["uniqueAttributes"]["qualifiedName"] for one in attributes["inputs"]] for attributes in told]
    assert ends[-1] == [f"{TABLES}/a", f"{TABLES}/b"]
    for inputs, one in zip(ends[:-1], parts, strict=True):
        assert set(inputs) == {source for source, _ in columns_of(one)}
    assert {json.dumps(one["outputs"]) for one in told} == {json.dumps(told[-1]["outputs"])}
    assert {json.dumps(body(one)["relationshipAttributes"]) for one in parts} == {
        json.dumps(body(process)["relationshipAttributes"])
    }
    assert not any(one["columnMappingDegraded"] for one in told)
    assert unmatched == []


def test_wider_than_all_parts(made, unmatched):
    """What the processes allowed cannot carry loses its columns, is marked and reported; the inputs stay whole."""
    wide = [(f"column_{n}", f"column_{n}") for n in range(2000)]
    edges = edge("c.s.a", "c.s.x", pairs=wide), edge("c.s.b", "c.s.x", pairs=[("k", "k")])
    (entity,) = made(*edges, options=replace(DEFAULT, column_parts=1))
    attributes = body(entity)["attributes"]
    assert columns_of(entity) == {(f"{TABLES}/b", "k")}
    assert attributes["columnMappingDegraded"] is True
    assert len(attributes["inputs"]) == 2
    assert unmatched == [Unmatched("Job 101 → c.s.x", DEGRADED)]


def test_settings(made):
    """The type, the host of hive tables and the links' domain are settings."""
    options = PurviewOptions(naming=Context(hive_metastore_host="host"), workspace_domain="", process_type="my_process")
    (entity,) = made(edge("hive_metastore.s.a", "c.s.x"), options=options)
    sent = body(entity)
    assert sent["typeName"] == entity.type_name == "my_process"
    assert sent["attributes"]["link"] == ""
    assert sent["attributes"]["inputs"][0]["uniqueAttributes"]["qualifiedName"] == "s.a@host"


def test_text_beyond_ascii(made):
    """Names are sent as UTF-8, as they are."""
    (entity,) = made(edge("c.s.größe", "c.s.x"))
    assert f"{TABLES}/größe".encode() in entity.body


def test_statement_text(made):
    """A process tells what the ledger has, cut to the setting; and nothing it has not, so that bodies stay what they were."""
    short, long = (replace(DEFAULT, statement_text=length) for length in (6, 4000))
    (untold,) = made(edge("c.s.a", "c.s.x"))
    assert "statementText" not in body(untold)["attributes"]
    assert [one.body for one in made(edge("c.s.a", "c.s.x"), options=long)] == [untold.body]
    told = edge("c.s.a", "c.s.x", statement_text="INSERT INTO x ❄")
    texts = [made(told, options=options)[0] for options in (short, long, DEFAULT)]
    assert [body(one)["attributes"]["statementText"] for one in texts] == ["INSERT", "INSERT INTO x ❄", ""]
    assert len({one.digest for one in (untold, *texts)}) == 4


def test_the_longest_text_is_below_the_limit(made):
    """As many characters as the settings allow, of four bytes each, are fewer bytes than Purview takes of an attribute."""
    options = replace(DEFAULT, statement_text=4000)
    (entity,) = made(edge("c.s.a", "c.s.x", statement_text="😀" * 9000), options=options)
    text = body(entity)["attributes"]["statementText"]
    assert len(text) == 4000
    assert len(text.encode()) < options.max_attribute_bytes


def test_native_processes_tell_no_text(made):
    """Purview's own types have no place for it."""
    options = replace(DEFAULT, statement_text=100, native=True)
    (entity,) = made(edge("c.s.a", "c.s.x", statement_text="INSERT INTO x"), options=options)
    assert entity.type_name == "databricks_process"
    assert b"INSERT" not in entity.body
