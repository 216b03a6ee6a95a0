"""One process for all that read, or write, a dataset: one end is that dataset, the other all the rest."""

import pyarrow as pa
import pytest

from miner.schemas import SUMMARIES
from sinks.purview.options import DEFAULT
from sinks.purview.summaries import summary_entities
from tests.sinks.purview.given import METASTORE, TABLES, body, edge


@pytest.fixture
def made(unmatched):
    """The entities of some rows, given as side, source and target; batches of two."""

    def make(*rows):
        told = []
        for side, source, target in rows:
            whole = edge(source, target)
            hub = whole["source" if side == "read" else "target"]
            told.append({name: whole.get(name) for name in SUMMARIES.names} | {"hub": hub, "side": side})
        batches = pa.Table.from_pylist(told, schema=SUMMARIES).to_batches(2)
        return list(summary_entities(batches, unmatched, DEFAULT))

    return make


def ends(entity):
    """The last parts of the names of inputs and outputs."""
    attributes = body(entity)["attributes"]
    return [
        [one["uniqueAttributes"]["qualifiedName"].removeprefix(f"{TABLES}/") for one in attributes[side]]
        for side in ("inputs", "outputs")
    ]


def test_ends(made):
    """What reads a table leads from it to all that is made of it, what writes it from all sources to it; sorted."""
    read, written = made(
        *[("read", "c.s.dim", f"c.s.{name}") for name in "cab"],
        *[("written", f"c.s.{name}", "c.s.log") for name in "ba"],
    )
    assert ends(read) == [["dim"], ["a", "b", "c"]]
    assert ends(written) == [["a", "b"], ["log"]]
    assert {one.type_name for one in (read, written)} == {"uc_miner_summary"}
    assert [one.kind for one in (read, written)] == ["summary"] * 2
    assert read.qualified_name.startswith(f"uc-miner://{METASTORE}/summary/read/")
    assert [one.flow[1] for one in (read, written)] == [1, 2]
    assert body(read)["attributes"]["name"] == "Everything that reads c.s.dim"


def test_the_same_is_the_same(made):
    """It is told by its dataset and side alone, and is the same whatever the order its edges come in."""
    rows = [("written", f"c.s.{name}", "c.s.log") for name in "abc"]
    (one,), (other,), (more,) = made(*rows), made(*reversed(rows)), made(*rows, ("written", "c.s.d", "c.s.log"))
    assert (one.qualified_name, one.digest) == (other.qualified_name, other.digest)
    assert one.qualified_name == more.qualified_name
    assert one.digest != more.digest


def test_ends_without_an_asset(made, unmatched):
    """They are listed and reported; a summary of which nothing is left, or whose dataset has none, is not made."""
    (one,) = made(("read", "c.s.dim", "dbfs:/mnt/x/a"), ("read", "c.s.dim", "c.s.b"))
    assert body(one)["attributes"]["unmatchedEnds"] == ["dbfs:/mnt/x/a"]
    assert len(unmatched) == 1
    assert made(("read", "dbfs:/mnt/x/a", "c.s.b")) == made(("written", "dbfs:/mnt/x/a", "c.s.b")) == []
    assert "nothing on its other end has an asset" in [one.reason for one in unmatched]


def test_it_is_taken(atlas, connected, made):
    """The catalog takes it under a type of its own, and it is removed as our own."""
    for name in ("dim", "a", "b"):
        atlas.scanned("databricks_table", f"{TABLES}/{name}")
    sink = connected(DEFAULT)
    sink.prepare()
    (one,) = made(("read", "c.s.dim", "c.s.a"), ("read", "c.s.dim", "c.s.b"))
    assert sink.send([one]) == []
    assert atlas.process(one.qualified_name, "uc_miner_summary")["side"] == "read"
    sink.remove([(one.type_name, one.qualified_name)])
    assert ("uc_miner_summary", one.qualified_name) not in atlas.entities
