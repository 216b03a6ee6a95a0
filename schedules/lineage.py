"""What a dataset is made from, what is made of it, and who would miss it."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

from miner.disclosure import HASHED, NONE, disclosure
from miner.errors import LedgerError, SettingsError
from miner.ledger import Ledger, reading, retirement
from miner.ledger.audience import Audience, audience
from miner.ledger.walk import DOWN, UP, Way, walk_from
from miner.scope import lowered
from queries.warehouse import name_parts
from schedules.parts import Parts
from schedules.reports import disclosed, some_days


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

    `unmined` of these days are not mined whole. Readers are told as `[reports] users` says; where that is not at all,
    not `named`, their names stand only for being different.
    """

    walk: Walk
    first: date
    last: date
    unmined: int
    audience: Sequence[Audience]
    named: bool = True


def lineage(parts: Parts, name: str, *, up: bool, depth: int, most: int) -> Walk:
    """Walk from a dataset to its sources or to what is made of it. Raises LedgerError when nobody knows it."""
    asked = _parts_of(name)
    with _judged_ledger(parts) as ledger, ledger.reading() as connection:
        way = walk_from(connection, asked, ends=UP if up else DOWN, depth=depth, most=most)
    return _known(parts, name, Walk(".".join(asked), up, depth, way))


def impact(parts: Parts, name: str, *, depth: int, most: int, window: int) -> Impact:
    """Walk to all that is made of a dataset, and tell who read it or any of that in the window's days."""
    asked = _parts_of(name)
    named = parts.settings.reports.users != NONE
    with _judged_ledger(parts) as ledger:
        told = disclosed(ledger, parts) if named else disclosure(HASHED, secrets.token_bytes(), parts.readers)
        with ledger.reading() as connection:
            way = walk_from(connection, asked, ends=DOWN, depth=depth, most=most)
            walk = _known(parts, name, Walk(".".join(asked), up=False, depth=depth, way=way))
            mined = some_days(reading.usage_days(connection), parts)
            last = max(mined)
            first = last - timedelta(days=window - 1)
            unmined = window - sum(first <= day <= last for day in mined)
            found = [replace(one, reader=told(one.reader)) for one in audience(connection, first, last, parts.readers)]
            return Impact(walk, first, last, unmined, found, named)


@contextmanager
def _judged_ledger(parts: Parts) -> Iterator[Ledger]:
    """The ledger, which knows what is retired by now."""
    with parts.known_ledger() as ledger:
        retirement.retire(ledger, parts.limits)
        yield ledger


def _known(parts: Parts, name: str, walk: Walk) -> Walk:
    if not len(walk.way.datasets):
        raise LedgerError(
            f"nothing is known of {name} in {parts.ledger_place}",
            mend="write catalog.schema.table, or a path as uc-miner report --csv - tells it",
        )
    return walk


def _parts_of(name: str) -> tuple[str, ...]:
    if "/" in name:
        return (name.rstrip("/"),)
    try:
        catalog, schema, table = name_parts(name)
    except SettingsError as error:
        raise SettingsError(error.message, mend="write it as catalog.schema.table, or give a path") from None
    return lowered(catalog), lowered(schema), lowered(table)
