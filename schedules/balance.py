"""The balance: every row of the system tables that was looked at, and what became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Self

from miner import schemas
from miner.ledger import COST, Ledger, reading
from miner.ledger.reading import Fate
from miner.mining import MinedDay
from miner.ports import TABLE_LINEAGE

KEPT = "kept"

_BESIDE = (schemas.LINEAGE_STATEMENTS, schemas.HISTORY_STATEMENTS, schemas.AUDIT_READS)

Column = tuple[str, str]
"""A stream and a table: each table is balanced once in every stream that reads it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Rows by what became of them: rows in = rows kept + rows dropped, each for one reason."""

    fates: tuple[Fate, ...]
    beside: tuple[Fate, ...] = ()
    """What is counted beside rows: statements on both sides of the join with query history, reads of the audit log."""

    @classmethod
    def of(cls, found: Sequence[Fate]) -> Self:
        """Rows of tables in the balance, all else beside it."""
        return cls(
            tuple(fate for fate in found if fate.table not in _BESIDE),
            tuple(fate for fate in found if fate.table in _BESIDE),
        )

    def counted(self, table: str) -> Counter[str]:
        """What is counted beside the rows, by fate."""
        found: Counter[str] = Counter()
        for fate in self.beside:
            if fate.table == table:
                found[fate.fate] += fate.rows
        return found

    @property
    def columns(self) -> list[Column]:
        """Streams and tables, money last; of a stream, the one that tells of tables first."""
        found = {(fate.stream, fate.table) for fate in self.fates}
        return sorted(found, key=lambda column: (column[0] == COST, column[0], column[1] != TABLE_LINEAGE, column[1]))

    @property
    def reasons(self) -> list[str]:
        """Why rows were dropped, the commonest first."""
        dropped = {fate.fate for fate in self.fates if fate.fate != KEPT}
        return sorted(dropped, key=lambda name: (-sum(self.rows(column, name) for column in self.columns), name))

    def rows(self, column: Column, name: str | None = None) -> int:
        """Rows of one stream and table with one fate, or all of them."""
        return sum(
            fate.rows for fate in self.fates if (fate.stream, fate.table) == column and name in (None, fate.fate)
        )


def balance_of(ledger: Ledger, mined: Iterable[MinedDay]) -> Balance:
    """The balance of the days of one run."""
    found: list[Fate] = []
    with ledger.reading() as connection:
        for (source, stream), days in _by_stream(mined):
            for first, last in _runs(days):
                found += [
                    fate
                    for fate in reading.fates(connection, first, last)
                    if (fate.source, fate.stream) == (source, stream)
                ]
    return Balance.of(found)


def _by_stream(mined: Iterable[MinedDay]) -> Iterator[tuple[Column, list[date]]]:
    ordered = sorted(mined, key=lambda one: (one.source, one.stream, one.day))
    for key, group in groupby(ordered, key=lambda one: (one.source, one.stream)):
        yield key, [one.day for one in group]


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Days in order as first and last of each unbroken run."""
    for _, group in groupby(enumerate(days), key=lambda pair: pair[1] - timedelta(days=pair[0])):
        run = [day for _, day in group]
        yield run[0], run[-1]
