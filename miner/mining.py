"""Mining: which days are due, how one is fetched, checked and recorded."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog

from miner import days, schemas, visible
from miner.errors import (
    BalanceError,
    EmptySourceError,
    HeldError,
    MissingRightError,
    OutOfScopeError,
    ShrunkDayError,
)
from miner.ledger import (
    COLUMNS,
    COST,
    LINEAGE,
    QUERIES,
    STREAMS,
    TABLE_OF,
    USAGE,
    ColumnStaging,
    CostStaging,
    DayMark,
    Ledger,
    LineageStaging,
    Merge,
    QueryStaging,
    Staging,
    UsageStaging,
    reading,
    registry,
)
from miner.ledger.leases import Lease, Leases
from miner.ports import (
    BILLING_USAGE,
    COLUMN_LINEAGE,
    JOB_RUN_TIMELINE,
    QUERY_HISTORY,
    TABLE_LINEAGE,
    TOLD,
    Costs,
    Names,
    Span,
    Statements,
    SystemTables,
)
from miner.scope import OUTSIDE

log = structlog.get_logger()

AT_ONCE = {LINEAGE: schemas.RUN_DAYS, USAGE: 7, COLUMNS: 7, QUERIES: 7, COST: 7}
"""Days fetched and committed together at most: usage keeps a row per day, an edge's month is one row."""


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How a source is mined; `rules` is the digest of what is left out."""

    start: date
    settle_days: int
    rules: str
    column_lineage: bool = True
    allow_empty: bool = False
    allow_shrink: bool = False
    parallel: int = 1
    """Runs of days fetched while one is recorded: more than one only pays where the warehouse is not this machine."""
    streams: tuple[str, ...] = STREAMS
    cost_settle_days: int = 7
    """The same as `settle_days` for cost: bills are corrected later than events are told."""
    statements: Statements = TOLD
    statements_from: date | None = None
    """The first day of which statements are kept."""

    def of(self, stream: str) -> "MiningOptions":
        """The same as they hold for one stream: statements have rules of their own, and are not kept for ever."""
        if stream != QUERIES:
            return self
        told = self.statements
        rules = f"{self.rules}, {told.most} fingerprints, {told.text_length} characters"
        return replace(self, rules=rules, start=max(self.start, self.statements_from or self.start))


@dataclass(frozen=True, slots=True)
class MinedDay:
    """One day as it was just mined; `outside` are its rows out of scope."""

    source: str
    stream: str
    day: date
    rows: int
    kept: int
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source; `names` None leaves ids where names could stand, `costs` None cost untold."""

    name: str
    tables: SystemTables
    options: MiningOptions
    names: Names | None = None
    costs: Costs | None = None


RECENT_DAYS = 7
"""Days on which query history is looked at before statements are mined: without any there, something is missing."""

LeftOut = Callable[[str], None]
"""Told why a stream is left out that was asked for."""

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


def runs_of(due: Sequence[date], at_most: int) -> list[tuple[date, ...]]:
    """Days in runs without gaps, each within one month and of at most so many days."""
    runs: list[list[date]] = []
    for day in due:
        last = runs[-1] if runs else []
        if last and len(last) < at_most and day - last[-1] == timedelta(days=1) and day.month == last[-1].month:
            last.append(day)
        else:
            runs.append([day])
    return [tuple(run) for run in runs]


