"""Daemons over an estate in memory and a real ledger, in virtual time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from miner.emission import Emitter
from miner.ledger import Ledger
from miner.ledger.retirement import Limits
from miner.ports import Sink
from miner.streams import MiningOptions, Source
from schedules.daemon.life import Daemon
from schedules.parts import Parts
from schedules.settings.model import Settings
from sinks.purview.client import PurviewSink
from sinks.purview.options import PurviewOptions
from sinks.purview.pace import Pace
from sinks.purview.patience import Patience
from tests import ledgers
from tests.miner.fakes import FakeSink, FakeTables
from tests.rows import lineage
from tests.schedules.virtual import VirtualBell, VirtualExecutor, VirtualTime
from tests.sinks.purview.fake_atlas import PASSWORD, USER

START = datetime(2026, 10, 22, 0, 0, 30, tzinfo=UTC)
"""Thursday before the end of summer time in Europe."""


@dataclass
class Worked:
    """One stretch of work on a stream: fetched by `daemon` from `begun` to `ended`, of so many days."""

    daemon: str
    source: str
    stream: str
    begun: datetime
    ended: datetime
    days: list[date]


@dataclass
class Estate:
    """What the simulated warehouse and catalog hold and do."""

    time: VirtualTime
    sources: tuple[str, ...] = ("east", "west")
    first: date = date(2026, 10, 18)
    takes: Callable[[], float] = lambda: 90
    fault: Callable[[str, str], None] = lambda _what, _source: None
    """Called with what is about to happen; raises what goes wrong."""
    stalls: Callable[[str], float] = lambda _source: 0
    """Seconds that the whole process stands still in the middle of a day of that source."""
    worked: list[Worked] = field(default_factory=list)
    sink: FakeSink = field(default_factory=FakeSink)
    catalog: str = ""
    """The address of a catalog to send to, over HTTP, in place of the sink in memory."""

    def seconds(self) -> float:
        """Seconds for what goes by no clock."""
        return self.time.now.timestamp()

    @contextmanager
    def sinking(self) -> Iterator[Sink]:
        """The sink in memory; or the real one, whose waits are virtual: one worker, while its job waits for it."""
        if not self.catalog:
            yield self.sink
            return
        pace = Pace(1e9, clock=self.seconds, sleep=self.time.sleep)
        options, patience = PurviewOptions(workers=1, missing="placeholder"), Patience(chance=lambda: 0.0)
        with closing(PurviewSink(self.catalog, (USER, PASSWORD), options, patience=patience, pace=pace)) as sink:
            yield sink

    def tables(self, daemon: str, source: str, ledger: Ledger) -> FakeTables:
        """A source as it is now: rows of every day so far."""
        today = self.time.now.date()
        days = [self.first + timedelta(days=number) for number in range((today - self.first).days + 1)]
        made = FakeTables(
            *[lineage("c.s.a", f"c.s.{source}{one.day}", query="q", day=one, created_by="ann@x.org") for one in days]
        )
        real, usage, asked = made.totals, made.usage, ["lineage"]

        def usage_asked(first: date, last: date):
            asked[0] = "usage"
            return usage(first, last)

        def totals(table: str, first: date, last: date):
            """The last thing asked for of a run of days: by then all was fetched."""
            begun = self.time.now
            self.fault("warehouse", source)
            if seconds := self.stalls(source):
                self.time.stall(ledger, seconds)
            self.time.sleep(self.takes())
            told = [first + timedelta(days=number) for number in range((last - first).days + 1)]
            self.worked.append(Worked(daemon, source, asked[0], begun, self.time.now, told))
            return real(table, first, last)

        made.totals, made.usage = totals, usage_asked
        return made


@dataclass(frozen=True, slots=True)
class SimulatedParts(Parts):
    """Parts over an estate in memory; the ledger is real."""

    estate: Estate | None = None
    name: str = ""

    @contextmanager
    def sources(self, ledger, names, leave=None) -> Iterator[list[Source]]:
        yield [
            Source(
                name, self.estate.tables(self.name, name, ledger),
                MiningOptions(self.estate.first, 3, "rules", column_lineage=False),
            )
            for name in names
        ]  # fmt: skip

    @contextmanager
    def emitter(self, ledger) -> Iterator[Emitter]:
        with self.estate.sinking() as sink:
            yield Emitter(ledger, sink, Limits(), self.popularity(), self.now)


class Simulation:
    """Some daemons on one ledger until a given instant."""

    def __init__(self, estate: Estate, folder: Path, monkeypatch, *, busy: float = 5.0, **settings: object) -> None:
        self.estate, self.time, self.busy = estate, estate.time, busy
        estate.time.patch(monkeypatch)
        self._settings = self.settings(estate, folder, **settings)
        self.failed: list[BaseException] = []

    @staticmethod
    def settings(estate: Estate, folder: Path, **daemon: object) -> Settings:
        """Settings for the daemons of an estate."""
        return Settings(
            ledger={"url": ledgers.url_in(folder)},
            sources={name: {"kind": "files", "path": str(folder)} for name in estate.sources},
            daemon={"listen": "off", "names": "off", "cost": "off"} | daemon,
        )

    def daemon(self, name: str = "one", settings: Settings | None = None) -> Daemon:
        """A daemon of this simulation."""
        parts = SimulatedParts(
            settings or self._settings, lambda: self.time.now, self.busy, lambda _connection: self.time.now,
            estate=self.estate, name=name,
        )  # fmt: skip
        return Daemon(
            lambda: parts, bell=VirtualBell(self.time), monotonic=self.estate.seconds,
            executor=VirtualExecutor(self.time),
        )  # fmt: skip

    def run(self, until: datetime, *daemons: Daemon, at: Callable[[Daemon], None] = lambda _: None) -> None:
        """Have daemons live until an instant; `at` is called whenever a main loop turned."""
        for _ in daemons:
            self.time.enter()
        threads = [threading.Thread(target=self._live, args=(one, until, at)) for one in daemons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failed:
            raise self.failed[0]

    def _live(self, daemon: Daemon, until: datetime, at: Callable[[Daemon], None]) -> None:
        try:
            daemon.begin()
            while self.time.now < until or daemon._ticker.working:
                seconds = daemon.turn()
                at(daemon)
                if self.time.now >= until:
                    daemon._clockwork.pause()
                daemon.bell.wait(seconds)
            daemon.close()
        except BaseException as error:  # noqa: BLE001 -- told in the test's own thread
            self.failed.append(error)
        finally:
            self.time.leave()
