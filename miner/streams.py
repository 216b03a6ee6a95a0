"""Streams: what of a source is mined, from which day on, under which rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import structlog

from miner import schemas
from miner.errors import MissingRightError
from miner.ledger import COLUMNS, COST, LINEAGE, QUERIES, STREAMS, USAGE
from miner.ports import QUERY_HISTORY, TOLD, Costs, Names, Span, Statements, SystemTables

log = structlog.get_logger()

AT_ONCE = {LINEAGE: schemas.RUN_DAYS, USAGE: 7, COLUMNS: 7, QUERIES: 7, COST: schemas.RUN_DAYS}
"""Days fetched and committed together at most: usage keeps a row per day, an edge's month is one row."""


RECENT_DAYS = 7
"""Days on which query history is looked at before statements are mined: without any there, something is missing."""

LeftOut = Callable[[str], None]
"""Told why a stream is left out that was asked for."""


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How a source is mined; `rules` is the digest of what is left out."""

    start: date
    settle_days: int
    rules: str
    column_lineage: bool = True
    allow_empty: bool = False
    allow_shrink: bool = False
    parallel: int = 1
    """Runs of days fetched while one is recorded: more than one only pays where the warehouse is not this machine."""
    streams: tuple[str, ...] = STREAMS
    cost_settle_days: int = 7
    """The same as `settle_days` for cost: bills are corrected later than events are told."""
    statements: Statements = TOLD
    statements_from: date | None = None
    """The first day of which statements are kept."""
    flow_text: int = 0
    """Characters of the latest statement's text that are kept of a process and its target; 0 for none."""

    def of(self, stream: str) -> "MiningOptions":
        """The same as they hold for one stream: statements have rules of their own, and are not kept for ever."""
        if stream != QUERIES:
            return self
        told = self.statements
        rules = f"{self.rules}, {told.most} fingerprints, {told.text_length} characters"
        return replace(self, rules=rules, start=max(self.start, self.statements_from or self.start))


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source; `names` None leaves ids where names could stand, `costs` None cost untold."""

    name: str
    tables: SystemTables
    options: MiningOptions
    names: Names | None = None
    costs: Costs | None = None


def span_of(source: Source, stream: str, lineage: Span, left_out: LeftOut | None = None) -> Span | None:
    """The days to mine of a stream, those of lineage; None where query history cannot be read, which is told."""
    if stream != QUERIES or lineage.last is None:
        return lineage
    first = lineage.last - timedelta(days=RECENT_DAYS - 1)
    try:
        shown = source.tables.shown(QUERY_HISTORY, first, lineage.last)
    except MissingRightError as error:
        reason, mend = error.message, error.mend
    else:
        if shown is not None and (shown.num_rows or source.options.allow_empty):
            return lineage
        reason = "there is no query.history"
        mend = "look whether its name is right in the settings, and its grant: uc-miner grants"
        if refused := [one for one in source.tables.missing() if one.role == QUERY_HISTORY and one.refused]:
            reason, mend = refused[0].reason, refused[0].mend
        if shown is not None:
            reason = f"query.history holds no row from {first} to {lineage.last}"
            mend = "look whether its view or export is whole"
    log.warning("queries.left_out", source=source.name, error=reason, mend=mend)
    if left_out:
        left_out(f"source {source.name}: no queries are mined: {reason}: {mend}, or set [queries] mine = false")
    return None


def of_cost(source: Source, costs: Costs) -> Source:
    """The source as its cost is mined: with rules and a settle age of its own."""
    options = source.options
    rules = f"{options.rules}, {costs.method}"
    return replace(source, options=replace(options, rules=rules, settle_days=options.cost_settle_days, streams=(COST,)))


def with_options_of(source: Source, stream: str) -> Source:
    """The source as one stream of it is mined."""
    if stream == COST and source.costs:
        return of_cost(source, source.costs)
    return replace(source, options=source.options.of(stream))
