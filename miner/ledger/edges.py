"""Current edges out of the ledger, for entities and for the report. Call `miner.ledger.wanted.resolve` first."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from sqlalchemy import Connection, select

from miner import columns, days, schemas
from miner.ledger import bulk, flow_texts, tables
from miner.ledger.remembered import Remembered

_BATCH = 8192
_REMEMBERED_SETS = 50_000
"""About 20 MB."""
_REMEMBERED_DATASETS = 100_000
"""About 20 MB."""

_CONSUMERS = "uc-miner://"
"""What the paths of those begin with that only read, and are their own target (`queries/rules.sql`)."""

ACTIVE = (
    "m.day_bits <> 0 AND (c.source_id IS NULL OR m.month > c.month OR (m.month = c.month AND m.day_bits >> c.day <> 0))"
)
"""Of an `edge_month m` and its `edge_retired c`: some of its days are not retired."""

RETIRED = "LEFT JOIN edge_retired c ON c.edge_id = m.edge_id AND c.source_id = m.source_id AND c.set_id = m.set_id"
"""Joins what `ACTIVE` looks at."""

IS_ACTIVE = (
    f"EXISTS (SELECT 1 FROM edge_month m {RETIRED} "  # noqa: S608
    f"WHERE m.edge_id = {{edge}} AND {ACTIVE})"
)
"""Whether an edge, whose id is to be filled in, is current."""

FLOW_RESOLVED = (
    "LEFT JOIN temp.process_alias pa ON pa.from_id = e.process_id "
    "LEFT JOIN temp.dataset_alias ta ON ta.from_id = e.target_dataset"
)
SOURCE_RESOLVED = "LEFT JOIN temp.dataset_alias sa ON sa.from_id = e.source_dataset"
"""Join what the process (`pa`), target (`ta`) and source (`sa`) of an edge `e` really are, where they are another."""

_SEEN = """
  max(CASE WHEN m.direct_bits <> 0 THEN 1 ELSE 0 END) AS verified,
  group_concat(DISTINCT nullif(m.set_id, 0)) AS sets,
  min(nullif(m.set_id, 0)) AS first_set,
  max(nullif(m.set_id, 0)) AS last_set
"""

STANDS = """
max(CASE WHEN m.direct_bits <> 0
  OR NOT EXISTS (SELECT 1 FROM edge_indirect i WHERE i.edge_id = e.id AND i.day_bits <> 0) THEN 1 ELSE 0 END) = 1
"""
"""Of edges `e` and their months `m`, grouped: what is seen only without direct_access goes when known as indirect."""

LABEL = (
    "(SELECT l.name FROM label l WHERE l.kind = p.kind AND l.workspace_id = p.workspace_id "
    "AND l.item_id = p.process_id ORDER BY l.changed_at DESC, l.part, l.source_id LIMIT 1)"
)
"""What a process `p` is called, as the source says that knows the latest."""

_ITS_ONLY_SET = "LEFT JOIN column_set k ON k.id = f.first_set AND f.first_set = f.last_set"

_EDGES_OF_SOME = f"""
SELECT w.process, w.target, coalesce(a.to_id, e.source_dataset) AS source, {_SEEN}
FROM temp.wanted_raw w
CROSS JOIN edge e ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target
LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset
CROSS JOIN edge_month m ON m.edge_id = e.id
{RETIRED}
WHERE {ACTIVE} AND coalesce(a.to_id, e.source_dataset) <> w.target {{within}}
GROUP BY 1, 2, 3
HAVING {STANDS}
"""  # noqa: S608 -- our own text throughout

_EDGES_OF_WANTED = _EDGES_OF_SOME.format(within="")


def kind_of(side: str) -> str:
    """What a `dataset` is, by its name in a query: a table, a path, or a consumer."""
    consumer = f"substr({side}.path, 1, {len(_CONSUMERS)}) = '{_CONSUMERS}'"
    return f"CASE WHEN {side}.name IS NOT NULL THEN 'table' WHEN {consumer} THEN 'consumer' ELSE 'path' END"


def end_of(side: str) -> str:
    """The columns of a `dataset` by its name in a query: kind, catalog, schema, name, path, type, spelling."""
    spelled = f"coalesce({side}.spelling, {side}.path, {side}.catalog || '.' || {side}.schema || '.' || {side}.name)"
    listed = f"SELECT min(o.type) FROM table_form o WHERE o.dataset_id = {side}.id"  # noqa: S608 -- our own text
    return (
        f"{kind_of(side)}, {side}.catalog, {side}.schema, {side}.name, "
        f"{side}.path, coalesce({side}.type, ({listed})), {spelled}"
    )


_FLOWS = f"""
SELECT f.process, f.target, f.source, f.sets, k.content, f.verified, {{said}}
FROM ({_EDGES_OF_WANTED}) f
{_ITS_ONLY_SET}
{{texts}}
WHERE NOT EXISTS (SELECT 1 FROM temp.undrawn u WHERE u.process = f.process AND u.target = f.target)
  AND NOT EXISTS (SELECT 1 FROM temp.sandboxed x WHERE x.dataset = f.source)
  AND NOT EXISTS (SELECT 1 FROM temp.hub h WHERE h.dataset = f.target AND h.side = 'written')
  AND (NOT EXISTS (SELECT 1 FROM temp.hub h WHERE h.dataset = f.source AND h.side = 'read')
    OR EXISTS (SELECT 1 FROM dataset t WHERE t.id = f.target AND {kind_of("t")} = 'consumer'))
