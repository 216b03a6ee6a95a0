"""Whether the ledger may be written and is at the right version, without making, migrating or locking it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from miner.checks import Found, failed, passed
from miner.errors import LedgerError
from miner.ledger.database import Database, database_of
from miner.ledger.merge import LINEAGE
from miner.ledger.migrating import foreign, versions
from miner.ledger.reading import rows_by_workspace
from miner.ledger.sqlite import SQLite, told

_LEAST_FREE = 200_000_000
"""Bytes below which the disk cannot take a first run: staging and write-ahead log stand beside the ledger."""


def look(url: str) -> Found:
    """What a run would meet at the ledger's place. Raises LedgerError when it cannot be read."""
    database = database_of(url)
    if isinstance(database, SQLite):
        return look_at_file(database.file)
    try:
        with database.told():
            return _look_at_server(database)
    finally:
        database.engine.dispose()


def _look_at_server(database: Database) -> Found:
    with closing(database.engine.connect()) as connection:
        schema, may_create, read_only = connection.exec_driver_sql(_RIGHTS).one()
        if read_only == "on":
            return failed(f"{database.place} is read-only", "name the primary server in [ledger] url")
        tables = set(sa.inspect(connection).get_table_names())
        if not tables and not may_create:
            return failed(
                f"the miner's user may make no table in schema {schema} of {database.place}",
                f"let an administrator run: GRANT USAGE, CREATE ON SCHEMA {schema} TO …",
            )
        return _at_version(database.place, _version_of(connection, tables, database.place))


_RIGHTS = (
    "SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE'), "
    "current_setting('transaction_read_only')"
)


def look_at_file(file: Path) -> Found:
    """The same for a SQLite file."""
    folder = _nearest(file.absolute().parent)
    if not os.access(folder, os.W_OK | os.X_OK):
        return failed(f"{folder} may not be written", "give the miner's user write rights on the ledger's folder")
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        return failed(
            f"{free / 1e6:.0f} MB are free in {folder}", "free some space, or name another place in [ledger] url"
        )
    if not _there(file):
        return passed(f"{file} will be made, {free / 1e9:,.1f} GB are free")
    if not os.access(file, os.R_OK | os.W_OK):
        return failed(f"{file} may not be written", "give the miner's user write rights on the file")
    return _at_version(str(file), _version(file))


def _at_version(place: str, version: str | None) -> Found:
    known = versions()
    if version is None:
        return passed(f"{place} is empty: the first run makes the ledger in it")
    if version not in known:
        return failed(
            f"{place} was written by a newer miner (version {version})", "install that version of uc-lineage-miner"
        )
    if version != known[0]:
        return passed(
            f"{place} may be written; the next run brings it from version {version} to {known[0]}: back it up"
        )
    return passed(f"{place} may be written and is at version {version}")


def known(url: str, source: str, first: date, end: date) -> dict[date, dict[str, int]]:
    """Rows that a source was mined with, by day and workspace; nothing where the ledger is none of this version."""
    database = database_of(url)
    try:
        if isinstance(database, SQLite):
            if not _there(database.file):
                return {}
            with _read(database.file) as connection:
                return _known(connection, database.place, source, first, end)
        with database.told(), closing(database.engine.connect()) as connection:
            return _known(connection, database.place, source, first, end)
    except LedgerError:
        return {}  # what is wrong with it is told by its own check
    finally:
        database.engine.dispose()


def _known(connection: sa.Connection, place: str, source: str, first: date, end: date) -> dict[date, dict[str, int]]:
    if _version_of(connection, set(sa.inspect(connection).get_table_names()), place) != versions()[0]:
        return {}
    return rows_by_workspace(connection, source, LINEAGE, first, end)


@contextmanager
def _read(file: Path) -> Iterator[sa.Connection]:
    # A file whose write-ahead log is gone is whole: read so, SQLite puts no file of its own beside it.
    whole = {} if file.with_name(f"{file.name}-wal").exists() else {"immutable": "1"}
    options = {"mode": "ro", "uri": "true", **whole}
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=f"file:{quote(str(file.absolute()))}", query=options), poolclass=sa.NullPool
    )
    with told(file), closing(engine.connect()) as connection:
        yield connection


def _version(file: Path) -> str | None:
    """The version a ledger is at; None when nothing is in it. Raises LedgerError when it is something else."""
    with _read(file) as connection:
        return _version_of(connection, set(sa.inspect(connection).get_table_names()), str(file))


def _version_of(connection: sa.Connection, tables: set[str], place: str) -> str | None:
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise foreign(place)
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: a run makes those below."""
    return next(place for place in (folder, *folder.parents) if _there(place))


def _there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:
        return True  # the rights on it tell better what is in the way
