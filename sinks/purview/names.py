"""The identity of a dataset, and which Purview asset it is."""

import hashlib
from typing import NamedTuple

from miner.ports import MATCHED, Match, Unmatched
from sinks.purview.assets import Asset
from sinks.purview.naming.candidates import Naming, joined, named
from sinks.purview.naming.context import NOTHING, Context
from sinks.purview.naming.locations import unsigned
from sinks.purview.naming.paths import of_path
from sinks.purview.naming.rules import applied
from sinks.purview.naming.tables import of_table

TABLE = "table"


class Dataset(NamedTuple):
    """A table or a path as the ledger knows it: parts folded for comparison, `spelling` as last seen."""

    metastore_id: str
    kind: str
    catalog: str
    schema: str
    name: str
    path: str
    type: str
    spelling: str

    @property
    def folded(self) -> str:
        """The name that tells it from every other dataset of its metastore."""
        return f"{self.catalog}.{self.schema}.{self.name}" if self.kind == TABLE else unsigned(self.path)

    @property
    def label(self) -> str:
        """The name a person recognises."""
        label = self.spelling or self.folded
        return label if self.kind == TABLE else unsigned(label)

    @property
    def hash(self) -> str:
        """16 hex digits over the identity, its parts length-prefixed so that no two identities run together."""
        ends = (self.catalog, self.schema, self.name) if self.kind == TABLE else (self.folded,)
        parts = (self.metastore_id, self.kind, *ends)
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def candidates(dataset: Dataset, context: Context = NOTHING) -> Naming:
    """The assets a dataset may be, most likely first, or why there is none. Never raises."""
    if dataset.kind != TABLE:
        return of_path(dataset.path, dataset.metastore_id, context)
    parts = (dataset.catalog, dataset.schema, dataset.name)
    found = of_table(parts, dataset.type, dataset.metastore_id, context, dataset.spelling)
    if not context.rules:
        return found
    return joined(named(applied(context.rules, dataset.folded, dataset.metastore_id)), found)


def asset(dataset: Dataset, context: Context = NOTHING) -> Asset | Unmatched:
    """The most likely asset of a dataset that need not be looked up first, or why there is none. Never raises."""
    found = candidates(dataset, context)
    first = found.first
    return Asset(first.type_name, first.qualified_name) if first else Unmatched(dataset.label, found.reason)


def matched(dataset: Dataset, match: Match) -> Asset | Unmatched:
    """The asset that was found for a dataset when it was looked up, or why none is referred to."""
    if match.state == MATCHED:
        return Asset(match.type_name, match.qualified_name)
    return Unmatched(dataset.label, match.reason)
