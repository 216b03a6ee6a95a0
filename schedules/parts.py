"""The parts of a run, made from settings and closed again: the one place that knows every package."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from miner.drawn import Drawing
from miner.emission import Emitter
from miner.errors import LedgerError, SettingsError
from miner.ledger import COLUMNS, QUERIES, STREAMS, Ledger, ledger_missing, place_of
from miner.ledger import reading as known_of
from miner.ledger.asset_index import LedgerIndex
from miner.ledger.database import BUSY_SECONDS
from miner.ledger.leases import Clock, Leases, Patience, database_clock
from miner.ledger.matches import Ages
from miner.ledger.query_ranks import Ranked
from miner.ledger.retirement import Limits
from miner.popularity import PopularityOptions
from miner.ports import COLUMN_LINEAGE, INFORMATION_SCHEMA_COLUMNS, Statements
from miner.readers import Readers
from miner.scope import Chosen, Scope, lowered
from miner.streams import MiningOptions, Source
from queries.cost import CostReader
from queries.embedded import EmbeddedWarehouse
from queries.names import NameReader
from queries.system_tables import COST_TABLES, NAME_TABLES, OUTSIDE_ACTIONS, TAG, SystemTableReader
from schedules.explanations import Find
from schedules.purview import address, sign_in
from schedules.settings import Settings
from schedules.settings.model import Mining
from schedules.settings.rosters import roster, with_members
from schedules.settings.scope import globs
from schedules.settings.sources import FilesSource
from schedules.settings.sources import Source as SourceSettings
from sinks.purview.client import PurviewSink
from sinks.purview.clouds import CLOUDS
from sinks.purview.files import FilesSink
from sinks.purview.naming import Context
from sinks.purview.options import SEARCH, PurviewOptions
from sinks.purview.sign_in import signed_in

if TYPE_CHECKING:
    from queries.databricks.warehouse import DatabricksWarehouse

Now = Callable[[], datetime]

Starting = Callable[[str, float | None], object]
"""Told by source how many seconds its warehouse has been waited for, and None once it goes on."""


def untold(_source: str, _seconds: float | None) -> None:
    """Nobody is told."""


UNTOLD = partial(untold, "")

FETCHED_AT_ONCE = 2
"""Runs of days fetched at once from a warehouse elsewhere: it computes the next while one comes over the wire."""

RULES_VERSION = "3"
"""Goes up with every change of the text rules in `queries/rules.sql`, and with figures that earlier days lack: days
mined under other rules are mined again."""

DEFAULT_DAYS = 30
"""How many days ago mining starts when the settings name no day."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What an operator allows for once: a source without rows, a settled day that lost some."""

    empty: bool = False
    shrunk: bool = False


