"""Old daily usage becomes usage by month: a row for all days of a dataset, a reader and a kind of process.

A day that was rolled up is closed: it is in its month's sums and cannot be taken out of them again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import Connection, select, text

from miner import days
from miner.ledger import tables
from miner.ledger.store import Ledger
from miner.ledger.usage_staging import MEASURES


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What one roll-up did: days closed, and daily rows that went."""

    days: int
    rows: int


def roll_up(ledger: Ledger, before: date) -> RolledUp:
    """Roll up the settled days before a day, one month of one source in each transaction. Raises LedgerError."""
    closed = rows = 0
    with ledger.reading() as connection:
        due = list(_due(connection, before))
    for source, month, bits in due:
        with ledger.writing() as connection:
            rows += _roll_up(connection, source, month, bits)
        closed += bits.bit_count()
    return RolledUp(closed, rows)


def _due(connection: Connection, before: date) -> Iterator[tuple[int, int, int]]:
    """Source, month and the bits of its days that are to be rolled up."""
    mined = tables.day_mined
    found = connection.execute(
        select(mined.c.source_id, mined.c.day)
        .where(mined.c.stream == "usage", mined.c.settled, mined.c.day < days.number(before))
        .order_by(mined.c.source_id, mined.c.day)
    )
    closed = _closed(connection)
    by_month = groupby(found, key=lambda row: (row.source_id, days.month(days.day_of(row.day))))
    for (source, month), rows in by_month:
        bits = sum(days.bit(days.day_of(row.day)) for row in rows) & ~closed.get((source, month), 0)
        if bits:
            yield source, month, bits


def _roll_up(connection: Connection, source: int, month: int, bits: int) -> int:
    # A day that was mined under other rules meanwhile is the same day: it is rolled up as it is now.
    bits &= ~_closed(connection).get((source, month), 0)
    first = days.number(days.days_of(month, 1)[0])
    values = {"source": source, "month": month, "bits": bits, "first": first, "last": first + 30}
    connection.execute(text(_ADD_UP), values)
    removed = connection.execute(text(_REMOVE), {name: values[name] for name in values if name != "month"})
    connection.execute(text(_FORGET), {name: values[name] for name in values if name != "month"})
    connection.execute(text(_CLOSE), {name: values[name] for name in ("source", "month", "bits")})
    return int(removed.rowcount)


def _closed(connection: Connection) -> dict[tuple[int, int], int]:
    held = tables.usage_rolled_up
    return {(row.source_id, row.month): row.day_bits for row in connection.execute(select(held))}


_DAYS = "source_id = :source AND day BETWEEN :first AND :last AND :bits & (1 << (day - :first)) <> 0"
_LASTS = ("last_read_at", "last_write_at")


def _later(name: str) -> str:
    held, new = f"usage_month.{name}", f"excluded.{name}"
    return f"{name} = CASE WHEN {held} IS NULL OR {new} > {held} THEN {new} ELSE {held} END"


_ADD_UP = (
    f"INSERT INTO usage_month (source_id, month, dataset_id, reader_id, process_kind, {', '.join(MEASURES)}, "  # noqa: S608
    f"{', '.join(_LASTS)}) SELECT source_id, :month, dataset_id, reader_id, process_kind, "
    f"{', '.join(f'sum({name})' for name in MEASURES)}, max(last_read_at), max(last_write_at) "
    f"FROM usage_day WHERE {_DAYS} GROUP BY source_id, dataset_id, reader_id, process_kind "
    "ON CONFLICT (source_id, month, dataset_id, reader_id, process_kind) DO UPDATE SET "
    + ", ".join(f"{name} = usage_month.{name} + excluded.{name}" for name in MEASURES)
    + f", {', '.join(map(_later, _LASTS))}"
)
_REMOVE = f"DELETE FROM usage_day WHERE {_DAYS}"  # noqa: S608
_FORGET = f"DELETE FROM outside_read WHERE {_DAYS}"  # noqa: S608
_CLOSE = (
    "INSERT INTO usage_rolled_up (source_id, month, day_bits) VALUES (:source, :month, :bits) "
    "ON CONFLICT (source_id, month) DO UPDATE SET day_bits = usage_rolled_up.day_bits | excluded.day_bits"
)
