"""What the operator of a run would not expect of what it mined; each is logged as well."""

from collections.abc import Iterator, Sequence
from datetime import date

import structlog

from miner import visible
from miner.ledger import LINEAGE, Ledger, reading
from miner.pipeline import Outcome
from miner.ports import COLUMN_LINEAGE, TABLE_LINEAGE
from schedules.balance import KEPT, Balance
from schedules.parts import Parts

log = structlog.get_logger()


def warnings_of(
    outcome: Outcome, balance: Balance, ledger: Ledger, parts: Parts, sources: Sequence[str]
) -> Iterator[str]:
    """One sentence for each thing that a preflight would tell too, or the days mined show."""
    for source in sources:
        with ledger.reading() as connection:
            days = [mark.day for mark in reading.mined_days(connection, source, LINEAGE)]
        if days:
            yield from _clipped(source, days[0], parts)
            yield from _stale(source, days[-1], parts)
    yield from _empty_days(outcome)
    yield from _no_columns(balance, parts)
    yield from outcome.left_out
    yield from (f"source {source}: {found.text}: {found.mend}" for source, found in outcome.narrow)


def _clipped(source: str, first: date, parts: Parts) -> Iterator[str]:
    """Say when days from [mining] start on are gone from the source, if one was asked for."""
    start = parts.settings.mining.start
    if start is None or first <= start:
        return
    lost = (first - start).days
    log.warning("start.clipped", source=source, start=str(start), first=str(first), days=lost)
    yield (
        f"source {source} holds nothing before {first}: {lost} days from [mining] start = {start} on are not mined "
        "(system tables keep about a year)"
    )


def _stale(source: str, last: date, parts: Parts) -> Iterator[str]:
    days = (parts.now().date() - last).days - 1
    if days <= visible.STALE_DAYS:
        return
    log.warning("source.stale", source=source, last=str(last), days=days)
    yield f"source {source} has no row after {last}: {visible.STALE_MEND}"


def _empty_days(outcome: Outcome) -> Iterator[str]:
    for source in dict.fromkeys(mined.source for mined in outcome.days):
        empty = [
            mined.day for mined in outcome.days if mined.source == source and mined.stream == LINEAGE and not mined.rows
        ]
        if empty:
            log.warning("days.empty", source=source, days=[str(day) for day in empty])
            more = f" and {len(empty) - 1} more days" if len(empty) > 1 else ""
            yield f"source {source} has no row on {empty[0]}{more}: look whether the export is whole"


def _no_columns(balance: Balance, parts: Parts) -> Iterator[str]:
    """Say when edges were kept and column lineage held no row at all: most often a missing grant or a filtered view."""
    edges, columns = (LINEAGE, TABLE_LINEAGE), (LINEAGE, COLUMN_LINEAGE)
    if parts.settings.mining.column_lineage and balance.rows(edges, KEPT) and not balance.rows(columns):
        log.warning("columns.empty")
        yield "column_lineage has no row on these days: uc-miner preflight tells what may be missing"
