"""What the ledger says: days and counts, current edges, usage. Aliases are applied here, never before."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
from sqlalchemy import Connection, func, select

from miner import columns, days, schemas
from miner.ledger import tables

_BATCH = 8192
_REMEMBERED_SETS = 50_000
"""About 20 MB."""


@dataclass(frozen=True, slots=True)
class MinedDay:
    """The mark of one mined day."""

    source: str
    stream: str
    day: date
    rows: int
    settled: bool
    whole: bool
    rules: str
    mined_at: datetime


def mined_days(connection: Connection, source: str | None = None, stream: str | None = None) -> list[MinedDay]:
    """The mined days, by source, stream and day."""
    mined, sources = tables.day_mined, tables.source
    query = select(mined, sources.c.name).join(sources).order_by(sources.c.name, mined.c.stream, mined.c.day)
    if source is not None:
        query = query.where(sources.c.name == source)
    if stream is not None:
        query = query.where(mined.c.stream == stream)
    return [
        MinedDay(
            row.name, row.stream, days.day_of(row.day), row.rows_total, row.settled, row.whole, row.rules,
            days.instant_of(row.mined_at),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def workspaces(connection: Connection, source: str, stream: str, day: date) -> dict[str, int]:
    """Rows of a mined day by workspace."""
    counted, sources = tables.day_workspace, tables.source
    query = (
        select(counted.c.workspace_id, counted.c.rows)
        .join(sources)
        .where(sources.c.name == source, counted.c.stream == stream, counted.c.day == days.number(day))
    )
    return {workspace: rows for workspace, rows in connection.execute(query)}  # noqa: C416 -- rows are no pairs to mypy


@dataclass(frozen=True, slots=True)
class Fate:
    """Rows of some days by what became of them."""

    source: str
    stream: str
    table: str
    fate: str
    rule: str
    rows: int


def fates(connection: Connection, first: date | None = None, last: date | None = None) -> list[Fate]:
    """The balance, summed over days, most rows first."""
    told, sources = tables.day_fate, tables.source
    query = select(
        sources.c.name, told.c.stream, told.c.table_name, told.c.fate, told.c.rule, func.sum(told.c.rows).label("sum")
    ).join(sources)
    if first is not None:
        query = query.where(told.c.day >= days.number(first))
    if last is not None:
        query = query.where(told.c.day <= days.number(last))
    query = query.group_by(sources.c.name, told.c.stream, told.c.table_name, told.c.fate, told.c.rule)
    found = [Fate(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda item: (item.source, item.stream, item.table, -item.rows, item.fate, item.rule))


@dataclass(frozen=True, slots=True)
class LateRows:
    """Rows that came after a day was first mined, by the day's age when they were seen."""

    source: str
    stream: str
    age_days: int
    rows: int


