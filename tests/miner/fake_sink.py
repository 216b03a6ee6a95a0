"""The port to a catalog in memory."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import pyarrow as pa

from miner import schemas
from miner.errors import SinkError
from miner.ports import Delivery, Entity, Rejected, Unmatched


class FakeSink:
    """`miner.ports.Sink` in memory: `held` is what arrived, by name, `log` what was asked of it."""

    def __init__(self, name: str = "fake", fingerprint: str = "1", batch: int = 2):
        self.name = name
        self.fingerprint = fingerprint
        self.batch = batch
        self.held: dict[str, Entity] = {}
        self.flows: list[dict] = []
        self.log: list[tuple[str, ...]] = []
        self.refuses: dict[str, str] = {}
        self.fails_at: int | None = None
        """The number of the batch, from now on, whose send fails: 0 is the next."""
        self.before_send: Callable[[Sequence[Entity]], None] = lambda _batch: None
        self._prepared = False

    @property
    def sent(self) -> list[str]:
        """Names sent, in order, a name as often as it was sent."""
        return [name for what, *names in self.log if what == "send" for name in names]

    def told(self, kind: str = "process") -> dict[str, dict]:
        """The bodies held, by name."""
        return {name: json.loads(one.body) for name, one in self.held.items() if one.kind == kind}

    def processes(self, flows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None]) -> Iterator[Entity]:
        whole: dict[tuple[int, int], None] = {}
        for batch in flows:
            if batch.schema != schemas.FLOWS:
                raise AssertionError(f"these are no flows: {batch.schema}")
            grouped: dict[tuple[int, int], list[dict]] = defaultdict(list)
            for row in batch.to_pylist():
                self.flows.append(row)
                grouped[row["process"], row["target"]].append(row)
            for flow, rows in grouped.items():
                if flow in whole:
                    raise AssertionError(f"the flow {flow} came in two parts")
                whole[flow] = None
                if rows[0]["target_path"] and "nowhere" in rows[0]["target_path"]:
                    unmatched(Unmatched(rows[0]["target_path"], "no asset"))
                else:
                    yield _process_entity(flow, rows)

    def usage(self, popularity, unmatched: Callable[[Unmatched], None]) -> Iterator[Entity]:
        for (metastore, name), rows in popularity.groupby(["metastore_id", "dataset"]):
            figures = {str(row.window_days): [row.reads, row.writes, row.readers] for row in rows.itertuples()}
            yield _entity("usage", f"{metastore}/{name}", "fake_dataset", {"figures": figures}, 1)

    def prepare(self) -> None:
        self._prepared = True
        self.log.append(("prepare",))

    def batches(self, entities: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
        waiting: list[Entity] = []
        for entity in entities:
            waiting.append(entity)
            if len(waiting) == self.batch:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def deliver(self, batches: Iterable[Sequence[Entity]]) -> Generator[Delivery]:
        for batch in batches:
            yield Delivery(batch, self._send(batch))

    def _send(self, batch: Sequence[Entity]) -> Sequence[Rejected]:
        if not self._prepared:
            raise AssertionError("nothing may be sent before the sink is prepared")
        self.before_send(batch)
        if self.fails_at is not None:
            self.fails_at -= 1
            if self.fails_at < 0:
                self.fails_at = None
                raise SinkError("the sink is away", mend="wait")
        self.log.append(("send", *(entity.qualified_name for entity in batch)))
        refused = [
            Rejected(one.qualified_name, self.refuses[one.qualified_name])
            for one in batch
            if one.qualified_name in self.refuses
        ]
        self.held |= {one.qualified_name: one for one in batch if one.qualified_name not in self.refuses}
        return refused

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        for type_name, name in entities:
            if self.held.pop(name).type_name != type_name:
                raise AssertionError(f"{name} is no {type_name}")
        self.log.append(("remove", *(name for _, name in entities)))


def _process_entity(flow: tuple[int, int], rows: list[dict]) -> Entity:
    one = rows[0]
    end = f"{one['target_kind']}:{_spelled(one, 'target')}"
    name = "/".join((one["metastore_id"], one["workspace_id"], one["process_kind"], one["process_id"], end))
    body = {
        "inputs": {_spelled(row, "source"): json.loads(row["column_pairs"] or "[]") for row in rows},
        "verified": all(row["verified"] for row in rows),
    }
    return _entity("process", name, "fake_process", body, 1 + len(rows), flow=flow)


def _spelled(row: dict, side: str) -> str:
    if row[f"{side}_kind"] == "path":
        return row[f"{side}_path"]
    return ".".join(row[f"{side}_{part}"] for part in ("catalog", "schema", "name"))


def _entity(
    kind: str, name: str, type_name: str, told: dict, operations: int, *, flow: tuple[int, int] = (0, 0)
) -> Entity:
    body = json.dumps(told, sort_keys=True).encode()
    return Entity(kind, name, type_name, body, hashlib.sha256(body).hexdigest(), operations, flow)
