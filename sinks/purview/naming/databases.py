"""Which assets a table of a database outside Databricks is, from an OpenLineage namespace and name.

The rows of `SYSTEMS` tell, by scheme and host: the name's parts, the port that is part of the qualified name, the
default schema, and how type and qualified name are written. The first row that fits gives the first candidates.
https://openlineage.io/docs/spec/naming
https://github.com/microsoft/Purview-ADB-Lineage-Solution-Accelerator (OlToPurviewMappings.json)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sinks.purview.naming.candidates import Candidate, Naming, named, unknown

_NAMESPACE = re.compile(
    r"(?:jdbc:)?(?P<scheme>[a-z][a-z0-9+.-]*?)(?::thin:@)?:?//(?:[^/@;?]*@)?(?P<server>\[[^\]]*\]|[^/:;?,]*)"
    r"(?:[:,](?P<port>\d*))?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PART = re.compile(r"\[((?:[^\]]|\]\])*)\]|\"((?:[^\"]|\"\")*)\"|`((?:[^`]|``)*)`|([^.\[\"`][^.]*)")
_QUERY = re.compile(r"\s*\(|\s*(?:select|with)\s", re.IGNORECASE)
_DATABASE_KEYS = ("database", "databasename", "initial catalog", "db")


@dataclass(frozen=True, slots=True)
class System:
    """One kind of database: the schemes and hosts that stand for it, and its types by their qualified names."""

    schemes: frozenset[str]
    host: re.Pattern[str]
    types: Sequence[tuple[str, str]]
    default_schema: str = ""
    default_port: str = ""
    schemas: bool = True
    domain: str = ""
    upper: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A namespace, read."""

    scheme: str
    host: str
    port: str
    database: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    database: str
    schema: str
    table: str


def _system(schemes: str, host: str, *types: tuple[str, str], **more: str | bool) -> System:
    return System(frozenset(schemes.split()), re.compile(host), types, **more)  # type: ignore[arg-type]


_MSSQL = "mssql://{host}/{database}/{schema}/{table}"
_SQL_SCHEMES = "sqlserver mssql synapse sqldw"
_POSTGRES_SCHEMES = "postgresql postgres"
_SERVERS_POSTGRES = "postgresql://servers/{host}:{port}/dbs/{database}/schemas/{schema}/tables/{table}"
_SERVERS_MYSQL = "mysql://servers/{host}:{port}/dbs/{database}/tables/{table}"
_SNOWFLAKE = "snowflake://{host}/databases/{database}/schemas/{schema}/"

SYSTEMS: Sequence[System] = (
    _system(_SQL_SCHEMES, r".*-ondemand\.(sql|database)\.azuresynapse\..*",
            ("azure_synapse_serverless_sql_table", _MSSQL), ("azure_synapse_serverless_sql_view", _MSSQL),
            default_schema="dbo"),
    _system(_SQL_SCHEMES, r".*\.azuresynapse\..*",
            ("azure_synapse_dedicated_sql_table", _MSSQL), ("azure_synapse_dedicated_sql_view", _MSSQL),
            default_schema="dbo"),
    _system(_SQL_SCHEMES, r"[^.]+\.(public\.)?[0-9a-f]{12}\.database\..*",
            ("azure_sql_mi_table", _MSSQL), ("azure_sql_mi_view", _MSSQL), ("azure_sql_table", _MSSQL),
            default_schema="dbo"),
    _system(_SQL_SCHEMES, r"[^.]+\.database\..*",
            ("azure_sql_table", _MSSQL), ("azure_sql_view", _MSSQL), ("azure_sql_dw_table", _MSSQL),
            default_schema="dbo"),
    _system(_SQL_SCHEMES, r".*",
            ("mssql_table", "mssql://{host}/{instance}/{database}/{schema}/{table}"), ("mssql_table", _MSSQL),
            ("azure_sql_table", _MSSQL), default_schema="dbo"),
    _system(_POSTGRES_SCHEMES, r".*\.postgres\.(database|cosmos)\..*",
            ("azure_postgresql_table", "postgresql://{host}/{database}/{schema}/{table}"), default_schema="public"),
    _system(_POSTGRES_SCHEMES, r".*", ("postgresql_table", _SERVERS_POSTGRES), default_schema="public",
            default_port="5432"),
    _system("mysql", r".*\.mysql\.database\..*",
            ("azure_mysql_table", "mysql://{host}/{database}/{table}"), schemas=False),
    _system("mariadb mysql", r".*\.mariadb\.database\..*",
            ("azure_mariadb_table", "mariadb://{host}/{database}/{table}"), schemas=False),
    _system("mysql mariadb", r".*",
            ("mysql_table", _SERVERS_MYSQL), ("azure_mysql_table", "mysql://{host}/{database}/{table}"),
            schemas=False, default_port="3306"),
    _system("snowflake", r".*", ("snowflake_table", _SNOWFLAKE + "tables/{table}"),
            ("snowflake_view", _SNOWFLAKE + "views/{table}"), domain="snowflakecomputing.com", upper=True),
    _system("azurekusto kusto", r".*",
            ("azure_data_explorer_table", "https://{host}/{database}/{table}"), schemas=False),
    _system("oracle", r".*", ("oracle_table", "oracle://{host}/{schema}/{table}"), upper=True),
    _system("db2", r".*",
            ("db2_table", "db2://servers/{host}:{port}/databases/{database}/schemas/{schema}/tables/{table}"),
            default_port="50000", upper=True),
)  # fmt: skip
"""Kinds of databases, the more telling hosts first."""

