"""Entities read back: what is as it should be, and what is not."""

import pytest

from tests.sinks.purview.given import TABLES, Reports, edge
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
