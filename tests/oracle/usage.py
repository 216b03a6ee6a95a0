"""Daily usage: who read and wrote what, and the fate of every row of the usage stream."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from tests.oracle.names import Dataset, dataset, lowered
from tests.oracle.scope import EVERYTHING, Fates, Row, Rows, Scope, first_reason, left_out, on, process


class Use(NamedTuple):
    """Whose figures these are."""

    metastore: str
    dataset: Dataset
    reader: str
    kind: str


@dataclass
class Figures:
    """One day of one Use; `events` are the raw rows behind reads and failed reads."""

    reads: int = 0
    cached_reads: int = 0
    failed_reads: int = 0
    indirect_reads: int = 0
    self_reads: int = 0
    writes: int = 0
    events: int = 0
    runs: int = 0
    last_read_at: datetime | None = None
    last_write_at: datetime | None = None


def midnight(day: date) -> datetime:
    """The instant a UTC day begins."""
    return datetime.combine(day, time(), UTC)


def counting(row: Row, side: str, scope: Scope) -> Dataset | None:
    """An end of a row when it is there and not left out."""
    end = dataset(row, side)
    return None if left_out(end, scope) else end


def usage_fate(row: Row, scope: Scope) -> tuple[str, str]:
    """The one fate of a row of table_lineage in the usage stream, and the glob behind it."""
    if why := first_reason(row, scope):
        return why
    source, target = dataset(row, "source"), dataset(row, "target")
    whose = lowered(row["created_by"] or "")
    if scope.principal and whose == lowered(scope.principal) and not target and source.spelled in scope.own_tables:
        return "own_read", ""
    if not counting(row, "source", scope) and not counting(row, "target", scope):
        return left_out(source, scope) or left_out(target, scope)
    return "kept", ""


def usage_fates(day: date, rows: Rows, scope: Scope = EVERYTHING) -> Fates:
    """Rows by fate in the usage stream."""
    return Counter(usage_fate(row, scope) for row in on(day, rows))


def latest(texts: Iterable[str | None]) -> str | None:
    """The greatest of several texts: the decision where rows of one unit disagree."""
    return max((text for text in texts if text), default=None)


def statements(history: Rows, first: datetime, end: datetime) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """Who ran a statement and how it ended, by (workspace, statement), for statements begun in [first, end)."""
    told = defaultdict(list)
    for row in history:
        if row["statement_id"] is not None and first <= row["start_time"] < end:
            told[row["workspace_id"] or "", row["statement_id"]].append(row)
    return {
        key: (latest(row["executed_by"] for row in rows), latest(row["execution_status"] for row in rows))
        for key, rows in told.items()
    }


def enrichment(day: date, rows: Rows, history: Rows) -> Counter[tuple[str, str]]:
    """Statements of a day by side and whether the other side has them, a day earlier or later at most."""
    found: Counter[tuple[str, str]] = Counter()
    sides = (
        ("lineage_statements", rows, lambda row: row["event_date"], "history"),
        ("history_statements", history, lambda row: row["start_time"].date(), "lineage"),
    )
    seen = {
        side: {(row["workspace_id"] or "", row["statement_id"], day_of(row)) for row in told}
        for side, told, day_of, _ in sides
    }
    for side, told, day_of, other in sides:
        unnamed = sum(row["statement_id"] is None and day_of(row) == day for row in told)
        found[side, "no_statement_id"] += unnamed
        elsewhere = seen["history_statements" if other == "history" else "lineage_statements"]
        for workspace, statement, of in seen[side]:
            if statement is None or of != day:
                continue
            near = any((workspace, statement, day + timedelta(days=apart)) in elsewhere for apart in (-1, 0, 1))
            found[side, f"{'in' if near else 'not_in'}_{other}"] += 1
    return +found


def unit_of(row: Row) -> str | None:
    """What one read or write is told by: its statement, else its run, else its event."""
    return next((row[name] for name in ("statement_id", "entity_run_id", "event_id") if row[name] is not None), None)


def usage(day: date, rows: Rows, history: Rows = (), scope: Scope = EVERYTHING) -> dict[Use, Figures]:
    """Reads and writes of a day from lineage rows: a unit counts once per dataset, however many rows it left.

    A row of a dataset to itself is a self read and a write, no read. An indirect row is no read; it is counted whether
    or not the same unit reads the dataset directly as well.
    """
    ends = midnight(day - timedelta(days=1)), midnight(day + timedelta(days=2))
    known = statements(history, *ends)
    units = defaultdict(lambda: defaultdict(list))
    runs = defaultdict(set)
    for row in on(day, rows):
        if usage_fate(row, scope)[0] != "kept":
            continue
        source, target = counting(row, "source", scope), counting(row, "target", scope)
        to_itself = dataset(row, "source") == dataset(row, "target")
        if source:
            access = "self" if to_itself else "indirect" if row.get("direct_access") is False else "direct"
            units[row["metastore_id"] or "", source, row["workspace_id"] or "", unit_of(row)][access].append(row)
        if target:
            units[row["metastore_id"] or "", target, row["workspace_id"] or "", unit_of(row)]["write"].append(row)
    found: dict[Use, Figures] = defaultdict(Figures)
    for (metastore, name, workspace, _), accesses in units.items():
        reader, kind, failed = _told(accesses, workspace, known)
        use = Use(metastore, name, reader, kind)
        _count(found[use], accesses, failed=failed)
        told = [run_of(row) for rows in accesses.values() for row in rows]
        run = max((one for one in told if one is not None), default=None)
        if "direct" in accesses and not failed and run is not None:
            runs[use].add((workspace, run))
    for use, seen in runs.items():
        found[use].runs = len(seen)
    return dict(found)


def run_of(row: Row) -> str | None:
    """The run of a process: a job's or a pipeline's own id of it where that is told, else the entity's."""
    told = row.get("entity_metadata") or {}
    own = {
        "job": (told.get("job_info") or {}).get("job_run_id"),
        "pipeline": (told.get("dlt_pipeline_info") or {}).get("dlt_update_id"),
    }.get(process(row)[0])
    return row["entity_run_id"] if own is None else own


