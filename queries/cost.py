"""What statements would have cost by list prices, out of the billing tables, the query history and lineage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

from miner import schemas
from miner.errors import MissingRightError, SchemaDriftError
from miner.ports import BILLING_USAGE, LIST_PRICES, QUERY_HISTORY, TABLE_LINEAGE, WAREHOUSE_EVENTS, Span
from queries.system_tables import NO_TABLE, SystemTableReader, cast, history_around, lineage_around
from queries.warehouse import Field

NEEDED = (BILLING_USAGE, LIST_PRICES, QUERY_HISTORY)
"""Roles of the tables without which there is no cost."""

_ITS_COLUMNS: Mapping[str, tuple[Field, ...]] = {
    BILLING_USAGE: (("usage_metadata", "warehouse_id"),),
    QUERY_HISTORY: (("compute", "warehouse_id"), ("end_time",), ("total_task_duration_ms",)),
}
"""What only cost cannot do without: NULL in their place would make every hour one in which nothing ran."""

EVENTS_SLACK = timedelta(days=30)
"""How long before an hour the event may lie that tells how its warehouse was then."""

APART, TOGETHER = "idle apart", "idle with statements"


@dataclass(slots=True)
class CostReader:
    """Implements `miner.ports.Costs` over a reader of system tables."""

    reader: SystemTableReader
    _missing: str | None = field(default=None, init=False)

    @property
    def method(self) -> str:
        """Without warehouse_events nobody knows how long a warehouse waited: the whole hour is its statements'."""
        return APART if self.lacking(WAREHOUSE_EVENTS) == "" else TOGETHER

    def missing(self) -> str:
        """Why there is no cost; empty when there is."""
        if self._missing is None:
            self._missing = next((reason for role in NEEDED if (reason := self.lacking(role))), "")
        return self._missing

    def lacking(self, role: str) -> str:
        """Why a table cannot be read; empty when it can."""
        name = self.reader.tables.get(role, NO_TABLE)
        if name == NO_TABLE:
            return f"{role} is not to be read"
        try:
            if not self.reader.holds(role):
                return f"{name} is not there, or may not be seen"
            absent = [".".join(path) for path in _ITS_COLUMNS.get(role, ()) if not self.reader.holds(role, *path)]
            return f"{name} lacks {', '.join(absent)}" if absent else ""
        except (MissingRightError, SchemaDriftError) as error:
            return error.message

    def span(self) -> Span:
        """First and last day of what is billed."""
        (found,) = pa.Table.from_batches(list(self.reader.ask("cost_span", {}, _roles(BILLING_USAGE)))).to_pylist()
        return Span(found["first"], found["last"])

    def totals(self, first: date, last: date) -> pa.Table:
        """Rows of billing.usage by day and workspace."""
        rows = self.reader.ask("cost_totals", _days(first, last), _roles(BILLING_USAGE))
        return pa.Table.from_batches(cast(rows, schemas.TOTALS), schema=schemas.TOTALS)

    def charges(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """All that warehouses cost by hour."""
        rows = self.reader.ask("cost_charges", _days(first, last), _roles(BILLING_USAGE, LIST_PRICES))
        return cast(rows, schemas.CHARGES)

    def costs(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """What became of every row and of every hour's cost."""
        start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
        bounds = {
            **history_around(first, last), **lineage_around(first, last),
            "events_from": start - EVENTS_SLACK, "events_to": end,
        }  # fmt: skip
        tables = _roles(*NEEDED, TABLE_LINEAGE, WAREHOUSE_EVENTS)
        rows = self.reader.ask("cost_daily", {**_days(first, last), **bounds}, tables)
        return self.reader.with_globs(cast(rows, schemas.COSTS))


def _roles(*roles: str) -> dict[str, str]:
    return {role: role for role in roles}


def _days(first: date, last: date) -> dict[str, object]:
    return {"first_day": first, "last_day": last}
