"""What the ledger holds is what a slow row-at-a-time reading of the same rows says."""

import json
from dataclasses import asdict

from hypothesis import given

from tests import oracle
from tests.miner.estates import DAYS, estates, fake, some
from tests.miner.fakes import FakeTables
from tests.miner.world import day, worlds
from tests.queries.given import expected_usage
from tests.rows import METASTORE, columns, lineage


def lines(world, what):
    """The lines of one sort of the dump."""
    return [line for line in map(json.loads, world.dump()) if line["what"] == what]


def told(metastore, name):
    """A dataset as the dump tells it."""
    return (metastore, name.path) if name.name is None else (metastore, name.catalog, name.schema, name.name)


@some
@given(rows=estates(located=False))
def test_edges_and_their_days(rows):
    """An edge has exactly the days on which the rows show it, those shown direct, and each day's own columns."""
    table, pairs = rows["table_lineage"], rows["column_lineage"]
    expected = set()
    for one in DAYS:
        names = oracle.column_pairs(one, pairs)
        for edge, verified in oracle.edges(one, table).items():
            expected.add(
                (
                    edge[:4],
                    told(edge[0], edge.source),
                    told(edge[0], edge.target),
                    str(one),
                    verified,
                    tuple(sorted(names.get(edge, ()))),
                )
            )
    with worlds(1) as (world,):
        world.mine(fake(rows))
        found = {
            (
                tuple(line["process"]),
                tuple(line["from"]),
                tuple(line["to"]),
                one,
                one in line["direct"],
                tuple(sorted(map(tuple, line["columns"]))),
            )
            for line in lines(world, "edge")
            for one in line["days"]
        }
    assert found == expected


def matched(day, rows):
    """Statements of a day on both sides of the join with query history, as fates."""
    found = {}
    for (side, fate), statements in oracle.enrichment(day, rows["table_lineage"], rows["query_history"]).items():
        found.setdefault(("usage", side), {})[fate, ""] = statements
    return found


@some
@given(rows=estates())
def test_fates(rows):
    """Every row has the one fate the design gives it, and the fates of a day add up to the day's rows."""
    table, pairs = rows["table_lineage"], rows["column_lineage"]
    expected = {}
    for one in DAYS:
        fates = {
            ("lineage", "table_lineage"): oracle.lineage_fates(one, table),
            ("lineage", "column_lineage"): oracle.lineage_fates(one, pairs, known=oracle.edges(one, table)),
            ("usage", "table_lineage"): oracle.usage_fates(one, table),
            **matched(one, rows),
        }
        expected |= {(str(one), *where, *why): rows for where, some in fates.items() for why, rows in some.items()}
    with worlds(1) as (world,):
        world.mine(fake(rows))
        found = {
            (line["day"], line["stream"], line["table"], line["fate"], line["rule"]): line["rows"]
            for line in lines(world, "fate")
        }
        totals = {(line["stream"], line["day"]): line["rows"] for line in lines(world, "day")}
    assert found == expected
    for (stream, one), rows_ in totals.items():
        assert rows_ == sum(
            n for (at, where, name, *_), n in found.items() if (at, where, name) == (one, stream, "table_lineage")
        )


@some
@given(rows=estates())
def test_usage_rows(rows):
    """Usage per day, dataset, reader and kind of process is the oracle's, measure by measure, times included."""
    expected = {}
    for one in DAYS:
        for use, figures in expected_usage(one, rows["table_lineage"], rows["query_history"]).items():
            measures = asdict(figures)
            times = [measures.pop(name) for name in ("last_read_at", "last_write_at")]
            key = (str(one), told(use.metastore, use.dataset), use.reader, use.kind)
            expected[key] = (measures, *(at and at.isoformat() for at in times))
    measured = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes", "events", "runs")
    with worlds(1) as (world,):
        world.mine(fake(rows))
        found = {
            (line["day"], tuple(line["dataset"]), line["reader"], line["process_kind"]): (
                {name: line[name] for name in measured}, line["last_read"], line["last_write"],
            )
            for line in lines(world, "usage")
        }  # fmt: skip
    assert found == expected


def test_a_column_row_without_its_edge(world):
    """A column row of a day without the table edge is a reason of its own, and gives no columns."""
    edge = {"query": "q"}
    table = [lineage("c.s.a", "c.s.b", day=day(0), **edge), lineage("c.s.x", None, day=day(1))]
    pairs = [columns("c.s.a", "c.s.b", "id", "id", day=one, **edge) for one in (day(0), day(1))]
    world.mine(FakeTables(*table, column_lineage=pairs))
    fates = {
        (line["day"], line["fate"]): line["rows"] for line in lines(world, "fate") if line["table"] == "column_lineage"
    }
    assert fates == {(str(day(0)), "kept"): 1, (str(day(1)), "no_table_edge"): 1}
    assert [line["days"] for line in lines(world, "edge")] == [[str(day(0))]]


def test_a_redefined_view_loses_its_day(world):
    """Mining a day again replaces what that source said of it: an edge that is gone loses that day, and only that."""
    world.now = world.now.replace(month=11, day=11)
    table = [lineage("c.s.a", "c.s.b", day=one, query="q") for one in (day(-1), day(0))]
    world.mine(FakeTables(*table))
    rest = lineage("c.s.b", None, day=day(0))
    world.mine(FakeTables(table[0], rest))
    assert [(line["from"], line["days"]) for line in lines(world, "edge")] == [
        ([METASTORE, "c", "s", "a"], [str(day(-1))])
    ]
