"""Entities read back: what is as it should be, and what is not."""

import json

import pytest

from sinks.purview.options import PurviewOptions
from sinks.purview.usage import column_entities, usage_entities
from tests.sinks.purview.given import TABLES, Reports, column_popularity, edge, popularity
from tests.sinks.purview.given import flows as batch_of


@pytest.fixture
def sent(atlas, connected):
    """A sink, its catalog and two flows of a native job that were sent, with what they hang below."""
    atlas.native()
    for name in "abx":
        atlas.scanned("databricks_table", f"{TABLES}/{name}")
    sink = connected()
    sink.prepare()
    native = [edge("c.s.a", "c.s.x", pairs=[("i", "k")]), edge("c.s.b", "c.s.x")]
    own = edge("c.s.a", "c.s.b", process=2, process_kind="pipeline")
    entities = list(sink.processes([batch_of(*native, own)], Reports()))
    for one in entities:
        assert sink.send([one]) == []
    return sink, atlas, entities


def wrong(sent):
    """The kinds of what differs."""
    sink, _, entities = sent
    return sorted(one.kind for one in sink.differing(entities))


def stored(sent, kind):
    """What the catalog holds of the first entity of a kind."""
    _, atlas, entities = sent
    one = next(one for one in entities if one.kind == kind)
    return atlas.entities[one.type_name, one.qualified_name]


def test_what_was_sent_is_found_right(sent):
    """Entities of native types and of our own are as they were sent, whatever the catalog leaves out of them."""
    assert wrong(sent) == []
    own = next(one for key, one in sent[1].entities.items() if key[0] == "uc_miner_process")
    for name in ("unmatchedInputs", "columnMappingDegraded", "pipelineId"):
        del own["attributes"][name]
    assert wrong(sent) == []


def test_what_is_missing(sent):
    """An entity that somebody removed differs."""
    _, atlas, entities = sent
    gone = next(one for one in entities if one.kind == "process")
    del atlas.entities[gone.type_name, gone.qualified_name]
    assert wrong(sent) == ["process"]


@pytest.mark.parametrize(
    "change",
    [{"name": "mine"}, {"columnMapping": "[]"}, {"inputs": []}, {"outputs": []}],
)
def test_what_was_changed(sent, change):
    """An attribute or an end that is another differs."""
    stored(sent, "process")["attributes"].update(change)
    assert wrong(sent) == ["process"]


def test_another_input(sent):
    """An input more than there should be differs."""
    more = {"typeName": "databricks_table", "uniqueAttributes": {"qualifiedName": f"{TABLES}/x"}}
    process = stored(sent, "process")
    process["attributes"]["inputs"] = [*process["attributes"]["inputs"], more]
    assert wrong(sent) == ["process"]


def test_an_asset_that_is_gone(sent):
    """A process whose input was deleted differs: when it is sent again, the catalog's refusal has the asset looked up."""
    _, atlas, _ = sent
    del atlas.entities["databricks_table", f"{TABLES}/a"]
    assert wrong(sent) == ["process", "process"]


def test_another_place(sent):
    """A process that hangs below another parent differs."""
    stored(sent, "process")["relationships"] = {}
    assert wrong(sent) == ["process"]


def test_custom_attributes(sent):
    """What a native process is told beside its attributes counts."""
    stored(sent, "process")["customAttributes"].pop("processId")
    assert wrong(sent) == ["process"]


def test_parents_of_others_are_theirs(sent):
    """A job of our own that was renamed is put right; one that does not say that we made it is left alone."""
    _, atlas, _ = sent
    jobs = [one for key, one in atlas.entities.items() if key[0] == "databricks_job"]
    jobs[0]["attributes"]["name"] = "theirs"
    assert wrong(sent) == ["parent"]
    jobs[0]["customAttributes"] = {}
    assert wrong(sent) == []


@pytest.fixture
def figured(atlas, connected, made_usage):
    """A sink and the figures of one asset that it sent."""
    atlas.scanned("databricks_table", f"{TABLES}/t")
    sink = connected()
    sink.prepare()
    (one,) = made_usage
    assert sink.send([one]) == []
    return sink, atlas, one


@pytest.fixture
def made_usage():
    """The figures of one table."""
    return list(usage_entities(popularity({}), Reports()))


def test_figures_are_read_back(figured):
    """What was sent is found right, and is the same entity when it is made of what the ledger keeps."""
    sink, _, one = figured
    again = sink.figures(one.kind, one.type_name, one.qualified_name, one.figures, one.digest)
    assert json.loads(again.body) == json.loads(one.body)
    assert again._replace(body=one.body) == one
    assert sink.differing([again]) == []


@pytest.mark.parametrize(
    "change", [{"reads_30d": 1}, {"reads_30d": None}, {"trend_30d": 99.0}], ids=["changed", "gone", "more"]
)
def test_figures_that_somebody_changed(figured, change):
    """A figure that is another, missing, or there though it is not known, is found, and put right."""
    sink, atlas, _ = figured
    (one,) = usage_entities(popularity({"trend": None}), Reports())
    sink.send([one])
    group = atlas.usage(f"{TABLES}/t")["UnityCatalogUsage"]
    group.update(change)
    for name in [name for name, value in group.items() if value is None]:
        del group[name]
    assert sink.differing([one]) == [one]
    assert sink.send([one]) == []
    assert sink.differing([one]) == []


def test_figures_of_an_asset_that_is_gone(figured):
    """An asset that was deleted shows no figures."""
    sink, atlas, one = figured
    del atlas.entities["databricks_table", f"{TABLES}/t"]
    assert sink.differing([one]) == [one]


def test_figures_of_a_column(atlas, connected):
    """What a column shows is read back like what its table shows; a column that is gone differs."""
    column = f"{TABLES}/t/columns/Order Id"
    atlas.scanned("databricks_table_column", column)
    sink = connected(PurviewOptions(columns=True))
    sink.prepare()
    (sent,) = column_entities(column_popularity({"column": "Order Id"}).assign(dataset_id=1), Reports())
    assert sink.send([sent]) == []
    one = sink.figures(sent.kind, sent.type_name, sent.qualified_name, sent.figures, sent.digest)
    assert (one._replace(body=sent.body), json.loads(one.body)) == (sent, json.loads(sent.body))
    assert sink.differing([one]) == []
    atlas.usage(column, "databricks_table_column")["UnityCatalogUsage"]["reads_30d"] = 1
    assert sink.differing([one]) == [one]
    assert sink.send([one]) == []
    assert sink.differing([one]) == []
    del atlas.entities["databricks_table_column", column]
    assert sink.differing([one]) == [one]
