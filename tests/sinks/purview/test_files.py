import json

import pytest

from miner.errors import SinkError
from sinks.purview.batches import bulk_body
from sinks.purview.files import FilesSink
from sinks.purview.options import PurviewOptions
from tests.sinks.purview.given import edge, entity, popularity
from tests.sinks.purview.given import flows as batch_of


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out" / "purview"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bodies_are_those_that_would_be_posted(folder):
    """A file holds a request body byte by byte; processes and usage are numbered apart."""
    sink = FilesSink(folder)
    processes, usage = [entity(1), entity(2)], [entity(3, "usage")]
    assert sink.send([*processes, *usage]) == []
    sink.send([entity(4)])
    assert names(folder) == ["bulk-000001.json", "bulk-000002.json", "usage-000001.json"]
    assert (folder / "bulk-000001.json").read_bytes() == bulk_body(processes)
    assert (folder / "usage-000001.json").read_bytes() == bulk_body(usage)


def test_numbers_go_on(folder):
    """A later run adds to what is there and overwrites nothing."""
    FilesSink(folder).send([entity(1)])
    FilesSink(folder).send([entity(2)])
    (folder / "bulk-notes.json").write_text("somebody's")
    FilesSink(folder).send([entity(3)])
    assert names(folder) == ["bulk-000001.json", "bulk-000002.json", "bulk-000003.json", "bulk-notes.json"]


def test_definitions(folder):
    """The type definitions stand beside the bodies."""
    FilesSink(folder, PurviewOptions(windows=(7,))).prepare()
    written = json.loads((folder / "typedefs.json").read_text())
    assert [one["name"] for one in written["entityDefs"]] == [
        "uc_miner_runnable",
        "uc_miner_process",
        "uc_miner_consumer",
        "uc_miner_summary",
    ]
    assert [one["name"] for one in written["relationshipDefs"]] == ["uc_miner_runnable_processes"]
    assert "reads_7d" in {one["name"] for one in written["businessMetadataDefs"][0]["attributeDefs"]}


def test_removals(folder):
    """Removals are listed by type and qualified name; no removal is no file."""
    sink = FilesSink(folder)
    sink.remove([])
    sink.remove([("uc_miner_process", "uc-miner://1")])
    assert names(folder) == ["delete-000001.json"]
    assert json.loads((folder / "delete-000001.json").read_text()) == [
        {"typeName": "uc_miner_process", "qualifiedName": "uc-miner://1"}
    ]


def test_foreign_removals_are_refused(folder):
    """What is not ours is not even listed."""
    with pytest.raises(SinkError):
        FilesSink(folder).remove([("databricks_table", "databricks://m/catalogs/c")])
    assert not folder.exists()


def test_place_that_is_a_file(tmp_path):
    """A place that cannot be written is an error with its mend."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(SinkError) as caught:
        FilesSink(tmp_path / "taken" / "purview").send([entity(1)])
    assert caught.value.mend


def test_the_whole_way(folder, unmatched):
    """Flows and popularity become files through the sink alone, within its limits."""
    sink = FilesSink(folder, PurviewOptions(max_entities=2))
    edges = [edge("c.s.a", f"c.s.x{n}", process=n) for n in range(5)]
    for batch in sink.batches(sink.processes([batch_of(*edges)], unmatched)):
        sink.send(batch)
    for batch in sink.batches(sink.usage(popularity({}), unmatched)):
        sink.send(batch)
    counts = {path.name: len(json.loads(path.read_text())["entities"]) for path in folder.iterdir()}
    assert counts == {f"bulk-00000{n}.json": count for n, count in enumerate([2, 2, 1, 2, 2, 1], 1)} | {
        "usage-000001.json": 1
    }
    assert unmatched == []
