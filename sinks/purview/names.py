"""Which Purview asset a dataset is: its type and its qualifiedName, or the reason why it has none.

| dataset | type | qualifiedName |
|---|---|---|
| Unity Catalog table | databricks_table | `databricks://<metastore>/catalogs/<c>/schemas/<s>/tables/<t>` |
| view, metric view | databricks_view | `databricks://<metastore>/catalogs/<c>/schemas/<s>/views/<v>` |
| `hive_metastore` table, view | hive_table, hive_view | `<db>.<table>@<host>` |
| path | see `sinks.purview.paths` | |

Materialized views and streaming tables are taken for tables: no type of their own was ever seen.
https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks-unity-catalog
https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks
"""

import hashlib
from dataclasses import dataclass

from miner.ports import Unmatched
from sinks.purview.assets import HIVE_TYPES, Asset, Reason
from sinks.purview.paths import asset_of_path, unsigned

TABLE = "table"

_HIVE_CATALOG = "hive_metastore"
_VIEW_TYPES = frozenset({"VIEW", "METRIC_VIEW"})


@dataclass(frozen=True, slots=True)
class Dataset:
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


def asset(dataset: Dataset, hive_metastore_host: str = "") -> Asset | Unmatched:
    """The asset of a dataset, or why there is none. Never raises."""
    found = _table(dataset, hive_metastore_host) if dataset.kind == TABLE else asset_of_path(dataset.path)
    return Unmatched(dataset.label, found) if isinstance(found, Reason) else found


def _table(dataset: Dataset, hive_metastore_host: str) -> Asset | Reason:
    if not (dataset.catalog and dataset.schema and dataset.name):
        return "the table's name is incomplete"
    view = dataset.type.upper() in _VIEW_TYPES
    if dataset.catalog.lower() == _HIVE_CATALOG:
        if not hive_metastore_host:
            return "hive_metastore tables need the setting purview.hive_metastore_host"
        return Asset(HIVE_TYPES[view], f"{dataset.schema}.{dataset.name}@{hive_metastore_host}")
    if not dataset.metastore_id:
        return "the metastore is not known"
    schema = f"databricks://{dataset.metastore_id}/catalogs/{dataset.catalog}/schemas/{dataset.schema}"
    if view:
        return Asset("databricks_view", f"{schema}/views/{dataset.name}")
    return Asset("databricks_table", f"{schema}/tables/{dataset.name}")
