"""A ledger on PostgreSQL, shared by several hosts: rows to merge in temporary tables, filled and read by COPY."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from pyarrow import csv
from sqlalchemy import URL, Connection, event

from miner.errors import LedgerError
from miner.ledger import bulk
from miner.ledger.database import shown
from miner.ledger.spelling import spelled

WRITING = 0x75_63_6D_69_6E_65_01
"""The advisory lock of whoever writes; migrations take it too, so that none changes tables under a writer."""

_COPIED_ROWS = 65_536
_ROW_BYTES = 96
"""About what a row of usage takes as text."""

_NUL, _REPLACEMENT = "\0", "\N{REPLACEMENT CHARACTER}"

_SESSION = (
    "SET application_name = 'uc-miner'",
    # A reading lasts as long as an emission does.
    "SET idle_in_transaction_session_timeout = 0",
    "SET statement_timeout = 0",
    # Room for what is staged; more spills to disk.
    "SET temp_buffers = '64MB'",
    "SET work_mem = '64MB'",
    # Cursors are read to their end: plan for all rows, not for the first ones.
    "SET cursor_tuple_fraction = 1.0",
    # Compiling costs more than most of these statements.
    "SET jit = off",
)


class PostgreSQL:
    """The database behind a URL."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        self.place = shown(url)
        self.engine = _engine(url, busy_seconds)

    def prepare(self) -> None:
        with self.engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise LedgerError(
                f"the ledger {self.place}: the database keeps texts as {encoding}",
                mend="make one with ENCODING 'UTF8' and name it in [ledger] url",
            )

    def scratch(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="uc-miner-"))

    def missing(self) -> bool:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None

    def begin_reading(self, connection: Connection, copy: Path | None) -> None:  # noqa: ARG002 -- see `copy_out`
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ")

    def end_reading(self, connection: Connection, copy: Path | None) -> None:  # noqa: ARG002
        # Temporary tables go with the transaction that made them.
        connection.rollback()

    def begin_writing(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")

    def begin_migrating(self, connection: Connection) -> None:
        self.begin_writing(connection)

    def stage(self, connection: Connection, scratch: Callable[[], Path]) -> "PostgreSQLStage":  # noqa: ARG002
        return PostgreSQLStage(connection)

    def copy_out(self, connection: Connection, query: str, copy: Path) -> None:
        with copy.open("wb") as file:
            for chunk in _copied_out(connection, query):
                file.write(chunk)

    def copied(self, copy: Path, schema: pa.Schema, batch_rows: int) -> Iterator[pa.RecordBatch]:
        options = csv.ReadOptions(block_size=batch_rows * _ROW_BYTES)
        with csv.open_csv(copy, options, convert_options=_typed(schema)) as reader:
            yield from reader

    @contextmanager
    def told(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, psycopg.Error, OSError) as error:
            raise _told(self.place, error) from error


class PostgreSQLStage:
    """Temporary tables of one connection, gone with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ingest(self, name: str, table: pa.Table, *, replace: bool = False) -> None:
        columns = ", ".join(f"{field.name} {_type(field.type)}" for field in table.schema)
        self._connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS stage.{name} ({columns})")
        if replace:
            self._connection.exec_driver_sql(f"TRUNCATE stage.{name}")
        _copy_in(self._connection, name, table)

    def read(self, name: str, schema: pa.Schema) -> pa.Table:
        # Nothing was ever deleted from it, so that it is read as it was written.
        told = b"".join(_copied_out(self._connection, f"SELECT * FROM stage.{name}"))  # noqa: S608 -- a name of ours
        return csv.read_csv(pa.BufferReader(told), convert_options=_typed(schema))

    def close(self) -> None:
        # Also after an error, with a transaction half done or the server gone: nothing of it may be used again.
        self._connection.invalidate()
        self._connection.close()


def _typed(schema: pa.Schema) -> csv.ConvertOptions:
    """PostgreSQL writes a missing value as nothing, and an empty text in quotes."""
    return csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )


def _type(kind: pa.DataType) -> str:
    return "BIGINT" if pa.types.is_integer(kind) else "TEXT"


def _copy_in(connection: Connection, name: str, table: pa.Table) -> None:
    columns = ", ".join(table.column_names)
    options = csv.WriteOptions(include_header=False)
    statement = f"COPY pg_temp.{name} ({columns}) FROM STDIN (FORMAT csv)"
    with bulk.postgres(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for batch in _without_nul(table).to_batches(max_chunksize=_COPIED_ROWS):
            told = pa.BufferOutputStream()
            csv.write_csv(batch, told, options)
            copy.write(memoryview(told.getvalue()))


def _without_nul(table: pa.Table) -> pa.Table:
    """PostgreSQL's texts hold every character but NUL, and one row with it would hold up its day for good."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and pc.any(pc.match_substring(table[place], _NUL)).as_py():
            table = table.set_column(place, field, pc.replace_substring(table[place], _NUL, _REPLACEMENT))
    return table


def _copied_out(connection: Connection, query: str) -> Iterator[memoryview]:
    """Rows as COPY answers them, by the driver's bare call: its own loop takes twice as long as this one."""
    server = bulk.postgres(connection).pgconn
    statement = spelled(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)")
    _expect(server.exec_(statement.encode()), ExecStatus.COPY_OUT)
    try:
        while (row := server.get_copy_data(0))[0] > 0:
            yield row[1]
    except BaseException:
        _abandon(server)
        raise
    while (result := server.get_result()) is not None:
        _expect(result, ExecStatus.COMMAND_OK)


def _expect(result: PGresult, status: ExecStatus) -> None:
    if result.status != status:
        raise psycopg.errors.error_from_result(result)


def _abandon(server: PGconn) -> None:
    """Leave a connection that takes statements again."""
    if server.status == ConnStatus.OK:
        server.get_cancel().cancel()
        while server.get_copy_data(0)[0] > 0:
            pass
        while server.get_result() is not None:
            pass


def _engine(url: URL, busy_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        max_overflow=50,
        connect_args={"client_encoding": "UTF8"},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: object, _record: object) -> None:
        with connection.cursor() as cursor:  # type: ignore[attr-defined]  # the DBAPI's connection has no public type
            for setting in (*_SESSION, f"SET lock_timeout = {int(busy_seconds * 1000)}"):
                cursor.execute(setting)
        connection.commit()  # type: ignore[attr-defined]

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def spell(
        _connection: object, _cursor: object, statement: str, given: object, _context: object, _many: object
    ) -> tuple[str, object]:
        return spelled(statement), given

    return engine


_TOLD = {
    "28": ("it does not accept the sign-in", "check user and password; libpq reads PGPASSWORD and PGPASSFILE too"),
    "3D000": ("there is no such database", "make it: CREATE DATABASE … ENCODING 'UTF8'"),
    "42501": (
        "the miner's user lacks a right on it",
        "let an administrator run: GRANT CREATE, USAGE ON SCHEMA … TO …; the tables must be the user's own",
    ),
    "53100": ("the server's disk is full", "free space and run again: nothing of the day was kept"),
    "53300": ("the server takes no more connections", "raise max_connections, or run less at a time"),
    "55P03": ("another run is writing to it", "wait for that run, or look who holds it with `uc-miner status`"),
    "25006": ("the server is read-only", "name the primary in [ledger] url"),
    "57P": ("the server is stopping or starting", "run again when it is there: nothing of the day was kept"),
}
"""By SQLSTATE or its beginning: words are in the server's language.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def _told(place: str, error: Exception) -> LedgerError:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    words = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    state = (cause.sqlstate if isinstance(cause, psycopg.Error) else None) or ""
    for sign, (meaning, mend) in _TOLD.items():
        if state.startswith(sign):
            return LedgerError(f"the ledger {place}: {meaning} ({words})", mend=mend)
    if isinstance(cause, psycopg.OperationalError) and not state:
        return LedgerError(
            f"the ledger {place}: the server cannot be reached ({words})",
            mend="check [ledger] url and whether the server runs; nothing of the day was kept",
        )
    return LedgerError(f"the ledger {place}: {words}", mend="look at the server's log and the disk")
