"""A whole estate written to files: one folder per table, one file per table and UTC day, day by day."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from queries.sample import billing
from queries.sample.days import LATE_DAYS, Day, Estate
from queries.sample.dimensions import dimension_tables
from queries.sample.plan import draw_up

Progress = Callable[[str, int, int], None]

TABLE_LINEAGE = "system.access.table_lineage"
COLUMN_LINEAGE = "system.access.column_lineage"
QUERY_HISTORY = "system.query.history"
JOB_RUN_TIMELINE = "system.lakeflow.job_run_timeline"
BILLING_USAGE = "system.billing.usage"
LIST_PRICES = "system.billing.list_prices"
WAREHOUSE_EVENTS = "system.compute.warehouse_events"

_FILTERED_ON = ["event_date", "event_time", "start_time", "period_start_time", "usage_date"]
"""The columns queries leave out files by; statistics of the others would cost a third of the time to write."""

_LEAST = {"tables": 50, "days": 1, "events_per_day": 100}


@dataclass(frozen=True, slots=True)
class EstateSummary:
    """What was written: rows by full table name, first and last UTC day of events, number of files."""

    rows: Mapping[str, int]
    first_day: date
    last_day: date
    files: int


@dataclass(slots=True)
class EstateFiles:
    """Parquet files under a folder, at <catalog>/<schema>/<table>/<file>; counts what it writes."""

    out: Path
    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0

    def write(self, table: str, part: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Write one file, a row group per batch; none when there are no batches.

        Raises FileExistsError when the file is there: an estate is not mixed into other files.
        """
        writer: pq.ParquetWriter | None = None
        try:
            for batch in batches:
                writer = writer or self._open(table, part, batch.schema)
                writer.write_table(pa.Table.from_batches([batch]))
                self.rows[table] += batch.num_rows
        finally:
            if writer:
                writer.close()

    def _open(self, table: str, part: str, schema: pa.Schema) -> pq.ParquetWriter:
        folder = self.out.joinpath(*table.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{part}.parquet"
        if path.exists():
            raise FileExistsError(f"{path} exists already: write a sample estate into an empty folder")
        self.files += 1
        # The dictionaries of the columns in memory are no part of the documented types: no Arrow schema is stored.
        return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False, write_statistics=_FILTERED_ON)


def write_estate(  # noqa: PLR0913 (a keyword for each size)
    out: Path,
    *,
    tables: int,
    days: int,
    events_per_day: int,
    seed: int,
    last_day: date,
    metastore_id: str | None = None,
    progress: Progress | None = None,
) -> EstateSummary:
    """Write an estate of about `tables` tables and `events_per_day` table_lineage rows on each of `days` UTC days.

    The same arguments give the same columns. `progress` is called after each day with its name, its number and `days`.
    The metastore's id follows from the seed unless given. Raises ValueError for sizes too small to hold an estate,
    FileExistsError when there are such files already.
    """
    _check({"tables": tables, "days": days, "events_per_day": events_per_day})
    first_day = last_day - timedelta(days=days - 1)
    plan = draw_up(tables, days, seed, first_day, metastore_id)
    files = EstateFiles(out)
    for name, table in dimension_tables(plan).items():
        files.write(name, "0", table.combine_chunks().to_batches())
    for name, table in ((LIST_PRICES, billing.prices(plan)), (WAREHOUSE_EVENTS, billing.warehouse_events(plan))):
        files.write(name, "0", table.combine_chunks().to_batches())
    files.write(BILLING_USAGE, "0", billing.usage(plan))
    files.write(JOB_RUN_TIMELINE, "0", _days(Estate.of(plan), files, events_per_day, progress))
    return EstateSummary(dict(files.rows), first_day, last_day, files.files)


def _check(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if size < _LEAST[name]:
            raise ValueError(f"{name} is {size}: a sample estate needs at least {_LEAST[name]}")


def _days(estate: Estate, files: EstateFiles, events: int, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    """Write the events of every day; yields the job runs of each, which share one file."""
    days = estate.plan.days
    yesterday: Day | None = None
    for number in range(days):
        today = estate.day(number, events)
        _write_day(estate, files, (today, yesterday), events // 3, late=number >= days - LATE_DAYS)
        yield estate.job_runs(today)
        yesterday = today
        if progress:
            progress(today.draw.day.isoformat(), number + 1, days)


def _write_day(
    estate: Estate, files: EstateFiles, pair: tuple[Day, Day | None], statements: int, *, late: bool
) -> None:
    today, yesterday = pair
    in_time, reported_late = estate.history(today, yesterday, statements)
    for is_late, suffix in [(False, ""), (True, "-late")][: 1 + late]:
        part = f"{today.draw.day}{suffix}"
        lineage = estate.lineage(today, yesterday, late=is_late)
        files.write(TABLE_LINEAGE, part, lineage.tables())
        files.write(COLUMN_LINEAGE, part, lineage.columns())
        files.write(QUERY_HISTORY, part, [reported_late if is_late else in_time])
