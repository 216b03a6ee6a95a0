"""What catalogs hold for datasets, as it was last looked up, and which datasets are to be looked up (again)."""

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import orjson
import pyarrow as pa
from sqlalchemy import Connection, delete, func, select, text

from miner import days, schemas
from miner.ledger import bulk, dirty, edges, tables
from miner.ports import MADE, MATCHED, MISSING, Entity, Match, TableName

_BATCH = 8192
_AT_ONCE = 500
"""Ids in one statement."""


class Ages(NamedTuple):
    """How long it holds what was found, and that nothing was found."""

    matched: timedelta
    missing: timedelta


class Named(NamedTuple):
    """A sink, what its names depend on, and the instants up to which look-ups are too old."""

    sink: str
    naming: str
    matched_until: int
    missing_until: int


def named(sink: str, naming: str, ages: Ages, now: datetime) -> Named:
    """Whose look-ups are asked for, at a time."""
    return Named(sink, naming, days.micros(now - ages.matched), days.micros(now - ages.missing))


def needed_by_flows(connection: Connection, whose: Named) -> None:
    """Lay down the ends of wanted flows never looked up, and those of any current edge whose look-up is too old.

    Call `miner.ledger.wanted.want` first.
    """
    _lay_down(connection)
    connection.execute(text(_NEEDED_BY_WANTED), {"sink": whose.sink, "naming": whose.naming})
    connection.execute(text(_DUE), whose._asdict())


def needed_by_usage(connection: Connection, whose: Named, datasets: Sequence[int]) -> None:
    """Lay down those of the datasets that were never looked up, or too long ago."""
    _lay_down(connection)
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.used")
    connection.exec_driver_sql("CREATE TEMP TABLE used (id INTEGER)")
    bulk.insert(connection, "temp.used", ("id",), ((one,) for one in datasets))
    connection.execute(text(_NEEDED_BY_USAGE), whose._asdict())


def needed(connection: Connection) -> Generator[pa.RecordBatch]:
    """The datasets laid down (`miner.schemas.DATASETS`), by id."""
    for rows in bulk.batches(connection, _DATASETS, _BATCH):
        columns = zip(zip(*rows, strict=True), schemas.DATASETS, strict=True)
        arrays = [pa.array(column, field.type) for column, field in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schemas.DATASETS)


def known(connection: Connection, sink: str, datasets: Collection[int]) -> dict[int, Match]:
    """What was found for some datasets when they were last looked up."""
    held, ids = tables.asset_match, list(datasets)
    found: dict[int, Match] = {}
    columns = (
        held.c.dataset_id,
        held.c.state,
        held.c.type_name,
        held.c.qualified_name,
        held.c.reason,
        held.c.spelled_columns,
        held.c.foreign_sources,
    )
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        query = select(*columns).where(held.c.sink == sink, held.c.dataset_id.in_(some))
        found |= {row[0]: Match(*row) for row in connection.execute(query)}
    open_ = [number for number, one in found.items() if one.state == MISSING or one.reason == MADE]
    return found | {number: replace(found[number], described=told) for number, told in _described(connection, open_)}


def to_describe(connection: Connection, source: int) -> dict[TableName, list[int]]:
    """Tables that a source lists and a catalog lacks, or has from us alone: their columns are to be read."""
    tables_of: dict[TableName, list[int]] = {}
    for number, *name in connection.execute(text(_TO_DESCRIBE), {"source": source, "missing": MISSING, "made": MADE}):
        tables_of.setdefault(TableName(*name), []).append(number)
    return tables_of


def doubt_made(connection: Connection, sink: str) -> int:
    """Have tables that were created since they were looked up looked up again; returns how many."""
    return connection.execute(text(_DOUBT_MADE), {"sink": sink, "missing": MISSING}).rowcount


def remember(connection: Connection, whose: Named, matches: Sequence[Match], now: datetime) -> int:
    """Keep what was found; flows of datasets that moved are to be built again. Returns how many moved."""
    before = known(connection, whose.sink, [one.dataset for one in matches])
    moved = [one.dataset for one in matches if one.dataset in before and _asset(before[one.dataset]) != _asset(one)]
    gone = [one.dataset for one in matches if one.state == MISSING]
    moved += sorted(_forget_made(connection, whose.sink, gone) - set(moved))
    connection.execute(
        text(_REMEMBER),
        [
            {
                "sink": whose.sink, "dataset": one.dataset, "state": one.state, "type": one.type_name,
                "name": one.qualified_name, "reason": one.reason, "columns": one.columns, "naming": whose.naming,
                "foreign": one.foreign, "at": days.micros(now),
            }
            for one in matches
        ],
    )  # fmt: skip
    for dataset in moved:
        for end in ("source_dataset", "target_dataset"):
            connection.execute(text(_MARK[end]), {"dataset": dataset})
    return len(moved)


