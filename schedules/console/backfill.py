"""The plan of a backfill and what became of it, for a person."""

from collections.abc import Iterator, Sequence

from miner.backfill import Plan
from schedules.backfills import Filled
from schedules.console.run import show_balance
from schedules.console.screen import Column, Screen, number


def show_backfill_plan(screen: Screen, plans: Sequence[Plan]) -> None:
    """Days asked for, done and to do, with estimates; what the source does not hold is told loudly."""
    screen.line("Backfill", "bold")
    columns = (
        Column("source"), Column("stream"), Column("from"), Column("to"), number("days"), number("done"),
        number("to do"), number("rows, about"), number("time, about"),
    )  # fmt: skip
    screen.table(columns, [_line(one) for one in plans])
    for text in _clipped(plans):
        screen.line(f"warning: {text}", "yellow")
    if any(one.todo and one.pace is None for one in plans):
        screen.line("note: rows and time are told once something was mined")


def _line(one: Plan) -> tuple[object, ...]:
    first, last = one.asked
    days = one.done + len(one.todo)
    return one.source.name, one.stream, first, last, days, one.done, len(one.todo), one.rows, spelled(one.seconds)


def _clipped(plans: Sequence[Plan]) -> Iterator[str]:
    told = {(one.source.name, one.gone, one.held.first, one.held.last) for one in plans if one.gone}
    for name, gone, first, last in sorted(told, key=str):
        holds = f"it holds {first} to {last}" if first else "it holds no row"
        yield f"source {name}: {gone:,} of the days asked for are left out: {holds}, and a day that is not over waits"


def show_filled(screen: Screen, filled: Filled) -> None:
    """What a backfill did."""
    screen.heading("What became of the rows")
    show_balance(screen, filled.balance)
    screen.line()
    screen.line(f"{len(filled.days):,} days mined; `uc-miner run` sends what they changed")


def spelled(seconds: float | None) -> str | None:
    """A time in hours, minutes and seconds."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
