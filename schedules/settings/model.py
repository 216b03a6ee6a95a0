"""Every setting: its key, default, what is allowed and what it means. docs/settings.md says the same in a table."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from miner.scope import DEFAULT, Globs
from schedules.settings import checks
from sinks.purview.naming import mounts
from sinks.purview.naming.rules import Rule, checked

GLOBS = 'a list of globs with * and ?, such as ["dev_*"]; [] for none'
CATALOGS = 'a list of globs with * and ?, such as ["dev_*"], without a dot; [] for none'
SCHEMAS = 'a list of globs with * and ?, such as ["tmp_*", "dev.sales_*"]; [] for none'
TABLES = 'a list of globs with * and ?, such as ["log_*", "dev.*.orders_?"]; [] for none'
NAME = "a letter, then letters, digits and _"
THREE_PARTS = "catalog.schema.table, each part of letters, digits, _ and -, or between backticks"

Whole = Annotated[int, BeforeValidator(checks.no_boolean)]
Day = Annotated[date, BeforeValidator(checks.day)]
Windows = Annotated[
    tuple[Annotated[Whole, Field(ge=1, le=730)], ...], BeforeValidator(checks.items), AfterValidator(checks.windows)
]
Glob = Annotated[str, AfterValidator(checks.glob)]
GlobList = Annotated[tuple[Glob, ...], BeforeValidator(checks.items)]
CatalogGlobs = Annotated[
    tuple[Annotated[Glob, AfterValidator(checks.parts(1))], ...], BeforeValidator(checks.items)
]
SchemaGlobs = Annotated[
    tuple[Annotated[Glob, AfterValidator(checks.parts(1, 2))], ...], BeforeValidator(checks.items)
]
TableGlobs = Annotated[
    tuple[Annotated[Glob, AfterValidator(checks.parts(1, 3))], ...], BeforeValidator(checks.items)
]
TableName = Annotated[str, AfterValidator(checks.table_name)]
AtlasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]
MountPoints = Annotated[dict[str, str], BeforeValidator(mounts.read)]
ForeignCatalogs = Annotated[dict[str, Annotated[str, AfterValidator(checks.database)]], BeforeValidator(checks.items)]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$", max_length=100)]


def _setting(default: object, must_be: str, meaning: str, **limits: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"must_be": must_be}, **limits)


def _whole(default: int | None, low: int, high: int, meaning: str) -> Any:
    return _setting(default, f"a whole number from {low} to {high}", meaning, ge=low, le=high)


def _section(model: type[BaseModel], meaning: str) -> Any:
    return Field(default_factory=model, description=meaning, json_schema_extra={"must_be": "a table"})


class Section(BaseModel):
    """One TOML table. Settings do not change once read, and a key nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ledger(Section):
    """`[ledger]`."""

    url: Annotated[str, AfterValidator(checks.ledger_url)] = _setting(
        "sqlite:///uc-miner.db", "sqlite:///FILE", "where the miner remembers what it learned"
    )


class Include(Section):
    """`[mining.include]`: what is mined; an empty list includes everything."""

    catalogs: CatalogGlobs = _setting((), CATALOGS, "catalogs whose tables are mined; [] mines all")
    schemas: SchemaGlobs = _setting((), SCHEMAS, "schemas whose tables are mined; [] mines all")
    tables: TableGlobs = _setting((), TABLES, "tables that are mined; [] mines all")
    paths: GlobList = _setting((), GLOBS, "paths that are mined; upper and lower case differ; [] mines all")
    workspaces: GlobList = _setting((), GLOBS, "workspace ids that are mined; [] mines all")
    process_kinds: GlobList = _setting((), GLOBS, "kinds of process that are mined; [] mines all")


class Exclude(Section):
    """`[mining.exclude]`: what is left out when mining. A list given here replaces the default one."""

    catalogs: CatalogGlobs = _setting(DEFAULT.catalogs, CATALOGS, "catalogs whose tables are left out")
    schemas: SchemaGlobs = _setting(
        DEFAULT.schemas, SCHEMAS, "schemas whose tables are left out, in any catalog unless it is named"
    )
    tables: TableGlobs = _setting(
        DEFAULT.tables, TABLES, "tables left out by their last name part, or by all three where dots are"
    )
    paths: GlobList = _setting(DEFAULT.paths, GLOBS, "paths left out; upper and lower case differ")
    workspaces: GlobList = _setting(DEFAULT.workspaces, GLOBS, "workspace ids left out")
    process_kinds: GlobList = _setting(DEFAULT.process_kinds, GLOBS, "kinds of process left out")


