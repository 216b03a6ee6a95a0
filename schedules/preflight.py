"""The preflight: every check of the settings, the ledger, the sources and the sink, in order. Nothing is changed."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from miner.checks import Check, Finding, failed, findings, passed
from miner.errors import MinerError, SettingsError
from miner.ledger import preflight as ledger
from queries.preflight.checks import SourceChecks
from queries.preflight.looks import Looks
from schedules.parts import Parts, reading
from schedules.settings.model import FilesSource

SETTINGS = "settings"
LEDGER = "ledger"
SOURCES = "sources"


def preflight(parts: Callable[[], Parts], told: Callable[[str], None] | None = None) -> Iterator[Finding]:
    """What every check found. Settings that cannot be read are the one thing that is told alone.

    `told` gets the name of each check before it is made.
    """
    try:
        made = parts()
    except SettingsError as error:
        yield Finding(SETTINGS, "fail", error.message, error.mend)
        return
    with ExitStack() as opened:
        yield from findings(_told(_checks(made, opened), told or (lambda _: None)))


def _told(checks: Iterator[Check], told: Callable[[str], None]) -> Iterator[Check]:
    for check in checks:
        told(check.name)
        yield check


def _checks(parts: Parts, opened: ExitStack) -> Iterator[Check]:
    settings = parts.settings
    yield Check(SETTINGS, lambda: passed("no problem found"))
    yield Check(LEDGER, lambda: ledger.look(parts.ledger_file))
    if not settings.sources:
        yield Check(SOURCES, partial(parts.chosen, ()))
    scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="uc-miner-")))
    for name in settings.sources:
        yield from _source(parts, name, scratch, opened)
