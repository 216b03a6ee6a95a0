"""Emission: desired entities, built from the ledger, compared with what was sent, and sent where they differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from miner.ledger import Ledger, edges, reading, sent, wanted
from miner.ledger.leases import Fenced, Lease, Writes
from miner.popularity import PopularityOptions, popularity
from miner.ports import Entity, Rejected, Sink, Unmatched

log = structlog.get_logger()

PROCESS = "process"
USAGE = "usage"

_COMPARED_AT_ONCE = 500

Item = TypeVar("Item")

Note = Callable[[Connection, Sequence[Entity]], None]
"""Told of entities that are built, before they are compared."""

Watch = Callable[[str, int], None]
"""Told (kind, entities done) as emission goes on."""


@dataclass(slots=True)
class Changes:
    """What an emission did, or would do."""

    created: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    orphans: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    operations: int = 0

    @property
    def removed(self) -> list[tuple[str, str]]:
        """Entities removed, as type and qualified name: those below others first."""
        return [entity for some in self.orphans.values() for entity in some]

    def note_unmatched(self, found: Unmatched) -> None:
        """Count what has no entity, by reason, with one example each."""
        self.unmatched[found.reason] += 1
        self.examples.setdefault(found.reason, found.name)

    @property
    def sent(self) -> int:
        """Entities created or changed."""
        return self.created.total() + self.changed.total()


@dataclass(frozen=True, slots=True)
class Emitter:
    """Compares the ledger with one sink and brings the sink up to date."""

    ledger: Ledger
    sink: Sink
    stale_days: int
    popularity: PopularityOptions
    now: Callable[[], datetime]
    lease: Lease | None = None
    """What each mark is committed under; without one nobody else may send to the sink."""

    def under(self, lease: Lease) -> "Emitter":
        """The same, which sends nothing more once a lease ended."""
        return replace(self, lease=lease)

    @property
    def _writes(self) -> Writes:
        return Fenced(self.ledger, self.lease) if self.lease else self.ledger

    def plan(self) -> Changes:
        """What `emit` would do; nothing is changed."""
        changes = Changes()
        with self.ledger.reading() as connection:
            for _ in self._changed_processes(connection, changes):
                pass
            for _ in self._changed_usage(connection, changes):
                pass
        return changes

    def emit(self, watch: Watch | None = None) -> Changes:
        """Send what changed: processes, then removals, then usage. Raises SinkError when the sink cannot be reached."""
        changes = Changes()
        self._emit_processes(changes, watch)
        self._emit_usage(changes, watch)
        log.info(
            "entities.emitted", sink=self.sink.name, created=changes.created.total(), changed=changes.changed.total(),
            removed=len(changes.removed), rejected=changes.rejected.total(), unchanged=changes.unchanged.total(),
        )  # fmt: skip
        return changes

    def _emit_processes(self, changes: Changes, watch: Watch | None) -> None:
        with self.ledger.reading() as connection:
            refused = self._send(self._changed_processes(connection, changes), changes, watch)
            for orphans in changes.orphans.values():
                self._remove(orphans)
            waiting = {process for process, _ in wanted.waiting(connection)}
            looked_at = [flow for flow in wanted.marked(connection) if flow[0] not in waiting]
            stale = wanted.stale_state(connection)
        sent.flows_done(self._writes, looked_at, again=[entity.flow for entity in refused if all(entity.flow)])
        with self._writes.writing() as connection:
            sent.remember(connection, self._name("fingerprint"), self.sink.fingerprint)
            sent.remember(connection, self._name("stale"), stale)

    def _emit_usage(self, changes: Changes, watch: Watch | None) -> None:
        with self.ledger.reading() as connection:
            figures = _figures(connection, self)
            refused = self._send(self._changed_usage(connection, changes), changes, watch)
        if not refused:
            with self._writes.writing() as connection:
                sent.remember(connection, self._name("figures"), figures)

    def _name(self, what: str) -> str:
        return f"{what}:{self.sink.name}"

    def _changed_processes(self, connection: Connection, changes: Changes) -> Iterator[Entity]:
        wanted.resolve(connection, self.stale_days)
        anew = sent.setting(connection, self._name("fingerprint")) != self.sink.fingerprint
        if not wanted.want(connection, everything=anew, stale_before=sent.setting(connection, self._name("stale"))):
            return
        sent.begin_built(connection)
        entities = self.sink.processes(edges.flows(connection), changes.note_unmatched)
        yield from self._compared(connection, entities, changes, sent.note_built)
        changes.waiting = len(wanted.waiting(connection))
        changes.orphans = sent.orphans(connection, self.sink.name)

    def _changed_usage(self, connection: Connection, changes: Changes) -> Iterator[Entity]:
        if _figures(connection, self) == sent.setting(connection, self._name("figures")):
            return
        frame = popularity(self.ledger, self.popularity)
        yield from self._compared(connection, self.sink.usage(frame, changes.note_unmatched), changes)

    def _compared(
        self, connection: Connection, entities: Iterable[Entity], changes: Changes, note: Note | None = None
    ) -> Iterator[Entity]:
        for some in _chunks(entities, _COMPARED_AT_ONCE):
            if note:
                note(connection, some)
            known = sent.digests(connection, self.sink.name, [entity.qualified_name for entity in some])
            for entity in some:
                before = known.get((entity.kind, entity.qualified_name))
                if before == entity.digest:
                    changes.unchanged[entity.kind] += 1
                    continue
                (changes.created if before is None else changes.changed)[entity.kind] += 1
                changes.operations += entity.operations
                yield entity

    def _send(self, entities: Iterable[Entity], changes: Changes, watch: Watch | None) -> list[Entity]:
        """Send in batches, each marked before and after; returns what was refused, to be tried again next time."""
        again: list[Entity] = []
        done = 0
        with closing(self.sink.deliver(self._announced(entities))) as deliveries:
            for batch, refused in deliveries:
                sent.mark_sent(self._writes, self.sink.name, batch, refused, self.now())
                again += _refused(batch, refused, changes)
                done += len(batch)
                if watch:
                    watch(batch[0].kind, done)
        return again

    def _announced(self, entities: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
        """Batches, each marked as being sent before the sink gets it."""
        for number, batch in enumerate(self.sink.batches(entities)):
            if number == 0:
                self.sink.prepare()
            sent.mark_sending(self._writes, self.sink.name, batch, self.now())
            yield batch

    def _remove(self, orphans: Sequence[tuple[str, str]]) -> None:
        for some in _chunks(orphans, _COMPARED_AT_ONCE):
            with self._writes.writing():
                pass  # whoever lost the lease removes nothing
            self.sink.remove(some)
            sent.forget(self._writes, self.sink.name, [name for _, name in some])


def _refused(batch: Sequence[Entity], refused: Sequence[Rejected], changes: Changes) -> list[Entity]:
    """The entities of a batch that were refused, counted and logged with their reasons."""
    for rejected in refused:
        changes.rejected[rejected.reason] += 1
        log.warning("entity.rejected", name=rejected.qualified_name, reason=rejected.reason)
    names = {rejected.qualified_name for rejected in refused}
    return [entity for entity in batch if entity.qualified_name in names]


def _figures(connection: Connection, emitter: Emitter) -> str:
    """What the figures depend on: the usage mined, the windows and who is left out, and how they are built."""
    options = emitter.popularity
    return "|".join((reading.usage_state(connection), repr(options), emitter.sink.fingerprint))


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