def mine(  # noqa: PLR0913 (what a run shares with each of its sources)
    source: Source,
    ledger: Ledger,
    *,
    run_id: int,
    now: Callable[[], datetime],
    watch: Watch | None = None,
    leases: Leases | None = None,
    held: Callable[[HeldError], None] | None = None,
    left_out: LeftOut | None = None,
) -> Generator[MinedDay]:
    """Mine what is due, day by day, each committed on its own. Raises MinerError; days before it stay.

    A stream that another process holds is told to `held` and passed over; raises HeldError when nobody is told. So is,
    to `left_out`, one whose table cannot be read, when the others do without it.
    """
    span = source.tables.span(TABLE_LINEAGE)
    _refuse_empty(source, span)
    if absent := source.tables.absent():
        log.info("source.probed", source=source.name, absent=list(absent))
    for one in source.tables.missing():
        if one.refused:
            log.warning("table.refused", source=source.name, table=one.table, error=one.reason, mend=one.mend)
    source_id = _known(source, ledger)
    rows = outside = 0
    for stream in source.options.streams:
        if (of_stream := span_of(source, stream, span, left_out)) is None:
            continue
        miner = _StreamMiner(with_options_of(source, stream), source_id, stream, ledger, run_id, now)
        try:
            with _holding(leases, source, stream) as lease:
                for day in miner.under(lease).mine_due(of_stream, watch):
                    if TABLE_OF[stream] == TABLE_LINEAGE:
                        rows, outside = rows + day.rows, outside + day.outside
                    yield day
        except HeldError as error:
            if held is None:
                raise
            log.warning("stream.held", source=source.name, stream=stream, error=error.message)
            held(error)
    if rows == outside and any(TABLE_OF[stream] == TABLE_LINEAGE for stream in source.options.streams):
        _refuse_out_of_scope(source, ledger)


def of_cost(source: Source, costs: Costs) -> Source:
    """The source as its cost is mined: with rules and a settle age of its own."""
    options = source.options
    rules = f"{options.rules}, {costs.method}"
    return replace(source, options=replace(options, rules=rules, settle_days=options.cost_settle_days, streams=(COST,)))


def mine_cost(  # noqa: PLR0913 (what a run shares with each of its sources)
    source: Source,
    costs: Costs,
    ledger: Ledger,
    *,
    run_id: int,
    now: Callable[[], datetime],
    watch: Watch | None = None,
    lease: Lease | None = None,
) -> Generator[MinedDay]:
    """Mine the cost of days that are due. Raises MinerError; days before it stay."""
    as_mined = of_cost(source, costs)
    miner = _StreamMiner(as_mined, _known(as_mined, ledger), COST, ledger, run_id, now, lease)
    yield from miner.mine_due(costs.span(), watch)


def mine_days(  # noqa: PLR0913 (what a backfill shares with each of its chunks)
    source: Source,
    stream: str,
    chunk: Sequence[date],
    ledger: Ledger,
    *,
    run_id: int,
    now: Callable[[], datetime],
    lease: Lease | None = None,
) -> Generator[MinedDay]:
    """Mine a run of days that a backfill asks for, whatever is due. Raises MinerError."""
    source_id, told = _known(source, ledger), with_options_of(source, stream)
    miner = _StreamMiner(told, source_id, stream, ledger, run_id, now, lease, live=False)
    with ledger.reading() as connection:
        marks = {mark.day: mark for mark in reading.mined_days(connection, source.name, stream)}
    yield from miner.mine_runs([chunk], marks, None)


def span_of(source: Source, stream: str, lineage: Span, left_out: LeftOut | None = None) -> Span | None:
    """The days to mine of a stream, those of lineage; None where query history cannot be read, which is told."""
    if stream != QUERIES or lineage.last is None:
        return lineage
    first = lineage.last - timedelta(days=RECENT_DAYS - 1)
    try:
        shown = source.tables.shown(QUERY_HISTORY, first, lineage.last)
    except MissingRightError as error:
        reason, mend = error.message, error.mend
    else:
        if shown is not None and (shown.num_rows or source.options.allow_empty):
            return lineage
        reason = "there is no query.history"
        mend = "look whether its name is right in the settings, and its grant: uc-miner grants"
        if refused := [one for one in source.tables.missing() if one.role == QUERY_HISTORY and one.refused]:
            reason, mend = refused[0].reason, refused[0].mend
        if shown is not None:
            reason = f"query.history holds no row from {first} to {lineage.last}"
            mend = "look whether its view or export is whole"
    log.warning("queries.left_out", source=source.name, error=reason, mend=mend)
    if left_out:
        left_out(f"source {source.name}: no queries are mined: {reason}: {mend}, or set [queries] mine = false")
    return None


