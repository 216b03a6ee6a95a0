"""A staged run of days becomes part of the ledger: rows, balance and the days' marks in one short transaction.

Days that are due together and lie in one month are merged together: an edge's month is one row whatever its days, so
that thirty days cost little more than one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import Connection, delete, insert, select, text

from miner import days
from miner.errors import LedgerError
from miner.ledger import aliases, dirty, flow_texts, tables, watermarks
from miner.ledger.column_staging import ColumnStaging
from miner.ledger.cost_staging import CostStaging
from miner.ledger.lineage_staging import LineageStaging
from miner.ledger.query_staging import QueryStaging
from miner.ledger.staging import ADD_DATASETS, Staging
from miner.ledger.usage_staging import MEASURES, UsageStaging
from miner.ports import BILLING_USAGE, COLUMN_LINEAGE, QUERY_HISTORY, TABLE_LINEAGE
from miner.schemas import RUNS, VOLUMES

LINEAGE = "lineage"
USAGE = "usage"
COLUMNS = "columns"
QUERIES = "queries"
STREAMS = (LINEAGE, USAGE)
"""The streams that are always mined; COLUMNS and QUERIES are where they are asked for."""
COST = "cost"
"""A stream that a source may be without; it is mined after the others."""

TABLE_OF = {
    LINEAGE: TABLE_LINEAGE, USAGE: TABLE_LINEAGE, COLUMNS: COLUMN_LINEAGE, QUERIES: QUERY_HISTORY, COST: BILLING_USAGE,
}  # fmt: skip
"""The table whose rows a stream's days are told by."""


class Fence(Protocol):
    """A lease as a transaction sees it."""

    def check(self, connection: Connection) -> None:
        """Raise LeaseLostError when the lease ended; else keep it until the transaction does."""
        ...


@dataclass(frozen=True, slots=True)
class DayMark:
    """What is committed with a day's rows."""

    day: date
    totals: Mapping[str, int]
    """Rows of the stream's table (`TABLE_OF`) by workspace, by the independent count."""
    settled: bool
    whole: bool

    @property
    def rows(self) -> int:
        """All rows of the day."""
        return sum(self.totals.values())


@dataclass(frozen=True, slots=True)
class Merge:
    """A run of days of one source and stream, within one month."""

    source_id: int
    stream: str
    days: tuple[DayMark, ...]
    rules: str
    mined_at: datetime
    run_id: int
    lease: Fence | None = None
    """Checked first and last: without it nothing is committed."""
    live: bool = True
    """Whether these days were due; False when a backfill asked for them."""


def merge(connection: Connection, one: Merge, staging: Staging) -> None:
    """Replace one source's share of some days with what was staged as `stage`. The caller holds the transaction."""
    if one.lease:
        one.lease.check(connection)
    staging.refuse_collisions()
    first, last = one.days[0].day, one.days[-1].day
    bits = sum(days.bit(mark.day) for mark in one.days)
    values = {
        "source": one.source_id, "month": days.month(first), "bits": bits, "day": days.number(last),
        "first": days.number(first), "last": days.number(last),
    }  # fmt: skip
    known = {mark.day: _previous_rows(connection, one, mark.day) for mark in one.days}
    mined_before = any(rows is not None for rows in known.values())
    if isinstance(staging, LineageStaging):
        statements = (*(_CLEAR_LINEAGE if mined_before else ()), *_MERGE_LINEAGE)
    elif isinstance(staging, CostStaging):
        statements = _MERGE_COST
    elif isinstance(staging, QueryStaging):
        statements = _MERGE_QUERIES
    else:
        _refuse_closed(connection, one.stream, values)
        statements = _MERGE_COLUMNS if isinstance(staging, ColumnStaging) else _MERGE_USAGE
    for statement in statements:
        connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    if isinstance(staging, LineageStaging) and staging.one_time_runs:
        aliases.add_one_time_runs(connection, one.source_id, days.month(first))
    for mark in one.days:
        _note_late_rows(connection, one, mark, known[mark.day])
        _mark(connection, one, mark, staging)
    watermarks.advance(connection, one.source_id, one.stream, first if one.live else None)
    if one.lease:
        one.lease.check(connection)


