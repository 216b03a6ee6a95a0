"""What is worth a look in the figures: tables nobody reads, hot ones, cooling ones, those that much hangs on.

People drop tables on such words, so that what says that something did not happen is said of a window only when all of
it is settled, and of a dataset only when the ledger saw it before the window.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from miner import schemas
from miner.ledger import Ledger, evidence, reading, usage, wanted
from miner.matching import with_ids
from miner.popularity import PopularityOptions, popularity

NO_READ = "no_recorded_read"
NEVER_READ = "written_never_read"
MACHINES_ALONE = "read_by_machines_alone"
DROPPED = "read_but_dropped"
HOT = "hot"
COOLING = "cooling"
DEPENDED_ON = "most_depended_on"

_POPULAR = 3
"""The lowest band that can be hot: a second read after one is no news."""
_DOUBLED = 1.0
_HALVED = -0.5
_FEW = 10
"""Reads of the window before, below which cooling is chance."""
_READS = ["reads", "indirect_reads", "cached_reads", "failed_reads"]
_COUNTED = (*_READS, "readers", "people", "machines", "machine_runs", "writes", "readers_unknown", "band")
_SEVERAL = 2
"""Datasets that hang on one, below which nearly every table would be told of."""
_MOST = 20
"""How many datasets are told of as depended on."""
_WEEK = 7

OUTSIDE, INSIDE, UNKNOWN = "read outside", "no", "unknown"
"""Whether a dataset is read past the lineage tables (Delta Sharing, credentials for other engines); `unknown` where the
audit log was not read for every day of the window, or does not say of which table it tells."""

_NOTHING_KNOWN = evidence.Outside()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What findings rest on beside the figures, by ledger id of the dataset.

    `before` are datasets that were there before a window, by its days; windows that are not settled whole are missing.
    `outside` is what was read past lineage, by the days of windows that are mined whole.
    """

    before: Mapping[int, Collection[int]] = field(default_factory=dict)
    not_listed: Collection[int] = ()
    dependents: Mapping[int, int] = field(default_factory=dict)
    outside: Mapping[int, evidence.Outside] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows in days: those whose state is told, and those whose trend."""

    standing: tuple[int, ...]
    moving: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Each once."""
        return tuple(sorted({*self.standing, *self.moving}))


def findings(ledger: Ledger, options: PopularityOptions, *, each: bool = False) -> pa.Table:
    """One row per dataset, finding and window (`miner.schemas.FINDINGS`), by window, finding and name.

    Told of `each` window, or else of one: the longest that is settled whole; what moves, of the shortest that evens out
    the days of the week. The last day, unless told, is the last one that is settled: only then nothing is still to
    come. Everyone's reads count, also of users and kinds that popularity leaves out.
    """
    with ledger.reading() as connection:
        unsettled = {one.day for one in reading.mined_days(connection, stream="usage") if not one.settled}
        settled = reading.usage_days(connection) - unsettled
    as_of = options.as_of or max(settled, default=None)
    if as_of is None:
        return schemas.FINDINGS.empty_table()
    windows = _windows(options.windows, as_of, settled, each=each)
    everyone = PopularityOptions(windows.all, as_of=as_of, readers=options.readers)
    frame = with_ids(popularity(ledger, everyone))
    with ledger.reading() as connection:
        wanted.resolve(connection)
        before = {
            window: evidence.seen_before(connection, as_of - timedelta(days=window - 1))
            for window in windows.standing
            if _within(window, as_of, settled)
        }
        mined = reading.usage_days(connection)
        outside = {
            window: evidence.outside(connection, as_of - timedelta(days=window - 1), as_of)
            for window in windows.all
            if _within(window, as_of, mined)
        }
        known = Evidence(before, evidence.not_listed(connection), evidence.dependents(connection), outside)
        names = usage.dataset_names(connection).to_pandas().rename(columns={"id": "dataset_id"})
    return found_in(with_untouched(frame, names, known, as_of), known, windows)


def _windows(lengths: Sequence[int], as_of: date, settled: Collection[date], *, each: bool) -> Windows:
    if each:
        return Windows(tuple(lengths), tuple(lengths))
    whole = [length for length in lengths if _within(length, as_of, settled)]
    moving = [length for length in lengths if length >= _WEEK]
    return Windows((max(whole or lengths),), (min(moving or lengths),))


