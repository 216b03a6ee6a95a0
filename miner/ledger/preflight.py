"""Whether the ledger may be written and is at the right version, without making, migrating or locking it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from miner.checks import Found, failed, passed
from miner.errors import LedgerError
from miner.ledger.merge import LINEAGE
from miner.ledger.reading import rows_by_workspace
from miner.ledger.store import foreign, told

_LEAST_FREE = 200_000_000
"""Bytes below which the disk cannot take a first run: staging and write-ahead log stand beside the ledger."""


def look(file: Path) -> Found:
    """What a run would meet at the ledger's place. Raises LedgerError when it cannot be read."""
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
    return _at_version(file, _version(file))


def _at_version(file: Path, version: str | None) -> Found:
    known = _versions()
    if version is None:
        return passed(f"{file} is empty: the first run makes the ledger in it")
    if version not in known:
        return failed(
            f"{file} was written by a newer miner (version {version})", "install that version of uc-lineage-miner"
        )
    if version != known[0]:
        return passed(f"{file} may be written; the next run brings it from version {version} to {known[0]}: back it up")
    return passed(f"{file} may be written and is at version {version}")


def _versions() -> list[str]:
    """The versions this miner knows, the newest first."""
    script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    return [revision.revision for revision in script.walk_revisions()]


def known(file: Path, source: str, first: date, end: date) -> dict[date, dict[str, int]]:
    """Rows that a source was mined with, by day and workspace; nothing where the ledger is none of this version."""
    try:
        if not _there(file) or _version(file) != _versions()[0]:
            return {}
        with _read(file) as connection:
            return rows_by_workspace(connection, source, LINEAGE, first, end)
    except LedgerError:
        return {}  # what is wrong with it is told by its own check


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
        tables = set(sa.inspect(connection).get_table_names())
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise foreign(file)
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
