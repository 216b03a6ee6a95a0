"""Edges that are retired in a real Atlas, entities that are only marked, and damage that is found and mended."""

from collections import defaultdict
from dataclasses import replace

import pytest
from sqlalchemy import text

from miner.drawn import Drawing
from miner.ledger.retirement import Limits
from tests.atlas.estate import as_read

LATER = 10
"""Days after which every day of the estate is settled."""
IMPATIENT = Limits(stale_days=2)


DAILY = """
SELECT e.target_dataset, e.process_id, e.id FROM edge e JOIN edge_month m ON m.edge_id = e.id
JOIN emission s ON s.kind = 'process' AND s.process_id = e.process_id AND s.target_dataset = e.target_dataset
WHERE e.target_dataset NOT IN (SELECT dataset_id FROM replaced)
GROUP BY e.id HAVING max(m.day_bits) = 960 ORDER BY 1, 2, 3
"""
"""Edges of entities that were seen on all four days, 7 to 10 November, into tables that no statement replaced."""


@pytest.fixture
def settled(estate):
    """An estate that was sent, whose days are all settled by now; some edges were seen on its first day alone."""
    estate.emit()
    estate.mine(days=LATER)
    ledger = estate.ledger()
    with ledger.writing() as connection:
        flows = defaultdict(list)
        for target, process, edge in connection.exec_driver_sql(DAILY).all():
            flows[target, process].append(edge)
        quiet = [*_gone(flows), next(edges for edges in flows.values() if len(edges) > 1)[0]]
        first = text("UPDATE edge_month SET day_bits = 64, direct_bits = 64 WHERE edge_id = :edge")
        connection.execute(first, [{"edge": edge} for edge in quiet])
        connection.exec_driver_sql("DELETE FROM retirement")
    ledger.close()
    assert estate.emit().sent == 0
    return estate


def _gone(flows):
    """The edges of a flow whose target another process writes every day."""
    for (target, process), edges in flows.items():
        if any(other == target and one != process for other, one in flows):
            return edges
    raise AssertionError("no two processes write one table")


def drawn(estate):
    """Every process as it should be read back."""
    return {one.qualified_name: as_read(one) for one in estate.entities()[0]}


def test_retired_edges_leave_the_catalog(catalog, settled):
    """The plan tells what goes and why; the catalog then holds what is left, lineage too, and every scanned asset."""
    before, scanned = catalog.processes(), dict(catalog.scanned)
    settled.limits = IMPATIENT
    planned = settled.plan()
    assert planned.retired["aged"] > len(planned.orphans["process"]) > 0
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
    """Read back in small samples, all processes and figures have their turn before any has its second."""
    estate.emit()
    names = sorted(catalog.processes())
    catalog.change(catalog.processes()[names[-1]]["typeName"], names[-1], {"name": "mine now"})
    size = (len(names) + len(catalog.figures())) // 2 + 1
    assert [estate.verify(size).wrong for _ in range(2)] == [(), (names[-1],)]


def test_figures_and_summaries_are_read_back(catalog, estate):
    """Figures that somebody changed on the server, and a summary that is gone, are found and put right."""
    drawing = Drawing(most_processes=3)
    estate.emit(drawing=drawing)
    before, figures = catalog.processes(), catalog.figures()
    assert estate.verify(drawing=drawing).wrong == ()
    kind, name = min(figures)
    groups = figures[kind, name]
    group, told = next(iter(groups.items()))
    wrong = {figure: 12345 for figure in told if figure.startswith("reads_")}
    catalog.write_metadata(catalog.scanned[kind, name], {group: wrong})
    summary = next(one for one in sorted(before) if "/summary/" in one)
    catalog.ask("DELETE", "entity/uniqueAttribute/type/uc_miner_summary", params={"attr:qualifiedName": summary})
    verified = estate.verify(drawing=drawing)
    assert set(verified.wrong) == {name, summary}
    assert verified.changes.rejected == {}
    assert (catalog.processes(), catalog.figures()) == (before, figures)
    assert estate.verify(drawing=drawing).wrong == ()
