"""Every setting: its key, default, what is allowed and what it means. docs/settings.md says the same in a table."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

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
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from miner.readers import REDACTED_NAMES, SYSTEM_NAMES
from queries.system_tables import OUTSIDE_ACTIONS
from schedules.settings import checks
from schedules.settings.declared import (
    GLOBS,
    NAME,
    SCHEMAS,
    AtlasName,
    GlobList,
    SchemaGlobs,
    Section,
    Whole,
    section,
    setting,
    whole,
)
from schedules.settings.rosters import FILE_OF_GROUPS, FILE_OF_NAMES, checked_groups, checked_names
from schedules.settings.scope import Exclude, Include
from schedules.settings.sources import TEXT_OR_VAULT, File, Secret, Source, kept_in_file, or_in_file
from schedules.timing import MUST_BE, OFF
from sinks.purview.naming import mounts
from sinks.purview.naming.rules import Rule, checked

Day = Annotated[date, BeforeValidator(checks.day)]
Windows = Annotated[
    tuple[Annotated[Whole, Field(ge=1, le=730)], ...], BeforeValidator(checks.items), AfterValidator(checks.windows)
]
MountPoints = Annotated[dict[str, str], BeforeValidator(mounts.read)]
ForeignCatalogs = Annotated[dict[str, Annotated[str, AfterValidator(checks.database)]], BeforeValidator(checks.items)]
AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,61}[A-Za-z0-9]$")]
CollectionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{3,36}$")]
ActionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$", max_length=100)]


class Ledger(Section):
    """`[ledger]`."""

    url: Annotated[str, AfterValidator(checks.ledger_url)] = setting(
        "sqlite:///uc-miner.db",
        "sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE",
        "where the miner remembers what it learned; a password is best given by PGPASSFILE or PGPASSWORD",
    )
    usage_days: Whole | None = setting(
        None,
        "a whole number from 1 to 36500, at least twice the longest of usage.windows",
        "days whose usage is kept by day; older usage is rolled up to months; unset: all of it",
        ge=1,
        le=36500,
    )


class Mining(Section):
    """`[mining]`."""

    start: Day | None = setting(None, "a day as YYYY-MM-DD", "first UTC day to mine; unset: 30 days ago")
    settle_days: Whole = whole(3, 0, 60, "days after which a day is settled and no longer mined again")
    stale_days: Whole = whole(
        180, 1, 3650, "settled days on which its target is written without it, after which an edge is retired"
    )
    dropped_days: Whole = whole(
        30, 1, 3650, "settled days that a table is missing from information_schema, after which its edges are retired"
    )
    column_lineage: bool = setting(default=True, must_be="true or false", meaning="mine column lineage too")
    names: bool = setting(
        default=True, must_be="true or false", meaning="read what processes, workspaces and tables are called"
    )
    cost: bool = setting(
        default=True, must_be="true or false", meaning="estimate what statements cost, where billing tables may be read"
    )
    cost_settle_days: Whole = whole(7, 0, 60, "the same as settle_days for cost: bills are corrected later")
    outside_actions: Annotated[tuple[ActionName, ...], BeforeValidator(checks.items)] = setting(
        OUTSIDE_ACTIONS,
        "a list of names of actions; [] for none",
        "actions of the audit log by which a table is read past the lineage tables",
    )
    include: Include = section(Include, "what is mined, where not everything is")
    exclude: Exclude = section(Exclude, "what is left out when mining")


class Usage(Section):
    """`[usage]`."""

    windows: Windows = setting(
        (1, 7, 30, 90), "a list of different whole numbers from 1 to 730", "windows of the report, in days"
    )
    score: Literal["log1p", "atlan"] = setting(
        "log1p", '"log1p" or "atlan"', "the score: readers times ln(1 + reads), or Atlan's readers times ln(reads)"
    )
    columns: bool = setting(
        default=False,
        must_be="true or false",
        meaning="mine reads of columns too, report them, and send them to the columns of assets",
    )
    include_users: GlobList = setting(
        (), GLOBS, "readers that count in popularity, group:NAME for all of a group; [] counts all"
    )
    include_process_kinds: GlobList = setting((), GLOBS, "kinds of process that count in popularity; [] counts all")
    exclude_users: GlobList = setting((), GLOBS, "readers left out of popularity, group:NAME for all of a group")
    exclude_process_kinds: GlobList = setting((), GLOBS, "kinds of process left out of popularity")


class Readers(Section):
    """`[readers]`: what is known of who reads, beside what Databricks tells."""

    names: (
        Annotated[Path, BeforeValidator(checks.not_empty), AfterValidator(checks.file), AfterValidator(checked_names)]
        | None
    ) = setting(None, FILE_OF_NAMES, "what service principals are called; unset: their ids stand")
    groups: (
        Annotated[Path, BeforeValidator(checks.not_empty), AfterValidator(checks.file), AfterValidator(checked_groups)]
        | None
    ) = setting(None, FILE_OF_GROUPS, "members of groups, for group:NAME in usage.exclude_users; unset: none are known")
    service_principals: GlobList = setting((), GLOBS, "readers that are service principals, beside those with an id")
    system: GlobList = setting(SYSTEM_NAMES, GLOBS, "readers that are Databricks itself")
    redacted: GlobList = setting(REDACTED_NAMES, GLOBS, "what stands in place of readers that are not told")


class Reports(Section):
    """`[reports]`."""

    users: Literal["names", "hashed", "none"] = setting(
        "names", '"names", "hashed" or "none"', "how reports tell who reads: by name, by a hash of the ledger's, or not"
    )


class Queries(Section):
    """`[queries]`: statements of the query history."""

    mine: bool = setting(
        default=False,
        must_be="true or false",
        meaning="mine statements of query.history: popular, slow, expensive and failing ones",
    )
    text: bool = setting(
        default=False,
        must_be="true or false",
        meaning="keep what statements say, with a ? for each literal; without it only a hash of that is known",
    )
    text_length: Whole = whole(2000, 1, 100_000, "characters of a text that are kept at most")
    most: Whole = whole(
        100, 1, 100_000, "statements of each ranking kept by day and dataset; the others are summed in one row"
    )
    days: Whole = whole(180, 1, 3650, "days that statements are kept")
    top: Whole = whole(10, 1, 100_000, "statements of each ranking that the report tells")
    statement_types: GlobList = setting(
        ("*", "!describe", "!explain", "!set", "!show", "!use"),
        f"{GLOBS}; after a ! for those left out",
        "types of statement that are ranked, such as select; the others are mined and summed all the same",
    )


class NamingRule(Section):
    """`[[purview.rules]]`: which asset a dataset is whose name matches."""

    type: AtlasName = setting(..., NAME, "type of the asset")
    qualified_name: Annotated[str, StringConstraints(min_length=1)] = setting(
        ..., "text, with {group} for named groups of the pattern", "qualified name of the asset"
    )
    pattern: str = setting(
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


_NEEDED = {
    "client-secret": ("tenant_id", "client_id", "client_secret"),
    "client-certificate": ("tenant_id", "client_id", "certificate"),
    "basic": ("user",),
}


class Purview(Section):
    """`[purview]`: where lineage and usage go."""

    # Whether a setting is missing depends on another one, so that defaults are checked as well.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    sink: Literal["none", "files", "purview"] = setting("files", '"none", "files" or "purview"', "where entities go")
    out: Annotated[Path, BeforeValidator(checks.not_empty)] = setting(
        Path("purview"), "a directory", "where the files sink writes request bodies; made when missing"
    )
    account: AccountName | None = setting(
        None, "3 to 63 letters, digits and -", "name of the account; one of account, portal and endpoint is needed"
    )
    portal: Literal["classic", "unified"] = setting(
        "classic", '"classic" or "unified"', "unified: the account has the address of the tenant, not one of its own"
    )
    cloud: Literal["public", "china", "us-government"] = setting(
        "public", '"public", "china" or "us-government"', "cloud that the account and the identity are in"
    )
    endpoint: Annotated[str, AfterValidator(checks.endpoint)] | None = setting(
        None,
        "an https:// address, or http:// on this machine",
        "whole address of an account elsewhere, or of the v2 API of a plain Apache Atlas; overrides account and portal",
    )
    auth: Literal[
        "default",
        "managed-identity",
        "client-secret",
        "client-certificate",
        "workload-identity",
        "azure-cli",
        "basic",
    ] = setting(
        "default",
        '"default", "managed-identity", "client-secret", "client-certificate", "workload-identity", '
        '"azure-cli" or "basic"',
        "how the miner signs in; default: basic when a user is given, else azure-identity's own order",
    )
    tenant_id: str | None = setting(None, "text", "Entra tenant; client-secret and client-certificate need it")
    client_id: str | None = setting(
        None, "text", "client of the service principal, or of a user-assigned managed identity"
    )
    client_secret_file: File | None = setting(None, "a file that can be read", "holds the secret")
    client_secret: Secret | None = setting(
        None, TEXT_OR_VAULT, "secret of the service principal; best given by the environment"
    )
    certificate: Annotated[Path, BeforeValidator(checks.not_empty)] | None = setting(
        None, "a file", "certificate of the service principal with its private key, PEM or PKCS12"
    )
    certificate_password: Secret | None = setting(None, TEXT_OR_VAULT, "password of the certificate, if it has one")
    user: str | None = setting(None, "text", "user of a plain Apache Atlas")
    password_file: File | None = setting(None, "a file that can be read", "holds the password of that user")
    password: Secret | None = setting(None, TEXT_OR_VAULT, "password of that user; best given by the environment")
    collection: CollectionName | None = setting(
        None,
        "3 to 36 letters, digits and -",
        "id of the collection that takes the entities we create; unset: the root",
    )
    hive_metastore_host: str | None = setting(
        None, "text", "host under which Purview knows hive_metastore tables; unset: they are not matched"
    )
    mounts: MountPoints = setting(
        {},
        "the mount string of Purview's Hive-metastore scan, dbutils.fs.mounts() as JSON, or a table of mount points",
        "storage behind mount points and volumes; unset: their paths are not matched",
    )
    foreign_catalogs: ForeignCatalogs = setting(
        {},
        'catalogs with addresses, such as { crm = "sqlserver://HOST;database=DB" }',
        "databases behind foreign catalogs, as OpenLineage writes namespaces",
    )
    shared_catalogs: GlobList = setting((), GLOBS, "catalogs of other metastores, shared through Delta Sharing")
    rules: Annotated[tuple[NamingRule, ...], BeforeValidator(checks.items)] = setting(
        (), "a list of tables [[purview.rules]]", "names of assets that the miner does not know by itself, in order"
    )
    missing: Literal["skip", "placeholder", "create"] = setting(
        "skip",
        '"skip", "placeholder" or "create"',
        "what becomes of a dataset that Purview has no asset for: left out, drawn as an entity of our own, or, "
        "of tables that information_schema knows, created as the scan would make it",
    )
    foreign_lineage: Literal["keep", "skip"] = setting(
        "keep",
        '"keep" or "skip"',
        "skip: what a process that is not ours draws already, such as Purview's scan of notebooks, is not drawn again",
    )
    index: Literal["none", "search"] = setting(
        "none",
        '"none" or "search"',
        "search: read the names of all assets, to find those in another spelling and folders above a path",
    )
    matched_days: Whole = whole(30, 0, 3650, "days after which an asset that was found is looked up again")
    missing_days: Whole = whole(1, 0, 3650, "days after which an asset that was not found is looked up again")
    removed: Literal["delete", "mark"] = setting(
        "delete",
        '"delete" or "mark"',
        "what becomes of our entities that have nothing to show any more; mark: kept without lineage as (retired) …",
    )
    figures_percent: Whole = whole(
        10, 0, 100, "percent by which a usage figure must have moved since it was sent, to be sent again"
    )
    verify_sample: Whole = whole(
        1000,
        1,
        100_000,
        "entities and figures that `emit --verify` and the daemon read back at a time, in turn",
    )
    max_removals: Whole = whole(
        5, 0, 100, "percent of our processes that one run may remove; more are kept, and the run fails"
    )
    column_parts: Whole = whole(
        8,
        1,
        100,
        "processes that one column mapping over 32 KB is spread over; what they cannot take is left out",
    )
    max_entities: Whole = whole(100, 1, 200, "entities in one request")
    max_bytes: Whole = whole(1_000_000, 100_000, 10_000_000, "bytes of one request")
    workers: Whole = whole(6, 1, 32, "requests that travel at once; fewer while Purview has trouble")
    operations_per_second: Whole = whole(
        25, 1, 2500, "operations a second that the account takes, 25 for a capacity unit; sending keeps to it"
    )
    business_metadata_group: AtlasName = setting("UnityCatalogUsage", NAME, "group of the usage attributes")
    process_type: Annotated[AtlasName, AfterValidator(checks.process_type)] = setting(
        "uc_miner_process",
        f"{NAME}; not databricks_…",
        "entity type of our processes; those of runnables and consumers have names like it",
    )
    process_types: Literal["auto", "native", "own"] = setting(
        "auto",
        '"auto", "native" or "own"',
        "jobs and notebooks become Purview's own databricks_* types, or ours; auto: its own where the account has them",
    )
    process_kinds: GlobList = setting(
        ("*", "!query"), f"{GLOBS}; after a ! for those left out", "kinds of process that become entities"
    )
    consumers: GlobList = setting(
        ("dashboard", "legacy_dashboard"),
        f"{GLOBS}; dashboard, legacy_dashboard, alert and genie_space are there",
        "kinds of process that become entities though they only read",
    )
    people_days: Whole = whole(
        3, 1, 31, "days on which a notebook or ad hoc statement of people must have been seen to become an entity"
    )
    people_within: Whole = whole(30, 1, 366, "days within which these days must lie")
    sandbox_schemas: SchemaGlobs = setting(
        ("sandbox", "sandbox_*", "*_sandbox"), SCHEMAS, "schemas of which nothing is drawn; mined all the same"
    )
    most_processes: Whole = whole(
        100, 0, 1_000_000, "processes on one side of a dataset; more of them become one summary; 0 for any number"
    )
    statement_text: Whole = whole(
        0,
        0,
        4000,
        "characters that processes of jobs and pipelines tell of the latest statement that wrote their target; 0: none",
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_for_purview(cls, value: str | None, info: ValidationInfo) -> str | None:
        given = info.data
        if value is not None or given.get("sink") != "purview":
            return value
        if given.get("portal") == "unified":
            if given.get("cloud") != "public":
                raise ValueError("is missing; the address of the unified portal is known in the public cloud only")
        elif given.get("account", "") is None:
            raise ValueError('is missing; sink = "purview" needs it, or purview.account')
        return value

    @field_validator("tenant_id", "client_id", "client_secret", "certificate", "user")
    @classmethod
    def _for_the_way_to_sign_in(cls, value: object, info: ValidationInfo) -> object:
        name, way = str(info.field_name), info.data.get("auth")
        kept = kept_in_file(cls, name, value, info)
        if not (value or kept) and name in _NEEDED.get(str(way), ()):
            raise ValueError(f'is missing; auth = "{way}" needs it{or_in_file(cls, name)}')
        return value

    @field_validator("password")
    @classmethod
    def _both_or_none(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        user, kept = info.data.get("user"), kept_in_file(cls, "password", value, info)
        if user and not (value or kept):
            raise ValueError("is missing; purview.user is given")
        if (value or kept) and not user and "user" in info.data:
            raise ValueError("is given without purview.user")
        return value


Schedule = Annotated[str, AfterValidator(checks.schedule)]


class Daemon(Section):
    """`[daemon]`: when `uc-miner daemon` does what, and what it tells."""

    # Whether a file is missing depends on another setting, so that defaults are checked as well.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    lineage: Schedule = setting("hourly", MUST_BE, "when lineage of each source is mined")
    usage: Schedule = setting("daily at 03:00", MUST_BE, "when usage of each source is mined")
    cost: Schedule = setting("daily at 05:00", MUST_BE, "when the cost of each source is mined")
    columns: Schedule = setting(
        "daily at 03:30", MUST_BE, "when usage of columns of each source is mined, where usage.columns is true"
    )
    queries: Schedule = setting(
        "daily at 03:15", MUST_BE, "when statements of each source are mined, where queries.mine is true"
    )
    names: Schedule = setting("daily at 02:00", MUST_BE, "when names of each source are read")
    emit: Schedule = setting("hourly at :30", MUST_BE, "when what changed is sent")
    verify: Schedule = setting("daily at 04:00", MUST_BE, "when a sample of what was sent is read back, and mended")
    report: Schedule = setting("off", MUST_BE, "when the reports are written whose files are named")
    report_out: Annotated[Path, BeforeValidator(checks.not_empty)] | None = setting(
        None, "a file", "where the popularity report goes; unset: nowhere"
    )
    edges_out: Annotated[Path, BeforeValidator(checks.not_empty)] | None = setting(
        None, "a file", "where the report of current edges goes; unset: nowhere"
    )
    time_zone: Annotated[str, AfterValidator(checks.time_zone)] = setting(
        "UTC", 'a name such as "Europe/Berlin"', "time zone of the schedules; days stay those of UTC"
    )
    jitter_seconds: Whole = whole(60, 0, 3600, "a job begins up to so many seconds late, at random")
    grace_seconds: Whole = whole(25, 0, 3600, "time that work gets to commit and end when the daemon is stopped")
    late_hours: Whole = whole(6, 1, 8760, "hours a job may be due before the daemon is not ready")
    lag_days: Whole = whole(3, 1, 3650, "whole days a watermark may be behind before the daemon is not ready")
    listen: Annotated[str, AfterValidator(checks.listen)] = setting(
        "127.0.0.1:9464", 'HOST:PORT, or "off"', "where metrics, health and the status page are"
    )
    textfile: Annotated[Path, BeforeValidator(checks.not_empty)] | None = setting(
        None, "a file NAME.prom", "where metrics are written for node-exporter after each job; unset: nowhere"
    )

    @field_validator("edges_out")
    @classmethod
    def _somewhere_and_apart(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        popularity = info.data.get("report_out")
        if value is not None and value == popularity:
            raise ValueError("is the file of daemon.report_out too")
        if value is None and popularity is None and info.data.get("report", OFF) != OFF:
            raise ValueError("is missing; daemon.report needs it, or daemon.report_out")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """Give the time zone."""
        return ZoneInfo(self.time_zone)


class Log(Section):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", '"debug", "info", "warning" or "error"', "least important event that is logged"
    )
    format: Literal["auto", "json", "console"] = setting(
        "auto", '"auto", "json" or "console"', "form of the log on standard error; auto: console on a terminal"
    )


class Settings(BaseSettings):
    """Everything that can be set. Constructed directly, it reads neither file nor environment; `load` does."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    ledger: Ledger = section(Ledger, "the miner's memory")
    mining: Mining = section(Mining, "what is mined, and how far back")
    usage: Usage = section(Usage, "what counts as popular")
    readers: Readers = section(Readers, "who is who among those who read")
    reports: Reports = section(Reports, "what reports tell")
    queries: Queries = section(Queries, "statements of the query history")
    sources: dict[SourceName, Source] = Field(
        default_factory=dict,
        description="warehouses to read, each under a name",
        json_schema_extra={"must_be": "a table [sources.NAME], NAME of a-z, 0-9, _ and -"},
    )
    purview: Purview = section(Purview, "where lineage and usage go")
    daemon: Daemon = section(Daemon, "when the daemon does what")
    log: Log = section(Log, "what the miner tells while it works")

    @property
    def reads_columns(self) -> bool:
        """Whether column lineage is read, for edges or for usage."""
        return self.mining.column_lineage or self.usage.columns

    @property
    def describes(self) -> bool:
        """Whether columns of tables that Purview lacks are read, to create these."""
        return self.purview.missing == "create" and self.purview.sink == "purview"

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
