"""OpenLineage's names of datasets: a namespace and a name, for files as for tables.

https://openlineage.io/docs/spec/naming
"""

from uuid import UUID

from sinks.purview.naming import databases
from sinks.purview.naming.candidates import Naming, joined, named
from sinks.purview.naming.context import Context
from sinks.purview.naming.locations import located
from sinks.purview.naming.paths import of_path
from sinks.purview.naming.rules import applied
from sinks.purview.naming.tables import of_name

_OBJECT_STORES = frozenset({"s3", "gs", "abfss", "wasbs"})
_CATALOGS = frozenset({"unitycatalog", "databricks", "hive"})


def of_openlineage(namespace: str, name: str, metastore_id: str, context: Context) -> Naming:
    """The assets of a dataset by its OpenLineage namespace and name. Never raises."""
    namespace, name = namespace.strip(), name.strip()
    scheme, _, authority = namespace.partition("://")
    if databases.scheme_of(namespace):
        found = databases.of(namespace, name)
    elif scheme.lower() in _CATALOGS:
        found = _in_catalog(scheme.lower(), authority, databases.parts_of(name), metastore_id, context)
    else:
        return of_path(location(namespace, name), metastore_id, context)
    if not context.rules:
        return found
    return joined(named(applied(context.rules, location(namespace, name), metastore_id)), found)


def location(namespace: str, name: str) -> str:
    """The address of files by namespace and name."""
    root = namespace if ":/" in namespace else f"{namespace}:/"
    return root if name in {"", "/"} else f"{root.rstrip('/')}/{name.lstrip('/')}"


def identity(address: str) -> tuple[str, str]:
    """The namespace and name of files at an address: in object stores, names do not begin with a slash."""
    found = located(address)
    path = found.path.rstrip("/")
    if not found.scheme or (found.scheme == "file" and not found.authority):
        return "file", path or "/"
    if found.scheme in _OBJECT_STORES:
        return f"{found.scheme}://{found.authority}", path.lstrip("/") or "/"
    return f"{found.scheme}://{found.authority}" if found.authority else found.scheme, path or "/"


def _in_catalog(scheme: str, authority: str, parts: list[str], metastore_id: str, context: Context) -> Naming:
    if scheme == "hive":
        return of_name(["hive_metastore", *(["default"] if len(parts) == 1 else []), *parts], "", "", context)
    return of_name(parts, "", _metastore(authority) or metastore_id, context)


def _metastore(authority: str) -> str:
    """The metastore's id where a namespace has it in the place of a host."""
    first = authority.partition("/")[0]
    try:
        return str(UUID(first)) if "-" in first else ""
    except ValueError:
        return ""
