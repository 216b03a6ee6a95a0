"""Who reads datasets that were walked to (`miner.ledger.walk`), from daily usage."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from miner import days, readers
from miner.ledger.walk import NAME, UNDER_EVERY_NAME


@dataclass(frozen=True, slots=True)
class Audience:
    """Reads of one dataset by one reader in some days, by one kind of process; an empty reader is unknown."""

    metastore_id: str
    dataset: str
    reader: str
    process_kind: str
    person: bool
    reads: int
    indirect_reads: int
    last_read_at: datetime | None


def audience(connection: Connection, first: date, last: date) -> list[Audience]:
    """Everyone who read a dataset of the last walk, directly or through a view; most reads first."""
    values = {"first": days.number(first), "last": days.number(last)}
    found = []
    for metastore, name, reader, kind, reads, indirect, read_at in connection.execute(text(_AUDIENCE), values):
        person = kind not in readers.MACHINE_KINDS and readers.kind_of(reader or "") == readers.PERSON
        seen = None if read_at is None else days.instant_of(read_at)
        found.append(Audience(metastore, name, reader or "", kind, person, int(reads), int(indirect), seen))
    return sorted(found, key=lambda one: (-one.reads, -one.indirect_reads, one.dataset, one.reader, one.process_kind))


# Day by day and dataset by dataset: that is how usage is kept, and a walk knows few of each.
_AUDIENCE = f"""
SELECT d.metastore_id, {NAME}, r.name, u.process_kind, sum(u.reads), sum(u.indirect_reads), max(u.last_read_at)
FROM day_mined m
CROSS JOIN ({UNDER_EVERY_NAME}) w ON true
CROSS JOIN usage_day u ON u.source_id = m.source_id AND u.day = m.day AND u.dataset_id = w.raw
CROSS JOIN dataset d ON d.id = w.dataset
LEFT JOIN reader r ON r.id = u.reader_id
WHERE m.stream = 'usage' AND m.day BETWEEN :first AND :last AND u.reads + u.indirect_reads > 0
GROUP BY d.metastore_id, 2, r.name, u.process_kind
"""  # noqa: S608
