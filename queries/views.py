"""Views of the system tables that show the miner what it reads and nothing else, as Databricks SQL.

A view takes exactly the documented columns that some query of the miner's reads; a struct comes whole, so that fields
added to it later come along. SQL texts are masked, unless the settings ask for what statements say.
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-view
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from miner.ports import AUDIT
from queries import statements
from queries.databricks.rights import quoted
from queries.documented import DOCUMENTED
from queries.system_tables import KNOWN_TABLES, STATEMENT_QUERIES
from queries.warehouse import name_parts

REDACTED = "<REDACTED>"
_MASKED = frozenset({"statement_text"})


def views(
    names: Mapping[str, str], workspaces: Sequence[str] = (), *, texts: bool = False, flow_texts: bool = False
) -> str:
    """The statements: `names` gives the name of each view by role; rows of `workspaces` alone when some are given.

    With `texts`, what mining statements reads is in them too; with `flow_texts`, what statements say alone.
    """
    schemas = dict.fromkeys(name_parts(name)[:2] for name in names.values())
    made = [f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog, schema)};" for catalog, schema in schemas]
    made += [view(role, name, workspaces, texts=texts, flow_texts=flow_texts) for role, name in names.items()]
    return "\n\n".join(made) + "\n"


def view(role: str, name: str, workspaces: Sequence[str] = (), *, texts: bool = False, flow_texts: bool = False) -> str:
    """The statement that makes one view."""
    table = KNOWN_TABLES[role]
    read = columns_read(role, texts=texts)
    columns = ",\n  ".join(_column(column, texts=texts or flow_texts) for column in read)
    # Recipients of shares are in no workspace: without their events a table would seem unread that is not.
    of_workspaces = workspaces and role != AUDIT and "workspace_id" in DOCUMENTED[table].names
    listed = ", ".join(_text(workspace) for workspace in workspaces)
    where = f"\nWHERE workspace_id IN ({listed})" if of_workspaces else ""
    full_name = quoted(*name_parts(name))
    comment = f"What uc-miner reads of {table}; uc-miner views printed it"
    return f"CREATE OR REPLACE VIEW {full_name}\nCOMMENT {_text(comment)}\nAS SELECT\n  {columns}\nFROM {table}{where};"


def columns_read(role: str, *, texts: bool = False) -> Sequence[str]:
    """The columns that some query reads of a table, in the documented order."""
    queries = [query for query in _queries() if texts or query not in STATEMENT_QUERIES]
    read = {path[0] for query in queries for path in statements.bound_columns(query).get(role, ())}
    shared = {path[0] for query in ("span", "totals") for path in statements.bound_columns(query)["lineage_table"]}
    if role in {"table_lineage", "column_lineage"}:
        read |= shared
    return [name for name in DOCUMENTED[KNOWN_TABLES[role]].names if name in read]


@cache
def _queries() -> tuple[str, ...]:
    packed = (file.name for file in resources.files("queries").iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in packed if name.endswith(".sql") and name != "rules.sql"))


def _column(name: str, *, texts: bool) -> str:
    return f"{_text(REDACTED)} AS {name}" if name in _MASKED and not texts else name


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
