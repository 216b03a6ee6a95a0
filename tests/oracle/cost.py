"""The list cost of a day, row by row and in exact fractions.

The cost of a warehouse's hour is what its rows of billing.usage come to at the list price of their time, each SKU's sum
rounded to billionths. It is laid on the statements that worked in the hour, by their share of the work; work is counted
in thousandths of milliseconds, rounded up. With events of the warehouse, the share of the hour in which no statement ran
stays apart as idle.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.names import Dataset, dataset
from tests.oracle.scope import EVERYTHING, Row, Rows, Scope, matching, outside
from tests.oracle.usage import latest, midnight, usage_fate

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NANO = Decimal("0.000000001")
ON = ("RUNNING", "SCALED_UP", "SCALED_DOWN")


class Hour(NamedTuple):
    """One warehouse in one hour."""

    workspace: str
    warehouse: str
    begin: datetime


@dataclass
class Costs:
    """The cost of a day in billionths: by hour of the day, currency and fate, and by dataset."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    hours: dict[tuple[int, str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    datasets: dict[tuple[str, Dataset, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    statements: dict[tuple[str, Dataset, str], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Statement:
    """A statement with tasks, as its rows of the history tell it together."""

    workspace: str
    number: str
    warehouse: str
    start: datetime
    end: datetime
    work_ms: int

    def within(self, hour: datetime) -> timedelta:
        """How long it ran in an hour."""
        return min(self.end, hour + HOUR) - max(self.start, hour)


def costs(
    day: date,
    *,
    billing: Rows,
    prices: Rows,
    history: Rows,
    lineage: Rows,
    events: Rows = (),
    scope: Scope = EVERYTHING,
) -> Costs:
    """What a day cost and who bore it."""
    found = Costs()
    charged = _charged(day, billing, prices, _seen(day, history, lineage), scope, found)
    statements = _statements(day, history)
    for (hour, currency), (fate, amount) in charged.items():
        if fate != "kept":
            found.hours[hour.begin.hour, currency, fate] += amount
            continue
        at_work = [
            one
            for one in statements
            if (one.workspace, one.warehouse) == hour[:2] and one.within(hour.begin) > timedelta()
        ]
        if not at_work:
            found.hours[hour.begin.hour, currency, "no_statements"] += amount
            continue
        used = amount * _utilisation(hour, at_work, events)
        found.hours[hour.begin.hour, currency, "idle"] += amount - used
        work = {one: _work(one, hour.begin) for one in at_work}
        for one, share in work.items():
            _bear(found, day, hour, currency, one, used * share / sum(work.values()), lineage, scope)
    return found


def _seen(day: date, history: Rows, lineage: Rows) -> set[str]:
    near = (day - DAY, day, day + DAY)
    return {row["workspace_id"] or "" for row in history if row["start_time"].astimezone(UTC).date() in near} | {
        row["workspace_id"] or "" for row in lineage if row["event_date"] in near
    }


def row_fate(row: Row, seen: set[str], scope: Scope) -> tuple[str, str]:
    """What becomes of a row of billing.usage before its price is looked up, and the glob behind it."""
    workspace = row["workspace_id"] or ""
    if not (row["usage_metadata"] or {}).get("warehouse_id"):
        return "no_warehouse", ""
    if glob := matching(workspace, scope.workspaces):
        return "excluded_workspace", glob
    if outside(workspace, scope.include.workspaces):
        return "not_included_workspace", ""
    return ("kept" if workspace in seen else "elsewhere"), ""


def price_of(row: Row, prices: Rows) -> dict[str, Decimal]:
    """The price of a row's unit at its time, by currency: the latest that stands and says a number."""
    best: dict[str, tuple[datetime, Decimal]] = {}
    for one in prices:
        told = one["pricing"] or {}
        amounts = [(told.get("effective_list") or {}).get("default"), (told.get("promotional") or {}).get("default")]
        amount = next((amount for amount in (*amounts, told.get("default")) if amount is not None), None)
        stands = one["price_start_time"] <= row["usage_start_time"] and (
            one["price_end_time"] is None or row["usage_start_time"] < one["price_end_time"]
        )
        same = all(one[name] == row[name] for name in ("sku_name", "cloud", "usage_unit"))
        if same and stands and amount is not None:
            told_at = (one["price_start_time"], amount.quantize(NANO, ROUND_HALF_UP))
            best[one["currency_code"]] = max(best.get(one["currency_code"], told_at), told_at)
    return {currency: amount for currency, (_, amount) in best.items()}


