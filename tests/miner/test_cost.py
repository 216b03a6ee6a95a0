"""The stream of cost: mined day by day, balanced in rows and in money, replaced as a whole, and optional."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
import structlog

from miner import cost, list_cost, mining, schemas
from miner.errors import BalanceError, HeldError, LeaseLostError, ShrunkDayError
from miner.ledger import COST, costs, wanted
from miner.ledger.leases import Leases
from miner.ledger.soundness import checks
from miner.pipeline import Run
from tests.miner.fake_costs import CostDay, FakeCosts
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import DAY, METASTORE, lineage

BILLION = 10**9

ONE_DAY = CostDay(
    hours={
        (9, "USD", "dataset"): 5, (9, "USD", "idle"): 7, (10, "USD", "dataset"): BILLION, (10, "USD", "no_reads"): 0,
        (11, "USD", "no_statements"): -3,
    },
    datasets={("c.s.a", "USD"): (BILLION - 1, 2), ("c.s.b", "USD"): (6, 1)},
    rows={"kept": 3, "no_warehouse": 4},
)  # fmt: skip
OTHER_DAY = CostDay(hours={(0, "USD", "dataset"): 8}, datasets={("c.s.a", "USD"): (8, 1)})


def source(world, told, **options):
    tables = FakeTables(lineage("c.s.a", "c.s.b", day=DAY))
    return replace(world.source(tables, **options), costs=told)


def mine(world, told, lease=None, **options):
    """Mine what is due of cost."""
    return list(
        mining.mine_cost(
            source(world, told, **options), told, world.ledger, run_id=1, now=lambda: world.now, lease=lease
        )
    )


def dumped(world, what):
    return [json.loads(line) for line in world.dump() if line.startswith(f'{{"what": "{what}"')]


def by_dataset(world, what="cost"):
    return {(one["day"], one["dataset"][-1]): one["billionths"] for one in dumped(world, what)}


def test_a_day_is_kept(world):
    """Money stands in the ledger by day and dataset and by hour and fate, to the last billionth; zeros are left out."""
    (mined,) = mine(world, FakeCosts({DAY: ONE_DAY}))
    assert (mined.stream, mined.day, mined.rows, mined.kept) == (COST, DAY, 7, 3)
    assert dumped(world, "cost") == [
        {"what": "cost", "source": "prod", "day": str(DAY), "dataset": [METASTORE, "c", "s", name], "currency": "USD",
         "billionths": amount, "statements": statements}
        for name, amount, statements in (("a", BILLION - 1, 2), ("b", 6, 1))
    ]  # fmt: skip
    assert [(one["hour"], one["fate"], one["billionths"]) for one in dumped(world, "cost_hour")] == [
        (9, "dataset", 5), (9, "idle", 7), (10, "dataset", BILLION), (11, "no_statements", -3),
    ]  # fmt: skip
    fates = [(one["table"], one["fate"], one["rows"]) for one in dumped(world, "fate")]
    assert fates == [("billing_usage", "kept", 3), ("billing_usage", "no_warehouse", 4)]


def test_mined_again_a_day_is_replaced(world):
    """What a day cost before is gone when it is mined again, other days and other sources stay."""
    told = FakeCosts({DAY: ONE_DAY, day(1): OTHER_DAY})
    world.now = noon(day(2))
    mine(world, told)
    before = world.dump()
    mine(world, told)
    assert world.dump() == before
    told.days[DAY] = CostDay({(3, "EUR", "dataset"): 2}, {("s3://bucket/x", "EUR"): (2, 1)}, {"kept": 7})
    mine(world, told)
    assert by_dataset(world) == {(str(DAY), "s3://bucket/x"): 2, (str(day(1)), "a"): 8}
    assert {(one["day"], one["hour"]) for one in dumped(world, "cost_hour")} == {(str(DAY), 3), (str(day(1)), 0)}


def test_days_settle_later(world):
    """Bills are corrected late: days of cost are mined again for a time of their own."""
    told = FakeCosts({DAY: OTHER_DAY, day(5): OTHER_DAY})
    world.now = noon(day(6))
    assert [one.day for one in mine(world, told, settle_days=1, cost_settle_days=5)][::5] == [DAY, day(5)]
    marks = world.marks(COST)
    assert (marks[DAY].settled, marks[day(1)].settled) == (True, False)
    assert mine(world, told, settle_days=1, cost_settle_days=5)[0].day == day(1)


def test_another_method_mines_again(world):
    """Where events of warehouses are granted later, settled days are mined anew: figures of two methods do not mix."""
    told = FakeCosts({DAY: OTHER_DAY})
    assert (len(mine(world, told)), len(mine(world, told))) == (1, 0)
    told.method = "idle with statements"
    assert len(mine(world, told)) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_money_is_balanced(world, times):
    """An hour whose parts do not add up to its cost is asked for once more, and refused when it stays so."""
    told = FakeCosts({DAY: OTHER_DAY})
    told.miscounts = times
    if times == 1:
        assert len(mine(world, told)) == 1
    else:
        with pytest.raises(BalanceError, match=r"00:00 cost 0\.000000009 USD, 0\.000000008 are accounted for"):
            mine(world, told)
        assert (dumped(world, "cost"), world.marks(COST)) == ([], {})
    assert len(told.asked) == 2


def test_datasets_bear_their_hours(world):
    """What datasets bear must be what the hours laid on them."""
    wrong = replace(OTHER_DAY, datasets={("c.s.a", "USD"): (7, 1)})
    with pytest.raises(
        BalanceError, match=r"datasets of 2026-11-10 bear 0\.000000007 USD, their part of its hours is 0\.000000008"
    ):
        mine(world, FakeCosts({DAY: wrong}))


def test_rows_are_balanced(world):
    """Rows of billing.usage without a fate stop the day."""
    told = FakeCosts({DAY: OTHER_DAY})
    counted = told.totals(DAY, DAY)
    told.totals = lambda first, last: counted.set_column(2, "rows", pa.array([2], pa.int64()))
    with pytest.raises(BalanceError, match=r"billing_usage holds 2 rows of 2026-11-10, 1 are accounted for"):
        mine(world, told)


def test_settled_days_do_not_shrink(world):
    """A settled day that lost its workspace is refused, and keeps its cost."""
    told = FakeCosts({DAY: OTHER_DAY})
    mine(world, told)
    told.days[DAY], told.method = replace(OTHER_DAY, workspace="1002"), "another"
    with pytest.raises(ShrunkDayError, match="cost of 2026-11-10"):
        mine(world, told)
    assert by_dataset(world) == {(str(DAY), "a"): 8}


def test_a_lost_lease_commits_nothing(world):
    """Who lost the lease writes no cost."""
    leases = Leases(world.ledger, "none")
    with leases.holding("prod", COST) as lease:
        world.alter("UPDATE lease SET token = token + 1")
        with pytest.raises(LeaseLostError):
            mine(world, FakeCosts({DAY: OTHER_DAY}), lease=lease)
        world.alter("UPDATE lease SET token = token - 1")
    assert dumped(world, "cost") == []


def run(world, told, **options):
    made = source(world, told, **options)
    return Run(world.ledger, [made], None, lambda: world.now, Leases(world.ledger, "none")).go()


def test_a_run_goes_on_without(world):
    """Where cost cannot be told the run says why, once, remembers it, and is done with all the rest."""
    told = FakeCosts({}, "system.billing.usage is not there, or may not be seen")
    with structlog.testing.capture_logs() as logs:
        outcome = run(world, told)
    assert (outcome.word, outcome.without_cost) == ("done", [("prod", told.reason)])
    assert [one["reason"] for one in logs if one["event"] == "cost.left_out"] == [told.reason]
    assert {one.stream for one in outcome.days} == {"lineage", "usage"}
    with world.ledger.reading() as connection:
        assert cost.reasons(connection) == {"prod": told.reason}
    told.reason, told.days = "", {DAY: OTHER_DAY}
    assert [one.stream for one in run(world, told).days] == ["cost"]
    with world.ledger.reading() as connection:
        assert cost.reasons(connection) == {}


def test_cost_alone_may_fail(world):
    """A bill that does not add up fails the run, and spares what else it mined."""
    told = FakeCosts({DAY: OTHER_DAY})
    told.miscounts = 2
    outcome = run(world, told)
    assert ([where for where, _ in outcome.failures], outcome.word) == (["cost of source prod"], "failed")
    assert world.marks("usage")


def test_held_by_another(world):
    """Cost that another process mines is left to it."""
    with Leases(world.ledger, "none").holding("prod", COST):
        outcome = run(world, FakeCosts({DAY: OTHER_DAY}))
    assert [type(error) for error in outcome.held] == [HeldError]
    assert world.marks("usage")
    assert not world.marks(COST)


def report(world, first=DAY, last=DAY):
    with world.ledger.reading() as connection:
        wanted.resolve(connection)
        return [row for batch in costs.by_day(connection, first, last) for row in batch.to_pylist()]


def test_the_report_adds_up(world):
    """Datasets and fates of a day are all that its hours cost; the dearest dataset comes first."""
    mine(world, FakeCosts({DAY: ONE_DAY, day(1): OTHER_DAY}))
    told = report(world)
    assert [(one["fate"], one["dataset"], one["list_cost"], one["statements"]) for one in told] == [
        ("dataset", "c.s.a", Decimal("0.999999999"), 2),
        ("dataset", "c.s.b", Decimal("0.000000006"), 1),
        ("idle", None, Decimal("0.000000007"), None),
        ("no_statements", None, Decimal("-0.000000003"), None),
    ]
    assert sum(one["list_cost"] for one in told) == Decimal(sum(ONE_DAY.hours.values())) / BILLION
    assert {(one["source"], one["currency"], one["settled"]) for one in told} == {("prod", "USD", True)}


FIGURES = pa.table(
    {
        "metastore_id": [METASTORE, METASTORE, "m2", METASTORE, METASTORE, METASTORE],
        "dataset": ["c.s.a", "c.s.free", "c.s.a", "c.s.two", "c.s.a", "s3://bucket/a"],
        "kind": ["table", "table", "table", "table", "table", "path"],
        "window_days": pa.array([1, 1, 1, 2, 2, 2], pa.int64()),
        "as_of": pa.array([day(1)] * 6, pa.date32()),
    }
)


def test_beside_popularity(world):
    """A dataset's cost in a window; 0 where others of its metastore cost something, empty where nothing is known."""
    two = CostDay(
        {(1, "USD", "dataset"): 3, (1, "EUR", "dataset"): 4, (2, "USD", "dataset"): 10**12},
        {("c.s.two", "USD"): (3, 1), ("c.s.two", "EUR"): (4, 1), ("c.s.a", "USD"): (10**12, 1)},
    )
    mine(world, FakeCosts({DAY: two, day(1): OTHER_DAY}))
    told = list_cost.beside(world.ledger, FIGURES)
    assert told.schema.names[-3:] == schemas.LIST_COST.names
    assert [tuple(row.values())[-3:] for row in told.to_pylist()] == [
        (Decimal("0.000000008"), "USD", 1),
        (Decimal(0), "USD", 1),
        (None, None, 1),
        (None, "several", 2),
        (Decimal("1000.000000008"), "USD", 2),
        (Decimal(0), None, 2),
    ]


