"""Entities of our own read back from the catalog, and compared with what they should be.

The catalog tells what a process refers to by its own ids (guids): those of what it should refer to are looked up.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from miner.ports import Entity
from sinks.purview import payload
from sinks.purview.catalog import Catalog, Key
from sinks.purview.hierarchy import MAKER
from sinks.purview.typedefs import Json

_REFERENCE = "uniqueAttributes"
_NOTHING: tuple[object, ...] = (None, "", [], {}, False)
"""What catalogs tell, or leave out, for an attribute that has no value."""


def differing(entities: Sequence[Entity], catalog: Catalog, pool: ThreadPoolExecutor | None = None) -> list[Entity]:
    """Those that the catalog lacks, or holds otherwise. Parents and assets of others are theirs. Raises SinkError."""
    bodies = [orjson.loads(entity.body) for entity in entities]
    there = catalog.entities(map(_key, entities), pool)
    references = {key for body in bodies for key in _references(body)}
    guids = {key: asset.guid for key, asset in catalog.assets(references, pool).items()}
    return [
        entity
        for entity, body in zip(entities, bodies, strict=True)
        if not _theirs(entity, there.get(_key(entity))) and not _same(body, there.get(_key(entity)), guids)
    ]


def _key(entity: Entity) -> Key:
    return entity.type_name, entity.qualified_name


def _references(body: Json) -> Iterator[Key]:
    for value in (*body["attributes"].values(), *body.get("relationshipAttributes", {}).values()):
        for one in _several(value):
            if isinstance(one, dict) and _REFERENCE in one:
                yield _referred(one)


def _referred(reference: Mapping[str, Any]) -> Key:
    return reference["typeName"], reference[_REFERENCE]["qualifiedName"]


def _theirs(entity: Entity, present: Json | None) -> bool:
    return (
        entity.kind in {payload.PARENT, payload.ASSET}
        and present is not None
        and MAKER not in (present.get("customAttributes") or {}).items()
    )


def _same(body: Json, present: Json | None, guids: Mapping[Key, str]) -> bool:
    if present is None:
        return False
    custom = present.get("customAttributes") or {}
    return (
        all(_equal(value, present["attributes"].get(name), guids) for name, value in body["attributes"].items())
        and all(
            _equal(value, (present.get("relationshipAttributes") or {}).get(name), guids)
            for name, value in body.get("relationshipAttributes", {}).items()
        )
        and body.get("customAttributes", custom) == custom
    )


def _equal(wanted: object, there: object, guids: Mapping[Key, str]) -> bool:
    if keys := [_referred(one) for one in _several(wanted) if isinstance(one, dict) and _REFERENCE in one]:
        return {guids.get(key, "") for key in keys} == set(_guids(there))
    return wanted == there or (wanted in _NOTHING and there in _NOTHING)


def _several(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _guids(there: object) -> Iterator[str]:
    """The guids of references, without those that are deleted."""
    for one in _several(there):
        if isinstance(one, dict) and "DELETED" not in {one.get("entityStatus"), one.get("relationshipStatus")}:
            yield one.get("guid", "")
