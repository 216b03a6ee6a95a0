"""Tasks that read through the connector: the miner's own way, and the bare connector's."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tests.bench.measure import report

if TYPE_CHECKING:
    from queries.databricks.warehouse import DatabricksWarehouse

ROWS = "SELECT * FROM IDENTIFIER(:some) LIMIT {rows}"


def mine_wire(server: Mapping[str, str], ledger: str, first: str, asked: str) -> None:
    """Mine lineage over the wire, and write down what was asked."""
    import structlog

    from miner.ledger import Ledger
    from miner.mining import mine as mine_source
    from miner.scope import DEFAULT, Scope
    from miner.streams import MiningOptions, Source
    from queries.system_tables import SystemTableReader
    from tests.bench.tasks import NOW

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    options = MiningOptions(
        start=date.fromisoformat(first),
        settle_days=0,
        rules=Scope(exclude=DEFAULT).digest(),
        streams=("lineage",),
        parallel=2,
    )
    with closing(Ledger(f"sqlite:///{ledger}")) as opened, _client(server, opened.scratch, asked) as client:
        source = Source("bench", SystemTableReader(client, scope=Scope(exclude=DEFAULT)), options)
        started = time.perf_counter()
        days = list(mine_source(source, opened, run_id=1, now=lambda: NOW))
        report(started, {"days": len(days)})


def report_wire(server: Mapping[str, str], ledger: str, first: str, asked: str, out: str) -> None:
    """Mine usage over the wire, write the popularity report, and write down what was asked."""
    import pyarrow as pa
    import structlog

    from miner.ledger import Ledger
    from miner.mining import mine as mine_source
    from miner.popularity import PopularityOptions, popularity
    from miner.scope import DEFAULT, Scope
    from miner.streams import MiningOptions, Source
    from queries.system_tables import SystemTableReader
    from sinks.report_files import write
    from tests.bench.tasks import NOW

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    scope = Scope(exclude=DEFAULT)
    options = MiningOptions(
        start=date.fromisoformat(first), settle_days=0, rules=scope.digest(), streams=("usage",), parallel=2
    )
    with closing(Ledger(f"sqlite:///{ledger}")) as opened, _client(server, opened.scratch, asked) as client:
        source = Source("bench", SystemTableReader(client, scope=scope), options)
        started = time.perf_counter()
        days = list(mine_source(source, opened, run_id=1, now=lambda: NOW))
        mined = time.perf_counter() - started
        table = pa.Table.from_pandas(popularity(opened, PopularityOptions()), preserve_index=False)
        rows = write(table.to_batches(), table.schema, out)
        report(started, {"days": len(days), "mining": mined, "rows": rows})


def rows_wire(server: Mapping[str, str], asked: str) -> None:
    """Fetch the grouped rows of usage by the bare connector, one statement after the other, and keep none."""
    from databricks import sql

    given = [json.loads(line) for line in Path(asked).read_text(encoding="utf-8").splitlines()]
    grouped = [(text, values) for text, values in given if "cached_reads" in text]
    started = time.perf_counter()
    rows = 0
    with sql.connect(**_arguments(server)) as connection:
        for text, values in grouped:
            with connection.cursor(arraysize=100_000) as cursor:
                cursor.execute(text, _bound(values))
                while (some := cursor.fetchmany_arrow(100_000)).num_rows:
                    rows += some.num_rows
    report(started, {"rows": rows, "statements": len(grouped)})


def fetch_wire(server: Mapping[str, str], ledger: str, asked: str) -> None:
    """Fetch the same rows by the bare connector, with the miner's imports, into a table without keys or indexes."""
    import adbc_driver_sqlite.dbapi as adbc
    import pyarrow as pa
    from databricks import sql

    import schedules.databricks
    import schedules.parts

    del schedules
    given = [json.loads(line) for line in Path(asked).read_text(encoding="utf-8").splitlines()]
    started = time.perf_counter()
    rows = 0
    with sql.connect(**_arguments(server)) as connection, adbc.connect(ledger) as held, held.cursor() as into:
        for number, (text, values) in enumerate(given):
            with connection.cursor(arraysize=100_000) as cursor:
                cursor.execute(text, _bound(values))
                while (some := cursor.fetchmany_arrow(100_000)).num_rows:
                    rows += some.num_rows
                    flat = [field.name for field in some.schema if not pa.types.is_nested(field.type)]
                    into.adbc_ingest(f"rows_{number}", some.select(flat), mode="create_append")
        held.commit()
    report(started, {"rows": rows})


def stream_wire(server: Mapping[str, str], scratch: str, rows: int) -> None:
    """Stream rows of any table as mining does, and keep none."""
    from queries.warehouse import Prepared

    Path(scratch).mkdir(exist_ok=True)
    with _client(server, Path(scratch)) as client:
        query = Prepared(ROWS.format(rows=rows), (), frozenset({"some"}), {"some": "system.access.table_lineage"})
        started = time.perf_counter()
        report(started, {"rows": sum(batch.num_rows for batch in client.run(query, {}))})


@contextmanager
def _client(server: Mapping[str, str], scratch: Path, asked: str = os.devnull) -> "Iterator[DatabricksWarehouse]":
    from queries.databricks.options import Options
    from queries.databricks.session import Session
    from queries.databricks.sign_in import Identity, SignIn
    from queries.databricks.warehouse import DatabricksWarehouse

    options = Options(server["url"], server["http_path"], principal="miner")
    identity = Identity(SignIn("pat", server["url"], token=lambda: server["token"]))
    client = DatabricksWarehouse(options, Session(options, identity), identity, scratch)
    with closing(client), Path(asked).open("w", encoding="utf-8") as into, _noting(into):
        yield client


def _arguments(server: Mapping[str, str]) -> dict[str, object]:
    return {
        "server_hostname": "127.0.0.1", "http_path": server["http_path"], "access_token": server["token"],
        "_connection_uri": server["url"] + server["http_path"], "enable_telemetry": False,
    }  # fmt: skip


@contextmanager
def _noting(into: TextIO) -> Iterator[None]:
    """Write down each statement that went through, with its values."""
    from queries.databricks import statement

    run = statement.run

    def noted(cursor, text, values, *more):
        run(cursor, text, values, *more)
        into.write(json.dumps((text, values), default=_told) + "\n")

    statement.run = noted
    try:
        yield
    finally:
        statement.run = run


def _told(value: object) -> Mapping[str, str]:
    assert isinstance(value, date)
    return {type(value).__name__: value.isoformat()}


def _bound(values: Mapping[str, object]) -> dict[str, object]:
    read = {"date": date.fromisoformat, "datetime": datetime.fromisoformat}
    return {
        name: next(read[kind](text) for kind, text in value.items()) if isinstance(value, dict) else value
        for name, value in values.items()
    }