def _refuse_closed(connection: Connection, stream: str, values: Mapping[str, int]) -> None:
    closed = tables.CLOSED[stream]
    bits = connection.execute(
        select(closed.c.day_bits).where(closed.c.source_id == values["source"], closed.c.month == values["month"])
    ).scalar()
    if shut := days.days_of(values["month"], (bits or 0) & values["bits"]):
        raise LedgerError(
            f"the {_ROLLED_UP[stream]} of {shut[0]} is rolled up to its month, and cannot be replaced any more",
            mend="leave days out that are older than [ledger] usage_days",
        )


_ROLLED_UP = {USAGE: "usage", COLUMNS: "usage of columns"}


def _previous_rows(connection: Connection, one: Merge, day: date) -> int | None:
    mined = tables.day_mined
    return connection.execute(
        select(mined.c.rows_total).where(
            mined.c.source_id == one.source_id, mined.c.stream == one.stream, mined.c.day == days.number(day)
        )
    ).scalar()


def _note_late_rows(connection: Connection, one: Merge, mark: DayMark, known: int | None) -> None:
    late = mark.rows - (known or 0)
    age = (one.mined_at.date() - mark.day).days
    if known is None or late <= 0 or age <= 0:
        return
    statement = text(
        "INSERT INTO late_rows (source_id, stream, day, age_days, rows) VALUES (:source, :stream, :day, :age, :rows) "
        "ON CONFLICT (source_id, stream, day, age_days) DO UPDATE SET rows = late_rows.rows + excluded.rows"
    )
    values = {"source": one.source_id, "stream": one.stream, "day": days.number(mark.day), "age": age, "rows": late}
    connection.execute(statement, values)


def _mark(connection: Connection, one: Merge, mark: DayMark, staging: Staging) -> None:
    key = {"source_id": one.source_id, "stream": one.stream, "day": days.number(mark.day)}
    for table in (tables.day_mined, tables.day_fate, tables.day_workspace):
        connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items())))
    told = {
        "rows_total": mark.rows,
        "settled": mark.settled,
        "whole": mark.whole,
        "rules": one.rules,
        "content": staging.contents.get(mark.day, ""),
        "mined_at": days.micros(one.mined_at),
        "run_id": one.run_id,
        "audited": staging.audited,
    }
    connection.execute(insert(tables.day_mined), [{**key, **told}])
    if counted := [
        {**key, "table_name": table, "fate": fate, "rule": rule, "rows": rows}
        for (day, table, fate, rule), rows in sorted(staging.fates.items())
        if rows and day == mark.day
    ]:
        connection.execute(insert(tables.day_fate), counted)
    if mark.totals:
        by_workspace = [{**key, "workspace_id": name, "rows": rows} for name, rows in sorted(mark.totals.items())]
        connection.execute(insert(tables.day_workspace), by_workspace)


_CLEAR_LINEAGE = (
    # Edges that these days alone showed direct, and show so no more: their verdict is to be found anew.
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM edge_month m JOIN edge e ON e.id = m.edge_id "
        "WHERE m.source_id = :source AND m.month = :month AND m.direct_bits <> 0 AND m.direct_bits & ~:bits = 0 "
        "AND NOT EXISTS (SELECT 1 FROM stage.active a "
        "WHERE a.edge_id = m.edge_id AND a.set_id = m.set_id AND a.direct_bits <> 0)"
    ),
    "DELETE FROM replaced WHERE source_id = :source AND day BETWEEN :first AND :last",
    # What is as it was is not written again: most of a day that is mined once more.
    (
        "UPDATE edge_month SET day_bits = day_bits & ~:bits, direct_bits = direct_bits & ~:bits "
        "WHERE source_id = :source AND month = :month AND day_bits & :bits <> 0 AND NOT EXISTS (SELECT 1 "
        "FROM stage.active a WHERE a.edge_id = edge_month.edge_id AND a.set_id = edge_month.set_id)"
    ),
    (
        "UPDATE edge_indirect SET day_bits = day_bits & ~:bits "
        "WHERE source_id = :source AND month = :month AND day_bits & :bits <> 0 AND NOT EXISTS (SELECT 1 "
        "FROM stage.indirect i WHERE i.edge_id = edge_indirect.edge_id)"
    ),
)