def late_rows(connection: Connection) -> list[LateRows]:
    """Late rows by source, stream and age."""
    late, sources = tables.late_rows, tables.source
    query = (
        select(sources.c.name, late.c.stream, late.c.age_days, func.sum(late.c.rows))
        .join(sources)
        .group_by(sources.c.name, late.c.stream, late.c.age_days)
        .order_by(sources.c.name, late.c.stream, late.c.age_days)
    )
    return [LateRows(*row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[str, int]:
    """How much the ledger holds: datasets, processes, edges, column sets, readers, emissions, rejections."""
    held = {
        "datasets": tables.dataset, "processes": tables.process, "edges": tables.edge,
        "column_sets": tables.column_set, "readers": tables.reader, "emissions": tables.emission,
        "rejections": tables.rejection, "flows_to_look_at": tables.dirty_flow,
    }  # fmt: skip
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in held.items()
    }


def stale_cutoffs(connection: Connection, stale_days: int) -> dict[int, date]:
    """By source id, the last day whose edges are stale: `stale_days` settled, mined days lie after it."""
    mined = tables.day_mined
    cutoffs = {}
    for (source_id,) in connection.execute(select(tables.source.c.id)).all():
        found = connection.execute(
            select(mined.c.day)
            .where(mined.c.source_id == source_id, mined.c.stream == "lineage", mined.c.settled)
            .order_by(mined.c.day.desc())
            .offset(stale_days)
            .limit(1)
        ).scalar()
        if found is not None:
            cutoffs[source_id] = days.day_of(found)
    return cutoffs


def resolve(connection: Connection, stale_days: int) -> None:
    """Lay down, for this connection, the aliases that hold and the days before which edges are stale."""
    for statement in _RESOLUTION:
        connection.exec_driver_sql(statement)
    for source_id, cutoff in stale_cutoffs(connection, stale_days).items():
        connection.exec_driver_sql(
            "INSERT INTO temp.cutoff VALUES (?, ?, ?)", (source_id, days.month(cutoff), cutoff.day)
        )


_RESOLUTION = (
    "DROP TABLE IF EXISTS temp.dataset_alias",
    "DROP TABLE IF EXISTS temp.process_alias",
    "DROP TABLE IF EXISTS temp.cutoff",
    # Two candidates for one identity are evidence against each other: neither is applied.
    *(
        f"CREATE TEMP TABLE {kind}_alias AS SELECT from_id, min(to_id) AS to_id FROM alias WHERE kind = '{kind}' "  # noqa: S608
        "GROUP BY from_id HAVING min(to_id) = max(to_id) AND min(to_id) <> from_id"
        for kind in ("dataset", "process")
    ),
    "CREATE UNIQUE INDEX temp.dataset_alias_from ON dataset_alias (from_id)",
    "CREATE UNIQUE INDEX temp.process_alias_from ON process_alias (from_id)",
    "CREATE INDEX temp.dataset_alias_to ON dataset_alias (to_id)",
    "CREATE INDEX temp.process_alias_to ON process_alias (to_id)",
    "CREATE TEMP TABLE cutoff (source_id INTEGER PRIMARY KEY, month INTEGER, day INTEGER)",
)


def want(connection: Connection, *, everything: bool = False, stale_before: str = "") -> int:
    """Lay down the flows to look at, as they are named now and as they were; returns how many. Call `resolve` first.

    Those are the flows that may have changed and those that lost an edge or a column set to age since `stale_before`
    (a `stale_state`); or `everything` the ledger has.
    """
    marked_ = _MARKED_ALL if everything else _MARKED
    for statement in (*_DROP_WANTED, marked_, *_WANTED):
        connection.exec_driver_sql(statement)
    if not everything:
        _want_aged(connection, stale_before)
    for statement in _WANTED_RAW:
        connection.exec_driver_sql(statement)
    return int(connection.exec_driver_sql("SELECT count(*) FROM temp.wanted").scalar_one())


def _want_aged(connection: Connection, before: str) -> None:
    known = {int(source): int(day) for source, day in (part.split(":") for part in before.split(",") if part)}
    for source_id, cutoff in _cutoffs(connection):
        since = days.day_of(known[source_id] + 1) if source_id in known else _first_edge_day(connection, source_id)
        for aged in days.span(since, cutoff):
            connection.exec_driver_sql(_WANT_AGED, (source_id, days.month(aged), days.bit(aged), aged.day))


def _first_edge_day(connection: Connection, source_id: int) -> date:
    """Where ageing begins for a source that had no stale day yet: the first day of its first month."""
    held = tables.edge_month
    month = connection.execute(select(func.min(held.c.month)).where(held.c.source_id == source_id)).scalar()
    return days.days_of(month, 1)[0] if month is not None else date.max


def stale_state(connection: Connection) -> str:
    """The last stale day of each source, as `source:day` joined by commas. Call `resolve` first."""
    return ",".join(f"{source}:{days.number(day)}" for source, day in _cutoffs(connection))


def _cutoffs(connection: Connection) -> list[tuple[int, date]]:
    rows = connection.exec_driver_sql("SELECT source_id, month, day FROM temp.cutoff ORDER BY source_id").all()
    return [(source, days.days_of(month, 1 << (day - 1))[0]) for source, month, day in rows]


_WANT_AGED = (
    "INSERT INTO temp.wanted SELECT DISTINCT coalesce(p.to_id, e.process_id), coalesce(t.to_id, e.target_dataset) "
    "FROM edge_month m JOIN edge e ON e.id = m.edge_id LEFT JOIN temp.process_alias p ON p.from_id = e.process_id "
    "LEFT JOIN temp.dataset_alias t ON t.from_id = e.target_dataset "
    "WHERE m.source_id = ? AND m.month = ? AND m.day_bits & ? <> 0 AND m.day_bits >> ? = 0 AND NOT EXISTS "
    "(SELECT 1 FROM edge_month l WHERE l.source_id = m.source_id AND l.edge_id = m.edge_id AND l.set_id = m.set_id "
    "AND l.month > m.month) ON CONFLICT (process, target) DO NOTHING"
)


_DROP_WANTED = tuple(f"DROP TABLE IF EXISTS temp.{name}" for name in ("marked", "wanted", "wanted_raw", "once"))
_MARKED = "CREATE TEMP TABLE marked AS SELECT process_id, target_dataset, version FROM dirty_flow"
_MARKED_ALL = (
    "CREATE TEMP TABLE marked AS SELECT e.process_id, e.target_dataset, coalesce(d.version, 0) AS version "
    "FROM (SELECT process_id, target_dataset FROM edge UNION SELECT process_id, target_dataset FROM dirty_flow) e "
    "LEFT JOIN dirty_flow d ON d.process_id = e.process_id AND d.target_dataset = e.target_dataset"
)

_WANTED = (
    "CREATE TEMP TABLE wanted (process INTEGER, target INTEGER, PRIMARY KEY (process, target)) WITHOUT ROWID",
    # Under every name they may have been built with: evidence that was applied before may be ambiguous now.
    (
        "INSERT INTO temp.wanted SELECT process_id, target_dataset FROM temp.marked "
        "UNION SELECT p.to_id, d.target_dataset FROM temp.marked d "
        "JOIN alias p ON p.kind = 'process' AND p.from_id = d.process_id "
        "UNION SELECT d.process_id, t.to_id FROM temp.marked d "
        "JOIN alias t ON t.kind = 'dataset' AND t.from_id = d.target_dataset "
        "UNION SELECT p.to_id, t.to_id FROM temp.marked d "
        "JOIN alias p ON p.kind = 'process' AND p.from_id = d.process_id "
        "JOIN alias t ON t.kind = 'dataset' AND t.from_id = d.target_dataset"
    ),
)

_WANTED_RAW = (
    (
        "CREATE TEMP TABLE wanted_raw AS "
        "SELECT p.raw AS raw_process, t.raw AS raw_target, w.process, w.target FROM temp.wanted w "
        "JOIN (SELECT process AS id, process AS raw FROM temp.wanted "
        "WHERE process NOT IN (SELECT from_id FROM temp.process_alias) "
        "UNION SELECT to_id, from_id FROM temp.process_alias) p ON p.id = w.process "
        "JOIN (SELECT target AS id, target AS raw FROM temp.wanted "
        "WHERE target NOT IN (SELECT from_id FROM temp.dataset_alias) "
        "UNION SELECT to_id, from_id FROM temp.dataset_alias) t ON t.id = w.target"
    ),
    # A job seen on a single day may be a one-time run that no grant lets us tell; it waits for a second day.
    "CREATE TEMP TABLE once (process INTEGER PRIMARY KEY)",
    (
        "INSERT INTO temp.once SELECT e.process_id FROM (SELECT DISTINCT raw_process AS id FROM temp.wanted_raw) w "
        "CROSS JOIN process p ON p.id = w.id AND p.kind = 'job' CROSS JOIN edge e ON e.process_id = p.id "
        "CROSS JOIN edge_month m ON m.edge_id = e.id JOIN source s ON s.id = m.source_id WHERE m.day_bits <> 0 "
        "GROUP BY e.process_id HAVING max(s.knows_run_types) = 0 AND max(m.day_bits & (m.day_bits - 1)) = 0 "
        "AND min((m.month << 32) | m.day_bits) = max((m.month << 32) | m.day_bits)"
    ),
)

_ACTIVE = (
    "m.day_bits <> 0 AND (c.source_id IS NULL OR m.month > c.month OR (m.month = c.month AND m.day_bits >> c.day <> 0))"
)

_EDGES_OF_WANTED = f"""
SELECT w.process, w.target, coalesce(a.to_id, e.source_dataset) AS source,
  max(m.direct_bits <> 0) AS verified,
  group_concat(DISTINCT nullif(m.set_id, 0)) AS sets
FROM temp.wanted_raw w
CROSS JOIN edge e ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target
LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset
CROSS JOIN edge_month m ON m.edge_id = e.id
LEFT JOIN temp.cutoff c ON c.source_id = m.source_id
WHERE {_ACTIVE} AND coalesce(a.to_id, e.source_dataset) <> w.target
GROUP BY 1, 2, 3
HAVING verified OR NOT EXISTS (SELECT 1 FROM edge_indirect i WHERE i.edge_id = e.id AND i.day_bits <> 0)
"""  # noqa: S608 -- our own text throughout


def _end(side: str) -> str:
    spelled = f"coalesce({side}.spelling, {side}.path, {side}.catalog || '.' || {side}.schema || '.' || {side}.name)"
    return (
        f"CASE WHEN {side}.name IS NULL THEN 'path' ELSE 'table' END, {side}.catalog, {side}.schema, {side}.name, "
        f"{side}.path, {side}.type, {spelled}"
    )


_FLOWS = f"""
SELECT f.process, f.target, f.source, p.metastore_id, p.workspace_id, p.kind, p.process_id, p.notebook_id, p.job_id,
  p.pipeline_id, {_end("s")}, {_end("t")}, f.sets, k.content, f.verified
FROM ({_EDGES_OF_WANTED}) f
LEFT JOIN column_set k ON k.id = f.sets
JOIN process p ON p.id = f.process
JOIN dataset s ON s.id = f.source
JOIN dataset t ON t.id = f.target
WHERE f.process NOT IN (SELECT process FROM temp.once)
ORDER BY f.process, f.target, f.source
"""  # noqa: S608


def marked(connection: Connection) -> list[tuple[int, int, int]]:
    """The flows that were to be looked at, as (process, target, version)."""
    rows = connection.exec_driver_sql("SELECT process_id, target_dataset, version FROM temp.marked WHERE version > 0")
    return [(process, target, version) for process, target, version in rows]


def waiting(connection: Connection) -> list[tuple[int, int]]:
    """Flows of jobs seen on one day only, among those wanted."""
    return [
        (row[0], row[1])
        for row in connection.exec_driver_sql(
            "SELECT process, target FROM temp.wanted WHERE process IN (SELECT process FROM temp.once)"
        )
    ]


def flows(connection: Connection) -> Iterator[pa.RecordBatch]:
    """Current edges of the wanted flows (`miner.schemas.FLOWS`), ordered by process, target and source."""
    result = connection.exec_driver_sql(_FLOWS)
    contents = _Contents(connection)
    carried: list[tuple[object, ...]] = []
    while rows := result.fetchmany(_BATCH):
        told = [(*row[:-3], contents.pairs(row[-3], row[-2]), bool(row[-1])) for row in rows]
        carried += told
        cut = _last_flow_start(carried)
        if cut:
            yield _batch(carried[:cut])
            carried = carried[cut:]
    if carried:
        yield _batch(carried)


def _last_flow_start(rows: Sequence[tuple[object, ...]]) -> int:
    """Where the last flow begins: a flow is never cut in two."""
    at = len(rows) - 1
    while at > 0 and rows[at - 1][:2] == rows[at][:2]:
        at -= 1
    return at


def _batch(rows: Sequence[tuple[object, ...]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schemas.FLOWS, strict=True)],
        schema=schemas.FLOWS,
    )


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
            self._known[sets] = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
        return self._known[sets]

    def _read(self, sets: str) -> list[str]:
        numbers = sorted(int(number) for number in sets.split(","))
        held = tables.column_set
        found = self._connection.execute(select(held.c.content).where(held.c.id.in_(numbers)).order_by(held.c.content))
        return [content for (content,) in found]