class SourceGlobs(Section):
    """`[sources.NAME.include]` and `[sources.NAME.exclude]`: a list given here stands in for that under `[mining]`."""

    catalogs: CatalogGlobs | None = _setting(None, CATALOGS, "in place of catalogs under [mining]; unset: those")
    schemas: SchemaGlobs | None = _setting(None, SCHEMAS, "in place of schemas under [mining]; unset: those")
    tables: TableGlobs | None = _setting(None, TABLES, "in place of tables under [mining]; unset: those")
    paths: GlobList | None = _setting(None, GLOBS, "in place of paths under [mining]; unset: those")
    workspaces: GlobList | None = _setting(None, GLOBS, "in place of workspaces under [mining]; unset: those")
    process_kinds: GlobList | None = _setting(None, GLOBS, "in place of process_kinds under [mining]; unset: those")


def globs(*sections: Section) -> Globs:
    """Give what mining compares with, the lists of a later section in place of an earlier one's.

    Names are compared folded, so their globs are folded here.
    """
    given: dict[str, tuple[str, ...]] = {}
    for section in sections:
        given |= section.model_dump(exclude_none=True)
    return Globs(**{part: found if part == "paths" else _folded(found) for part, found in given.items()})


def _folded(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(glob.lower() for glob in found)


class Mining(Section):
    """`[mining]`."""

    start: Day | None = _setting(None, "a day as YYYY-MM-DD", "first UTC day to mine; unset: 30 days ago")
    settle_days: Whole = _whole(3, 0, 60, "days after which a day is settled and no longer mined again")
    stale_days: Whole = _whole(180, 1, 3650, "days after which an edge that was not seen again is retired")
    column_lineage: bool = _setting(default=True, must_be="true or false", meaning="mine column lineage too")
    include: Include = _section(Include, "what is mined, where not everything is")
    exclude: Exclude = _section(Exclude, "what is left out when mining")


class Usage(Section):
    """`[usage]`."""

    windows: Windows = _setting(
        (1, 7, 30, 90), "a list of different whole numbers from 1 to 730", "windows of the report, in days"
    )
    include_users: GlobList = _setting((), GLOBS, "readers that count in popularity; [] counts all")
    include_process_kinds: GlobList = _setting((), GLOBS, "kinds of process that count in popularity; [] counts all")
    exclude_users: GlobList = _setting((), GLOBS, "readers left out of popularity")
    exclude_process_kinds: GlobList = _setting((), GLOBS, "kinds of process left out of popularity")


class Tables(Section):
    """`[sources.NAME.tables]`: other names of the system tables, for cloned views."""

    table_lineage: TableName = _setting("system.access.table_lineage", THREE_PARTS, "read and write events")
    column_lineage: TableName = _setting("system.access.column_lineage", THREE_PARTS, "column pairs of events")
    query_history: TableName = _setting("system.query.history", THREE_PARTS, "statements, optional")
    job_run_timeline: TableName = _setting(
        "system.lakeflow.job_run_timeline", THREE_PARTS, "job runs, which tell one-time runs; optional"
    )


class FilesSource(Section):
    """`[sources.NAME]` with `kind = "files"`: system tables exported as files, read by the embedded warehouse."""

    kind: Literal["files"] = _setting(..., '"files"', "what the source is")
    path: Annotated[Path, BeforeValidator(checks.not_empty), AfterValidator(checks.directory)] = _setting(
        ..., "a directory that exists", "holds CATALOG/SCHEMA/TABLE folders of Parquet, CSV or JSONL files"
    )
    principal: str = _setting("", "text", "who the miner reads as; these reads do not count as usage")
    memory_limit: Annotated[str, StringConstraints(pattern=r"^[1-9]\d*(\.\d+)? ?[KMGT]i?B$")] = _setting(
        "2GB", 'a size such as "512MB" or "4GiB"', "memory of the embedded warehouse; beyond it, it spills to disk"
    )
    threads: Whole | None = _whole(None, 1, 256, "threads of the embedded warehouse; unset: one per core")
    tables: Tables = _section(Tables, "other names of the system tables")
    include: SourceGlobs = _section(SourceGlobs, "what is mined of this source")
    exclude: SourceGlobs = _section(SourceGlobs, "what is left out of this source")


Source = FilesSource


class NamingRule(Section):
    """`[[purview.rules]]`: which asset a dataset is whose name matches."""

    type: AtlasName = _setting(..., NAME, "type of the asset")
    qualified_name: Annotated[str, StringConstraints(min_length=1)] = _setting(
        ..., "text, with {group} for named groups of the pattern", "qualified name of the asset"
    )
    pattern: str = _setting(
        ...,
        "a regular expression with the groups that qualified_name names",
        "matches a whole name: catalog.schema.table, a path, or NAMESPACE/NAME",
    )

    @field_validator("pattern")
    @classmethod
    def _applicable(cls, value: str, info: ValidationInfo) -> str:
        return checked(Rule(value, "", str(info.data.get("qualified_name", "")))).pattern

    def rule(self) -> Rule:
        """Give what naming applies."""
        return Rule(self.pattern, self.type, self.qualified_name)


class Purview(Section):
    """`[purview]`: where lineage and usage go."""

    # Whether a setting is missing depends on another one, so that defaults are checked as well.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    sink: Literal["none", "files", "purview"] = _setting("files", '"none", "files" or "purview"', "where entities go")
    out: Annotated[Path, BeforeValidator(checks.not_empty)] = _setting(
        Path("purview"), "a directory", "where the files sink writes request bodies; made when missing"
    )
    endpoint: Annotated[str, AfterValidator(checks.endpoint)] | None = _setting(
        None,
        "an https:// address, or http:// on this machine",
        'address of the account, such as "https://ACCOUNT.purview.azure.com"; needed when sink is "purview"',
    )
    user: str | None = _setting(None, "text", "user of a plain Apache Atlas; unset: Microsoft Entra ID")
    password: SecretStr | None = _setting(None, "text", "password of that user; best given by the environment")
    hive_metastore_host: str | None = _setting(
        None, "text", "host under which Purview knows hive_metastore tables; unset: they are not matched"
    )
    mounts: MountPoints = _setting(
        {},
        "the mount string of Purview's Hive-metastore scan, dbutils.fs.mounts() as JSON, or a table of mount points",
        "storage behind mount points and volumes; unset: their paths are not matched",
    )
    foreign_catalogs: ForeignCatalogs = _setting(
        {},
        'catalogs with addresses, such as { crm = "sqlserver://HOST;database=DB" }',
        "databases behind foreign catalogs, as OpenLineage writes namespaces",
    )
    shared_catalogs: GlobList = _setting((), GLOBS, "catalogs of other metastores, shared through Delta Sharing")
    rules: Annotated[tuple[NamingRule, ...], BeforeValidator(checks.items)] = _setting(
        (), "a list of tables [[purview.rules]]", "names of assets that the miner does not know by itself, in order"
    )
    max_entities: Whole = _whole(100, 1, 200, "entities in one request")
    max_bytes: Whole = _whole(1_000_000, 100_000, 10_000_000, "bytes of one request")
    operations_per_second: Whole = _whole(
        25, 1, 2500, "operations a second that the account takes, 25 for a capacity unit; plan reckons time with it"
    )
    business_metadata_group: AtlasName = _setting("UnityCatalogUsage", NAME, "group of the usage attributes")
    process_type: Annotated[AtlasName, AfterValidator(checks.process_type)] = _setting(
        "uc_miner_process", f"{NAME}; not databricks_…", "entity type of our processes"
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_for_purview(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("sink") == "purview":
            raise ValueError('is missing; sink = "purview" needs it')
        return value

    @field_validator("password")
    @classmethod
    def _both_or_none(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        user = info.data.get("user")
        if user and not value:
            raise ValueError("is missing; purview.user is given")
        if value and not user and "user" in info.data:
            raise ValueError("is given without purview.user")
        return value


class Log(Section):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", '"debug", "info", "warning" or "error"', "least important event that is logged"
    )
    format: Literal["auto", "json", "console"] = _setting(
        "auto", '"auto", "json" or "console"', "form of the log on standard error; auto: console on a terminal"
    )


class Settings(BaseSettings):
    """Everything that can be set. Constructed directly, it reads neither file nor environment; `load` does."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    ledger: Ledger = _section(Ledger, "the miner's memory")
    mining: Mining = _section(Mining, "what is mined, and how far back")
    usage: Usage = _section(Usage, "what counts as popular")
    sources: dict[SourceName, Source] = Field(
        default_factory=dict,
        description="warehouses to read, each under a name",
        json_schema_extra={"must_be": "a table [sources.NAME], NAME of a-z, 0-9, _ and -"},
    )
    purview: Purview = _section(Purview, "where lineage and usage go")
    log: Log = _section(Log, "what the miner tells while it works")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out pydantic's own reader of the environment: it stops at the first problem and skips unknown keys."""
        return (init_settings,)