_MERGE_LINEAGE = (
    ADD_DATASETS,
    (
        "INSERT INTO process (id, check_bits, metastore_id, workspace_id, kind, process_id, notebook_id, job_id, "
        "pipeline_id) SELECT id, check_bits, metastore_id, workspace_id, kind, process_id, notebook_id, job_id, "
        "pipeline_id FROM stage.new_process WHERE true ON CONFLICT (id) DO NOTHING"
    ),
    (
        "INSERT INTO edge (id, check_bits, process_id, source_dataset, target_dataset) "
        "SELECT id, check_bits, process_id, source_dataset, target_dataset FROM stage.new_edge WHERE true "
        "ON CONFLICT (id) DO NOTHING"
    ),
    (
        "INSERT INTO column_set (id, check_bits, content) SELECT id, check_bits, content FROM stage.new_set "
        "WHERE true ON CONFLICT (id) DO NOTHING"
    ),
    # The plus signs have SQLite look what is staged up in the ledger's table, and not go through that, which is larger.
    (
        "UPDATE edge_month SET day_bits = (edge_month.day_bits & ~:bits) | a.day_bits, "
        "direct_bits = (edge_month.direct_bits & ~:bits) | a.direct_bits FROM stage.active a "
        "WHERE edge_month.source_id = :source AND edge_month.month = :month AND edge_month.edge_id = +a.edge_id "
        "AND edge_month.set_id = +a.set_id AND ((edge_month.day_bits & :bits) <> a.day_bits "
        "OR (edge_month.direct_bits & :bits) <> a.direct_bits)"
    ),
    (
        "INSERT INTO edge_month (source_id, month, edge_id, set_id, day_bits, direct_bits) "
        "SELECT :source, :month, edge_id, set_id, day_bits, direct_bits FROM stage.active WHERE true "
        "ON CONFLICT (source_id, month, edge_id, set_id) DO NOTHING"
    ),
    (
        "UPDATE edge_indirect SET day_bits = (edge_indirect.day_bits & ~:bits) | i.day_bits FROM stage.indirect i "
        "WHERE edge_indirect.source_id = :source AND edge_indirect.month = :month "
        "AND edge_indirect.edge_id = +i.edge_id AND (edge_indirect.day_bits & :bits) <> i.day_bits"
    ),
    (
        "INSERT INTO edge_indirect (source_id, month, edge_id, day_bits) "
        "SELECT :source, :month, edge_id, day_bits FROM stage.indirect WHERE true "
        "ON CONFLICT (source_id, month, edge_id) DO NOTHING"
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM stage.changed c "
        "JOIN edge e ON e.id = c.edge_id WHERE true"
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM edge_month m JOIN edge e ON e.id = m.edge_id "
        "WHERE m.source_id = :source AND m.month = :month AND m.day_bits = 0"
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM edge_indirect m JOIN edge e ON e.id = m.edge_id "
        "WHERE m.source_id = :source AND m.month = :month AND m.day_bits = 0"
    ),
    (
        "INSERT INTO replaced (source_id, day, dataset_id, edge_id) "
        "SELECT :source, day, dataset_id, edge_id FROM stage.replacing WHERE true "
        "ON CONFLICT (source_id, day, dataset_id, edge_id) DO NOTHING"
    ),
    *flow_texts.MERGE,
    "DELETE FROM edge_month WHERE source_id = :source AND month = :month AND day_bits = 0",
    "DELETE FROM edge_indirect WHERE source_id = :source AND month = :month AND day_bits = 0",
)

_NAMES = ", ".join(MEASURES)

_ADD_READERS = (
    "INSERT INTO reader (id, name) SELECT id, min(name) FROM stage.new_reader WHERE true GROUP BY id "
    "ON CONFLICT (id) DO NOTHING"
)

_NEW_LOCATIONS = (
    "FROM stage.located l JOIN edge e ON e.{end} = l.from_id WHERE NOT EXISTS (SELECT 1 FROM alias a "
    "WHERE a.source_id = :source AND a.kind = 'dataset' AND a.from_id = l.from_id AND a.to_id = l.to_id)"
)
"""Edges that end in a path which is a table for the first time, as far as this source tells."""