def with_options_of(source: Source, stream: str) -> Source:
    """The source as one stream of it is mined."""
    if stream == COST and source.costs:
        return of_cost(source, source.costs)
    return replace(source, options=source.options.of(stream))


def _known(source: Source, ledger: Ledger) -> int:
    """The number of the source in the ledger."""
    absent = source.tables.absent()
    knows_run_types = not any(JOB_RUN_TIMELINE in name and name.count(".") == 2 for name in absent)  # noqa: PLR2004
    return registry.source_id(ledger, source.name, knows_run_types=knows_run_types)


def _holding(leases: Leases | None, source: Source, stream: str) -> AbstractContextManager[Lease | None]:
    """The lease of a stream; without `leases` nobody else is at work."""
    return leases.holding(source.name, stream, source.tables.cancel) if leases else nullcontext()


def _refuse_out_of_scope(source: Source, ledger: Ledger) -> None:
    """Tell a scope that nothing is in, on no day at all, from one that just had quiet days."""
    options = source.options
    if options.allow_empty:
        return
    with ledger.reading() as connection:
        known = reading.mined_days(connection, source.name)
        if not any(mark.rows for mark in known if mark.rules == options.rules) or any(
            reading.any_in_scope(connection, source.name, stream, table=TABLE_OF[stream], rules=options.rules)
            for stream in options.streams
        ):
            return
    raise OutOfScopeError(f"source {source.name}: no row of table_lineage is in scope", mend=OutOfScopeError.MEND)


