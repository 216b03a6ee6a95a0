"""The columnMapping attribute of a process, in the one form Purview's lineage view understands.

A string that holds JSON: one object per (source, sink) pair of datasets, with names of columns, not qualified names:
`[{"DatasetMapping":{"Source":"…","Sink":"…"},"ColumnMapping":[{"Source":"a","Sink":"b"}]}]`
(https://learn.microsoft.com/en-us/purview/data-gov-api-create-lineage-relationships).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from sinks.purview import payload

_NONE = b"[]"

_SHORT = 2000
"""Characters of pairs that are remembered once written: some tens of megabytes in all."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The attribute's text, and the sources that were left out to keep it within Purview's limit."""

    text: str
    left_out: frozenset[str]


def column_mapping(pairs: Mapping[str, Sequence[str]], sink: str, limit: int) -> ColumnMapping:
    """The mapping of one process with the pairs (JSON lists) of each source, by the source's qualified name.

    Sources come sorted. When the text would exceed `limit` bytes, whole sources are left out, the largest first,
    so that what is shown of a source is always complete.
    """
    one_case = all(text == "" or text.islower() for texts in pairs.values() for text in texts)
    targets: dict[str, str] = {}
    parts: dict[str, bytes] = {}
    written_sink = payload.written(sink)
    for source in sorted(pairs):
        columns = _united(pairs[source]) if one_case else payload.written(_folded(pairs[source], targets))
        if columns != _NONE:
            ends = payload.written(source), written_sink
            parts[source] = b'{"DatasetMapping":{"Source":%b,"Sink":%b},"ColumnMapping":%b}' % (*ends, columns)
    left_out = _excess(parts, limit)
    kept = [part for source, part in parts.items() if source not in left_out]
    return ColumnMapping(f"[{b','.join(kept).decode()}]", left_out)


def _united(texts: Sequence[str]) -> bytes:
    """The distinct pairs as JSON, none of which needs folding: the usual case, and three times as fast."""
    if len(texts) == 1:
        return _short(texts[0]) if len(texts[0]) < _SHORT else _written(orjson.loads(texts[0]))
    return _written(sorted({(source, target) for text in texts if text for source, target in orjson.loads(text)}))


@lru_cache(maxsize=8192)
def _short(text: str) -> bytes:
    """The pairs of a text as JSON, remembered: many edges have the same ones."""
    return _written(orjson.loads(text)) if text else _NONE


def _written(pairs: Iterable[Sequence[str]]) -> bytes:
    return payload.written([{"Source": source, "Sink": target} for source, target in pairs])


def _folded(texts: Sequence[str], targets: dict[str, str]) -> list[dict[str, str]]:
    """The distinct pairs; a column written in several ways keeps one spelling, a target's for all sources."""
    sources: dict[str, str] = {}
    found = {
        (sources.setdefault(source.lower(), source), targets.setdefault(target.lower(), target))
        for text in sorted(texts)
        if text
        for source, target in orjson.loads(text)
    }
    return [{"Source": source, "Sink": target} for source, target in sorted(found)]


def _excess(parts: Mapping[str, bytes], limit: int) -> frozenset[str]:
    """The sources to leave out: none when all parts, joined in brackets, are within the limit."""
    excess = 1 + sum(len(part) + 1 for part in parts.values()) - limit
    if excess <= 0:
        return frozenset()
    left_out = set()
    for source in sorted(parts, key=lambda source: (-len(parts[source]), source)):
        if excess <= 0:
            break
        left_out.add(source)
        excess -= len(parts[source]) + 1
    return frozenset(left_out)
