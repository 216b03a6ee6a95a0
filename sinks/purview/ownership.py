"""Which entities are the miner's own: only those are rewritten or removed."""

import re
from collections.abc import Iterable

from miner.errors import SinkError
from sinks.purview.assets import DATASET_TYPES

_MICROSOFTS = "databricks_"
"""Begins the names of Purview's own types for what is in Databricks."""

SCHEME = "uc-miner://"
"""Begins the qualified name of every entity the miner makes, whatever its type is called."""

_FURTHER = re.compile(r"/columns-[0-9]+(\?|$)")


def further_name(name: str, number: int) -> str:
    """The name of the process that carries a further part, from the second on, of another one's column mapping."""
    return f"{name}/columns-{number}"


def is_further(name: str) -> bool:
    """Whether a process, given by its qualified name, carries a part of another one's mapping and nothing else."""
    return bool(_FURTHER.search(name))


def refuse_foreign(entities: Iterable[tuple[str, str]]) -> None:
    """Raise SinkError when an entity, given as type and qualified name, is not one of our own."""
    foreign = [name for type_name, name in entities if type_name in DATASET_TYPES or not name.startswith(SCHEME)]
    if foreign:
        raise SinkError(
            f"{len(foreign)} entities to be removed are not the miner's own, the first is {foreign[0]}",
            mend="nothing was removed; give only entities that the miner made",
        )


def refuse_microsofts(type_name: str) -> None:
    """Raise SinkError when a type of this name is not for the miner to define."""
    if type_name.lower().startswith(_MICROSOFTS) or type_name in DATASET_TYPES:
        raise SinkError(f"{type_name} is a type of Microsoft's", mend="nothing was defined; give the type another name")
