"""Mount points: which storage is behind a path of DBFS.

Three forms are read: the string that Purview's Hive-metastore scan takes (`/mnt/a=abfss://…;/mnt/b=wasbs://…`), what
`dbutils.fs.mounts()` gives (as JSON, or as Python prints it), and a plain table of mount points and sources.
https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks
"""

import json
import re
from collections.abc import Iterable, Mapping

from sinks.purview.naming.locations import located, segments

Mounts = Mapping[str, str]
"""Sources by mount point; neither has a slash at its end, a mount point begins with one."""

_PRINTED = re.compile(r"""MountInfo\(\s*mountPoint\s*=\s*(['"])(.*?)\1\s*,\s*source\s*=\s*(['"])(.*?)\3""")
_STORAGES = frozenset({"abfss", "wasbs", "adl", "s3", "gs", "https"})
_PAIR = 2


def read(given: object) -> dict[str, str]:
    """Mount points in any of the three forms. Raises ValueError with what is wrong."""
    if isinstance(given, str):
        return _text(given.strip())
    if isinstance(given, Mapping):
        return _mounts(given.items())
    if isinstance(given, list | tuple):
        return _mounts(_pair(one) for one in given)
    raise ValueError("is neither text, list nor table")


def scan_string(mounts: Mapping[str, str]) -> str:
    """The string for Purview's Hive-metastore scan: what is mounted from a storage, nothing else."""
    return ";".join(f"{point}={source}" for point, source in mounts.items() if located(source).scheme in _STORAGES)


def source_of(path: str, mounts: Mounts) -> tuple[str, str, str] | None:
    """Mount point, source and the rest of a path: the longest mount point that ends at one of the path's slashes."""
    parts = segments(path)
    for end in range(len(parts), -1, -1):
        point = "/" + "/".join(parts[:end])
        if point in mounts:
            return point, mounts[point], "/".join(parts[end:])
    return None


def _text(text: str) -> dict[str, str]:
    if text.startswith(("{", "[")) and not _PRINTED.search(text):
        try:
            return read(json.loads(text))
        except (ValueError, RecursionError):
            raise ValueError("is no list of mount points as JSON") from None
    if printed := _PRINTED.findall(text):
        return _mounts((point, source) for _, point, _, source in printed)
    entries = [entry for entry in re.split(r";(?=\s*/|\s*$)", text) if entry.strip()]
    if any("=" not in entry for entry in entries):
        raise ValueError("holds an entry that is not /mount/point=source")
    return _mounts(tuple(entry.split("=", 1)) for entry in entries)


def _pair(one: object) -> tuple[object, object]:
    if isinstance(one, Mapping):
        folded = {str(key).lower().replace("_", ""): value for key, value in one.items()}
        return folded.get("mountpoint"), folded.get("source")
    if isinstance(one, list | tuple) and len(one) >= _PAIR:
        return one[0], one[1]
    raise ValueError("holds an entry without mountPoint and source")


def _mounts(pairs: Iterable[tuple[object, ...]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for point, source in pairs:
        if not isinstance(point, str) or not isinstance(source, str) or not point.strip():
            raise ValueError("holds an entry without mountPoint and source")
        found["/" + "/".join(segments(point.strip().removeprefix("dbfs:")))] = source.strip()
    return found
