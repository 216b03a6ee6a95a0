"""Which statements of some days are the most popular, slowest, most expensive and most failing, by what they read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import days, readers, schemas
from miner.disclosure import Disclosed
from miner.ledger import bulk, keys, usage
from miner.ledger.database import Database
from miner.ledger.walk import NAME
from miner.readers import UNNAMED, Readers
from miner.schemas import RUNS
from miner.scope import Chosen, lowered

RANKINGS = ("popular", "slow", "expensive", "failing")
"""By runs with those from the cache, by their mean duration, by their work, by runs that failed or were cancelled."""

_BATCH_ROWS = 65_536
_SUMS = (*RUNS, "duration_ms", "task_ms", "read_bytes", "read_rows", "produced_rows")
_COUNTED = ("readers", "people", "machines")

_COPIED = pa.schema(
    {
        **dict.fromkeys(("metastore_id", "dataset", "kind"), pa.string()),
        **dict.fromkeys(("place", "rank", "half", "other_half"), pa.int64()),
        **dict.fromkeys(("statement_type", "said", "reader", "clients", "warehouses"), pa.string()),
        **dict.fromkeys((*_SUMS, "longest_ms", *_COUNTED, "last_run_at", "runs_of_all"), pa.int64()),
    }
)


@dataclass(frozen=True, slots=True)
class Window:
    """So many days up to and including a day, some of them not mined in full."""

    length: int
    as_of: date
    partial_days: int = 0

    @property
    def first(self) -> date:
        """Its first day."""
        return self.as_of - timedelta(days=self.length - 1)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Whose statements of which kinds of process and which types are ranked, how many, and what is known of readers."""

    users: Chosen
    kinds: Chosen
    types: Chosen
    top: int
    readers: Readers = UNNAMED


def copy_out(database: Database, connection: Connection, copy: Path, window: Window, ranked: Ranked) -> None:
    """Copy the rankings of some days to a file. `connection` is a reading begun with that file.

    Call `miner.ledger.wanted.resolve` first.
    """
    bounds = {"first": days.number(window.first), "last": days.number(window.as_of)}
    _lay_down(connection, ranked, **bounds)
    database.copy_out(connection, _RANKS.format(top=ranked.top, **bounds), copy)


def _lay_down(connection: Connection, ranked: Ranked, first: int, last: int) -> None:
    """Readers that are people; readers, kinds of process and fingerprints that are not ranked."""
    for statement in _BEGIN:
        connection.exec_driver_sql(statement)
    known, named = ranked.readers, usage.readers_by_name(connection)
    people = [(number,) for name, number in named.items() if known.kind_of(name) == readers.PERSON]
    left_out = [(number,) for name, number in named.items() if not known.chosen(name, ranked.users)]
    left_out += [] if "" in ranked.users else [(0,)]
    kinds = connection.exec_driver_sql(
        f"SELECT DISTINCT process_kind FROM query_day WHERE day BETWEEN {first} AND {last}"  # noqa: S608 -- numbers
    ).scalars()
    unwanted = [(kind,) for kind in kinds if kind not in ranked.kinds]
    types = connection.exec_driver_sql("SELECT DISTINCT statement_type FROM fingerprint").scalars()
    other = [(kind,) for kind in types if lowered(kind) not in ranked.types]
    for name, column, rows in (
        ("person", "id", people),
        ("unwanted_reader", "id", left_out),
        ("unwanted_kind", "kind", unwanted),
        ("unwanted_type", "kind", other),
    ):
        bulk.insert(connection, f"temp.{name}", (column,), rows)
    same = usage.same_readers(named, known)
    bulk.insert(connection, "temp.same_reader", ("from_id", "to_id"), sorted(same.items()))


_BEGIN = (
    *(
        f"DROP TABLE IF EXISTS temp.{name}"
        for name in ("person", "unwanted_reader", "unwanted_kind", "unwanted_type", "same_reader")
    ),
    "CREATE TEMP TABLE same_reader (from_id INTEGER PRIMARY KEY, to_id INTEGER)",
    "CREATE TEMP TABLE person (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE unwanted_reader (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE unwanted_kind (kind TEXT PRIMARY KEY)",
    "CREATE TEMP TABLE unwanted_type (kind TEXT PRIMARY KEY)",
)


