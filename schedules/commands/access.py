"""Commands about what the miner may do: its rights, and a look at everything it needs."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from miner.checks import FAIL
from schedules.commands.codes import FAILED
from schedules.commands.printed import Json, answer
from schedules.console import preflight as preflights
from schedules.console.bars import bars
from schedules.preflight import preflight
from schedules.rights import print_grants, print_views, two_parts
from schedules.session import Session

app = typer.Typer()


@app.command("preflight", epilog="Example: uc-miner preflight --json")
def preflight_command(context: typer.Context, *, json: Json = False) -> int:
    """Check settings, ledger, sources and sink, and tell how to mend what is missing. Nothing is changed.

    Exit codes: 0 when no check failed, else 1.
    """
    session: Session = context.obj
    with bars("checking") as shown:
        found = list(preflight(lambda: replace(session.parts(), starting=shown.starting), shown.say))
    answer(found, preflights.told, preflights.show_findings, json=json)
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
