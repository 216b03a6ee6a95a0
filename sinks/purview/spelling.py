"""Columns as the assets spell them: Purview shows a mapping only where it names their columns to the letter."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

Spellings = Mapping[str, str]
"""Columns of one asset by their folded name; those that are spelled folded are left out."""


def column_names(entity: Mapping[str, Any], referred: Mapping[str, Mapping[str, Any]]) -> list[str] | None:
    """The columns of an entity as a catalog answers, sorted; None when it tells of none.

    They are what the end `columns` leads to: an attribute or a relationship, by the type.
    """
    ends = _columns(entity.get("relationshipAttributes")) or _columns(entity.get("attributes"))
    names = (_name(one, referred.get(one.get("guid", ""), {})) for one in ends)
    return sorted({name for name in names if name}) or None


def kept(names: Iterable[str] | None) -> str | None:
    """What the ledger keeps of columns: those that are not spelled folded, as JSON; None when nothing is known."""
    return None if names is None else orjson.dumps([name for name in names if name != name.lower()]).decode()


def spellings(text: str | None) -> Spellings | None:
    """What was kept; None when nothing is known of the columns, and the same for many where all are spelled folded."""
    return None if text is None else _read(text)


def respelled(pairs: str, source: Spellings | None, target: Spellings | None) -> str:
    """Column pairs (a JSON list) as two assets spell them; a side of which nothing is known stays as it is."""
    if not pairs or (source is None and target is None):
        return pairs
    if not source and not target and pairs.islower():
        return pairs
    found = [[spelled(first, source), spelled(second, target)] for first, second in orjson.loads(pairs)]
    return orjson.dumps(found).decode()


def spelled(name: str, known: Spellings | None) -> str:
    """A column as an asset spells it; as it is where nothing is known of the asset's columns."""
    if known is None:
        return name
    folded = name.lower()
    return known.get(folded, folded)


@lru_cache(maxsize=4096)
def _read(text: str) -> Spellings:
    # Of two columns that differ in case alone, the first one is meant by both.
    return {name.lower(): name for name in reversed(orjson.loads(text))}


def _columns(attributes: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    found = (attributes or {}).get("columns") or []
    return [one for one in found if isinstance(one, dict) and one.get("relationshipStatus", "ACTIVE") == "ACTIVE"]


def _name(end: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    attributes = told.get("attributes") or {}
    return str(attributes.get("name") or end.get("displayText") or "")
