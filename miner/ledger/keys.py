"""Numbers for natural keys, the same here as in the warehouse's SQL (`queries/rules.sql`)."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = "\x1f"
"""No name in Unity Catalog can hold a control character."""

Halves = npt.NDArray[np.int64]
"""Shape (n, 2): the number and the check bits of each key."""


def halves_of_hex(keys: pa.StringArray) -> Halves:
    """Both halves of MD5 keys given as 32 hex digits each; no nulls. Shape (n, 2)."""
    joined = "".join(keys.to_pylist())
    return np.frombuffer(bytes.fromhex(joined), dtype=">i8").astype(np.int64).reshape(-1, 2)


def halves_of_parts(parts: Sequence[pa.Array | pa.ChunkedArray]) -> Halves:
    """Both halves of the keys over columns of parts, nulls as empty text. Shape (n, 2)."""
    filled = [pc.fill_null(part, "") for part in parts]
    texts = pc.binary_join_element_wise(*filled, SEPARATOR) if len(filled) > 1 else filled[0]
    encoded = pc.dictionary_encode(texts)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    halves: Halves = halves_of_texts(encoded.dictionary.to_pylist())
    picked: Halves = halves[encoded.indices.to_numpy(zero_copy_only=False)]
    return picked


def halves_of_texts(texts: Sequence[str]) -> Halves:
    """Both halves of the keys of texts. Shape (n, 2)."""
    digests = b"".join(hashlib.md5(text.encode(), usedforsecurity=False).digest() for text in texts)
    return np.frombuffer(digests, dtype=">i8").astype(np.int64).reshape(-1, 2)


def readers(names: pa.StringArray) -> tuple[npt.NDArray[np.int64], pa.Table]:
    """The number of each reader's name, 0 of one that is not known; and the distinct names with their numbers."""
    encoded = names.dictionary_encode()
    told = encoded.dictionary.to_pylist()
    numbers = halves_of_texts(told)[:, 0]
    numbers[np.array([name == "" for name in told], dtype=bool)] = 0
    each: npt.NDArray[np.int64] = numbers[encoded.indices.to_numpy(zero_copy_only=False)]
    return each, pa.table({"id": numbers, "name": encoded.dictionary})


def hex_of(number: int, check_bits: int) -> str:
    """The key again, as 32 hex digits."""
    return f"{number % _WORD:016x}{check_bits % _WORD:016x}"


_WORD = 1 << 64


def number_of(*parts: str) -> int:
    """The number of one natural key."""
    return int(halves_of_texts([SEPARATOR.join(parts)])[0, 0])
