"""Commands that tell what the ledger knows, and change nothing."""
# ruff: noqa: PLR0913 -- a command has an argument for each of its options

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from miner.errors import SettingsError
from schedules import jobs, reports
from schedules import lineage as walks
from schedules.commands.codes import MISUSED
from schedules.commands.printed import Json, answer, print_json
from schedules.console import explain as explanations
from schedules.console import lineage as walked
from schedules.console import plan as plans
from schedules.console import status as standings
from schedules.console.bars import bars
from schedules.console.screen import Screen
from schedules.explanations import asked_here, explained
from schedules.session import Session
from sinks.placement import STANDARD_OUTPUT
from sinks.report_files import Form

app = typer.Typer()


Name = Annotated[str, typer.Argument(metavar="NAME-OR-PATH", help="catalog.schema.table, or a path.")]
Depth = Annotated[int, typer.Option(min=1, max=100, help="How many steps to go.")]
Limit = Annotated[int, typer.Option(min=1, help="Take no more steps once so many datasets are reached.")]
PopularityFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Popularity of datasets; - for standard output.")
]


@app.command(epilog="Example: uc-miner report --csv popularity.csv --window 30 --as-of 2026-10-31")
def report(
    context: typer.Context,
    *,
    names: Annotated[
        list[reports.Name] | None, typer.Argument(metavar="[REPORT]...", help=f"{', '.join(reports.Name)}; else all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder they are written to.")] = None,
    form: Annotated[Form, typer.Option("--format", help="Of the files in that folder.")] = Form.CSV,
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
    files = ((reports.Name.POPULARITY, csv), (reports.Name.EDGES, edges))
    wanted = [reports.Wanted(name, place) for name, place in files if place]
    wanted += reports.in_folder(parts, names or (), out, form)
    if not wanted:
        raise SettingsError("there is nothing to report", mend="name a folder with --out, or a file with --csv")
    if len({one.place for one in wanted}) < len(wanted):
        raise SettingsError("two reports would go to one place", mend="name another file for one of them")
    asked = reports.Asked(window or (), as_of.date() if as_of else None)
    printing = any(one.place == STANDARD_OUTPUT for one in wanted)
    with bars("reading the ledger", printing=printing):
        written = list(reports.write_reports(parts, wanted, asked))
    if not printing:
        for one, rows in zip(wanted, written, strict=True):
            Screen().line(f"{one.place}: {rows:,} {'edges' if one.name == reports.Name.EDGES else 'rows'}")


@app.command(epilog="Example: uc-miner run --no-emit && uc-miner plan")
def plan(context: typer.Context, *, json: Json = False) -> None:
    """Tell what a run would create, change and remove in the sink, from what is mined so far. Nothing is sent."""
    session: Session = context.obj
    parts = session.parts()
    with bars("comparing"):
        made = jobs.plan(parts)
    answer(made, plans.told, plans.show_plan, json=json)


@app.command(epilog="Example: uc-miner status --json")
def status(context: typer.Context, *, json: Json = False) -> None:
    """Tell what is mined, what became of the rows, what is held, and how the last runs ended."""
    session: Session = context.obj
    parts = session.parts()
    with bars("reading the ledger"):
        found = jobs.status(parts)
    answer(found, standings.told, standings.show_standing, json=json)


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
        print_json(walked.told_walk(found))
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
    answer(found, walked.told_impact, walked.show_impact, json=json)