NO_LEAVE = Leave()


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes parts from settings. `now` gives the UTC time; a locked ledger is waited for `busy_seconds`.

    `starting` is told while a source's warehouse starts.
    """

    settings: Settings
    now: Now
    busy_seconds: float = BUSY_SECONDS
    lease_clock: Clock = database_clock
    starting: Starting = untold

    @property
    def ledger_place(self) -> str:
        """Where the ledger is, or will be; without a password."""
        return place_of(self.settings.ledger.url)

    def ledger(self) -> AbstractContextManager[Ledger]:
        """The ledger, made when it is not there. Raises LedgerError."""
        return closing(Ledger(self.settings.ledger.url, busy_seconds=self.busy_seconds))

    def known_ledger(self) -> AbstractContextManager[Ledger]:
        """The ledger of earlier runs. Raises LedgerError when there was none."""
        if ledger_missing(self.settings.ledger.url):
            raise LedgerError(f"there is no ledger at {self.ledger_place}", mend="mine something first: uc-miner run")
        return self.ledger()

    def leases(self, ledger: Ledger, patience: Patience) -> Leases:
        """What takes leases in the ledger for this process."""
        return Leases(ledger, patience, self.lease_clock)

    @property
    def start(self) -> date:
        """The first day to mine."""
        return self.settings.mining.start or self.now().date() - timedelta(days=DEFAULT_DAYS)

    def chosen(self, names: Sequence[str]) -> list[str]:
        """The names of sources as asked for, or all. Raises SettingsError where there is none."""
        configured = list(self.settings.sources)
        if not configured:
            raise SettingsError(
                "no source is configured",
                mend='name one in uc-miner.toml: [sources.prod] with kind = "files" and path = "DIRECTORY"',
            )
        if unknown := [name for name in names if name not in configured]:
            raise SettingsError(
                f"there is no source {', '.join(unknown)}", mend=f"the settings name {', '.join(configured)}"
            )
        return [name for name in configured if name in names] if names else configured

    @contextmanager
    def sources(self, ledger: Ledger, names: Sequence[str], leave: Leave = NO_LEAVE) -> Iterator[list[Source]]:
        """Sources to mine, each over a warehouse of its own."""
        with ExitStack() as opened:
            yield [self._source(name, ledger.scratch, leave, opened) for name in self.chosen(names)]

    def _source(self, name: str, scratch: Path, leave: Leave, opened: ExitStack) -> Source:
        given, mining, scope = self.settings.sources[name], self.settings.mining, self.scope(name)
        reader = opened.enter_context(self.reading(name, scratch))
        names = _names(given, reader) if mining.names else None
        costs = CostReader(reader) if mining.cost else None
        return Source(name, reader, self._mining(given, scope, leave), names, costs)

    def reading(self, name: str, scratch: Path) -> AbstractContextManager[SystemTableReader]:
        """The system tables of one source, as far as they are wanted."""
        given, mining, scope = self.settings.sources[name], self.settings.mining, self.scope(name)
        return reading(
            given,
            scratch,
            scope,
            column_lineage=self.settings.reads_columns,
            names=mining.names,
            described=self.settings.describes,
            cost=mining.cost,
            starting=partial(self.starting, name),
            statements=self.settings.queries.mine,
            outside_actions=mining.outside_actions,
            texts=self.settings.purview.statement_text > 0,
        )

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that are mined, as set."""
        asked = ((COLUMNS, self.settings.usage.columns), (QUERIES, self.settings.queries.mine))
        return (*STREAMS, *(stream for stream, mined in asked if mined))

    @property
    def statements_from(self) -> date:
        """The first day of which statements are kept."""
        return self.now().date() - timedelta(days=self.settings.queries.days)

    @property
    def ranked(self) -> Ranked:
        """Which statements are ranked, as set."""
        options, queries = self.popularity(), self.settings.queries
        chosen = [glob for glob in queries.statement_types if not glob.startswith("!")]
        left_out = [glob[1:] for glob in queries.statement_types if glob.startswith("!")]
        return Ranked(options.users, options.kinds, Chosen.by(chosen, left_out), queries.top, options.readers)

    def scope(self, name: str) -> Scope:
        """What one source is mined for: the lists of its own settings, else those under [mining]."""
        given, mining = self.settings.sources[name], self.settings.mining
        return Scope(exclude=globs(mining.exclude, given.exclude), include=globs(mining.include, given.include))

    def _mining(self, given: SourceSettings, scope: Scope, leave: Leave) -> MiningOptions:
        mining, queries = self.settings.mining, self.settings.queries
        return MiningOptions(
            start=self.start,
            settle_days=mining.settle_days,
            rules=_rules(given, scope, mining),
            column_lineage=mining.column_lineage,
            allow_empty=leave.empty,
            allow_shrink=leave.shrunk,
            cost_settle_days=mining.cost_settle_days,
            parallel=1 if isinstance(given, FilesSource) else FETCHED_AT_ONCE,
            streams=self.streams,
            statements=Statements(queries.most, queries.text_length if queries.text else 0),
            statements_from=self.statements_from,
            flow_text=self.settings.purview.statement_text,
        )

    def popularity(self, windows: Sequence[int] = (), as_of: date | None = None) -> PopularityOptions:
        """How popularity is computed; windows and the last day as asked for, else as set."""
        usage = self.settings.usage
        return PopularityOptions(
            windows=tuple(windows) or usage.windows,
            include_users=with_members(usage.include_users, self.readers),
            include_process_kinds=usage.include_process_kinds,
            exclude_users=with_members(usage.exclude_users, self.readers),
            exclude_process_kinds=usage.exclude_process_kinds,
            as_of=as_of,
            score=usage.score,
            readers=self.readers,
        )

    @property
    def readers(self) -> Readers:
        """What is known of who reads, beside what Databricks tells. Raises SettingsError."""
        return roster(self.settings.readers)

    @contextmanager
    def emitter(self, ledger: Ledger, max_removals: int | None = None) -> Iterator[Emitter | None]:
        """What brings the configured sink up to date; None when there is no sink.

        It removes at most `max_removals` percent of what was sent; else as set.
        """
        with self.sink(ledger) as sink:
            if sink is None:
                yield None
                return
            most = self.settings.purview.max_removals if max_removals is None else max_removals
            figures, columns = self.popularity(), self.settings.usage.columns
            yield Emitter(ledger, sink, self.limits, figures, self.now, self.ages, self.drawing, most, columns=columns)

    @property
    def limits(self) -> Limits:
        """How long edges count that are not seen again."""
        mining = self.settings.mining
        return Limits(mining.stale_days, mining.dropped_days)

    @property
    def drawing(self) -> Drawing:
        """What is drawn of what is mined."""
        purview = self.settings.purview
        return Drawing(
            kinds=purview.process_kinds,
            consumers=purview.consumers,
            people_days=purview.people_days,
            people_within=purview.people_within,
            sandboxes=purview.sandbox_schemas,
            most_processes=purview.most_processes,
        )

    @property
    def ages(self) -> Ages:
        """How long it holds what a catalog was found to hold."""
        purview = self.settings.purview
        return Ages(timedelta(days=purview.matched_days), timedelta(days=purview.missing_days))

    @contextmanager
    def sink(self, ledger: Ledger | None = None) -> Iterator[FilesSink | PurviewSink | None]:
        """The configured sink, knowing the catalogs that a ledger knows; None when there is none."""
        options = self._purview_options(ledger)
        purview = self.settings.purview
        if purview.sink == "files":
            yield FilesSink(purview.out, options)
        elif purview.sink == "purview":
            with (
                signed_in(sign_in(purview)) as authentication,
                closing(PurviewSink(address(purview), authentication, options, cloud=purview.cloud)) as sink,
            ):
                yield sink
        else:
            yield None

    @contextmanager
    def finding(self) -> Iterator[Find | None]:
        """Looks candidates up in the catalog of the settings, and the ledger's index of it; None without a catalog."""
        with ExitStack() as opened:
            sink = opened.enter_context(self.sink())
            if not isinstance(sink, PurviewSink):
                yield None
            elif self.settings.purview.index != SEARCH or ledger_missing(self.settings.ledger.url):
                yield sink.match
            else:
                ledger = opened.enter_context(self.ledger())
                index = LedgerIndex(ledger, sink.name, self.ages.missing, self.now())
                yield partial(sink.match, index=index)

    @property
    def naming(self) -> Context:
        """What names of assets depend on, as set."""
        purview = self.settings.purview
        return Context(
            hive_metastore_host=purview.hive_metastore_host or "",
            mounts=purview.mounts,
            foreign_catalogs={lowered(name): address for name, address in purview.foreign_catalogs.items()},
            shared_catalogs=tuple(lowered(glob) for glob in purview.shared_catalogs),
            rules=tuple(rule.rule() for rule in purview.rules),
        )

    def _naming(self, ledger: Ledger | None) -> Context:
        """What names of assets depend on: as set, else as the ledger knows it."""
        naming = self.naming
        if ledger is None:
            return naming
        with ledger.reading() as connection:
            known = known_of.catalogs(connection)
        shared = tuple(name for name in known.shared if name not in naming.foreign_catalogs)
        return replace(
            naming,
            foreign_catalogs={**known.foreign, **naming.foreign_catalogs},
            shared_catalogs=(*naming.shared_catalogs, *map(escape, shared)),
        )

    def _purview_options(self, ledger: Ledger | None = None) -> PurviewOptions:
        purview = self.settings.purview
        return PurviewOptions(
            naming=self._naming(ledger),
            windows=self.settings.usage.windows,
            columns=self.settings.usage.columns,
            max_entities=purview.max_entities,
            max_bytes=purview.max_bytes,
            workers=purview.workers,
            operations_per_second=purview.operations_per_second,
            collection=purview.collection or "",
            process_type=purview.process_type,
            process_types=purview.process_types,
            workspace_domain=CLOUDS[purview.cloud].workspaces,
            usage_group=purview.business_metadata_group,
            missing=purview.missing,
            foreign_lineage=purview.foreign_lineage,
            index=purview.index,
            removed=purview.removed,
            figures_percent=purview.figures_percent,
            column_parts=purview.column_parts,
            statement_text=purview.statement_text,
        )


