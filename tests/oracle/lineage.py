"""Edges and column pairs of a day, and the fate of every row of the lineage stream."""

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from tests.oracle.names import Dataset, dataset, fold
from tests.oracle.scope import EVERYTHING, Fates, Row, Rows, Scope, first_reason, left_out, on, process

CONSUMERS = ("alert", "dashboard", "genie_space", "legacy_dashboard")
"""Kinds of process that write nothing, and are the target of what they read."""


class Edge(NamedTuple):
    """Source to target by one process."""

    metastore: str
    workspace: str
    kind: str
    process: str
    source: Dataset
    target: Dataset


def lineage_fate(row: Row, scope: Scope) -> tuple[str, str]:
    """The one fate of a row of table_lineage or column_lineage in the lineage stream, and the glob behind it."""
    source, target = dataset(row, "source"), dataset(row, "target")
    if why := first_reason(row, scope) or left_out(source, scope) or left_out(target, scope):
        return why
    reasons = {
        "read_only": not target and process(row)[0] not in CONSUMERS,
        "write_only": not source,
        "self_edge": source == target,
        "indirect": row.get("direct_access") is False,
        "no_column": "source_column_name" in row and not (row["source_column_name"] and row["target_column_name"]),
    }
    return next((reason for reason, holds in reasons.items() if holds), "kept"), ""


def edge(row: Row) -> Edge:
    """The edge a row makes; an ad hoc process is known by its target, a target that is missing is the consumer."""
    source, target = dataset(row, "source"), dataset(row, "target")
    kind, identity = process(row)
    if target is None and kind in CONSUMERS:
        target = Dataset(None, None, None, f"uc-miner://{row['workspace_id'] or ''}/{kind}/{identity}")
    return Edge(row["metastore_id"] or "", row["workspace_id"] or "", kind, identity or target.spelled, source, target)


def edges(day: date, rows: Rows, scope: Scope = EVERYTHING) -> dict[Edge, bool]:
    """The day's edges, each with whether a row said outright that the access was direct."""
    found: dict[Edge, bool] = {}
    for row in on(day, rows):
        if lineage_fate(row, scope)[0] == "kept":
            found[edge(row)] = found.get(edge(row), False) or row.get("direct_access") is True
    return found


def indirect_edges(day: date, rows: Rows, scope: Scope = EVERYTHING) -> set[Edge]:
    """Edges seen through a view."""
    return {edge(row) for row in on(day, rows) if lineage_fate(row, scope)[0] == "indirect"}


def column_pairs(day: date, rows: Rows, scope: Scope = EVERYTHING) -> dict[Edge, set[tuple[str, str]]]:
    """The day's pairs of column names by edge, whether or not a table row made that edge too."""
    found = defaultdict(set)
    for row in on(day, rows):
        if lineage_fate(row, scope)[0] == "kept":
            found[edge(row)].add((row["source_column_name"], row["target_column_name"]))
    return dict(found)


def lineage_fates(day: date, rows: Rows, scope: Scope = EVERYTHING, known: Collection[Edge] | None = None) -> Fates:
    """Rows by fate in the lineage stream; given the day's table edges, a column row may have `no_table_edge`."""
    fates: Fates = Counter()
    for row in on(day, rows):
        fate, glob = lineage_fate(row, scope)
        orphan = fate == "kept" and known is not None and edge(row) not in known
        fates["no_table_edge" if orphan else fate, glob] += 1
    return fates


def one_time_runs(rows: Rows, first: date, last: date) -> dict[tuple[str, str], str | None]:
    """Job ids that were submitted and not scheduled, by workspace, each with the name of its latest named run.

    Of two at one instant the greater name counts.
    """
    found: dict[tuple[str, str], str | None] = {}
    for row in sorted(rows, key=lambda row: (row["period_start_time"], row["run_name"] or "")):
        inside = first <= row["period_start_time"].date() <= last
        if inside and row["job_id"] and row["run_type"] in ("SUBMIT_RUN", "WORKFLOW_RUN"):
            key = (row["workspace_id"] or "", row["job_id"])
            found[key] = row["run_name"] or found.get(key)
    return found


def replaced(day: date, rows: Rows, history: Rows) -> dict[tuple[str, Dataset], set[Edge]]:
    """Tables that a statement replaced on a day, by metastore, and the edges into each that it made void.

    A replacement counts from its first row on; void is what was last seen before the last of them. Whatever is told
    under the name of a run's own table, which is renamed afterwards, is not told under the table's.
    """
    statements = {
        (row["workspace_id"] or "", row["statement_id"])
        for row in history
        if row["statement_type"] == "REPLACE" and row["execution_status"] in {None, "FINISHED"} and row["statement_id"]
    }
    since: dict[tuple[str, Dataset], dict[tuple[str, str], datetime]] = defaultdict(dict)
    last: dict[tuple[str, Dataset], dict[Edge, datetime]] = defaultdict(dict)
    for row in sorted(on(day, rows), key=lambda row: row["event_time"]):
        target, name = dataset(row, "target"), fold(row["target_table_name"])
        if target is None or name is None or target.name != name or not all(target[:3]):
            continue
        key = (row["metastore_id"] or "", target)
        by = (row["workspace_id"] or "", row["statement_id"])
        if by in statements:
            since[key].setdefault(by, row["event_time"])
        if dataset(row, "source") is not None:
            last[key][edge(row)] = row["event_time"]
    return {key: {one for one, at in last[key].items() if at < max(times.values())} for key, times in since.items()}


def flow_texts(
    first: date, last: date, rows: Rows, history: Rows, *, length: int, scope: Scope = EVERYTHING
) -> dict[tuple[tuple[str, str, str, str], Dataset], tuple[datetime, str]]:
    """What the latest statement says that wrote a dataset for a job or pipeline, cut, and when; by process and dataset.

    Of two at one instant the greater text counts. A statement counts for days next to the one it began on.
    """
    said = defaultdict(list)
    for row in history:
        finished = row["execution_status"] in {None, "FINISHED"}
        if finished and (row["statement_text"] or "").strip(" ") not in {"", "<REDACTED>", "__REDACTED__"}:
            said[row["workspace_id"] or "", row["statement_id"]].append(row)
    found: dict[tuple[tuple[str, str, str, str], Dataset], tuple[datetime, str]] = {}
    for row in rows:
        inside = first <= row["event_date"] <= last and row["statement_id"]
        if not inside or process(row)[0] not in {"job", "pipeline"} or lineage_fate(row, scope)[0] != "kept":
            continue
        made = edge(row)
        for statement in said[made.workspace, row["statement_id"]]:
            if abs(row["event_date"] - statement["start_time"].date()).days <= 1:
                told = row["event_time"], statement["statement_text"][:length]
                found[made[:4], made.target] = max(found.get((made[:4], made.target), told), told)
    return found
