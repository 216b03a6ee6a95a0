"""The ledger as JSON lines by natural key: two ledgers that know the same dump the same.

No surrogate ids, run ids or clock times; rows in a fixed order.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from miner import columns, days
from miner.ledger import keys
from miner.ledger.dump_names import Row, name_rows
from miner.schemas import RUNS, VOLUMES

_DATASET = "{0}.metastore_id, {0}.catalog, {0}.schema, {0}.name, {0}.path"


def _named(alias: str) -> str:
    return _DATASET.format(alias)


def _read(connection: Connection, query: str, *order: int) -> Iterator[Any]:
    """Rows in the order of some columns, counted from 1; missing values first."""
    by = ", ".join(f"{place} NULLS FIRST" for place in order)
    yield from connection.execute(text(f"{query} ORDER BY {by}"), execution_options={"stream_results": True})


def dump(connection: Connection) -> Iterator[str]:
    """One JSON text a line, its first key telling what it is: day, fate, dataset, edge, alias, label and so on."""
    for what, row in _parts(connection):
        yield json.dumps({"what": what, **row}, ensure_ascii=False, sort_keys=False)


def _parts(connection: Connection) -> Iterator[tuple[str, Row]]:
    for what, rows in (
        ("day", _days(connection)),
        ("fate", _fates(connection)),
        ("dataset", _datasets(connection)),
        ("process", _processes(connection)),
        ("edge", _edges(connection)),
        ("indirect", _indirect(connection)),
        ("text", _texts(connection)),
        ("alias", _aliases(connection)),
        ("usage", _usage(connection)),
        ("usage_month", _usage_months(connection)),
        ("outside_read", _outside_reads(connection)),
        ("cost", _costs(connection)),
        ("cost_hour", _cost_hours(connection)),
        ("column", _columns(connection)),
        ("column_usage", _column_usage(connection)),
        ("column_usage_month", _column_months(connection)),
        ("query", _queries(connection)),
        ("fingerprint", _fingerprints(connection)),
        ("match", _matches(connection)),
        ("emission", _emissions(connection)),
        ("rejection", _rejections(connection)),
    ):
        yield from ((what, row) for row in rows)
    yield from name_rows(connection)


def _days(connection: Connection) -> Iterator[Row]:
    query = (
        "SELECT s.name, d.stream, d.day, d.rows_total, d.settled, d.whole, d.rules, d.audited FROM day_mined d "
        "JOIN source s ON s.id = d.source_id"
    )
    for source, stream, day, rows, settled, whole, rules, audited in _read(connection, query, 1, 2, 3):
        yield {
            "source": source, "stream": stream, "day": str(days.day_of(day)), "rows": rows, "settled": bool(settled),
            "whole": bool(whole), "rules": rules, "audited": bool(audited),
        }  # fmt: skip


def _fates(connection: Connection) -> Iterator[Row]:
    query = (
        "SELECT s.name, d.stream, d.day, d.table_name, d.fate, d.rule, d.rows FROM day_fate d "
        "JOIN source s ON s.id = d.source_id"
    )
    for source, stream, day, table, fate, rule, rows in _read(connection, query, 1, 2, 3, 4, 5, 6):
        yield {
            "source": source, "stream": stream, "day": str(days.day_of(day)), "table": table, "fate": fate,
            "rule": rule, "rows": rows,
        }  # fmt: skip


def _datasets(connection: Connection) -> Iterator[Row]:
    query = f"SELECT {_named('d')}, d.type, d.spelling FROM dataset d"  # noqa: S608
    for *names, type_, spelling in _read(connection, query, 1, 2, 3, 4, 5):
        yield {"dataset": _told(names), "type": type_, "spelling": spelling}


def _processes(connection: Connection) -> Iterator[Row]:
    query = "SELECT p.metastore_id, p.workspace_id, p.kind, p.process_id FROM process p"
    for names in _read(connection, query, 1, 2, 3, 4):
        yield {"process": list(names)}


_EDGE = f"""
SELECT s.name, p.metastore_id, p.workspace_id, p.kind, p.process_id, {_named("a")}, {_named("b")},
  m.month, m.day_bits, {{bits}}
