"""Process entities: one per process and target, always built whole from the ledger's current edges.

An Atlas upsert replaces a process's inputs by the list it carries, so an entity holds all of them
(https://learn.microsoft.com/en-us/purview/data-gov-api-create-lineage-relationships).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import pyarrow as pa

from miner.ports import Entity, Known, Unmatched, nothing_known
from sinks.purview import payload
from sinks.purview.assets import Asset, Reference
from sinks.purview.columns import ColumnMapping, column_mapping
from sinks.purview.flows import Flow, KnownDatasets, flows
from sinks.purview.options import DEFAULT, PurviewOptions

Report = Callable[[Unmatched], None]


@dataclass(slots=True)
class _Inputs:
    """The sources of one flow: column pairs and references by the asset's qualified name, and those without one."""

    pairs: dict[str, list[str]] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    unmatched: list[Unmatched] = field(default_factory=list)
    verified: bool = True


def process_entities(
    batches: Iterable[pa.RecordBatch],
    unmatched: Report,
    options: PurviewOptions = DEFAULT,
    known_matches: Known = nothing_known,
) -> Iterator[Entity]:
    """The entities of batches of `miner.schemas.FLOWS`, in their order.

    Reported are, once each: an input without an asset, a flow that gives no entity, a shortened column mapping.
    """
    known = KnownDatasets(options.naming, known_matches)
    report = _once(unmatched)
    for flow in flows(batches, known):
        entity = _entity(flow, known, report, options)
        if entity:
            yield entity


def _once(report: Report) -> Report:
    seen: set[Unmatched] = set()

    def once(one: Unmatched) -> None:
        if one not in seen:
            seen.add(one)
            report(one)

    return once


def _entity(flow: Flow, known: KnownDatasets, report: Report, options: PurviewOptions) -> Entity | None:
    target = known[flow.target]
    title = f"{flow.process.title} → {target.label}"
    if isinstance(target.asset, Unmatched):
        report(Unmatched(title, f"target: {target.asset.reason}"))
        return None
    inputs = _inputs(flow, known, target.asset)
    if not inputs.references:
        report(Unmatched(title, _nothing_left(inputs)))
        return None
    for source in inputs.unmatched:
        report(source)
    columns = column_mapping(inputs.pairs, target.asset.qualified_name, options.max_attribute_bytes)
    if columns.left_out:
        report(Unmatched(title, f"column mapping too long: left out for {len(columns.left_out)} of its sources"))
    qualified_name = flow.process.qualified_name(target.folded, target.hash)
    attributes = {
        "qualifiedName": qualified_name,
        "name": title,
        **_context(flow, options.workspace_domain),
        **_lineage(inputs, target.asset, columns),
        "unmatchedInputs": _listed({source.name for source in inputs.unmatched}, options.max_attribute_bytes),
    }
    body = payload.written({"typeName": options.process_type, "attributes": attributes})
    operations = 2 + len(inputs.references)  # the entity, its output, its inputs
    digest = payload.digest(body)
    key = (flow.process_id, flow.target)
    return Entity(payload.PROCESS, qualified_name, options.process_type, body, digest, operations, key)


def _inputs(flow: Flow, known: KnownDatasets, output: Asset) -> _Inputs:
    inputs = _Inputs()
    for source, pairs, verified in zip(flow.sources, flow.column_pairs, flow.verified, strict=True):
        asset = known[source].asset
        if isinstance(asset, Unmatched):
            inputs.unmatched.append(asset)
        elif asset.qualified_name != output.qualified_name:  # two spellings of one asset make no lineage
            inputs.pairs.setdefault(asset.qualified_name, []).append(pairs)
            inputs.references[asset.qualified_name] = asset.reference
            inputs.verified &= verified
    return inputs


def _nothing_left(inputs: _Inputs) -> str:
    reasons = sorted({source.reason for source in inputs.unmatched})
    return f"every source: {'; '.join(reasons)}" if reasons else "source and target are one asset"


def _context(flow: Flow, domain: str) -> dict[str, object]:
    process = flow.process
    return {
        "metastoreId": process.metastore_id,
        "workspaceId": process.workspace_id,
        "processKind": process.kind,
        "processId": process.id,
        "notebookId": process.notebook_id,
        "jobId": process.job_id,
        "pipelineId": process.pipeline_id,
        "link": process.link(domain),
    }


def _lineage(inputs: _Inputs, output: Asset, columns: ColumnMapping) -> dict[str, object]:
    return {
        "unverified": not inputs.verified,
        "columnMapping": columns.text,
        "columnMappingDegraded": bool(columns.left_out),
        "inputs": [inputs.references[source] for source in sorted(inputs.references)],
        "outputs": [output.reference],
    }


def _listed(names: Collection[str], limit: int) -> list[str]:
    """The names, sorted; those that would make the list longer than `limit` bytes as one last number."""
    ends = accumulate(len(name.encode()) + 3 for name in sorted(names))
    fitting = sum(end <= limit for end in ends)
    more = [f"and {len(names) - fitting} more"] if fitting < len(names) else []
    return sorted(names)[:fitting] + more
