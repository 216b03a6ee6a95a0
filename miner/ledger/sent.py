"""What was sent where: digests, marks before and after each send, refusals, and flows that are done."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, text

from miner import days
from miner.ledger import bulk, edges, tables
from miner.ledger.leases import Writes
from miner.ports import Entity, Rejected

SENDING = "sending"
SENT = "sent"


class Known(NamedTuple):
    """What is known of an entity that was sent."""

    digest: str
    figures: str


def known(connection: Connection, sink: str, names: Sequence[str]) -> dict[tuple[str, str], Known]:
    """What was sent, by kind and qualified name, for at most some thousand names."""
    sent = tables.emission
    query = select(sent.c.kind, sent.c.qualified_name, sent.c.digest, sent.c.figures).where(
        sent.c.sink == sink, sent.c.state == SENT, sent.c.qualified_name.in_(names)
    )
    return {(kind, name): Known(*told) for kind, name, *told in connection.execute(query)}


class Sampled(NamedTuple):
    """An entity as it was sent; process and target are those of its flow."""

    qualified_name: str
    kind: str
    type_name: str
    digest: str
    figures: str
    process: int
    target: int


def sample(connection: Connection, sink: str, after: str, most: int) -> Sequence[Sampled]:
    """At most so many of what was sent, by qualified name from the one after; from the first on at the end.

    Processes, summaries and figures: all else is read with the processes.
    """
    sent = tables.emission.c
    query = select(
        sent.qualified_name, sent.kind, sent.type_name, sent.digest, sent.figures, sent.process_id, sent.target_dataset
    ).where(
        sent.sink == sink,
        sent.state == SENT,
        sent.kind.in_(("process", "summary")) | (sent.figures != ""),
    )
    query = query.order_by(sent.qualified_name)
    found = list(connection.execute(query.where(sent.qualified_name > after).limit(most)))
    if after and len(found) < most:
        found += connection.execute(query.where(sent.qualified_name <= after).limit(most - len(found)))
    return [Sampled(*row) for row in found]


def begin_finished(connection: Connection) -> None:
    """Lay down an empty list of flows whose entity is as it should be, for this connection."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.finished")
    connection.exec_driver_sql("CREATE TEMP TABLE finished (process INTEGER, target INTEGER)")


def note_finished(connection: Connection, entities: Iterable[Entity]) -> None:
    """Entities that arrived, or need not be sent."""
    if flows := [entity.flow for entity in entities if entity.kind == "process"]:
        bulk.insert(connection, "temp.finished", ("process", "target"), flows)


_FINISHED = (
    "SELECT m.process_id, m.target_dataset, m.version FROM temp.marked m "
    "JOIN (SELECT DISTINCT process, target FROM temp.finished) f "
    "ON f.process = m.process_id AND f.target = m.target_dataset WHERE m.version > 0 "
    "AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.kind = 'process' AND a.from_id = m.process_id) "
    "AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.kind = 'dataset' AND a.from_id = m.target_dataset)"
)


def finished(connection: Connection) -> list[tuple[int, int, int]]:
    """The marked flows that are finished, as (process, target, version); not those that go by other names too."""
    found = connection.exec_driver_sql(_FINISHED)
    return [(process, target, version) for process, target, version in found]


