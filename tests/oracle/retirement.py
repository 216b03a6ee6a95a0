"""Which edges still count, day by day in plain Python: the rules of retirement by age and by a view's definition.

Everything is looked at in each source on its own. Only settled days count for anything but an edge's being seen; a day
counts for a workspace when it was mined, is settled and had rows of that workspace, whatever became of these.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """An edge on a day, with the column pairs that it had."""

    day: date
    workspace: str
    process: str
    source: str
    target: str
    pairs: frozenset[tuple[str, str]]


Key = tuple[str, str, str, str]


def current(
    seen: Sequence[Seen],
    rows: Mapping[date, Collection[str]],
    settled: Collection[date],
    views: Collection[str],
    stale_days: int,
) -> dict[Key, frozenset[tuple[str, str]]]:
    """The edges that still count, each with its column pairs. `rows` are the workspaces that had rows, by day."""
    by_edge: dict[Key, list[Seen]] = defaultdict(list)
    for one in seen:
        by_edge[one.workspace, one.process, one.source, one.target].append(one)
    written: dict[str, set[date]] = defaultdict(set)
    for one in seen:
        if one.day in settled:
            written[one.target].add(one.day)

    def counted(workspace: str, first: date, last: date) -> int:
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return sum(day in settled and workspace in rows.get(day, ()) for day in days)

    found = {}
    for key, ones in by_edge.items():
        alive = [one for one in ones if not _retired(one, ones, written[key[3]], settled, views, counted, stale_days)]
        if alive:
            found[key] = frozenset(pair for one in alive for pair in one.pairs)
    return found


def _retired(  # noqa: PLR0917
    one: Seen,
    ones: Sequence[Seen],
    writes: Collection[date],
    settled: Collection[date],
    views: Collection[str],
    counted: Any,
    stale_days: int,
) -> bool:
    """Whether a day of an edge counts no more.

    A day goes with the last settled day that had the same column pairs: what was seen again later is not old.
    """
    same = [other.day for other in ones if other.pairs == one.pairs and other.day in settled]
    if one.day not in settled and one.day > max(same, default=date.min):
        return False
    if not same:
        return False
    own, last = max(same), max(other.day for other in ones if other.day in settled)
    if one.target in views:
        return own < max(writes)
    after = [day for day in writes if day > last]
    if after and counted(one.workspace, min(after), max(after)) >= stale_days:
        return True
    return own < last and counted(one.workspace, own + timedelta(days=1), last) >= stale_days
