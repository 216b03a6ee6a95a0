"""Reads of columns: who read which column of what, and the fate of every row of the columns stream."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tests.oracle.names import Dataset, dataset, lowered
from tests.oracle.scope import EVERYTHING, Fates, Row, Rows, Scope, left_out, on, process
from tests.oracle.usage import latest, midnight, statements, unit_of, usage_fate


class ColumnUse(NamedTuple):
    """Whose reads of which column these are; the column's name is folded."""

    metastore: str
    dataset: Dataset
    column: str
    reader: str
    kind: str


@dataclass
class ColumnReads:
    """One day of one ColumnUse; the spelling is that of the latest event, of two at one instant the greater one."""

    reads: int = 0
    last_read_at: datetime | None = None
    spelling: str = ""


def _row_fate(row: Row, scope: Scope) -> tuple[str, str]:
    """The fate of a row as far as it shows by itself."""
    source, target = dataset(row, "source"), dataset(row, "target")
    fate = usage_fate(row, scope)
    if fate[0] != "kept":
        return fate
    if why := left_out(source, scope):
        return why
    reasons = {
        "write_only": not source,
        "no_column": not row["source_column_name"],
        "self_read": source == target,
        "indirect": row.get("direct_access") is False,
    }
    return next((reason for reason, holds in reasons.items() if holds), "kept"), ""


def _units(day: date, rows: Rows, history: Rows, scope: Scope) -> Iterator[tuple[ColumnUse, bool, list[Row]]]:
    """The reads of a day, each with whether its statement failed and the rows that tell of it."""
    known = statements(history, midnight(day - timedelta(days=1)), midnight(day + timedelta(days=2)))
    units = defaultdict(list)
    for row in on(day, rows):
        if _row_fate(row, scope)[0] == "kept":
            key = row["metastore_id"] or "", dataset(row, "source"), lowered(row["source_column_name"])
            units[*key, row["workspace_id"] or "", unit_of(row)].append(row)
    for (metastore, name, column, workspace, _), told in units.items():
        executed_by, status = known.get((workspace, latest(row["statement_id"] for row in told)), (None, None))
        kind, identity = (latest(process(row)[place] for row in told) for place in (0, 1))
        board = f"dashboard:{identity}" if kind in ("dashboard", "legacy_dashboard") else None
        reader = executed_by or board or latest(row["created_by"] for row in told) or ""
        use = ColumnUse(metastore, name, column, lowered(reader.strip(" ")), kind)
        yield use, status in ("FAILED", "CANCELED"), told


def column_usage(day: date, rows: Rows, history: Rows = (), scope: Scope = EVERYTHING) -> dict[ColumnUse, ColumnReads]:
    """Reads of columns on a day: a unit counts once per column of a dataset, when it was direct and did not fail.

    Rows without a source column, of a dataset to itself, and through a view are no reads of a column.
    """
    found: dict[ColumnUse, ColumnReads] = defaultdict(ColumnReads)
    spelled: dict[ColumnUse, tuple[datetime, str]] = {}
    for use, failed, told in _units(day, rows, history, scope):
        if failed:
            continue
        last = max((row["event_time"], row["source_column_name"]) for row in told)
        spelled[use] = max(spelled.get(use, last), last)
        found[use].reads += 1
        found[use].last_read_at, found[use].spelling = spelled[use]
    return dict(found)


def column_usage_fates(day: date, rows: Rows, history: Rows = (), scope: Scope = EVERYTHING) -> Fates:
    """Rows by fate in the columns stream; those of statements that failed have one of their own."""
    fates: Fates = Counter()
    for row in on(day, rows):
        fate = _row_fate(row, scope)
        fates[fate] += fate[0] != "kept"
    for _, failed, told in _units(day, rows, history, scope):
        fates["failed_read" if failed else "kept", ""] += len(told)
    return +fates