@contextmanager
def reading(  # noqa: PLR0913 (one keyword for each that is a setting)
    given: SourceSettings,
    scratch: Path,
    scope: Scope,
    *,
    column_lineage: bool = True,
    names: bool = True,
    described: bool = False,
    cost: bool = True,
    starting: Callable[[float | None], object] = UNTOLD,
    statements: bool = False,
    outside_actions: Sequence[str] = OUTSIDE_ACTIONS,
    texts: bool = False,
) -> Iterator[SystemTableReader]:
    """One source's system tables; `scratch` takes what its warehouse cannot hold in memory.

    The tables of column lineage, of names and of cost are left alone where those are not wanted.
    """
    with closing(_warehouse(given, scratch, starting)) as warehouse:
        tables = tables_of(given, column_lineage=column_lineage, names=names, described=described, cost=cost)
        yield SystemTableReader(
            warehouse, tables, scope, given.principal, _tag(given), statements, outside_actions, texts
        )


def _tag(given: SourceSettings) -> tuple[str, str]:
    """The tag that the miner's own statements carry in the history."""
    return TAG if isinstance(given, FilesSource) else next(iter(given.query_tags.items()), TAG)


def tables_of(
    given: SourceSettings,
    *,
    column_lineage: bool = True,
    names: bool = True,
    described: bool = False,
    cost: bool = True,
) -> dict[str, str]:
    """The full names of a source's tables by role, without those that are not wanted."""
    left_out = {
        *(() if column_lineage else (COLUMN_LINEAGE,)),
        *(() if names else NAME_TABLES),
        *(() if described else (INFORMATION_SCHEMA_COLUMNS,)),
        *(() if cost else COST_TABLES),
    }
    return {role: name for role, name in given.tables.model_dump().items() if role not in left_out}


def _names(given: SourceSettings, reader: SystemTableReader) -> NameReader:
    if isinstance(given, FilesSource) or not given.names_from_api:
        return NameReader(reader)
    from schedules.databricks import workspace_api  # noqa: PLC0415 (as for the warehouse)

    return NameReader(reader, workspace_api(given), given.names_from_api)


def _warehouse(
    given: SourceSettings, scratch: Path, starting: Callable[[float | None], object]
) -> "EmbeddedWarehouse | DatabricksWarehouse":
    if isinstance(given, FilesSource):
        return EmbeddedWarehouse(given.path, scratch=scratch, memory_limit=given.memory_limit, threads=given.threads)
    # A second or two of imports that only a run against Databricks has to spend.
    from schedules.databricks import warehouse  # noqa: PLC0415

    return warehouse(given, scratch, starting)


def _rules(given: SourceSettings, scope: Scope, mining: Mining) -> str:
    """A digest of everything that decides about the fate of a row: when it changes, days are mined again."""
    actions = sorted(mining.outside_actions)
    told = (RULES_VERSION, scope.digest(), lowered(given.principal), str(mining.column_lineage), *actions)
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:16]
