"""Opening the ledger: a SQLite file in WAL mode, brought to the current version, one writer at a time."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import adbc_driver_manager as adbc
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url

from miner.errors import LedgerError
from miner.ledger.merge import STAGING, Merge, merge
from miner.ledger.names import NamesMerge, NamesStaging, merge_names
from miner.ledger.staging import Staging

BUSY_SECONDS = 30.0
_CACHE_KIB = 65_536


class Ledger:
    """The miner's memory. Every method that writes does so in one transaction."""

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open or create the ledger and bring it to the current version. Raises LedgerError."""
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite" or not parsed.database:
            raise LedgerError(f"'{url}' is no ledger", mend="[ledger] url takes sqlite:///FILE")
        self.file = Path(parsed.database)
        self._engine = _engine(self.file, busy_seconds)
        try:
            with told(self.file):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self._migrate()
                self._scratch = Path(tempfile.mkdtemp(prefix=f".{self.file.name}-", dir=self.file.parent))
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Let go of the file and of what was staged."""
        self._engine.dispose()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder beside the ledger for this process alone, gone when the ledger is closed."""
        return self._scratch

    @contextmanager
    def reading(self, copy: Path | None = None) -> Iterator[Connection]:
        """A connection that sees one state of the ledger throughout; `copy` is attached to it as `copy`."""
        with told(self.file), self._engine.connect() as connection:
            if copy is not None:
                connection.exec_driver_sql("ATTACH DATABASE ? AS copy", (str(copy),))
                connection.exec_driver_sql("PRAGMA copy.journal_mode = OFF")
                connection.exec_driver_sql("PRAGMA copy.synchronous = OFF")
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
                connection.commit()
            finally:
                connection.rollback()
                if copy is not None:
                    connection.exec_driver_sql("DETACH DATABASE copy")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction, committed at the end, rolled back on any error."""
        with told(self.file), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def stage(self, stream: str, first: date) -> Staging:
        """A new staging file for a run of days of a stream, in one month; close it when done with it."""
        with told(self.file):
            return STAGING[stream](self.scratch_file(), self._engine.connect(), first)

    def stage_names(self, last: date) -> NamesStaging:
        """A new staging file for a source's names; close it when done with it."""
        with self.told():
            return NamesStaging(self.scratch_file(), self._engine.connect(), last)

    def told(self) -> AbstractContextManager[None]:
        """Turns errors of the database, and of files staged beside it, into LedgerError."""
        return told(self.file)

    def scratch_file(self) -> Path:
        """A new, empty file beside the ledger."""
        handle, name = tempfile.mkstemp(dir=self._scratch)
        os.close(handle)
        return Path(name)

    def record(self, one: Merge, staging: Staging) -> None:
        """Merge what was staged: rows, balance and marks commit together."""
        with self._merging(staging) as connection:
            merge(connection, one, staging)

    def record_names(self, one: NamesMerge, staging: NamesStaging) -> None:
        """Merge a snapshot of names: what they changed and when they were read commit together."""
        with self._merging(staging) as connection:
            merge_names(connection, one, staging)

    @contextmanager
    def _merging(self, staging: Staging) -> Iterator[Connection]:
        connection = staging.connection
        with told(self.file):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def _migrate(self) -> None:
        config, script = _migrations()
        with self._engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if current == script.get_current_head():
                return
            if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
                raise LedgerError(
                    f"{self.file} was written by a newer miner (version {current})",
                    mend="install that version of uc-lineage-miner, or name another ledger in [ledger] url",
                )
            connection.rollback()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            del config.attributes["connection"]
            connection.commit()


@cache
def _migrations() -> tuple[Config, ScriptDirectory]:
    """The migrations this miner has, read once: a daemon opens the ledger for each of its jobs."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config, ScriptDirectory.from_config(config)


def _engine(file: Path, busy_seconds: float) -> Engine:
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
    except (sa.exc.DBAPIError, adbc.Error, OSError) as error:
        words = str(error)
        for sign, meaning, mend in _TOLD:
            if sign in words:
                raise LedgerError(f"the ledger {file}: {meaning}", mend=mend) from error
        raise LedgerError(
            f"the ledger {file}: {words.splitlines()[0]}", mend="look at the disk and the file"
        ) from error
