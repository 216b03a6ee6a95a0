"""Popularity windows: who reads what, how much, and whether it is more or less than before.

A window is N whole UTC days up to and including `as_of`; every figure, last read and last write too, is of the
window. Score = distinct readers * ln(1 + reads), natural logarithm.
Band = 1 + floor(4 * share of strictly lower scores) among datasets with a score above 0, else 0.
Trend = (reads - reads of the window before) / reads of the window before; empty where those are 0 or a day is missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from miner import days
from miner.ledger import Ledger, reading, usage

COUNTS = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes")
_READERS = ("readers", "people", "indirect_readers")
_LASTS = ("last_read_at", "last_write_at")
_MERGED_FROM = 1_000_000
_NEVER = 127

COLUMNS = (
    "metastore_id", "dataset", "kind", "window_days", "as_of", "reads", "writes", "readers", "people",
    "indirect_reads", "last_read", "last_write", "score", "band", "trend", "partial_days", "partial", "dataset_type",
    "indirect_readers", "self_reads", "cached_reads", "failed_reads", "readers_unknown",
)  # fmt: skip
"""The columns of `popularity.csv`, a contract: only ever added to."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows to compute, in days, and the last day of each."""

    lengths: tuple[int, ...]
    as_of: date

    @property
    def first(self) -> date:
        """The first day that any window, or the one before it, needs."""
        return self.as_of - timedelta(days=2 * max(self.lengths) - 1)

    @property
    def points(self) -> np.ndarray:
        """Ages in days at which some window, or the one before it, ends."""
        return np.unique(np.array([*self.lengths, *(2 * length for length in self.lengths)]))


@dataclass(frozen=True, slots=True)
class PopularityOptions:
    """Windows in days, who and what is left out (globs over folded names; kinds of process), and the last day.

    `as_of` None is the last fully mined day.
    """

    windows: tuple[int, ...] = (1, 7, 30, 90)
    exclude_users: tuple[str, ...] = ()
    exclude_process_kinds: tuple[str, ...] = ()
    stale_days: int = 180
    as_of: date | None = None


def popularity(ledger: Ledger, options: PopularityOptions) -> pd.DataFrame:
    """One row per dataset and window (`COLUMNS`), best score first within a window; empty when nothing is mined."""
    copy = ledger.scratch_file()
    try:
        with ledger.reading(copy) as connection:
            as_of = options.as_of or reading.last_whole_day(connection)
            if as_of is None:
                return pd.DataFrame({name: [] for name in COLUMNS})
            windows = Windows(tuple(sorted(options.windows)), as_of)
            reading.resolve(connection, options.stale_days)
            readers = usage.tell_readers(connection, options.exclude_users, options.exclude_process_kinds)
            usage.copy_out(connection, windows.first, as_of, readers)
            names, mined = usage.dataset_names(connection), reading.usage_days(connection)
        tally = Tally(windows)
        tally.add(usage.stream(copy))
        return frame(tally, windows, names, mined)
    finally:
        copy.unlink(missing_ok=True)


class Tally:
    """Sums daily usage by dataset and age, batch by batch; memory grows with datasets and readers, not with days."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._points = windows.points
        self._sums: list[pa.Table] = []
        self._readers: list[pa.Table] = []

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in daily usage as `miner.ledger.usage.stream` gives it."""
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            age = days.number(self._windows.as_of) - rows["day"].to_numpy()
            rows = rows.append_column("age", pa.array(np.searchsorted(self._points, age, side="right"), pa.int64()))
            unknown = pc.if_else(pc.equal(rows["reader"], 0), rows["reads"], 0)
            self._keep(self._sums, _sum(rows.append_column("readers_unknown", unknown)), _sum)
            self._keep(self._readers, _reading(rows), _youngest)

    @staticmethod
    def _keep(parts: list[pa.Table], part: pa.Table, merge: Callable[[pa.Table], pa.Table]) -> None:
        """Merge when as much has come as is kept, so that every row is merged a few times and no more."""
        parts.append(part)
        if sum(table.num_rows for table in parts[1:]) > max(_MERGED_FROM, parts[0].num_rows):
            parts[:] = [merge(pa.concat_tables(parts))]

    def sums(self) -> pd.DataFrame:
        """One row per dataset and age class."""
        summed: pd.DataFrame = _sum(pa.concat_tables(self._sums)).to_pandas() if self._sums else pd.DataFrame()
        return summed

    def readers(self) -> dict[str, pd.DataFrame]:
        """Distinct readers by dataset and the age class of their last read, for each of readers, people, indirect."""
        if not self._readers:
            return {name: pd.DataFrame({"dataset": [], "age": [], "readers": []}) for name in _READERS}
        youngest = _youngest(pa.concat_tables(self._readers))
        return {name: _counted(youngest, name) for name in _READERS}


def _sum(rows: pa.Table) -> pa.Table:
    kept = [(name, "sum") for name in (*COUNTS, "readers_unknown")] + [(name, "max") for name in _LASTS]
    names = ["dataset", "age", *(name for name, _ in kept)]
    return rows.group_by(["dataset", "age"]).aggregate(kept).rename_columns(names)


