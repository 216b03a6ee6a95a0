"""The seam between the ledger and the database that holds it: a SQLite file, or PostgreSQL.

Statements are written once, in the words that both know. Where they differ, `spelling.py` says it in PostgreSQL's.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from miner.errors import LedgerError

BUSY_SECONDS = 30.0
"""How long a writer waits for another one."""


class Stage(Protocol):
    """Where a connection of the ledger keeps rows before they are merged: tables named `stage.NAME` in its SQL."""

    def ingest(self, name: str, table: pa.Table, *, replace: bool = False) -> None:
        """Add rows to a table, made when it is not there; `replace` what it held."""
        ...

    def read(self, name: str, schema: pa.Schema) -> pa.Table:
        """A table's rows in the order they were written."""
        ...

    def close(self) -> None:
        """Throw everything away, and give the connection back."""
        ...


class Database(Protocol):
    """What holds a ledger. Transactions are begun by hand, so that a writer can ask for the lock at once."""

    place: str
    """How it is named to people; holds no password."""
    engine: Engine

    def told(self) -> AbstractContextManager[None]:
        """Turns errors of the database, and of files staged for it, into LedgerError."""
        ...

    def prepare(self) -> None:
        """Make what must be there before anything can be read."""
        ...

    def missing(self) -> bool:
        """Whether there is no ledger yet."""
        ...

    def scratch(self) -> Path:
        """A new folder for this process alone, with room for what is staged."""
        ...

    def begin_reading(self, connection: Connection, copy: Path | None) -> None:
        """Begin a transaction that sees one state of the ledger throughout, and may make tables `temp.NAME`."""
        ...

    def end_reading(self, connection: Connection, copy: Path | None) -> None:
        """End it, also after an error."""
        ...

    def begin_writing(self, connection: Connection) -> None:
        """Begin the only write transaction there is at a time."""
        ...

    def begin_migrating(self, connection: Connection) -> None:
        """Begin the only transaction that may change the ledger's tables."""
        ...

    def stage(self, connection: Connection, scratch: Callable[[], Path]) -> Stage:
        """A place for rows to merge; `scratch` makes an empty file, where one is needed."""
        ...

    def copy_out(self, connection: Connection, query: str, copy: Path) -> None:
        """Write what a query gives to a file, within a reading that was begun with it."""
        ...

    def copied(self, copy: Path, schema: pa.Schema, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """What was written there."""
        ...


def database_of(url: str, busy_seconds: float = BUSY_SECONDS) -> Database:
    """The database a URL names; nothing is opened yet. Raises LedgerError when it can hold no ledger."""
    parsed = _parsed(url)
    # Each brings a driver that the other does not need.
    if parsed.drivername == "sqlite":
        from miner.ledger.sqlite import SQLite  # noqa: PLC0415

        return SQLite(Path(str(parsed.database)), busy_seconds)
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError as error:
        raise LedgerError(
            f"a ledger on PostgreSQL needs its driver ({error})", mend='pip install "uc-lineage-miner[postgres]"'
        ) from error
    from miner.ledger.postgres import PostgreSQL  # noqa: PLC0415

    return PostgreSQL(parsed, busy_seconds)


def place_of(url: str) -> str:
    """How a ledger is named to people: its file, or its URL without password and options. Raises LedgerError."""
    parsed = _parsed(url)
    return str(parsed.database) if parsed.drivername == "sqlite" else shown(parsed)


def shown(url: URL) -> str:
    """A URL without password and options."""
    told = URL.create(url.drivername, url.username, host=url.host, port=url.port, database=url.database)
    return told.render_as_string()


def ledger_missing(url: str) -> bool:
    """Whether no run made this ledger yet. Raises LedgerError when that cannot be told."""
    database = database_of(url)
    try:
        with database.told():
            return database.missing()
    finally:
        database.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or not parsed.database or parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        scheme, separator, rest = url.partition("://")
        raise LedgerError(
            f"'{scheme}{separator}{rest.rpartition('@')[2]}' is no ledger",
            mend="[ledger] url takes sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE",
        )
    return parsed
