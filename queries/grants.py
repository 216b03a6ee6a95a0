"""The least rights that reading the configured tables takes, as Databricks SQL for an administrator to run.

https://docs.databricks.com/aws/en/sql/language-manual/security-grant
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from miner.readers import PERSON, SERVICE_PRINCIPAL, kind_of
from queries.system_tables import OPTIONAL_TABLES
from queries.warehouse import name_parts

SYSTEM = "system"

_PRINCIPAL_KINDS = {PERSON: "user_name", SERVICE_PRINCIPAL: "service_principal_name"}

_GOOD_FOR = {
    "query_history": "who really ran a statement, failed statements, cached results",
    "job_run_timeline": "one-time runs told from jobs",
}


def grants(name: str, tables: Mapping[str, str], principal: str, warehouse: str = "") -> str:
    """The statements for one source: `tables` gives the full name by role, `warehouse` is the id of its warehouse."""
    lines = [f"-- [sources.{name}]: the least that {_one_line(principal)} needs.", *_enabling(tables.values())]
    granted: set[str] = set()
    for role, full_name in sorted(tables.items(), key=lambda item: item[0] in OPTIONAL_TABLES):
        if role in OPTIONAL_TABLES:
            lines += ["", f"-- optional, {role}: {_GOOD_FOR.get(role, 'the names of processes')}"]
        lines += [grant for grant in table_grants(full_name, principal) if grant not in granted]
        granted.update(lines)
    return "\n".join([*lines, "", *_warehouse(principal, warehouse), ""])


def table_grants(full_name: str, principal: str) -> Sequence[str]:
    """What one table takes. USE SCHEMA has to be granted on the schema: granted on a catalog it does nothing."""
    catalog, schema, table = (quoted(part) for part in name_parts(full_name))
    to = f"TO {quoted(principal)};"
    return (
        f"GRANT USE CATALOG ON CATALOG {catalog} {to}",
        f"GRANT USE SCHEMA ON SCHEMA {catalog}.{schema} {to}",
        f"GRANT SELECT ON TABLE {catalog}.{schema}.{table} {to}",
    )


def quoted(name: str) -> str:
    """A name between backticks, a backtick in it doubled."""
    return "`" + name.replace("`", "``") + "`"


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
    rights = {"access_control_list": [{kind: principal, "permission_level": "CAN_USE"}]}
    shown = json.dumps(rights, ensure_ascii=False).replace("'", "'\\''")
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
    yield "-- The miner reads no SQL text: it needs no place in the group databricks_pii_access."


def _one_line(text: str) -> str:
    return " ".join(text.split())