def _refuse_empty(source: Source, span: Span) -> None:
    if source.options.allow_empty:
        return
    if span.last is None:
        raise EmptySourceError(
            f"source {source.name}: table_lineage holds no row at all",
            mend=EmptySourceError.MEND,
        )
    if span.last < source.options.start:
        raise EmptySourceError(
            f"source {source.name}: table_lineage holds {span.first} to {span.last}, nothing from "
            f"{source.options.start} on",
            mend=EmptySourceError.START_MEND.format(span.last),
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """A run of days, staged beside the ledger, and the independent count of its rows by table, day and workspace."""

    staging: Staging
    totals: Mapping[str, Mapping[date, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class _StreamMiner:
    source: Source
    source_id: int
    stream: str
    ledger: Ledger
    run_id: int
    now: Callable[[], datetime]
    lease: Lease | None = None
    live: bool = True

    def under(self, lease: Lease | None) -> "_StreamMiner":
        """The same, committing only as long as a lease holds."""
        return replace(self, lease=lease)

    def mine_due(self, span: Span, watch: Watch | None) -> Iterator[MinedDay]:
        """Mine what is due, oldest first."""
        with self.ledger.reading() as connection:
            marks = {mark.day: mark for mark in reading.mined_days(connection, self.source.name, self.stream)}
            closed = reading.closed_days(connection, self.stream, self.source.name)
        due = [day for day in due_days(marks, self.source.options, span, self.now()) if day not in closed]
        yield from self.mine_runs(runs_of(due, AT_ONCE[self.stream]), marks, watch)

    def mine_runs(
        self, runs: Sequence[Sequence[date]], marks: Mapping[date, reading.MinedDay], watch: Watch | None
    ) -> Iterator[MinedDay]:
        """Mine runs of days in the order given."""
        name, done, due = self.source.name, 0, sum(len(run) for run in runs)
        for run, fetched in _ahead(self, runs, self.source.options.parallel):
            if watch:
                watch(name, self.stream, done, due)
            yield from self.record(run, fetched, marks)
            done += len(run)
        if watch:
            watch(name, self.stream, done, due)

    def fetch(self, run: Sequence[date]) -> Fetched:
        """Fetch and stage a run of days; once more when rows in and rows accounted for differ."""
        with structlog.contextvars.bound_contextvars(source=self.source.name, stream=self.stream, day=str(run[0])):
            return self._balanced(run)

    def _balanced(self, run: Sequence[date]) -> Fetched:
        fetched = self._fetch(run)
        if _difference(fetched, run) or fetched.staging.difference():
            log.warning("days.unbalanced", source=self.source.name, stream=self.stream, first=str(run[0]))
            fetched.staging.close()
            fetched = self._fetch(run)
        if difference := _difference(fetched, run) or fetched.staging.difference():
            fetched.staging.close()
            raise BalanceError(
                f"source {self.source.name}, {self.stream}: {difference}",
                mend="rows are lost or counted twice on the way: run again, and report it if it stays",
            )
        return fetched

    def _fetch(self, run: Sequence[date]) -> Fetched:
        tables, first, last = self.source.tables, run[0], run[-1]
        staging = self.ledger.stage(self.stream, first)
        try:
            read = [TABLE_OF[self.stream]]
            with self.ledger.told():
                if isinstance(staging, CostStaging) and self.source.costs:
                    return _fetched_cost(staging, self.source.costs, first, last)
                if isinstance(staging, LineageStaging):
                    read += self._fetch_lineage(staging, first, last)
                elif isinstance(staging, UsageStaging):
                    staging.add_usage(tables.usage(first, last))
                    staging.add_enrichment(tables.enrichment(first, last))
                    staging.add_outside(tables.outside_reads(first, last), run)
                    staging.finish()
                elif isinstance(staging, ColumnStaging):
                    staging.add_reads(tables.column_usage(first, last))
                    staging.finish()
                elif isinstance(staging, QueryStaging):
                    staging.add_runs(tables.query_runs(first, last, self.source.options.statements))
                    staging.finish()
            return Fetched(staging, {table: _totals(tables, table, first, last) for table in read})
        except BaseException:
            staging.close()
            raise

    def _fetch_lineage(self, staging: LineageStaging, first: date, last: date) -> list[str]:
        tables = self.source.tables
        staging.add_edges(tables.edges(first, last))
        more = []
        if self.source.options.column_lineage:
            more.append(COLUMN_LINEAGE)
            staging.add_column_sets(tables.column_sets(first, last))
            if staging.missing_sets:
                staging.add_contents(tables.column_contents(first, last, staging.missing_sets))
        staging.add_one_time_runs(tables.one_time_runs(first - timedelta(days=1), last))
        staging.finish(self.source_id, days.month(first))
        return more

    def record(self, run: Sequence[date], fetched: Fetched, before: Mapping[date, reading.MinedDay]) -> list[MinedDay]:
        """Commit a fetched run of days, unless one lost what an earlier, settled result had."""
        totals = fetched.totals[TABLE_OF[self.stream]]
        mined_at = self.now()
        try:
            for day in run:
                if (mark := before.get(day)) and mark.settled and not self.source.options.allow_shrink:
                    self._refuse_shrunk(day, totals.get(day, {}))
            self._refuse_emptied(run, fetched, before)
            marks = tuple(self._mark(day, totals.get(day, {}), mined_at) for day in run)
            self.ledger.record(
                Merge(
                    self.source_id,
                    self.stream,
                    marks,
                    self.source.options.rules,
                    mined_at,
                    self.run_id,
                    self.lease,
                    self.live,
                ),
                fetched.staging,
            )
        finally:
            fetched.staging.close()
        return [self._told(mark, fetched.staging) for mark in marks]

    def _mark(self, day: date, totals: Mapping[str, int], mined_at: datetime) -> DayMark:
        age = (mined_at.date() - day).days
        return DayMark(day, totals, settled=age > self.source.options.settle_days, whole=age > 0)

    def _told(self, mark: DayMark, staging: Staging) -> MinedDay:
        kept = staging.fates[mark.day, TABLE_OF[self.stream], "kept", ""]
        day, name = str(mark.day), self.source.name
        log.info("day.mined", source=name, stream=self.stream, day=day, rows=mark.rows, kept=kept)
        outside = _outside(staging, TABLE_OF[self.stream], [mark.day])
        return MinedDay(name, self.stream, mark.day, mark.rows, kept, outside)

    def _refuse_shrunk(self, day: date, totals: Mapping[str, int]) -> None:
        with self.ledger.reading() as connection:
            known = reading.workspaces(connection, self.source.name, self.stream, day)
        if lost := visible.loss(known, totals):
            raise ShrunkDayError(
                f"source {self.source.name}, {self.stream} of {day}: {lost}; the earlier result was kept",
                mend=ShrunkDayError.MEND,
            )

    def _refuse_emptied(self, run: Sequence[date], fetched: Fetched, before: Mapping[date, reading.MinedDay]) -> None:
        """Keep what was mined under other rules when the present ones leave out every row of the run of days."""
        options = self.source.options
        changed = [day for day in run if (mark := before.get(day)) and mark.rules != options.rules]
        table = TABLE_OF[self.stream]
        rows = sum(sum(by_workspace.values()) for by_workspace in fetched.totals[table].values())
        if options.allow_empty or not changed or not rows or _outside(fetched.staging, table, run) < rows:
            return
        with self.ledger.reading() as connection:
            if not reading.any_in_scope(connection, self.source.name, self.stream, table=table, days_of=changed):
                return
        raise OutOfScopeError(
            f"source {self.source.name}, {self.stream} of {run[0]} to {run[-1]}: none of {rows} rows is in scope now, "
            "some were when these days were mined; the earlier result was kept",
            mend=OutOfScopeError.MEND,
        )


def _fetched_cost(staging: CostStaging, costs: Costs, first: date, last: date) -> Fetched:
    staging.add_costs(costs.costs(first, last))
    staging.add_charges(costs.charges(first, last))
    staging.finish()
    return Fetched(staging, {BILLING_USAGE: visible.by_day(costs.totals(first, last))})


def _outside(staging: Staging, table: str, run: Sequence[date]) -> int:
    """Rows of a table that are out of scope on some days."""
    return sum(
        rows
        for (day, of, fate, _), rows in staging.fates.items()
        if day in run and of == table and fate.startswith(OUTSIDE)
    )


def _totals(tables: SystemTables, table: str, first: date, last: date) -> visible.ByDay:
    return visible.by_day(tables.totals(table, first, last))


def _difference(fetched: Fetched, run: Sequence[date]) -> str:
    """How rows in and rows accounted for differ, on the first day they do; empty when they agree."""
    accounted: Counter[tuple[date, str]] = Counter()
    for (day, table, _, _), rows in fetched.staging.fates.items():
        accounted[day, table] += rows
    for table, by_day in fetched.totals.items():
        for day in run:
            total = sum(by_day.get(day, {}).values())
            if total != accounted[day, table]:
                return f"{table} holds {total} rows of {day}, {accounted[day, table]} are accounted for"
    return ""


def _ahead(
    miner: _StreamMiner, runs: Sequence[Sequence[date]], parallel: int
) -> Iterator[tuple[Sequence[date], Fetched]]:
    """Runs of days in order, the next ones fetched while one is recorded.

    After a failure or an interrupt nobody waits for the rest: what is still being read is cancelled.
    """
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="fetch") as pool:
        waiting: list[tuple[Sequence[date], Future[Fetched]]] = []
        try:
            for day in runs:
                waiting.append((day, pool.submit(copy_context().run, miner.fetch, day)))
                if len(waiting) > parallel:
                    first, future = waiting.pop(0)
                    yield first, future.result()
            while waiting:
                first, future = waiting.pop(0)
                yield first, future.result()
        except BaseException:
            miner.source.tables.cancel()
            raise
        finally:
            for _, future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().staging.close()
