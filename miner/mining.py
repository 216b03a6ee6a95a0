"""Mining: which days are due, what is refused, and how the others are recorded."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog

from miner import days, visible
from miner.errors import EmptySourceError, HeldError, OutOfScopeError, ShrunkDayError
from miner.fetching import Fetched, Fetching, ahead
from miner.ledger import COST, TABLE_OF, DayMark, Ledger, Merge, reading, registry
from miner.ledger.leases import Lease, Leases
from miner.ports import JOB_RUN_TIMELINE, TABLE_LINEAGE, Costs, Span
from miner.streams import AT_ONCE, LeftOut, MiningOptions, Source, of_cost, span_of, with_options_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MinedDay:
    """One day as it was just mined; `outside` are its rows out of scope."""

    source: str
    stream: str
    day: date
    rows: int
    kept: int
    outside: int = 0


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
        fetching = Fetching(self.source, self.stream, self.ledger)
        for run, fetched in ahead(fetching, runs, self.source.options.parallel):
            if watch:
                watch(name, self.stream, done, due)
            yield from self.record(run, fetched, marks)
            done += len(run)
        if watch:
            watch(name, self.stream, done, due)

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
        return [self._told(mark, fetched) for mark in marks]

    def _mark(self, day: date, totals: Mapping[str, int], mined_at: datetime) -> DayMark:
        age = (mined_at.date() - day).days
        return DayMark(day, totals, settled=age > self.source.options.settle_days, whole=age > 0)

    def _told(self, mark: DayMark, fetched: Fetched) -> MinedDay:
        kept = fetched.staging.fates[mark.day, TABLE_OF[self.stream], "kept", ""]
        day, name = str(mark.day), self.source.name
        log.info("day.mined", source=name, stream=self.stream, day=day, rows=mark.rows, kept=kept)
        outside = fetched.outside(TABLE_OF[self.stream], [mark.day])
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
        if options.allow_empty or not changed or not rows or fetched.outside(table, run) < rows:
            return
        with self.ledger.reading() as connection:
            if not reading.any_in_scope(connection, self.source.name, self.stream, table=table, days_of=changed):
                return
        raise OutOfScopeError(
            f"source {self.source.name}, {self.stream} of {run[0]} to {run[-1]}: none of {rows} rows is in scope now, "
            "some were when these days were mined; the earlier result was kept",
            mend=OutOfScopeError.MEND,
        )
