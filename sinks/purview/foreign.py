"""Lineage of others: what processes that are not ours bring into an asset, such as those of Purview's own scan."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import orjson

from sinks.purview.ownership import SCHEME

JOINED = "a process that is not ours joins them already, and [purview] foreign_lineage is skip"

MOST_MAKERS = 500
"""Processes of one asset that are read at most, ours among them."""


class Read(Protocol):
    """Gives entities by their guids, on request with what they are related to."""

    def __call__(self, guids: Sequence[str], *, related: bool) -> Iterable[Mapping[str, Any]]:
        """Leave out those that are gone."""
        ...


def makers(entity: Mapping[str, Any]) -> list[str]:
    """The guids of the processes that write an entity, as a catalog answers; the first ones of very many."""
    ends = (entity.get("relationshipAttributes") or {}).get("outputFromProcesses") or []
    there = {one["guid"] for one in ends if one.get("relationshipStatus", "ACTIVE") == "ACTIVE"}
    return sorted(there)[:MOST_MAKERS]


def sources(made_by: Mapping[str, Collection[str]], read: Read) -> dict[str, list[str]]:
    """What processes that are not ours read, by asset, given the guids of the processes that write each."""
    guids = {guid for some in made_by.values() for guid in some}
    inputs = {one["guid"]: _inputs(one) for one in read(sorted(guids), related=True)} if guids else {}
    ends = {guid for some in inputs.values() for guid in some}
    there = read(sorted(ends), related=False) if ends else ()
    names = {one["guid"]: str(one["attributes"]["qualifiedName"]) for one in there}
    return {
        asset: sorted({names[end] for guid in some for end in inputs.get(guid, ()) if end in names})
        for asset, some in made_by.items()
    }


def kept(names: Iterable[str] | None) -> str | None:
    """What the ledger keeps of the sources of an asset; None when nobody asked."""
    return None if names is None else orjson.dumps(list(names)).decode()


def told(text: str | None) -> frozenset[str]:
    """What was kept."""
    return _read(text) if text else frozenset()


@lru_cache(maxsize=4096)
def _read(text: str) -> frozenset[str]:
    return frozenset(orjson.loads(text))


def _inputs(process: Mapping[str, Any]) -> list[str]:
    """The guids of what a process of somebody else reads; a catalog tells no names of them."""
    if str((process.get("attributes") or {}).get("qualifiedName", "")).startswith(SCHEME):
        return []
    ends = (process.get("relationshipAttributes") or {}).get("inputs") or []
    return [one["guid"] for one in ends if one.get("relationshipStatus", "ACTIVE") == "ACTIVE"]
