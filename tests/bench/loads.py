"""Loads that are written at once: statements of which few have lineage, and daily usage straight into a ledger."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import CursorResult, text

from miner.days import number
from miner.ledger import Ledger
from queries.documented import DOCUMENTED

_DAY = 86_400_000_000
_COVERED = 10
"""One statement in so many has lineage, as a public study of a live workspace found (8.7 %)."""


def statements(estate: Path, *, count: int, days: int, last: date) -> dict[str, int]:
    """Write `count` statements of query history, one in ten with lineage of two tables; one in ten of those from a cache.

    5,000 tables and 2,000 users, both by popularity; returns rows by table.
    """
    rng = np.random.default_rng(1)
    first = datetime.combine(last - timedelta(days=days - 1), datetime.min.time(), UTC)
    start = np.sort(rng.integers(0, days * _DAY, count)) + round(first.timestamp() * 1_000_000)
    ids = _joined("statement-", np.arange(count))
    users = _joined("user", (2000 * rng.random(count) ** 2).astype(np.int64), "@example.com")
    cached = np.arange(count) % 100 == 1
    history = {
        "workspace_id": pa.repeat("1001", count),
        "statement_id": ids,
        "executed_by": users,
        "execution_status": pc.if_else(rng.random(count) < 0.03, "FAILED", "FINISHED"),
        "start_time": pa.array(start).cast(pa.timestamp("us", "UTC")),
        "from_result_cache": pa.array(cached),
        "cache_origin_statement_id": pc.if_else(cached, ids.take(np.maximum(np.arange(count) - 1, 0)), ids),
    }
    covered = np.repeat(np.flatnonzero(np.arange(count) % _COVERED == 0), 2)
    table = (5000 * rng.random(len(covered)) ** 2).astype(np.int64)
    times = pa.array(start[covered])
    lineage = {
        "metastore_id": pa.repeat("m", len(covered)),
        "workspace_id": pa.repeat("1001", len(covered)),
        "source_table_catalog": pa.repeat("main", len(covered)),
        "source_table_schema": _joined("s", table % 50),
        "source_table_name": _joined("table_", table),
        "source_type": pa.repeat("TABLE", len(covered)),
        "created_by": users.take(covered),
        "event_time": times.cast(pa.timestamp("us", "UTC")),
        "event_date": times.cast(pa.timestamp("us")).cast(pa.date32()),
        "event_id": _joined("event-", np.arange(len(covered))),
        "statement_id": ids.take(covered),
        "direct_access": pa.repeat(pa.scalar(value=True), len(covered)),
    }
    empty = {"system.access.column_lineage": {}}
    given = {"system.query.history": history, "system.access.table_lineage": lineage, **empty}
    return {name: _write(estate, name, columns) for name, columns in given.items()}


def _joined(prefix: str, numbers: np.ndarray, suffix: str = "") -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), suffix, "")


def _write(estate: Path, name: str, columns: dict[str, pa.Array]) -> int:
    """One file, with every documented column."""
    rows = len(next(iter(columns.values()), ()))
    documented = DOCUMENTED[name]
    whole = [columns.get(field.name, pa.nulls(rows, field.type)).cast(field.type) for field in documented]
    folder = estate.joinpath(*name.split("."))
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(whole, schema=documented), folder / "part-0.parquet", row_group_size=20_000)
    return rows


_TABLES, _READERS = 50_000, 2_000

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})",
    "postgresql": "WITH n AS (SELECT i FROM generate_series(CAST({first} AS BIGINT), {last}) AS g(i))",
}

_FILL = (
    (
        "INSERT INTO dataset (id, check_bits, metastore_id, catalog, schema, name, type, spelled_at) "
        "{numbers} SELECT i + 1, 0, 'm', 'c' || (i % 7), 's' || (i % 97), 't' || i, 'TABLE', 0 FROM n"
    ),
    "INSERT INTO reader (id, name) {readers} SELECT i, 'user' || i || '@example.com' FROM n",
)

_USAGE = (
    "INSERT INTO usage_day (source_id, day, dataset_id, reader_id, process_kind, reads, cached_reads, failed_reads, "
    "indirect_reads, self_reads, writes, events, last_read_at, last_write_at) {numbers} "
    # Ascending by day and dataset, as mining writes it; a dataset of a day has its readers apart.
    "SELECT 1, {day}, 1 + i * {tables} / {rows}, 1 + (i * 7919 + {back} * 31) % {readers}, 'query', 1 + i % 5, 0, 0, 0, 0, "
    "0, 5, ({day} * CAST(86400 AS BIGINT) + i % 86400) * 1000000, NULL FROM n"
)


def daily_usage(url: str, *, days: int, rows_a_day: int, last: date) -> int:
    """Fill a ledger with daily usage of 50,000 datasets by 2,000 readers; returns the number of rows."""
    ledger = Ledger(url)
    try:
        with ledger.writing() as connection:
            numbers = _NUMBERS[connection.dialect.name]

            def run(statement: str) -> CursorResult:
                return connection.execute(text(statement))

            run("INSERT INTO source (id, name, knows_run_types) VALUES (1, 'bench', true)")
            spans = {
                "numbers": numbers.format(first=0, last=_TABLES - 1),
                "readers": numbers.format(first=1, last=_READERS),
            }
            for statement in _FILL:
                run(statement.format(**spans))
            for back in reversed(range(days)):
                day = number(last) - back
                run(
                    _USAGE.format(
                        numbers=numbers.format(first=0, last=rows_a_day - 1), day=day, back=back, tables=_TABLES,
                        rows=rows_a_day, readers=_READERS,
                    )
                )  # fmt: skip
                run(
                    "INSERT INTO day_mined (source_id, stream, day, rows_total, settled, whole, rules, content, "  # noqa: S608
                    f"mined_at, run_id) VALUES (1, 'usage', {day}, {rows_a_day}, true, true, '', '', 0, 1)"
                )
            return int(run("SELECT count(*) FROM usage_day").scalar_one())
    finally:
        ledger.close()
