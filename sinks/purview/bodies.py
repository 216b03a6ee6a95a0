"""What entities say: processes of our own type or of Purview's, and the datasets that stand for who only reads."""

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from miner.ports import Entity, Unmatched
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.columns import Part
from sinks.purview.flows import Flow, KnownDatasets
from sinks.purview.foreign import JOINED
from sinks.purview.hierarchy import MAKER, Place
from sinks.purview.options import PurviewOptions
from sinks.purview.spelling import respelled

_CUSTOM_CHARACTERS = 480
"""Atlas takes custom attributes of 500 characters."""


class Inputs(NamedTuple):
    """The sources of one flow: column pairs and references by the asset's qualified name, and those left out."""

    pairs: Mapping[str, Sequence[str]]
    references: Mapping[str, object]
    left_out: Sequence[Unmatched] = ()
    """Those without an asset, and those that somebody else draws."""
    verified: bool = True

    @property
    def sorted(self) -> list[object]:
        """The references by qualified name."""
        return [self.references[source] for source in sorted(self.references)]

    @property
    def unmatched(self) -> set[str]:
        """The names of those without an asset."""
        return {source.name for source in self.left_out if source.reason != JOINED}

    @property
    def nothing_left(self) -> str:
        """Why there is no reference."""
        reasons = sorted({source.reason for source in self.left_out})
        return f"every source: {'; '.join(reasons)}" if reasons else "source and target are one asset"


class Line(NamedTuple):
    """What is drawn of one flow."""

    flow: Flow
    name: str
    title: str
    inputs: Inputs
    output: Asset
    columns: str
    """Its columnMapping."""
    degraded: bool = False
    """Whether columns of some sources are left out."""

    def further(self, number: int, name: str, part: Part) -> "Line":
        """What carries one more part of the mapping: the sources whose columns it tells of, and the same output."""
        references = {source: self.inputs.references[source] for source in part.sources}
        inputs = Inputs({}, references, verified=self.inputs.verified)
        return Line(self.flow, name, f"{self.title} (more columns, {number})", inputs, self.output, part.text)


def inputs_of(flow: Flow, known: KnownDatasets, output: Asset) -> Inputs:
    """The sources of a flow into an asset; two spellings of one asset make no lineage."""
    target, own = known[flow.target], output.qualified_name
    pairs: dict[str, list[str]] = {}
    references: dict[str, object] = {}
    left_out = []
    verified = True
    for source, told, seen in zip(flow.sources, flow.column_pairs, flow.verified, strict=True):
        dataset = known[source]
        asset = dataset.asset
        if isinstance(asset, Unmatched):
            left_out.append(asset)
        elif (name := asset.qualified_name) in target.foreign:
            left_out.append(Unmatched(f"{dataset.label} → {target.label}", JOINED))
        elif name != own:
            pairs.setdefault(name, []).append(respelled(told, dataset.spellings, target.spellings))
            references[name] = dataset.reference
            verified &= seen
    return Inputs(pairs, references, left_out, verified)


def process_body(line: Line, place: Place, options: PurviewOptions) -> bytes:
    """The body of a process entity.

    The own type has attributes for all that is known. A native process has none beside its columns: the rest goes into
    custom attributes, of which every entity may have any.
    """
    told: dict[str, object] = {"typeName": place.process_type}
    if place.native:
        told["attributes"] = {**_head(line), **_ends(line)}
        told["customAttributes"] = _custom(line, place.about)
    else:
        told["attributes"] = {**_head(line), **place.about, **_own(line, options), **_ends(line)}
    told["relationshipAttributes"] = place.relationships
    return payload.written(told)


def consumer(flow: Flow, options: PurviewOptions) -> Entity:
    """The dataset of our own that stands for a process which only reads: Purview draws no process without output."""
    process = flow.process
    name = options.named(f"{process.own_name('')}/consumer")
    attributes = {"qualifiedName": name, "name": process.title, **process.told(options.workspace_domain)}
    body = payload.written({"typeName": options.consumer_type, "attributes": attributes})
    ends = (flow.process_id, flow.target)
    return Entity(payload.CONSUMER, name, options.consumer_type, body, payload.digest(body), 1, ends)


def _head(line: Line) -> dict[str, object]:
    return {"qualifiedName": line.name, "name": line.title}


def _ends(line: Line) -> dict[str, object]:
    return {"columnMapping": line.columns, "inputs": line.inputs.sorted, "outputs": [line.output.reference]}


def _own(line: Line, options: PurviewOptions) -> dict[str, object]:
    process, said = line.flow.process, line.flow.statement_text
    told: dict[str, object] = {
        "notebookId": process.notebook_id,
        "jobId": process.job_id,
        "pipelineId": process.pipeline_id,
        "taskKey": process.task_key,
        "unverified": not line.inputs.verified,
        "columnMappingDegraded": line.degraded,
        "unmatchedInputs": _unmatched(line, options.max_attribute_bytes),
    }
    # What once was told goes only by another value: Atlas keeps what an update leaves out.
    return told if said is None else told | {"statementText": said[: options.statement_text]}


def _custom(line: Line, about: Mapping[str, str]) -> Mapping[str, str]:
    told = {name: value for name, value in about.items() if value}
    told |= {"unverified": "true"} if not line.inputs.verified else {}
    told |= {"columnMappingDegraded": "true"} if line.degraded else {}
    unmatched = ", ".join(_unmatched(line, _CUSTOM_CHARACTERS))
    told |= {"unmatchedInputs": unmatched} if unmatched else {}
    return {name: value[:_CUSTOM_CHARACTERS] for name, value in told.items()} | dict([MAKER])


def _unmatched(line: Line, limit: int) -> list[str]:
    return listed(line.inputs.unmatched, limit) if line.inputs.left_out else []


def listed(names: Collection[str], limit: int) -> list[str]:
    """The names, sorted; those that would make the list longer than `limit` bytes as one last number."""
    ends = accumulate(len(name.encode()) + 3 for name in sorted(names))
    fitting = sum(end <= limit for end in ends)
    more = [f"and {len(names) - fitting} more"] if fitting < len(names) else []
    return sorted(names)[:fitting] + more
