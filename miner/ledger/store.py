"""Opening the ledger: brought to the current version, any number of readers, one writer at a time."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from miner.ledger.database import BUSY_SECONDS, database_of
from miner.ledger.merge import STAGING, Merge, merge
from miner.ledger.migrating import migrate
from miner.ledger.names import NamesMerge, NamesStaging, merge_names
from miner.ledger.staging import Staging


class Ledger:
    """The miner's memory. Every method that writes does so in one transaction."""

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open or create the ledger and bring it to the current version. Raises LedgerError."""
        self.database = database_of(url, busy_seconds)
        self.place = self.database.place
        try:
            with self.told():
                self.database.prepare()
                self.versions = migrate(self.database)
                self._scratch = self.database.scratch()
        except BaseException:
            self.database.engine.dispose()
            raise

    def close(self) -> None:
        """Let go of the database and of what was staged."""
        self.database.engine.dispose()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder for this process alone, gone when the ledger is closed."""
        return self._scratch

    @contextmanager
    def reading(self, copy: Path | None = None) -> Iterator[Connection]:
        """A connection that sees one state of the ledger throughout; what it copies out goes to the file `copy`."""
        with self.told(), self.database.engine.connect() as connection:
            self.database.begin_reading(connection, copy)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            finally:
                self.database.end_reading(connection, copy)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction, committed at the end, rolled back on any error."""
        with self.told(), self.database.engine.connect() as connection:
            try:
                self.database.begin_writing(connection)
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def stage(self, stream: str, first: date) -> Staging:
        """A place to stage a run of days of a stream, in one month; close it when done with it."""
        with self.told():
            connection = self.database.engine.connect()
            return STAGING[stream](connection, self.database.stage(connection, self.scratch_file), first)

    def stage_names(self, last: date) -> NamesStaging:
        """A place to stage a source's names; close it when done with it."""
        with self.told():
            connection = self.database.engine.connect()
            return NamesStaging(connection, self.database.stage(connection, self.scratch_file), last)

    def told(self) -> AbstractContextManager[None]:
        """Turns errors of the database, and of what is staged, into LedgerError."""
        return self.database.told()

    def scratch_file(self) -> Path:
        """A new, empty file in the scratch folder."""
        handle, name = tempfile.mkstemp(dir=self._scratch)
        os.close(handle)
        return Path(name)

    @contextmanager
    def copying(self) -> Iterator[Path]:
        """A file to copy rows out to (`reading`), gone at the end."""
        copy = self.scratch_file()
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def record(self, one: Merge, staging: Staging) -> None:
        """Merge what was staged: rows, balance and marks commit together."""
        with self.told():
            staging.prepare(one.source_id)
        with self._merging(staging) as connection:
            merge(connection, one, staging)

    def record_names(self, one: NamesMerge, staging: NamesStaging) -> None:
        """Merge a snapshot of names: what they changed and when they were read commit together."""
        with self._merging(staging) as connection:
            merge_names(connection, one, staging)

    @contextmanager
    def _merging(self, staging: Staging) -> Iterator[Connection]:
        connection = staging.connection
        with self.told():
            try:
                self.database.begin_writing(connection)
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