def _reading(rows: pa.Table) -> pa.Table:
    """Rows of known readers that read, with their age as readers, as people and as indirect ones, or NEVER."""
    known = pc.not_equal(rows["reader"], 0)
    read = pc.and_(pc.greater(rows["reads"], 0), known)
    indirect = pc.and_(pc.greater(rows["indirect_reads"], 0), known)
    person = pc.and_(read, pc.equal(rows["person"], 1))
    age = pc.cast(rows["age"], pa.int8())
    never = pa.scalar(_NEVER, pa.int8())
    ages = [pc.if_else(mask, age, never) for mask in (read, person, indirect)]
    told = pa.table([rows["dataset"], rows["reader"], *ages], names=["dataset", "reader", *_READERS])
    return told.filter(pc.or_(read, indirect))


def _youngest(rows: pa.Table) -> pa.Table:
    found = rows.group_by(["dataset", "reader"]).aggregate([(name, "min") for name in _READERS])
    return found.rename_columns(["dataset", "reader", *_READERS])


def _counted(youngest: pa.Table, name: str) -> pd.DataFrame:
    ever = youngest.filter(pc.not_equal(youngest[name], _NEVER))
    counted = ever.group_by(["dataset", name]).aggregate([("reader", "count")])
    told: pd.DataFrame = counted.rename_columns(["dataset", "age", "readers"]).to_pandas()
    return told


def frame(tally: Tally, windows: Windows, names: pa.Table, mined: Sequence[date] | set[date]) -> pd.DataFrame:
    """One row per dataset and window (`COLUMNS`), best score first within a window.

    `names` is `miner.ledger.usage.dataset_names`, `mined` the days whose usage is known in full.
    """
    sums = tally.sums()
    if sums.empty:
        return pd.DataFrame({name: [] for name in COLUMNS})
    identities = names.to_pandas().set_index("id").rename(columns={"dataset": "dataset_name"})
    readers = tally.readers()
    parts = [_window(length, windows, sums, readers, set(mined)) for length in windows.lengths]
    told = pd.concat(parts).join(identities, on="dataset")
    return _shaped(told, windows.as_of)


def _window(
    length: int, windows: Windows, sums: pd.DataFrame, readers: Mapping[str, pd.DataFrame], mined: set[date]
) -> pd.DataFrame:
    points = windows.points
    current = sums[sums["age"] < np.searchsorted(points, length, side="right")]
    before = sums[
        (sums["age"] >= np.searchsorted(points, length, side="right"))
        & (sums["age"] < np.searchsorted(points, 2 * length, side="right"))
    ]
    every = pd.Index(sums["dataset"].unique(), name="dataset")
    told = current.groupby("dataset")[[*COUNTS, "readers_unknown"]].sum().reindex(every, fill_value=0)
    told[list(_LASTS)] = current.groupby("dataset")[list(_LASTS)].max().reindex(every)
    for name, found in readers.items():
        within = found[found["age"] < np.searchsorted(points, length, side="right")]
        told[name] = within.groupby("dataset")["readers"].sum().reindex(every, fill_value=0)
    told["score"] = told["readers"] * np.log1p(told["reads"])
    told["band"] = _bands(told["score"])
    told["window_days"] = length
    told["partial_days"] = _missing(windows.as_of, length, mined)
    told["trend"] = np.nan
    if not _missing(windows.as_of, 2 * length, mined):
        earlier = before.groupby("dataset")["reads"].sum().reindex(every, fill_value=0)
        told["trend"] = ((told["reads"] - earlier) / earlier.where(earlier > 0)).astype("float64")
    return told.reset_index()


def _bands(scores: pd.Series) -> pd.Series:
    scored = scores[scores > 0]
    if scored.empty:
        return pd.Series(0, index=scores.index)
    lower = scored.rank(method="min") - 1
    # In whole numbers: a share such as 3/4 must not fall below its band by rounding.
    bands = 1 + (4 * lower.astype("int64")) // len(scored)
    return bands.reindex(scores.index, fill_value=0).astype("int64")


def _missing(as_of: date, length: int, mined: set[date]) -> int:
    return sum(as_of - timedelta(days=age) not in mined for age in range(length))


def _shaped(told: pd.DataFrame, as_of: date) -> pd.DataFrame:
    told["as_of"] = as_of
    told["partial"] = told["partial_days"] > 0
    for column, instant in (("last_read", "last_read_at"), ("last_write", "last_write_at")):
        told[column] = pd.to_datetime(told[instant], unit="us", utc=True)
    told = told.drop(columns=["dataset"]).rename(columns={"dataset_name": "dataset"})
    order = ["window_days", "score", "reads", "metastore_id", "dataset"]
    told = told.sort_values(order, ascending=[True, False, False, True, True], kind="stable")
    return told[list(COLUMNS)].reset_index(drop=True)
