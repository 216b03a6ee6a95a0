"""A ledger, sources and a sink to run the miner over, with a clock of the test's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from miner import mining
from miner.changes import Changes
from miner.emission import Emitter
from miner.ledger import Ledger, edges, reading, retirement, wanted
from miner.ledger.dump import dump
from miner.ledger.retirement import Limits
from miner.popularity import PopularityOptions
from miner.ports import Sink, Span, SystemTables
from miner.streams import MiningOptions, Source
from tests import ledgers
from tests.miner.fakes import FakeSink, FakeTables
from tests.rows import DAY

START = DAY - timedelta(days=60)


def day(offset: int) -> date:
    """A day so many days after the tests' usual one."""
    return DAY + timedelta(days=offset)


def noon(of: date) -> datetime:
    """The UTC instant at noon of a day."""
    return datetime.combine(of, time(12), UTC)


MUCH_LATER = noon(day(30))
"""When every day of a test is settled."""


class World:
    """One ledger and what the miner does with it."""

    def __init__(self, folder: Path, now: datetime = MUCH_LATER, sink: Sink | None = None) -> None:
        self.folder = folder
        self.url = ledgers.url_in(folder)
        self.now = now
        self.sink = sink or FakeSink()
        self.ledger = Ledger(self.url, busy_seconds=0.1)

    def close(self) -> None:
        """Let go of the ledger."""
        self.ledger.close()

    def throw_away(self) -> None:
        """Let go of the ledger, and remove it."""
        self.close()
        ledgers.throw_away(self.folder)

    def content(self) -> list[str]:
        """Every row of the ledger, read without the product."""
        return ledgers.content(self.url)

    def alter(self, statement: str) -> None:
        """Change the ledger past the product."""
        with ledgers.beside(self.url) as connection:
            connection.execute(statement)

    def source(self, tables: SystemTables, name: str = "prod", **options: object) -> Source:
        """A source; options are those of mining."""
        told = {"start": START, "settle_days": 3, "rules": "rules", "parallel": 1} | options
        return Source(name, tables, MiningOptions(**told))

    def mine(self, tables: SystemTables, name: str = "prod", **options: object) -> list[mining.MinedDay]:
        """Mine what is due of one source."""
        source = self.source(tables, name, **options)
        return list(mining.mine(source, self.ledger, run_id=1, now=lambda: self.now))

    def mine_days(self, tables: FakeTables, days: Sequence[date], **options: object) -> None:
        """Mine some days each on its own, in the order given."""
        for one in days:
            tables.shows = Span(one, one)
            self.mine(tables, **options)
        tables.shows = None

    def emitter(self, *, columns: bool = False, **options: object) -> Emitter:
        """An emitter to the world's sink, with usage of columns or without; options are those of popularity."""
        told = {"windows": (1, 7)} | options
        figures = PopularityOptions(**told)
        return Emitter(self.ledger, self.sink, Limits(), figures, lambda: self.now, columns=columns)

    def emit(self) -> Changes:
        """Bring the sink up to date."""
        return self.emitter().emit()

    def plan(self) -> Changes:
        """What `emit` would do."""
        return self.emitter().plan()

    def dump(self, *, emissions: bool = True) -> list[str]:
        """What the ledger knows, with or without the lines of what was sent."""
        with self.ledger.reading() as connection:
            lines = list(dump(connection))
        return [
            line for line in lines if emissions or not line.startswith(('{"what": "emission"', '{"what": "rejection"'))
        ]

    def edges(self, stale_days: int = 180) -> list[dict]:
        """The edge report."""
        retirement.retire(self.ledger, Limits(stale_days))
        with self.ledger.reading() as connection:
            wanted.resolve(connection)
            return edges.edge_report(connection).to_pylist()

    def ends(self) -> set[tuple[str, str, str]]:
        """Process id, source and target of the current edges."""
        return {(row["process_id"], row["source"], row["target"]) for row in self.edges()}

    def marks(self, stream: str = "lineage") -> dict[date, reading.MinedDay]:
        """The days mined."""
        with self.ledger.reading() as connection:
            return {mark.day: mark for mark in reading.mined_days(connection, "prod", stream)}

    def sql(self, statement: str) -> list[tuple]:
        """Rows of the ledger itself."""
        with self.ledger.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


@contextmanager
def worlds(number: int = 1, **given: object) -> Iterator[list[World]]:
    """Several worlds in folders of their own: one example must not see another's ledger."""
    with TemporaryDirectory() as folder:
        made = []
        for place in range(number):
            home = Path(folder) / str(place)
            home.mkdir()
            made.append(World(home, **given))
        try:
            yield made
        finally:
            for one in made:
                one.throw_away()
