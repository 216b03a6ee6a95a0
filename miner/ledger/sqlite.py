"""A ledger in a SQLite file: WAL mode, one writer at a time, rows to merge in a file of their own beside it."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import adbc_driver_manager
import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import Connection, event

from miner.errors import LedgerError

_CACHE_KIB = 65_536


class SQLite:
    """The database in one file, used by one host."""

    def __init__(self, file: Path, busy_seconds: float) -> None:
        self.file = file
        self.place = str(file)
        self.engine = _engine(file, busy_seconds)

    def prepare(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def scratch(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f".{self.file.name}-", dir=self.file.parent))

    def missing(self) -> bool:
        try:
            return not self.file.exists()
        except OSError:
            return False  # opening it tells better what is in the way

    def begin_reading(self, connection: Connection, copy: Path | None) -> None:
        if copy is not None:
            _attach(connection, copy, "copy")
        connection.exec_driver_sql("BEGIN")

    def end_reading(self, connection: Connection, copy: Path | None) -> None:
        connection.commit()
        if copy is not None:
            connection.exec_driver_sql("DETACH DATABASE copy")

    def begin_writing(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_migrating(self, connection: Connection) -> None:
        self.begin_writing(connection)

    def stage(self, connection: Connection, scratch: Callable[[], Path]) -> "SQLiteStage":
        return SQLiteStage(connection, scratch())

    def copy_out(self, connection: Connection, query: str, copy: Path) -> None:  # noqa: ARG002 -- it is attached
        connection.exec_driver_sql(f"CREATE TABLE copy.copied AS {query}")

    def copied(self, copy: Path, schema: pa.Schema, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """The ledger's own file is never opened here (see SQLiteStage)."""
        with adbc.connect(str(copy)) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch_rows)})
            cursor.execute("SELECT * FROM copied")
            for batch in cursor.fetch_record_batch():
                yield batch.cast(schema)

    def told(self) -> AbstractContextManager[None]:
        return told(self.file)


class SQLiteStage:
    """A SQLite file attached as `stage` to a connection of the ledger.

    Arrow goes into the file by ADBC, which brings a SQLite of its own: it must never open the ledger itself, since
    closing a file there would drop the locks that this process holds on it.
    https://www.sqlite.org/howtocorrupt.html (multiple copies of SQLite linked into the same application)
    """

    def __init__(self, connection: Connection, file: Path) -> None:
        self._connection = connection
        self._file = file
        _attach(connection, file, "stage")
        self._arrow = adbc.connect(str(file), autocommit=True)
        with self._arrow.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")

    def ingest(self, name: str, table: pa.Table, *, replace: bool = False) -> None:
        with self._arrow.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.adbc_ingest(name, table, mode="replace" if replace else "create_append")
            cursor.execute("COMMIT")

    def read(self, name: str, schema: pa.Schema) -> pa.Table:
        with self._arrow.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {name} ORDER BY rowid")  # noqa: S608 -- a name of ours
            return cursor.fetch_arrow_table().cast(schema)

    def close(self) -> None:
        self._arrow.close()
        self._connection.exec_driver_sql("DETACH DATABASE stage")
        self._connection.close()
        self._file.unlink(missing_ok=True)


def _attach(connection: Connection, file: Path, name: str) -> None:
    connection.exec_driver_sql(f"ATTACH DATABASE ? AS {name}", (str(file),))
    connection.exec_driver_sql(f"PRAGMA {name}.journal_mode = OFF")
    connection.exec_driver_sql(f"PRAGMA {name}.synchronous = OFF")


def _engine(file: Path, busy_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        f"sqlite:///{file}", connect_args={"timeout": busy_seconds, "isolation_level": None, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]  # the DBAPI's connection has no public type
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"cache_size = -{_CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(_connection: Connection) -> None:
        """Transactions are begun by hand, so that writers can ask for the lock at once."""

    return engine


_TOLD = (
    (
        "database is locked",
        "another run is writing to it",
        "wait for that run, or look who holds it with `uc-miner status`",
    ),
    ("disk is full", "the disk is full", "free space and run again: nothing of the day was kept"),
    (
        "disk I/O error",
        "the disk refuses",
        "look whether it is full or failing, then run again: nothing of the day was kept",
    ),
    ("readonly database", "it may not be written", "give the miner's user write rights on the file and its folder"),
    ("unable to open", "it cannot be opened", "check [ledger] url, and the rights on its folder"),
    ("not a database", "it is no SQLite file", "name another file in [ledger] url, or move this one away"),
    ("malformed", "it is damaged", "restore it from a backup, or start a new one and mine again"),
    ("Permission denied", "it may not be written", "give the miner's user write rights on its folder"),
    ("No space left", "the disk is full", "free space and run again: nothing of the day was kept"),
)


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn the database's errors into ours, with what to do."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error, adbc_driver_manager.Error, OSError) as error:
        words = str(error)
        for sign, meaning, mend in _TOLD:
            if sign in words:
                raise LedgerError(f"the ledger {file}: {meaning}", mend=mend) from error
        raise LedgerError(
            f"the ledger {file}: {words.splitlines()[0]}", mend="look at the disk and the file"
        ) from error
