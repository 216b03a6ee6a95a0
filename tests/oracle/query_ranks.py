"""Which statements of some days lead which ranking of a dataset, from their daily figures."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tests.oracle.names import Dataset
from tests.oracle.popularity import is_person
from tests.oracle.queries import Runs, Statement

MACHINES = ("job", "pipeline", "alert")


@dataclass
class Rank:
    """One statement on one place of a ranking."""

    fingerprint: str
    type: str
    figures: Runs = field(default_factory=Runs)
    by_reader: dict[str, Runs] = field(default_factory=lambda: defaultdict(Runs))
    people: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)
    warehouses: set[str] = field(default_factory=set)

    @property
    def order(self) -> int:
        """The first half of the fingerprint as a number with a sign: equal statements stand in this order."""
        return int.from_bytes(bytes.fromhex(self.fingerprint)[:8], signed=True)

    def add(self, one: Statement, figures: Runs) -> None:
        """Add one day of it."""
        self.figures.add(figures)
        self.by_reader[one.reader].add(figures)
        if one.reader:
            by_hand = is_person(one.reader) and one.kind not in MACHINES
            (self.people if by_hand else self.machines).add(one.reader)
        self.clients |= {one.client} - {""}
        self.warehouses |= {one.warehouse} - {""}


def rankings(
    daily: Mapping[date, Mapping[Statement, Runs]],
    top: int,
    counts: Callable[[Statement], bool] = lambda _: True,
) -> dict[tuple[str | None, Dataset | None, str, int], Rank]:
    """The first `top` of each ranking by metastore, dataset, ranking and place; those without own row are in none."""
    found: dict[tuple, dict[str, Rank]] = defaultdict(dict)
    for statements in daily.values():
        for one, figures in statements.items():
            if one.fingerprint and counts(one):
                of = found[one.metastore, one.dataset]
                of.setdefault(one.fingerprint, Rank(one.fingerprint, one.type)).add(one, figures)
    told = {}
    for of, ranks in found.items():
        for ranking, (worth, key) in ORDERS.items():
            worthy = sorted((one for one in ranks.values() if worth(one.figures)), key=key)
            told |= {(*of, ranking, place): one for place, one in enumerate(worthy[:top], start=1)}
    return told


def _asked(figures: Runs) -> int:
    return figures.runs + figures.cached_runs


def _failed(figures: Runs) -> int:
    return figures.failed_runs + figures.cancelled_runs


ORDERS: Mapping[str, tuple[Callable[[Runs], float], Callable[[Rank], tuple]]] = {
    "popular": (_asked, lambda one: (-_asked(one.figures), one.order)),
    "slow": (
        lambda figures: figures.runs,
        lambda one: (-one.figures.duration_ms / one.figures.runs, -one.figures.runs, one.order),
    ),
    "expensive": (
        lambda figures: figures.task_ms + figures.read_bytes,
        lambda one: (-one.figures.task_ms, -one.figures.read_bytes, one.order),
    ),
    "failing": (_failed, lambda one: (-_failed(one.figures), one.order)),
}
"""What a statement must have to be in a ranking, and its place in it."""


def top_reader(one: Rank) -> str:
    """Who runs it most, then whose runs fail most, among known readers before the one who is not known."""

    def key(reader: str) -> tuple:
        return not reader, -_asked(one.by_reader[reader]), -_failed(one.by_reader[reader]), _number(reader)

    return min(one.by_reader, key=key)


def _number(reader: str) -> int:
    digest = hashlib.md5(reader.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], signed=True) if reader else 0