FROM {{table}} m
JOIN source s ON s.id = m.source_id
JOIN edge e ON e.id = m.edge_id
JOIN process p ON p.id = e.process_id
JOIN dataset a ON a.id = e.source_dataset
JOIN dataset b ON b.id = e.target_dataset
{{more}}
WHERE m.day_bits <> 0
"""  # noqa: S608

_EDGE_ORDER = range(1, 17)


def _edges(connection: Connection) -> Iterator[Row]:
    query = _EDGE.format(
        table="edge_month", bits="coalesce(k.content, ''), m.direct_bits",
        more="LEFT JOIN column_set k ON k.id = m.set_id",
    )  # fmt: skip
    for row in _read(connection, query, *_EDGE_ORDER, 18):
        source, *process = row[:5]
        month, bits, content, direct = row[15:]
        yield {
            "source": source, "process": process, "from": _told(row[5:10]), "to": _told(row[10:15]),
            "columns": columns.pairs_of(content), "days": _spelled(month, bits), "direct": _spelled(month, direct),
        }  # fmt: skip


def _indirect(connection: Connection) -> Iterator[Row]:
    query = _EDGE.format(table="edge_indirect", bits="0", more="")
    for row in _read(connection, query, *_EDGE_ORDER):
        source, *process = row[:5]
        month, bits = row[15:17]
        yield {
            "source": source, "process": process, "from": _told(row[5:10]), "to": _told(row[10:15]),
            "days": _spelled(month, bits),
        }  # fmt: skip


def _texts(connection: Connection) -> Iterator[Row]:
    query = (
        f"SELECT p.metastore_id, p.workspace_id, p.kind, p.process_id, {_named('d')}, x.at, x.text FROM flow_text x "  # noqa: S608
        "JOIN process p ON p.id = x.process_id JOIN dataset d ON d.id = x.target_dataset"
    )
    for *names, at, said in _read(connection, query, *range(1, 10)):
        yield {"process": names[:4], "to": _told(names[4:]), "at": _instant(at), "text": said}


def _aliases(connection: Connection) -> Iterator[Row]:
    paths = (
        f"SELECT s.name, l.evidence, l.first_day, l.last_day, {_named('a')}, {_named('b')} FROM alias l "  # noqa: S608
        "JOIN source s ON s.id = l.source_id JOIN dataset a ON a.id = l.from_id JOIN dataset b ON b.id = l.to_id "
        "WHERE l.kind = 'dataset'"
    )
    for source, evidence, first, last, *names in _read(connection, paths, 1, 2, *range(5, 15)):
        yield {
            "source": source, "evidence": evidence, "from": _told(names[:5]), "to": _told(names[5:]),
            "first": str(days.day_of(first)), "last": str(days.day_of(last)),
        }  # fmt: skip
    processes = (
        "SELECT s.name, l.evidence, l.first_day, l.last_day, a.metastore_id, a.workspace_id, a.kind, a.process_id, "
        "b.kind, b.process_id FROM alias l JOIN source s ON s.id = l.source_id JOIN process a ON a.id = l.from_id "
        "JOIN process b ON b.id = l.to_id WHERE l.kind = 'process'"
    )
    for source, evidence, first, last, *names in _read(connection, processes, 1, 2, *range(5, 11)):
        yield {
            "source": source, "evidence": evidence, "from": names[:4], "to": [*names[:2], *names[4:]],
            "first": str(days.day_of(first)), "last": str(days.day_of(last)),
        }  # fmt: skip


_USAGE = (
    f"SELECT s.name, u.{{period}}, {_named('d')}, coalesce(r.name, ''), u.process_kind, u.reads, u.cached_reads, "  # noqa: S608
    "u.failed_reads, u.indirect_reads, u.self_reads, u.writes, u.events, u.runs, u.last_read_at, u.last_write_at "
    "FROM {table} u JOIN source s ON s.id = u.source_id JOIN dataset d ON d.id = u.dataset_id "
    "LEFT JOIN reader r ON r.id = u.reader_id"
)


def _usage(connection: Connection) -> Iterator[Row]:
    query = _USAGE.format(period="day", table="usage_day")
    for source, day, *rest in _read(connection, query, *range(1, 10)):
        yield {"source": source, "day": str(days.day_of(day)), **_counted(rest)}


def _usage_months(connection: Connection) -> Iterator[Row]:
    query = _USAGE.format(period="month", table="usage_month")
    for source, month, *rest in _read(connection, query, *range(1, 10)):
        yield {"source": source, "month": str(days.days_of(month, 1)[0])[:7], **_counted(rest)}


def _outside_reads(connection: Connection) -> Iterator[Row]:
    query = (
        "SELECT s.name, o.day, o.metastore_id, o.dataset, o.told_by, o.reads FROM outside_read o "
        "JOIN source s ON s.id = o.source_id"
    )
    for source, day, metastore, dataset, told_by, reads in _read(connection, query, 1, 2, 3, 4, 5):
        yield {
            "source": source, "day": str(days.day_of(day)), "metastore": metastore, "dataset": dataset,
            "told_by": told_by, "reads": reads,
        }  # fmt: skip


def _columns(connection: Connection) -> Iterator[Row]:
    query = f"SELECT {_named('d')}, c.name, c.spelling FROM dataset_column c JOIN dataset d ON d.id = c.dataset_id"  # noqa: S608
    for *names, name, spelling in _read(connection, query, 1, 2, 3, 4, 5, 6):
        yield {"dataset": _told(names), "column": name, "spelling": spelling}


_COLUMN_USAGE = (
    f"SELECT s.name, u.{{period}}, {_named('d')}, c.name, coalesce(r.name, ''), u.process_kind, u.reads, "  # noqa: S608
    "u.last_read_at FROM {table} u JOIN source s ON s.id = u.source_id JOIN dataset_column c ON c.id = u.column_id "
    "JOIN dataset d ON d.id = c.dataset_id LEFT JOIN reader r ON r.id = u.reader_id"
)


def _column_usage(connection: Connection) -> Iterator[Row]:
    query = _COLUMN_USAGE.format(period="day", table="column_day")
    for source, day, *rest in _read(connection, query, *range(1, 11)):
        yield {"source": source, "day": str(days.day_of(day)), **_column_reads(rest)}


def _column_months(connection: Connection) -> Iterator[Row]:
    query = _COLUMN_USAGE.format(period="month", table="column_month")
    for source, month, *rest in _read(connection, query, *range(1, 11)):
        yield {"source": source, "month": str(days.days_of(month, 1)[0])[:7], **_column_reads(rest)}


def _column_reads(rest: Sequence[Any]) -> Row:
    column, reader, kind, reads, last = rest[5:]
    return {
        "dataset": _told(rest[:5]), "column": column, "reader": reader, "process_kind": kind, "reads": reads,
        "last_read": _instant(last),
    }  # fmt: skip


def _counted(rest: Sequence[Any]) -> Row:
    names = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes", "events", "runs")
    reader, kind, *measures = rest[5:]
    return {
        "dataset": _told(rest[:5]), "reader": reader, "process_kind": kind,
        **dict(zip(names, measures, strict=False)),
        "last_read": _instant(measures[8]), "last_write": _instant(measures[9]),
    }  # fmt: skip


def _costs(connection: Connection) -> Iterator[Row]:
    query = (
        f"SELECT s.name, c.day, {_named('d')}, c.currency, c.amount, c.statements FROM cost_day c "  # noqa: S608
        "JOIN source s ON s.id = c.source_id JOIN dataset d ON d.id = c.dataset_id"
    )
    for source, day, *names, currency, amount, statements in _read(connection, query, *range(1, 9)):
        yield {
            "source": source, "day": str(days.day_of(day)), "dataset": _told(names), "currency": currency,
            "billionths": amount, "statements": statements,
        }  # fmt: skip


def _cost_hours(connection: Connection) -> Iterator[Row]:
    columns_ = "s.name, c.day, c.hour, c.currency, c.fate, c.amount"
    query = f"SELECT {columns_} FROM cost_hour c JOIN source s ON s.id = c.source_id"  # noqa: S608
    for source, day, hour, currency, fate, amount in _read(connection, query, 1, 2, 3, 4, 5):
        yield {
            "source": source, "day": str(days.day_of(day)), "hour": hour, "currency": currency, "fate": fate,
            "billionths": amount,
        }  # fmt: skip


def _queries(connection: Connection) -> Iterator[Row]:
    figures = (*RUNS, *VOLUMES)
    query = (
        f"SELECT s.name, q.day, {_named('d')}, f.id, f.check_bits, coalesce(r.name, ''), q.process_kind, q.client, "  # noqa: S608
        f"q.warehouse, {', '.join(f'q.{name}' for name in figures)}, q.last_run_at FROM query_day q "
        "JOIN source s ON s.id = q.source_id LEFT JOIN dataset d ON d.id = q.dataset_id "
        "LEFT JOIN fingerprint f ON f.id = q.fingerprint_id LEFT JOIN reader r ON r.id = q.reader_id"
    )
    for source, day, *rest in _read(connection, query, *range(1, 14)):
        half, other, reader, kind, client, warehouse, *measures = rest[5:]
        yield {
            "source": source, "day": str(days.day_of(day)), "dataset": _told(rest[:5]) if rest[0] is not None else None,
            "fingerprint": _hex(half, other), "reader": reader, "process_kind": kind, "client": client,
            "warehouse": warehouse, **dict(zip(figures, measures, strict=False)), "last_run": _instant(measures[-1]),
        }  # fmt: skip


def _fingerprints(connection: Connection) -> Iterator[Row]:
    query = "SELECT id, check_bits, statement_type, said FROM fingerprint"
    for half, other, kind, said in _read(connection, query, 1, 2):
        yield {"fingerprint": _hex(half, other), "statement_type": kind, "said": said}


def _hex(half: int | None, other: int | None) -> str | None:
    """The warehouse's own key again; None of statements without a row of their own."""
    return None if half is None or other is None else keys.hex_of(half, other)


