"""Sources and runs: who is known to the ledger, and what was done when."""

from datetime import datetime

from sqlalchemy import insert, select, update

from miner import days
from miner.ledger import tables
from miner.ledger.store import Ledger


def source_id(ledger: Ledger, name: str, *, knows_run_types: bool) -> int:
    """The number of a source, made when it is new."""
    source = tables.source
    with ledger.writing() as connection:
        found = connection.execute(select(source.c.id, source.c.knows_run_types).where(source.c.name == name)).first()
        if found is None:
            values = {"name": name, "knows_run_types": knows_run_types}
            return int(connection.execute(insert(source).values(**values).returning(source.c.id)).scalar_one())
        if found.knows_run_types != knows_run_types:
            connection.execute(update(source).where(source.c.id == found.id).values(knows_run_types=knows_run_types))
        return int(found.id)


def start_run(ledger: Ledger, command: str, now: datetime) -> int:
    """Note that a run began; returns its number."""
    with ledger.writing() as connection:
        begun = insert(tables.run).values(command=command, started_at=days.micros(now), outcome="running", note="")
        return int(connection.execute(begun.returning(tables.run.c.id)).scalar_one())


def end_run(ledger: Ledger, run_id: int, outcome: str, note: str, now: datetime) -> None:
    """Note how a run ended."""
    with ledger.writing() as connection:
        connection.execute(
            update(tables.run)
            .where(tables.run.c.id == run_id)
            .values(ended_at=days.micros(now), outcome=outcome, note=note)
        )