_EDGE_REPORT = f"""
SELECT p.metastore_id, p.workspace_id, p.kind, p.process_id, {_end("s")}, {_end("t")}, f.first_days, f.last_days,
  f.sets, k.content, f.verified
FROM (
  SELECT coalesce(pa.to_id, e.process_id) AS process, coalesce(ta.to_id, e.target_dataset) AS target,
    coalesce(sa.to_id, e.source_dataset) AS source,
    min((m.month << 32) | (m.day_bits & -m.day_bits)) AS first_days,
    max((m.month << 32) | m.day_bits) AS last_days,
    group_concat(DISTINCT nullif(m.set_id, 0)) AS sets,
    max(m.direct_bits <> 0) AS verified
  FROM edge e
  LEFT JOIN temp.process_alias pa ON pa.from_id = e.process_id
  LEFT JOIN temp.dataset_alias ta ON ta.from_id = e.target_dataset
  LEFT JOIN temp.dataset_alias sa ON sa.from_id = e.source_dataset
  CROSS JOIN edge_month m ON m.edge_id = e.id
  LEFT JOIN temp.cutoff c ON c.source_id = m.source_id
  WHERE {_ACTIVE} AND coalesce(sa.to_id, e.source_dataset) <> coalesce(ta.to_id, e.target_dataset)
  GROUP BY 1, 2, 3
  HAVING verified OR NOT EXISTS (SELECT 1 FROM edge_indirect i WHERE i.edge_id = e.id AND i.day_bits <> 0)
) f
JOIN process p ON p.id = f.process
JOIN dataset s ON s.id = f.source
JOIN dataset t ON t.id = f.target
LEFT JOIN column_set k ON k.id = f.sets
"""  # noqa: S608