def _within(window: int, as_of: date, settled: Collection[date]) -> bool:
    return all(as_of - timedelta(days=age) in settled for age in range(window))


def with_untouched(frame: pd.DataFrame, names: pd.DataFrame, known: Evidence, as_of: date) -> pd.DataFrame:
    """The frame and, for each window that is settled, the datasets seen before it that no figure tells of."""
    parts = [frame]
    for window, before in known.before.items():
        told = frame.loc[frame["window_days"] == window, "dataset_id"]
        rows = names[names["dataset_id"].isin(before) & ~names["dataset_id"].isin(told)].copy()
        for name in _COUNTED:
            rows[name] = 0
        for name in ("last_read", "last_write"):
            rows[name] = pd.Series(pd.NaT, rows.index, frame[name].dtype)
        parts.append(rows.assign(window_days=window, as_of=as_of, trend=np.nan))
    return pd.concat([part for part in parts if len(part)] or [frame], ignore_index=True)


def found_in(frame: pd.DataFrame, known: Evidence, windows: Windows) -> pa.Table:
    """The findings of a frame of popularity with the ledger ids of datasets as `dataset_id`."""
    told = frame.assign(dependents=frame["dataset_id"].map(known.dependents).fillna(0).astype("int64"))
    parts = [rows.assign(finding=name) for name, rows in _found(told, known, windows) if len(rows)]
    if not parts:
        return schemas.FINDINGS.empty_table()
    whole = pd.concat(parts)
    ends = zip(whole["window_days"], whole["metastore_id"], whole["dataset"], strict=True)
    whole["read_outside"] = [_outside(known.outside.get(window, _NOTHING_KNOWN), *end) for window, *end in ends]
    order = ["window_days", "finding", "metastore_id", "dataset"]
    columns = whole.sort_values(order, kind="stable")[schemas.FINDINGS.names]
    return pa.Table.from_pandas(columns, schema=schemas.FINDINGS, preserve_index=False)


def _outside(told: evidence.Outside, metastore: str, dataset: str) -> str:
    if told.covers(metastore, dataset):
        return OUTSIDE
    return INSIDE if told.sure else UNKNOWN


Found = Iterator[tuple[str, pd.DataFrame]]


def _found(frame: pd.DataFrame, known: Evidence, windows: Windows) -> Found:
    for window in windows.standing:
        rows = frame[frame["window_days"] == window]
        yield from _standing(rows, known)
        if window in known.before:
            yield from _absent(rows, known, rows["dataset_id"].isin(known.before[window]))
    for window in windows.moving:
        yield from _moving(frame[frame["window_days"] == window])


def _standing(rows: pd.DataFrame, known: Evidence) -> Found:
    yield DROPPED, rows[_read(rows) & rows["dataset_id"].isin(known.not_listed)]
    order = ["dependents", "metastore_id", "dataset"]
    ranked = rows[rows["dependents"] >= _SEVERAL].sort_values(order, ascending=[False, True, True])
    yield DEPENDED_ON, ranked.head(_MOST)


def _absent(rows: pd.DataFrame, known: Evidence, older: pd.Series) -> Found:
    unread = ~_read(rows) & older & ~rows["dataset_id"].isin(known.not_listed)
    yield NO_READ, rows[unread]
    yield NEVER_READ, rows[unread & (rows["writes"] > 0)]
    by_known = (rows["reads"] > 0) & (rows["readers_unknown"] == 0)
    yield MACHINES_ALONE, rows[by_known & (rows["people"] == 0) & (rows["indirect_reads"] == 0)]


def _moving(rows: pd.DataFrame) -> Found:
    yield HOT, rows[(rows["trend"] >= _DOUBLED) & (rows["band"] >= _POPULAR)]
    before = rows["reads"] / (1 + rows["trend"])
    yield COOLING, rows[(rows["reads"] > 0) & (rows["trend"] <= _HALVED) & (before >= _FEW)]


def _read(rows: pd.DataFrame) -> pd.Series:
    return rows[_READS].sum(axis=1) > 0
