"""Batches within Purview's limits, and the request body of one.

There is no published limit of entities per call; Microsoft support names 200
(https://learn.microsoft.com/en-us/answers/questions/5922338), and a request is answered sooner when it is small.
"""

from collections.abc import Iterable, Iterator, Sequence

from miner.ports import Entity

_HEAD = b'{"entities":['
_TAIL = b"]}"
_GUID = 24
"""Bytes an entity's temporary guid and its comma may take."""


def batched(entities: Iterable[Entity], most: int, most_bytes: int) -> Iterator[Sequence[Entity]]:
    """Entities in their order, in batches of one kind within the limits; one that alone exceeds them travels alone.

    An entity never shares a batch with one that it needs: Atlas looks a reference by name up among what it has.
    """
    batch: list[Entity] = []
    names: set[str] = set()
    size = 0
    for entity in entities:
        own = len(entity.body) + _GUID
        full = len(batch) >= most or size + own > most_bytes
        if batch and (full or entity.kind != batch[0].kind or not names.isdisjoint(entity.needs)):
            yield batch
            batch, size = [], 0
            names.clear()
        size = size + own if batch else len(_HEAD) + len(_TAIL) + own
        batch.append(entity)
        names.add(entity.qualified_name)
    if batch:
        yield batch


def bulk_body(batch: Sequence[Entity]) -> bytes:
    """The body for `/entity/bulk`.

    Every entity gets a temporary guid of its own, negative as Atlas wants it: several without one are taken for one.
    """
    return _HEAD + b",".join(b'{"guid":"-%d",%b' % (at, one.body[1:]) for at, one in enumerate(batch, start=1)) + _TAIL