def edge_report(connection: Connection) -> pa.Table:
    """Every current edge (`miner.schemas.EDGE_REPORT`), sorted by its natural key. Call `resolve` first."""
    contents = _Contents(connection)
    rows = []
    for row in connection.exec_driver_sql(_EDGE_REPORT):
        source, target = row[4:11], row[11:18]
        first, last, sets, content, verified = row[18:]
        pairs = len(json.loads(contents.pairs(sets, content) or "[]"))
        rows.append(
            (*row[:4], source[0], _name(source), target[0], _name(target), _first(first), _last(last), pairs,
             bool(verified))
        )  # fmt: skip
    rows.sort(key=lambda row: row[:8])
    columns_ = list(zip(*rows, strict=True)) or [()] * len(schemas.EDGE_REPORT)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns_, schemas.EDGE_REPORT, strict=True)],
        schema=schemas.EDGE_REPORT,
    )


def _name(end: Sequence[str]) -> str:
    return end[4] if end[0] == "path" else ".".join(end[1:4])


def _first(packed: int) -> date:
    return days.days_of(packed >> 32, packed & 0x7FFF_FFFF)[0]


def _last(packed: int) -> date:
    return days.days_of(packed >> 32, packed & 0x7FFF_FFFF)[-1]


def runs(connection: Connection, limit: int = 5) -> list[tuple[str, datetime, datetime | None, str, str]]:
    """The last runs: command, start, end, outcome, note; newest first."""
    run = tables.run
    found = connection.execute(
        select(run.c.command, run.c.started_at, run.c.ended_at, run.c.outcome, run.c.note)
        .order_by(run.c.id.desc())
        .limit(limit)
    )
    return [
        (command, days.instant_of(started), days.instant_of(ended) if ended else None, outcome, note)
        for command, started, ended, outcome, note in found
    ]