COSMOS = "azurecosmos"

SCHEMES = frozenset(scheme for system in SYSTEMS for scheme in system.schemes) | {COSMOS}


def scheme_of(namespace: str) -> str:
    """The scheme of a database's namespace, '' when it is none of a known database."""
    found = _NAMESPACE.fullmatch(namespace.strip())
    scheme = found["scheme"].lower() if found else ""
    return scheme if scheme in SCHEMES else ""


def of(namespace: str, name: str) -> Naming:
    """The assets of a table by the namespace of its database and its name there. Never raises."""
    server = _server(namespace)
    if server is None:
        return unknown("the address of the database cannot be read", namespace)
    tried = f"{server.scheme}://{server.host}/{name}"
    if server.scheme == COSMOS:
        return _cosmos(namespace, name)
    system = next((one for one in SYSTEMS if server.scheme in one.schemes and one.host.fullmatch(server.host)), None)
    if system is None:
        return unknown(f"no type of asset is known for {server.scheme[:20]}:// databases", tried)
    if not server.host:
        return unknown("the address names no server", tried)
    if _QUERY.match(name):
        return unknown("a query is no dataset", tried)
    tables = list(_tables(parts_of(name), server, system))
    return named(_candidates(system, server, tables)) if tables else unknown("the table's name is incomplete", tried)


def parts_of(name: str) -> list[str]:
    """The parts of a name: in brackets, quotation marks or backticks, or between periods."""
    parts, at = [], 0
    name = name.strip()
    while at < len(name) and (found := _PART.match(name, at)):
        bracketed, quoted, ticked, plain = found.groups()
        text = (
            bracketed.replace("]]", "]") if bracketed is not None
            else quoted.replace('""', '"') if quoted is not None
            else ticked.replace("``", "`") if ticked is not None
            else plain
        )  # fmt: skip
        parts.append(text.strip())
        at = found.end()
        if at < len(name) and name[at] != ".":
            return []
        at += 1
    return parts if at > len(name) and all(parts) else []


def _server(namespace: str) -> Server | None:
    found = _NAMESPACE.fullmatch(namespace.strip())
    if not found:
        return None
    path, options = _options(found["rest"])
    database = next((options[key] for key in _DATABASE_KEYS if options.get(key)), path.strip("/").split("/")[0])
    labels = [label for label in found["server"].strip().lower().split(".") if label not in {"", "privatelink"}]
    return Server(found["scheme"].lower(), ".".join(labels), found["port"] or "", database, options)


