"""What stands for a dataset that Purview has no asset for, until it has one: an entity of a type of our own."""

from collections.abc import Sequence

from miner.ports import Entity, Match, Unmatched
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.names import Dataset
from sinks.purview.options import PurviewOptions
from sinks.purview.ownership import SCHEME
from sinks.purview.standing import StandIn


def placeholder(
    number: int, dataset: Dataset, found: Asset | Unmatched, _match: Match | None = None, *, options: PurviewOptions
) -> StandIn | None:
    """What stands for a dataset without an asset, `number` being its ledger id.

    Its name follows from the dataset's identity alone.
    """
    if isinstance(found, Asset):
        return None
    name = options.named(f"{SCHEME}{dataset.metastore_id}/datasets/{dataset.hash}")
    attributes = {
        "qualifiedName": name,
        "name": dataset.label,
        "metastoreId": dataset.metastore_id,
        "datasetKind": dataset.kind,
        "datasetType": dataset.type,
        "reason": found.reason,
    }
    body = payload.written({"typeName": options.placeholder_type, "attributes": attributes})
    digest = payload.digest(body)
    made = Entity(payload.PLACEHOLDER, name, options.placeholder_type, body, digest, 1, flow=(0, number))

    def entities() -> Sequence[Entity]:
        return (made,)

    return StandIn(Asset(options.placeholder_type, name), entities)
