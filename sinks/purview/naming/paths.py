"""Which assets a path is, whatever it begins with.

| path | asset |
|---|---|
| at or below the storage of a table the caller knows, such as a managed one | that table, then the place |
| `abfss`, `wasbs`, `https`, `adl`, `s3`, `gs` | see `naming.storage` |
| `dbfs:/user/hive/warehouse/[<db>.db/]<table>` | the table in the Hive metastore |
| `dbfs:/…`, `/mnt/…`, `/dbfs/…` below a mount point | what is mounted there |
| `/Volumes/<c>/<s>/<v>/…` | the volume's storage when it is among the mounts, else the volume by an unverified name |
"""

import re
from collections.abc import Callable, Mapping

from sinks.purview.naming import mounts, storage
from sinks.purview.naming.candidates import Candidate, Naming, joined, named, unknown
from sinks.purview.naming.context import Context
from sinks.purview.naming.locations import Location, located, segments
from sinks.purview.naming.rules import applied
from sinks.purview.naming.tables import NO_METASTORE, hive_table, of_table

_WAREHOUSE = re.compile(r"/user/hive/warehouse/(?:([^/]+)\.db/)?([^/]+)(?:/.*)?", re.DOTALL)
_VOLUME = 4
_NESTED = 3
"""How many mount points may lead to one another."""


def of_path(path: str, metastore_id: str, context: Context) -> Naming:
    """The assets of a path, rules of the settings first. Never raises."""
    found = _of_location(located(path), metastore_id, context, _NESTED)
    if not context.rules:
        return found
    return joined(named(applied(context.rules, path.strip(), metastore_id)), found)


def _of_location(location: Location, metastore_id: str, context: Context, nested: int) -> Naming:
    table = _table_at(location, context) if context.tables else ""
    if reader := _READERS.get(location.scheme):
        found = reader(location)
    elif location.scheme in {"", "dbfs", "file"} and not location.authority:
        found = _local(location, metastore_id, context, nested)
    else:
        scheme = location.scheme[:20]
        found = unknown(f"no type of asset is known for {scheme}:// paths", location.plain)
    if not table:
        return found
    of = of_table([*table.split(".", 2), "", ""][:3], "", metastore_id, context).under("storage of a table")
    return joined(of, found)


def _table_at(location: Location, context: Context) -> str:
    """The table whose location holds the place: the nearest one above."""
    plain = location.plain
    while plain:
        if plain in context.tables:
            return context.tables[plain]
        plain = plain.rpartition("/")[0]
    return ""


def _local(location: Location, metastore_id: str, context: Context, nested: int) -> Naming:
    inner = _inner(location)
    if inner is None:
        return unknown("the path is not the address of a cloud storage", location.plain)
    if in_hive := _WAREHOUSE.fullmatch(inner):
        return _hive(in_hive, inner, context)
    mounted = mounts.source_of(inner, context.mounts)
    # Sources such as DatabricksRoot are Databricks' own, and no address.
    if mounted and nested and located(mounted[1]).scheme:
        return _mounted(mounted, metastore_id, context, nested)
    if inner.startswith("/Volumes/"):
        return _volume(segments(inner), metastore_id)
    if inner.startswith("/mnt/"):
        return unknown("the storage behind the mount point is not known", f"dbfs:{inner}")
    return unknown("the path is not the address of a cloud storage", location.plain)


def _inner(location: Location) -> str | None:
    """The path within DBFS, None outside of it: a driver's own files, and what is no path at all."""
    inner = "/" + "/".join(location.segments)
    fuse = inner.startswith("/dbfs/")
    while inner.startswith("/dbfs/"):
        inner = inner.removeprefix("/dbfs")
    if location.scheme == "dbfs" or fuse or inner.startswith("/Volumes/"):
        return inner
    bare = location.scheme == "" and location.path.startswith("/")
    return inner if bare else None


def _hive(found: re.Match[str], inner: str, context: Context) -> Naming:
    schema, name = found[1] or "default", found[2]
    if not found[1] and name.endswith(".db"):
        return unknown("a database's folder is no dataset", f"dbfs:{inner}")
    return hive_table(schema, name, context).under("hive warehouse")


def _mounted(found: tuple[str, str, str], metastore_id: str, context: Context, nested: int) -> Naming:
    point, source, rest = found
    below = located(f"{source.rstrip('/')}/{rest}" if rest else source)
    return _of_location(below, metastore_id, context, nested - 1).under(f"mount {point}")


def _volume(parts: list[str], metastore_id: str) -> Naming:
    if len(parts) < _VOLUME:
        return unknown("the path names no volume", "/".join(["", *parts]))
    catalog, schema, volume = (part.lower() for part in parts[1:_VOLUME])
    within = f"/catalogs/{catalog}/schemas/{schema}/volumes/{volume}"
    if not metastore_id:
        return unknown(NO_METASTORE, within)
    candidate = Candidate(
        "databricks_volume", f"databricks://{metastore_id}{within}", "unity catalog volume", guessed=True
    )
    return named([candidate], "no type of asset is known for volumes")


_READERS: Mapping[str, Callable[[Location], Naming]] = {
    "abfss": lambda location: storage.hadoop(location, "dfs"),
    "wasbs": lambda location: storage.hadoop(location, "blob"),
    "https": storage.web,
    "adl": storage.gen1,
    "s3": lambda location: storage.bucket(storage.S3, "s3", [location.authority, *location.segments]),
    "gs": lambda location: storage.bucket(storage.GCS, "gs", [location.authority, *location.segments]),
}