def _told(accesses, workspace, known) -> tuple[str, str, bool]:
    """Reader and kind of process of a unit, and whether its statement failed."""
    rows = [row for some in accesses.values() for row in some]
    executed_by, status = known.get((workspace, latest(row["statement_id"] for row in rows)), (None, None))
    kind, identity = latest(process(row)[0] for row in rows), latest(process(row)[1] for row in rows)
    board = f"dashboard:{identity}" if kind in ("dashboard", "legacy_dashboard") else None
    reader = executed_by or board or latest(row["created_by"] for row in rows) or ""
    return lowered(reader.strip(" ")), kind, status in ("FAILED", "CANCELED")


def _count(figures: Figures, accesses, *, failed: bool) -> None:
    direct, written = ([row["event_time"] for row in accesses.get(access, ())] for access in ("direct", "write"))
    figures.reads += bool(direct) and not failed
    figures.failed_reads += bool(direct) and failed
    figures.indirect_reads += "indirect" in accesses
    figures.self_reads += "self" in accesses
    figures.writes += bool(written)
    figures.events += len(direct)
    figures.last_read_at = _later(figures.last_read_at, [] if failed else direct)
    figures.last_write_at = _later(figures.last_write_at, written)


def _later(so_far: datetime | None, times: list[datetime]) -> datetime | None:
    return max([*times, *([so_far] if so_far else [])], default=None)


def cached_reads(day: date, rows: Rows, history: Rows, scope: Scope = EVERYTHING) -> dict[Use, Figures]:
    """Reads a statement was spared by the result cache: those of the statement that filled it, today or yesterday."""
    hits = defaultdict(list)
    for row in history:
        origin = row["cache_origin_statement_id"]
        answered = row["from_result_cache"] and row["execution_status"] == "FINISHED"
        today = midnight(day) <= row["start_time"] < midnight(day + timedelta(days=1))
        if today and answered and origin and row["statement_id"] and origin != row["statement_id"]:
            hits[row["workspace_id"] or "", row["statement_id"]].append(row)
    kinds = defaultdict(list)
    for (workspace, hit), told in hits.items():
        reader = lowered(latest(row["executed_by"] for row in told) or "")
        for row in _direct_reads(day, rows, (workspace, latest(row["cache_origin_statement_id"] for row in told))):
            source = counting(row, "source", scope)
            usable = source and not (source.name and not (source.catalog and source.schema))
            away = first_reason(row, scope) and first_reason(row, scope)[0].startswith(("excluded", "not_included"))
            own = (
                scope.principal and reader == lowered(scope.principal) and source and source.spelled in scope.own_tables
            )
            if usable and not away and not own:
                kinds[row["metastore_id"] or "", source, reader.strip(" "), hit, workspace].append(process(row)[0])
    found: dict[Use, Figures] = defaultdict(Figures)
    for (metastore, name, reader, _, _), seen in kinds.items():
        found[Use(metastore, name, reader, latest(seen))].cached_reads += 1
    return dict(found)


def _direct_reads(day: date, rows: Rows, statement: tuple[str, str]) -> Iterable[Row]:
    for row in rows:
        near = day - timedelta(days=1) <= row["event_date"] <= day
        if (
            near
            and row.get("direct_access") is not False
            and (row["workspace_id"] or "", row["statement_id"]) == statement
        ):
            yield row
