"""A backfill, from settings to days mined: its plan first, then the days. Nothing is printed here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from miner import mining
from miner.backfill import Asked, Backfill, Plan, plan
from miner.errors import SettingsError
from miner.ledger import COLUMNS, COST, QUERIES, Ledger
from miner.mining import MinedDay
from miner.streams import Source
from schedules.balance import Balance, balance_of
from schedules.parts import Leave, Parts


@dataclass(frozen=True, slots=True)
class Filled:
    """What a backfill did."""

    days: tuple[MinedDay, ...]
    balance: Balance


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backfill that is planned and can be made."""

    asked: Asked
    plans: tuple[Plan, ...]
    ledger: Ledger
    parts: Parts

    @property
    def days(self) -> int:
        """Days to mine, each stream of each source counted."""
        return sum(len(one.todo) for one in self.plans)

    def fill(self, watch: mining.Watch | None = None) -> Filled:
        """Mine the days. Raises MinerError; days before it stay."""
        work = Backfill(self.ledger, self.asked, self.parts.leases(self.ledger, "endless"), self.parts.now)
        mined = tuple(work.go(self.plans, watch))
        return Filled(mined, balance_of(self.ledger, mined))


def streams_of(parts: Parts, source: Source) -> tuple[str, ...]:
    """The streams that a source has: cost where it can be told."""
    return (*parts.streams, COST) if source.costs and not source.costs.missing() else parts.streams


@contextmanager
def prepared(  # noqa: PLR0913 (one keyword for each option of the command)
    parts: Parts,
    asked: Asked,
    *,
    sources: Sequence[str] = (),
    streams: Sequence[str] = (),
    shrunk: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Prepared]:
    """Plan a backfill of the streams of the sources named, all when none is. Raises MinerError."""
    if asked.first > asked.last:
        raise SettingsError(f"{asked.first} is after {asked.last}", mend="give --from the earlier day")
    if COLUMNS in streams and COLUMNS not in parts.streams:
        raise SettingsError("usage of columns is not mined", mend="set [usage] columns = true")
    if QUERIES in streams and QUERIES not in parts.streams:
        raise SettingsError("no queries are mined", mend="set [queries] mine = true")
    with parts.ledger() as ledger, parts.sources(ledger, sources, Leave(empty=True, shrunk=shrunk)) as opened:
        plans = []
        for source in opened:
            for stream in streams or streams_of(parts, source):
                say(f"looking what {source.name} holds")
                plans.append(plan(source, stream, asked, ledger, parts.now()))
        yield Prepared(asked, tuple(plans), ledger, parts)
