"""What a dataset is made from, what is made of it, and who would miss it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from miner.errors import LedgerError, SettingsError
from miner.ledger import reading, wanted
from miner.ledger.audience import Audience, audience
from miner.ledger.walk import DOWN, UP, Way, datasets_named, walk
from queries.warehouse import name_parts
from schedules.parts import Parts


@dataclass(frozen=True, slots=True)
class Walk:
    """What is within some steps of a dataset, and which way was gone."""

    name: str
    up: bool
    depth: int
    way: Way


@dataclass(frozen=True, slots=True)
class Impact:
    """What hangs on a dataset: all that is made of it, and who read any of that in the days from `first` to `last`.

    `unmined` of these days are not mined whole.
    """

    walk: Walk
    first: date
    last: date
    unmined: int
    audience: Sequence[Audience]


def lineage(parts: Parts, name: str, *, up: bool, depth: int, most: int) -> Walk:
    """Walk from a dataset to its sources or to what is made of it. Raises LedgerError when nobody knows it."""
    with _walked(parts, name, up=up, depth=depth, most=most) as (_, found):
        return found


def impact(parts: Parts, name: str, *, depth: int, most: int, window: int) -> Impact:
    """Walk to all that is made of a dataset, and tell who read it or any of that in the window's days."""
    with _walked(parts, name, up=False, depth=depth, most=most) as (connection, found):
        mined = reading.usage_days(connection)
        if not mined:
            raise LedgerError(
                f"the ledger {parts.ledger_place} holds no whole day yet", mend="mine something first: uc-miner run"
            )
        last = max(mined)
        first = last - timedelta(days=window - 1)
        unmined = window - sum(first <= day <= last for day in mined)
        return Impact(found, first, last, unmined, audience(connection, first, last))


@contextmanager
def _walked(parts: Parts, name: str, *, up: bool, depth: int, most: int) -> Iterator[tuple[Connection, Walk]]:
    asked = _parts_of(name)
    with parts.known_ledger() as ledger, ledger.reading() as connection:
        wanted.resolve(connection, parts.settings.mining.stale_days)
        start = datasets_named(connection, asked)
        if not start:
            raise LedgerError(
                f"nothing is known of {name} in {parts.ledger_place}",
                mend="write catalog.schema.table, or a path as uc-miner report --csv - tells it",
            )
        yield connection, Walk(".".join(asked), up, depth, walk(connection, start, UP if up else DOWN, depth, most))


def _parts_of(name: str) -> tuple[str, ...]:
    if "/" in name:
        return (name.rstrip("/"),)
    try:
        catalog, schema, table = name_parts(name)
    except SettingsError as error:
        raise SettingsError(error.message, mend="write it as catalog.schema.table, or give a path") from None
    return catalog.lower(), schema.lower(), table.lower()
