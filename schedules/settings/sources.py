"""`[sources.NAME]`: the warehouses to read. `kind` decides which other settings a source has."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from schedules.settings import checks
from schedules.settings.declared import THREE_PARTS, Section, TableName, Whole, section, setting, whole
from schedules.settings.scope import SourceGlobs

OR_NONE = f'{THREE_PARTS}; or "none"'
KIND = '"files" or "databricks"'
KIND_MEANING = "what the source is"
PRINCIPAL_MEANING = "who the miner reads as; these reads do not count as usage"
TABLES_MEANING = "other names of the system tables"
INCLUDE_MEANING = "what is mined of this source"
EXCLUDE_MEANING = "what is left out of this source"
TEXT_OR_VAULT = 'text, or "keyvault:https://VAULT.vault.azure.net/secrets/NAME"'

NEEDED = {
    "pat": ("token",),
    "oauth-m2m": ("client_id", "client_secret"),
    "azure-client-secret": ("tenant_id", "client_id", "client_secret"),
    "azure-client-certificate": ("tenant_id", "client_id", "certificate_path"),
    "azure-managed-identity": (),
    "azure-workload-identity": (),
    "azure-cli": (),
}
"""What each way to sign in cannot do without."""

SIGN_INS = ", ".join(f'"{name}"' for name in NEEDED)

ApiName = Literal["notebooks", "queries", "dashboards", "legacy_dashboards", "alerts", "genie_spaces", "catalogs"]
API_PARTS = tuple(f'"{name}"' for name in get_args(ApiName))

Secret = Annotated[SecretStr, AfterValidator(checks.secret)]
File = Annotated[Path, BeforeValidator(checks.not_empty), AfterValidator(checks.file)]


def kept_in_file(of: type[Section], name: str, value: object, info: ValidationInfo) -> bool:
    """Whether the file of a secret is set, or is wrong, which is told already. Raises ValueError when both are."""
    if f"{name}_file" not in of.model_fields:
        return False
    if value and info.data.get(f"{name}_file"):
        raise ValueError(f"is given beside {name}_file")
    return bool(info.data.get(f"{name}_file", "wrong"))


def or_in_file(of: type[Section], name: str) -> str:
    """What a message adds where a secret may lie in a file."""
    return f" or {name}_file" if f"{name}_file" in of.model_fields else ""


class Tables(Section):
    """`[sources.NAME.tables]`: other names of the system tables, for cloned views."""

    table_lineage: TableName = setting("system.access.table_lineage", THREE_PARTS, "read and write events")
    column_lineage: TableName = setting("system.access.column_lineage", THREE_PARTS, "column pairs of events")
    query_history: TableName | Literal["none"] = setting("system.query.history", OR_NONE, "statements; none: not read")
    job_run_timeline: TableName | Literal["none"] = setting(
        "system.lakeflow.job_run_timeline", OR_NONE, "job runs, which tell one-time runs; none: not read"
    )
    audit: TableName | Literal["none"] = setting(
        "system.access.audit", OR_NONE, "reads past the lineage tables; none: they are not known"
    )
    table_share_usage: TableName | Literal["none"] = setting(
        "system.information_schema.table_share_usage", OR_NONE, "tables in shares; none: not known"
    )
    jobs: TableName | Literal["none"] = setting("system.lakeflow.jobs", OR_NONE, "names of jobs; none: ids stand")
    job_tasks: TableName | Literal["none"] = setting(
        "system.lakeflow.job_tasks", OR_NONE, "tasks of jobs; none: not known"
    )
    pipelines: TableName | Literal["none"] = setting(
        "system.lakeflow.pipelines", OR_NONE, "names of pipelines; none: ids stand"
    )
    workspaces: TableName | Literal["none"] = setting(
        "system.access.workspaces_latest",
        OR_NONE,
        "names and addresses of workspaces; none: addresses follow from ids on Azure",
    )
    information_schema_tables: TableName | Literal["none"] = setting(
        "system.information_schema.tables", OR_NONE, "types and storage locations of tables; none: as lineage tells"
    )
    information_schema_views: TableName | Literal["none"] = setting(
        "system.information_schema.views", OR_NONE, "definitions of views; none: not known"
    )
    information_schema_columns: TableName | Literal["none"] = setting(
        "system.information_schema.columns",
        OR_NONE,
        'columns of tables that [purview] missing = "create" creates; none: it creates nothing',
    )
    billing_usage: TableName | Literal["none"] = setting(
        "system.billing.usage", OR_NONE, "what is billed for; none: cost is not told"
    )
    list_prices: TableName | Literal["none"] = setting(
        "system.billing.list_prices", OR_NONE, "prices of what is billed; none: cost is not told"
    )
    warehouse_events: TableName | Literal["none"] = setting(
        "system.compute.warehouse_events", OR_NONE, "when warehouses were up; none: idle time is its hour's statements'"
    )


class FilesSource(Section):
    """`[sources.NAME]` with `kind = "files"`: system tables exported as files, read by the embedded warehouse."""

    kind: Literal["files"] = setting(..., KIND, KIND_MEANING)
    path: Annotated[Path, BeforeValidator(checks.not_empty), AfterValidator(checks.directory)] = setting(
        ..., "a directory that exists", "holds CATALOG/SCHEMA/TABLE folders of Parquet, CSV or JSONL files"
    )
    principal: str = setting("", "text", PRINCIPAL_MEANING)
    memory_limit: Annotated[str, StringConstraints(pattern=r"^[1-9]\d*(\.\d+)? ?[KMGT]i?B$")] = setting(
        "2GB", 'a size such as "512MB" or "4GiB"', "memory of the embedded warehouse; beyond it, it spills to disk"
    )
    threads: Whole | None = whole(None, 1, 256, "threads of the embedded warehouse; unset: one per core")
    tables: Tables = section(Tables, TABLES_MEANING)
    include: SourceGlobs = section(SourceGlobs, INCLUDE_MEANING)
    exclude: SourceGlobs = section(SourceGlobs, EXCLUDE_MEANING)


class DatabricksSource(Section):
    """`[sources.NAME]` with `kind = "databricks"`: a Databricks SQL warehouse."""

    # Whether a setting is missing depends on other ones, so that defaults are checked as well.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    kind: Literal["databricks"] = setting(..., KIND, KIND_MEANING)
    host: Annotated[str, AfterValidator(checks.workspace_host)] = setting(
        ...,
        "a host name, an https:// address, or http:// on this machine",
        'host of the workspace, such as "adb-123.4.azuredatabricks.net"',
    )
    warehouse_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")] | None = setting(
        None, "letters, digits, _ and -", "id of the SQL warehouse; this or http_path"
    )
    http_path: Annotated[str, StringConstraints(pattern=r"^/?sql/[\w./?=&-]+$")] | None = setting(
        None, 'a path such as "/sql/1.0/warehouses/ID"', "HTTP path of the SQL warehouse; this or warehouse_id"
    )
    connection_uri: Annotated[str, AfterValidator(checks.endpoint)] | None = setting(
        None,
        "an https:// address, or http:// on this machine",
        "whole address of the warehouse where it differs from host and path: behind a proxy, on this machine",
    )
    auth: Literal[
        "pat",
        "oauth-m2m",
        "azure-client-secret",
        "azure-client-certificate",
        "azure-managed-identity",
        "azure-workload-identity",
        "azure-cli",
    ] = setting("pat", f"one of {SIGN_INS}", "how the miner signs in; see operations")
    token_file: File | None = setting(None, "a file that can be read", "holds the token; read again when it changes")
    token: Secret | None = setting(None, TEXT_OR_VAULT, "personal access token; best given by the environment")
    client_id: str | None = setting(None, "text", "application id of the service principal or managed identity")
    client_secret_file: File | None = setting(None, "a file that can be read", "holds the secret")
    client_secret: Secret | None = setting(
        None, TEXT_OR_VAULT, "secret of the service principal; best given by the environment"
    )
    tenant_id: str | None = setting(None, "text", "Microsoft Entra tenant of the service principal")
    certificate_path: File | None = setting(
        None, "a file that can be read", "PEM or PKCS12 certificate of the service principal, with its private key"
    )
    certificate_password: Secret | None = setting(None, TEXT_OR_VAULT, "password of the certificate")
    federated_token_file: File | None = setting(
        None, "a file that can be read", "token of the workload; unset: what AZURE_FEDERATED_TOKEN_FILE names"
    )
    cloud: Literal["public", "usgovernment", "china"] = setting(
        "public", '"public", "usgovernment" or "china"', "Azure cloud that issues the tokens of auth = azure-…"
    )
    principal: str = setting("", "text", PRINCIPAL_MEANING)
    statement_timeout: Whole = whole(3600, 10, 172_800, "seconds after which a statement is cancelled")
    start_timeout: Whole = whole(900, 10, 7200, "seconds a stopped warehouse may take to start")
    socket_timeout: Whole = whole(300, 10, 3600, "seconds without an answer after which a request is given up")
    attempts: Whole = whole(5, 1, 20, "times a statement is tried when the fault may pass by itself")
    longest_wait: Whole = whole(60, 1, 3600, "longest wait between two tries of a statement, in seconds")
    request_attempts: Whole = whole(3, 1, 30, "tries of one request that is answered with 429 or 503, or not at all")
    request_wait: Whole = whole(5, 5, 300, "least wait between two tries of a request, in seconds")
    batch_rows: Whole = whole(25_000, 1000, 1_000_000, "rows asked for at a time")
    cloud_fetch: bool = setting(
        default=True,
        must_be="true or false",
        meaning="fetch large results from the workspace's storage, which must then be reachable from here",
    )
    download_threads: Whole = whole(4, 1, 32, "files of a large result that are fetched at the same time")
    query_tags: Annotated[dict[str, str], AfterValidator(checks.query_tags)] = setting(
        {"application": "uc-lineage-miner"},
        'a table of texts, such as {team = "data"}; {} for none',
        "tags of the miner's statements in the query history",
    )
    names_from_api: Annotated[tuple[ApiName, ...], BeforeValidator(checks.items)] = setting(
        (),
        f"a list of {', '.join(API_PARTS)}; [] for none",
        "what the workspace's API may be asked for that no system table tells; notebooks are listed folder by folder",
    )
    tables: Tables = section(Tables, TABLES_MEANING)
    include: SourceGlobs = section(SourceGlobs, INCLUDE_MEANING)
    exclude: SourceGlobs = section(SourceGlobs, EXCLUDE_MEANING)

    @field_validator("http_path")
    @classmethod
    def _one_warehouse(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "warehouse_id" not in info.data:
            return value
        if (value is None) == (info.data["warehouse_id"] is None):
            raise ValueError("is missing; so is warehouse_id" if value is None else "is given beside warehouse_id")
        return value

    @field_validator("token", "client_id", "client_secret", "tenant_id", "certificate_path")
    @classmethod
    def _needed_to_sign_in(cls, value: object, info: ValidationInfo) -> object:
        name, auth = str(info.field_name), info.data.get("auth")
        kept = kept_in_file(cls, name, value, info)
        if not (value or kept) and auth and name in NEEDED[auth]:
            raise ValueError(f'is missing; auth = "{auth}" needs it{or_in_file(cls, name)}')
        return value


Source = Annotated[FilesSource | DatabricksSource, Field(discriminator="kind")]
