"""Which assets a place in a cloud storage is, by Purview's published rules of normalisation.

| service | container | resource set, folder, file | qualifiedName |
|---|---|---|---|
| ADLS Gen2 | azure_datalake_gen2_filesystem | azure_datalake_gen2_resource_set, _path, _path | `https://<account>.dfs.<cloud>/<container>/<path>` |
| Blob | azure_blob_container | azure_blob_resource_set, _path, _path | `https://<account>.blob.<cloud>/<container>/<path>` |
| ADLS Gen1 | azure_datalake_gen1_path | azure_datalake_gen1_resource_set, _path, _path | `adl://<account>.azuredatalakestore.net/<path>` |
| S3 | aws_s3_v2_bucket | aws_s3_v2_resource_set, _directory, _object | `s3://<bucket>/<path>` |
| GCS | gcp_storage_bucket | none, gcp_storage_virtual_directory, gcp_storage_object | `gs://<bucket>/<path>` |

An account is scanned as ADLS Gen2 or as Blob, whatever address is used: the other one comes second. Hosts of all clouds
pass through. The form of S3 names is unverified; Purview scans no GCS, whose types are those of Apache Atlas.
https://learn.microsoft.com/en-us/purview/concept-asset-normalization
"""  # noqa: E501 (a table)

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sinks.purview.naming.candidates import Candidate, Naming, named, unknown
from sinks.purview.naming.locations import Location, decoded
from sinks.purview.naming.partitions import FILE, FOLDER, PATTERN, Spelling, escaped, is_pattern, spellings, table_depth

MANAGED = "__unitystorage"
"""The folder below which Unity Catalog keeps the files of managed tables and volumes."""

_BUILT_IN_ACCOUNT = re.compile(r"dbstorage[a-z0-9]{13}")
"""The account in a workspace's managed resource group, which nobody else can read.

https://learn.microsoft.com/en-us/azure/databricks/dbfs/root-locations
"""


@dataclass(frozen=True, slots=True)
class Service:
    """A storage service's name in rules, and its types by what a place is."""

    name: str
    container: str
    types: Mapping[str, str]
    guessed: bool = False


def _service(  # noqa: PLR0913 (a row of the table above)
    name: str, container: str, pattern: str, folder: str, file: str, *, guessed: bool = False
) -> Service:
    kinds = {PATTERN: pattern, FOLDER: folder, FILE: file}
    return Service(name, container, {kind: given for kind, given in kinds.items() if given}, guessed)


_GEN2, _BLOB, _GEN1 = "azure_datalake_gen2_", "azure_blob_", "azure_datalake_gen1_"
_ADLS = _service("adls-gen2", f"{_GEN2}filesystem", f"{_GEN2}resource_set", f"{_GEN2}path", f"{_GEN2}path")
AZURE: Mapping[str, Service] = {
    "dfs": _ADLS,
    "blob": _service("blob", f"{_BLOB}container", f"{_BLOB}resource_set", f"{_BLOB}path", f"{_BLOB}path"),
}
GEN1 = _service("adls-gen1", f"{_GEN1}path", f"{_GEN1}resource_set", f"{_GEN1}path", f"{_GEN1}path")
S3 = _service("s3", "aws_s3_v2_bucket", "aws_s3_v2_resource_set", "aws_s3_v2_directory", "aws_s3_v2_object")
GCS = _service(
    "gcs", "gcp_storage_bucket", "", "gcp_storage_virtual_directory", "gcp_storage_object", guessed=True
)  # fmt: skip

_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+){0,3}\.amazonaws\.com(?:\.cn)?")


def hadoop(location: Location, label: str) -> Naming:
    """`abfss://<container>@<host>/<path>` or `wasbs://…`; `label` is the service the scheme stands for."""
    container, _, host = location.authority.rpartition("@")
    # In such an address braces are those of a folder: no resource set is read by it.
    return azure(host, [container.strip(), *map(escaped, location.segments)], label)


def web(location: Location) -> Naming:
    """`https://<host>/<container>/<path>`, of Azure, S3 or GCS."""
    host = location.authority.lower().partition(":")[0]
    parts = location.segments
    if found := _S3_HOST.fullmatch(host):
        return bucket(S3, "s3", [found["bucket"] or "", *parts] if found["bucket"] else parts)
    if host == "storage.googleapis.com":
        return bucket(GCS, "gs", parts)
    return azure(host.rpartition("@")[2], parts or [""], "")


