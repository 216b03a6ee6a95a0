"""The least rights that reading the configured tables takes, as Databricks SQL for an administrator to run.

https://docs.databricks.com/aws/en/sql/language-manual/security-grant
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from miner.readers import PERSON, SERVICE_PRINCIPAL, kind_of
from queries.databricks import rights
from queries.system_tables import ALWAYS_THERE, KNOWN_TABLES, NO_TABLE, OPTIONAL_TABLES
from queries.warehouse import name_parts

SYSTEM = "system"

_PRINCIPAL_KINDS = {PERSON: "user_name", SERVICE_PRINCIPAL: "service_principal_name"}

_GOOD_FOR = {
    "query_history": "who really ran a statement, failed statements, cached results",
    "audit": "tables read past the lineage tables: in shares, by engines with credentials",
    "table_share_usage": "tables that are in a share",
    "job_run_timeline": "one-time runs told from jobs",
    "jobs": "the names of jobs",
    "job_tasks": "the tasks of jobs",
    "pipelines": "the names of pipelines",
    "workspaces": "the names and addresses of workspaces",
    "billing_usage": "the list cost of statements; it shows what the whole account is billed for",
    "list_prices": "the list cost of statements",
    "warehouse_events": "the idle time of warehouses, told apart in the list cost",
    "information_schema_tables": "types and storage locations of tables",
    "information_schema_views": "what views are defined as",
    "information_schema_columns": "columns of assets that the miner creates",
}


def grants(  # noqa: PLR0913 (one keyword for each setting that asks for more)
    name: str,
    tables: Mapping[str, str],
    principal: str,
    warehouse: str = "",
    *,
    statements: bool = False,
    texts: bool = False,
) -> str:
    """The statements for one source: `tables` gives the full name by role, `warehouse` is the id of its warehouse.

    `statements` says whether statements are mined, by what they say; `texts` whether entities tell what wrote them.
    """
    named = {role: full_name for role, full_name in tables.items() if full_name != NO_TABLE}
    read = {role: name for role, name in named.items() if role not in ALWAYS_THERE or name != KNOWN_TABLES[role]}
    lines = [f"-- [sources.{name}]: the least that {_one_line(principal)} needs.", *_enabling(read.values())]
    granted: set[str] = set()
    for role, full_name in sorted(read.items(), key=lambda item: item[0] in OPTIONAL_TABLES):
        if role in OPTIONAL_TABLES:
            lines += ["", f"-- optional, {role}: {_GOOD_FOR.get(role, 'the names of processes')}"]
        lines += [f"{grant};" for grant in rights.grants(full_name, principal) if f"{grant};" not in granted]
        granted.update(lines)
    shown = list(_browsing(principal)) if len(read) < len(named) else []
    return "\n".join(
        [*lines, *shown, "", *_warehouse(principal, warehouse), _texts(statements=statements, texts=texts), ""]
    )


def _browsing(principal: str) -> Iterator[str]:
    """What information_schema shows needs no right on it, but one on what it tells of."""
    yield ""
    yield "-- optional: system.information_schema tells types and storage locations of tables in the catalogs that the"
    yield "-- principal may BROWSE; for each catalog, here CATALOG:"
    yield f"--   GRANT BROWSE ON CATALOG `CATALOG` TO {rights.quoted(_one_line(principal))};"


def _enabling(full_names: Iterable[str]) -> Iterator[str]:
    parts = [name_parts(name) for name in full_names]
    schemas = sorted({schema for catalog, schema, _ in parts if catalog.lower() == SYSTEM})
    if schemas:
        yield "-- Granted by somebody who is account admin and metastore admin. Once per metastore an account admin"
        yield "-- enables the schemas, where they are not enabled yet:"
        yield from (f"--   databricks system-schemas enable METASTORE_ID {schema}" for schema in schemas)
    if any(catalog.lower() != SYSTEM for catalog, *_ in parts):
        yield "-- A view reads with its owner's rights: the owner needs SELECT on the system tables, not the miner."


def _warehouse(principal: str, warehouse: str) -> Iterator[str]:
    kind = _PRINCIPAL_KINDS.get(kind_of(principal.lower()), "group_name")
    allowed = {"access_control_list": [{kind: principal, "permission_level": "CAN_USE"}]}
    shown = json.dumps(allowed, ensure_ascii=False).replace("'", "'\\''")
    number = warehouse or "WAREHOUSE_ID"
    yield "-- CAN_USE on the SQL warehouse is no SQL right. With the Databricks CLI:"
    yield f"--   databricks warehouses update-permissions {number} --json '{shown}'"
    yield "-- or with Terraform, beside the warehouse's other rights:"
    yield '--   resource "databricks_permissions" "uc_miner" {'
    yield f"--     sql_endpoint_id = {json.dumps(number)}"
    yield (
        f"--     access_control {{ {kind} = {json.dumps(principal, ensure_ascii=False)}, "
        'permission_level = "CAN_USE" }'
    )
    yield "--   }"


def _texts(*, statements: bool, texts: bool) -> str:
    if statements:
        return (
            "-- Texts of statements may be masked for who is not in the group databricks_pii_access: such statements\n"
            "-- are told apart by their type alone."
        )
    if texts:
        return (
            "-- Texts of statements may be masked for who is not in the group databricks_pii_access: entities tell\n"
            "-- none of those."
        )
    return "-- The miner reads no SQL text: it needs no place in the group databricks_pii_access."


def _one_line(text: str) -> str:
    return " ".join(text.split())
