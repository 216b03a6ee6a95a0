"""How things stand, for a person and as JSON."""

from collections.abc import Iterable
from dataclasses import asdict

from miner.ledger.backfills import Record
from schedules.console.run import show_balance
from schedules.console.screen import Column, Screen, number
from schedules.standing import Days, PastRun, Standing, StreamStanding


def show_standing(screen: Screen, standing: Standing) -> None:
    """Days, balance, late rows, counts and runs."""
    screen.line(f"Ledger {standing.ledger}", "bold")
    _show_days(screen, standing)
    if standing.balance.fates:
        screen.heading("What became of the rows")
        show_balance(screen, standing.balance)
    if standing.late:
        screen.heading("Rows that came late")
        late = [(one.source, one.stream, one.age_days, one.rows) for one in standing.late]
        screen.table((Column("source"), Column("stream"), number("days late"), number("rows")), late)
    screen.heading("Held")
    screen.table((Column("what"), number("count")), [(_plain(name), held) for name, held in standing.counts.items()])
    if standing.backfills:
        screen.heading("Last backfills")
        columns = (Column("source"), Column("stream"), Column("from"), Column("to"), number("days"), number("done"))
        more = (Column("outcome"), Column("note"))
        screen.table((*columns, *more), [_filled(one) for one in standing.backfills])
    for lease in standing.leases:
        screen.line(f"at work now: {lease.holder} on {lease.source}, {lease.stream}, since {lease.since:%H:%M:%S} UTC")
    screen.heading("Last runs (UTC)")
    heads = (Column("started"), Column("ended"), Column("command"), Column("outcome"), Column("note"))
    screen.table(heads, [_past(run) for run in standing.runs])


def _show_days(screen: Screen, standing: Standing) -> None:
    heads = ("source", "stream", "days", "rows", "first", "last", "mined whole to", "settled to", "gaps")
    if standing.streams:
        columns = [Column(name, number=name in {"days", "rows"}) for name in heads]
        screen.table(columns, [_stream(one) for one in standing.streams])
    for name in standing.unmined:
        screen.line(f"source {name}: nothing mined yet")
    for name, reason in standing.without_cost.items():
        screen.line(f"source {name}: list cost is left out: {reason}")


def _stream(one: StreamStanding) -> tuple[object, ...]:
    mined = (one.source, one.stream, one.days, one.rows, one.first, one.last)
    return *mined, one.watermark, one.settled, _spelled(one.gaps)


def _past(run: PastRun) -> tuple[object, ...]:
    ended = f"{run.ended:%Y-%m-%d %H:%M:%S}" if run.ended else None
    return f"{run.started:%Y-%m-%d %H:%M:%S}", ended, run.command, run.outcome, run.note


def _filled(one: Record) -> tuple[object, ...]:
    asked = one.request
    return asked.source, asked.stream, asked.first, asked.last, one.days, one.days_done, one.outcome, asked.note


def _spelled(gaps: Iterable[Days]) -> str:
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps) or "none"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def told(standing: Standing) -> dict[str, object]:
    """The standing as JSON values; days and instants are ISO 8601, instants in UTC."""
    values = asdict(standing)
    streams = [
        {**stream, "gaps": [{"first": first, "last": last} for first, last in stream["gaps"]]}
        for stream in values["streams"]
    ]
    return {**values, "streams": streams, "balance": values["balance"]["fates"]}
