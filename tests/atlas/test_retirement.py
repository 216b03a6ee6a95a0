"""Edges that are retired in a real Atlas, entities that are only marked, and damage that is found and mended."""

from dataclasses import replace

import pytest

from miner.ledger.retirement import Limits
from tests.atlas.estate import as_read

LATER = 10
"""Days after which every day of the estate is settled."""
IMPATIENT = Limits(stale_days=2)


@pytest.fixture
def settled(estate):
    """An estate that was sent, and whose days are all settled by now."""
    estate.emit()
    estate.mine(days=LATER)
    assert estate.emit().sent == 0
    return estate


def drawn(estate):
    """Every process as it should be read back."""
    return {one.qualified_name: as_read(one) for one in estate.entities()[0]}


def test_retired_edges_leave_the_catalog(catalog, settled):
    """The plan tells what goes and why; the catalog then holds what is left, lineage too, and every scanned asset."""
    before, scanned = catalog.processes(), dict(catalog.scanned)
    settled.limits = IMPATIENT
    planned = settled.plan()
    assert planned.retired["aged"] > len(planned.removed) > 0
    assert {planned.reasons[name] for _, name in planned.orphans["process"]} == {"aged"}
    assert catalog.processes() == before
    changes = settled.emit()
    assert (changes.retired, changes.removed, changes.rejected) == (planned.retired, planned.removed, {})
    after = catalog.processes()
    assert after == drawn(settled)
    assert before.keys() - after.keys() == {name for _, name in changes.orphans["process"]}
    assert any(after[name]["inputs"] < before[name]["inputs"] for name in after)
    assert catalog.lineage() == {
        (source, name, target) for name, one in after.items() for source in one["inputs"] for target in one["outputs"]
    }
    assert catalog.scanned == scanned
    settled.limits = Limits()
    assert settled.emit().created["process"] == len(changes.orphans["process"])
    assert catalog.processes() == before


def test_marked_entities_stay_without_lineage(catalog, settled):
    """With `mark` a process without edges is kept, out of lineage and marked; with its edges it is as it was."""
    before = catalog.processes()
    settled.limits, settled.options = IMPATIENT, replace(settled.options, removed="mark")
    changes = settled.emit()
    removed = changes.orphans["process"]
    assert removed
    assert catalog.processes() == drawn(settled)
    for type_name, name in removed:
        there = catalog.named(type_name, name)["attributes"]
        assert (there["name"], there["inputs"], there["outputs"]) == (f"(retired) {before[name]['name']}", [], [])
    settled.limits = Limits()
    assert not settled.emit().rejected
    assert catalog.processes() == before


def test_damage_is_found_and_mended(catalog, estate):
    """Entities that somebody changed or removed are found by reading back, and are as they should be afterwards."""
    estate.emit()
    before = catalog.processes()
    assert estate.verify().wrong == ()
    gone, renamed, cut = sorted(before)[::10][:3]
    catalog.ask(
        "DELETE", f"entity/uniqueAttribute/type/{before[gone]['typeName']}", params={"attr:qualifiedName": gone}
    )
    catalog.change(before[renamed]["typeName"], renamed, {"name": "mine now"})
    catalog.change(before[cut]["typeName"], cut, {"inputs": []})
    verified = estate.verify()
    assert set(verified.wrong) == {gone, renamed, cut}
    assert verified.changes.rejected == {}
    assert catalog.processes() == before
    assert estate.verify().wrong == ()
    assert estate.emit().sent == 0


def test_a_sample_at_a_time(catalog, estate):
    """Read back in small samples, all processes have their turn before any has its second."""
    estate.emit()
    names = sorted(catalog.processes())
    catalog.change(catalog.processes()[names[-1]]["typeName"], names[-1], {"name": "mine now"})
    size = len(names) // 2 + 1
    assert [estate.verify(size).wrong for _ in range(2)] == [(), (names[-1],)]
