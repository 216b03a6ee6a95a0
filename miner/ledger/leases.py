"""Leases: at any time one process works on a stream of a source, or sends to a sink.

A lease lasts some seconds and is renewed while its holder works. Its token grows with every new holder and is checked
inside each transaction that commits under it: a holder that was paused, and wakes after its lease ended, commits
nothing. Instants are the database's own, so that the clocks of several hosts need not agree.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import structlog
from sqlalchemy import ColumnElement, Connection, select, text, update

from miner import days
from miner.errors import HeldError, LeaseLostError, LedgerError, MinerError
from miner.ledger import tables
from miner.ledger.holders import Holder, this_process
from miner.ledger.store import Ledger

log = structlog.get_logger()

EMISSION = "emission"
"""The stream of a sink's lease; its source is the sink's name."""

NAMES = "names"
"""The stream of a source's names."""

SECONDS = 120
_BEATS = 6
"""A lease is renewed so many times in the time that it lasts."""

Clock = Callable[[Connection], datetime]
Patience = Literal["none", "while silent", "endless"]
"""How long a lease that another one holds is waited for: not at all, until the other one shows that it is alive (one
that died lets go by itself), or until it is free."""


def database_clock(connection: Connection) -> datetime:
    """The database's time: the server's on PostgreSQL, on SQLite that of the one host that may use the file."""
    instant = {
        "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
        "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
    }[connection.dialect.name]
    return days.instant_of(connection.execute(text(f"SELECT {instant}")).scalar_one())


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a stream of a source, as long as `token` is the newest and the lease has not ended."""

    source: str
    stream: str
    token: int
    seconds: int
    clock: Clock

    def check(self, connection: Connection) -> None:
        """Renew the lease inside the transaction at hand, which keeps everybody else from taking it until the end.

        Raises LeaseLostError when it ended, whether another one has it or not.
        """
        if not self.renew(connection):
            raise _lost(self)

    def renew(self, connection: Connection) -> bool:
        """Make the lease last as long again; False when it ended."""
        held = tables.lease
        query = select(held.c.expires_at).where(_is(self.source, self.stream), held.c.token == self.token)
        expires = connection.execute(query.with_for_update()).scalar()
        now = days.micros(self.clock(connection))
        if expires is None or expires <= now:
            return False
        renewed = update(held).where(_is(self.source, self.stream)).values(expires_at=now + self.seconds * 1_000_000)
        connection.execute(renewed)
        return True


@dataclass(frozen=True, slots=True)
class Held:
    """A lease as the ledger tells it; `until` is when it ends unless it is renewed."""

    source: str
    stream: str
    holder: str
    since: datetime
    until: datetime


class Writes(Protocol):
    """What gives write transactions: the ledger, or the ledger under a lease."""

    def writing(self) -> AbstractContextManager[Connection]: ...


@dataclass(frozen=True, slots=True)
class Fenced:
    """The ledger's write transactions, each committed only while a lease holds."""

    ledger: Ledger
    lease: Lease

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction. Raises LeaseLostError, with nothing written, when the lease ended."""
        with self.ledger.writing() as connection:
            self.lease.check(connection)
            yield connection


@dataclass(frozen=True, slots=True)
class Leases:
    """Takes leases in one ledger for one process. `sleep` waits between two looks at a lease that another one holds."""

    ledger: Ledger
    patience: Patience = "while silent"
    clock: Clock = database_clock
    sleep: Callable[[float], None] = time.sleep
    holder: Holder = field(default_factory=this_process)
    seconds: int = SECONDS

    @contextmanager
    def holding(self, source: str, stream: str, on_lost: Callable[[], None] = lambda: None) -> Iterator[Lease]:
        """Hold a lease, renewed by a thread of its own until the end of the block.

        `on_lost` is called from that thread when the lease ended too early. Raises HeldError when another one holds it,
        LeaseLostError when the block failed and the lease was lost.
        """
        lease = self._awaited(source, stream)
        beat = _Heartbeat(self.ledger, lease, on_lost)
        beat.start()
        try:
            yield lease
        except MinerError as error:
            if beat.lost and not isinstance(error, LeaseLostError):
                raise _lost(lease) from error
            raise
        finally:
            beat.stop()
            self._release(lease)

    def take(self, source: str, stream: str) -> Lease | Held:
        """Take a lease that is free, ended, or of a process that is gone; else tell who holds it."""
        held = tables.lease
        with self.ledger.writing() as connection:
            connection.execute(text(_MAKE), {"source": source, "stream": stream})
            row = connection.execute(select(held).where(_is(source, stream)).with_for_update()).one()
            now = days.micros(self.clock(connection))
            if _holds(row.expires_at, now, row.seconds) and not Holder(row.holder, row.place).gone:
                since, until = days.instant_of(row.taken_at), days.instant_of(row.expires_at)
                return Held(source, stream, row.holder, since, until)
            values = {
                "token": row.token + 1, "holder": self.holder.name, "place": self.holder.place, "taken_at": now,
                "seconds": self.seconds, "expires_at": now + self.seconds * 1_000_000,
            }  # fmt: skip
            connection.execute(update(held).where(_is(source, stream)).values(**values))
        return Lease(source, stream, row.token + 1, self.seconds, self.clock)

    def held(self) -> list[Held]:
        """The leases that are held now, by source and stream."""
        with self.ledger.reading() as connection:
            return holders(connection, self.clock)

    def _awaited(self, source: str, stream: str) -> Lease:
        found = first = self.take(source, stream)
        while isinstance(found, Held):
            renewed = isinstance(first, Held) and found.until != first.until
            if self.patience == "none" or (self.patience == "while silent" and renewed):
                raise _held(found)
            if found is first:
                log.info("lease.awaited", source=source, stream=stream, holder=found.holder, until=str(found.until))
            self.sleep(1.0)
            found = self.take(source, stream)
        return found

    def _release(self, lease: Lease) -> None:
        held = tables.lease
        try:
            with self.ledger.writing() as connection:
                mine = (_is(lease.source, lease.stream), held.c.token == lease.token)
                connection.execute(update(held).where(*mine).values(expires_at=0))
        except LedgerError as error:
            log.warning("lease.not_released", source=lease.source, stream=lease.stream, error=error.message)


def holders(connection: Connection, clock: Clock = database_clock) -> list[Held]:
    """The leases that are held now, by source and stream."""
    held = tables.lease
    now = days.micros(clock(connection))
    return [
        Held(row.source, row.stream, row.holder, days.instant_of(row.taken_at), days.instant_of(row.expires_at))
        for row in connection.execute(select(held).order_by(held.c.source, held.c.stream))
        if _holds(row.expires_at, now, row.seconds) and not Holder(row.holder, row.place).gone
    ]


class _Heartbeat:
    """Renews a lease while its holder fetches, and says when that was too late."""

    def __init__(self, ledger: Ledger, lease: Lease, on_lost: Callable[[], None]) -> None:
        self._ledger = ledger
        self._lease = lease
        self._on_lost = on_lost
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{lease.source}-{lease.stream}", daemon=True)
        self.lost = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _stopped_within(self, seconds: float) -> bool:
        return self._stopped.wait(seconds)

    def _beat(self) -> None:
        while not self._stopped_within(self._lease.seconds / _BEATS):
            try:
                with self._ledger.writing() as connection:
                    self.lost = not self._lease.renew(connection)
            except LedgerError as error:
                # A ledger that is locked or out of reach for a while: the next beat may still be in time.
                log.warning("lease.not_renewed", source=self._lease.source, error=error.message)
            if self.lost:
                log.error("lease.lost", source=self._lease.source, stream=self._lease.stream)
                self._on_lost()
                return


_MAKE = (
    "INSERT INTO lease (source, stream, token, holder, place, taken_at, seconds, expires_at) "
    "VALUES (:source, :stream, 0, '', '', 0, 0, 0) ON CONFLICT (source, stream) DO NOTHING"
)


def _is(source: str, stream: str) -> ColumnElement[bool]:
    return (tables.lease.c.source == source) & (tables.lease.c.stream == stream)


def _holds(expires: int, now: int, seconds: int) -> bool:
    """Whether a lease has not ended. One that lasts longer than it can was taken before the clock was set back."""
    return now < expires <= now + seconds * 1_000_000


def _told(source: str, stream: str) -> str:
    return f"sending to {source}" if stream == EMISSION else f"source {source}, {stream}"


def _held(found: Held) -> HeldError:
    since = f"since {found.since:%Y-%m-%d %H:%M:%S} UTC"
    return HeldError(
        f"{_told(found.source, found.stream)}: {found.holder} has been at work on it {since}",
        mend=f"wait for it; if it is dead, its lease ends at {found.until:%H:%M:%S} UTC by itself",
    )


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(
        f"{_told(lease.source, lease.stream)}: the lease ended before the work was done; nothing more was committed",
        mend="run again; if it comes back, look why this process or the ledger stood still for minutes",
    )
