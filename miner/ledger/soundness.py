"""Whether a ledger holds together: the database's own check, references, balances and identities."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, text

from miner.checks import Check, Found, failed, passed
from miner.ledger import bulk, keys
from miner.ledger.merge import TABLE_OF

_MEND = "restore the ledger from a backup, or start a new one and mine again"

_REFERENCES = {
    "edges": (
        "SELECT count(*) FROM edge e WHERE NOT EXISTS (SELECT 1 FROM process p WHERE p.id = e.process_id) "
        "OR NOT EXISTS (SELECT 1 FROM dataset d WHERE d.id = e.source_dataset) "
        "OR NOT EXISTS (SELECT 1 FROM dataset d WHERE d.id = e.target_dataset)"
    ),
    "edge_months": (
        "SELECT count(*) FROM edge_month m WHERE NOT EXISTS (SELECT 1 FROM edge e WHERE e.id = m.edge_id) "
        "OR (m.set_id <> 0 AND NOT EXISTS (SELECT 1 FROM column_set k WHERE k.id = m.set_id)) "
        "OR NOT EXISTS (SELECT 1 FROM source s WHERE s.id = m.source_id) OR m.direct_bits & ~m.day_bits <> 0"
    ),
    "texts": (
        "SELECT count(*) FROM flow_text x WHERE NOT EXISTS (SELECT 1 FROM edge e "
        "WHERE e.process_id = x.process_id AND e.target_dataset = x.target_dataset)"
    ),
    "usage": (
        "SELECT count(*) FROM (SELECT source_id, dataset_id, reader_id FROM usage_day "
        "UNION SELECT source_id, dataset_id, reader_id FROM usage_month) u "
        "WHERE NOT EXISTS (SELECT 1 FROM dataset d WHERE d.id = u.dataset_id) "
        "OR (u.reader_id <> 0 AND NOT EXISTS (SELECT 1 FROM reader r WHERE r.id = u.reader_id)) "
        "OR NOT EXISTS (SELECT 1 FROM source s WHERE s.id = u.source_id)"
    ),
    "cost": (
        "SELECT count(*) FROM cost_day c WHERE NOT EXISTS (SELECT 1 FROM dataset d WHERE d.id = c.dataset_id) "
        "OR NOT EXISTS (SELECT 1 FROM source s WHERE s.id = c.source_id)"
    ),
    "columns": (
        "SELECT count(*) FROM (SELECT source_id, column_id, reader_id FROM column_day "
        "UNION SELECT source_id, column_id, reader_id FROM column_month) u "
        "WHERE NOT EXISTS (SELECT 1 FROM dataset_column c JOIN dataset d ON d.id = c.dataset_id "
        "WHERE c.id = u.column_id) "
        "OR (u.reader_id <> 0 AND NOT EXISTS (SELECT 1 FROM reader r WHERE r.id = u.reader_id)) "
        "OR NOT EXISTS (SELECT 1 FROM source s WHERE s.id = u.source_id)"
    ),
    "queries": (
        "SELECT count(*) FROM query_day q WHERE (q.dataset_id <> 0 AND NOT EXISTS "
        "(SELECT 1 FROM dataset d WHERE d.id = q.dataset_id)) "
        "OR (q.fingerprint_id <> 0 AND NOT EXISTS (SELECT 1 FROM fingerprint f WHERE f.id = q.fingerprint_id)) "
        "OR (q.reader_id <> 0 AND NOT EXISTS (SELECT 1 FROM reader r WHERE r.id = q.reader_id)) "
        "OR NOT EXISTS (SELECT 1 FROM source s WHERE s.id = q.source_id)"
    ),
}

_BALANCE = (
    "SELECT count(*) FROM day_mined d WHERE d.rows_total <> (SELECT coalesce(sum(f.rows), 0) FROM day_fate f "  # noqa: S608
    "WHERE f.source_id = d.source_id AND f.stream = d.stream AND f.day = d.day AND f.table_name = "
    f"CASE d.stream {' '.join(f'WHEN {stream!r} THEN {table!r}' for stream, table in TABLE_OF.items())} END)"
)

_MONEY = (
    "SELECT count(*) FROM (SELECT source_id, day, currency FROM ("
    "SELECT source_id, day, currency, amount FROM cost_day UNION ALL "
    "SELECT source_id, day, currency, -amount FROM cost_hour WHERE fate = 'dataset') m "
    "GROUP BY source_id, day, currency HAVING sum(amount) <> 0) w"
)

_IDENTITIES = {
    "datasets": (
        "SELECT id, check_bits, metastore_id, coalesce(catalog, ''), coalesce(schema, ''), coalesce(name, ''), "
        "coalesce(path, '') FROM dataset"
    ),
    "processes": "SELECT id, check_bits, metastore_id, workspace_id, kind, process_id FROM process",
}

_AT_ONCE = 50_000


def checks(connection: Connection) -> Iterator[Check]:
    """Every check of an open ledger, under stable names."""
    if connection.dialect.name == "sqlite":
        yield Check("ledger.file", partial(_file, connection))
    for what, query in _REFERENCES.items():
        yield Check(
            f"ledger.{what}", partial(_none, connection, query, "refer to nothing", "everything they refer to is there")
        )
    yield Check(
        "ledger.balance",
        partial(_none, connection, _BALANCE, "have not every row accounted for", "every row of every day has one fate"),
    )
    yield Check(
        "ledger.money",
        partial(_none, connection, _MONEY, "days of cost do not add up", "datasets bear what the hours laid on them"),
    )
    for what, query in _IDENTITIES.items():
        yield Check(f"ledger.{what}", partial(_identities, connection, query))


def _file(connection: Connection) -> Found:
    told = connection.exec_driver_sql("PRAGMA main.integrity_check(3)").scalars().all()
    return passed("the file is whole") if told == ["ok"] else failed("; ".join(map(str, told)), _MEND)


def _none(connection: Connection, query: str, wrong: str, right: str) -> Found:
    count = connection.execute(text(query)).scalar_one()
    return failed(f"{count:,} {wrong}", _MEND) if count else passed(right)


def _identities(connection: Connection, query: str) -> Found:
    """Each number is cut from the digest of its natural key."""
    seen = wrong = 0
    for rows in bulk.batches(connection, query, _AT_ONCE):
        ids, check_bits, *names = zip(*rows, strict=True)
        halves = keys.halves_of_parts([pa.array(part, pa.string()) for part in names])
        seen += len(rows)
        wrong += int((halves != np.column_stack([ids, check_bits])).any(axis=1).sum())
    return failed(f"{wrong:,} of {seen:,} have a number that is not their own", _MEND) if wrong else passed(f"{seen:,}")
