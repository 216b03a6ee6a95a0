"""What reports may say of who reads: names, hashes of names, or nothing."""

import hashlib
from collections.abc import Callable

from miner import readers
from miner.readers import UNNAMED, Readers

NAMES, HASHED, NONE = "names", "hashed", "none"
"""What `[reports] users` may be."""

_HIDDEN = frozenset({readers.PERSON, readers.GROUP, readers.UNKNOWN})
"""Kinds of reader that are told by a name of somebody; the others have ids, or no name."""

Disclosed = Callable[[str], str]


def disclosure(users: str, key: bytes, known: Readers = UNNAMED) -> Disclosed:
    """How a reader's folded name is told; a hash is the same as long as the key is."""
    if users == NAMES:
        return _as_it_is
    return lambda name: _hash(name, key) if name and known.kind_of(name) in _HIDDEN else name


def _as_it_is(name: str) -> str:
    return name


def _hash(name: str, key: bytes) -> str:
    """16 hex digits; with a key that only the ledger knows, names cannot be found by trying them."""
    return f"user:{hashlib.blake2b(name.encode(), digest_size=8, key=key).hexdigest()}"
