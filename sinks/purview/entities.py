"""Process entities: one per process and target, always built whole from the ledger's current edges.

An Atlas upsert replaces a process's inputs by the list it carries, so an entity holds all of them
(https://learn.microsoft.com/en-us/purview/data-gov-api-create-lineage-relationships).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

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


class _Drawn(NamedTuple):
    """A process entity, where it hangs, and what is made for it.

    Those that carry the rest of its columns, the dataset that it has as output when it only reads, those for its ends.
    """

    place: Place
    process: Entity
    further: Sequence[Entity]
    consumer: Entity | None
    stand_ins: Sequence[StandIn]


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
    drawn = (one for flow in flows(batches, known) if (one := drawing.drawn(flow)))
    while some := list(islice(drawn, _AT_ONCE)):
        parents = [parent for one in some for parent in drawing.hierarchy.untold(one.place)]
        yield from sorted(parents, key=lambda parent: len(parent.needs))
        yield from (one.consumer for one in some if one.consumer)
        made = _made(stands for one in some for stands in one.stand_ins)
        yield from sorted(made, key=lambda entity: len(entity.needs))
        yield from (part for one in some for part in one.further)
        yield from (one.process for one in some)


def _standing(options: PurviewOptions) -> Standing | None:
    if options.missing == PLACEHOLDER:
        return partial(placeholder, options=options)
    if options.missing == CREATE and options.creation:
        return Creating(options.naming, options.creation).stands
    return None


def _made(stand_ins: Iterable[StandIn]) -> Collection[Entity]:
    """What stand-ins consist of, once each."""
    once = {one.asset: one for one in stand_ins}
    return {entity.qualified_name: entity for one in once.values() for entity in one.entities()}.values()


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

    def drawn(self, flow: Flow) -> _Drawn | None:
        """What becomes of a flow; None, and a report, when nothing does."""
        target = self.known[flow.target]
        title = flow.process.title if target.kind == CONSUMER else f"{flow.process.title} → {target.label}"
        made = consumer(flow, self.options) if target.kind == CONSUMER else None
        output = Asset(made.type_name, made.qualified_name) if made else target.asset
        if isinstance(output, Unmatched):
            self.report(Unmatched(title, f"target: {output.reason}"))
            return None
        inputs = inputs_of(flow, self.known, output)
        if not inputs.references:
            self.report(Unmatched(title, inputs.nothing_left))
            return None
        place = self.hierarchy.place(flow, target.folded)
        name = f"{place.own_name}/{target.hash}"
        line, parts = self._line(flow, self.options.named(name, native=place.native), title, inputs, output)
        ends = [self.known[one].made for one in (flow.target, *flow.sources)]
        stand_ins = [one for one in ends if one]
        needs = [*place.needs, *([made.qualified_name] if made else ())]
        needs += [one.asset.qualified_name for one in stand_ins]
        further = []
        for number, part in enumerate(parts, start=2):
            named = self.options.named(further_name(name, number), native=place.native)
            further.append(self._entity(payload.COLUMNS, line.further(number, named, part), place, needs))
        # Behind its parts, so that a flow is done only when all of them are.
        needs += [one.qualified_name for one in further]
        return _Drawn(place, self._entity(payload.PROCESS, line, place, needs), further, made, stand_ins)

    def _line(self, flow: Flow, name: str, title: str, inputs: Inputs, output: Asset) -> tuple[Line, Sequence[Part]]:
        """What is drawn with the first part of its columns, and the further parts."""
        for source in (*inputs.unmatched, *inputs.joined):
            self.report(source)
        options = self.options
        mapping = column_mapping(inputs.pairs, output.qualified_name, options.max_attribute_bytes, options.column_parts)
        if mapping.left_out:
            self.report(Unmatched(title, DEGRADED))
        first, *more = mapping.parts
        return Line(flow, name, title, inputs, output, first.text, bool(mapping.left_out)), more

    def _entity(self, kind: str, line: Line, place: Place, needs: Sequence[str]) -> Entity:
        body = process_body(line, place, self.options)
        return Entity(
            kind,
            line.name,
            place.process_type,
            body,
            payload.digest(body),
            operations=3 + len(line.inputs.references),  # the entity, its parent, its output, its inputs
            flow=(line.flow.process_id, line.flow.target),
            needs=tuple(needs),
        )
