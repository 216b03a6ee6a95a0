"""Views of the system tables that show the miner what it reads and nothing else, as Databricks SQL.

A view takes exactly the documented columns that some query of the miner's reads; a struct comes whole, so that fields
added to it later come along. SQL texts are masked.
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-view
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from miner.ports import AUDIT
from queries import statements
from queries.databricks.rights import quoted
from queries.documented import DOCUMENTED
from queries.system_tables import KNOWN_TABLES
from queries.warehouse import name_parts

REDACTED = "<REDACTED>"
_MASKED = frozenset({"statement_text"})


def views(names: Mapping[str, str], workspaces: Sequence[str] = ()) -> str:
    """The statements: `names` gives the name of each view by role; rows of `workspaces` alone when some are given."""
    schemas = dict.fromkeys(name_parts(name)[:2] for name in names.values())
    made = [f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog, schema)};" for catalog, schema in schemas]
    made += [view(role, name, workspaces) for role, name in names.items()]
    return "\n\n".join(made) + "\n"


def view(role: str, name: str, workspaces: Sequence[str] = ()) -> str:
    """The statement that makes one view."""
    table = KNOWN_TABLES[role]
    columns = ",\n  ".join(_column(column) for column in columns_read(role))
    # Recipients of shares are in no workspace: without their events a table would seem unread that is not.
    workspaces = [] if role == AUDIT else workspaces
    where = f"\nWHERE workspace_id IN ({', '.join(_text(workspace) for workspace in workspaces)})" if workspaces else ""
    full_name = quoted(*name_parts(name))
    comment = f"What uc-miner reads of {table}; uc-miner views printed it"
    return f"CREATE OR REPLACE VIEW {full_name}\nCOMMENT {_text(comment)}\nAS SELECT\n  {columns}\nFROM {table}{where};"


def columns_read(role: str) -> Sequence[str]:
    """The columns that some query reads of a table, in the documented order."""
    read = {path[0] for query in _queries() for path in statements.bound_columns(query).get(role, ())}
    shared = {path[0] for query in ("span", "totals") for path in statements.bound_columns(query)["lineage_table"]}
    if role in {"table_lineage", "column_lineage"}:
        read |= shared
    return [name for name in DOCUMENTED[KNOWN_TABLES[role]].names if name in read]


@cache
def _queries() -> tuple[str, ...]:
    packed = (file.name for file in resources.files("queries").iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in packed if name.endswith(".sql") and name != "rules.sql"))


def _column(name: str) -> str:
    return f"{_text(REDACTED)} AS {name}" if name in _MASKED else name


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
