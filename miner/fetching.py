"""Fetching: a run of days of one stream, staged beside the ledger and checked against an independent count."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from miner import visible
from miner.errors import BalanceError
from miner.ledger import (
    COST,
    LINEAGE,
    TABLE_OF,
    ColumnStaging,
    CostStaging,
    Ledger,
    LineageStaging,
    QueryStaging,
    Staging,
    UsageStaging,
)
from miner.ports import BILLING_USAGE, COLUMN_LINEAGE
from miner.scope import OUTSIDE
from miner.streams import Source

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A run of days, staged beside the ledger, and the independent count of its rows by table, day and workspace."""

    staging: Staging
    totals: Mapping[str, visible.ByDay]

    def outside(self, table: str, run: Sequence[date]) -> int:
        """Rows of a table that are out of scope on some days."""
        return sum(
            rows
            for (day, of, fate, _), rows in self.staging.fates.items()
            if day in run and of == table and fate.startswith(OUTSIDE)
        )

    def difference(self, run: Sequence[date]) -> str:
        """How what came in and what is accounted for differ, on the first day they do; empty when they agree."""
        return self._rows_lost(run) or self.staging.difference()

    def _rows_lost(self, run: Sequence[date]) -> str:
        accounted: Counter[tuple[date, str]] = Counter()
        for (day, table, _, _), rows in self.staging.fates.items():
            accounted[day, table] += rows
        for table, by_day in self.totals.items():
            for day in run:
                total = sum(by_day.get(day, {}).values())
                if total != accounted[day, table]:
                    return f"{table} holds {total} rows of {day}, {accounted[day, table]} are accounted for"
        return ""


@dataclass(frozen=True, slots=True)
class Fetching:
    """Fetches one stream of a source."""

    source: Source
    stream: str
    ledger: Ledger

    def fetch(self, run: Sequence[date]) -> Fetched:
        """Fetch and stage a run of days; once more when rows in and rows accounted for differ."""
        with structlog.contextvars.bound_contextvars(source=self.source.name, stream=self.stream, day=str(run[0])):
            return self._balanced(run)

    def _balanced(self, run: Sequence[date]) -> Fetched:
        fetched = self._fetch(run)
        if fetched.difference(run):
            log.warning("days.unbalanced", source=self.source.name, stream=self.stream, first=str(run[0]))
            fetched.staging.close()
            fetched = self._fetch(run)
        if difference := fetched.difference(run):
            fetched.staging.close()
            raise BalanceError(
                f"source {self.source.name}, {self.stream}: {difference}",
                mend="rows are lost or counted twice on the way: run again, and report it if it stays",
            )
        return fetched

    def _fetch(self, run: Sequence[date]) -> Fetched:
        staging = self.ledger.stage(self.stream, run[0])
        try:
            with self.ledger.told():
                self._stage(staging, run)
            return Fetched(staging, self._totals(run[0], run[-1]))
        except BaseException:
            staging.close()
            raise

    def _stage(self, staging: Staging, run: Sequence[date]) -> None:
        tables, costs, first, last = self.source.tables, self.source.costs, run[0], run[-1]
        match staging:
            case LineageStaging():
                self._stage_lineage(staging, first, last)
            case UsageStaging():
                staging.add_usage(tables.usage(first, last))
                staging.add_enrichment(tables.enrichment(first, last))
                staging.add_outside(tables.outside_reads(first, last), run)
                staging.finish()
            case ColumnStaging():
                staging.add_reads(tables.column_usage(first, last))
                staging.finish()
            case QueryStaging():
                staging.add_runs(tables.query_runs(first, last, self.source.options.statements))
                staging.finish()
            case CostStaging() if costs:
                staging.add_costs(costs.costs(first, last))
                staging.add_charges(costs.charges(first, last))
                staging.finish()

    def _stage_lineage(self, staging: LineageStaging, first: date, last: date) -> None:
        tables = self.source.tables
        staging.add_edges(tables.edges(first, last))
        if self.source.options.column_lineage:
            staging.add_column_sets(tables.column_sets(first, last))
            if staging.missing_sets:
                staging.add_contents(tables.column_contents(first, last, staging.missing_sets))
        staging.add_one_time_runs(tables.one_time_runs(first - timedelta(days=1), last))
        staging.add_replaced(tables.replaced(first, last))
        if length := self.source.options.flow_text:
            staging.add_texts(tables.flow_texts(first, last, length))

    def _totals(self, first: date, last: date) -> dict[str, visible.ByDay]:
        if self.stream == COST and self.source.costs:
            return {BILLING_USAGE: visible.by_day(self.source.costs.totals(first, last))}
        columns = self.stream == LINEAGE and self.source.options.column_lineage
        read = (TABLE_OF[self.stream], *((COLUMN_LINEAGE,) if columns else ()))
        return {table: visible.by_day(self.source.tables.totals(table, first, last)) for table in read}


def ahead(
    fetching: Fetching, runs: Sequence[Sequence[date]], parallel: int
) -> Iterator[tuple[Sequence[date], Fetched]]:
    """Runs of days in order, the next ones fetched while one is recorded.

    After a failure or an interrupt nobody waits for the rest: what is still being read is cancelled.
    """
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="fetch") as pool:
        waiting: list[tuple[Sequence[date], Future[Fetched]]] = []
        try:
            for day in runs:
                waiting.append((day, pool.submit(copy_context().run, fetching.fetch, day)))
                if len(waiting) > parallel:
                    first, future = waiting.pop(0)
                    yield first, future.result()
            while waiting:
                first, future = waiting.pop(0)
                yield first, future.result()
        except BaseException:
            fetching.source.tables.cancel()
            raise
        finally:
            for _, future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().staging.close()
