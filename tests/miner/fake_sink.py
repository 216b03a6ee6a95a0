"""The port to a catalog in memory."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from miner import schemas
from miner.errors import SinkError
from miner.ports import (
    AMBIGUOUS,
    MATCHED,
    MISSING,
    AssetIndex,
    Delivery,
    Entity,
    IndexedAsset,
    Known,
    Match,
    Rejected,
    Unmatched,
    nothing_known,
)  # fmt: skip


class FakeSink:
    """`miner.ports.Sink` in memory: `held` is what arrived, by name, `log` what was asked of it.

    With `naming` it has a catalog: `assets` are what it holds, by dataset, `looked_up` what was asked of it; an asset
    called `several` is ambiguous. Datasets that start with `index:` are found in the index, where it puts `indexed`.
    """

    def __init__(self, name: str = "fake", fingerprint: str = "1", batch: int = 2, naming: str = ""):
        self.name = name
        self.naming = naming
        self.assets: dict[str, str] = {}
        self.columns: dict[str, str] = {}
        """How assets spell their columns."""
        self.indexed: list[IndexedAsset] = []
        self.looked_up: list[str] = []
        self.away = False
        self.fingerprint = fingerprint
        self.batch = batch
        self.held: dict[str, Entity] = {}
        self.flows: list[dict] = []
        self.log: list[tuple[str, ...]] = []
        self.refuses: dict[str, str] = {}
        self.lacks: set[str] = set()
        """Names of what figures are about and the catalog does not have."""
        self.fails_at: int | None = None
        """The number of the batch, from now on, whose send fails: 0 is the next."""
        self.before_send: Callable[[Sequence[Entity]], None] = lambda _batch: None
        self._prepared = False
        self.moves_by: int | None = None
        """With it usage is told by the first window's reads, and sent again when these moved by so much."""

    @property
    def sent(self) -> list[str]:
        """Names sent, in order, a name as often as it was sent."""
        return [name for what, *names in self.log if what == "send" for name in names]

    def told(self, kind: str = "process") -> dict[str, dict]:
        """The bodies held, by name."""
        return {name: json.loads(one.body) for name, one in self.held.items() if one.kind == kind}

    def matches(self, datasets: Iterable[pa.RecordBatch], index: AssetIndex) -> Iterator[Sequence[Match]]:
        if not self.naming:
            raise AssertionError("there is no catalog")
        for batch in datasets:
            if batch.schema != schemas.DATASETS:
                raise AssertionError(f"these are no datasets: {batch.schema}")
            if self.away:
                raise SinkError("the catalog is away", mend="wait")
            if self.indexed and index.due:
                index.renew([self.indexed])
            yield [self._match(row, index) for row in batch.to_pylist()]

    def _match(self, row: dict, index: AssetIndex) -> Match:
        if row["kind"] not in ("path", "table"):
            raise AssertionError(f"nobody looks a {row['kind']} up")
        name = row["path"] if row["kind"] == "path" else ".".join(row[part] for part in ("catalog", "schema", "name"))
        self.looked_up.append(name)
        indexed = index.find([name]).get(name, ())
        found = self.assets.get(name) or (indexed[0].qualified_name if indexed else "")
        if found == "several":
            return Match(row["dataset"], AMBIGUOUS, reason="several assets")
        if not found:
            return Match(row["dataset"], MISSING, reason="no asset")
        return Match(row["dataset"], MATCHED, "fake_dataset", found, "rule", self.columns.get(found))

    def processes(
        self, flows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
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
                found = known({row[end] for row in rows for end in ("source", "target")})
                if rows[0]["target_path"] and "nowhere" in rows[0]["target_path"]:
                    unmatched(Unmatched(rows[0]["target_path"], "no asset"))
                elif self._drawn(rows, found, unmatched):
                    yield _process_entity(flow, rows, found)

    def _drawn(self, rows: list[dict], known: Mapping[int, Match], unmatched: Callable[[Unmatched], None]) -> bool:
        """Whether target and some source have an asset; without a catalog all have."""
        if not self.naming:
            return True
        missing = [row for row in rows if known[row["source"]].state != MATCHED]
        into_nothing = rows[0]["target_kind"] != "consumer" and known[rows[0]["target"]].state != MATCHED
        if into_nothing or len(missing) == len(rows):
            unmatched(Unmatched(_spelled(rows[0], "target"), "no asset"))
            return False
        return True

    def summaries(
        self, rows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        ends: dict[tuple[int, str, str], set[tuple[str, str]]] = defaultdict(set)
        for batch in rows:
            if batch.schema != schemas.SUMMARIES:
                raise AssertionError(f"these are no summaries: {batch.schema}")
            for row in batch.to_pylist():
                self.flows.append(row)
                source, target = _spelled(row, "source"), _spelled(row, "target")
                hub = source if row["side"] == "read" else target
                ends[row["hub"], row["side"], hub].add((source, target))
        for (number, side, hub), pairs in ends.items():
            body = {"pairs": sorted(pairs)}
            flow = (number, {"read": 1, "written": 2}[side])
            yield _entity("summary", f"{side}/{hub}", "fake_summary", body, len(pairs), flow=flow)

    def usage(
        self, popularity, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        found = known(set(popularity["dataset_id"]))
        for (metastore, name, number), rows in popularity.groupby(["metastore_id", "dataset", "dataset_id"]):
            figures = {str(row.window_days): [row.reads, row.writes, row.readers] for row in rows.itertuples()}
            if self.moves_by is not None:
                yield self.figures("usage", "fake_dataset", f"{metastore}/{name}", str(int(rows["reads"].iloc[0])), "1")
            elif not self.naming:
                yield _entity("usage", f"{metastore}/{name}", "fake_dataset", {"figures": figures}, 1)
            elif found[number].state == MATCHED:
                yield _entity("usage", found[number].qualified_name, "fake_dataset", {"figures": figures}, 1)
            else:
                unmatched(Unmatched(name, found[number].reason))

    def figures(self, kind: str, type_name: str, qualified_name: str, figures: str, digest: str) -> Entity:
        told = _entity(kind, qualified_name, type_name, {"reads": int(figures)}, 1)
        return told._replace(digest=digest, figures=figures)

    def column_usage(
        self, popularity, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        found = known(set(popularity["dataset_id"]))
        for (dataset, column, number), rows in popularity.groupby(["dataset", "column", "dataset_id"]):
            figures = {str(row.window_days): [row.reads, row.readers] for row in rows.itertuples()}
            if self.naming and found[number].state != MATCHED:
                unmatched(Unmatched(dataset, found[number].reason))
            else:
                of = found[number].qualified_name if self.naming else dataset
                if self.moves_by is not None:
                    reads = str(int(rows["reads"].iloc[0]))
                    yield self.figures("column_usage", "fake_column", f"{of}#{column}", reads, "1")
                else:
                    yield _entity("column_usage", f"{of}#{column}", "fake_column", {"figures": figures}, 1)

    def moved(self, before: str, now: str) -> bool:
        if not before or not now:
            raise AssertionError(f"these are no figures: {before!r}, {now!r}")
        return abs(int(now) - int(before)) >= self.moves_by

    def differing(self, entities: Sequence[Entity]) -> Sequence[Entity]:
        self.log.append(("read", *(entity.qualified_name for entity in entities)))
        return [one for one in entities if (held := self.held.get(one.qualified_name)) is None or held.body != one.body]

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
        refused += [
            Rejected(one.qualified_name, "no such", absent=True) for one in batch if one.qualified_name in self.lacks
        ]
        names = {one.qualified_name for one in refused}
        self.held |= {one.qualified_name: one for one in batch if one.qualified_name not in names}
        return refused

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        for type_name, name in entities:
            if self.held.pop(name).type_name != type_name:
                raise AssertionError(f"{name} is no {type_name}")
        self.log.append(("remove", *(name for _, name in entities)))


def _process_entity(flow: tuple[int, int], rows: list[dict], known: Mapping[int, Match]) -> Entity:
    one = rows[0]
    end = f"{one['target_kind']}:{_spelled(one, 'target')}"
    name = "/".join((one["metastore_id"], one["workspace_id"], one["process_kind"], one["process_id"], end))
    body = {
        "inputs": {
            known[row["source"]].qualified_name if known else _spelled(row, "source"): json.loads(
                row["column_pairs"] or "[]"
            )
            for row in rows
            if not known or known[row["source"]].state == MATCHED
        },
        "verified": all(row["verified"] for row in rows),
    }
    (said,) = {row["statement_text"] for row in rows}
    body |= {} if said is None else {"said": said}
    return _entity("process", name, "fake_process", body, 1 + len(rows), flow=flow)


def _spelled(row: dict, side: str) -> str:
    if row[f"{side}_kind"] == "table":
        return ".".join(row[f"{side}_{part}"] for part in ("catalog", "schema", "name"))
    return row[f"{side}_path"]


def _entity(
    kind: str, name: str, type_name: str, told: dict, operations: int, *, flow: tuple[int, int] = (0, 0)
) -> Entity:
    body = json.dumps(told, sort_keys=True).encode()
    return Entity(kind, name, type_name, body, hashlib.sha256(body).hexdigest(), operations, flow)
