"""Summaries: one process for all that read, or write, a dataset which too many do for each to be drawn.

One end of it is a single dataset, so that every line it draws is one that was seen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa

from miner.ports import Entity, Known, Unmatched, nothing_known
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.bodies import listed
from sinks.purview.flows import KnownDataset, KnownDatasets
from sinks.purview.options import DEFAULT, PurviewOptions
from sinks.purview.ownership import SCHEME

Report = Callable[[Unmatched], None]

READ, WRITTEN = "read", "written"
_TITLES = {READ: "Everything that reads {}", WRITTEN: "Everything that writes {}"}
_PLACES = {READ: 1, WRITTEN: 2}
"""What the ledger keeps as the target of each."""


class _Line(NamedTuple):
    """A dataset, its side, the metastore, and one dataset on the other end."""

    hub: int
    side: str
    metastore: str
    dataset: KnownDataset
    other: KnownDataset


def summary_entities(
    batches: Iterable[pa.RecordBatch],
    unmatched: Report,
    options: PurviewOptions = DEFAULT,
    known_matches: Known = nothing_known,
) -> Iterator[Entity]:
    """The entities of batches of `miner.schemas.SUMMARIES`, in their order.

    Reported are ends without an asset, and a summary that gives no entity.
    """
    known = KnownDatasets(options.naming, known_matches)
    lines = chain.from_iterable(_lines(batch, known) for batch in batches)
    for _, some in groupby(lines, key=itemgetter(0, 1)):
        entity = _summary(list(some), unmatched, options)
        if entity:
            yield entity


def _lines(batch: pa.RecordBatch, known: KnownDatasets) -> Iterator[_Line]:
    known.learn(batch)
    told = (batch.column(name).to_pylist() for name in ("hub", "side", "source", "target", "metastore_id"))
    for hub, side, source, target, metastore in zip(*told, strict=True):
        yield _Line(hub, side, metastore, known[hub], known[target if side == READ else source])


def _summary(lines: Sequence[_Line], unmatched: Report, options: PurviewOptions) -> Entity | None:
    hub, side, metastore, dataset, _ = lines[0]
    title = _TITLES[side].format(dataset.label)
    if isinstance(dataset.asset, Unmatched):
        unmatched(Unmatched(title, dataset.asset.reason))
        return None
    others = {
        line.other.asset.qualified_name: line.other.reference for line in lines if isinstance(line.other.asset, Asset)
    }
    others.pop(dataset.asset.qualified_name, None)
    missing = {line.other.asset for line in lines if isinstance(line.other.asset, Unmatched)}
    for one in sorted(missing, key=lambda one: one.name):
        unmatched(one)
    if not others:
        unmatched(Unmatched(title, "nothing on its other end has an asset"))
        return None
    ends = [[dataset.reference], [others[name] for name in sorted(others)]]
    inputs, outputs = ends if side == READ else reversed(ends)
    name = options.named(f"{SCHEME}{metastore}/summary/{side}/{dataset.hash}")
    attributes = {
        "qualifiedName": name,
        "name": title,
        "metastoreId": metastore,
        "side": side,
        "unmatchedEnds": listed({one.name for one in missing}, options.max_attribute_bytes),
        "inputs": inputs,
        "outputs": outputs,
    }
    body = payload.written({"typeName": options.summary_type, "attributes": attributes})
    digest = payload.digest(body)
    return Entity(payload.SUMMARY, name, options.summary_type, body, digest, 2 + len(others), (hub, _PLACES[side]))
