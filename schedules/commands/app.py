"""`uc-miner` itself: its options, and its commands in the order of the help."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from schedules import logs
from schedules.commands import access, estates, told, work
from schedules.commands.ledger import ledger_app
from schedules.console.screen import Screen
from schedules.console.welcome import show_next_step
from schedules.session import Level, Session

DISTRIBUTION = "uc-lineage-miner"

app = typer.Typer(
    name="uc-miner",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for part in (estates, work, told, access):
    app.add_typer(part.app)
app.add_typer(ledger_app, name="ledger", help="Look after the ledger.")


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
