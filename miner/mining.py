"""Mining: which days are due, how one is fetched, checked and recorded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from miner import days
from miner.errors import BalanceError, EmptySourceError, ShrunkDayError
from miner.ledger import LINEAGE, USAGE, DayMark, Ledger, LineageStaging, Staging, UsageStaging, reading, registry
from miner.ports import COLUMN_LINEAGE, JOB_RUN_TIMELINE, TABLE_LINEAGE, Span, SystemTables

log = structlog.get_logger()

SHRINK_LIMIT = 0.1
"""A settled day that loses more than this share of its rows is refused."""


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How a source is mined; `rules` is the digest of what is left out."""

    start: date
    settle_days: int
    rules: str
    column_lineage: bool = True
    allow_empty: bool = False
    allow_shrink: bool = False
    parallel: int = 2
    streams: tuple[str, ...] = (LINEAGE, USAGE)


@dataclass(frozen=True, slots=True)
class MinedDay:
    """One day as it was just mined."""

    source: str
    stream: str
    day: date
    rows: int
    kept: int


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source."""

    name: str
    tables: SystemTables
    options: MiningOptions


Watch = Callable[[str, str, int, int], None]
"""Told (source, stream, days done, days due) as mining goes on."""


def due_days(marks: Mapping[date, reading.MinedDay], options: MiningOptions, span: Span, now: datetime) -> list[date]:
    """Days to mine, oldest first: those never mined, those not settled, those mined under other rules.

    Bounded by what the table holds: a day after its last event has not arrived yet.
    """
    if span.first is None or span.last is None:
        return []
    first, last = max(options.start, span.first), min(span.last, now.date())
    return [
        day
        for day in days.span(first, last)
        if (mark := marks.get(day)) is None or not mark.settled or mark.rules != options.rules
    ]


def mine(
    source: Source, ledger: Ledger, *, run_id: int, now: Callable[[], datetime], watch: Watch | None = None
) -> Iterator[MinedDay]:
    """Mine what is due, day by day, each committed on its own. Raises MinerError; days before it stay."""
    span = source.tables.span(TABLE_LINEAGE)
    _refuse_empty(source, span)
    absent = source.tables.absent()
    knows_run_types = not any(JOB_RUN_TIMELINE in name and name.count(".") == 2 for name in absent)  # noqa: PLR2004
    source_id = registry.source_id(ledger, source.name, knows_run_types=knows_run_types)
    if absent:
        log.info("source.probed", source=source.name, absent=list(absent))
    for stream in source.options.streams:
        with ledger.reading() as connection:
            marks = {mark.day: mark for mark in reading.mined_days(connection, source.name, stream)}
        due = due_days(marks, source.options, span, now())
        miner = _StreamMiner(source, source_id, stream, ledger, run_id, now)
        for done, (day, fetched) in enumerate(_ahead(miner.fetch, due, source.options.parallel)):
            if watch:
                watch(source.name, stream, done, len(due))
            yield miner.record(day, fetched, marks.get(day))
        if watch:
            watch(source.name, stream, len(due), len(due))


def _refuse_empty(source: Source, span: Span) -> None:
    if source.options.allow_empty:
        return
    if span.last is None:
        raise EmptySourceError(
            f"source {source.name}: table_lineage holds no row at all",
            mend="check the export or the grants; an estate that truly is empty needs --allow-empty",
        )
    if span.last < source.options.start:
        raise EmptySourceError(
            f"source {source.name}: table_lineage holds {span.first} to {span.last}, nothing from "
            f"{source.options.start} on",
            mend="set [mining] start to a day that the table holds",
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """One day, staged beside the ledger, and the independent count of its rows."""

    staging: Staging
    totals: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class _StreamMiner:
    source: Source
    source_id: int
    stream: str
    ledger: Ledger
    run_id: int
    now: Callable[[], datetime]

    def fetch(self, day: date) -> Fetched:
        """Fetch and stage a day; once more when rows in and rows accounted for differ."""
        fetched = self._fetch(day)
        if _difference(fetched):
            log.warning("day.unbalanced", source=self.source.name, stream=self.stream, day=str(day))
            fetched.staging.close()
            fetched = self._fetch(day)
        if difference := _difference(fetched):
            fetched.staging.close()
            raise BalanceError(
                f"source {self.source.name}, {self.stream} of {day}: {difference}",
                mend="rows are lost or counted twice on the way: run again, and report it if it stays",
            )
        return fetched

    def _fetch(self, day: date) -> Fetched:
        tables, options = self.source.tables, self.source.options
        staging = self.ledger.stage(self.stream)
        read = [TABLE_LINEAGE]
        if isinstance(staging, LineageStaging):
            staging.add_edges(tables.edges(day))
            if options.column_lineage:
                read.append(COLUMN_LINEAGE)
                staging.add_column_sets(tables.column_sets(day))
                if staging.missing_sets:
                    staging.add_contents(tables.column_contents(day, staging.missing_sets))
            staging.add_one_time_runs(tables.one_time_runs(day - timedelta(days=1), day))
            staging.finish(self.source_id, days.month(day))
        elif isinstance(staging, UsageStaging):
            staging.add_usage(tables.usage(day))
            staging.finish()
        return Fetched(staging, {table: _by_workspace(tables, table, day) for table in read})

    def record(self, day: date, fetched: Fetched, before: reading.MinedDay | None) -> MinedDay:
        """Commit a fetched day, unless it lost what an earlier, settled result had."""
        totals = fetched.totals[TABLE_LINEAGE]
        if before is not None and before.settled and not self.source.options.allow_shrink:
            self._refuse_shrunk(day, totals, before)
        mined_at = self.now()
        age = (mined_at.date() - day).days
        mark = DayMark(
            source_id=self.source_id, stream=self.stream, day=day, totals=totals,
            settled=age > self.source.options.settle_days, whole=age > 0, rules=self.source.options.rules,
            mined_at=mined_at, run_id=self.run_id,
        )  # fmt: skip
        self.ledger.record(mark, fetched.staging)
        fetched.staging.close()
        kept = sum(rows for (_, fate, _), rows in fetched.staging.fates.items() if fate == "kept")
        log.info("day.mined", source=self.source.name, stream=self.stream, day=str(day), rows=mark.rows, kept=kept)
        return MinedDay(self.source.name, self.stream, day, mark.rows, kept)

    def _refuse_shrunk(self, day: date, totals: Mapping[str, int], before: reading.MinedDay) -> None:
        with self.ledger.reading() as connection:
            known = reading.workspaces(connection, self.source.name, self.stream, day)
        lost = sorted(set(known) - set(totals))
        rows = sum(totals.values())
        if rows < before.rows * (1 - SHRINK_LIMIT) or lost:
            gone = f", workspaces {', '.join(lost)} gone" if lost else ""
            raise ShrunkDayError(
                f"source {self.source.name}, {self.stream} of {day}: {before.rows} rows when it was mined, {rows} now"
                f"{gone}; the earlier result was kept",
                mend="look whether retention or a narrowed view took the rows; --allow-shrink takes the new result",
            )


def _by_workspace(tables: SystemTables, table: str, day: date) -> dict[str, int]:
    counted = tables.totals(table, day)
    return dict(zip(counted["workspace_id"].to_pylist(), counted["rows"].to_pylist(), strict=True))


def _difference(fetched: Fetched) -> str:
    """How rows in and rows accounted for differ; empty when they agree."""
    for table, totals in fetched.totals.items():
        total = sum(totals.values())
        told = sum(rows for (name, _, _), rows in fetched.staging.fates.items() if name == table)
        if total != told:
            return f"{table} holds {total} rows, {told} are accounted for"
    return ""


def _ahead(
    fetch: Callable[[date], Fetched], due: Sequence[date], parallel: int
) -> Iterator[tuple[date, Fetched]]:
    """Days in order, the next ones fetched while one is recorded."""
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="fetch") as pool:
        waiting: list[tuple[date, Future[Fetched]]] = []
        rest = iter(due)
        try:
            for day in rest:
                waiting.append((day, pool.submit(fetch, day)))
                if len(waiting) > parallel:
                    first, future = waiting.pop(0)
                    yield first, future.result()
            while waiting:
                first, future = waiting.pop(0)
                yield first, future.result()
        finally:
            for _, future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().staging.close()
