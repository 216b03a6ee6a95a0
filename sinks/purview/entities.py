"""Process entities: one per process and target, always built whole from the ledger's current edges.

An Atlas upsert replaces a process's inputs by the list it carries, so an entity holds all of them
(https://learn.microsoft.com/en-us/purview/data-gov-api-create-lineage-relationships).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import pyarrow as pa

from miner.ports import Entity, Known, Unmatched, nothing_known
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.bodies import Inputs, Line, consumer, inputs_of, process_body
from sinks.purview.columns import Part, column_mapping
from sinks.purview.creating import Creating
from sinks.purview.flows import CONSUMER, Flow, KnownDatasets, flows
from sinks.purview.hierarchy import Hierarchy, Place
from sinks.purview.options import CREATE, DEFAULT, PLACEHOLDER, PurviewOptions
from sinks.purview.ownership import further_name
from sinks.purview.placeholders import placeholder
from sinks.purview.standing import StandIn, Standing

Report = Callable[[Unmatched], None]

DEGRADED = "columns of some of its sources left out: more than [purview] column_parts processes can carry"
"""Reported of a process whose sources are not all drawn with their columns."""

_AT_ONCE = 1000
"""Processes behind one wave of parents: full batches of both, and flat memory."""


@dataclass(frozen=True, slots=True)
class _Wave:
    """Process entities, and what has to come before them."""

    consumers: list[Entity] = field(default_factory=list)
    """The datasets that processes which only read have as output."""
    stand_ins: list[StandIn] = field(default_factory=list)
    further: list[Entity] = field(default_factory=list)
    """What carries the rest of the columns of a process."""
    processes: list[Entity] = field(default_factory=list)

    def entities(self, parents: Iterable[Entity]) -> Iterator[Entity]:
        """All of it, below their parents."""
        return chain(parents, self.consumers, _made(self.stand_ins), self.further, self.processes)


def process_entities(
    batches: Iterable[pa.RecordBatch],
    unmatched: Report,
    options: PurviewOptions = DEFAULT,
    known_matches: Known = nothing_known,
) -> Iterator[Entity]:
    """The entities of batches of `miner.schemas.FLOWS`, in their order, some at a time behind what they hang below.

    Reported are, once each: an input without an asset, a flow that gives no entity, a shortened column mapping.
    """
    known = KnownDatasets(options.naming, known_matches, _standing(options))
    drawing = _Drawing(known, Hierarchy(options), options, _once(unmatched))
    wave = _Wave()
    for flow in flows(batches, known):
        drawing.draw(flow, wave)
        if len(wave.processes) == _AT_ONCE:
            yield from wave.entities(drawing.hierarchy.untold())
            wave = _Wave()
    yield from wave.entities(drawing.hierarchy.untold())


def _standing(options: PurviewOptions) -> Standing | None:
    if options.missing == PLACEHOLDER:
        return partial(placeholder, options=options)
    if options.missing == CREATE and options.creation:
        return Creating(options.naming, options.creation).stands
    return None


def _made(stand_ins: Iterable[StandIn]) -> Sequence[Entity]:
    """What stand-ins consist of, once each, what others need first."""
    once = {one.asset: one for one in stand_ins}
    made = {entity.qualified_name: entity for one in once.values() for entity in one.entities()}
    return sorted(made.values(), key=lambda entity: len(entity.needs))


def _once(report: Report) -> Report:
    seen: set[Unmatched] = set()

    def once(one: Unmatched) -> None:
        if one not in seen:
            seen.add(one)
            report(one)

    return once


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Makes entities of flows; `report` is told of what becomes none, or less than the whole, once each."""

    known: KnownDatasets
    hierarchy: Hierarchy
    options: PurviewOptions
    report: Report

    def draw(self, flow: Flow, wave: _Wave) -> None:
        """Add what becomes of a flow; nothing does where a report says so."""
        target = self.known[flow.target]
        title = flow.process.title if target.kind == CONSUMER else f"{flow.process.title} → {target.label}"
        made = consumer(flow, self.options) if target.kind == CONSUMER else None
        output = Asset(made.type_name, made.qualified_name) if made else target.asset
        if isinstance(output, Unmatched):
            self.report(Unmatched(title, f"target: {output.reason}"))
            return
        inputs = inputs_of(flow, self.known, output)
        if not inputs.references:
            self.report(Unmatched(title, inputs.nothing_left))
            return
        place = self.hierarchy.place(flow, target.folded)
        name = f"{place.own_name}/{target.hash}"
        line, parts = self._line(flow, self.options.named(name, native=place.native), title, inputs, output)
        needs = place.needs
        if made:
            wave.consumers.append(made)
            needs += (made.qualified_name,)
        if stand_ins := self.known.stand_ins(flow):
            wave.stand_ins.extend(stand_ins)
            needs += tuple(one.asset.qualified_name for one in stand_ins)
        further = []
        for number, part in enumerate(parts, start=2):
            named = self.options.named(further_name(name, number), native=place.native)
            further.append(self._entity(payload.COLUMNS, line.further(number, named, part), place, needs))
        if further:
            wave.further.extend(further)
            # Behind its parts, so that a flow is done only when all of them are.
            needs += tuple(one.qualified_name for one in further)
        wave.processes.append(self._entity(payload.PROCESS, line, place, needs))

    def _line(self, flow: Flow, name: str, title: str, inputs: Inputs, output: Asset) -> tuple[Line, Sequence[Part]]:
        """What is drawn with the first part of its columns, and the further parts."""
        for source in inputs.left_out:
            self.report(source)
        options = self.options
        mapping = column_mapping(inputs.pairs, output.qualified_name, options.max_attribute_bytes, options.column_parts)
        if mapping.left_out:
            self.report(Unmatched(title, DEGRADED))
        first, *more = mapping.parts
        return Line(flow, name, title, inputs, output, first.text, bool(mapping.left_out)), more

    def _entity(self, kind: str, line: Line, place: Place, needs: tuple[str, ...]) -> Entity:
        body = process_body(line, place, self.options)
        return Entity(
            kind,
            line.name,
            place.process_type,
            body,
            payload.digest(body),
            operations=3 + len(line.inputs.references),  # the entity, its parent, its output, its inputs
            flow=(line.flow.process_id, line.flow.target),
            needs=needs,
        )
