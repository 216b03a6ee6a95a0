"""What was sent where: digests, marks before and after each send, refusals, and flows that are done."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from miner import days
from miner.ledger import tables
from miner.ledger.leases import Writes
from miner.ports import Entity, Rejected

SENDING = "sending"
SENT = "sent"


def digests(connection: Connection, sink: str, names: Sequence[str]) -> dict[tuple[str, str], str]:
    """Digests of what was sent, by kind and qualified name, for at most some thousand names."""
    sent = tables.emission
    query = select(sent.c.kind, sent.c.qualified_name, sent.c.digest).where(
        sent.c.sink == sink, sent.c.state == SENT, sent.c.qualified_name.in_(names)
    )
    return {(kind, name): digest for kind, name, digest in connection.execute(query)}


def orphans(connection: Connection, sink: str, built: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    """Process entities (type, qualified name) of wanted flows that are built no more. Call `want_dirty` first."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.built")
    connection.exec_driver_sql(
        "CREATE TEMP TABLE built (process INTEGER, target INTEGER, PRIMARY KEY (process, target))"
    )
    rows = list(built)
    if rows:
        connection.exec_driver_sql("INSERT OR IGNORE INTO temp.built VALUES (?, ?)", rows)
    found = connection.execute(
        text(
            "SELECT m.type_name, m.qualified_name FROM emission m "
            "JOIN temp.wanted w ON w.process = m.process_id AND w.target = m.target_dataset "
            "WHERE m.sink = :sink AND m.kind = 'process' AND NOT EXISTS "
            "(SELECT 1 FROM temp.built b WHERE b.process = m.process_id AND b.target = m.target_dataset) "
            "ORDER BY m.qualified_name"
        ),
        {"sink": sink},
    )
    return [(type_name, name) for type_name, name in found]


def mark_sending(ledger: Writes, sink: str, batch: Sequence[Entity], now: datetime) -> None:
    """Commit, before a send, that it is about to happen."""
    with ledger.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO emission (sink, kind, qualified_name, type_name, digest, state, process_id, "
                "target_dataset, at) VALUES (:sink, :kind, :name, :type, '', :state, :process, :target, :at) "
                "ON CONFLICT (sink, qualified_name, kind) DO UPDATE SET state = excluded.state, digest = '', "
                "process_id = excluded.process_id, target_dataset = excluded.target_dataset, at = excluded.at"
            ),
            [
                {
                    "sink": sink, "kind": entity.kind, "name": entity.qualified_name, "type": entity.type_name,
                    "state": SENDING, "process": entity.flow[0], "target": entity.flow[1], "at": days.micros(now),
                }
                for entity in batch
            ],
        )  # fmt: skip


def mark_sent(ledger: Writes, sink: str, batch: Sequence[Entity], refused: Sequence[Rejected], now: datetime) -> None:
    """Commit, after a send, what arrived and what was refused; flows of both are done."""
    words = {rejected.qualified_name: rejected.reason for rejected in refused}
    arrived = [entity for entity in batch if entity.qualified_name not in words]
    sent, rejection = tables.emission, tables.rejection
    names = [entity.qualified_name for entity in batch]
    with ledger.writing() as connection:
        if arrived:
            connection.execute(
                text(
                    "UPDATE emission SET state = :state, digest = :digest "
                    "WHERE sink = :sink AND kind = :kind AND qualified_name = :name"
                ),
                [
                    {"state": SENT, "digest": one.digest, "sink": sink, "kind": one.kind, "name": one.qualified_name}
                    for one in arrived
                ],
            )
        connection.execute(delete(rejection).where(rejection.c.sink == sink, rejection.c.qualified_name.in_(names)))
        for name, reason in words.items():
            connection.execute(
                rejection.insert().values(sink=sink, qualified_name=name, reason=reason, at=days.micros(now))
            )
            connection.execute(delete(sent).where(sent.c.sink == sink, sent.c.qualified_name == name))


def forget(ledger: Writes, sink: str, names: Sequence[str]) -> None:
    """Forget entities that were removed."""
    sent = tables.emission
    with ledger.writing() as connection:
        connection.execute(
            delete(sent).where(sent.c.sink == sink, sent.c.kind == "process", sent.c.qualified_name.in_(names))
        )


def flows_done(
    ledger: Writes, looked_at: Sequence[tuple[int, int, int]], *, again: Sequence[tuple[int, int]] = ()
) -> None:
    """Flows (process, target, version) were looked at; one marked since then stays, and those to try `again`."""
    with ledger.writing() as connection:
        if looked_at:
            connection.execute(
                text(
                    "DELETE FROM dirty_flow "
                    "WHERE process_id = :process AND target_dataset = :target AND version = :version"
                ),
                [{"process": process, "target": target, "version": version} for process, target, version in looked_at],
            )
        if again:
            connection.execute(
                text(
                    "INSERT INTO dirty_flow (process_id, target_dataset, version) VALUES (:process, :target, 1) "
                    "ON CONFLICT (process_id, target_dataset) DO UPDATE SET version = dirty_flow.version + 1"
                ),
                [{"process": process, "target": target} for process, target in again],
            )


def setting(connection: Connection, name: str) -> str:
    """What the ledger remembers under a name; empty when nothing."""
    held = tables.setting
    return connection.execute(select(held.c.value).where(held.c.name == name)).scalar() or ""


def remember(connection: Connection, name: str, value: str) -> None:
    """Remember a value under a name."""
    connection.execute(
        text(
            "INSERT INTO setting (name, value) VALUES (:name, :value) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"name": name, "value": value},
    )