def test_beside_nothing(world):
    """Without any cost the columns are there and empty."""
    told = list_cost.beside(world.ledger, FIGURES)
    assert [tuple(row.values())[-3:] for row in told.to_pylist()] == [(None, None, 0)] * 6
    assert list_cost.beside(world.ledger, FIGURES.slice(0, 0)).schema.names[-3:] == schemas.LIST_COST.names


def test_a_path_that_is_a_table(world):
    """Cost of a path counts with the table that lies there."""
    tables = FakeTables(lineage("c.s.a", "c.s.b", job="1") | {"source_path": "s3://bucket/a"})
    world.mine(tables)
    both = CostDay(
        {(1, "USD", "dataset"): 7}, {("c.s.a", "USD"): (3, 1), ("s3://bucket/a", "USD"): (4, 2)}
    )  # fmt: skip
    mine(world, FakeCosts({DAY: both}))
    assert [(one["dataset"], one["list_cost"], one["statements"]) for one in report(world)] == [
        ("c.s.a", Decimal("0.000000007"), 3)
    ]
    assert list_cost.beside(world.ledger, FIGURES.slice(4, 1))["list_cost"].to_pylist() == [Decimal("0.000000007")]


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("SELECT 1", set()),
        ("UPDATE cost_day SET amount = amount + 1", {"ledger.money"}),
        ("DELETE FROM cost_hour WHERE fate = 'dataset'", {"ledger.money"}),
        ("UPDATE cost_day SET dataset_id = 1", {"ledger.cost"}),
        ("UPDATE day_fate SET rows = rows + 1", {"ledger.balance"}),
    ],
)
def test_a_sound_ledger(world, statement, wrong):
    """A ledger whose money does not add up, or belongs to nothing, is told."""
    mine(world, FakeCosts({DAY: OTHER_DAY}))
    world.alter(statement)
    with world.ledger.reading() as connection:
        found = {check.name for check in checks(connection) if check.look().state == "fail"}
    assert found == wrong


def test_only_whole_days(world):
    """A day that was not over when it was mined is no day that is known."""
    world.now = noon(day(1)) - timedelta(hours=3)
    mine(world, FakeCosts({DAY: OTHER_DAY, day(1): OTHER_DAY}))
    with world.ledger.reading() as connection:
        assert costs.mined_days(connection) == {DAY}
