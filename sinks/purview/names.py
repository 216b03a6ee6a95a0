"""Which Purview asset a dataset is: its type and its qualifiedName, or the reason why it has none.

Patterns of qualified names, one by one:

| dataset | type | qualifiedName |
|---|---|---|
| Unity Catalog table | databricks_table | `databricks://<metastore>/catalogs/<c>/schemas/<s>/tables/<t>` |
| view, metric view | databricks_view | `databricks://<metastore>/catalogs/<c>/schemas/<s>/views/<v>` |
| `hive_metastore` table, view | hive_table, hive_view | `<db>.<table>@<host>` |
| abfss | azure_datalake_gen2_path, _filesystem | `https://<account>.dfs.core.windows.net/<container>/<path>` |
| wasbs | azure_blob_path, _container | `https://<account>.blob.core.windows.net/<container>/<path>` |
| adl | azure_datalake_gen1_path | `adl://<account>.azuredatalakestore.net/<path>` |
| s3 | aws_s3_v2_directory, aws_s3_v2_bucket | `s3://<bucket>/<path>` |

Materialized views and streaming tables are taken for tables: no type of their own was ever seen.
The form of S3 names is unverified; lineage paths are folders, hence the directory type.
Sources: https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks-unity-catalog,
https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks,
https://learn.microsoft.com/en-us/purview/concept-asset-normalization.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from miner.ports import Unmatched

TABLE = "table"
PATH = "path"

HIVE_CATALOG = "hive_metastore"
HIVE_TYPES = ("hive_table", "hive_view")
VIEW_TYPES = frozenset({"VIEW", "METRIC_VIEW"})


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
        return f"{self.catalog}.{self.schema}.{self.name}" if self.kind == TABLE else _unsigned(self.path)

    @property
    def label(self) -> str:
        """The name a person recognises."""
        label = self.spelling or self.folded
        return label if self.kind == TABLE else _unsigned(label)

    @property
    def hash(self) -> str:
        """16 hex digits over the identity, its parts length-prefixed so that no two identities run together."""
        ends = (self.catalog, self.schema, self.name) if self.kind == TABLE else (self.folded,)
        parts = (self.metastore_id, self.kind, *ends)
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


Reference = dict[str, str | dict[str, str]]


@dataclass(frozen=True, slots=True)
class Asset:
    """What Purview's own scan made of a dataset."""

    type_name: str
    qualified_name: str

    @property
    def name(self) -> str:
        """The name the scan gives: the last part of the qualified name."""
        if self.type_name in HIVE_TYPES:
            return self.qualified_name.partition("@")[0].rpartition(".")[2]
        return self.qualified_name.rpartition("/")[2]

    @property
    def reference(self) -> Reference:
        """How another entity points at it."""
        return {"typeName": self.type_name, "uniqueAttributes": {"qualifiedName": self.qualified_name}}


Reason = str


def asset(dataset: Dataset, hive_metastore_host: str = "") -> Asset | Unmatched:
    """The asset of a dataset, or why there is none. Never raises."""
    found = _table(dataset, hive_metastore_host) if dataset.kind == TABLE else _path(_unsigned(dataset.path.strip()))
    return Unmatched(dataset.label, found) if isinstance(found, Reason) else found


def _table(dataset: Dataset, hive_metastore_host: str) -> Asset | Reason:
    if not (dataset.catalog and dataset.schema and dataset.name):
        return "the table's name is incomplete"
    view = dataset.type.upper() in VIEW_TYPES
    if dataset.catalog.lower() == HIVE_CATALOG:
        if not hive_metastore_host:
            return "hive_metastore tables need the setting purview.hive_metastore_host"
        return Asset(HIVE_TYPES[view], f"{dataset.schema}.{dataset.name}@{hive_metastore_host}")
    if not dataset.metastore_id:
        return "the metastore is not known"
    schema = f"databricks://{dataset.metastore_id}/catalogs/{dataset.catalog}/schemas/{dataset.schema}"
    return Asset(
        *(
            ("databricks_view", f"{schema}/views/{dataset.name}")
            if view
            else ("databricks_table", f"{schema}/tables/{dataset.name}")
        )
    )


