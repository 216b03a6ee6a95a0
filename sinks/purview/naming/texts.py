"""Which assets a text is that a person typed: a name, a path, an address, or a qualified name of Purview itself."""

import re
from collections.abc import Sequence

from sinks.purview.naming import databases
from sinks.purview.naming.candidates import Candidate, Naming, joined, named, unknown
from sinks.purview.naming.context import Context
from sinks.purview.naming.locations import located
from sinks.purview.naming.paths import of_path
from sinks.purview.naming.rules import applied
from sinks.purview.naming.tables import of_name

_SEGMENT = "[^/]+"
_METASTORE = rf"databricks://{_SEGMENT}"
_SCHEMA = rf"{_METASTORE}/catalogs/{_SEGMENT}/schemas/{_SEGMENT}"

QUALIFIED: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.DOTALL), type_name)
    for pattern, type_name in (
        (_METASTORE, "databricks_metastore"),
        (rf"{_METASTORE}/catalogs/{_SEGMENT}", "databricks_catalog"),
        (_SCHEMA, "databricks_schema"),
        (rf"{_SCHEMA}/tables/{_SEGMENT}", "databricks_table"),
        (rf"{_SCHEMA}/views/{_SEGMENT}", "databricks_view"),
        (rf"{_SCHEMA}/tables/{_SEGMENT}/columns/.+", "databricks_table_column"),
        (rf"{_SCHEMA}/views/{_SEGMENT}/columns/.+", "databricks_view_column"),
        (rf"{_SCHEMA}/volumes/{_SEGMENT}", "databricks_volume"),
        (r"[^./@\s]+\.[^./@\s]+@[^/@\s]+", "hive_table"),
        (r"[^./@\s]+\.[^./@\s]+@[^/@\s]+", "hive_view"),
        (r"[^./@\s]+@[^/@\s]+", "hive_db"),
        (r"[^./@\s]+\.[^./@\s]+\.[^/@\s]+@[^/@\s]+", "hive_column"),
        (rf"mssql://{_SEGMENT}/{_SEGMENT}/{_SEGMENT}/{_SEGMENT}", "azure_sql_table"),
        (rf"mssql://{_SEGMENT}\.azuresynapse\.{_SEGMENT}/{_SEGMENT}/{_SEGMENT}/{_SEGMENT}",
         "azure_synapse_dedicated_sql_table"),
        (rf"postgresql://{_SEGMENT}/{_SEGMENT}/{_SEGMENT}/{_SEGMENT}", "azure_postgresql_table"),
        (rf"postgresql://servers/{_SEGMENT}/dbs/{_SEGMENT}/schemas/{_SEGMENT}/tables/{_SEGMENT}", "postgresql_table"),
        (rf"mysql://{_SEGMENT}/{_SEGMENT}/{_SEGMENT}", "azure_mysql_table"),
        (rf"mysql://servers/{_SEGMENT}/dbs/{_SEGMENT}/tables/{_SEGMENT}", "mysql_table"),
        (rf"snowflake://{_SEGMENT}/databases/{_SEGMENT}/schemas/{_SEGMENT}/tables/{_SEGMENT}", "snowflake_table"),
        (rf"https://[^/]+\.kusto\.[^/]+/{_SEGMENT}/{_SEGMENT}", "azure_data_explorer_table"),
        (rf"https://[^/]+\.documents\.azure\.[^/]+/dbs/{_SEGMENT}/colls/{_SEGMENT}",
         "azure_cosmosdb_sqlapi_collection"),
    )
)  # fmt: skip
"""The forms of Purview's own names that are no addresses of a storage."""


def of_text(text: str, metastore_id: str, context: Context, type_name: str = "") -> Naming:
    """The assets of a name or a path, whichever the text is. Never raises."""
    return (of_path_text if _is_path(text) else of_name_text)(text, metastore_id, context, type_name)


def of_name_text(text: str, metastore_id: str, context: Context, type_name: str = "") -> Naming:
    """The assets of a name: of Unity Catalog, of a Hive metastore, or Purview's own."""
    qualified = _qualified(text.strip())
    if qualified.candidates or _is_path(text):
        return qualified if qualified.candidates else of_path_text(text, metastore_id, context)
    parts = databases.parts_of(text)
    found = of_name(parts, type_name, metastore_id, context) if parts else unknown("this is no name", text.strip())
    folded = ".".join(parts).lower()
    return joined(named(applied(context.rules, folded, metastore_id)), found) if context.rules else found


def of_path_text(text: str, metastore_id: str, context: Context, _type_name: str = "") -> Naming:
    """The assets of a path or an address."""
    qualified = _qualified(text.strip())
    return qualified if qualified.candidates else of_path(text, metastore_id, context)


def _is_path(text: str) -> bool:
    location = located(text)
    return bool(location.scheme) or "/" in text or "\\" in text


def _qualified(text: str) -> Naming:
    matching = [type_name for pattern, type_name in QUALIFIED if pattern.fullmatch(text)]
    return named(Candidate(type_name, text, "qualified name as given") for type_name in matching)
