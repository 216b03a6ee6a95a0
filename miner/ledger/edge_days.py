"""The days on which edges and their column sets were seen: arrays with a number per edge, not an object.

Days are bits of a month (bit 0 is its first day).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]

NO_SET = 0
"""The column set of an edge that was seen without column pairs."""


@dataclass(frozen=True, slots=True)
class EdgeDays:
    """One row per edge, ascending by `ids`."""

    ids: Numbers
    day_bits: Numbers
    direct_bits: Numbers
    """Days with direct_access true."""
    indirect_bits: Numbers
    """Days with direct_access false."""

    @classmethod
    def of(cls, ids: Sequence[Numbers], bits: Sequence[Sequence[Numbers]]) -> "EdgeDays":
        """Rows of all parts together; `bits` holds, by part, the three kinds of days."""
        whole = [_joined([part[kind] for part in bits]) for kind in range(3)]
        (one_of_each,), gathered = _gathered([_joined(ids)], whole)
        return cls(one_of_each, *gathered)

    def days_of(self, edges: Numbers) -> Numbers:
        """The days of each of some edges; none for one that is not here."""
        if not len(self.ids):
            return np.zeros(len(edges), np.int64)
        at = np.minimum(np.searchsorted(self.ids, edges), len(self.ids) - 1)
        return np.where(self.ids[at] == edges, self.day_bits[at], 0)


@dataclass(frozen=True, slots=True)
class SetDays:
    """The days on which an edge had a column set: one row per edge and set, ascending."""

    edges: Numbers
    sets: Numbers
    bits: Numbers

    @classmethod
    def of(cls, edges: Sequence[Numbers], sets: Sequence[Numbers], bits: Sequence[Numbers]) -> "SetDays":
        """Rows of all parts together, those without a day left out."""
        seen = (days := _joined(bits)) != 0
        (edge, column_set), (gathered,) = _gathered([_joined(edges)[seen], _joined(sets)[seen]], [days[seen]])
        return cls(edge, column_set, gathered)

    def overlapping(self) -> npt.NDArray[np.bool_]:
        """Rows of edges that had several sets on one day: parts of what is really one set."""
        starts = _starts([self.edges])
        if not len(starts):
            return np.zeros(0, np.bool_)
        in_several = np.add.reduceat(self.bits, starts) != np.bitwise_or.reduceat(self.bits, starts)
        return np.repeat(in_several, np.diff(np.append(starts, len(self.edges))))

    def only(self, rows: npt.NDArray[np.bool_]) -> "SetDays":
        """Some of the rows."""
        return SetDays(self.edges[rows], self.sets[rows], self.bits[rows])

    def by_edge(self) -> tuple[Numbers, Numbers]:
        """Each edge, and all its days with any set."""
        (edges,), (bits,) = _gathered([self.edges], [self.bits])
        return edges, bits


def active(edges: EdgeDays, sets: SetDays) -> pa.Table:
    """What becomes of a month: edge_id, set_id (NO_SET where it had none), day_bits, direct_bits; ascending."""
    with_sets, days = sets.by_edge()
    covered = np.zeros_like(edges.day_bits)
    covered[np.searchsorted(edges.ids, with_sets)] = days
    bare = edges.day_bits & ~covered
    alone = bare != 0
    edge = np.concatenate([sets.edges, edges.ids[alone]])
    column_set = np.concatenate([sets.sets, np.full(alone.sum(), NO_SET)])
    bits = np.concatenate([sets.bits, bare[alone]])
    order = np.lexsort((column_set, edge))
    direct = edges.direct_bits[np.searchsorted(edges.ids, edge)]
    return pa.table(
        {
            "edge_id": edge[order],
            "set_id": column_set[order],
            "day_bits": bits[order],
            "direct_bits": (bits & direct)[order],
        }
    )


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _gathered(keys: Sequence[Numbers], bits: Sequence[Numbers]) -> tuple[list[Numbers], list[Numbers]]:
    """One row per key, ascending, the bits of its rows taken together."""
    order = np.lexsort(tuple(reversed(keys)))
    keys = [key[order] for key in keys]
    starts = _starts(keys)
    if not len(starts):
        return keys, list(bits)
    return [key[starts] for key in keys], [np.bitwise_or.reduceat(part[order], starts) for part in bits]


def _starts(keys: Sequence[Numbers]) -> npt.NDArray[np.intp]:
    """Where each new key begins in rows sorted by key."""
    if not len(keys[0]):
        return np.zeros(0, np.intp)
    fresh = np.zeros(len(keys[0]), np.bool_)
    fresh[0] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(fresh)
