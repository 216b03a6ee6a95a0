"""What a demo found: popular tables, tables nobody reads, and how much of the estate lineage can tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

POPULAR_WINDOW = 30
TREND_WINDOW = 7
_IDENTITY = ["metastore_id", "kind", "dataset"]


@dataclass(frozen=True, slots=True)
class PopularTable:
    """One of the most popular tables; `trend` is that of the last week, None where it cannot be told."""

    table: str
    reads: int
    readers: int
    people: int
    score: float
    last_read: datetime | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class UnreadTable:
    """A table that was written, and has no recorded read."""

    table: str
    writes: int
    last_write: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much is known of edges and reads, in numbers of edges and of reads."""

    edges: int
    edges_with_columns: int
    edges_with_a_path: int
    edges_unverified: int
    tables: int
    paths: int
    reads: int
    reads_without_reader: int
    cached_reads: int
    failed_reads: int


def popular_tables(popularity: pd.DataFrame, most: int = 10) -> list[PopularTable]:
    """The tables with the highest score of 30 days."""
    tables = popularity[(popularity["window_days"] == POPULAR_WINDOW) & (popularity["kind"] == "table")]
    week = popularity[popularity["window_days"] == TREND_WINDOW].set_index(_IDENTITY)["trend"].rename("week")
    best = tables[tables["score"] > 0].head(most).join(week, on=_IDENTITY)
    return [
        PopularTable(
            table=row["dataset"],
            reads=int(row["reads"]),
            readers=int(row["readers"]),
            people=int(row["people"]),
            score=float(row["score"]),
            last_read=_known(row["last_read"]),
            trend=_known(row["week"]),
        )
        for row in best.to_dict("records")
    ]


def unread_tables(popularity: pd.DataFrame) -> list[UnreadTable]:
    """Tables that were written in the longest window and have no read in it, direct, through a view or cached."""
    rows = _longest(popularity)
    reads = rows["reads"] + rows["indirect_reads"] + rows["cached_reads"]
    unread = rows[(rows["kind"] == "table") & (rows["writes"] > 0) & (reads == 0)]
    ordered = unread.sort_values(["writes", "dataset"], ascending=[False, True], kind="stable")
    return [
        UnreadTable(row["dataset"], int(row["writes"]), row["last_write"].to_pydatetime())
        for row in ordered.to_dict("records")
    ]


def coverage(popularity: pd.DataFrame, edges: pa.Table) -> Coverage:
    """Shares that the reports can tell."""
    rows = _longest(popularity)
    ends_in_path = pc.or_(pc.equal(edges["source_kind"], "path"), pc.equal(edges["target_kind"], "path"))
    return Coverage(
        edges=edges.num_rows,
        edges_with_columns=_count(pc.greater(edges["column_pairs"], 0)),
        edges_with_a_path=_count(ends_in_path),
        edges_unverified=_count(pc.invert(edges["verified"])),
        tables=int((rows["kind"] == "table").sum()),
        paths=int((rows["kind"] == "path").sum()),
        reads=int(rows["reads"].sum()),
        reads_without_reader=int(rows["readers_unknown"].sum()),
        cached_reads=int(rows["cached_reads"].sum()),
        failed_reads=int(rows["failed_reads"].sum()),
    )


def _longest(popularity: pd.DataFrame) -> pd.DataFrame:
    return popularity.query("window_days == window_days.max()")


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value
