"""Watermarks: up to which day a stream is mined whole. They only ever grow."""

from datetime import date, timedelta

from sqlalchemy import Connection, select, text

from miner import days
from miner.ledger import tables

_KEEP = text(
    "INSERT INTO watermark (source_id, stream, day) VALUES (:source, :stream, :day) "
    "ON CONFLICT (source_id, stream) DO UPDATE SET day = excluded.day WHERE watermark.day < excluded.day"
)


def advance(connection: Connection, source_id: int, stream: str, live_from: date | None = None) -> None:
    """Move a watermark over the whole days that follow it without a gap; the caller holds the transaction.

    `live_from` is the first of the days just mined because they were due: with days mined in order, all that is due
    before it is mined. None for days that a backfill asked for: they move the watermark only where they join it.
    """
    kept, mined = tables.watermark, tables.day_mined
    held = connection.execute(select(kept.c.day).where(kept.c.source_id == source_id, kept.c.stream == stream)).scalar()
    starts = [day for day in (held, days.number(live_from) - 1 if live_from else None) if day is not None]
    if not starts:
        return
    reached = max(starts)
    whole = select(mined.c.day).where(
        mined.c.source_id == source_id, mined.c.stream == stream, mined.c.whole, mined.c.day > reached
    )
    for day in connection.execute(whole.order_by(mined.c.day)).scalars():
        if day != reached + 1:
            break
        reached = day
    if reached != max(starts) or (held is not None and reached > held):
        connection.execute(_KEEP, {"source": source_id, "stream": stream, "day": reached})


def watermarks(connection: Connection) -> dict[tuple[str, str], date]:
    """The watermarks by source and stream."""
    kept, sources = tables.watermark, tables.source
    query = select(sources.c.name, kept.c.stream, kept.c.day).join(sources)
    return {(name, stream): days.day_of(day) for name, stream, day in connection.execute(query)}


def lag(watermark: date | None, today: date) -> timedelta | None:
    """How long the first day after the watermark has been over, counted in whole days; None without a watermark."""
    return today - watermark - timedelta(days=1) if watermark is not None else None