ORDER BY f.process, f.target, f.source
"""  # noqa: S608

_UNSAID = _FLOWS.format(said="NULL", texts="")
_SAID = _FLOWS.format(
    said="x.text", texts=f"LEFT JOIN ({flow_texts.OF_WANTED}) x ON x.process = f.process AND x.target = f.target"
)

_PROCESSES = (
    "SELECT p.id, p.metastore_id, p.workspace_id, p.kind, p.process_id, p.notebook_id, p.job_id, p.pipeline_id, "
    "p.label, p.task_key, p.workspace_name, p.workspace_url FROM temp.named p"
)
_DATASETS = f"SELECT d.id, {end_of('d')} FROM dataset d"  # noqa: S608


def flows(connection: Connection) -> Iterator[pa.RecordBatch]:
    """Current edges of the wanted flows (`miner.schemas.FLOWS`), ordered by process, target and source.

    A flow may be spread over two batches.
    """
    contents = _Contents(connection)
    processes = Remembered(connection, _PROCESSES, "p.id", schemas.FLOW_PROCESS, _BATCH)
    datasets = Remembered(connection, _DATASETS, "d.id", schemas.FLOW_DATASET, _REMEMBERED_DATASETS)
    said = connection.exec_driver_sql(flow_texts.ANY).first() is not None
    for rows in bulk.batches(connection, _SAID if said else _UNSAID, _BATCH):
        *numbers, sets, content, verified, statements = zip(*rows, strict=True)
        process, target, source = (np.array(column, np.int64) for column in numbers)
        told = (processes.take(process), datasets.take(source), datasets.take(target))
        pairs = [contents.pairs(*one) for one in zip(sets, content, strict=True)]
        arrays = [pa.array(column) for column in (process, target, source)]
        arrays += [column for batch in told for column in batch.columns]
        arrays += [pa.array(pairs, pa.string()), pa.array(np.array(verified, np.bool_))]
        arrays.append(pa.array(statements, pa.string()) if said else pa.nulls(len(rows), pa.string()))
        yield pa.RecordBatch.from_arrays(arrays, schema=schemas.FLOWS)


_INTO_HUB = "AND w.target IN (SELECT dataset FROM temp.together WHERE side = 'written')"
_OUT_OF_HUB = "AND coalesce(a.to_id, e.source_dataset) IN (SELECT dataset FROM temp.together WHERE side = 'read')"

_DRAWN_TOGETHER = f"""
SELECT {{hub}} AS hub, h.side, f.source, f.target, t.metastore_id, {end_of("s")}, {end_of("t")}
FROM (SELECT DISTINCT o.source, o.target FROM ({{some}}) o
  WHERE NOT EXISTS (SELECT 1 FROM temp.undrawn u WHERE u.process = o.process AND u.target = o.target)) f
JOIN temp.together l ON l.dataset = {{hub}} AND l.side = '{{side}}'
JOIN temp.hub h ON h.dataset = l.dataset AND h.side = l.side
JOIN dataset s ON s.id = f.source
JOIN dataset t ON t.id = f.target
WHERE NOT EXISTS (SELECT 1 FROM temp.sandboxed x WHERE x.dataset = f.source)
"""  # noqa: S608

_SUMMARIES = f"""
{_DRAWN_TOGETHER.format(hub="f.target", side="written", some=_EDGES_OF_SOME.format(within=_INTO_HUB))}
UNION ALL
{_DRAWN_TOGETHER.format(hub="f.source", side="read", some=_EDGES_OF_SOME.format(within=_OUT_OF_HUB))}
  AND {kind_of("t")} <> 'consumer'
  AND NOT EXISTS (SELECT 1 FROM temp.hub w WHERE w.dataset = f.target AND w.side = 'written')
