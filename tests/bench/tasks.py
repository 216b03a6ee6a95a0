"""What the benchmark runs in processes of their own: the product's code, and the raw work it is held against."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from tests.bench.measure import report

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
def _opened(ledger: str, estate: str, threads: int) -> Iterator[tuple[object, object]]:
    from miner.ledger import Ledger
    from miner.scope import DEFAULT, Scope
    from queries.embedded import EmbeddedWarehouse
    from queries.system_tables import SystemTableReader

    opened = Ledger(f"sqlite:///{ledger}")
    warehouse = EmbeddedWarehouse(Path(estate), scratch=opened.scratch, threads=threads)
    try:
        yield opened, SystemTableReader(warehouse, scope=Scope(exclude=DEFAULT))
    finally:
        warehouse.close()
        opened.close()


def mine(estate: str, ledger: str, threads: int, streams: list[str], first: str) -> None:
    """Mine what is due of some streams."""
    import structlog

    from miner.mining import MiningOptions, Source
    from miner.mining import mine as mine_source
    from miner.scope import DEFAULT, Scope

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with _opened(ledger, estate, threads) as (opened, reader):
        options = MiningOptions(
            start=date.fromisoformat(first), settle_days=0, rules=Scope(exclude=DEFAULT).digest(),
            streams=tuple(streams),
        )  # fmt: skip
        started = time.perf_counter()
        days = list(mine_source(Source("bench", reader, options), opened, run_id=1, now=lambda: NOW))
        told = {"days": len(days), "ledger_mib": Path(ledger).stat().st_size / 2**20}
        report(started, told)


def windows(ledger: str, as_of: str) -> None:
    """Popularity windows over the whole ledger."""
    from miner.ledger import Ledger
    from miner.popularity import PopularityOptions, popularity

    opened = Ledger(f"sqlite:///{ledger}")
    started = time.perf_counter()
    frame = popularity(opened, PopularityOptions(as_of=date.fromisoformat(as_of)))
    report(started, {"rows": len(frame)})
    opened.close()


def emit(ledger: str, out: str) -> None:
    """Build and write every process entity that changed."""
    import structlog

    from miner.emission import Emitter
    from miner.ledger import Ledger
    from miner.popularity import PopularityOptions
    from sinks.purview.files import FilesSink

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    opened = Ledger(f"sqlite:///{ledger}")
    emitter = Emitter(opened, FilesSink(Path(out)), 180, PopularityOptions(), lambda: NOW)
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
    from miner.ledger import Ledger, edges, wanted
    from sinks.purview.files import FilesSink

    opened = Ledger(f"sqlite:///{ledger}")
    sink = FilesSink(Path(ledger).parent / "unused")
    started = time.perf_counter()
    with opened.reading() as connection:
        wanted.resolve(connection, 180)
        wanted.want(connection, everything=True)
        flows = list(edges.flows(connection))
    read = time.perf_counter() - started
    built = sum(1 for _ in sink.processes(iter(flows), lambda _: None))
    report(started, {"built": built, "read": read, "edges": sum(batch.num_rows for batch in flows)})
    opened.close()


TASKS: dict[str, Callable[..., None]] = {
    "raw": raw, "raw_usage": raw_usage, "mine": mine, "windows": windows, "emit": emit, "build": build,
}  # fmt: skip

if __name__ == "__main__":
    TASKS[sys.argv[1]](**json.loads(sys.argv[2]))
