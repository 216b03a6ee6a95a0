"""How things stand: what the ledger knows of every source and stream, and what it holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

from miner import cost
from miner.ledger import Ledger, reading
from miner.ledger.backfills import Record, kept_backfills
from miner.ledger.leases import Held, holders
from miner.ledger.reading import LateRows, MinedDay
from miner.ledger.watermarks import watermarks
from schedules.balance import Balance

Days = tuple[date, date]
"""First and last day of an unbroken run."""


@dataclass(frozen=True, slots=True)
class StreamStanding:
    """The days of one source and stream.

    `watermark` is the last day up to which every day that was due is mined and was over when it was mined; days that a
    backfill adds before it do not move it. `settled` is the last day up to which none is mined again. Both None when
    there is no such day.
    """

    source: str
    stream: str
    first: date
    last: date
    days: int
    rows: int
    watermark: date | None
    settled: date | None
    gaps: tuple[Days, ...]


@dataclass(frozen=True, slots=True)
class PastRun:
    """One command that was run; `ended` None: it is still at work, or was killed."""

    command: str
    started: datetime
    ended: datetime | None
    outcome: str
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything `uc-miner status` tells."""

    ledger: str
    streams: tuple[StreamStanding, ...]
    unmined: tuple[str, ...]
    balance: Balance
    late: tuple[LateRows, ...]
    counts: Mapping[str, int]
    runs: tuple[PastRun, ...]
    leases: tuple[Held, ...]
    backfills: tuple[Record, ...]
    without_cost: Mapping[str, str]
    """Sources that had no list cost to tell when they were last mined, each with the reason."""


def standing(ledger: Ledger, configured: Sequence[str]) -> Standing:
    """How the ledger stands; `configured` sources that it does not know are `unmined`."""
    with ledger.reading() as connection:
        marks = reading.mined_days(connection)
        known = {mark.source for mark in marks}
        return Standing(
            ledger=ledger.place,
            streams=tuple(_streams(marks, watermarks(connection))),
            unmined=tuple(name for name in configured if name not in known),
            balance=Balance.of(reading.fates(connection)),
            late=tuple(reading.late_rows(connection)),
            counts=reading.counts(connection),
            runs=tuple(PastRun(*run) for run in reading.runs(connection)),
            leases=tuple(holders(connection)),
            backfills=tuple(kept_backfills(connection)),
            without_cost=cost.reasons(connection),
        )


def _streams(marks: Iterable[MinedDay], kept: Mapping[tuple[str, str], date]) -> list[StreamStanding]:
    """One standing for each source and stream; marks come ordered by both, and by day."""
    return [
        _stream(source, stream, list(group), kept.get((source, stream)))
        for (source, stream), group in groupby(marks, key=lambda mark: (mark.source, mark.stream))
    ]


def _stream(source: str, stream: str, marks: Sequence[MinedDay], watermark: date | None) -> StreamStanding:
    days = [mark.day for mark in marks]
    return StreamStanding(
        source=source,
        stream=stream,
        first=days[0],
        last=days[-1],
        days=len(days),
        rows=sum(mark.rows for mark in marks),
        watermark=watermark or _last_unbroken(days[0], [mark.day for mark in marks if mark.whole]),
        settled=_last_unbroken(days[0], [mark.day for mark in marks if mark.settled]),
        gaps=tuple(_gaps(days)),
    )


def _last_unbroken(first: date, days: Sequence[date]) -> date | None:
    unbroken = [day for number, day in enumerate(days) if day == first + timedelta(days=number)]
    return unbroken[-1] if unbroken else None


def _gaps(days: Sequence[date]) -> list[Days]:
    one = timedelta(days=1)
    return [(day + one, following - one) for day, following in pairwise(days) if following - day > one]
