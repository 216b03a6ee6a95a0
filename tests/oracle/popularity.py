"""Popularity of datasets, or of columns, over a window of days, from daily usage."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.oracle.usage import Figures, Use

Daily = Mapping[date, Mapping[Use, Figures]]
Used = list[tuple[Use, Figures]]

BY_THEMSELVES = ("job", "pipeline", "alert", "submitted_run", "submitted_runs")
"""Kinds of process that no person watches: whoever they run as, they read as machines."""


@dataclass(frozen=True)
class Popularity:
    """One dataset in one window; `last_read` and `last_write` are the latest inside the window."""

    reads: int
    failed_reads: int
    indirect_reads: int
    self_reads: int
    cached_reads: int
    writes: int
    readers: int
    people: int
    machines: int
    indirect_readers: int
    readers_unknown: int
    machine_reads: int
    machine_runs: int
    last_read: datetime | None
    last_write: datetime | None
    score: float
    band: int
    trend: float | None
    partial_days: int


def is_person(reader: str) -> bool:
    """A user name of Databricks is an e-mail address; ids, groups, `system-user` and `dashboard:…` are not."""
    return "@" in reader


def popularity(
    daily: Daily,
    as_of: date,
    length: int,
    counts: Callable[[Use], bool] = lambda _: True,
    score: Callable[[int, int], float] = lambda readers, reads: readers * math.log1p(reads),
) -> dict[tuple[str, Hashable], Popularity]:
    """Figures of every dataset used in the `length` UTC days up to and including `as_of`.

    The keys of `daily` are the mined days, used or not. `counts` says whose reads count, of every sort; writes all do.
    A reader is a known one with at least one read, of the people when one of these was by hand, of the machines when one
    was not. Band is 1 + floor(4 * share of strictly lower scores) among datasets with a score, else 0. Trend is empty
    where nothing was read before or a day of either window is not mined.
    """
    window = [as_of - timedelta(days=back) for back in range(length)]
    before = [day - timedelta(days=length) for day in window]
    now, then = (_by_dataset(daily, days) for days in (window, before))
    unmined = sum(day not in daily for day in window)
    complete = not unmined and all(day in daily for day in before)
    read = {name: [one for one in used if counts(one[0])] for name, used in now.items()}
    scores = {name: score(len(_readers(used)), _sum(used, "reads")) for name, used in read.items()}
    return {
        name: Popularity(
            **{
                measure: _sum(read[name], measure)
                for measure in ("reads", "failed_reads", "indirect_reads", "self_reads", "cached_reads")
            },
            writes=_sum(used, "writes"),
            readers=len(_readers(read[name])),
            people=len(_readers(one for one in read[name] if _by_hand(one[0]))),
            machines=len(_readers(one for one in read[name] if not _by_hand(one[0]))),
            indirect_readers=len(_readers(read[name], "indirect_reads")),
            readers_unknown=_sum([one for one in read[name] if not one[0].reader], "reads"),
            machine_reads=_sum([one for one in read[name] if _by_machine(one[0])], "reads"),
            machine_runs=_sum([one for one in read[name] if _by_machine(one[0])], "runs"),
            last_read=_latest(figures.last_read_at for _, figures in read[name]),
            last_write=_latest(figures.last_write_at for _, figures in used),
            score=scores[name],
            band=_band(scores[name], list(scores.values())),
            trend=_trend(
                _sum(read[name], "reads"), _sum([one for one in then.get(name, []) if counts(one[0])], "reads")
            )
            if complete
            else None,
            partial_days=unmined,
        )
        for name, used in now.items()
    }


def _by_dataset(daily: Daily, days: list[date]) -> dict[tuple[str, Hashable], Used]:
    found = defaultdict(list)
    for day in days:
        for use, figures in daily.get(day, {}).items():
            found[use.metastore, use.dataset].append((use, figures))
    return dict(found)


def _by_hand(use: Use) -> bool:
    return is_person(use.reader) and use.kind not in BY_THEMSELVES


def _by_machine(use: Use) -> bool:
    """By a machine's process, or by somebody known who is no person."""
    return use.kind in BY_THEMSELVES or (bool(use.reader) and not is_person(use.reader))


def _sum(used: Used, measure: str) -> int:
    return sum(getattr(figures, measure) for _, figures in used)


def _readers(used: Iterable[tuple[Use, Figures]], measure: str = "reads") -> set[str]:
    return {use.reader for use, figures in used if use.reader and getattr(figures, measure)}


def _latest(instants: Iterable[datetime | None]) -> datetime | None:
    return max((one for one in instants if one), default=None)


def _band(score: float, scores: list[float]) -> int:
    ranked = [one for one in scores if one > 0]
    return 1 + 4 * sum(one < score for one in ranked) // len(ranked) if score > 0 else 0


def _trend(reads: int, before: int) -> float | None:
    return (reads - before) / before if before else None
