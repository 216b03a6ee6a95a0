"""`cost_daily.sql` and what belongs to it, on rows made by hand."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from miner.ports import Span
from queries.cost import CostReader
from tests.oracle import Dataset, Scope
from tests.oracle.scope import EVERYTHING, Lists
from tests.queries import given
from tests.rows import (
    DAY,
    METASTORE,
    at,
    billed,
    lineage,
    price,
    statement,
    warehouse_event,
    worked,
    write_table,
)

A, B = (Dataset("c", "s", name, None) for name in "ab")
DOLLAR = 10**9
A_DOLLAR = price("1")
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.fixture
def asked(costs_of):
    """The cost of the day for some rows; one list price of a dollar, unless told otherwise."""

    def answer(billing, *, history=(), reads=(), prices=(A_DOLLAR,), events=None, scope=EVERYTHING, day=DAY):
        source = costs_of(
            billing_usage=billing, list_prices=prices, query_history=history, table_lineage=reads,
            warehouse_events=events, scope=scope,
        )  # fmt: skip
        found = given.costs_of_days(source, day, day)[day]
        _reconciled(source, found, day)
        return found

    return answer


def _reconciled(source, found, day):
    """All amounts of an hour are what the hour cost; what datasets bore is the hours' share of it."""
    sums: Counter = Counter()
    for (hour, currency, _), amount in found.hours.items():
        sums[day, hour, currency] += amount
    assert dict(sums) == given.charges_of_days(source, day, day)
    laid = sum(amount for (_, _, fate), amount in found.hours.items() if fate == "dataset")
    assert laid == sum(found.datasets.values())


def hours(found):
    return {key: amount for key, amount in found.hours.items() if amount}


def test_work_decides(asked):
    """An hour's cost is laid on its statements by their share of the work: tasks, fetching and compiling."""
    found = asked(
        [billed("10")],
        history=[
            worked("st1", 1000, at(), result_fetch_duration_ms=700, compilation_duration_ms=300),
            worked("st2", 6000, at(hour=12, minute=30)),
        ],
        reads=[lineage("c.s.a", statement_id="st1"), lineage("c.s.b", statement_id="st2")],
    )
    assert found.datasets == {(METASTORE, A, "USD"): 2.5 * DOLLAR, (METASTORE, B, "USD"): 7.5 * DOLLAR}
    assert hours(found) == {(12, "USD", "dataset"): 10 * DOLLAR}
    assert found.rows == {("kept", ""): 1}


def test_over_the_hour(asked):
    """A statement that spans two hours has its work spread over the time it took."""
    found = asked(
        [billed("4", 12), billed("6", 13)],
        history=[worked("st1", 9000, at(hour=12, minute=40), 30 * 60), worked("st2", 3000, at(hour=13, minute=30))],
        reads=[lineage("c.s.a", statement_id="st1"), lineage("c.s.b", statement_id="st2")],
    )
    # st1: 6000 ms in the hour of 12, alone; 3000 ms in that of 13, beside 3000 of st2.
    assert found.datasets == {(METASTORE, A, "USD"): 7 * DOLLAR, (METASTORE, B, "USD"): 3 * DOLLAR}
    assert found.statements == {(METASTORE, A, "USD"): 1, (METASTORE, B, "USD"): 1}


def test_over_midnight(asked):
    """Each day bears the hours that are its own, whichever day the lineage is of."""
    given_ = {
        "history": [worked("st1", 4000, at(YESTERDAY, 23, 30), 3600)],
        "reads": [lineage("c.s.a", statement_id="st1", day=YESTERDAY)],
    }
    billing = [billed("4", 23, day=YESTERDAY), billed("6", 0)]
    assert asked(billing, **given_, day=YESTERDAY).datasets == {(METASTORE, A, "USD"): 4 * DOLLAR}
    assert asked(billing, **given_).datasets == {(METASTORE, A, "USD"): 6 * DOLLAR}


def test_split_evenly(asked):
    """A statement's cost goes in equal parts to the datasets that it read directly, and nothing is lost by rounding."""
    reads = [
        *(lineage(f"c.s.{name}", "c.s.out", statement_id="st1") for name in "aab"),
        lineage("s3://bucket/x", "c.s.out", statement_id="st1"),
        lineage("c.s.base", statement_id="st1", direct_access=False),
        lineage("c.s.out", "c.s.out", statement_id="st1"),
        lineage("c.s.other", statement_id="st2"),
        lineage("c.s.other", statement_id="st1", workspace_id="1002"),
        lineage("c.s.long_ago", statement_id="st1", day=DAY - timedelta(days=2)),
        lineage(None, "c.s.out", statement_id="st1"),
    ]
    found = asked([billed("1")], history=[worked("st1", 1000, at())], reads=reads)
    assert {name.spelled: amount for (_, name, _), amount in found.datasets.items()} == {
        "s3://bucket/x": 333333333, "c.s.a": 333333333, "c.s.b": 333333334,
    }  # fmt: skip