def _options(rest: str) -> tuple[str, dict[str, str]]:
    """The path, and the keys and values after `;`, `?`, `&` or (Db2) `:`."""
    path, *settings = re.split(r"[;?&]|(?<=[^/]):(?=\w+=)", rest)
    pairs = (setting.partition("=") for setting in settings)
    return path, {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _tables(parts: Sequence[str], server: Server, system: System) -> Iterator[_Table]:
    """The tables a name may mean: a dot may part a database, or belong to the table's own name."""
    if not system.schemas:
        yield from _without_schema(parts, server.database)
        return
    default = server.options.get("currentschema", system.default_schema)
    needs_database = any("{database}" in template for _, template in system.types)
    if len(parts) > 2:  # noqa: PLR2004 (database, schema, table)
        across = _Table(parts[0], parts[1], ".".join(parts[2:]))
        if not server.database:
            yield across
            return
        own = parts[0].lower() == server.database.lower()
        inside = parts[1:] if own else parts
        within = _Table(server.database, inside[0], ".".join(inside[1:]))
        # Three parts name a database first; more are periods of the table's own name.
        yield from (across, within) if len(parts) == 3 and not own else (within, across)  # noqa: PLR2004
    elif parts and (server.database or not needs_database):
        schema = parts[0] if len(parts) > 1 else default
        if schema:
            yield _Table(server.database, schema, parts[-1])


def _without_schema(parts: Sequence[str], database: str) -> Iterator[_Table]:
    if len(parts) > 1 and not (database and parts[0].lower() != database.lower() and len(parts) > 2):  # noqa: PLR2004
        yield _Table(parts[0], "", ".".join(parts[1:]))
    if parts and database:
        inside = parts[1:] if len(parts) > 1 and parts[0].lower() == database.lower() else parts
        yield _Table(database, "", ".".join(inside))


def _candidates(system: System, server: Server, tables: Sequence[_Table]) -> Iterator[Candidate]:
    for table in tables:
        for spelled, note in _cases(table, system):
            for host in _hosts(server.host, system):
                yield from _typed(system, server, host, spelled, note)


def _typed(system: System, server: Server, host: str, table: _Table, note: str) -> Iterator[Candidate]:
    """One candidate for each type whose name can be written; all but the first are guesses."""
    guessed = bool(note)
    for type_name, template in system.types:
        if name := _written(template, system, server, host, table):
            yield Candidate(type_name, name, f"{server.scheme} table{note}", guessed)
            guessed = True


def _cases(table: _Table, system: System) -> Iterator[tuple[_Table, str]]:
    yield table, ""
    if system.upper:
        upper = _Table(table.database.upper(), table.schema.upper(), table.table.upper())
        if upper != table:
            yield upper, ", upper case"


def _hosts(host: str, system: System) -> Iterator[str]:
    if system.domain and not host.endswith((f".{system.domain}", ".cn")):
        yield f"{host}.{system.domain}"
    yield host


def _written(template: str, system: System, server: Server, host: str, table: _Table) -> str:
    """The qualified name; '' when it needs an instance that the address does not name."""
    machine, _, instance = host.partition("\\")
    instance = instance or server.options.get("instancename", "")
    if "{instance}" in template and not instance:
        return ""
    port = server.port or system.default_port
    values = {"host": machine, "port": port, "instance": instance}
    return template.format(**values, database=table.database, schema=table.schema, table=table.table)


def _cosmos(namespace: str, name: str) -> Naming:
    """`azurecosmos://<host>/dbs/<database>` and `/colls/<collection>`."""
    host, _, path = namespace.strip().partition("://")[2].partition("/")
    below = [part.strip() for part in f"{path}/{name}".split("/") if part.strip()]
    host = host.partition(":")[0].lower()
    if not host or below[:1] != ["dbs"] or below[2:3] != ["colls"] or len(below) != 4:  # noqa: PLR2004
        return unknown("the address names no collection of a Cosmos DB", f"{COSMOS}://{host}/{'/'.join(below)}")
    found = f"https://{host}/{'/'.join(below)}"
    return named([Candidate("azure_cosmosdb_sqlapi_collection", found, "cosmos collection")])
