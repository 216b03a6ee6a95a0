"""The commands: what each is called, takes and shows. What is done stands in `schedules.jobs`."""
# ruff: noqa: PLR0913 -- a command has an argument for each of its options

import os
import sys
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import orjson
import typer

from miner.backfill import Asked
from miner.checks import FAIL
from miner.errors import SettingsError
from miner.ledger import LINEAGE, USAGE
from miner.pipeline import DONE, REJECTED, Outcome
from schedules import jobs, logs, reports
from schedules import lineage as walks
from schedules.backfills import prepared
from schedules.console import backfill as backfills
from schedules.console import explain as explanations
from schedules.console import lineage as walked
from schedules.console import plan as plans
from schedules.console import preflight as preflights
from schedules.console import screen
from schedules.console import status as standings
from schedules.console.bars import bars
from schedules.console.demo import show_demo
from schedules.console.run import show_emitted, show_run
from schedules.console.screen import Screen
from schedules.console.welcome import show_next_step
from schedules.demo import demo as demo_job
from schedules.demo.folder import DemoFolder
from schedules.explanations import asked_here, explained
from schedules.jobs import EstateSize
from schedules.ledger_commands import ledger_app
from schedules.parts import Leave
from schedules.preflight import preflight
from schedules.rights import print_grants, print_views, two_parts
from schedules.session import Level, Session
from sinks.placement import STANDARD_OUTPUT
from sinks.report_files import CSV

FAILED = 1
MISUSED = 2
REJECTIONS = 3

DISTRIBUTION = "uc-lineage-miner"

