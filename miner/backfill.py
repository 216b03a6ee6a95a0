"""A backfill: days that somebody asks for, mined beside the live run, stopped and gone on with at any moment."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from miner import days, mining
from miner.errors import MinerError, SettingsError
from miner.ledger import COST, QUERIES, Ledger, backfills, reading, registry
from miner.ledger.backfills import Pace, Request
from miner.ledger.leases import Leases
from miner.mining import MinedDay
from miner.pipeline import DONE, FAILED, INTERRUPTED
from miner.ports import TABLE_LINEAGE, Span
from miner.streams import AT_ONCE, Source, span_of, with_options_of

log = structlog.get_logger()

COMMAND = "backfill"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a backfill is to do. `chunk_days` are fetched and committed together at most, under one lease."""

    first: date
    last: date
    again: bool = False
    oldest_first: bool = False
    chunk_days: int = 7
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The days of one stream of a source: asked for, held by the source, done already, and to do in that order.

    `pace` is None where nothing tells it yet. `gone` are the days asked for that the source does not hold (any more).
    """

    source: Source
    stream: str
    asked: tuple[date, date]
    held: Span
    done: int
    todo: tuple[date, ...]
    gone: int
    pace: Pace | None

    @property
    def rows(self) -> int | None:
        """About how many rows of the stream's table the days have."""
        return round(self.pace.rows * len(self.todo)) if self.pace else None

    @property
    def seconds(self) -> float | None:
        """About how long they take."""
        return self.pace.seconds * len(self.todo) if self.pace else None


def plan(source: Source, stream: str, asked: Asked, ledger: Ledger, now: datetime) -> Plan:
    """What is to do for one stream. Raises MinerError where the source cannot be read."""
    span = _cost_span(source) if stream == COST else _span(source, stream)
    wanted = set(days.span(asked.first, asked.last))
    there = {day for day in wanted if _holds(span, day) and day < now.date()}
    done = there & _done(source, stream, asked, ledger, now)
    with ledger.reading() as connection:
        # Rolled up to months: cannot be replaced any more.
        done |= there & reading.closed_days(connection, stream, source.name)
        if stream == QUERIES and (kept := source.options.statements_from):
            # Not kept that long.
            done |= {day for day in there if day < kept}
        pace = backfills.paces(connection, [(source.name, stream)]).get((source.name, stream))
    gone = len(wanted) - len(there)
    if gone:
        log.warning(
            "backfill.clipped", source=source.name, stream=stream, first=str(span.first), last=str(span.last), days=gone
        )
    todo = tuple(sorted(there - done, reverse=not asked.oldest_first))
    return Plan(source, stream, (asked.first, asked.last), span, len(done), todo, gone, pace)


def _span(source: Source, stream: str) -> Span:
    return span_of(source, stream, source.tables.span(TABLE_LINEAGE)) or Span(None, None)


def _cost_span(source: Source) -> Span:
    if source.costs is None or (reason := source.costs.missing()):
        told = "[mining] cost is off" if source.costs is None else reason
        raise SettingsError(
            f"source {source.name}: there is no cost: {told}", mend="uc-miner grants prints the rights that it takes"
        )
    return source.costs.span()


def _holds(span: Span, day: date) -> bool:
    return span.first is not None and span.last is not None and span.first <= day <= span.last


def _done(source: Source, stream: str, asked: Asked, ledger: Ledger, now: datetime) -> set[date]:
    """Days that need not be mined: those mined under the same rules and as settled as they can be.

    With `again`, those that this backfill has mined before it was stopped.
    """
    with ledger.reading() as connection:
        if asked.again:
            run_id = backfills.unfinished(connection, _request(source, stream, asked))
            return backfills.mined_since(connection, source.name, stream, run_id) if run_id is not None else set()
        marks = reading.mined_days(connection, source.name, stream)
    options = with_options_of(source, stream).options
    unsettled = now.date() - timedelta(days=options.settle_days)
    return {
        mark.day
        for mark in marks
        if mark.rules == options.rules and mark.whole and (mark.settled or mark.day >= unsettled)
    }


def _request(source: Source, stream: str, asked: Asked) -> Request:
    return Request(source.name, stream, asked.first, asked.last, asked.again, asked.note)


@dataclass(frozen=True, slots=True)
class Backfill:
    """Mines the days of plans. `leases` are taken chunk by chunk, so that live runs get their turn."""

    ledger: Ledger
    asked: Asked
    leases: Leases
    now: Callable[[], datetime]

    def go(self, plans: Sequence[Plan], watch: mining.Watch | None = None) -> Generator[MinedDay]:
        """Mine what is to do, stream by stream; every chunk is committed on its own. Raises MinerError.

        Ended at any moment, the same request goes on with what is left.
        """
        run_id = registry.start_run(self.ledger, COMMAND, self.now())
        word, note = INTERRUPTED, self.asked.note
        try:
            for one in plans:
                yield from self._stream(one, run_id, watch)
            word = DONE
        except MinerError as error:
            word, note = FAILED, error.message
            raise
        finally:
            registry.end_run(self.ledger, run_id, word, note, self.now())

    def _stream(self, one: Plan, run_id: int, watch: mining.Watch | None) -> Iterator[MinedDay]:
        request = _request(one.source, one.stream, self.asked)
        number = backfills.begin(self.ledger, request, run_id, len(one.todo), self.now())
        word = INTERRUPTED
        try:
            yield from self._chunks(one, number, run_id, watch)
            word = DONE
        except MinerError:
            word = FAILED
            raise
        finally:
            backfills.end(self.ledger, number, word, self.now())
            log.info("backfill.ended", source=one.source.name, stream=one.stream, outcome=word)

    def _chunks(self, one: Plan, number: int, run_id: int, watch: mining.Watch | None) -> Iterator[MinedDay]:
        name, done = one.source.name, 0
        for chunk in chunks_of(one.todo, min(self.asked.chunk_days, AT_ONCE[one.stream])):
            if watch:
                watch(name, one.stream, done, len(one.todo))
            with closing(self._mine(one, chunk, run_id)) as mined:
                for day in mined:
                    done += 1
                    yield day
            backfills.note_done(self.ledger, number, len(chunk))
        if watch:
            watch(name, one.stream, done, len(one.todo))

    def _mine(self, one: Plan, chunk: Sequence[date], run_id: int) -> Generator[MinedDay]:
        with self.leases.holding(one.source.name, one.stream, one.source.tables.cancel) as lease:
            yield from mining.mine_days(
                one.source, one.stream, chunk, self.ledger, run_id=run_id, now=self.now, lease=lease
            )


def chunks_of(todo: Sequence[date], at_most: int) -> list[tuple[date, ...]]:
    """Days in the order given, as chunks of days that follow each other within one month, each oldest first."""
    newest_first = len(todo) > 1 and todo[0] > todo[-1]
    if not newest_first:
        return mining.runs_of(todo, at_most)
    mirrored: list[list[date]] = []
    for day in todo:
        last = mirrored[-1] if mirrored else []
        if last and len(last) < at_most and last[-1] - day == timedelta(days=1) and day.month == last[-1].month:
            last.append(day)
        else:
            mirrored.append([day])
    return [tuple(reversed(chunk)) for chunk in mirrored]
