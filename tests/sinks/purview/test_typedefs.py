import json

import pytest

from miner.errors import SinkError
from sinks.purview.options import PurviewOptions
from sinks.purview.ownership import refuse_foreign, refuse_microsofts
from sinks.purview.typedefs import entity_types, relationship_type, typedefs, usage_group, widened

OPTIONS = PurviewOptions(windows=(30, 90))


def names(definition):
    return [attribute["name"] for attribute in definition["attributeDefs"]]


def test_runnable_and_process():
    """Both are Processes with the options that let one stand for the other; columns need columnMapping as a string."""
    runnable, process, *_ = entity_types(OPTIONS)
    assert [one["superTypes"] for one in (runnable, process)] == [["Process"]] * 2
    assert (runnable["name"], runnable["options"]) == ("uc_miner_runnable", {"derivedLineageSources": '["processes"]'})
    assert (process["name"], process["options"]) == ("uc_miner_process", {"defaultRenderedLineage": "runnable"})
    kinds = {attribute["name"]: attribute["typeName"] for attribute in process["attributeDefs"]}
    assert kinds["columnMapping"] == "string"
    assert kinds["unmatchedInputs"] == "array<string>"


def test_a_runnable_has_processes():
    """The ends are those that the options name; what is below goes with what is above."""
    definition = relationship_type(OPTIONS)
    assert (definition["name"], definition["relationshipCategory"]) == ("uc_miner_runnable_processes", "COMPOSITION")
    above, below = definition["endDef1"], definition["endDef2"]
    assert (above["type"], above["name"], above["cardinality"]) == ("uc_miner_runnable", "processes", "SET")
    assert (below["type"], below["name"], below["cardinality"]) == ("uc_miner_process", "runnable", "SINGLE")
    assert (above["isContainer"], below["isContainer"]) == (True, False)


def test_consumer():
    """What only reads has a dataset to lead to."""
    _, _, consumer, _ = entity_types(OPTIONS)
    assert (consumer["name"], consumer["superTypes"]) == ("uc_miner_consumer", ["DataSet"])


def test_summary():
    """What stands for many processes is one itself."""
    *_, summary = entity_types(OPTIONS)
    assert (summary["name"], summary["superTypes"]) == ("uc_miner_summary", ["Process"])


def test_lists_may_be_long():
    """Atlas refuses a second element unless the definition allows it."""
    _, process, *_ = entity_types(OPTIONS)
    (attribute,) = [one for one in process["attributeDefs"] if one["name"] == "unmatchedInputs"]
    assert (attribute["cardinality"], attribute["valuesMaxCount"]) == ("LIST", 2_147_483_647)


def test_usage_group():
    """Every window has its figures; what they apply to is a JSON list inside a string, as Purview wants it."""
    definition = usage_group(OPTIONS)
    assert (definition["name"], definition["category"]) == ("UnityCatalogUsage", "BUSINESS_METADATA")
    assert {"reads_30d", "reads_90d", "trend_90d", "last_read", "as_of"} <= set(names(definition))
    for attribute in definition["attributeDefs"]:
        assert "databricks_table" in json.loads(attribute["options"]["applicableEntityTypes"])
        assert attribute["isOptional"]


def test_columns_have_figures_when_asked_for():
    """What columns have too applies to the types of columns, where these are there; without the option to none of them."""

    def types(there, **more):
        group = usage_group(PurviewOptions(windows=(7,), **more), there)
        return {one["name"]: json.loads(one["options"]["applicableEntityTypes"]) for one in group["attributeDefs"]}

    there = ["databricks_table", "databricks_table_column"]
    assert set(map(tuple, types(there).values())) == {("databricks_table",)}
    found = types(there, columns=True)
    assert {name for name, told in found.items() if told == there} == {
        "reads_7d", "readers_7d", "people_7d", "machines_7d", "score_7d", "band_7d", "trend_7d", "partial_days_7d",
        "last_read", "as_of",
    }  # fmt: skip
    assert found["indirect_reads_7d"] == found["last_write"] == ["databricks_table"]
    assert types(["databricks_table"], columns=True)["reads_7d"] == ["databricks_table"]
    assert "databricks_view_column" in types(None, columns=True)["reads_7d"]


def test_nothing_of_microsofts_is_defined():
    """No definition carries the name of a scanned type."""
    body = typedefs(OPTIONS)
    defined = [definition["name"] for definitions in body.values() for definition in definitions]
    assert defined == [
        "uc_miner_runnable",
        "uc_miner_process",
        "uc_miner_consumer",
        "uc_miner_summary",
        "uc_miner_runnable_processes",
        "UnityCatalogUsage",
    ]


def test_definitions_are_json():
    """The definitions survive the way through JSON, and settings name them."""
    body = typedefs(PurviewOptions(process_type="our_process", usage_group="g"))
    assert json.loads(json.dumps(body)) == body
    assert [one["name"] for one in body["entityDefs"]] == ["our_runnable", "our_process", "our_consumer", "our_summary"]
    assert body["businessMetadataDefs"][0]["name"] == "g"


def test_widening_adds_only_what_is_missing():
    """What is there stays, foreign attributes too; a group that lacks nothing is left alone."""
    narrow = usage_group(PurviewOptions(windows=(30,)), ["databricks_table"])
    narrow["attributeDefs"].append({"name": "somebody_elses", "typeName": "string"})
    wider = widened(narrow, usage_group(OPTIONS, ["databricks_table"]))
    assert wider is not None
    assert names(wider)[: len(names(narrow))] == names(narrow)
    assert "reads_90d" in names(wider)
    assert widened(wider, usage_group(OPTIONS, ["databricks_table"])) is None


def test_widening_keeps_types_it_applies_to():
    """A group comes to apply to further types, and never to fewer."""
    text = json.dumps(usage_group(PurviewOptions(), ["databricks_table"]))
    present = json.loads(text.replace('databricks_table\\"', 'databricks_table\\", \\"somebody_elses\\"'))
    wider = widened(present, usage_group(PurviewOptions(), ["databricks_table", "databricks_view"]))
    assert wider is not None
    for attribute in wider["attributeDefs"]:
        assert json.loads(attribute["options"]["applicableEntityTypes"]) == [
            "databricks_table",
            "databricks_view",
            "somebody_elses",
        ]


@pytest.mark.parametrize(
    "foreign",
    [
        ("databricks_table", "databricks://m/catalogs/c"),
        ("uc_miner_process", "x://1"),
        ("databricks_table", "uc-miner://1"),
    ],
)
def test_ownership(foreign):
    """Only what carries our scheme and no scanned type is ours; one that is not stops the whole removal."""
    refuse_foreign([("uc_miner_process", "uc-miner://1"), ("an_older_type", "uc-miner://2")])
    with pytest.raises(SinkError, match="not the miner's own"):
        refuse_foreign([("uc_miner_process", "uc-miner://1"), foreign])


@pytest.mark.parametrize("name", ["databricks_process", "Databricks_mine", "hive_table"])
def test_no_type_of_microsofts_is_made(name):
    """Whatever the settings say, a definition under such a name stops the run."""
    refuse_microsofts("uc_miner_process")
    with pytest.raises(SinkError, match="Microsoft"):
        refuse_microsofts(name)