def doubt(connection: Connection, sink: str, refused: Sequence[Entity]) -> None:
    """Have the assets that refused entities are about, or refer to, looked up again: one of them may be gone."""
    for one in refused:
        process, target = one.flow
        values = {"sink": sink, "process": process, "target": target, "name": one.qualified_name}
        statement = _DOUBT_ENDS if target else _DOUBT_ASSET
        connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})


def counts(connection: Connection) -> dict[str, int]:
    """How many datasets were looked up, by what was found."""
    held = tables.asset_match
    rows = connection.execute(select(held.c.state, func.count()).group_by(held.c.state).order_by(held.c.state))
    return {state: number for state, number in rows}  # noqa: C416 -- rows are no pairs to mypy


def _asset(match: Match) -> tuple[str | None, ...] | None:
    if match.state != MATCHED:
        return None
    return match.type_name, match.qualified_name, match.columns, match.foreign


def _described(connection: Connection, datasets: Sequence[int]) -> Iterator[tuple[int, str]]:
    """What information_schema says of the columns of some datasets, as the first source has it that knows them."""
    held = tables.table_column.c
    for start in range(0, len(datasets), _AT_ONCE):
        query = select(held.dataset_id, held.source_id, held.name, held.data_type).where(
            held.dataset_id.in_(datasets[start : start + _AT_ONCE])
        )
        rows = connection.execute(query.order_by(held.dataset_id, held.source_id, held.position, held.name)).all()
        for number, of_dataset in groupby(rows, key=itemgetter(0)):
            _, of_source = next(groupby(of_dataset, key=itemgetter(1)))
            yield number, orjson.dumps([[name, kind or ""] for _, _, name, kind in of_source]).decode()


def _forget_made(connection: Connection, sink: str, missing: Sequence[int]) -> set[int]:
    """Forget that tables were created which are not there: they are created again, with what they are part of."""
    sent = tables.emission.c
    gone = set[int]()
    for start in range(0, len(missing), _AT_ONCE):
        chosen = (sent.sink == sink, sent.kind == "asset", sent.target_dataset.in_(missing[start : start + _AT_ONCE]))
        gone |= set(connection.execute(select(sent.target_dataset).where(*chosen)).scalars())
        connection.execute(delete(tables.emission).where(*chosen))
    if gone:
        above = (sent.sink == sink, sent.kind == "asset", sent.target_dataset == 0)
        connection.execute(delete(tables.emission).where(*above))
    return gone


def _lay_down(connection: Connection) -> None:
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.needed")
    connection.exec_driver_sql("CREATE TEMP TABLE needed (id INTEGER PRIMARY KEY)")


_UNKNOWN = (
    "NOT EXISTS (SELECT 1 FROM asset_match m WHERE m.sink = :sink AND m.dataset_id = {id} AND m.naming = :naming{more})"
)

_DRAWN_EDGES = (
    "temp.wanted_raw w CROSS JOIN edge e ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target "
    "LEFT JOIN temp.undrawn u ON u.process = w.process AND u.target = w.target "
)

_ENDS = (
    f"SELECT w.target AS id, e.id AS edge_id FROM {_DRAWN_EDGES} "  # noqa: S608 -- our own text throughout
    f"JOIN dataset t ON t.id = w.target AND {edges.kind_of('t')} <> 'consumer' WHERE u.process IS NULL "
    f"UNION ALL SELECT coalesce(a.to_id, e.source_dataset), e.id FROM {_DRAWN_EDGES} "
    "LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset "
    "LEFT JOIN temp.sandboxed x ON x.dataset = coalesce(a.to_id, e.source_dataset) "
    "WHERE u.process IS NULL AND x.dataset IS NULL"
)

_NEEDED_BY_WANTED = (
    f"INSERT OR IGNORE INTO temp.needed SELECT n.id FROM ({_ENDS}) n "  # noqa: S608 -- our own text throughout
    f"WHERE {_UNKNOWN.format(id='n.id', more='')} AND {edges.IS_ACTIVE.format(edge='n.edge_id')}"
)

