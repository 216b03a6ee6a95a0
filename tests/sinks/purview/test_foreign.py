"""What a process of somebody else draws already is drawn again, or not, as the settings say."""

from dataclasses import replace

import pytest

from sinks.purview.foreign import JOINED
from sinks.purview.options import DEFAULT
from tests.sinks.purview.given import TABLES, body, edge, flows
from tests.sinks.purview.test_matching import batch, index  # noqa: F401 (a fixture)

SKIP = replace(DEFAULT, foreign_lineage="skip")
NAMES = ("c.s.a", "c.s.b", "c.s.x")


def reference(name):
    return {"typeName": "databricks_table", "uniqueAttributes": {"qualifiedName": f"{TABLES}/{name}"}}


def draw(atlas, qualified_name, source, target, type_name="databricks_process"):
    """Put a process there, made by whoever made it."""
    atlas.scanned(type_name, qualified_name)
    ends = {"inputs": [reference(source)], "outputs": [reference(target)]}
    atlas.entities[type_name, qualified_name]["attributes"] |= ends


@pytest.fixture
def made(atlas, connected, index, unmatched):  # noqa: F811
    """The process into x from a and b, as it is built after a look-up."""
    for name in "abx":
        atlas.scanned("databricks_table", f"{TABLES}/{name}")

    def make(options=SKIP):
        sink = connected(options)
        found = {one.dataset: one for some in sink.matches([batch(*NAMES)], index) for one in some}
        rows = [edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x")]
        numbers = {rows[0]["source"]: 1, rows[1]["source"]: 2, rows[0]["target"]: 3}
        return list(sink.processes([flows(*rows)], unmatched, lambda ids: {one: found[numbers[one]] for one in ids}))

    return make


def inputs(entities):
    return [one["uniqueAttributes"]["qualifiedName"][-1] for one in body(entities[-1])["attributes"]["inputs"]]


def test_what_others_draw_is_left_out(atlas, made, unmatched):
    """A line that the scan draws is left out and told; the rest of the process stays."""
    draw(atlas, "databricks://m/notebooks/1/processes/1", "a", "x")
    assert inputs(made()) == ["b"]
    assert [(one.name, one.reason) for one in unmatched] == [("c.s.a → c.s.x", JOINED)]
    assert inputs(made(DEFAULT)) == ["a", "b"]


def test_nothing_is_left(atlas, made, unmatched):
    """A process of which others draw everything is not drawn."""
    for name in "ab":
        draw(atlas, f"databricks://m/notebooks/{name}", name, "x")
    assert made() == []
    assert unmatched[-1].reason == f"every source: {JOINED}"


def test_ours_is_no_lineage_of_others(atlas, made):
    """What the miner made itself, under whatever type, and the other way round, leaves nothing out."""
    draw(atlas, "uc-miner://m/1/job/1/x?databricks", "a", "x")
    draw(atlas, "databricks://m/notebooks/1/processes/1", "x", "a")
    assert inputs(made()) == ["a", "b"]


def test_nobody_asks_for_it_in_vain(atlas, made):
    """Kept as it is, no process is read; otherwise those of all assets of a look-up together, then what they read."""
    draw(atlas, "databricks://m/notebooks/1/processes/1", "a", "x")
    made(DEFAULT)
    assert [one for one in atlas.calls("GET", "/entity/bulk") if one.guids] == []
    made()
    assert [len(one.guids) for one in atlas.calls("GET", "/entity/bulk") if one.guids] == [1, 1]
