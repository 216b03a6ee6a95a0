"""Commands that mine and send: once, for days of old, on schedule."""
# ruff: noqa: PLR0913 -- a command has an argument for each of its options

import os
import sys
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from miner.backfill import Asked
from miner.errors import SettingsError
from miner.ledger import COLUMNS, COST, LINEAGE, QUERIES, USAGE
from miner.pipeline import DONE, REJECTED, Outcome
from schedules import jobs, logs
from schedules.backfills import prepared
from schedules.commands.codes import FAILED, REJECTIONS
from schedules.console import backfill as backfills
from schedules.console import screen
from schedules.console.bars import bars
from schedules.console.run import show_emitted, show_run
from schedules.console.screen import Screen
from schedules.parts import Leave
from schedules.session import Session

app = typer.Typer()


class Stream(StrEnum):
    """Streams as options of a command."""

    LINEAGE = LINEAGE
    USAGE = USAGE
    COST = COST
    COLUMNS = COLUMNS
    QUERIES = QUERIES


Removals = Annotated[
    int | None,
    typer.Option(min=0, max=100, metavar="PERCENT", help="Most of our processes that may be removed; else as set."),
]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.1, max=10_000, metavar="MINUTES", help="End sending then; the next run or emit sends the rest."),
]


@app.command(epilog="Example: uc-miner run --source prod")
def run(
    context: typer.Context,
    *,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be repeated.")] = None,
    no_emit: Annotated[bool, typer.Option("--no-emit", help="Mine only; leave the sink as it is.")] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Accept a source with no row in scope.")] = False,
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink", help="Accept settled days that lost rows.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for others that are at work on the same.")] = False,
    max_removals: Removals = None,
    max_minutes: Minutes = None,
) -> int:
    """Mine what is due, then emit what changed. What another process is at work on is left to it."""
    session: Session = context.obj
    parts = session.parts()
    leave = Leave(empty=allow_empty, shrunk=allow_shrink)
    with bars("looking what is due") as shown:
        ran = jobs.run(
            replace(parts, starting=shown.starting), sources=source or (), emit=not no_emit, leave=leave,
            max_removals=max_removals, max_minutes=max_minutes, watches=shown.watches, wait=wait,
        )  # fmt: skip
    show_run(Screen(), ran)
    return _told_failures(ran.outcome)


@app.command(epilog="Example: uc-miner emit --max-minutes 30")
def emit(
    context: typer.Context,
    *,
    max_minutes: Minutes = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Send nothing new: read a sample back, and mend what is wrong.")
    ] = False,
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="Processes to read back; else as set.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another process that sends.")] = False,
    max_removals: Removals = None,
) -> int:
    """Send what changed, from what is mined so far. Mining may go on beside it."""
    if sample is not None and not verify:
        raise SettingsError("--sample says how much is read back", mend="give --verify too, or leave it out")
    session: Session = context.obj
    parts = session.parts()
    with bars("comparing") as shown:
        outcome = jobs.emit(
            parts, max_minutes=max_minutes, max_removals=max_removals, verify=verify, sample=sample,
            watches=shown.watches, wait=wait,
        )  # fmt: skip
    show_emitted(Screen(), outcome)
    return _told_failures(outcome)


def _told_failures(outcome: Outcome) -> int:
    for where, failure in outcome.failures:
        screen.error(failure, where)
    return {DONE: 0, REJECTED: REJECTIONS}.get(outcome.word, FAILED)


@app.command(epilog='Example: uc-miner backfill --from 2026-01-01 --to 2026-06-30 --note "first year"')
def backfill(
    context: typer.Context,
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day.")],
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be repeated.")] = None,
    stream: Annotated[list[Stream] | None, typer.Option(help="Only this stream; may be repeated.")] = None,
    chunk_days: Annotated[int, typer.Option(min=1, max=31, help="Days fetched and committed together at most.")] = 7,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Else the newest days come first.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Mine days too that are done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, mine nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the backfill.")] = "",
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink", help="Accept settled days that lost rows.")] = False,
) -> None:
    """Mine days again or for the first time, beside the live run. Stopped, the same command goes on where it was."""
    session: Session = context.obj
    parts = session.parts()
    asked = Asked(first.date(), last.date(), again, oldest_first, chunk_days, note)
    with (
        bars("looking what is there") as shown,
        prepared(
            replace(parts, starting=shown.starting),
            asked,
            sources=source or (),
            streams=stream or (),
            shrunk=allow_shrink,
            say=shown.say,
        ) as ready,
    ):
        shown.pause()
        backfills.show_backfill_plan(Screen(), ready.plans)
        if dry_run or not ready.days:
            return
        if not yes and not _agreed(f"mine {ready.days:,} days?"):
            raise SettingsError("nothing was mined: nobody agreed to the plan", mend="--yes agrees beforehand")
        shown.go_on()
        filled = ready.fill(shown.watches.mined)
    backfills.show_filled(Screen(), filled)


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, err=True)


@app.command(epilog="Example: uc-miner --config /etc/uc-miner/uc-miner.toml daemon")
def daemon(context: typer.Context) -> int:
    """Mine, send and report on schedule until it is stopped. SIGTERM and SIGINT end it, SIGHUP reads settings anew.

    Exit codes: 0 ended on request, 1 work had to be abandoned, 2 bad settings.
    """
    # A second of imports that only the daemon has to spend.
    from schedules.daemon.life import Daemon  # noqa: PLC0415

    session: Session = context.obj
    made = Daemon(session.loaded, session.taken)
    session.tap = made.metrics.count_event
    code = made.run()
    if code:
        # Threads that cannot be ended would be waited for; a kill at any moment is safe.
        logs.flush()
        os._exit(code)
    return code