def stream(database: Database, copy: Path, window: Window, told: Disclosed | None) -> Iterator[pa.RecordBatch]:
    """The copied rankings as `miner.schemas.QUERIES`; who runs a statement most only when readers are `told`."""
    for batch in database.copied(copy, _COPIED, _BATCH_ROWS):
        yield _shaped(batch, window, told)


def _shaped(rows: pa.RecordBatch, window: Window, told: Disclosed | None) -> pa.RecordBatch:
    size = len(rows)
    halves = zip(rows["half"].to_pylist(), rows["other_half"].to_pylist(), strict=True)
    mean = pc.divide(pc.cast(rows["duration_ms"], pa.float64()), pc.cast(rows["runs"], pa.float64()))
    ran = pc.greater(rows["runs"], 0)
    columns = {
        **{name: rows[name] for name in schemas.QUERIES.names if name in _COPIED.names},
        "window_days": pa.repeat(pa.scalar(window.length, pa.int64()), size),
        "as_of": pa.repeat(pa.scalar(window.as_of, pa.date32()), size),
        "ranking": pa.array(RANKINGS).take(pc.subtract(rows["place"], 1)),
        "fingerprint": pa.array([keys.hex_of(*both) for both in halves], pa.string()),
        "top_reader": _each(rows["reader"], told) if told else pa.nulls(size, pa.string()),
        "mean_duration_ms": pc.if_else(ran, pc.round(mean, 1), pa.scalar(None, pa.float64())),
        "max_duration_ms": pc.if_else(ran, rows["longest_ms"], pa.scalar(None, pa.int64())),
        "client_applications": _each(rows["clients"], _names),
        "warehouses": _each(rows["warehouses"], _names),
        "last_run": rows["last_run_at"].cast(schemas.INSTANT),
        "partial_days": pa.repeat(pa.scalar(window.partial_days, pa.int64()), size),
        "text": rows["said"],
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schemas.QUERIES.names], schema=schemas.QUERIES)


def _names(joined: str) -> str:
    """Several names, each once, in their order."""
    return ", ".join(sorted({name for name in joined.split(",") if name}))


