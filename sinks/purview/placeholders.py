"""What stands for a dataset that Purview has no asset for, until it has one: an entity of a type of our own."""

from miner.ports import Entity, Unmatched
from sinks.purview import payload
from sinks.purview.names import Dataset
from sinks.purview.options import PurviewOptions
from sinks.purview.ownership import SCHEME


def placeholder(number: int, dataset: Dataset, why: Unmatched, options: PurviewOptions) -> Entity:
    """The entity of a dataset, `number` being its ledger id. Its name follows from the dataset's identity alone."""
    name = options.named(f"{SCHEME}{dataset.metastore_id}/datasets/{dataset.hash}")
    attributes = {
        "qualifiedName": name,
        "name": dataset.label,
        "metastoreId": dataset.metastore_id,
        "datasetKind": dataset.kind,
        "datasetType": dataset.type,
        "reason": why.reason,
    }
    body = payload.written({"typeName": options.placeholder_type, "attributes": attributes})
    return Entity(payload.PLACEHOLDER, name, options.placeholder_type, body, payload.digest(body), 1, flow=(0, number))
