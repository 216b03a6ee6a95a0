"""Rows of current edges, grouped: one flow is what a process brings into one target, from all its sources."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from miner.ports import MADE, Known, Match, Unmatched, nothing_known
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.foreign import told
from sinks.purview.names import Dataset, asset, matched
from sinks.purview.naming import Context
from sinks.purview.processes import Process
from sinks.purview.spelling import Spellings, spellings
from sinks.purview.standing import StandIn, Standing

CONSUMER = "consumer"
"""Kind of a target that is the process itself, because it only reads."""

KNOWN_DATASETS = 100_000
"""How many datasets are remembered between batches, so that memory stays flat in the size of the estate."""

_PROCESS = (
    "metastore_id", "workspace_id", "process_kind", "process_id", "notebook_id", "job_id", "pipeline_id",
    "label", "task_key", "workspace_name", "workspace_url",
)  # fmt: skip
_DATASET = ("kind", "catalog", "schema", "name", "path", "type", "spelling")


class Flow(NamedTuple):
    """One process, one target, and the rows of its sources side by side; ids are the ledger's."""

    process_id: int
    process: Process
    target: int
    sources: Sequence[int]
    column_pairs: Sequence[str]
    verified: Sequence[bool]
    statement_text: str | None = None
    """What the latest statement says that wrote the target; None when none was ever kept, '' once it is forgotten."""


class KnownDataset(NamedTuple):
    """What entities need of a dataset; the reference to its asset is written once, not once per edge."""

    kind: str
    asset: Asset | Unmatched
    reference: orjson.Fragment | None
    label: str
    folded: str
    hash: str
    made: StandIn | None = None
    """What stands for it, where Purview has no asset."""
    spellings: Spellings | None = None
    """How its asset spells columns, where that is known."""
    foreign: frozenset[str] = frozenset()
    """Qualified names of what processes of others bring into its asset already."""


class KnownDatasets(dict[int, KnownDataset]):
    """The datasets of the rows at hand by ledger id: named once each, not once per edge."""

    def __init__(self, naming: Context, known: Known = nothing_known, stand_in: Standing | None = None) -> None:
        super().__init__()
        self._naming = naming
        self._matches = known
        self._stand_in = stand_in

    def learn(self, batch: pa.RecordBatch) -> None:
        """Name the datasets of a batch that are not known yet."""
        if len(self) > KNOWN_DATASETS:
            self.clear()
        for end in ("source", "target"):
            ids, firsts = np.unique(batch.column(end).to_numpy(), return_index=True)
            rows = dict(one for one in zip(ids.tolist(), firsts.tolist(), strict=True) if one[0] not in self)
            columns = ["metastore_id", *(f"{end}_{part}" for part in _DATASET)]
            matches = self._matches(rows)
            for dataset, values in zip(rows, texts(batch, columns, list(rows.values())), strict=True):
                self[dataset] = self._named(dataset, Dataset(*values), matches.get(dataset))

    def stand_ins(self, flow: Flow) -> Sequence[StandIn]:
        """What stands for the ends of a flow that have no asset."""
        if not self._stand_in:
            return ()
        return [made for one in (flow.target, *flow.sources) if (made := self[one].made)]

    def _named(self, number: int, dataset: Dataset, match: Match | None) -> KnownDataset:
        found = matched(dataset, match) if match else asset(dataset, self._naming)
        made = None
        ours = match is not None and match.reason == MADE
        if self._stand_in and (ours or isinstance(found, Unmatched)) and dataset.kind != CONSUMER:
            stands = self._stand_in(number, dataset, found, match)
            made = stands if isinstance(stands, StandIn) else None
            if isinstance(stands, (StandIn, Unmatched)):
                found = stands.asset if isinstance(stands, StandIn) else stands
        reference = None if isinstance(found, Unmatched) else orjson.Fragment(payload.written(found.reference))
        spelled, brought = (spellings(match.columns), told(match.foreign)) if match else (None, frozenset[str]())
        if made and spelled is None:
            spelled = made.spellings
        return KnownDataset(
            dataset.kind, found, reference, dataset.label, dataset.folded, dataset.hash, made, spelled, brought
        )


def flows(batches: Iterable[pa.RecordBatch], known: KnownDatasets) -> Iterator[Flow]:
    """The flows of batches of `miner.schemas.FLOWS`, in order; a flow may be spread over several batches."""
    for batch in _whole_flows(batches):
        known.learn(batch)
        yield from _flows(batch)


def _flows(batch: pa.RecordBatch) -> Iterator[Flow]:
    starts = _starts(batch)
    firsts = batch.select(["process", "target", "statement_text"]).take(pa.array(starts))
    numbers, targets, said = (column.to_pylist() for column in firsts.columns)
    sources = batch.column("source").to_pylist()
    pairs = pc.fill_null(batch.column("column_pairs"), "").to_pylist()
    verified = pc.fill_null(batch.column("verified"), fill_value=False).to_pylist()
    ends = [*starts[1:], batch.num_rows]
    told = texts(batch, _PROCESS, starts)
    last, process = None, None
    for number, values, target, start, end, words in zip(numbers, told, targets, starts, ends, said, strict=True):
        if process is None or number != last:
            last, process = number, Process(*values)
        yield Flow(number, process, target, sources[start:end], pairs[start:end], verified[start:end], words)


def _whole_flows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that end where a flow ends: the last flow waits for the next batch."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        joined = pa.concat_batches([*waiting, batch])
        last = _starts(joined)[-1]
        if last:
            yield joined.slice(0, last)
        waiting = [joined.slice(last)]
    yield from waiting


def _starts(batch: pa.RecordBatch) -> list[int]:
    """The rows in which a flow begins."""
    process, target = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("process", "target"))
    changed = (process[1:] != process[:-1]) | (target[1:] != target[:-1])
    return [0, *(np.flatnonzero(changed) + 1).tolist()]


def texts(batch: pa.RecordBatch, columns: Sequence[str], rows: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The texts of some columns in some rows, '' for null."""
    chosen = batch.select(list(columns)).take(pa.array(rows, pa.int64()))
    return zip(*(pc.fill_null(column, "").to_pylist() for column in chosen.columns), strict=True)
