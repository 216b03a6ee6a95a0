"""Who reads datasets that were walked to (`miner.ledger.walk`), from daily usage."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, text

from miner import days, readers
from miner.ledger.walk import NAME, UNDER_EVERY_NAME
from miner.readers import UNNAMED, Readers


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
    reader_kind: str = readers.UNKNOWN
    reader_name: str | None = None

    def with_more(self, other: "Audience") -> "Audience":
        """The same with what one more name of its reader read."""
        lasts = [at for at in (self.last_read_at, other.last_read_at) if at is not None]
        return replace(
            self,
            reads=self.reads + other.reads,
            indirect_reads=self.indirect_reads + other.indirect_reads,
            last_read_at=max(lasts, default=None),
        )


def audience(connection: Connection, first: date, last: date, known: Readers = UNNAMED) -> list[Audience]:
    """Everyone who read a dataset of the last walk, directly or through a view; most reads first."""
    values = {"first": days.number(first), "last": days.number(last)}
    found: dict[tuple[str, ...], Audience] = {}
    for metastore, name, told, kind, reads, indirect, read_at in connection.execute(text(_AUDIENCE), values):
        reader = known.identity(told or "")
        is_kind = known.kind_of(reader)
        person = kind not in readers.MACHINE_KINDS and is_kind == readers.PERSON
        seen = None if read_at is None else days.instant_of(read_at)
        one = Audience(
            metastore, name, reader, kind, person, int(reads), int(indirect), seen, is_kind, known.name_of(reader)
        )
        key = (metastore, name, reader, kind)
        found[key] = found[key].with_more(one) if key in found else one
    return sorted(
        found.values(), key=lambda one: (-one.reads, -one.indirect_reads, one.dataset, one.reader, one.process_kind)
    )


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
