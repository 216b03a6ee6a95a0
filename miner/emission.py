"""Emission: desired entities, built from the ledger, compared with what was sent, and sent where they differ."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress
from typing import TypeVar

import pandas as pd
import structlog
from sqlalchemy import Connection

from miner.changes import COLUMN_USAGE, PROCESS, SUMMARY, USAGE, Changes, Verified
from miner.column_popularity import column_popularity
from miner.drawn import EVERYTHING, Drawing
from miner.ledger import COLUMNS, Ledger, drawn, edges, matches, reading, retirement, sent, summaries, wanted
from miner.ledger.leases import Fenced, Lease, Writes
from miner.ledger.matches import Ages
from miner.ledger.retirement import Limits
from miner.matching import DEFAULT_AGES, Matcher, with_ids
from miner.popularity import PopularityOptions, popularity
from miner.ports import Entity, Rejected, Sink, Unmatched

log = structlog.get_logger()

_COMPARED_AT_ONCE = 500

Item = TypeVar("Item")

Note = Callable[[Connection, Sequence[Entity]], None]
"""Told of entities that are built, before they are compared."""

Watch = Callable[[str, int], None]
"""Told (kind, entities done) as emission goes on."""

Stopping = Callable[[], bool]


def never() -> bool:
    """Nobody asks to end."""
    return False


@dataclass(frozen=True, slots=True)
class Emitter:
    """Compares the ledger with one sink and brings the sink up to date."""

    ledger: Ledger
    sink: Sink
    limits: Limits
    popularity: PopularityOptions
    now: Callable[[], datetime]
    ages: Ages = DEFAULT_AGES
    drawing: Drawing = EVERYTHING
    max_removals: int = 100
    """Percent of the processes sent that one emission may remove, rounded up."""
    lease: Lease | None = None
    """What each mark is committed under; without one nobody else may send to the sink."""
    columns: bool = False
    """Whether usage of columns is sent too."""

    def under(self, lease: Lease) -> "Emitter":
        """The same, which sends nothing more once a lease ended."""
        return replace(self, lease=lease)

    @property
    def _writes(self) -> Writes:
        return Fenced(self.ledger, self.lease) if self.lease else self.ledger

    def plan(self) -> Changes:
        """What `emit` would do; nothing changes but that the ledger learns what is retired and which assets are there.

        Raises SinkError when the sink has a catalog that cannot be reached.
        """
        changes = Changes()
        self._retire(changes)
        with self._looked_up(changes) as (connection, flows):
            for _ in self._changed_processes(connection, flows, changes):
                pass
        figures = self._new_figures(changes)
        if figures is not None:
            with self.ledger.reading() as connection:
                for _ in self._changed_usage(connection, changes, figures):
                    pass
        return changes

    def emit(self, watch: Watch | None = None, stopping: Stopping = never) -> Changes:
        """Send what changed: processes, then removals, then usage. Raises SinkError when the sink cannot be reached.

        `stopping` is asked after each batch: when it says so, nothing more is begun, and the next emission goes on.
        """
        changes = Changes()
        self._emit_processes(changes, watch, stopping)
        if not changes.unfinished:
            self._emit_usage(changes, watch, stopping)
        log.info(
            "entities.emitted", sink=self.sink.name, created=changes.created.total(), changed=changes.changed.total(),
            removed=len(changes.removed), rejected=changes.rejected.total(), unchanged=changes.unchanged.total(),
            retired=dict(changes.retired),
        )  # fmt: skip
        return changes

    def verify(self, most: int, watch: Watch | None = None) -> Verified:
        """Read so many processes, summaries and figures back, and send again what is not as it was sent.

        With processes comes what they hang below. Each time those are read that come next by name, so that all have
        their turn. Raises SinkError.
        """
        retirement.retire(self.ledger, self.limits, self._writes)
        changes, wrong = Changes(), list[Entity]()
        with self.ledger.reading() as connection:
            chosen = sent.sample(connection, self.sink.name, sent.setting(connection, self._name("verified")), most)
            sent.begin_finished(connection)
            read = 0
            for some in _chunks(self._as_sent(connection, chosen, changes), _COMPARED_AT_ONCE):
                read += len(some)
                wrong += self.sink.differing(some)
            changes.changed.update(entity.kind for entity in wrong)
            refused = self._send(connection, wrong, changes, watch, never)
        self._matcher.doubt(refused)
        if chosen:
            with self._writes.writing() as connection:
                sent.remember(connection, self._name("verified"), chosen[-1].qualified_name)
        kinds = Counter(one.kind for one in chosen)
        verified = Verified(kinds[PROCESS], read, tuple(one.qualified_name for one in wrong), changes, kinds)
        log.info(
            "entities.verified", sink=self.sink.name, processes=kinds[PROCESS], summaries=kinds[SUMMARY],
            figures=kinds[USAGE] + kinds[COLUMN_USAGE], entities=read, wrong=len(wrong),
        )  # fmt: skip
        return verified

    def _as_sent(self, connection: Connection, chosen: Sequence[sent.Sampled], changes: Changes) -> Iterator[Entity]:
        """The entities chosen, and what comes with the processes, as they were sent.

        What is another by now is left to the next emission.
        """
        known = self._matcher.known(connection)
        wanted.resolve(connection)
        flows = [(one.process, one.target) for one in chosen if one.kind == PROCESS]
        wanted.want(connection, only=flows, drawing=self.drawing, sink=self.sink.name)
        processes = self.sink.processes(edges.flows(connection), changes.note_unmatched, known)
        yield from self._unmoved(connection, processes)
        sides = [(one.process, one.target) for one in chosen if one.kind == SUMMARY]
        if sides:
            wanted.want(connection, only=(), sides=sides, drawing=self.drawing, sink=self.sink.name)
            together = self.sink.summaries(edges.summaries(connection), changes.note_unmatched, known)
            yield from self._unmoved(connection, together)
        for one in chosen:
            if one.figures:
                yield self.sink.figures(one.kind, one.type_name, one.qualified_name, one.figures, one.digest)

    def _unmoved(self, connection: Connection, entities: Iterable[Entity]) -> Iterator[Entity]:
        for some in _chunks(entities, _COMPARED_AT_ONCE):
            known = sent.known(connection, self.sink.name, [entity.qualified_name for entity in some])
            digests = {key: one.digest for key, one in known.items()}
            yield from (one for one in some if digests.get((one.kind, one.qualified_name)) == one.digest)

    def _emit_processes(self, changes: Changes, watch: Watch | None, stopping: Stopping) -> None:
        step = self._retire(changes)
        with self._looked_up(changes) as (connection, flows):
            entities = self._changed_processes(connection, flows, changes)
            refused = self._send(connection, entities, changes, watch, stopping)
            if changes.unfinished:
                again = [entity.flow for entity in refused if all(entity.flow)]
                sent.flows_done(self._writes, sent.finished(connection), again=again)
                return
            kept = sent.orphan_flows(connection, self.sink.name) if changes.held_back else []
            for orphans in changes.orphans.values():
                self._remove(orphans)
            looked_at = drawn.done(connection)
            waiting = drawn.waiting_anew(connection)
            together = summaries.hubs(connection)
        again = [entity.flow for entity in refused if all(entity.flow)]
        sent.flows_done(self._writes, looked_at, again=[*again, *kept, *waiting])
        self._matcher.doubt(refused)
        with self._writes.writing() as connection:
            sent.remember(connection, self._name("fingerprint"), self._fingerprint)
            summaries.remember(connection, self.sink.name, together)
            if matches.doubt_made(connection, self.sink.name):
                sent.remember(connection, self._name("figures"), "")
            sent.remember(connection, self._name("retired"), str(step))

    def _emit_usage(self, changes: Changes, watch: Watch | None, stopping: Stopping) -> None:
        figures = self._new_figures(changes)
        if figures is None:
            return
        with self.ledger.reading() as connection:
            usage = self._changed_usage(connection, changes, figures)
            refused = self._send(connection, usage, changes, watch, stopping)
        if changes.unfinished:
            return
        if refused:
            self._matcher.doubt(refused)
            return
        with self._writes.writing() as connection:
            sent.remember(connection, self._name("figures"), figures.state)

    @property
    def _matcher(self) -> Matcher:
        return Matcher(self.ledger, self.sink, self.ages, self.now)

    def _retire(self, changes: Changes) -> int:
        """Work out which edges count no more; their flows are wanted from then on. Returns the last step of that."""
        retirement.retire(self.ledger, self.limits, self._writes)
        with self.ledger.reading() as connection:
            since = int(sent.setting(connection, self._name("retired")) or 0)
            last = retirement.step(connection)
            if last > since:
                wanted.resolve(connection)
                changes.retired = retirement.counts(connection, since)
            return last

    @contextmanager
    def _looked_up(self, changes: Changes) -> Iterator[tuple[Connection, int]]:
        """The wanted flows, laid down, and how many; which assets their datasets are is known.

        What was looked up is kept past this connection, and flows of datasets that moved are wanted from then on: then
        they are laid down anew.
        """
        with self.ledger.reading() as connection:
            flows = self._want(connection)
            found = self._matcher.for_flows(connection)
            changes.looked_up += found
            if not found:
                yield connection, flows
                return
        with self.ledger.reading() as connection:
            yield connection, self._want(connection)

    def _want(self, connection: Connection) -> int:
        wanted.resolve(connection)
        return wanted.want(connection, everything=self._anew(connection), drawing=self.drawing, sink=self.sink.name)

    def _anew(self, connection: Connection) -> bool:
        """Whether everything is to be built, because it is built another way."""
        return sent.setting(connection, self._name("fingerprint")) != self._fingerprint

    @property
    def _fingerprint(self) -> str:
        return self.sink.fingerprint + self.drawing.fingerprint

    def _new_figures(self, changes: Changes) -> "_Figures | None":
        """The figures of all datasets, looked up; None when they are those that were sent."""
        with self.ledger.reading() as connection:
            state, moves = _figures(connection, self), self._matcher.moves(connection)
            if f"{state}|{moves}" == sent.setting(connection, self._name("figures")):
                return None
        frame = with_ids(popularity(self.ledger, self.popularity))
        columns = with_ids(column_popularity(self.ledger, self.popularity)) if self.columns else None
        for one in (frame, columns):
            if one is not None:
                changes.looked_up += self._matcher.for_usage(one)
        with self.ledger.reading() as connection:
            return _Figures(frame, columns, f"{state}|{self._matcher.moves(connection)}")

    def _name(self, what: str) -> str:
        return f"{what}:{self.sink.name}"

    def _changed_processes(self, connection: Connection, flows: int, changes: Changes) -> Iterator[Entity]:
        if not flows:
            return
        anew = self._anew(connection)
        sent.begin_built(connection)
        sent.begin_finished(connection)
        known = self._matcher.known(connection)
        processes = self.sink.processes(edges.flows(connection), changes.note_unmatched, known)
        yield from self._compared(connection, processes, changes, sent.note_built)
        together = self.sink.summaries(edges.summaries(connection), changes.note_unmatched, known)
        yield from self._compared(connection, together, changes, sent.note_built)
        changes.summarised = summaries.summarised(connection)
        changes.note_left_out(drawn.left_out(connection))
        changes.orphans = sent.orphans(connection, self.sink.name, everything=anew)
        changes.reasons = sent.reasons(connection, self.sink.name)
        self._guard(connection, changes)

    def _guard(self, connection: Connection, changes: Changes) -> None:
        """Hold all removals back when they are more than one emission may make.

        Processes whose lineage a summary draws from now on are none: nothing is lost by them.
        """
        lost = len(changes.orphans[PROCESS]) - sent.summarised_orphans(connection, self.sink.name)
        if lost > math.ceil(sent.processes(connection, self.sink.name) * self.max_removals / 100):
            log.warning("removals.held_back", sink=self.sink.name, removals=lost, most=self.max_removals)
            changes.held_back = lost
            changes.orphans = {}

    def _changed_usage(self, connection: Connection, changes: Changes, figures: "_Figures") -> Iterator[Entity]:
        known = self._matcher.known(connection)
        yield from self._compared(connection, self.sink.usage(figures.frame, changes.note_unmatched, known), changes)
        if figures.columns is not None:
            columns = self.sink.column_usage(figures.columns, changes.note_unmatched, known)
            yield from self._compared(connection, columns, changes)

    def _compared(
        self, connection: Connection, entities: Iterable[Entity], changes: Changes, note: Note | None = None
    ) -> Iterator[Entity]:
        for some in _chunks(entities, _COMPARED_AT_ONCE):
            if note:
                note(connection, some)
            known = sent.known(connection, self.sink.name, [entity.qualified_name for entity in some])
            same = [self._unchanged(entity, known) for entity in some]
            changes.unchanged.update(entity.kind for entity in compress(some, same))
            if note:
                sent.note_finished(connection, compress(some, same))
            for entity in (one for one, unchanged in zip(some, same, strict=True) if not unchanged):
                before = known.get((entity.kind, entity.qualified_name))
                (changes.created if before is None else changes.changed)[entity.kind] += 1
                changes.operations += entity.operations
                yield entity

    def _unchanged(self, entity: Entity, known: Mapping[tuple[str, str], sent.Known]) -> bool:
        """Whether an entity is as it was sent, or its figures have moved too little to be sent again."""
        before = known.get((entity.kind, entity.qualified_name))
        if before is None or before.digest != entity.digest:
            return False
        return before.figures == entity.figures or not self.sink.moved(before.figures, entity.figures)

    def _send(
        self,
        connection: Connection,
        entities: Iterable[Entity],
        changes: Changes,
        watch: Watch | None,
        stopping: Stopping,
    ) -> list[Entity]:
        """Send in batches, each marked before and after; returns what was refused, to be tried again next time."""
        again: list[Entity] = []
        done = 0
        with closing(self.sink.deliver(self._announced(entities))) as deliveries:
            for batch, refused in deliveries:
                sent.mark_sent(self._writes, self.sink.name, batch, refused, self.now())
                again += _refused(batch, refused, changes)
                done += len(batch)
                names = {one.qualified_name for one in refused}
                sent.note_finished(connection, (one for one in batch if one.qualified_name not in names))
                if watch:
                    watch(batch[0].kind, done)
                if stopping():
                    changes.unfinished = True
                    break
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


@dataclass(frozen=True, slots=True)
class _Figures:
    """Popularity of datasets and of columns with the ids of datasets, and a text that changes when it does."""

    frame: pd.DataFrame
    columns: pd.DataFrame | None
    state: str


def _refused(batch: Sequence[Entity], refused: Sequence[Rejected], changes: Changes) -> list[Entity]:
    """The entities of a batch that were refused, counted and logged with their reasons; absent ones are unmatched."""
    absent = {rejected.qualified_name: rejected.reason for rejected in refused if rejected.absent}
    for entity in batch:
        if entity.qualified_name in absent:
            counted = changes.created if changes.created[entity.kind] else changes.changed
            counted[entity.kind] -= 1
            changes.note_unmatched(Unmatched(entity.qualified_name, absent[entity.qualified_name]))
    names = {rejected.qualified_name: rejected.reason for rejected in refused if not rejected.absent}
    for name, reason in names.items():
        changes.rejected[reason] += 1
        log.warning("entity.rejected", name=name, reason=reason)
    return [entity for entity in batch if entity.qualified_name in names]


def _figures(connection: Connection, emitter: Emitter) -> str:
    """What the figures depend on: the usage mined, the windows and who is left out, and how they are built."""
    options = emitter.popularity
    columns = [reading.usage_state(connection, COLUMNS)] if emitter.columns else []
    return "|".join((reading.usage_state(connection), *columns, repr(options), emitter.sink.fingerprint))


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
