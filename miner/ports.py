"""The seams: what the pipeline asks of a warehouse's system tables and of a sink.

Both have two real implementations (embedded and Databricks; files and Purview) and one full fake in the tests.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import pandas as pd
import pyarrow as pa

from miner import schemas

TABLE_LINEAGE = "table_lineage"
COLUMN_LINEAGE = "column_lineage"
QUERY_HISTORY = "query_history"
JOB_RUN_TIMELINE = "job_run_timeline"
AUDIT = "audit"
TABLE_SHARE_USAGE = "table_share_usage"

JOBS = "jobs"
JOB_TASKS = "job_tasks"
PIPELINES = "pipelines"
WORKSPACES = "workspaces"
INFORMATION_SCHEMA_TABLES = "information_schema_tables"
INFORMATION_SCHEMA_VIEWS = "information_schema_views"
INFORMATION_SCHEMA_COLUMNS = "information_schema_columns"

BILLING_USAGE = "billing_usage"
LIST_PRICES = "list_prices"
WAREHOUSE_EVENTS = "warehouse_events"

NAMES: Mapping[str, pa.Schema] = {
    "workspaces": schemas.WORKSPACES,
    "jobs": schemas.LABELS,
    "job_tasks": schemas.JOB_TASKS,
    "pipelines": schemas.LABELS,
    "dbt_models": schemas.LABELS,
    "notebooks": schemas.LABELS,
    "queries": schemas.LABELS,
    "dashboards": schemas.LABELS,
    "legacy_dashboards": schemas.LABELS,
    "alerts": schemas.LABELS,
    "genie_spaces": schemas.LABELS,
    "tables": schemas.TABLE_FORMS,
    "catalogs": schemas.CATALOGS,
}
"""What the stream `names` reads, each part with the schema of its rows."""


@dataclass(frozen=True, slots=True)
class Span:
    """First and last UTC day a table holds rows for; both None when it holds none."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Outside:
    """Reads past the lineage tables (`miner.schemas.OUTSIDE_READS`); `audited`: the audit log was read for them."""

    rows: pa.Table
    audited: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """An optional table that a source cannot read: what goes missing without it, and what mends that.

    `refused` when it may not be read, else it is not there.
    """

    role: str
    table: str
    refused: bool
    reason: str
    without: str
    mend: str


@dataclass(frozen=True, slots=True)
class Statements:
    """How statements are told: `most` fingerprints of each ranking have rows of their own, by day and dataset.

    `text_length` characters of what they say are told, 0 for nothing.
    """

    most: int = 100
    text_length: int = 0


TOLD = Statements()


