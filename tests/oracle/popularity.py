"""Popularity of datasets over a window of days, from daily usage."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.oracle.names import Dataset
from tests.oracle.usage import Figures, Use

Daily = Mapping[date, Mapping[Use, Figures]]


@dataclass(frozen=True)
class Popularity:
    """One dataset in one window; `last_read` is the latest read inside the window."""

    reads: int
    writes: int
    readers: int
    people: int
    indirect_reads: int
    last_read: datetime | None
    score: float
    band: int
    trend: float | None
    partial_days: int


def is_person(reader: str) -> bool:
    """A user name of Databricks is an e-mail address; ids, groups, `system-user` and `dashboard:…` are not."""
    return "@" in reader


def popularity(
    daily: Daily, as_of: date, length: int, counts: Callable[[Use], bool] = lambda _: True
) -> dict[tuple[str, Dataset], Popularity]:
    """Figures of every dataset used in the `length` UTC days up to and including `as_of`.

    The keys of `daily` are the mined days, used or not. A reader is a known one with at least one read. Band is
    1 + floor(4 * share of strictly lower scores) among datasets with a score, else 0. Trend is empty where nothing was
    read before or a day of either window is not mined.
    """
    window = [as_of - timedelta(days=back) for back in range(length)]
    before = [day - timedelta(days=length) for day in window]
    now, then = (_by_dataset(daily, days, counts) for days in (window, before))
    unmined = sum(day not in daily for day in window)
    complete = not unmined and all(day in daily for day in before)
    scores = {name: _score(used) for name, used in now.items()}
    return {
        name: Popularity(
            reads=_sum(used, "reads"),
            writes=_sum(used, "writes"),
            readers=len(_readers(used)),
            people=sum(is_person(reader) for reader in _readers(used)),
            indirect_reads=_sum(used, "indirect_reads"),
            last_read=max((one.last_read_at for _, one in used if one.last_read_at), default=None),
            score=scores[name],
            band=_band(scores[name], list(scores.values())),
            trend=_trend(_sum(used, "reads"), _sum(then.get(name, []), "reads")) if complete else None,
            partial_days=unmined,
        )
        for name, used in now.items()
    }


def _by_dataset(daily: Daily, days: list[date], counts: Callable[[Use], bool]) -> dict:
    found = defaultdict(list)
    for day in days:
        for use, figures in daily.get(day, {}).items():
            if counts(use):
                found[use.metastore, use.dataset].append((use, figures))
    return dict(found)


def _sum(used: list[tuple[Use, Figures]], measure: str) -> int:
    return sum(getattr(figures, measure) for _, figures in used)


def _readers(used: list[tuple[Use, Figures]]) -> set[str]:
    return {use.reader for use, figures in used if use.reader and figures.reads}


def _score(used: list[tuple[Use, Figures]]) -> float:
    return len(_readers(used)) * math.log1p(_sum(used, "reads"))


def _band(score: float, scores: list[float]) -> int:
    ranked = [one for one in scores if one > 0]
    return 1 + 4 * sum(one < score for one in ranked) // len(ranked) if score > 0 else 0


def _trend(reads: int, before: int) -> float | None:
    return (reads - before) / before if before else None
