"""A load to measure with: many job edges with fixed column pairs, and nothing else."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from queries.sample.draws import Rows
from queries.sample.labels import (
    DAY,
    Column,
    Floats,
    Ints,
    Labels,
    decimals,
    drawn,
    repeated,
    rng_of,
    scrambled,
    start_of,
    texts,
    uuids,
    zipf,
)
from queries.sample.lineage import EndLabels, LineageLabels, StatementLabels, column_batches, table_batches
from queries.sample.pairs import column_labels
from queries.sample.people import WORKSPACES
from queries.sample.writer import COLUMN_LINEAGE, TABLE_LINEAGE, EstateFiles, EstateSummary

_CHUNK = 240_000
_MOST_COLUMNS = 6
_EDGES_OF_A_TARGET, _EDGES_OF_A_JOB, _EDGES_OF_A_TABLE = 4, 8, 10
_PRINCIPALS = 200


@dataclass(frozen=True, slots=True)
class Bench:
    """Edges by number: edge e is of job e // 8; it reads a table of the first half and writes one of the second."""

    edges: int
    seed: int
    by_popularity: Ints
    pair_shares: Floats
    labels: LineageLabels
    principals: Labels

    @property
    def jobs(self) -> int:
        return -(-self.edges // _EDGES_OF_A_JOB)


def write_bench(  # noqa: PLR0913 (a keyword for each size)
    out: Path, *, edges: int, days: int, rows_per_day: int, columns_per_row: int, seed: int, last_day: date
) -> EstateSummary:
    """Write table_lineage and column_lineage of `edges` distinct edges (job, source table, target table).

    A day sees a third of the edges at least once, and the busiest fiftieth every day; the rest of its rows falls on
    them as 1 / rank. Three days see all edges when a day has rows for its third. An edge has the same 1 to 6 column
    pairs every time, `columns_per_row` on average. Raises ValueError for sizes that cannot be.
    """
    _check({"edges": edges, "days": days, "rows_per_day": rows_per_day, "columns_per_row": columns_per_row})
    bench = _bench(edges, columns_per_row, seed)
    files = EstateFiles(out)
    for number in range(days):
        day = last_day - timedelta(days=days - 1 - number)
        chosen = _edges_of(bench, number, rows_per_day)
        files.write(TABLE_LINEAGE, day.isoformat(), _table_rows(bench, day, chosen))
        files.write(COLUMN_LINEAGE, day.isoformat(), _column_rows(bench, day, chosen))
    return EstateSummary(dict(files.rows), last_day - timedelta(days=days - 1), last_day, files.files)


def _check(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}: it must be at least 1")
    if sizes["columns_per_row"] > _MOST_COLUMNS:
        raise ValueError(f"columns_per_row is {sizes['columns_per_row']}: an edge has at most {_MOST_COLUMNS} pairs")


def _bench(edges: int, columns_per_row: int, seed: int) -> Bench:
    rng = rng_of(seed)
    more, share = _MOST_COLUMNS - 1, (columns_per_row - 1) / (_MOST_COLUMNS - 1)
    pairs = [math.comb(more, n) * share**n * (1 - share) ** (more - n) for n in range(more + 1)]
    account, metastore = texts(uuids(2, rng))
    tables = _tables(max(16, edges // _EDGES_OF_A_TABLE))
    labels = LineageLabels(
        account,
        metastore,
        StatementLabels.unknown(0),
        tables,
        column_labels(),
        np.ones(edges, np.bool_),
        direct_known=True,
    )
    principals = Labels.distinct(uuids(_PRINCIPALS, rng))
    return Bench(edges, seed, rng.permutation(edges), np.array(pairs), labels, principals)


def _tables(count: int) -> EndLabels:
    """Tables bench.s<n % 100>.table_<n>."""
    number = np.arange(count, dtype=np.int64)
    names = _joined("table_", decimals(number))
    schemas = Labels.distinct(_joined("s", decimals(np.arange(100, dtype=np.int64)))).by(number % 100)
    full_names = pc.binary_join_element_wise("bench", schemas.column().cast(pa.string()), names, ".")
    always = np.zeros(count, np.int64)
    return EndLabels(
        Labels.distinct(full_names),
        Labels.of(["bench"]).by(always),
        schemas,
        Labels.distinct(names),
        Labels.of([None]).by(always),
        Labels.of(["TABLE"]).by(always),
    )


def _joined(prefix: str, column: Column) -> Column:
    return pc.binary_join_element_wise(prefix, column, "")


def _edges_of(bench: Bench, day: int, rows: int) -> Ints:
    """The edge of every row of a day, in no order: its third of the edges once, then the popular ones again."""
    edge = bench.by_popularity
    turn = scrambled(edge, bench.seed) % 3 == day % 3
    turn[: bench.edges // 50] = True
    today = edge[turn]
    rng = rng_of(bench.seed, day)
    if rows < len(today):
        return np.take(today, np.arange(day // 3 * rows, day // 3 * rows + rows), mode="wrap")
    again = today[drawn(zipf(len(today)), rng.random(rows - len(today)))]
    return rng.permutation(np.concatenate([today, again]))


def _table_rows(bench: Bench, day: date, edges: Ints) -> Iterator[pa.RecordBatch]:
    rng = rng_of(bench.seed, day.toordinal(), 0)
    for rows, labels in _chunks(bench, day, edges):
        yield from table_batches(rows, labels, rng)


def _column_rows(bench: Bench, day: date, edges: Ints) -> Iterator[pa.RecordBatch]:
    rng = rng_of(bench.seed, day.toordinal(), 1)

    def pairs(rows: Rows) -> tuple[Ints, Ints, Ints]:
        return _pairs(bench, rows.recipe_row)

    for rows, labels in _chunks(bench, day, edges):
        yield from column_batches(rows, labels, rng, pairs)


def _chunks(bench: Bench, day: date, edges: Ints) -> Iterator[tuple[Rows, LineageLabels]]:
    """The day's rows in portions, the same each time they are asked for: every row is a statement of its own."""
    rng = rng_of(bench.seed, day.toordinal(), 2)
    runs = Labels.distinct(decimals(np.arange(bench.jobs, dtype=np.int64) * 1_000_000 + day.toordinal()))
    jobs = Labels.distinct(decimals(700_000_000_000 + np.arange(bench.jobs, dtype=np.int64)))
    for first in range(0, len(edges), _CHUNK):
        edge = edges[first : first + _CHUNK]
        job = edge // _EDGES_OF_A_JOB
        half = len(bench.labels.ends.name.codes) // 2
        times = start_of(day) + np.sort(rng.integers(0, DAY, len(edge)))
        rows = Rows(
            np.arange(len(edge), dtype=np.int64),
            edge,
            (edge + edge // half) % half,
            half + edge // _EDGES_OF_A_TARGET % half,
            times,
        )
        yield rows, _labels(bench, job, jobs.by(job), runs.by(job), rng)


def _labels(bench: Bench, job: Ints, job_id: Labels, run_id: Labels, rng: np.random.Generator) -> LineageLabels:
    workspaces = Labels.of([workspace_id for _, workspace_id in WORKSPACES])
    statements = replace(
        StatementLabels.unknown(len(job)),
        workspace_id=workspaces.by(job % len(WORKSPACES)),
        entity_type=Labels.of(["JOB"]).by(np.zeros(len(job), np.int64)),
        entity_id=job_id,
        entity_run_id=run_id,
        created_by=bench.principals.by(job % _PRINCIPALS),
        event_id=Labels.distinct(uuids(len(job), rng)),
        job_id=job_id,
        job_run_id=run_id,
    )
    return replace(bench.labels, statements=statements)


def _pairs(bench: Bench, edge: Ints) -> tuple[Ints, Ints, Ints]:
    """The column pairs of edges, told by their numbers alone."""
    chance = (scrambled(edge, bench.seed + 1) % 1_000_003) / 1_000_003
    counts = drawn(bench.pair_shares, np.asarray(chance, np.float64)) + 1
    row, place = repeated(counts)
    columns = len(bench.labels.columns.codes)
    source = (scrambled(edge, bench.seed + 2)[row] + place) % columns
    return counts, source, (scrambled(edge, bench.seed + 3)[row] + place) % columns
