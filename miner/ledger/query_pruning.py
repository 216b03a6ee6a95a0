"""Statements are kept for so many days: older ones go, with the marks of their days and what only they said."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from miner import days
from miner.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one pruning did: days and daily rows that went, and texts."""

    days: int
    rows: int
    texts: int


def prune_queries(ledger: Ledger, before: date, *, texts: bool) -> Pruned:
    """Forget the statements of the days before a day, and unless `texts` are kept what any said. Raises LedgerError."""
    values = {"before": days.number(before)}
    with ledger.reading() as connection:
        old = _any(connection, _OLD, values)
        said = not texts and _any(connection, "SELECT 1 FROM fingerprint WHERE said IS NOT NULL LIMIT 1", {})
    if not old and not said:
        return Pruned(0, 0, 0)
    with ledger.writing() as connection:
        rows, gone, *_ = [connection.execute(text(statement), values).rowcount for statement in _PRUNE if old] or [0, 0]
        forgotten = connection.execute(text(_FORGET)).rowcount if said else 0
    return Pruned(gone, rows, forgotten)


def _any(connection: Connection, query: str, values: dict[str, int]) -> bool:
    return connection.execute(text(query), values).first() is not None


_OLD = "SELECT 1 FROM day_mined WHERE stream = 'queries' AND day < :before LIMIT 1"

_PRUNE = (
    "DELETE FROM query_day WHERE day < :before",
    # Without their marks: what is forgotten is not known to be mined.
    "DELETE FROM day_mined WHERE stream = 'queries' AND day < :before",
    "DELETE FROM day_fate WHERE stream = 'queries' AND day < :before",
    "DELETE FROM day_workspace WHERE stream = 'queries' AND day < :before",
    "DELETE FROM fingerprint WHERE id NOT IN (SELECT fingerprint_id FROM query_day WHERE day >= :before)",
)

_FORGET = "UPDATE fingerprint SET said = NULL WHERE said IS NOT NULL"
