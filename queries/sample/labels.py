"""Arrow columns built from NumPy numbers: labels looked up by number, identifiers, instants.

No Python object is made per row. A label column is dictionary-encoded in memory; written without the stored
Arrow schema it is a plain string column in Parquet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miner.schemas import INSTANT

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = "pa.Array[Any]"

SECOND = 1_000_000
DAY = 86_400 * SECOND
"""Lengths in microseconds, the unit of every instant here."""

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = np.array([8, 13, 18, 23])
_DIGITS = np.setdiff1d(np.arange(36), _DASHES)


@dataclass(frozen=True, slots=True)
class Labels:
    """Strings addressed by number: `values` are distinct, `codes[number]` points into them, -1 stands for NULL."""

    values: Column
    codes: Ints

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> "Labels":
        encoded = pa.array(texts, pa.string()).dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(encoded.dictionary, codes)

    @classmethod
    def distinct(cls, values: Column) -> "Labels":
        """One label per value; the values must be distinct already."""
        return cls(values, np.arange(len(values), dtype=np.int64))

    def by(self, numbers: Ints) -> "Labels":
        """The same labels under other numbers: label i of the result is the present label `numbers[i]`; -1 is NULL."""
        return Labels(self.values, self._codes_at(numbers))

    def where(self, kept: Bools) -> "Labels":
        """The same labels, NULL wherever `kept` is false."""
        return Labels(self.values, np.where(kept, self.codes, -1))

    def otherwise(self, other: "Labels") -> "Labels":
        """These labels, and the other's where these are NULL; no value may occur in both."""
        codes = np.where(self.codes >= 0, self.codes, np.where(other.codes < 0, -1, other.codes + len(self.values)))
        return Labels(pa.concat_arrays([self.values, other.values]), codes)

    def at(self, numbers: Ints) -> Column:
        """A string column, dictionary-encoded over the values it uses and no others."""
        codes = self._codes_at(numbers)
        used = np.zeros(len(self.values) + 1, np.bool_)
        used[codes] = True
        position = np.cumsum(used, dtype=np.int64) - 1
        indices = pa.array(position[codes], pa.int32(), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, self.values.filter(pa.array(used[:-1])))

    def column(self) -> Column:
        """Every label in order of its number."""
        return self.at(np.arange(len(self.codes), dtype=np.int64))

    def _codes_at(self, numbers: Ints) -> Ints:
        return np.append(self.codes, -1)[numbers]


def constant(text: str | None, rows: int) -> Column:
    """One label on every row."""
    return Labels.of([text]).at(np.zeros(rows, np.int64))


def uuids(count: int, rng: np.random.Generator) -> Column:
    """`count` random identifiers in the 8-4-4-4-12 form."""
    octets = rng.integers(0, 256, (count, 16), np.uint8)
    text = np.full((count, 36), ord("-"), np.uint8)
    text[:, _DIGITS[0::2]] = _HEX[octets >> 4]
    text[:, _DIGITS[1::2]] = _HEX[octets & 15]
    offsets = np.arange(count + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))


def texts(column: Column) -> list[str]:
    """A string column without NULLs as Python strings; for an estate's few ids, not for its rows."""
    return [str(text) for text in column.to_pylist()]


def decimals(numbers: Ints) -> Column:
    """The numbers written out in decimal digits."""
    return pa.array(numbers).cast(pa.string())


def start_of(day: date) -> int:
    """The day's first instant in microseconds since 1970-01-01 UTC."""
    return (day - date(1970, 1, 1)).days * DAY


def instants(microseconds: Ints) -> Column:
    """Microseconds since 1970-01-01 as UTC instants."""
    return pa.array(microseconds, pa.int64()).cast(INSTANT)


def dates(microseconds: Ints) -> Column:
    """The UTC calendar day of each instant."""
    return pa.array((microseconds // DAY).astype(np.int32)).cast(pa.date32())


def repeated(counts: Ints) -> tuple[Ints, Ints]:
    """Expand counts: for each unit, the number it comes from and its place (from 0) among that number's units."""
    parents = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    firsts = np.cumsum(counts) - counts
    return parents, np.arange(len(parents), dtype=np.int64) - firsts[parents]


def starts(counts: Ints) -> Ints:
    """Where each count's units begin when they are laid out one after the other."""
    return np.cumsum(counts) - counts


def zipf(count: int, exponent: float = 1.0) -> Floats:
    """Shares of `count` ranks, falling as 1 / rank ** exponent, adding up to 1."""
    shares = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return np.asarray(shares / shares.sum(), np.float64)


def drawn(shares: Floats, uniform: Floats) -> Ints:
    """The rank each uniform number in [0, 1) falls on, by the shares of the ranks."""
    ranks = np.searchsorted(np.cumsum(shares), uniform, side="right")
    return np.minimum(ranks, len(shares) - 1).astype(np.int64)


def some(share: float, count: int, rng: np.random.Generator) -> Bools:
    """True for about that share of `count` things."""
    return np.asarray(rng.random(count) < share, np.bool_)


def scrambled(numbers: Ints, salt: int) -> Ints:
    """A fixed number from 0 to 2**62 for each number, without visible order (the finaliser of SplitMix64)."""
    mixed = numbers.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(2)).astype(np.int64)


def rng_of(seed: int, *branch: int) -> np.random.Generator:
    """A generator of its own for one branch of a seed, the same whatever else was drawn."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=branch)))
