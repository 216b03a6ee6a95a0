"""The preflight: every check of settings, ledger, sources and sink, in order. Nothing is changed by it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa

from miner import schemas, visible
from miner.checks import FAIL, Check, Finding, Found, findings, passed
from miner.errors import MinerError, SettingsError
from miner.ledger import preflight as ledger
from miner.ports import TABLE_LINEAGE
from queries.preflight.checks import SourceChecks
from queries.preflight.looks import NO_TAG, Looks
from schedules.parts import Parts
from schedules.settings.sources import DatabricksSource
from sinks import placement
from sinks.purview.client import PurviewSink

SETTINGS = "settings"

Told = Callable[[str], None]


def preflight(parts: Callable[[], Parts], told: Told = lambda _: None) -> Iterator[Finding]:
    """What every check found; settings that are wrong are told alone, since they tell nothing of what else to check.

    `told` gets the name of each check when its turn comes.
    """
    try:
        made = parts()
    except SettingsError as error:
        yield Finding(SETTINGS, FAIL, error.message, error.mend)
        return
    with ExitStack() as opened:
        yield from findings(_announced(_checks(made, opened), told))


def _announced(checks: Iterator[Check], told: Told) -> Iterator[Check]:
    for check in checks:
        told(check.name)
        yield check


def _checks(parts: Parts, opened: ExitStack) -> Iterator[Check]:
    yield Check(SETTINGS, lambda: passed("no problem found"))
    yield Check("ledger", partial(ledger.look, parts.settings.ledger.url))
    if not parts.settings.sources:
        yield Check("sources", partial(_none_configured, parts))
    scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="uc-miner-")))
    looks = {name: _looks(parts, name, scratch, opened) for name in parts.settings.sources}
    for name, one in looks.items():
        yield from _source(parts, name, one)
    yield from _sink(parts, list(looks.values()), opened)


def _none_configured(parts: Parts) -> Found:
    return passed(", ".join(parts.chosen(())))


def _looks(parts: Parts, name: str, scratch: Path, opened: ExitStack) -> Looks:
    given = parts.settings.sources[name]
    reader = opened.enter_context(parts.reading(name, scratch))
    tag = next(iter(given.query_tags.items()), NO_TAG) if isinstance(given, DatabricksSource) else NO_TAG
    today = parts.now().date()
    known = partial(ledger.known, parts.settings.ledger.url, name, visible.first_shown(today), today)
    return Looks(reader, start=parts.start, today=today, tag=tag, known=known)


def _source(parts: Parts, name: str, looks: Looks) -> Iterator[Check]:
    prefix, ready = f"sources.{name}", (SETTINGS,)
    if isinstance(parts.settings.sources[name], DatabricksSource):
        # A second or two of imports that only a Databricks source has to spend.
        from queries.databricks.preflight import checks_of  # noqa: PLC0415

        yield from checks_of(looks, prefix, parts.now)
        ready = (f"{prefix}.warehouse",)
    yield from SourceChecks(looks, prefix, ready, parts.now).all()


def _sink(parts: Parts, looks: Sequence[Looks], opened: ExitStack) -> Iterator[Check]:
    try:
        sink = opened.enter_context(parts.sink())
    except MinerError as error:
        yield Check("purview.sign_in", partial(_raised, error))
        return
    if isinstance(sink, PurviewSink):
        yield from sink.checks(
            partial(_most_read, looks),
            tuple(f"sources.{name}.columns.{TABLE_LINEAGE}" for name in parts.settings.sources),
        )
    elif sink is not None:
        yield Check("purview.out", partial(placement.look, parts.settings.purview.out))


def _raised(error: MinerError) -> Found:
    raise error


def _most_read(looks: Sequence[Looks]) -> pa.Table:
    """The tables read most in all sources together."""
    found = pa.concat_tables([schemas.MOST_READ.empty_table(), *(one.most_read() for one in looks)])
    return found.sort_by(schemas.MOST_READ_FIRST).slice(0, _LOOKED_UP)


_LOOKED_UP = 1000
