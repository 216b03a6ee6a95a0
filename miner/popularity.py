"""Popularity windows: who reads what, how much, and whether it is more or less than before.

A window is N whole UTC days up to and including `as_of`; every figure, last read and last write too, is of the
window. Score = distinct readers * ln(1 + reads), natural logarithm; or, as Atlan publishes it for its own figures,
distinct readers * ln(reads), by which one read scores nothing.
Band = 1 + floor(4 * share of strictly lower scores) among datasets with a score above 0, else 0.
Trend = (reads - reads of the window before) / reads of the window before; empty where those are 0 or a day is missing.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from miner.ledger import Ledger, reading, usage, wanted
from miner.readers import UNNAMED, Readers
from miner.scope import Chosen
from miner.tally import ByAge, Tally

COLUMNS = (
    "metastore_id", "dataset", "kind", "window_days", "as_of", "reads", "writes", "readers", "people",
    "indirect_reads", "last_read", "last_write", "score", "band", "trend", "partial_days", "partial", "dataset_type",
    "indirect_readers", "self_reads", "cached_reads", "failed_reads", "readers_unknown", "machines",
    "machine_reads", "machine_runs",
)  # fmt: skip
"""The columns of `popularity.csv`, a contract: only ever added to."""


LOG1P, ATLAN = "log1p", "atlan"
"""What `[usage] score` may be."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows to compute, in days, the last day of each, and how datasets score in them."""

    lengths: tuple[int, ...]
    as_of: date
    score: str = LOG1P

    @property
    def first(self) -> date:
        """The first day that any window, or the one before it, needs."""
        return self.as_of - timedelta(days=2 * max(self.lengths) - 1)

    @property
    def points(self) -> np.ndarray:
        """Ages in days at which some window, or the one before it, ends."""
        return np.unique(np.array([*self.lengths, *(2 * length for length in self.lengths)]))

    def place(self, length: int) -> int:
        """Where an age of so many days stands among the points."""
        return int(np.searchsorted(self.points, length))


@dataclass(frozen=True, slots=True)
class PopularityOptions:
    """Windows in days, who and what counts (globs over folded names; kinds of process), and the last day.

    Nothing included is everything; `as_of` None is the last fully mined day.
    """

    windows: tuple[int, ...] = (1, 7, 30, 90)
    include_users: tuple[str, ...] = ()
    include_process_kinds: tuple[str, ...] = ()
    exclude_users: tuple[str, ...] = ()
    exclude_process_kinds: tuple[str, ...] = ()
    as_of: date | None = None
    score: str = LOG1P
    readers: Readers = UNNAMED

    @property
    def users(self) -> Chosen:
        """Whose reads count."""
        return Chosen.by(self.include_users, self.exclude_users)

    @property
    def kinds(self) -> Chosen:
        """By which kinds of process reads count."""
        return Chosen.by(self.include_process_kinds, self.exclude_process_kinds)


def popularity(ledger: Ledger, options: PopularityOptions) -> pd.DataFrame:
    """One row per dataset and window (`COLUMNS`), best score first within a window; empty when nothing is mined."""
    with ledger.copying() as copy:
        with ledger.reading(copy) as connection:
            as_of = options.as_of or reading.last_whole_day(connection)
            if as_of is None:
                return pd.DataFrame({name: [] for name in COLUMNS})
            windows = Windows(tuple(sorted(options.windows)), as_of, options.score)
            wanted.resolve(connection)
            told = usage.tell(connection, options.users, options.kinds, options.readers)
            usage.copy_out(ledger.database, connection, copy, windows.first, as_of)
            names, mined = usage.dataset_names(connection), reading.usage_days(connection)
        tally = Tally(as_of, windows.points, np.sort(names["id"].to_numpy()), told.readers)
        tally.add(usage.stream(ledger.database, copy, told))
        return frame(tally.by_age(), windows, names, set(mined))


def frame(by_age: ByAge, windows: Windows, names: pa.Table, mined: set[date]) -> pd.DataFrame:
    """One row per dataset and window (`COLUMNS`), best score first within a window.

    `names` is `miner.ledger.usage.dataset_names`, `mined` the days whose usage is known in full.
    """
    if not len(by_age.datasets):
        return pd.DataFrame({name: [] for name in COLUMNS})
    identities = names.to_pandas().set_index("id").rename(columns={"dataset": "dataset_name"})
    told = pd.concat([window_figures(length, windows, by_age, mined) for length in windows.lengths])
    return _shaped(told.join(identities, on="dataset"), windows.as_of)


def window_figures(length: int, windows: Windows, by_age: ByAge, mined: set[date]) -> pd.DataFrame:
    """The figures of one window by `dataset`, with score, band, trend and what is not mined of it."""
    at, before = windows.place(length), windows.place(2 * length)
    told = pd.DataFrame({"dataset": by_age.datasets, **by_age.within(at)})
    told["score"] = told["readers"] * _logarithm(told["reads"], windows.score)
    told["band"] = _bands(told["score"])
    told["window_days"] = length
    told["partial_days"] = _missing(windows.as_of, length, mined)
    told["trend"] = np.nan
    if not _missing(windows.as_of, 2 * length, mined):
        earlier = by_age.within(before)["reads"] - told["reads"]
        told["trend"] = (told["reads"] - earlier) / earlier.where(earlier > 0)
    return told


def _logarithm(reads: pd.Series, score: str) -> pd.Series:
    # 0 reads have no logarithm, and no reader either.
    return pd.Series(np.log(reads.clip(lower=1)) if score == ATLAN else np.log1p(reads))


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


def dated(told: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Figures of windows with their last day, whether they are partial, and instants as such."""
    told["as_of"] = as_of
    told["partial"] = told["partial_days"] > 0
    for column, instant in (("last_read", "last_read_at"), ("last_write", "last_write_at")):
        if instant in told:
            told[column] = pd.to_datetime(told[instant], unit="us", utc=True)
    return told


def _shaped(told: pd.DataFrame, as_of: date) -> pd.DataFrame:
    told = dated(told, as_of)
    told = told.drop(columns=["dataset"]).rename(columns={"dataset_name": "dataset"})
    order = ["window_days", "score", "reads", "metastore_id", "dataset"]
    told = told.sort_values(order, ascending=[True, False, False, True, True], kind="stable")
    return told[list(COLUMNS)].reset_index(drop=True)