def last_whole_day(connection: Connection) -> date | None:
    """The last day whose usage is fully mined from every source that mines usage."""
    mined = tables.day_mined
    found = connection.execute(
        select(func.max(mined.c.day)).where(mined.c.stream == "usage", mined.c.whole).group_by(mined.c.source_id)
    ).scalars()
    lasts = list(found)
    return days.day_of(min(lasts)) if lasts else None


def usage_state(connection: Connection) -> str:
    """A text that changes when usage changes: more days, or other figures on one of them."""
    mined = tables.day_mined
    query = (
        select(mined.c.source_id, mined.c.day, mined.c.content, mined.c.whole)
        .where(mined.c.stream == "usage")
        .order_by(mined.c.source_id, mined.c.day)
    )
    digest = hashlib.blake2b(digest_size=16)
    for row in connection.execute(query):
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def usage_days(connection: Connection) -> set[date]:
    """Days whose usage is mined, fully, from every source that mines usage."""
    mined = tables.day_mined
    sources = connection.execute(
        select(func.count(func.distinct(mined.c.source_id))).where(mined.c.stream == "usage")
    ).scalar_one()
    found = connection.execute(
        select(mined.c.day).where(mined.c.stream == "usage", mined.c.whole).group_by(mined.c.day)
        .having(func.count() == sources)
    ).scalars()  # fmt: skip
    return {days.day_of(day) for day in found}
