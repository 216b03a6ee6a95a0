"""The columnMapping attribute of processes, in the one form Purview's lineage view understands.

A string that holds JSON: one object per (source, sink) pair of datasets, with names of columns, not qualified names:
`[{"DatasetMapping":{"Source":"…","Sink":"…"},"ColumnMapping":[{"Source":"a","Sink":"b"}]}]`
(https://learn.microsoft.com/en-us/purview/data-gov-api-create-lineage-relationships).

A value has a limit, and the lineage view shows a parent in place of its processes: what is too long for one process is
carried by further ones below the same parent, without one more node.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from sinks.purview import payload

_BRACKETS = 2

Pair = Sequence[str]
"""A column of a source and one of the sink."""


class Part(NamedTuple):
    """One attribute's text, and the sources whose columns it tells of."""

    text: str
    sources: frozenset[str] = frozenset()


class ColumnMapping(NamedTuple):
    """The parts of one mapping, one at least, and the sources that are left out to keep it within the limits."""

    parts: tuple[Part, ...]
    left_out: frozenset[str] = frozenset()


class _Piece(NamedTuple):
    """An object of the list, whole or with some of its pairs."""

    source: str
    text: bytes


def column_mapping(pairs: Mapping[str, Sequence[str]], sink: str, limit: int, most: int = 1) -> ColumnMapping:
    """The mapping of one process with the pairs (JSON lists) of each source, by the source's qualified name.

    Sources come sorted, each whole in one part unless it alone is longer than `limit` bytes: then its pairs are parted.
    Where `most` parts do not take all, whole sources are left out, the largest first, so that what is shown of a source
    is always complete.
    """
    found = _distinct(pairs)
    whole = payload.written([_object(source, sink, columns) for source, columns in found.items()])
    if len(whole) <= limit:
        return ColumnMapping((Part(whole.decode(), frozenset(found)),))
    return _spread(
        {source: tuple(_pieces(source, sink, columns, limit)) for source, columns in found.items()}, limit, most
    )


def _distinct(pairs: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[Pair]]:
    """The distinct pairs of each source that has any, each column in one spelling."""
    found = {}
    mixed = False
    for source, texts in sorted(pairs.items()):
        columns: Sequence[Pair]
        if len(texts) == 1:
            (text,) = texts
            columns = orjson.loads(text) if text else []
            mixed = mixed or text != text.lower()
        else:
            columns = sorted({(one, other) for text in texts if text for one, other in orjson.loads(text)})
            mixed = True
        if columns:
            found[source] = columns
    return _folded(found) if mixed and _clashing(found) else found


def _clashing(found: Mapping[str, Sequence[Pair]]) -> bool:
    """Whether a column is written in several ways: a source's among its own, a target's among those of all sources."""
    sides = [{target for columns in found.values() for _, target in columns}]
    sides += [{source for source, _ in columns} for columns in found.values()]
    return any(len({name.lower() for name in names}) < len(names) for names in sides)


def _folded(found: Mapping[str, Sequence[Pair]]) -> Mapping[str, Sequence[Pair]]:
    """The distinct pairs, each column in the spelling that comes first, a target's for all sources."""
    targets: dict[str, str] = {}
    folded: dict[str, Sequence[Pair]] = {}
    for source, columns in found.items():
        own: dict[str, str] = {}
        folded[source] = sorted(
            {(own.setdefault(one.lower(), one), targets.setdefault(other.lower(), other)) for one, other in columns}
        )
    return folded


def _object(source: str, sink: str, columns: Sequence[Pair]) -> dict[str, object]:
    told = [{"Source": one, "Sink": other} for one, other in columns]
    return {"DatasetMapping": {"Source": source, "Sink": sink}, "ColumnMapping": told}


def _pieces(source: str, sink: str, columns: Sequence[Pair], limit: int) -> Iterator[_Piece]:
    """The object of a source, in as many pieces as it takes for each to fit; a single pair is never parted."""
    text = payload.written(_object(source, sink, columns))
    if len(text) + _BRACKETS <= limit or len(columns) == 1:
        yield _Piece(source, text)
        return
    middle = len(columns) // 2
    yield from _pieces(source, sink, columns[:middle], limit)
    yield from _pieces(source, sink, columns[middle:], limit)


def _spread(found: Mapping[str, Sequence[_Piece]], limit: int, most: int) -> ColumnMapping:
    """As many sources as the parts take; those with a piece that fits nowhere, and the largest, are left out."""
    left_out = {source for source, pieces in found.items() if any(_length([piece]) > limit for piece in pieces)}
    size = {source: _length(pieces) for source, pieces in found.items()}
    largest = sorted(found.keys() - left_out, key=lambda source: (-size[source], source), reverse=True)
    while len(parts := list(_packed(found, left_out, limit))) > most:
        excess = sum(size[source] for source in largest) - most * limit
        while True:
            gone = largest.pop()
            left_out.add(gone)
            excess -= size[gone]
            if excess <= 0:
                break
    return ColumnMapping(tuple(map(_part, parts or [[]])), frozenset(left_out))


def _packed(found: Mapping[str, Sequence[_Piece]], left_out: set[str], limit: int) -> Iterator[list[_Piece]]:
    """The pieces in their order, each part as full as the next piece leaves it."""
    part: list[_Piece] = []
    size = 0
    for piece in (piece for source, pieces in found.items() if source not in left_out for piece in pieces):
        if part and size + len(piece.text) + 1 > limit:
            yield part
            part, size = [], 0
        size = size + len(piece.text) + 1 if part else len(piece.text) + _BRACKETS
        part.append(piece)
    if part:
        yield part


def _length(pieces: Sequence[_Piece]) -> int:
    """Bytes of the pieces in one list."""
    return _BRACKETS + sum(len(piece.text) for piece in pieces) + max(0, len(pieces) - 1)


def _part(pieces: Sequence[_Piece]) -> Part:
    return Part(f"[{b','.join(piece.text for piece in pieces).decode()}]", frozenset(piece.source for piece in pieces))
