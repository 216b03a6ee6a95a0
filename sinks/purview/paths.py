"""Which storage asset a path is, normalised by Purview's published rules.

| path | type | qualifiedName |
|---|---|---|
| abfss | azure_datalake_gen2_path, _filesystem | `https://<account>.dfs.core.windows.net/<container>/<path>` |
| wasbs | azure_blob_path, _container | `https://<account>.blob.core.windows.net/<container>/<path>` |
| https | that of its host | the address itself |
| adl | azure_datalake_gen1_path | `adl://<account>.azuredatalakestore.net/<path>` |
| s3 | aws_s3_v2_directory, aws_s3_v2_bucket | `s3://<bucket>/<path>` |

Hosts of other clouds pass through. The form of S3 names is unverified; lineage paths are folders, hence the directory.
https://learn.microsoft.com/en-us/purview/concept-asset-normalization
"""

from collections.abc import Callable, Mapping

from sinks.purview.assets import Asset, Reason

Reader = Callable[[str], Asset | Reason]

_AZURE_TYPES = {
    "dfs": ("azure_datalake_gen2_filesystem", "azure_datalake_gen2_path"),
    "blob": ("azure_blob_container", "azure_blob_path"),
}


def asset_of_path(path: str) -> Asset | Reason:
    """The asset of a path, or why there is none. Never raises."""
    scheme, separator, address = unsigned(path.strip()).partition("://")
    if not separator:
        return _local(scheme)
    reader = _READERS.get(scheme.lower())
    return reader(address) if reader else f"no type of asset is known for {scheme.lower()[:20]}:// paths"


def unsigned(path: str) -> str:
    """Without a web address's query, which may be a shared access signature: a secret, and new every time."""
    return path.partition("?")[0] if path.lower().startswith("https://") else path


def _local(path: str) -> Reason:
    inner = path.removeprefix("dbfs:").removeprefix("/dbfs")
    if inner.startswith("/mnt/"):
        return "the storage behind the mount point is not known"
    if inner.startswith("/Volumes/"):
        return "no type of asset is known for volumes"
    return "the path is not the address of a cloud storage"


def _hadoop(service: str) -> Reader:
    def read(address: str) -> Asset | Reason:
        authority, _, path = address.partition("/")
        container, _, host = authority.rpartition("@")
        return _azure(host, [container.strip(), *_segments(path)], service)

    return read


def _web(address: str) -> Asset | Reason:
    host, _, path = address.partition("/")
    return _azure(host, _segments(path) or [""], "")


def _azure(host: str, segments: list[str], service: str) -> Asset | Reason:
    labels = [label for label in host.lower().partition(":")[0].split(".") if label not in {"", "privatelink"}]
    # The first label is the account, which may itself be called `blob`.
    position = next((at for at, label in enumerate(labels) if at and label in _AZURE_TYPES), None)
    if position is None:
        return "the host is not one of Azure storage"
    if not segments[0]:
        return "the path names no container"
    if "__unitystorage" in segments:
        return "managed storage whose table is not known"
    labels[position] = service or labels[position]
    container_type, path_type = _AZURE_TYPES[labels[position]]
    return Asset(container_type if len(segments) == 1 else path_type, _address(f"https://{'.'.join(labels)}", segments))


def _gen1(address: str) -> Asset | Reason:
    host, _, path = address.partition("/")
    if not host.strip():
        return "the path names no account"
    return Asset("azure_datalake_gen1_path", _address(f"adl://{host.strip().lower()}", _segments(path)))


def _s3(address: str) -> Asset | Reason:
    bucket, _, path = address.partition("/")
    if not bucket.strip():
        return "the path names no bucket"
    key = _segments(path)
    return Asset("aws_s3_v2_directory" if key else "aws_s3_v2_bucket", _address(f"s3://{bucket.strip()}", key))


def _segments(path: str) -> list[str]:
    return [segment.strip() for segment in path.split("/") if segment.strip()]


def _address(root: str, segments: list[str]) -> str:
    """The qualified name; braces of real folders are encoded, because bare ones mark Purview's resource sets."""
    return "/".join([root, *segments]).replace("{", "%7B").replace("}", "%7D")


_READERS: Mapping[str, Reader] = {
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