class SystemTables(Protocol):
    """One source: typed, already grouped rows of a run of UTC days, both ends included, within one month.

    Raises SourceError, never returns a lost read as empty.
    """

    def span(self, table: str) -> Span: ...

    def absent(self) -> Sequence[str]:
        """Optional tables and columns this source does not have, as `table` or `table.column`."""
        ...

    def missing(self) -> Sequence[Missing]:
        """Optional tables that are wanted and that the principal may not read, or that are not there."""
        ...

    def views(self) -> Mapping[str, str]:
        """Names by role of the tables that are not the system tables themselves, and may show less."""
        ...

    def shown(self, table: str, first: date, last: date) -> pa.Table | None:
        """Rows by day and workspace (`miner.schemas.TOTALS`) of any days; None for a table that is not read."""
        ...

    def totals(self, table: str, first: date, last: date) -> pa.Table: ...

    def edges(self, first: date, last: date) -> Iterator[pa.RecordBatch]: ...

    def column_sets(self, first: date, last: date) -> Iterator[pa.RecordBatch]: ...

    def column_contents(self, first: date, last: date, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Column sets with their content, of the set keys asked for only."""
        ...

    def usage(self, first: date, last: date) -> Iterator[pa.RecordBatch]: ...

    def column_usage(self, first: date, last: date) -> Iterator[pa.RecordBatch]: ...

    def query_runs(self, first: date, last: date, told: Statements) -> Iterator[pa.RecordBatch]: ...

    def one_time_runs(self, first: date, last: date) -> Iterator[pa.RecordBatch]: ...

    def replaced(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """Tables that statements replaced (`miner.schemas.REPLACED`); nothing where no table tells of statements."""
        ...

    def flow_texts(self, first: date, last: date, length: int) -> Iterator[pa.RecordBatch]:
        """What the latest statements say, so many characters, that wrote datasets (`miner.schemas.FLOW_TEXTS`).

        Those of jobs and pipelines alone; nothing where no table tells texts.
        """
        ...

    def enrichment(self, first: date, last: date) -> pa.Table:
        """Statements of lineage and of the history by whether the other side has them (`miner.schemas.ENRICHMENT`)."""
        ...

    def outside_reads(self, first: date, last: date) -> Outside:
        """What was read past the lineage tables, as far as the audit log and the shares can be read."""
        ...

    def cancel(self) -> None:
        """End what is being read, from any thread; whoever reads gets SourceError, now and later."""
        ...


class Names(Protocol):
    """What processes, workspaces, tables and catalogs of one source are called: attributes, never identities."""

    def absent(self) -> Sequence[str]:
        """Parts (`NAMES`) that this source cannot tell, each with the reason; all of them once all were read."""
        ...

    def read(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        """All rows of one part as they stand now; None when it is absent.

        `dbt_models` are those of the run of days, both included, and not more. Raises SourceError.
        """
        ...

    def columns(self, tables: Sequence["TableName"]) -> Iterator[pa.RecordBatch] | None:
        """The columns (`miner.schemas.TABLE_COLUMNS`) of some tables and perhaps of more; None when they are not told.

        Raises SourceError.
        """
        ...


class TableName(NamedTuple):
    """A table of one metastore, folded."""

    catalog: str
    schema: str
    name: str


class Costs(Protocol):
    """What the statements of one source would have cost by list prices: an estimate, and optional.

    Days are UTC, a run of them within one month. Raises SourceError, never returns a lost read as empty.
    """

    @property
    def method(self) -> str:
        """How the cost of an hour is laid on its statements: `idle apart` or `idle with statements`."""
        ...

    def missing(self) -> str:
        """Why there is no cost, as a sentence's end; empty when there is."""
        ...

    def span(self) -> Span:
        """First and last day of what is billed."""
        ...

    def totals(self, first: date, last: date) -> pa.Table:
        """Rows of billing.usage by day and workspace (`miner.schemas.TOTALS`)."""
        ...

    def charges(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """All that warehouses cost by hour (`miner.schemas.CHARGES`): the other side of the balance of money."""
        ...

    def costs(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """What became of every row and of every hour's cost (`miner.schemas.COSTS`)."""
        ...


class Entity(NamedTuple):
    """One entity as it would be sent.

    `body` is its JSON; `digest` covers its structure and the payload version, not moving figures;
    `operations` is what the catalog counts it as (entity plus relationships).
    """

    kind: str
    qualified_name: str
    type_name: str
    body: bytes
    digest: str
    operations: int
    flow: tuple[int, int] = (0, 0)
    """Ledger ids of the process and target that a process entity stands for; zeros for usage."""
    figures: str = ""
    """Of usage, the figures as the sink compares them with those it sent before (`Sink.moved`)."""
    needs: tuple[str, ...] = ()
    """Qualified names of entities of our own that it refers to: those in the same emission arrive before it."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A flow or dataset that has no entity, and why; `name` is the dataset or process it is about."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entity the sink refused, with the server's words."""

    qualified_name: str
    reason: str
    absent: bool = False
    """Whether it is only that the catalog does not have (yet) what figures are about: told as unmatched."""


MADE = "made by the miner, where no scan had brought it in"
"""The reason of a match with an asset that the miner itself created."""

MATCHED = "matched"
AMBIGUOUS = "ambiguous"
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Match:
    """What a catalog holds for a dataset, given by its ledger id: one asset (MATCHED), or none to be referred to."""

    dataset: int
    state: str
    type_name: str = ""
    qualified_name: str = ""
    reason: str = ""
    """Which rule found it, or why none is referred to; one text for all datasets of which the same is to be said."""
    columns: str | None = None
    """How the asset spells its columns, in the sink's own words; None when that is not known."""
    foreign: str | None = None
    """What processes of others bring into the asset, in the sink's own words; None when that is not known."""
    described: str | None = None
    """Of a table without an asset, or with one of ours: its columns and their types as information_schema has them, a
    JSON list of pairs in their order; None when that is not known."""


Known = Callable[[Collection[int]], Mapping[int, Match]]
"""What the ledger knows of some datasets; those that were never looked up are left out."""


def nothing_known(_: Collection[int]) -> Mapping[int, Match]:
    """Tell of no dataset what a catalog holds for it."""
    return {}


class IndexedAsset(NamedTuple):
    """An asset of a catalog, and the key that it is found under."""

    key: str
    type_name: str
    qualified_name: str


class AssetIndex(Protocol):
    """The assets of a catalog, kept to be found by keys that the catalog itself does not know."""

    @property
    def due(self) -> bool:
        """Whether it is to be renewed before it is asked."""
        ...

    def renew(self, assets: Iterable[Sequence[IndexedAsset]]) -> None:
        """Replace all that was kept; what was kept stays when reading the new ones fails."""
        ...

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[IndexedAsset]]:
        """The assets under some keys; keys without any are left out."""
        ...


class Delivery(NamedTuple):
    """A batch that was sent, and what was refused of it."""

    batch: Sequence[Entity]
    refused: Sequence[Rejected]


class Sink(Protocol):
    """Where entities go."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes with every option that changes what is built; the ledger then has everything built again.

        Raises SinkError when what is built depends on a catalog that cannot be asked.
        """
        ...

    naming: str
    """Changes with whatever names of assets depend on; '' when the sink has no catalog to look them up in."""

    def matches(self, datasets: Iterable[pa.RecordBatch], index: AssetIndex) -> Iterator[Sequence[Match]]:
        """Look datasets (`miner.schemas.DATASETS`) up in the catalog: one match for each, in any order.

        Raises SinkError: a look-up that failed is never a missing asset.
        """
        ...

    def processes(
        self, flows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """One entity per process and target, built from the ledger's current edges (`miner.schemas.FLOWS`).

        A dataset that `known` tells nothing of is taken for its most likely asset.
        """
        ...

    def summaries(
        self, rows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """One entity per dataset and side with too many processes to draw each (`miner.schemas.SUMMARIES`)."""
        ...

    def usage(
        self, popularity: pd.DataFrame, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """One entity per dataset with its figures for every window, to be merged into the catalog's own asset.

        `popularity` is that of `miner.popularity`, with the ledger ids of datasets as the column `dataset_id`.
        """
        ...

    def column_usage(
        self, popularity: pd.DataFrame, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """One entity per column with its figures for every window, to be merged into the catalog's own asset.

        `popularity` is that of `miner.column_popularity`, with the ledger ids of datasets as the column `dataset_id`.
        """
        ...

    def moved(self, before: str, now: str) -> bool:
        """Whether figures (`Entity.figures`) moved so far from those that were sent that they are to be sent again."""
        ...

    def figures(self, kind: str, type_name: str, qualified_name: str, figures: str, digest: str) -> Entity:
        """The entity of usage, of a dataset or of a column, that carried some figures (`Entity.figures`), as sent."""
        ...

    def differing(self, entities: Sequence[Entity]) -> Sequence[Entity]:
        """Those entities of our own, and figures, that the catalog lacks, or holds otherwise than they are.

        Parents that others made are left out, and so is every entity where there is no catalog. Raises SinkError.
        """
        ...

    def prepare(self) -> None:
        """Create what entities need (type definitions). Raises SinkError."""
        ...

    def batches(self, entities: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
        """Entities grouped within the sink's limits of count and bytes, order kept."""
        ...

    def deliver(self, batches: Iterable[Sequence[Entity]]) -> Generator[Delivery]:
        """Send batches, several at once where the sink can, in any order that respects `Entity.needs`.

        A batch is taken in the caller's thread, only shortly before it is sent, and handed back once it arrived. Raises
        SinkError when the sink cannot be reached, after handing back all that arrived; what was taken and not handed
        back may have arrived or not. Closed, it begins no further batch.
        """
        ...

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        """Remove entities of our own, given as (type name, qualified name); or mark them, as the sink's options say."""
        ...
