"""Where a command can be killed: every place of five phases is counted, and at one of them the process ends itself.

`fetch`: a query is sent, a batch of rows comes. `merge`: a statement of a day's or of the names' transaction, its commit,
and just after it. `emit`: around each mark in the ledger, and around, inside and after each file. `backfill`: all of these
but sending, in a backfill, and its own record. `migration`: a statement of a migration, its commit, and just after it.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from miner import emission
from miner.backfill import Backfill
from miner.ledger import Ledger, backfills, migrating, sent, store
from queries.embedded import EmbeddedWarehouse
from sinks.purview import files

PHASES = ("fetch", "merge", "emit", "backfill", "migration")
KILLED = -signal.SIGKILL


class Points:
    """Counts places by phase; at the place number `at` of `phase` it notes that, and kills this process."""

    def __init__(self, landed: Path, phase: str = "", at: int = -1) -> None:
        self.passes = dict.fromkeys(PHASES, 0)
        self.backfilling = False
        self._landed, self._phase, self._at = landed, phase, at
        self._lock = threading.Lock()
        self._inside = threading.local()

    def passed(self, phase: str) -> None:
        """This process is at a place of a phase."""
        with self._lock:
            self._count(phase)
            if self.backfilling and phase in {"fetch", "merge"}:
                self._count("backfill")

    def _count(self, phase: str) -> None:
        number = self.passes[phase]
        self.passes[phase] += 1
        if phase == self._phase and number == self._at:
            self._landed.write_text(phase)
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def inside(self, phase: str) -> Iterator[None]:
        """Every statement of this thread is a place of the phase until the end; so is the moment after it."""
        self._inside.phase = phase
        try:
            yield
        finally:
            self._inside.phase = ""
        self.passed(phase)

    def statement(self, *_: object) -> None:
        """This thread is about to execute something, or to commit."""
        if phase := getattr(self._inside, "phase", ""):
            self.passed(phase)


def install(points: Points) -> None:
    """Have the product pass the points, in this process and for good."""
    event.listen(Engine, "before_cursor_execute", points.statement)
    event.listen(Engine, "commit", points.statement)
    _fetching(points)
    Ledger.record = _within(points, "merge", Ledger.record)
    Ledger.record_names = _within(points, "merge", Ledger.record_names)
    store.migrate = _within(points, "migration", migrating.migrate)
    _sending(points)
    _filling(points)


def _fetching(points: Points) -> None:
    run = EmbeddedWarehouse.run

    def passing(self, query, values):
        points.passed("fetch")
        for batch in run(self, query, values):
            points.passed("fetch")
            yield batch

    EmbeddedWarehouse.run = passing


def _within(points: Points, phase: str, inner: Callable) -> Callable:
    def watched(*given, **more):
        with points.inside(phase):
            return inner(*given, **more)

    return watched


def _sending(points: Points) -> None:
    placed = files.placed

    @contextmanager
    def passing(path: Path) -> Iterator[object]:
        points.passed("emit")
        with placed(path) as stream:
            yield stream
            stream.flush()
            points.passed("emit")
        points.passed("emit")

    files.placed = passing
    for name in ("mark_sending", "mark_sent", "forget", "flows_done", "remember"):
        setattr(emission.sent, name, _around(points, "emit", getattr(sent, name)))


def _around(points: Points, phase: str, inner: Callable) -> Callable:
    def watched(*given, **more):
        points.passed(phase)
        answer = inner(*given, **more)
        points.passed(phase)
        return answer

    return watched


def _filling(points: Points) -> None:
    go = Backfill.go

    def passing(*given):
        points.backfilling = True
        yield from go(*given)
        points.backfilling = False

    Backfill.go = passing
    for name in ("begin", "note_done", "end"):
        setattr(backfills, name, _around(points, "backfill", getattr(backfills, name)))