def azure(host: str, parts: Sequence[str], label: str) -> Naming:
    """A container and the path below it on a host of Azure; `label` is dfs or blob, '' for what the host says."""
    place = _host(host)
    if place is None:
        return unknown("the host is not one of Azure storage", host)
    if not parts[0]:
        return unknown("the path names no container", host)
    if _BUILT_IN_ACCOUNT.fullmatch(place.account):
        return unknown("storage of the workspace itself, which Purview cannot scan", "/".join([host, *parts]))
    first = label or place.label
    found = _below([(AZURE[first], place.at(first)), (AZURE[_other(first)], place.at(_other(first)))], parts)
    return named(found) if isinstance(found, list) else found


def bucket(service: Service, scheme: str, parts: Sequence[str]) -> Naming:
    """A bucket and the key below it."""
    if not parts or not parts[0]:
        return unknown("the path names no bucket", f"{scheme}://")
    found = _below([(service, f"{scheme}:/")], parts)
    if not isinstance(found, list):
        return found
    return named(found, f"no type of asset is known for {scheme}:// paths" if service.guessed else "")


def gen1(location: Location) -> Naming:
    """`adl://<host>/<path>`."""
    host = location.authority.lower()
    if not host:
        return unknown("the path names no account", "adl://")
    found = _below([(GEN1, "adl:/")], [host, *location.segments])
    return named(found) if isinstance(found, list) else found


def managed_root(parts: Sequence[str]) -> int:
    """How many segments lead to the folder of a managed table or volume, that id included; 0 when it is none."""
    if MANAGED not in parts:
        return 0
    start = parts.index(MANAGED)
    kinds = [at for at in range(start, len(parts) - 1) if parts[at] in {"tables", "volumes"}]
    return kinds[0] + 2 if kinds else 0


@dataclass(frozen=True, slots=True)
class _Host:
    account: str
    label: str
    cloud: str

    def at(self, label: str) -> str:
        return f"https://{self.account}.{self.cloud.format(label)}"


@lru_cache(maxsize=4_096)
def _host(host: str) -> _Host | None:
    """The parts of an Azure storage host, without port, private link and the read-only copy's suffix."""
    labels = [label for part in host.lower().partition(":")[0].split(".") if (label := "".join(part.split()))]
    labels = [label for label in labels if label != "privatelink"]
    # The first label is the account, which may itself be called `blob`.
    position = next((at for at, label in enumerate(labels) if at and label in AZURE), None)
    if position is None or any("{" in label or "}" in label for label in labels):
        return None
    cloud = ".".join([*labels[1:position], "{}", *labels[position + 1 :]])
    return _Host(labels[0].removesuffix("-secondary"), labels[position], cloud)


def _other(label: str) -> str:
    return "blob" if label == "dfs" else "dfs"


def _below(places: Sequence[tuple[Service, str]], parts: Sequence[str]) -> list[Candidate] | Naming:
    """The candidates of one place on one or two services; `parts` are the container and what is below it."""
    container, below = escaped(parts[0]), parts[1:]
    if MANAGED in below:
        kept = managed_root(below)
        return unknown("managed storage whose table is not known", "/".join([places[0][1], container, *below[:kept]]))
    roots = [(service, f"{root}/{container}") for service, root in places]
    found = _containers(roots) if not table_depth(below) else []
    if below:
        found += _paths(roots, _spelled(below))
    return found


def _spelled(below: Sequence[str]) -> Iterator[Spelling]:
    path = "/".join(below)
    if is_pattern(path):
        yield Spelling(PATTERN, "resource set as given", path)
        return
    yield from spellings(below)
    if "%" in path and (plain := decoded(below)) != list(below):
        yield from (one._replace(rule=f"{one.rule}, decoded", guessed=True) for one in spellings(plain))


def _containers(roots: Iterable[tuple[Service, str]]) -> list[Candidate]:
    return [
        Candidate(service.container, name, f"{service.name} {rule}", bool(slash) or service.guessed)
        for service, root in roots
        for slash, rule in (("", "container"), ("/", "container with slash"))
        for name in (root + slash,)
    ]


def _paths(roots: Iterable[tuple[Service, str]], spelled: Iterable[Spelling]) -> list[Candidate]:
    below = list(spelled)
    return [
        Candidate(
            service.types[one.kind], f"{root}/{one.text}", f"{service.name} {one.rule}", one.guessed or service.guessed
        )
        for service, root in roots
        for one in below
        if one.kind in service.types
    ]
