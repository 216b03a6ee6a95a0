"""Old daily usage, of datasets and of columns, becomes usage by month: one row for all days of a reader and a kind.

A day that was rolled up is closed: it is in its month's sums and cannot be taken out of them again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import Connection, select, text

from miner import days
from miner.ledger import tables
from miner.ledger.merge import COLUMNS, USAGE
from miner.ledger.store import Ledger
from miner.ledger.usage_staging import MEASURES


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What one roll-up did: days closed, and daily rows that went."""

    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """How one stream is kept: tables of days, of months and of the days in those, what is counted by what."""

    stream: str
    day: str
    month: str
    closed: str
    of: str
    sums: Sequence[str]
    lasts: Sequence[str]

    @property
    def statements(self) -> tuple[str, str, str]:
        """Add up to the month, remove the days, close them."""
        keys = f"source_id, {self.of}, reader_id, process_kind"
        sums = ", ".join(f"sum({name})" for name in self.sums)
        lasts = ", ".join(f"max({name})" for name in self.lasts)
        added = ", ".join(f"{name} = {self.month}.{name} + excluded.{name}" for name in self.sums)
        later = ", ".join(self._later(name) for name in self.lasts)
        add_up = (
            f"INSERT INTO {self.month} (month, {keys}, {', '.join((*self.sums, *self.lasts))}) "  # noqa: S608 -- ours
            f"SELECT CAST(:month AS INTEGER), {keys}, {sums}, {lasts} FROM {self.day} WHERE {_DAYS} GROUP BY {keys} "
            f"ON CONFLICT (source_id, month, {self.of}, reader_id, process_kind) DO UPDATE SET {added}, {later}"
        )
        close = (
            f"INSERT INTO {self.closed} (source_id, month, day_bits) VALUES (:source, :month, :bits) "  # noqa: S608
            f"ON CONFLICT (source_id, month) DO UPDATE SET day_bits = {self.closed}.day_bits | excluded.day_bits"
        )
        return add_up, f"DELETE FROM {self.day} WHERE {_DAYS}", close  # noqa: S608

    def _later(self, name: str) -> str:
        held, new = f"{self.month}.{name}", f"excluded.{name}"
        return f"{name} = CASE WHEN {held} IS NULL OR {new} > {held} THEN {new} ELSE {held} END"


_DAYS = "source_id = :source AND day BETWEEN :first AND :last AND :bits & (1 << (day - :first)) <> 0"

_FORGET = f"DELETE FROM outside_read WHERE {_DAYS}"  # noqa: S608 -- ours
"""What was read past lineage tells of windows of days, and months have none."""

_KEPT = (
    _Kept(
        USAGE, "usage_day", "usage_month", "usage_rolled_up", "dataset_id", MEASURES, ("last_read_at", "last_write_at")
    ),
    _Kept(COLUMNS, "column_day", "column_month", "column_rolled_up", "column_id", ("reads",), ("last_read_at",)),
)


def roll_up(ledger: Ledger, before: date) -> RolledUp:
    """Roll up the settled days before a day, one month of one source in each transaction. Raises LedgerError."""
    closed = rows = 0
    for kept in _KEPT:
        with ledger.reading() as connection:
            due = list(_due(connection, kept.stream, before))
        for source, month, bits in due:
            with ledger.writing() as connection:
                rows += _roll_up(connection, kept, source, month, bits)
            closed += bits.bit_count()
    return RolledUp(closed, rows)


def _due(connection: Connection, stream: str, before: date) -> Iterator[tuple[int, int, int]]:
    """Source, month and the bits of its days that are to be rolled up."""
    mined = tables.day_mined
    found = connection.execute(
        select(mined.c.source_id, mined.c.day)
        .where(mined.c.stream == stream, mined.c.settled, mined.c.day < days.number(before))
        .order_by(mined.c.source_id, mined.c.day)
    )
    closed = _closed(connection, stream)
    by_month = groupby(found, key=lambda row: (row.source_id, days.month(days.day_of(row.day))))
    for (source, month), rows in by_month:
        bits = sum(days.bit(days.day_of(row.day)) for row in rows) & ~closed.get((source, month), 0)
        if bits:
            yield source, month, bits


def _roll_up(connection: Connection, kept: _Kept, source: int, month: int, bits: int) -> int:
    # A day that was mined under other rules meanwhile is the same day: it is rolled up as it is now.
    bits &= ~_closed(connection, kept.stream).get((source, month), 0)
    first = days.number(days.days_of(month, 1)[0])
    values = {"source": source, "month": month, "bits": bits, "first": first, "last": first + 30}
    add_up, remove, close = kept.statements
    connection.execute(text(add_up), values)
    removed = connection.execute(text(remove), {name: values[name] for name in values if name != "month"})
    if kept.stream == USAGE:
        connection.execute(text(_FORGET), {name: values[name] for name in values if name != "month"})
    connection.execute(text(close), {name: values[name] for name in ("source", "month", "bits")})
    return int(removed.rowcount)


def _closed(connection: Connection, stream: str) -> dict[tuple[int, int], int]:
    return {(row.source_id, row.month): row.day_bits for row in connection.execute(select(tables.CLOSED[stream]))}