app = typer.Typer(
    name="uc-miner",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(ledger_app, name="ledger", help="Look after the ledger.")


class ReportName(StrEnum):
    """What `report` can tell."""

    POPULARITY = "popularity"
    READERS = "readers"
    EDGES = "edges"
    FINDINGS = "findings"
    COVERAGE = "coverage"


class ReportForm(StrEnum):
    """The forms that reports have."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


class Stream(StrEnum):
    """Streams as options of a command."""

    LINEAGE = LINEAGE
    USAGE = USAGE


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Tables = Annotated[int, typer.Option(min=50, help="About how many tables.")]
Days = Annotated[int, typer.Option(min=1, max=730, help="How many days of events.")]
Events = Annotated[int, typer.Option(min=100, help="Rows of table_lineage on each day.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed, sizes and last day give the same rows.")]
LastDay = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day of events; else yesterday."),
]
Name = Annotated[str, typer.Argument(metavar="NAME-OR-PATH", help="catalog.schema.table, or a path.")]
Depth = Annotated[int, typer.Option(min=1, max=100, help="How many steps to go.")]
Limit = Annotated[int, typer.Option(min=1, help="Take no more steps once so many datasets are reached.")]
Removals = Annotated[
    int | None,
    typer.Option(min=0, max=100, metavar="PERCENT", help="Most of our processes that may be removed; else as set."),
]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.1, max=10_000, metavar="MINUTES", help="End sending then; the next run or emit sends the rest."),
]
PopularityFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Popularity of datasets; - for standard output.")
]


def _version(asked: bool) -> None:  # noqa: FBT001 (Typer calls it so)
    if asked:
        try:
            found = version(DISTRIBUTION)
        except PackageNotFoundError:
            found = "(not installed)"
        typer.echo(f"{DISTRIBUTION} {found}")
        raise typer.Exit


@app.callback(invoke_without_command=True, epilog="Example: uc-miner demo --out demo-out")
def uc_miner(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", envvar="UC_MINER_CONFIG", show_envvar=True,
                     help="Settings; else ./uc-miner.toml when it is there."),
    ] = None,
    log_level: Annotated[Level | None, typer.Option(help="Least important event to log; else as set.")] = None,
    log_format: Annotated[logs.Form | None, typer.Option(help="Form of the log; else as set.")] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:  # fmt: skip
    """Bring the lineage and usage of Databricks Unity Catalog into Microsoft Purview.

    Exit codes: 0 done, 1 failed, 2 bad settings or usage, 3 done with rejections.
    """
    session: Session = context.obj
    session.config, session.level, session.form = config, log_level, log_format
    if context.invoked_subcommand is None:
        show_next_step(Screen(), session.settings_file, session.now().date())


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
    events_per_day: Events = 10_000,
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


@app.command(epilog="Example: uc-miner report --csv popularity.csv --window 30 --as-of 2026-10-31")
def report(
    context: typer.Context,
    *,
    names: Annotated[
        list[ReportName] | None, typer.Argument(metavar="[REPORT]...", help=f"{', '.join(ReportName)}; else all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder they are written to.")] = None,
    form: Annotated[ReportForm, typer.Option("--format", help="Of the files in that folder.")] = ReportForm.CSV,
    csv: PopularityFile = None,
    edges: Annotated[
        str | None, typer.Option(metavar="FILE", help="Current edges as CSV; - for standard output.")
    ] = None,
    window: Annotated[
        list[int] | None, typer.Option(min=1, max=730, help="Days; may be repeated; else as set.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day; else the last one mined whole."),
    ] = None,
) -> None:
    """Write who reads what, what comes from where, and what is worth a look."""
    session: Session = context.obj
    parts = session.parts()
    wanted = [(name, place, CSV) for name, place in (("popularity", csv), ("edges", edges)) if place]
    wanted += reports.in_folder(parts, [name.value for name in names or ()], out, form.value)
    if not wanted:
        raise SettingsError("there is nothing to report", mend="name a folder with --out, or a file with --csv")
    if len({place for _, place, _ in wanted}) < len(wanted):
        raise SettingsError("two reports would go to one place", mend="name another file for one of them")
    asked = reports.Asked(window or (), as_of.date() if as_of else None)
    printing = any(place == STANDARD_OUTPUT for _, place, _ in wanted)
    told = []
    with bars("reading the ledger", printing=printing):
        for name, place, kind in wanted:
            rows = reports.write_report(parts, name, place, kind, asked)
            told.append(f"{place}: {rows:,} {'edges' if name == 'edges' else 'rows'}")
    if not printing:
        for line in told:
            Screen().line(line)


@app.command(epilog="Example: uc-miner run --no-emit && uc-miner plan")
def plan(context: typer.Context, *, json: Json = False) -> None:
    """Tell what a run would create, change and remove in the sink, from what is mined so far. Nothing is sent."""
    session: Session = context.obj
    parts = session.parts()
    with bars("comparing"):
        made = jobs.plan(parts)
    if json:
        _print_json(plans.told(made))
    else:
        plans.show_plan(Screen(), made)


@app.command(epilog="Example: uc-miner status --json")
def status(context: typer.Context, *, json: Json = False) -> None:
    """Tell what is mined, what became of the rows, what is held, and how the last runs ended."""
    session: Session = context.obj
    parts = session.parts()
    with bars("reading the ledger"):
        found = jobs.status(parts)
    if json:
        _print_json(standings.told(found))
    else:
        standings.show_standing(Screen(), found)


@app.command(epilog="Example: uc-miner explain abfss://landing@account.dfs.core.windows.net/sales/orders")
def explain(
    context: typer.Context,
    *,
    name_or_path: Annotated[
        str | None, typer.Argument(metavar="NAME-OR-PATH", help="A table's name, a path or an address; - for lines.")
    ] = None,
    openlineage: Annotated[
        tuple[str, str] | None, typer.Option(metavar="NAMESPACE NAME", help="A dataset as OpenLineage names it.")
    ] = None,
    metastore: Annotated[str, typer.Option(metavar="ID", help="The metastore of Unity Catalog.")] = "",
    mounts: Annotated[
        str | None, typer.Option(metavar="MOUNTS", help="/mnt/POINT=SOURCE;…, or dbutils.fs.mounts() as JSON.")
    ] = None,
    json: Json = False,
) -> int:
    """Tell which Purview assets a dataset may be, by which rules, and which it is when [purview] names an account.

    From standard input it reads one JSON object a line, {"name": …}, {"path": …} or {"namespace": …, "name": …},
    "mounts" where needed, and answers each with one line of JSON.
    """
    session: Session = context.obj
    parts = session.parts()
    naming = parts.naming
    if name_or_path is not None and openlineage:
        raise SettingsError("there are two questions", mend="give NAME-OR-PATH, or --openlineage NAMESPACE NAME")
    if openlineage is None and name_or_path in {None, "-"}:
        if name_or_path is None and sys.stdin.isatty():
            raise SettingsError("there is nothing to explain", mend="give NAME-OR-PATH, or - and lines of JSON")
        with parts.finding() as find:
            return MISUSED if explanations.answer_lines(explanations.standard_input(), naming, find) else 0
    namespace, name = openlineage or (None, "")
    question = asked_here(name_or_path or "", namespace, name, metastore, mounts)
    with parts.finding() as find:
        answer = explained(question, naming, find)
    if json:
        explanations.print_json(answer)
    else:
        explanations.show_explanation(Screen(), answer)
    return 0


@app.command(epilog="Example: uc-miner lineage curated.sales.orders --up --depth 2 --mermaid")
def lineage(
    context: typer.Context,
    *,
    name: Name,
    up: Annotated[bool, typer.Option("--up/--down", help="To what it is made from, or to what is made of it.")] = False,
    depth: Depth = 3,
    limit: Limit = 10_000,
    columns: Annotated[bool, typer.Option("--columns", help="Show the column pairs too.")] = False,
    json: Json = False,
    as_dot: Annotated[bool, typer.Option("--dot", help="Print a graph for Graphviz.")] = False,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a graph for Mermaid.")] = False,
) -> None:
    """Tell what a dataset is made from, or what is made of it, step by step, as the ledger knows it."""
    if sum((json, as_dot, as_mermaid)) > 1:
        raise SettingsError("there is one output", mend="choose one of --json, --dot and --mermaid")
    session: Session = context.obj
    with bars("reading the ledger", printing=True):
        found = walks.lineage(session.parts(), name, up=up, depth=depth, most=limit)
    if json:
        _print_json(walked.told_walk(found))
    elif as_dot or as_mermaid:
        drawn = walked.dot(found) if as_dot else walked.mermaid(found)
        sys.stdout.writelines(f"{line}\n" for line in drawn)
    else:
        walked.show_walk(Screen(), found, columns=columns)


@app.command(epilog="Example: uc-miner impact raw.shop.orders --window 90")
def impact(
    context: typer.Context,
    *,
    name: Name,
    depth: Depth = 10,
    limit: Limit = 10_000,
    window: Annotated[int, typer.Option(min=1, max=730, help="Days of reads to look at.")] = 30,
    json: Json = False,
) -> None:
    """Tell what hangs on a dataset: all that is made of it, and the people and dashboards that read any of that."""
    session: Session = context.obj
    with bars("reading the ledger", printing=True):
        found = walks.impact(session.parts(), name, depth=depth, most=limit, window=window)
    if json:
        _print_json(walked.told_impact(found))
    else:
        walked.show_impact(Screen(), found)


@app.command("preflight", epilog="Example: uc-miner preflight --json")
def preflight_command(context: typer.Context, *, json: Json = False) -> int:
    """Check settings, ledger, sources and sink, and tell how to mend what is missing. Nothing is changed.

    Exit codes: 0 when no check failed, else 1.
    """
    session: Session = context.obj
    with bars("checking") as shown:
        found = list(preflight(lambda: replace(session.parts(), starting=shown.starting), shown.say))
    if json:
        _print_json(preflights.told(found))
    else:
        preflights.show_findings(Screen(), found)
    return FAILED if any(finding.state == FAIL for finding in found) else 0


@app.command(epilog="Example: uc-miner grants --source prod > grants.sql")
def grants(
    context: typer.Context,
    *,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be repeated.")] = None,
) -> None:
    """Print the least GRANT statements for the principals of the sources, as the settings say."""
    session: Session = context.obj
    sys.stdout.write(print_grants(session.parts(), source or ()))


@app.command(epilog="Example: uc-miner views --in ops.lineage --workspace 7405610000000303 > views.sql")
def views(
    context: typer.Context,
    *,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be repeated.")] = None,
    schema: Annotated[
        str,
        typer.Option(
            "--in", metavar="CATALOG.SCHEMA", help="Where views go that the settings do not name.", callback=two_parts
        ),
    ] = "",
    workspace: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only rows of this workspace; may be repeated.")
    ] = None,
) -> None:
    """Print views of the system tables that show the miner what it reads, and nothing else."""
    session: Session = context.obj
    sys.stdout.write(print_views(session.parts(), source or (), schema, workspace or ()))


def _print_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")