ORDER BY 1, 2, 3, 4
"""  # noqa: S608

_ANY_TOGETHER = "SELECT dataset FROM temp.together LIMIT 1"


def summaries(connection: Connection) -> Iterator[pa.RecordBatch]:
    """What summaries that are looked at stand for (`miner.schemas.SUMMARIES`), ordered by dataset and side.

    A summary may be spread over several batches.
    """
    if connection.exec_driver_sql(_ANY_TOGETHER).first() is None:
        return
    for rows in bulk.batches(connection, _SUMMARIES, _BATCH):
        columns_ = zip(zip(*rows, strict=True), schemas.SUMMARIES, strict=True)
        arrays = [pa.array(column, field.type) for column, field in columns_]
        yield pa.RecordBatch.from_arrays(arrays, schema=schemas.SUMMARIES)


class _Contents:
    """Column pairs by the sets they come from, as JSON, remembered for a while."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}

    def pairs(self, sets: str | None, content: str | None) -> str:
        """The pairs of the sets (numbers, joined by commas) as JSON; `content` is given when it is one set."""
        if not sets:
            return ""
        if sets not in self._known:
            if len(self._known) > _REMEMBERED_SETS:
                self._known.clear()
            pairs = columns.union(self._read(sets) if content is None else [content])
            self._known[sets] = orjson.dumps(pairs).decode()
        return self._known[sets]

    def _read(self, sets: str) -> list[str]:
        numbers = sorted(int(number) for number in sets.split(","))
        held = tables.column_set
        found = self._connection.execute(select(held.c.content).where(held.c.id.in_(numbers)).order_by(held.c.content))
        return [content for (content,) in found]


_REPORTED = f"""
SELECT p.metastore_id, p.workspace_id, p.kind, p.process_id, {end_of("s")}, {end_of("t")}, f.first_days, f.last_days,
  f.sets, k.content, f.verified, {LABEL}
FROM (
  SELECT coalesce(pa.to_id, e.process_id) AS process, coalesce(ta.to_id, e.target_dataset) AS target,
    coalesce(sa.to_id, e.source_dataset) AS source,
    min((CAST(m.month AS BIGINT) << 32) | (m.day_bits & -m.day_bits)) AS first_days,
    max((CAST(m.month AS BIGINT) << 32) | m.day_bits) AS last_days, {_SEEN}
  FROM edge e
  {FLOW_RESOLVED}
  {SOURCE_RESOLVED}
  CROSS JOIN edge_month m ON m.edge_id = e.id
  {RETIRED}
  WHERE {ACTIVE} AND coalesce(sa.to_id, e.source_dataset) <> coalesce(ta.to_id, e.target_dataset) %s
  GROUP BY 1, 2, 3
  HAVING {STANDS}
) f
JOIN process p ON p.id = f.process
JOIN dataset s ON s.id = f.source
JOIN dataset t ON t.id = f.target
{_ITS_ONLY_SET}
"""  # noqa: S608


def edge_report(connection: Connection) -> pa.Table:
    """Every current edge (`miner.schemas.EDGE_REPORT`), sorted by its natural key. Call `resolve` first."""
    return _table([row for row, _ in _reported(connection)], schemas.EDGE_REPORT)


def edges_among(connection: Connection, chosen: str) -> pa.Table:
    """Current edges whose numbers a table `temp.NAME` holds in its column `edge` (`miner.schemas.WALKED_EDGES`)."""
    told = _reported(connection, f"AND e.id IN (SELECT edge FROM {chosen})")  # noqa: S608 -- our own name
    return _table([(*row, pairs) for row, pairs in told], schemas.WALKED_EDGES)


def _reported(connection: Connection, within: str = "") -> Iterator[tuple[tuple[Any, ...], str]]:
    """Edges as they are reported, each with its column pairs as JSON."""
    contents = _Contents(connection)
    for row in connection.exec_driver_sql(_REPORTED % within):
        source, target = row[4:11], row[11:18]
        first, last, sets, content, verified, label = row[18:]
        pairs = contents.pairs(sets, content) or "[]"
        ends = source[0], _name(source), target[0], _name(target)
        yield (
            (*row[:4], *ends, _first(first), _last(last), len(orjson.loads(pairs)), bool(verified), label), pairs
        )  # fmt: skip


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    rows.sort(key=lambda row: row[:8])
    return schemas.table_of(rows, schema)


def _name(end: Sequence[str]) -> str:
    return ".".join(end[1:4]) if end[0] == "table" else end[4]


def _first(packed: int) -> date:
    return days.days_of(packed >> 32, packed & 0x7FFF_FFFF)[0]


def _last(packed: int) -> date:
    return days.days_of(packed >> 32, packed & 0x7FFF_FFFF)[-1]