def _matches(connection: Connection) -> Iterator[Row]:
    query = (
        f"SELECT m.sink, m.state, m.type_name, m.qualified_name, m.reason, {_named('d')} FROM asset_match m "  # noqa: S608
        "JOIN dataset d ON d.id = m.dataset_id"
    )
    for sink, state, type_name, name, reason, *dataset in _read(connection, query, 1, 6, 7, 8, 9, 10):
        yield {
            "sink": sink, "dataset": _told(dataset), "state": state, "type": type_name, "qualified_name": name,
            "reason": reason,
        }  # fmt: skip


def _emissions(connection: Connection) -> Iterator[Row]:
    query = "SELECT sink, kind, qualified_name, type_name, digest, state FROM emission"
    for sink, kind, name, type_name, digest, state in _read(connection, query, 1, 2, 3):
        yield {
            "sink": sink, "kind": kind, "qualified_name": name, "type": type_name, "digest": digest, "state": state
        }  # fmt: skip


def _rejections(connection: Connection) -> Iterator[Row]:
    query = "SELECT sink, qualified_name, reason FROM rejection"
    for sink, name, reason in _read(connection, query, 1, 2):
        yield {"sink": sink, "qualified_name": name, "reason": reason}


def _told(names: Sequence[object]) -> list[object]:
    metastore, catalog, schema, name, path = names
    return [metastore, path] if name is None else [metastore, catalog, schema, name]


def _spelled(month: int, bits: int) -> list[str]:
    return [str(day) for day in days.days_of(month, bits)]


def _instant(micros: int | None) -> str | None:
    return days.instant_of(micros).isoformat() if micros is not None else None