def _each(texts: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """A function of texts, asked once for each of them."""
    encoded = pc.fill_null(texts, "").dictionary_encode()
    answers = pa.array([function(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return answers.take(encoded.indices)


_MACHINE = f"({', '.join(repr(kind) for kind in sorted(readers.MACHINE_KINDS))})"


def _total(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f"CAST(sum({prefix}{name}) AS BIGINT) AS {name}" for name in names)


def _list(place: int, rank: str, worth: str) -> str:
    return f"SELECT {place} AS place, by_{rank} AS rank, o.* FROM ordered o WHERE by_{rank} <= {{top}} AND {worth} > 0"  # noqa: S608 -- ours


_RANKS = f"""
WITH by_reader AS (
  SELECT coalesce(a.to_id, q.dataset_id) AS dataset, q.fingerprint_id AS fingerprint,
    coalesce(s.to_id, q.reader_id) AS reader,
    {_total(_SUMS, "q.")}, max(q.longest_ms) AS longest_ms, max(q.last_run_at) AS last_run_at,
    max(CASE WHEN p.id IS NOT NULL AND q.process_kind NOT IN {_MACHINE} THEN 1 ELSE 0 END) AS person,
    max(CASE WHEN q.reader_id <> 0 AND (p.id IS NULL OR q.process_kind IN {_MACHINE}) THEN 1 ELSE 0 END) AS machine,
    group_concat(DISTINCT replace(q.client, ',', ' ')) AS clients,
    group_concat(DISTINCT q.warehouse) AS warehouses
  FROM query_day q
  LEFT JOIN temp.dataset_alias a ON a.from_id = q.dataset_id
  LEFT JOIN temp.same_reader s ON s.from_id = q.reader_id
  LEFT JOIN temp.person p ON p.id = q.reader_id
  WHERE q.day BETWEEN {{first}} AND {{last}} AND q.fingerprint_id <> 0
    AND q.reader_id NOT IN (SELECT id FROM temp.unwanted_reader)
    AND q.process_kind NOT IN (SELECT kind FROM temp.unwanted_kind)
    AND q.fingerprint_id NOT IN
      (SELECT f.id FROM fingerprint f JOIN temp.unwanted_type u ON u.kind = f.statement_type)
  GROUP BY 1, 2, 3
),
most AS (
  SELECT *, row_number() OVER (
    PARTITION BY dataset, fingerprint
    ORDER BY CASE WHEN reader = 0 THEN 1 ELSE 0 END, runs + cached_runs DESC,
      failed_runs + cancelled_runs DESC, reader) AS place
  FROM by_reader
),
told AS (
  SELECT dataset, fingerprint, {_total(_SUMS)}, max(longest_ms) AS longest_ms, max(last_run_at) AS last_run_at,
    count(CASE WHEN reader <> 0 THEN 1 END) AS readers, CAST(sum(person) AS BIGINT) AS people,
    CAST(sum(machine) AS BIGINT) AS machines, max(CASE WHEN place = 1 THEN reader END) AS reader,
    group_concat(DISTINCT clients) AS clients, group_concat(DISTINCT warehouses) AS warehouses
  FROM most
  GROUP BY dataset, fingerprint
),
ordered AS (
  SELECT *,
    row_number() OVER (PARTITION BY dataset ORDER BY runs + cached_runs DESC, fingerprint) AS by_runs,
    row_number() OVER (PARTITION BY dataset ORDER BY CASE WHEN runs > 0 THEN duration_ms * 1.0 / runs ELSE -1 END DESC,
      runs DESC, fingerprint) AS by_duration,
    row_number() OVER (PARTITION BY dataset ORDER BY task_ms DESC, read_bytes DESC, fingerprint) AS by_work,
    row_number() OVER (
      PARTITION BY dataset ORDER BY failed_runs + cancelled_runs DESC, fingerprint) AS by_failures
  FROM told
),
listed AS (
  {_list(1, "runs", "runs + cached_runs")}
  UNION ALL {_list(2, "duration", "runs")}
  UNION ALL {_list(3, "work", "task_ms + read_bytes")}
  UNION ALL {_list(4, "failures", "failed_runs + cancelled_runs")}
),
whole AS (
  SELECT coalesce(a.to_id, q.dataset_id) AS dataset, CAST(sum(q.runs + q.cached_runs) AS BIGINT) AS runs_of_all
  FROM query_day q LEFT JOIN temp.dataset_alias a ON a.from_id = q.dataset_id
  WHERE q.day BETWEEN {{first}} AND {{last}}
  GROUP BY 1
)
SELECT coalesce(d.metastore_id, '') AS metastore_id, coalesce({NAME}, '') AS dataset,
  CASE WHEN l.dataset = 0 THEN 'all' WHEN d.name IS NULL THEN 'path' ELSE 'table' END AS kind,
  l.place AS place, l.rank AS rank, f.id AS half, f.check_bits AS other_half,
  f.statement_type AS statement_type, f.said AS said, coalesce(r.name, '') AS reader, l.clients AS clients,
  l.warehouses AS warehouses, {", ".join(f"l.{name} AS {name}" for name in _SUMS)}, l.longest_ms AS longest_ms,
  {", ".join(f"l.{name} AS {name}" for name in _COUNTED)}, l.last_run_at AS last_run_at, w.runs_of_all AS runs_of_all
FROM listed l
JOIN fingerprint f ON f.id = l.fingerprint
JOIN whole w ON w.dataset = l.dataset
LEFT JOIN dataset d ON d.id = l.dataset
LEFT JOIN reader r ON r.id = l.reader
ORDER BY 1, 2, 4, 5
"""  # noqa: S608 -- our own text throughout
