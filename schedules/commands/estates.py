"""Commands that make things up, to look at: a demo, a sample estate."""
# ruff: noqa: PLR0913 -- a command has an argument for each of its options

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from schedules import jobs
from schedules.console import screen
from schedules.console.bars import bars
from schedules.console.demo import show_demo
from schedules.console.screen import Screen
from schedules.demo import demo as demo_job
from schedules.demo.folder import DemoFolder
from schedules.jobs import EstateSize
from schedules.session import Session

app = typer.Typer()

Tables = Annotated[int, typer.Option(min=50, help="About how many tables.")]
Days = Annotated[int, typer.Option(min=1, max=730, help="How many days of events.")]
Events = Annotated[int, typer.Option(min=100, help="Rows of table_lineage on each day.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed, sizes and last day give the same rows.")]
LastDay = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day of events; else yesterday."),
]


@app.command(epilog="Example: uc-miner demo --out demo-out")
def demo(
    context: typer.Context,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything is written.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Exported system tables to mine instead of a made-up estate.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make an earlier demo anew.")] = False,
    tables: Tables = 1000,
    days: Days = 30,
    events_per_day: Events = 5_000,
    seed: Seed = 1,
    last_day: LastDay = None,
) -> None:
    """Mine a whole estate into a folder: lineage for Purview, popularity, edges, ledger. Reads no settings."""
    session: Session = context.obj
    session.without_settings()
    size = EstateSize(tables, days, events_per_day, seed, last_day.date() if last_day else None)
    with bars("making the demo") as shown:
        found = demo_job(DemoFolder(out, data), size, session.now, force=force, watches=shown.watches)
    show_demo(Screen(), found)


@app.command(epilog="Example: uc-miner sample --out sample-out --tables 200 --days 7 --events-per-day 2000")
def sample(
    context: typer.Context,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="An empty folder.")],
    tables: Tables = 1000,
    days: Days = 30,
    events_per_day: Events = 10_000,
    seed: Seed = 1,
    last_day: LastDay = None,
) -> None:
    """Write a made-up estate of system tables as Parquet files. Reads no settings."""
    session: Session = context.obj
    session.without_settings()
    size = EstateSize(tables, days, events_per_day, seed, last_day.date() if last_day else None)
    with bars("writing the estate") as shown:
        written = jobs.sample(out, size, session.now(), shown.watches.estate)
    console = Screen()
    console.table((screen.Column("table"), screen.number("rows")), sorted(written.rows.items()))
    console.line(f"{written.files} files in {out}, {written.first_day} to {written.last_day}")