def begin_built(connection: Connection) -> None:
    """Lay down an empty list of what is built, for this connection."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.built")
    connection.exec_driver_sql("CREATE TEMP TABLE built (kind TEXT, name TEXT)")
    connection.exec_driver_sql("CREATE INDEX temp.built_name ON built (kind, name)")


def note_built(connection: Connection, entities: Iterable[Entity]) -> None:
    """Entities that are built, whether they are sent or not."""
    rows = [(entity.kind, entity.qualified_name) for entity in entities]
    bulk.insert(connection, "temp.built", ("kind", "name"), rows)


_NOT_BUILT = "NOT EXISTS (SELECT 1 FROM temp.built b WHERE b.kind = m.kind AND b.name = m.qualified_name)"

_ORPHANS = (
    "SELECT m.type_name, m.qualified_name FROM emission m "  # noqa: S608 -- our own text throughout
    "JOIN temp.wanted w ON w.process = m.process_id AND w.target = m.target_dataset "
    f"WHERE m.sink = :sink AND m.kind = :kind AND {_NOT_BUILT} ORDER BY m.qualified_name"
)

_ORPHAN_FLOWS = _ORPHANS.replace("m.type_name, m.qualified_name", "m.process_id, m.target_dataset", 1)

# What hangs below one that is not built was not wanted, or would be gone itself.
_CHILDLESS = (
    "SELECT m.type_name, m.qualified_name FROM emission m "  # noqa: S608 -- our own text throughout
    "WHERE m.sink = :sink AND m.kind = :kind AND m.process_id IN (SELECT process FROM temp.wanted) "
    f"AND {_NOT_BUILT} AND NOT EXISTS (SELECT 1 FROM emission p "
    "WHERE p.process_id = m.process_id AND p.sink = m.sink AND p.kind = 'process' "
    "AND m.target_dataset IN (0, p.target_dataset) AND NOT EXISTS "
    "(SELECT 1 FROM temp.wanted w WHERE w.process = p.process_id AND w.target = p.target_dataset)) "
    "ORDER BY m.qualified_name"
)

# What stood for a dataset whose asset is there now, or that no process has as an end any more.
_UNUSED = (
    "SELECT m.type_name, m.qualified_name FROM emission m "  # noqa: S608 -- our own text throughout
    f"WHERE m.sink = :sink AND m.kind = :kind AND {_NOT_BUILT} AND (:everything OR EXISTS "
    "(SELECT 1 FROM asset_match a WHERE a.sink = m.sink AND a.dataset_id = m.target_dataset AND a.state = 'matched') "
    "OR NOT EXISTS (SELECT 1 FROM (SELECT m.target_dataset AS id UNION ALL "
    "SELECT from_id FROM temp.dataset_alias WHERE to_id = m.target_dataset) r "
    "JOIN edge e ON e.target_dataset = r.id OR e.source_dataset = r.id "
    f"{edges.FLOW_RESOLVED} "
    "JOIN emission p ON p.process_id = coalesce(pa.to_id, e.process_id) "
    "AND p.target_dataset = coalesce(ta.to_id, e.target_dataset) AND p.sink = m.sink AND p.kind = 'process' "
    "WHERE (EXISTS (SELECT 1 FROM temp.built b WHERE b.kind = p.kind AND b.name = p.qualified_name) OR NOT EXISTS "
    "(SELECT 1 FROM temp.wanted w WHERE w.process = p.process_id AND w.target = p.target_dataset)) "
    f"AND {edges.IS_ACTIVE.format(edge='e.id')})) ORDER BY m.qualified_name"
)

_WHY = (
    "SELECT m.qualified_name, group_concat(DISTINCT r.rule) FROM emission m JOIN temp.wanted_raw w "  # noqa: S608
    "ON w.process = m.process_id AND w.target = m.target_dataset JOIN edge e ON e.process_id = w.raw_process "
    "AND e.target_dataset = w.raw_target JOIN edge_retired r ON r.edge_id = e.id "
    f"WHERE m.sink = :sink AND m.kind = :kind AND {_NOT_BUILT} GROUP BY m.qualified_name"
)

_LOSING = (
    ("columns", _ORPHANS),
    ("process", _ORPHANS),
    ("summary", _ORPHANS),
    ("consumer", _ORPHANS),
    ("runnable", _CHILDLESS),
    ("placeholder", _UNUSED),
)
"""Kinds of our own entities that may lose what they stand for, in the order in which they go."""


def orphans(connection: Connection, sink: str, *, everything: bool = False) -> dict[str, list[tuple[str, str]]]:
    """Entities (type, qualified name) that stand for wanted flows and are not built any more, by kind.

    Kinds come in the order in which they can be removed. Call `miner.ledger.wanted.want` first, `begin_built`, and
    `note_built` for all that is built. `everything` tells that all flows were wanted.
    """
    lost = {}
    for kind, query in _LOSING:
        values = {"sink": sink, "kind": kind, "everything": everything}
        found = connection.execute(text(query), {name: value for name, value in values.items() if f":{name}" in query})
        lost[kind] = [(type_name, name) for type_name, name in found]
    return lost


def reasons(connection: Connection, sink: str) -> dict[str, str]:
    """By what rules those of the processes that `orphans` told lost edges that did; others are not told."""
    found = connection.execute(text(_WHY), {"sink": sink, "kind": "process"})
    return {name: ", ".join(sorted(rules.split(","))) for name, rules in found}


_SUMMARISED_ORPHANS = (
    f"SELECT count(*) FROM ({_ORPHAN_FLOWS.replace(' ORDER BY m.qualified_name', '')}) o "  # noqa: S608 -- our own text
    "WHERE NOT EXISTS (SELECT 1 FROM temp.undrawn u WHERE u.process = o.process_id AND u.target = o.target_dataset) "
    "AND EXISTS (SELECT 1 FROM temp.wanted_raw w JOIN edge e "
    "ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target "
    "LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset "
    "WHERE w.process = o.process_id AND w.target = o.target_dataset AND EXISTS (SELECT 1 FROM temp.hub h "
    "WHERE (h.side = 'written' AND h.dataset = w.target) "
    "OR (h.side = 'read' AND h.dataset = coalesce(a.to_id, e.source_dataset))) "
    f"AND {edges.IS_ACTIVE.format(edge='e.id')})"
)


def summarised_orphans(connection: Connection, sink: str) -> int:
    """How many of the processes that `orphans` told are drawn on, by a summary."""
    return int(connection.execute(text(_SUMMARISED_ORPHANS), {"sink": sink, "kind": "process"}).scalar_one())


def orphan_flows(connection: Connection, sink: str) -> list[tuple[int, int]]:
    """The flows (process, target) of the processes that `orphans` told, and of what carried columns of others."""
    found = dict[tuple[int, int], None]()
    for kind in ("columns", "process"):
        rows = connection.execute(text(_ORPHAN_FLOWS), {"sink": sink, "kind": kind})
        found |= dict.fromkeys((process, target) for process, target in rows)
    return list(found)


def processes(connection: Connection, sink: str) -> int:
    """How many process entities are there, or may be."""
    counted = select(func.count()).select_from(tables.emission)
    return connection.execute(
        counted.where(tables.emission.c.sink == sink, tables.emission.c.kind == "process")
    ).scalar_one()


def mark_sending(ledger: Writes, sink: str, batch: Sequence[Entity], now: datetime) -> None:
    """Commit, before a send, that it is about to happen."""
    with ledger.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO emission (sink, kind, qualified_name, type_name, digest, state, process_id, "
                "target_dataset, at, figures) "
                "VALUES (:sink, :kind, :name, :type, '', :state, :process, :target, :at, '') "
                "ON CONFLICT (sink, qualified_name, kind) DO UPDATE SET state = excluded.state, digest = '', "
                "figures = '', process_id = excluded.process_id, target_dataset = excluded.target_dataset, "
                "at = excluded.at"
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
    words = {rejected.qualified_name: rejected for rejected in refused}
    arrived = [entity for entity in batch if entity.qualified_name not in words]
    sent, rejection = tables.emission, tables.rejection
    names = [entity.qualified_name for entity in batch]
    with ledger.writing() as connection:
        if arrived:
            connection.execute(
                text(
                    "UPDATE emission SET state = :state, digest = :digest, figures = :figures "
                    "WHERE sink = :sink AND kind = :kind AND qualified_name = :name"
                ),
                [
                    {
                        "state": SENT, "digest": one.digest, "figures": one.figures, "sink": sink, "kind": one.kind,
                        "name": one.qualified_name,
                    }
                    for one in arrived
                ],
            )  # fmt: skip
        connection.execute(delete(rejection).where(rejection.c.sink == sink, rejection.c.qualified_name.in_(names)))
        for name, rejected in words.items():
            if not rejected.absent:
                connection.execute(
                    rejection.insert().values(
                        sink=sink, qualified_name=name, reason=rejected.reason, at=days.micros(now)
                    )
                )
            connection.execute(delete(sent).where(sent.c.sink == sink, sent.c.qualified_name == name))


def forget(ledger: Writes, sink: str, names: Sequence[str]) -> None:
    """Forget entities that were removed."""
    sent = tables.emission
    with ledger.writing() as connection:
        connection.execute(
            delete(sent).where(
                sent.c.sink == sink,
                sent.c.kind.in_([kind for kind, _ in _LOSING]),
                sent.c.qualified_name.in_(names),
            )
        )


def flows_done(
    ledger: Writes, looked_at: Sequence[tuple[int, int, int]], *, again: Sequence[tuple[int, int]] = ()
) -> None:
    """Flows (process, target, version) were looked at; one marked since then stays, and those to try `again`."""
    with ledger.writing() as connection:
        if looked_at:
            connection.exec_driver_sql("CREATE TEMP TABLE done (process INTEGER, target INTEGER, version INTEGER)")
            bulk.insert(connection, "temp.done", ("process", "target", "version"), looked_at)
            connection.exec_driver_sql(
                "DELETE FROM dirty_flow WHERE (process_id, target_dataset, version) IN "
                "(SELECT process, target, version FROM temp.done)"
            )
            connection.exec_driver_sql("DROP TABLE temp.done")
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
