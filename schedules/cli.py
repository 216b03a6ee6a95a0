"""The command `uc-miner`: arguments in, exit code out. The commands themselves stand in `schedules.commands`.

Exit codes: 0 done · 1 failed · 2 bad settings or usage · 3 done with rejections · 130 interrupted.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog
import typer

from miner.errors import MinerError, SettingsError
from schedules import collector, logs
from schedules.commands.app import app
from schedules.commands.codes import FAILED, MISUSED
from schedules.console import screen
from schedules.session import Session

INTERRUPTED = 130

log = structlog.get_logger()


def main(args: Sequence[str] | None = None, session: Session | None = None) -> int:
    """Run one command and return its exit code. No mistake of a user's ends in a traceback."""
    logs.configure()
    collector.wait_longer()
    try:
        with _terminable():
            code = app(args, prog_name="uc-miner", standalone_mode=False, obj=session or Session())
    except MinerError as failure:
        return INTERRUPTED if _interrupted(failure) else _told(failure)
    except typer.TyperException as misuse:
        screen.error(SettingsError(misuse.format_message(), mend="see uc-miner --help, or uc-miner COMMAND --help"))
        return MISUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as fault:
        if _interrupted(fault):
            return INTERRUPTED
        log.exception("command.failed")
        screen.error(MinerError(f"uc-miner itself failed: {fault!r}", mend="report it, with the log above"))
        return FAILED
    return code if isinstance(code, int) else 0


def task() -> None:
    """The command as a wheel task of Databricks, which looks at exceptions alone and not at what is returned."""
    if code := main():
        raise SystemExit(code)


@contextmanager
def _terminable() -> Iterator[None]:
    """Take a request to terminate like Control-C: what runs is cancelled, the ledger stays as it was committed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(fault: BaseException | None) -> bool:
    """Whether a fault only came of letting go after Control-C."""
    while fault is not None:
        if isinstance(fault, KeyboardInterrupt):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _told(failure: MinerError) -> int:
    if isinstance(failure.__cause__, BrokenPipeError):
        _let_go_of_output()
        return FAILED
    screen.error(failure)
    return MISUSED if isinstance(failure, SettingsError) else FAILED


def _let_go_of_output() -> None:
    """Nobody reads standard output any more: what Python still flushes at the end goes nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
