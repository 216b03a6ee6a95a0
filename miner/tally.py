"""Daily usage summed by dataset and age, for windows that all end on one day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from miner import days

COUNTS = (
    "reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes", "machine_reads", "machine_runs",
)  # fmt: skip
LASTS = ("last_read_at", "last_write_at")
_MERGED_FROM = 1_000_000

NO_INSTANT = np.iinfo(np.int64).min

UNKNOWN = 0
"""The reader of reads that nobody is known for."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ByAge:
    """Usage by dataset and age class, each class with all younger ones: shape (datasets, classes)."""

    datasets: Numbers
    counts: Mapping[str, Numbers]
    """Reads, writes and readers, by name."""
    lasts: Mapping[str, Numbers]
    """Microseconds since 1970, UTC, or NO_INSTANT."""

    def within(self, place: int) -> dict[str, pd.Series]:
        """Each figure of the window that ends with an age class, by dataset."""
        told = {name: pd.Series(figures[:, place]) for name, figures in self.counts.items()}
        for name, figures in self.lasts.items():
            instants = pd.Series(figures[:, place])
            told[name] = instants.where(instants != NO_INSTANT)
        return told


class Tally:
    """Sums daily usage by dataset and age, batch by batch.

    Memory: one figure per dataset and age class, and eight bytes per dataset and reader of it; days cost nothing.
    """

    def __init__(  # noqa: PLR0913 (a keyword for each that another kind of usage has less of)
        self,
        as_of: date,
        points: Numbers,
        datasets: Numbers,
        readers: Numbers,
        *,
        counts: Sequence[str] = COUNTS,
        lasts: Sequence[str] = LASTS,
    ) -> None:
        """Days are aged up to `as_of`; ages fall into the classes that `points` (days, ascending) end.

        `datasets` and `readers` are all ids that may come, ascending. `counts` and `lasts` are what is told of each.
        """
        self._as_of = as_of
        self._points = points
        self._datasets = datasets
        shape = (len(datasets), len(points) + 1)
        self._seen = np.zeros(len(datasets), np.bool_)
        self._told = tuple(counts)
        self._counts = {name: np.zeros(shape, np.int64) for name in (*counts, "readers_unknown")}
        self._lasts = {name: np.full(shape, NO_INSTANT) for name in lasts}
        kinds = ("people", "machines", *(("indirect_readers",) if "indirect_reads" in counts else ()))
        self._readers = {name: _Readers(readers, shape) for name in kinds}

    def add(self, tables: Iterable[pa.Table]) -> None:
        """Take in daily usage as `miner.ledger.usage.stream` gives it. Raises KeyError for an unknown dataset."""
        for rows in _ahead(iter(tables)):
            ids = rows["dataset"].to_numpy()
            dataset = np.searchsorted(self._datasets, ids)
            if (self._datasets[np.minimum(dataset, len(self._datasets) - 1)] != ids).any():
                raise KeyError("usage of a dataset that the ledger does not know")
            age = np.searchsorted(self._points, days.number(self._as_of) - rows["day"].to_numpy(), side="right")
            self._seen[dataset] = True
            self._add_up(rows, dataset, age)
            self._add_readers(rows, dataset, age)

    def _add_up(self, rows: pa.Table, dataset: Numbers, age: Numbers) -> None:
        reader, reads = rows["reader"].to_numpy(), rows["reads"].to_numpy()
        unknown = np.flatnonzero(reader == UNKNOWN)
        np.add.at(self._counts["readers_unknown"], (dataset[unknown], age[unknown]), reads[unknown])
        for name in self._told:
            values = rows[name].to_numpy()
            some = np.flatnonzero(values)
            np.add.at(self._counts[name], (dataset[some], age[some]), values[some])
        for name, lasts in self._lasts.items():
            some = np.flatnonzero(pc.is_valid(rows[name]).to_numpy())
            np.maximum.at(lasts, (dataset[some], age[some]), pc.drop_null(rows[name]).to_numpy())

    def _add_readers(self, rows: pa.Table, dataset: Numbers, age: Numbers) -> None:
        reader = rows["reader"].to_numpy()
        known = reader != UNKNOWN
        read = known & (rows["reads"].to_numpy() > 0)
        person = read & rows["person"].to_numpy()
        chosen = {"people": person, "machines": read & ~person}
        if "indirect_readers" in self._readers:
            chosen["indirect_readers"] = known & (rows["indirect_reads"].to_numpy() > 0)
        for name, some in chosen.items():
            self._readers[name].add(dataset[some], reader[some], age[some])

    def by_age(self) -> ByAge:
        """Everything taken in, by dataset and age."""
        seen = self._seen
        counts = {name: np.cumsum(figures[seen], axis=1) for name, figures in self._counts.items()}
        told = self._readers | {"readers": self._readers["people"].united(self._readers["machines"])}
        counts |= {name: np.cumsum(found.counted()[seen], axis=1) for name, found in told.items()}
        lasts = {name: np.maximum.accumulate(instants[seen], axis=1) for name, instants in self._lasts.items()}
        return ByAge(self._datasets[seen], counts, lasts)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Each table, while the next one is read by another thread."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, tables, None)
        while (rows := coming.result()) is not None:
            coming = reader.submit(next, tables, None)
            yield rows


class _Readers:
    """Readers of each dataset with the age class of their latest read, each a number: dataset, reader, then age."""

    def __init__(self, readers: Numbers, shape: tuple[int, int]) -> None:
        self._readers = readers
        self._shape = shape
        self.parts: list[Numbers] = []

    def add(self, dataset: Numbers, reader: Numbers, age: Numbers) -> None:
        """Take in reads; merge when as much has come as is kept, so that a row is merged a few times and no more."""
        pair = dataset * len(self._readers) + np.searchsorted(self._readers, reader)
        self.parts.append(self._youngest(pair * self._shape[1] + age))
        if sum(map(len, self.parts[1:])) > max(_MERGED_FROM, len(self.parts[0])):
            self.parts = [self._youngest(np.concatenate(self.parts))]

    def _youngest(self, told: Numbers) -> Numbers:
        told = np.sort(told)
        pair = told // self._shape[1]
        first: Numbers = told[np.concatenate([np.ones(min(len(told), 1), np.bool_), pair[1:] != pair[:-1]])]
        return first

    def united(self, other: "_Readers") -> "_Readers":
        """The readers of either."""
        both = _Readers(self._readers, self._shape)
        both.parts = [*self.parts, *other.parts]
        return both

    def counted(self) -> Numbers:
        """Distinct readers by dataset and the age class of their latest read."""
        told = self._youngest(np.concatenate([np.zeros(0, np.int64), *self.parts]))
        pair, age = np.divmod(told, self._shape[1])
        counted = np.zeros(self._shape, np.int64)
        np.add.at(counted, (pair // max(len(self._readers), 1), age), 1)
        return counted