def test_nothing_read(asked):
    """What a statement costs of which no direct read is recorded stands by itself."""
    found = asked(
        [billed("1")], history=[worked("st1", 1000, at())], reads=[lineage(None, "c.s.a", statement_id="st1")]
    )
    assert (hours(found), found.datasets) == ({(12, "USD", "no_reads"): DOLLAR}, {})


def test_out_of_scope(asked):
    """The part of a dataset that is left out stays apart; the parts of the others do not grow by it."""
    scope = Scope(
        catalogs=("sys",), process_kinds=("alert",), principal="Miner@x.org", own_tables=("system.query.history",)
    )
    reads = [
        lineage("sys.s.a", statement_id="st1"),
        lineage("c.s.a", statement_id="st1"),
        lineage("c.s.b", statement_id="st2", alert="7"),
        lineage("system.query.history", statement_id="st3", created_by="miner@x.org"),
    ]
    history = [worked(name, 1000, at()) for name in ("st1", "st2", "st3")]
    found = asked([billed("3")], history=history, reads=reads, scope=scope)
    assert found.datasets == {(METASTORE, A, "USD"): DOLLAR // 2}
    assert hours(found) == {(12, "USD", "dataset"): DOLLAR // 2, (12, "USD", "out_of_scope"): 5 * DOLLAR // 2}


@pytest.mark.parametrize(
    "one",
    [
        worked("st1", 1000, at(), warehouse=None),
        worked("st1", 1000, at(), warehouse="wh2"),
        worked("st1", 1000, at(), workspace_id="1002"),
        worked("st1", 0, at(), compilation_duration_ms=500),
        worked("st1", None, at()),
        worked("st1", 1000, at(hour=13)),
        worked("st1", 1000, at(hour=11), 3600),
        worked(None, 1000, at()),
        worked("st1", 1000, at(YESTERDAY - timedelta(days=1)), 10 * 86400),
    ],
    ids=["no warehouse", "another", "elsewhere", "no tasks", "tasks unknown", "after", "before", "no id", "two days"],
)
def test_hours_without_work(asked, one):
    """Only statements of the warehouse that had tasks in the hour bear its cost; else nobody does."""
    found = asked([billed("2")], history=[one, statement("seen")])
    assert hours(found) == {(12, "USD", "no_statements"): 2 * DOLLAR}


def test_corrections_are_summed(asked):
    """ORIGINAL, RETRACTION and RESTATEMENT rows are added up, and each is counted."""
    billing = [
        billed("10"),
        billed("-10", record_type="RETRACTION", ingestion_date=TOMORROW),
        billed("8", record_type="RESTATEMENT", ingestion_date=TOMORROW),
    ]
    found = asked(billing, history=[statement("seen")])
    assert (hours(found), found.rows) == ({(12, "USD", "no_statements"): 8 * DOLLAR}, {("kept", ""): 3})


def test_a_day_taken_back(asked):
    """A retraction without a restatement costs nothing; one of more than was billed is a negative cost."""
    assert hours(asked([billed("3"), billed("-3")], history=[statement("seen")])) == {}
    found = asked([billed("-3")], history=[worked(f"st{n}", n, at()) for n in range(1, 8)])
    assert hours(found) == {(12, "USD", "no_reads"): -3 * DOLLAR}


@pytest.mark.parametrize(
    ("prices", "amount"),
    [
        ([price("0.7", "0.5", "0.4")], 0.4),
        ([price("0.7", "0.5")], 0.5),
        ([price("0.7")], 0.7),
        ([price("0.7", price_end_time=at(hour=12)), price("0.9", price_start_time=at(hour=12))], 0.9),
        ([price("0.7", price_end_time=at(hour=13)), price("0.9", price_start_time=at(hour=13))], 0.7),
        ([price("0.7"), price("0.9", price_start_time=at(hour=11))], 0.9),
        ([price("0.7"), price("0.6", price_start_time=at(hour=11)), price(None, price_start_time=at(hour=11))], 0.6),
        ([price("0.7"), price("0.9", sku_name="OTHER"), price("0.9", cloud="AWS")], 0.7),
        ([price("0.7"), price("0.9", usage_unit="GB")], 0.7),
        ([price("0.000000001")], 0.000000001),
        ([price("0.0000000005")], 0.000000001),
        ([price("0.0000000004")], 0),
    ],
)  # fmt: skip
def test_the_price_of_the_time(asked, prices, amount):
    """The effective price counts, else the promotional one, else the published one, as it stood when the hour began."""
    found = asked([billed("1")], prices=prices, history=[statement("seen")])
    assert sum(found.hours.values()) == round(amount * DOLLAR)


def test_prices_change_within_an_hour(asked):
    """Each row has the price of its own beginning; together they are the hour."""
    later = billed("1", usage_start_time=at(hour=12, minute=30))
    prices = [price("1", price_end_time=at(hour=12, minute=30)), price("2", price_start_time=at(hour=12, minute=30))]
    found = asked([billed("1"), later], prices=prices, history=[statement("seen")])
    assert hours(found) == {(12, "USD", "no_statements"): 3 * DOLLAR}


def test_no_price(asked):
    """A row whose price is not known is counted as such, and costs nothing."""
    billing = [billed("1"), billed("5", sku_name="NEW_SKU")]
    found = asked(billing, prices=[price("1"), price(None, sku_name="NEW_SKU")], history=[statement("seen")])
    assert found.rows == {("kept", ""): 1, ("no_price", ""): 1}
    assert hours(found) == {(12, "USD", "no_statements"): DOLLAR}


def test_currencies_stay_apart(asked):
    """Where prices are told in two currencies, each adds up by itself, and a row is one row."""
    found = asked(
        [billed("10")],
        prices=[price("1"), price("0.9", currency_code="EUR")],
        history=[worked("st1", 1000, at())],
        reads=[lineage("c.s.a", statement_id="st1")],
    )
    assert found.datasets == {(METASTORE, A, "USD"): 10 * DOLLAR, (METASTORE, A, "EUR"): 9 * DOLLAR}
    assert found.rows == {("kept", ""): 1}


def test_what_is_no_warehouse(asked):
    """Jobs, clusters and endpoints have no warehouse: their rows are counted and cost nothing here."""
    found = asked([billed("1", warehouse=None), billed("1", warehouse="")], history=[statement("seen")])
    assert (found.rows, found.hours) == ({("no_warehouse", ""): 2}, {})


@pytest.mark.parametrize(
    ("tables", "fate"),
    [
        ({}, "elsewhere"),
        ({"history": [statement("x", workspace_id="1002")]}, "no_statements"),
        ({"history": [statement("x", workspace_id="1002", start_time=at(YESTERDAY, 0))]}, "no_statements"),
        ({"history": [statement("x", workspace_id="1002", start_time=at(TOMORROW, 23))]}, "no_statements"),
        ({"history": [statement("x", workspace_id="1002", start_time=at(DAY + timedelta(days=2), 0))]}, "elsewhere"),
        ({"history": [statement("x", workspace_id="1002", start_time=at(DAY - timedelta(days=2), 23))]}, "elsewhere"),
        ({"reads": [lineage("c.s.a", workspace_id="1002")]}, "no_statements"),
        ({"reads": [lineage("c.s.a", workspace_id="1002", day=TOMORROW)]}, "no_statements"),
        ({"reads": [lineage("c.s.a", workspace_id="1002", day=DAY + timedelta(days=2))]}, "elsewhere"),
    ],
)
def test_other_regions(asked, tables, fate):
    """Billing is of the whole account: a workspace that neither history nor lineage shows about then is another's."""
    found = asked([billed("1", workspace_id="1002")], **tables)
    assert hours(found) == {(12, "USD", fate): DOLLAR}
    assert found.rows == {("elsewhere" if fate == "elsewhere" else "kept", ""): 1}


def test_workspaces_left_out(asked):
    """What the settings leave out is said with its rule, and still adds up."""
    billing = [billed("1", workspace_id="9001"), billed("2", workspace_id="2001"), billed("4")]
    scope = Scope(workspaces=("9*",), include=Lists(workspaces=("1*", "9*")))
    found = asked(billing, scope=scope, history=[statement("seen")])
    assert found.rows == {("excluded_workspace", "9*"): 1, ("not_included_workspace", ""): 1, ("kept", ""): 1}
    assert hours(found) == {
        (12, "USD", "excluded_workspace"): DOLLAR, (12, "USD", "not_included_workspace"): 2 * DOLLAR,
        (12, "USD", "no_statements"): 4 * DOLLAR,
    }  # fmt: skip


UP = [warehouse_event("STARTING", at(hour=11)), warehouse_event("RUNNING", at(hour=12))]


@pytest.mark.parametrize(
    ("events", "idle"),
    [
        ([], 0),
        (UP, 7.5),
        ([*UP, warehouse_event("STOPPING", at(hour=12, minute=40)), warehouse_event("STOPPED", at(hour=12, minute=50))], 6.25),
        ([warehouse_event("RUNNING", at(YESTERDAY, 3)), warehouse_event("SCALED_UP", at(hour=12, minute=5))], 7.5),
        ([warehouse_event("SCALED_DOWN", at(DAY - timedelta(days=29), 3))], 7.5),
        ([warehouse_event("RUNNING", at(DAY - timedelta(days=31), 3))], 0),
        ([warehouse_event("RUNNING", at(hour=12, minute=58))], 0),
        ([warehouse_event("RUNNING", at(hour=12), workspace_id="1002")], 0),
        ([warehouse_event("RUNNING", at(hour=12), "wh2")], 0),
        ([*UP, warehouse_event("SOMETHING_NEW", at(hour=12, minute=30))], 5),
    ],
)  # fmt: skip
def test_idle(asked, events, idle):
    """Of the time that a warehouse was up, the share in which no statement ran is idle; unknown, nothing is."""
    history = [
        worked("st1", 1000, at(), 600),
        worked("st2", 2000, at(hour=12, minute=5), 600),
        worked("st3", 2000, at(hour=12, minute=6), 60),
    ]
    found = asked([billed("10")], history=history, events=events)
    expected = {(12, "USD", "idle"): idle * DOLLAR, (12, "USD", "no_reads"): (10 - idle) * DOLLAR}
    assert hours(found) == {key: amount for key, amount in expected.items() if amount}


def test_without_events(asked, costs_of):
    """Without the table of events the whole hour is laid on its statements, and the method says so."""
    tables = {"billing_usage": [billed("1")], "list_prices": [price("1")], "query_history": [statement("x")]}
    assert CostReader(costs_of(**tables)).method == "idle with statements"
    assert CostReader(costs_of(**tables, warehouse_events=UP)).method == "idle apart"


@pytest.mark.parametrize("absent", ["billing_usage", "list_prices", "query_history"])
def test_left_out(costs_of, absent):
    """Without one of the tables that it takes there is no cost, and the table is named."""
    tables = {"billing_usage": [], "list_prices": [], "query_history": []} | {absent: None}
    source = costs_of(**tables)
    assert CostReader(source).missing() == f"{source.tables[absent]} is not there, or may not be seen"
    source.tables = {**source.tables, absent: "none"}
    assert CostReader(source).missing() == f"{absent} is not to be read"


def test_columns_that_it_takes(costs_of, tmp_path):
    """An export without what tells where and how long statements worked gives no cost, rather than idle warehouses."""
    write_table(tmp_path, "query_history", [statement("x")], without=["compute", "total_task_duration_ms"])
    write_table(tmp_path, "billing_usage", [])
    write_table(tmp_path, "list_prices", [])
    reader = CostReader(given.cost_reader(tmp_path))
    assert reader.missing() == "system.query.history lacks compute.warehouse_id, total_task_duration_ms"
    reader.reader.warehouse.close()


def test_span_and_totals(costs_of):
    """What is billed is told by its own days; rows are counted by day and workspace, all of them."""
    billing = [billed("1", day=YESTERDAY), billed("1"), billed("1", warehouse=None), billed("1", workspace_id=None)]
    reader = CostReader(costs_of(billing_usage=billing, list_prices=[]))
    assert reader.span() == Span(YESTERDAY, DAY)
    found = {(row["day"], row["workspace_id"]): row["rows"] for row in reader.totals(DAY, DAY).to_pylist()}
    assert found == {(DAY, "1001"): 2, (DAY, ""): 1}


def test_large_numbers(asked):
    """A million an hour over a thousand statements adds up to the last billionth."""
    history = [worked(f"st{n}", 1 + n * 7919 % 100_000, at(hour=12, minute=n % 60), 7) for n in range(1000)]
    reads = [lineage(f"c.s.{'abc'[n % 3]}", statement_id=f"st{n}") for n in range(0, 1000, 2)]
    found = asked([billed("1234567.891234567")], prices=[price("0.707070707")], history=history, reads=reads)
    whole = Decimal("1234567.891234567") * Decimal("0.707070707")
    assert sum(found.hours.values()) == round(whole * DOLLAR)
