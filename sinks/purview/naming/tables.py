"""Which assets a table of Unity Catalog or of a Hive metastore is.

| dataset | types, in this order | qualifiedName |
|---|---|---|
| table, streaming table, materialized view | databricks_table, databricks_view | `<schema>/tables/<t>`, `/views/<t>` |
| view, metric view | databricks_view, databricks_table | the same |
| `hive_metastore` table or view | hive_table, hive_view | `<db>.<table>@<host>` |
| table of a foreign catalog | those of its source system, then as above | see `naming.databases` |

`<schema>` is `databricks://<metastore>/catalogs/<c>/schemas/<s>`. Unity Catalog keeps these names in lower case, and
qualified names tell cases apart; columns keep theirs. Purview has no types of their own for streaming tables and
materialized views. https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks-unity-catalog
https://learn.microsoft.com/en-us/purview/register-scan-azure-databricks
"""

from collections.abc import Iterator, Sequence

from sinks.purview.naming import databases
from sinks.purview.naming.candidates import Candidate, Naming, joined, named, unknown
from sinks.purview.naming.context import Context

HIVE_CATALOGS = frozenset({"hive_metastore", "spark_catalog"})
"""The workspace's own Hive metastore; the second is Spark's name for it."""

NO_HIVE_HOST = "hive_metastore tables need the setting purview.hive_metastore_host"
NO_METASTORE = "the metastore is not known"

_VIEW_TYPES = frozenset({"VIEW", "METRIC_VIEW"})
_TABLE, _SCHEMA, _CATALOG = 3, 2, 1
_DATABRICKS = {True: ("databricks_view", "views"), False: ("databricks_table", "tables")}
_HIVE = {True: "hive_view", False: "hive_table"}


def of_table(parts: Sequence[str], type_name: str, metastore_id: str, context: Context, spelled: str = "") -> Naming:
    """The assets of `[catalog, schema, table]`; `spelled` is the name in the source system's own case."""
    if not all(parts):
        return unknown("the table's name is incomplete", ".".join(parts))
    catalog, schema, name = (part.lower() for part in parts)
    if catalog in HIVE_CATALOGS:
        return hive_table(schema, name, context, type_name)
    found = _unity(catalog, schema, name, type_name, metastore_id)
    if context.shared_catalogs and context.shares(catalog):
        return _shared(found)
    source = context.foreign_catalogs.get(catalog) if context.foreign_catalogs else None
    if source is None:
        return found
    return joined(_foreign(source, parts, spelled or ".".join(parts)), found)


def of_name(parts: Sequence[str], type_name: str, metastore_id: str, context: Context) -> Naming:
    """The assets of a name of any depth: catalog, schema, table, column of a table."""
    if not parts or not all(parts):
        return unknown("the name is incomplete", ".".join(parts))
    if len(parts) > _TABLE:
        return _column(parts, type_name, metastore_id, context)
    if len(parts) == _TABLE:
        return of_table(parts, type_name, metastore_id, context)
    catalog = parts[0].lower()
    if len(parts) == _SCHEMA:
        return _schema(catalog, parts[1].lower(), metastore_id, context)
    if catalog in HIVE_CATALOGS:
        return unknown("a whole Hive metastore is no dataset", catalog)
    return _of_metastore(metastore_id, [Candidate("databricks_catalog", f"/catalogs/{catalog}", "unity catalog")])


def hive_table(schema: str, name: str, context: Context, type_name: str = "") -> Naming:
    """The assets of a table in the Hive metastore."""
    host = context.hive_metastore_host
    if not host:
        return unknown(NO_HIVE_HOST, f"{schema}.{name}")
    view = type_name.upper() in _VIEW_TYPES
    full = f"{schema.lower()}.{name.lower()}@{host}"
    return named(
        Candidate(_HIVE[one], full, f"hive metastore {'view' if one else 'table'}") for one in (view, not view)
    )


def _unity(catalog: str, schema: str, name: str, type_name: str, metastore_id: str) -> Naming:
    view = type_name.upper() in _VIEW_TYPES
    within = f"/catalogs/{catalog}/schemas/{schema}"
    return _of_metastore(metastore_id, _both(within, name, view=view))


def _both(within: str, name: str, *, view: bool) -> Iterator[Candidate]:
    for one in (view, not view):
        kind, place = _DATABRICKS[one]
        yield Candidate(kind, f"{within}/{place}/{name}", f"unity catalog {place[:-1]}")


def _of_metastore(metastore_id: str, found: Sequence[Candidate] | Iterator[Candidate]) -> Naming:
    if not metastore_id:
        return unknown(NO_METASTORE, *(one.qualified_name for one in found))
    root = f"databricks://{metastore_id}"
    return named(Candidate(one.type_name, root + one.qualified_name, one.rule) for one in found)


def _schema(catalog: str, schema: str, metastore_id: str, context: Context) -> Naming:
    """Two parts: a schema of Unity Catalog, or a table of the Hive metastore by its short name."""
    if catalog in HIVE_CATALOGS:
        host = context.hive_metastore_host
        return named([Candidate("hive_db", f"{schema}@{host}", "hive database")]) if host else unknown(NO_HIVE_HOST)
    within = f"/catalogs/{catalog}/schemas/{schema}"
    found = _of_metastore(metastore_id, [Candidate("databricks_schema", within, "unity catalog schema")])
    return joined(found, hive_table(catalog, schema, context).under("short name"))


def _column(parts: Sequence[str], type_name: str, metastore_id: str, context: Context) -> Naming:
    """A column keeps its spelling; its name may hold periods."""
    table, column = parts[:_TABLE], ".".join(parts[_TABLE:])
    found = of_table(table, type_name, metastore_id, context)
    columns = []
    for one in found.candidates:
        if one.type_name.startswith("databricks_"):
            name = f"{one.qualified_name}/columns/{column}"
            columns.append(Candidate(f"{one.type_name}_column", name, f"{one.rule}, column"))
        elif one.type_name in _HIVE.values():
            left, _, host = one.qualified_name.partition("@")
            columns.append(Candidate("hive_column", f"{left}.{column}@{host}", "hive metastore column"))
    return named(columns, found.reason) if columns else found


def _shared(found: Naming) -> Naming:
    flagged = tuple(one.under("shared") for one in found.candidates)
    return Naming(flagged, found.reason, found.tried, shared=True)


def _elsewhere(source: str, parts: Sequence[str]) -> Naming:
    """The table in another metastore; the address ends in `/catalogs/<c>` where the catalog has another name there."""
    catalog, schema, name = (part.lower() for part in parts)
    root = source if "/catalogs/" in source else f"{source}/catalogs/{catalog}"
    found = _both(f"{root}/schemas/{schema}", name, view=False)
    return named(found).under("catalog of another metastore")


def _foreign(source: str, parts: Sequence[str], spelled: str) -> Naming:
    """The table in the system that a foreign catalog stands for: in its own spelling when that is known."""
    if source.startswith("databricks://"):
        return _elsewhere(source.rstrip("/"), parts)
    own = spelled.split(".", 2)
    same = [part.lower() for part in own] == [part.lower() for part in parts]
    return databases.of(source, ".".join(own[1:] if same else parts[1:])).under("foreign catalog")