_MERGE_USAGE = (
    ADD_DATASETS,
    *(
        dirty.MARK.format(rows=f"SELECT DISTINCT e.process_id, e.target_dataset, 1 {_NEW_LOCATIONS.format(end=end)}")
        for end in ("source_dataset", "target_dataset")
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, o.to_id, 1 FROM stage.located l "
        "JOIN edge e ON e.target_dataset = l.from_id "
        "JOIN alias o ON o.kind = 'dataset' AND o.from_id = l.from_id WHERE NOT EXISTS (SELECT 1 FROM alias a "
        "WHERE a.source_id = :source AND a.kind = 'dataset' AND a.from_id = l.from_id AND a.to_id = l.to_id)"
    ),
    _ADD_READERS,
    (
        "UPDATE dataset SET type = f.type, spelling = f.spelling, spelled_at = f.at FROM stage.latest_form f "
        "WHERE dataset.id = f.id AND (dataset.spelled_at, coalesce(dataset.spelling, '')) <= (f.at, f.spelling)"
    ),
    "DELETE FROM usage_day WHERE source_id = :source AND day BETWEEN :first AND :last",
    (
        f"INSERT INTO usage_day (source_id, day, dataset_id, reader_id, process_kind, {_NAMES}, "  # noqa: S608 -- ours
        "last_read_at, "
        "last_write_at) SELECT :source, * FROM stage.usage"
    ),
    "DELETE FROM outside_read WHERE source_id = :source AND day BETWEEN :first AND :last",
    (
        "INSERT INTO outside_read (source_id, day, metastore_id, dataset, told_by, reads) "
        "SELECT :source, day, metastore_id, dataset, told_by, reads FROM stage.outside WHERE true "
        "ON CONFLICT (source_id, day, metastore_id, dataset, told_by) DO NOTHING"
    ),
    aliases.UPSERT.format(
        rows="SELECT :source, 'dataset', from_id, to_id, 'row', min(day), max(day) FROM stage.located WHERE true "
        "GROUP BY from_id, to_id"
    ),
)

_MERGE_COST = (
    ADD_DATASETS,
    "DELETE FROM cost_day WHERE source_id = :source AND day BETWEEN :first AND :last",
    "DELETE FROM cost_hour WHERE source_id = :source AND day BETWEEN :first AND :last",
    (
        "INSERT INTO cost_day (source_id, day, dataset_id, currency, amount, statements) "
        "SELECT :source, day, dataset_id, currency, amount, statements FROM stage.paid_day"
    ),
    (
        "INSERT INTO cost_hour (source_id, day, hour, currency, fate, amount) "
        "SELECT :source, day, hour, currency, fate, amount FROM stage.paid_hour"
    ),
)

_MERGE_COLUMNS = (
    ADD_DATASETS,
    (
        "INSERT INTO dataset_column (id, check_bits, dataset_id, name, spelled_at) "
        "SELECT id, check_bits, dataset_id, name, 0 FROM stage.new_column WHERE true ON CONFLICT (id) DO NOTHING"
    ),
    (
        "UPDATE dataset_column SET spelling = l.spelling, spelled_at = l.at FROM stage.latest_spelling l "
        "WHERE dataset_column.id = l.id "
        "AND (dataset_column.spelled_at, coalesce(dataset_column.spelling, '')) < (l.at, l.spelling)"
    ),
    _ADD_READERS,
    "DELETE FROM column_day WHERE source_id = :source AND day BETWEEN :first AND :last",
    (
        "INSERT INTO column_day (source_id, day, column_id, reader_id, process_kind, reads, last_read_at) "
        "SELECT :source, * FROM stage.reads"
    ),
)

_MERGE_QUERIES = (
    ADD_DATASETS,
    _ADD_READERS,
    # Those too that the ledger knew when they were staged: they may have been pruned since.
    (
        "INSERT INTO fingerprint (id, check_bits, statement_type, said) "
        "SELECT id, check_bits, statement_type, said FROM stage.new_fingerprint WHERE true ON CONFLICT (id) DO NOTHING"
    ),
    (
        "UPDATE fingerprint SET said = n.said FROM stage.new_fingerprint n "
        "WHERE fingerprint.id = n.id AND n.said IS NOT NULL AND n.said <> coalesce(fingerprint.said, '')"
    ),
    "DELETE FROM query_day WHERE source_id = :source AND day BETWEEN :first AND :last",
    (
        "INSERT INTO query_day (source_id, day, dataset_id, fingerprint_id, reader_id, process_kind, client, "  # noqa: S608
        f"warehouse, {', '.join((*RUNS, *VOLUMES))}, last_run_at) SELECT :source, * FROM stage.ran"
    ),
)

STAGING = {
    LINEAGE: LineageStaging, USAGE: UsageStaging, COLUMNS: ColumnStaging, QUERIES: QueryStaging, COST: CostStaging,
}  # fmt: skip
