"""The commands `uc-miner ledger …`. What is done stands in `schedules.ledger_jobs`."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from miner.checks import FAIL
from schedules import ledger_jobs
from schedules.console import preflight as preflights
from schedules.console.bars import bars
from schedules.console.screen import Screen
from schedules.session import Session

ledger_app = typer.Typer(rich_markup_mode=None)

_FAILED = 1


@ledger_app.command(epilog="Example: uc-miner ledger migrate")
def migrate(context: typer.Context) -> None:
    """Make the ledger, or bring it to this version. Every command does so by itself; this one does nothing else."""
    session: Session = context.obj
    parts = session.parts()
    before, now = ledger_jobs.migrate(parts)
    told = f"is at version {now}" if before == now else f"was made at version {now}"
    if before not in {None, now}:
        told = f"was brought from version {before} to {now}"
    Screen().line(f"{parts.ledger_place} {told}")


@ledger_app.command(epilog="Example: uc-miner ledger check --json")
def check(
    context: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False,
) -> int:
    """Look whether the ledger holds together: file, references, balances, identities. Nothing is changed.

    Exit codes: 0 when no check failed, else 1.
    """
    session: Session = context.obj
    parts = session.parts()
    with bars("reading the ledger"):
        found = ledger_jobs.check(parts)
    if json:
        sys.stdout.write(orjson.dumps(preflights.told(found), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        preflights.show_findings(Screen(), found)
    return _FAILED if any(finding.state == FAIL for finding in found) else 0


@ledger_app.command(epilog="Example: uc-miner ledger prune")
def prune(context: typer.Context) -> None:
    """Roll up daily usage that is older than [ledger] usage_days to months. Every run does so at its end."""
    session: Session = context.obj
    parts = session.parts()
    with bars("rolling up"):
        done = ledger_jobs.prune(parts)
    Screen().line(f"{done.days:,} days rolled up, {done.rows:,} rows fewer")


@ledger_app.command(epilog="Example: uc-miner ledger dump --out ledger.jsonl")
def dump(
    context: typer.Context,
    *,
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to; - for standard output.")] = "-",
    whole: Annotated[bool, typer.Option("--whole", help="All of it, for ledger restore.")] = False,
) -> None:
    """Write what the ledger knows as JSON lines, by natural key: two that know the same dump the same."""
    session: Session = context.obj
    parts = session.parts()
    with bars("reading the ledger", printing=out == "-"):
        lines = ledger_jobs.dump(parts, out, whole=whole)
    if out != "-":
        Screen().line(f"{out}: {lines:,} lines")


@ledger_app.command(epilog="Example: uc-miner ledger restore backup.jsonl")
def restore(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written by: uc-miner ledger dump --whole.")],
) -> None:
    """Fill a new ledger with the whole of another one, from SQLite to PostgreSQL too. All or nothing."""
    session: Session = context.obj
    parts = session.parts()
    with bars("writing the ledger"):
        rows = ledger_jobs.restore(parts, file)
    Screen().line(f"{parts.ledger_place}: {rows:,} rows")
