"""What an administrator runs in Databricks for the miner: grants, and views of the system tables, from the settings."""

from collections.abc import Iterator, Mapping, Sequence

from miner.errors import SettingsError
from queries import grants, views
from queries.system_tables import ALWAYS_THERE, KNOWN_TABLES, NO_TABLE
from schedules.parts import Parts, tables_of
from schedules.settings import Settings, checks
from schedules.settings.sources import DatabricksSource, Source


def print_grants(parts: Parts, names: Sequence[str] = ()) -> str:
    """The least rights of the principals of the sources named (all when none is), as SQL. Raises SettingsError."""
    return "\n".join(_grants(parts.settings, name) for name in parts.chosen(names))


def print_views(parts: Parts, names: Sequence[str] = (), schema: str = "", workspaces: Sequence[str] = ()) -> str:
    """Views for the sources named (all when none is), as SQL: at the names the settings give them, else in `schema`.

    Raises SettingsError when a source reads the system tables themselves and no schema is named.
    """
    chosen = parts.chosen(names)
    return "\n".join(_views(parts.settings, name, schema, workspaces) for name in chosen)


def two_parts(schema: str) -> str:
    """Let a schema's name pass, catalog before it; an empty one too. Raises SettingsError."""
    if schema:
        try:
            checks.table_name(f"{schema}.view")
        except ValueError:
            raise SettingsError(
                f"'{schema}' is no schema", mend="write it as catalog.schema, odd parts between backticks"
            ) from None
    return schema


def principal_of(given: Source) -> str:
    """Who a source is read as; a service principal that signs in by itself is known by its application id."""
    return given.principal or (given.client_id or "" if isinstance(given, DatabricksSource) else "")


def _grants(settings: Settings, name: str) -> str:
    given = settings.sources[name]
    principal = principal_of(given)
    if not principal:
        raise SettingsError(f"source {name} names no principal to grant to", mend=f"set [sources.{name}] principal")
    warehouse = (given.warehouse_id or "") if isinstance(given, DatabricksSource) else ""
    tables, texts = _tables(settings, given), settings.purview.statement_text > 0
    return grants.grants(name, tables, principal, warehouse, statements=settings.queries.mine, texts=texts)


def _views(settings: Settings, name: str, schema: str, workspaces: Sequence[str]) -> str:
    read = _tables(settings, settings.sources[name])
    tables = {role: table for role, table in read.items() if role not in ALWAYS_THERE}
    named = {role: table for role, table in tables.items() if table not in (KNOWN_TABLES[role], NO_TABLE)}
    if schema:
        named = {role: named.get(role, f"{schema}.{role}") for role, table in tables.items() if table != NO_TABLE}
    if not named:
        raise SettingsError(
            f"source {name} reads the system tables themselves",
            mend="name a schema for the views, such as uc-miner views --in ops.lineage",
        )
    mine, texts = settings.queries.mine, settings.purview.statement_text > 0
    made = views.views(named, workspaces, texts=mine, flow_texts=texts)
    return "\n".join([*_told(name, tables, named), "", made])


def _told(name: str, tables: Mapping[str, str], named: Mapping[str, str]) -> Iterator[str]:
    yield f"-- [sources.{name}]: views that show the miner what it reads, and nothing else."
    yield "-- Whoever runs this owns the views, which read with their rights; then run what uc-miner grants prints."
    missing = [role for role, view in named.items() if tables[role] != view]
    if missing:
        yield "-- Let the settings name them:"
        yield f"--   [sources.{name}.tables]"
        yield from (f'--   {role} = "{named[role]}"' for role in missing)


def _tables(settings: Settings, given: Source) -> Mapping[str, str]:
    mining = settings.mining
    return tables_of(
        given,
        column_lineage=settings.reads_columns,
        names=mining.names,
        described=settings.describes,
        cost=mining.cost,
    )