def _path(path: str) -> Asset | Reason:
    scheme, separator, address = path.partition("://")
    if not separator:
        return _mounted(path)
    reader = _SCHEMES.get(scheme.lower())
    return reader(address) if reader else f"no type of asset is known for {scheme.lower()[:20]}:// paths"


def _mounted(path: str) -> Reason:
    local = path.removeprefix("dbfs:").removeprefix("/dbfs")
    if local.startswith("/mnt/"):
        return "the storage behind the mount point is not known"
    if local.startswith("/Volumes/"):
        return "no type of asset is known for volumes"
    return "the path is not the address of a cloud storage"


def _hadoop(service: str) -> Callable[[str], Asset | Reason]:
    def read(address: str) -> Asset | Reason:
        authority, _, path = address.partition("/")
        container, _, host = authority.rpartition("@")
        return _azure(host, [container.strip(), *_segments(path)], service)

    return read


def _web(address: str) -> Asset | Reason:
    host, _, path = address.partition("/")
    return _azure(host, _segments(path) or [""], "")


def _azure(host: str, segments: list[str], service: str) -> Asset | Reason:
    account, *labels = [
        label for label in host.lower().partition(":")[0].split(".") if label not in {"", "privatelink"}
    ]
    position = next((at for at, label in enumerate(labels) if label in _AZURE_TYPES), None)
    if position is None:
        return "the host is not one of Azure storage"
    if not segments[0]:
        return "the path names no container"
    if "__unitystorage" in segments:
        return "managed storage whose table is not known"
    labels[position] = service or labels[position]
    container_type, path_type = _AZURE_TYPES[labels[position]]
    name = f"https://{account}.{'.'.join(labels)}/{'/'.join(segments)}"
    return Asset(container_type if len(segments) == 1 else path_type, _braces_encoded(name))


def _gen1(address: str) -> Asset | Reason:
    host, _, path = address.partition("/")
    if not host.strip():
        return "the path names no account"
    return Asset(
        "azure_datalake_gen1_path", _braces_encoded("/".join([f"adl://{host.strip().lower()}", *_segments(path)]))
    )


def _s3(address: str) -> Asset | Reason:
    bucket, *key = [segment.strip() for segment in address.split("/")]
    if not bucket:
        return "the path names no bucket"
    key = [segment for segment in key if segment]
    return Asset(
        "aws_s3_v2_directory" if key else "aws_s3_v2_bucket", _braces_encoded("/".join([f"s3://{bucket}", *key]))
    )


def _segments(path: str) -> list[str]:
    return [segment.strip() for segment in path.split("/") if segment.strip()]


def _braces_encoded(name: str) -> str:
    return name.replace("{", "%7B").replace("}", "%7D")


def _unsigned(path: str) -> str:
    """Without a web address's query, which may be a shared access signature: a secret, and new every time."""
    return path.partition("?")[0] if path.lower().startswith("https://") else path


_AZURE_TYPES = {
    "dfs": ("azure_datalake_gen2_filesystem", "azure_datalake_gen2_path"),
    "blob": ("azure_blob_container", "azure_blob_path"),
}

_SCHEMES: Mapping[str, Callable[[str], Asset | Reason]] = {
    "abfss": _hadoop("dfs"),
    "abfs": _hadoop("dfs"),
    "wasbs": _hadoop("blob"),
    "wasb": _hadoop("blob"),
    "https": _web,
    "adl": _gen1,
    "s3": _s3,
    "s3a": _s3,
    "s3n": _s3,
}

DATASET_TYPES = (
    "databricks_table",
    "databricks_view",
    *HIVE_TYPES,
    *(name for pair in _AZURE_TYPES.values() for name in pair),
    "azure_datalake_gen1_path",
    "aws_s3_v2_bucket",
    "aws_s3_v2_directory",
)
"""Every type a dataset may be referenced by."""
