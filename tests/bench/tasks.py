"""What the benchmark runs in processes of their own: the product's code, and the raw work it is held against."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from schedules import collector
from tests.bench.measure import report
from tests.bench.over_the_wire import fetch_wire, mine_wire, report_wire, rows_wire, stream_wire

if TYPE_CHECKING:
    import pyarrow as pa

    from miner.ports import Entity

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def raw(estate: str, threads: int) -> None:
    """The two GROUP BYs that nobody can do without, to Arrow."""
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    keys = (
        "event_date, metastore_id, workspace_id, entity_type, entity_id, source_table_catalog, source_table_schema, "
        "source_table_name, source_path, target_table_catalog, target_table_schema, target_table_name, target_path"
    )
    started = time.perf_counter()
    told = {}
    for table, more in (("table_lineage", ""), ("column_lineage", ", source_column_name, target_column_name")):
        query = (
            f"SELECT {keys}{more}, count(*) FROM read_parquet('{estate}/system/access/{table}/*.parquet') GROUP BY ALL"  # noqa: S608
        )
        told[f"{table}_rows"] = sum(batch.num_rows for batch in connection.cursor().sql(query).to_arrow_reader(100_000))
    report(started, told)


def raw_usage(estate: str, threads: int) -> None:
    """The GROUP BYs that distinct reads and writes cannot do without, to Arrow."""
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    started = time.perf_counter()
    rows = 0
    for end in ("source", "target"):
        keys = (
            f"event_date, metastore_id, {end}_table_catalog, {end}_table_schema, {end}_table_name, {end}_path, "
            "created_by, entity_type"
        )
        query = (
            f"SELECT {keys}, count(DISTINCT (workspace_id, coalesce(statement_id, entity_run_id, event_id))), "  # noqa: S608
            f"max(event_time) FROM read_parquet('{estate}/system/access/table_lineage/*.parquet') GROUP BY ALL"
        )
        rows += sum(batch.num_rows for batch in connection.cursor().sql(query).to_arrow_reader(100_000))
    report(started, {"groups": rows})


@contextmanager
def _opened(url: str, estate: str, threads: int) -> Iterator[tuple[object, object]]:
    from miner.ledger import Ledger
    from miner.scope import DEFAULT, Scope
    from queries.embedded import EmbeddedWarehouse
    from queries.system_tables import SystemTableReader

    opened = Ledger(url)
    warehouse = EmbeddedWarehouse(Path(estate), scratch=opened.scratch, threads=threads)
    try:
        yield opened, SystemTableReader(warehouse, scope=Scope(exclude=DEFAULT))
    finally:
        warehouse.close()
        opened.close()


def mine(estate: str, ledger: str, threads: int, streams: list[str], first: str) -> None:
    """Mine what is due of some streams."""
    import structlog

    from miner.mining import mine as mine_source
    from miner.scope import DEFAULT, Scope
    from miner.streams import MiningOptions, Source

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with _opened(f"sqlite:///{ledger}", estate, threads) as (opened, reader):
        options = MiningOptions(
            start=date.fromisoformat(first), settle_days=0, rules=Scope(exclude=DEFAULT).digest(),
            streams=tuple(streams),
        )  # fmt: skip
        started = time.perf_counter()
        days = list(mine_source(Source("bench", reader, options), opened, run_id=1, now=lambda: NOW))
        told = {"days": len(days), "ledger_mib": Path(ledger).stat().st_size / 2**20}
        report(started, told)


def lock(estate: str, url: str, threads: int, day: str, rules: str) -> None:
    """Mine the lineage of one day, and tell how long the ledger was locked for it."""
    import structlog

    from miner.mining import mine as mine_source
    from miner.streams import MiningOptions, Source

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    options = MiningOptions(start=date.fromisoformat(day), settle_days=0, rules=rules, streams=("lineage",))
    with _opened(url, estate, threads) as (opened, reader):
        held = _watch_lock(opened)
        started = time.perf_counter()
        days = list(mine_source(Source("bench", reader, options), opened, run_id=1, now=lambda: NOW))
        with opened.reading() as connection:
            edges = connection.exec_driver_sql("SELECT count(*) FROM edge_month").scalar_one()
        report(started, {"days": len(days), "held": max(held), "edges": edges})


def _watch_lock(opened: object) -> list[float]:
    """Seconds from each time a run of days has the write lock until it is committed."""
    held, begun, begin, record = [], [], opened.database.begin_writing, opened.record

    def beginning(connection: object) -> None:
        begin(connection)
        begun.append(time.perf_counter())

    def recording(*given: object) -> None:
        record(*given)
        held.append(time.perf_counter() - begun[-1])

    opened.database.begin_writing, opened.record = beginning, recording
    return held


def windows(url: str, as_of: str) -> None:
    """Popularity windows over the whole ledger."""
    from miner.ledger import Ledger
    from miner.popularity import PopularityOptions, popularity

    opened = Ledger(url)
    started = time.perf_counter()
    frame = popularity(opened, PopularityOptions(as_of=date.fromisoformat(as_of)))
    report(started, {"rows": len(frame)})
    opened.close()


def emit(ledger: str, out: str) -> None:
    """Build and write every process entity that changed."""
    import structlog

    from miner.emission import Emitter
    from miner.ledger import Ledger
    from miner.ledger.retirement import Limits
    from miner.popularity import PopularityOptions
    from sinks.purview.files import FilesSink

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    opened = Ledger(f"sqlite:///{ledger}")
    emitter = Emitter(opened, FilesSink(Path(out)), Limits(), PopularityOptions(), lambda: NOW)
    started = time.perf_counter()
    changes = emitter.emit()
    told = {
        "built": changes.sent + changes.unchanged.total(), "sent": changes.sent,
        "processes": changes.created["process"],
    }  # fmt: skip
    report(started, told)
    opened.close()


def build(ledger: str) -> None:
    """Build every process entity from the ledger, sending none."""
    from sinks.purview.files import FilesSink

    sink = FilesSink(Path(ledger).parent / "unused")
    started = time.perf_counter()
    flows = _flows(ledger)
    read = time.perf_counter() - started
    built = Counter(entity.kind for entity in sink.processes(iter(flows), lambda _: None))
    told = {"read": read, "edges": sum(batch.num_rows for batch in flows)}
    report(started, told | {"built": built.total(), "processes": built["process"]})


def bare_bodies(ledger: str) -> None:
    """The JSON of a process with its inputs and columns, and a digest of it, for each flow; nothing else of entities."""
    from hashlib import blake2b
    from itertools import groupby
    from operator import itemgetter

    from orjson import dumps, loads

    process = ("process", "target", "process_kind", "process_id")
    target, source = (("metastore_id", *(f"{end}_{part}" for part in ("catalog", "schema", "name")))
                      for end in ("target", "source"))  # fmt: skip
    started = time.perf_counter()
    flows = _flows(ledger)
    read = time.perf_counter() - started
    bodies = 0
    for batch in flows:
        columns = ([*zip(*(batch.column(name).to_pylist() for name in names), strict=True)]
                   for names in (process, target, source))  # fmt: skip
        rows = zip(*columns, batch.column("column_pairs").to_pylist(), strict=True)
        for (own, sink), some in groupby(rows, key=itemgetter(0, 1)):
            output = "databricks://{}/catalogs/{}/schemas/{}/tables/{}".format(*sink)
            inputs, mapping = [], []
            for _, _, parts, pairs in some:
                name = "databricks://{}/catalogs/{}/schemas/{}/tables/{}".format(*parts)
                inputs.append({"typeName": "databricks_table", "uniqueAttributes": {"qualifiedName": name}})
                told = [{"Source": one, "Sink": other} for one, other in loads(pairs or "[]")]
                mapping.append({"DatasetMapping": {"Source": name, "Sink": output}, "ColumnMapping": told})
            body = dumps({
                "typeName": "process", "qualifiedName": "{}/{}/{}/{}".format(*own), "inputs": inputs,
                "outputs": [output], "columnMapping": dumps(mapping).decode(),
            })  # fmt: skip
            bodies += bool(blake2b(body, digest_size=16).hexdigest())
    report(started, {"read": read, "bodies": bodies})


def _flows(ledger: str) -> "list[pa.RecordBatch]":
    """The flows of a ledger, all of them wanted."""
    from miner.ledger import Ledger, edges, wanted

    opened = Ledger(f"sqlite:///{ledger}")
    with opened.reading() as connection:
        wanted.resolve(connection)
        wanted.want(connection, everything=True)
        flows = list(edges.flows(connection))
    opened.close()
    return flows


def _process_entities(count: int) -> "Iterator[Entity]":
    """Process entities with three inputs of twelve column pairs each; a thousand of them, again and again.

    Building them is no part of sending: `emission` measures it.
    """
    import orjson

    from miner.ports import Entity

    built = []
    table = "databricks://11111111-2222-3333-4444-555555555555/catalogs/curated/schemas/sales/tables"
    for number in range(1000):
        name = f"uc-miner://11111111-2222-3333-4444-555555555555/6051921418418893/job/{number}/{number:016x}"
        ends = [{"typeName": "databricks_table", "uniqueAttributes": {"qualifiedName": f"{table}/t_{number + end}"}}
                for end in range(4)]  # fmt: skip
        pairs = [{"Source": f"column_{pair}", "Sink": f"column_{pair}"} for pair in range(12)]
        names = [end["uniqueAttributes"]["qualifiedName"] for end in ends]
        mapping = [{"DatasetMapping": {"Source": source, "Sink": names[3]}, "ColumnMapping": pairs}
                   for source in names[:3]]  # fmt: skip
        attributes = {
            "qualifiedName": name, "name": f"Job {number} → t_{number + 3}", "workspaceId": "6051921418418893",
            "processKind": "job", "processId": str(number), "unverified": False,
            "columnMapping": orjson.dumps(mapping).decode(), "inputs": ends[:3], "outputs": ends[3:],
        }  # fmt: skip
        body = orjson.dumps({"typeName": "uc_miner_process", "attributes": attributes})
        built.append(Entity("process", name, "uc_miner_process", body, "", 5))
    return islice(cycle(built), count)


def send(endpoint: str, entities: int, workers: int) -> None:
    """Send process entities by the sink, and hand each batch back."""
    from sinks.purview.client import PurviewSink
    from sinks.purview.options import PurviewOptions

    sink = PurviewSink(endpoint, ("admin", "admin"), PurviewOptions(workers=workers, operations_per_second=1e9))
    given = _process_entities(entities)
    started = time.perf_counter()
    sent = sum(len(one.batch) for one in sink.deliver(sink.batches(given)))
    report(started, {"sent": sent})
    sink.close()


def post(endpoint: str, entities: int, workers: int) -> None:
    """Post the same bodies by a bare session, as many at once."""
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    import requests
    from requests.adapters import HTTPAdapter

    from sinks.purview.batches import batched, bulk_body

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=workers))
    session.auth = ("admin", "admin")
    headers = {"Content-Type": "application/json"}
    given = _process_entities(entities)
    started = time.perf_counter()
    sent, running = 0, set()
    with ThreadPoolExecutor(workers) as pool:
        for batch in batched(given, 100, 1_000_000):
            sent += len(batch)
            running.add(pool.submit(session.post, f"{endpoint}/entity/bulk", bulk_body(batch), headers=headers))
            if len(running) >= 2 * workers:
                running = wait(running, return_when=FIRST_COMPLETED).not_done
    report(started, {"sent": sent})
    session.close()


TASKS: dict[str, Callable[..., None]] = {
    "raw": raw, "raw_usage": raw_usage, "mine": mine, "lock": lock, "windows": windows, "emit": emit, "build": build,
    "bare_bodies": bare_bodies, "send": send, "post": post, "mine_wire": mine_wire, "fetch_wire": fetch_wire,
    "stream_wire": stream_wire, "report_wire": report_wire, "rows_wire": rows_wire,
}  # fmt: skip

if __name__ == "__main__":
    collector.wait_longer()
    TASKS[sys.argv[1]](**json.loads(sys.argv[2]))