def _charged(  # noqa: PLR0917 (what decides about a row)
    day: date, billing: Rows, prices: Rows, seen: set[str], scope: Scope, found: Costs
) -> dict[tuple[Hour, str], tuple[str, Fraction]]:
    meters: dict[tuple, list[Row]] = defaultdict(list)
    for row in billing:
        if row["usage_date"] != day:
            continue
        fate, glob = row_fate(row, seen, scope)
        priced = price_of(row, prices)
        found.rows["no_price" if fate == "kept" and not priced else fate, glob] += 1
        if fate != "no_warehouse" and priced:
            warehouse = row["usage_metadata"]["warehouse_id"]
            meter = (row["workspace_id"] or "", warehouse, row["usage_start_time"], row["sku_name"], row["cloud"])
            meters[fate, *meter, row["usage_unit"]].append(row)
    charged: dict[tuple[Hour, str], tuple[str, Fraction]] = {}
    for (fate, workspace, warehouse, start, *_), rows in meters.items():
        quantity = sum(row["usage_quantity"] for row in rows).quantize(NANO, ROUND_HALF_UP)
        for currency, amount in price_of(rows[0], prices).items():
            hour = Hour(workspace, warehouse, start.replace(minute=0, second=0, microsecond=0))
            nanos = Fraction((quantity * amount).quantize(NANO, ROUND_HALF_UP) / NANO)
            charged[hour, currency] = fate, charged.get((hour, currency), ("", Fraction()))[1] + nanos
    return charged


def _statements(day: date, history: Rows) -> list[Statement]:
    rows = defaultdict(list)
    for row in history:
        if row["statement_id"] is not None and (row["total_task_duration_ms"] or 0) > 0:
            rows[row["workspace_id"] or "", row["statement_id"]].append(row)
    found = []
    for (workspace, number), told in rows.items():
        start = _cut(min(row["start_time"] for row in told))
        end = max(_cut(max(row["end_time"] for row in told)), start + timedelta(milliseconds=1))
        work = sum(
            max((row[name] or 0) for row in told)
            for name in ("total_task_duration_ms", "result_fetch_duration_ms", "compilation_duration_ms")
        )
        warehouse = latest((row["compute"] or {}).get("warehouse_id") for row in told)
        if warehouse and midnight(day - DAY) <= start < midnight(day + DAY):
            found.append(Statement(workspace, number, warehouse, start, end, work))
    return found


def _cut(instant: datetime) -> datetime:
    """Whole milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _work(one: Statement, hour: datetime) -> int:
    return math.ceil(
        Fraction(one.work_ms * 1000) * Fraction(one.within(hour) / (one.end - one.start)).limit_denominator(10**9)
    )


def _utilisation(hour: Hour, at_work: list[Statement], events: Rows) -> Fraction:
    """How much of the time that the warehouse was up something ran; 1 where nobody tells when it was up."""
    told = sorted(
        (row["event_time"], row["event_type"])
        for row in events
        if ((row["workspace_id"] or ""), row["warehouse_id"]) == hour[:2]
        and row["event_time"] < midnight(hour.begin.date() + DAY)
    )
    up = timedelta()
    for place, (at, kind) in enumerate(told):
        start, end = _cut(at), _cut(told[place + 1][0]) if place + 1 < len(told) else hour.begin + HOUR
        recent = start >= hour.begin - timedelta(days=30)
        if kind in ON and recent and start < hour.begin + HOUR and end > hour.begin:
            up += min(end, hour.begin + HOUR) - max(start, hour.begin)
    busy, done = timedelta(), hour.begin
    for one in sorted(at_work, key=lambda one: one.start):
        busy += max(min(one.end, hour.begin + HOUR) - max(one.start, done), timedelta())
        done = max(done, min(one.end, hour.begin + HOUR))
    milli = timedelta(milliseconds=1)
    return Fraction(busy // milli, up // milli) if up > busy else Fraction(1)


def _bear(  # noqa: PLR0917 (what decides who bears it)
    found: Costs, day: date, hour: Hour, currency: str, one: Statement, amount: Fraction, lineage: Rows, scope: Scope
) -> None:
    read = _read(day, one, lineage, scope)
    if not read:
        found.hours[hour.begin.hour, currency, "no_reads"] += amount
    for (metastore, name), counts in read.items():
        found.hours[hour.begin.hour, currency, "dataset" if counts else "out_of_scope"] += amount / len(read)
        if counts:
            found.datasets[metastore, name, currency] += amount / len(read)
            found.statements[metastore, name, currency].add((one.workspace, one.number))


def _read(day: date, one: Statement, lineage: Rows, scope: Scope) -> dict[tuple[str, Dataset], bool]:
    """What a statement read directly, each with whether the settings let it count."""
    read: dict[tuple[str, Dataset], bool] = {}
    for row in lineage:
        near = day - DAY <= row["event_date"] <= day + DAY
        if not near or (row["workspace_id"] or "", row["statement_id"]) != (one.workspace, one.number):
            continue
        source = dataset(row, "source")
        whole = source and (source.name is None or (source.catalog and source.schema))
        if row["direct_access"] is False or not whole or source == dataset(row, "target"):
            continue
        alone = {name: None if name.startswith("target_") else value for name, value in row.items()}
        key = (row["metastore_id"] or "", source)
        read[key] = read.get(key, False) or usage_fate(alone, scope)[0] == "kept"
    return read
