"""How scheduled jobs stand: up to which instant each one's schedule is served, by whichever process did it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from miner import days
from miner.ledger import tables
from miner.ledger.leases import Writes


@dataclass(frozen=True, slots=True)
class Tick:
    """A job, named by its source and stream; `served` is the instant up to which its schedule is done.

    `done` is when it last went well, `failures` how often it failed since then, `note` why.
    """

    source: str
    stream: str
    served: datetime
    done: datetime | None
    failures: int
    outcome: str
    note: str = ""


def ticks(connection: Connection) -> dict[tuple[str, str], Tick]:
    """All jobs that were ever served, by source and stream."""
    return {
        (row.source, row.stream): Tick(
            row.source, row.stream, days.instant_of(row.served_at),
            days.instant_of(row.done_at) if row.done_at is not None else None, row.failures, row.outcome, row.note,
        )
        for row in connection.execute(select(tables.tick))
    }  # fmt: skip


def keep(writes: Writes, tick: Tick) -> None:
    """Keep how a job stands."""
    kept = tables.tick
    values = {
        "source": tick.source, "stream": tick.stream, "served_at": days.micros(tick.served),
        "done_at": days.micros(tick.done) if tick.done else None, "failures": tick.failures, "outcome": tick.outcome,
        "note": tick.note,
    }  # fmt: skip
    with writes.writing() as connection:
        connection.execute(delete(kept).where(kept.c.source == tick.source, kept.c.stream == tick.stream))
        connection.execute(insert(kept).values(**values))
