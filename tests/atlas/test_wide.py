"""Column mappings over Purview's limit, carried by several processes of a real Atlas."""

import json
from dataclasses import replace

import pytest

from tests.atlas.estate import as_read

SHORT = 400
"""Bytes of a value, so that the estate's mappings are too long."""


@pytest.fixture
def wide(estate):
    """An estate in which a column mapping may be but a few columns long."""
    estate.options = replace(estate.options, max_attribute_bytes=SHORT, column_parts=100)
    return estate


def pairs(processes):
    """Source, target and both columns of every pair that processes tell of."""
    return sorted(
        (*part["DatasetMapping"].values(), *pair.values())
        for one in processes
        for part in json.loads(one["columnMapping"])
        for pair in part["ColumnMapping"]
    )


def apart(there):
    """The processes of flows, and those that carry the rest of their columns."""
    further = {name: one for name, one in there.items() if "/columns-" in name}
    return {name: one for name, one in there.items() if name not in further}, further


def test_every_pair_arrives(catalog, wide, estate):
    """What one process cannot carry is on others of the same parent, and the server takes them all, twice for nothing."""
    usual = replace(wide.options, max_attribute_bytes=32_000)
    whole, wide.options = wide.options, usual
    expected = [json.loads(one.body)["attributes"] for one in wide.entities()[0]]
    wide.options = whole
    changes = wide.emit()
    assert changes.rejected == {}
    assert changes.created["columns"] > 20
    there = catalog.processes()
    own, further = apart(there)
    assert pairs(there.values()) == pairs(expected)
    assert all(len(one["columnMapping"].encode()) <= SHORT for one in there.values())
    assert own == {one.qualified_name: as_read(one) for one in wide.entities()[0]}
    for name, one in further.items():
        process = own[name.partition("/columns-")[0] + name.partition("?")[1] + name.partition("?")[2]]
        mapped = {part["DatasetMapping"]["Source"] for part in json.loads(one["columnMapping"])}
        assert {source for _, source in one["inputs"]} == mapped <= {source for _, source in process["inputs"]}
        assert one["outputs"] == process["outputs"]
    above = catalog.above(catalog.attached())
    for name in further:
        flow = name.partition("/columns-")[0] + name.partition("?")[1] + name.partition("?")[2]
        assert [one["guid"] for one in above[name]] == [one["guid"] for one in above[flow]]
    lines = {(source, target) for source, name, target in catalog.lineage() if name in own}
    assert {(source, target) for source, _, target in catalog.lineage()} == lines
    assert wide.emit().sent == 0
    wide.forget_what_was_sent()
    wide.emit()
    assert catalog.processes() == there
    assert wide.verify().wrong == ()


def test_parts_go_when_they_are_not_needed(catalog, wide):
    """With room for all columns in one attribute the other processes are deleted, and theirs alone."""
    wide.emit()
    _, further = apart(catalog.processes())
    wide.options = replace(wide.options, max_attribute_bytes=32_000)
    changes = wide.emit()
    assert {name for _, name in changes.orphans["columns"]} == further.keys()
    assert changes.orphans["process"] == []
    assert catalog.processes() == {one.qualified_name: as_read(one) for one in wide.entities()[0]}


def test_degraded(catalog, wide):
    """With a single process to a flow the largest sources lose their columns and keep their lines; it is counted."""
    wide.options = replace(wide.options, column_parts=1)
    changes = wide.emit()
    (count,) = [number for reason, number in changes.unmatched.items() if "column_parts" in reason]
    assert count > 5
    there = catalog.processes()
    assert there == {one.qualified_name: as_read(one) for one in wide.entities()[0]}
    marked = [
        one for one in there.values() if one.get("columnMappingDegraded") or one["custom"].get("columnMappingDegraded")
    ]
    assert len(marked) >= count
    assert all(len(one["columnMapping"].encode()) <= SHORT for one in there.values())