_TOO_OLD = "m.looked_up_at <= CASE m.state WHEN 'matched' THEN :matched_until ELSE :missing_until END"

_RAW = "SELECT {id} AS id UNION ALL SELECT from_id FROM temp.dataset_alias WHERE to_id = {id}"

_DUE = (
    "INSERT OR IGNORE INTO temp.needed SELECT o.dataset_id FROM asset_match o WHERE o.sink = :sink "  # noqa: S608
    f"AND {_TOO_OLD.replace('m.', 'o.')} AND EXISTS ("
    f"SELECT 1 FROM ({_RAW.format(id='o.dataset_id')}) r JOIN edge e ON e.source_dataset = r.id "
    f"WHERE {edges.IS_ACTIVE.format(edge='e.id')} UNION ALL "
    f"SELECT 1 FROM ({_RAW.format(id='o.dataset_id')}) r JOIN edge e ON e.target_dataset = r.id "
    f"WHERE {edges.IS_ACTIVE.format(edge='e.id')})"
)

_NEEDED_BY_USAGE = (
    "INSERT OR IGNORE INTO temp.needed SELECT u.id FROM temp.used u WHERE "  # noqa: S608
    + _UNKNOWN.format(id="u.id", more=f" AND NOT {_TOO_OLD}")
)

_DATASETS = (
    f"SELECT d.id, d.metastore_id, {edges.end_of('d')} FROM temp.needed n JOIN dataset d ON d.id = n.id ORDER BY d.id"  # noqa: S608
)

_REMEMBER = (
    "INSERT INTO asset_match (sink, dataset_id, state, type_name, qualified_name, reason, naming, looked_up_at, "
    "spelled_columns, foreign_sources) "
    "VALUES (:sink, :dataset, :state, :type, :name, :reason, :naming, :at, :columns, :foreign) "
    "ON CONFLICT (sink, dataset_id) DO UPDATE SET state = excluded.state, type_name = excluded.type_name, "
    "qualified_name = excluded.qualified_name, reason = excluded.reason, naming = excluded.naming, "
    "looked_up_at = excluded.looked_up_at, spelled_columns = excluded.spelled_columns, "
    "foreign_sources = excluded.foreign_sources"
)

_TO_DESCRIBE = (
    "SELECT d.id, d.catalog, d.schema, d.name FROM dataset d "
    "JOIN table_form f ON f.dataset_id = d.id AND f.source_id = :source "
    "WHERE d.name IS NOT NULL AND EXISTS (SELECT 1 FROM asset_match m WHERE m.dataset_id = d.id "
    "AND (m.state = :missing OR m.reason = :made)) ORDER BY d.id"
)

_DOUBT_MADE = (
    "UPDATE asset_match SET looked_up_at = 0 WHERE sink = :sink AND state = :missing AND dataset_id IN "
    "(SELECT o.target_dataset FROM emission o WHERE o.sink = :sink AND o.kind = 'asset' AND o.target_dataset <> 0)"
)

_DOUBT_ASSET = "UPDATE asset_match SET looked_up_at = 0 WHERE sink = :sink AND qualified_name = :name"

_FLOW_EDGES = (
    "edge e WHERE e.process_id IN "
    "(SELECT :process UNION ALL SELECT from_id FROM alias WHERE kind = 'process' AND to_id = :process) "
    "AND e.target_dataset IN "
    "(SELECT :target UNION ALL SELECT from_id FROM alias WHERE kind = 'dataset' AND to_id = :target)"
)

_DOUBT_ENDS = (
    "UPDATE asset_match SET looked_up_at = 0 WHERE sink = :sink AND (dataset_id = :target OR dataset_id IN "  # noqa: S608
    f"(SELECT e.source_dataset FROM {_FLOW_EDGES}) OR dataset_id IN (SELECT a.to_id FROM alias a "
    f"WHERE a.kind = 'dataset' AND a.from_id IN (SELECT e.source_dataset FROM {_FLOW_EDGES})))"
)

_RAW_OF = "(SELECT :dataset UNION ALL SELECT from_id FROM alias WHERE kind = 'dataset' AND to_id = :dataset)"

_MARK = {
    end: dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM edge e "  # noqa: S608
        f"WHERE e.{end} IN {_RAW_OF}"
    )
    for end in ("source_dataset", "target_dataset")
}
