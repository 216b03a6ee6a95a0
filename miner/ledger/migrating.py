"""Bringing a ledger to the current version: under a lock, in one transaction, by whoever comes first."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from miner.errors import LedgerError
from miner.ledger.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def versions() -> list[str]:
    """The versions this miner knows, the newest first."""
    return [revision.revision for revision in ScriptDirectory(str(_SCRIPTS)).walk_revisions()]


def version(connection: Connection) -> str | None:
    """The version a ledger is at; None when it is none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the ledger to this miner's version; returns the one it had and the one it has. Raises LedgerError."""
    newest = versions()[0]
    with database.engine.connect() as connection:
        found = version(connection)
        connection.rollback()
        if found == newest:
            return found, newest
        database.begin_migrating(connection)
        try:
            # Another process may have been first, while this one waited.
            found = _refuse_newer(database, version(connection))
            if found is None and inspect(connection).get_table_names():
                raise foreign(database.place)
            if found != newest:
                _upgrade(connection)
            connection.commit()
        finally:
            connection.rollback()
    return found, newest


def _refuse_newer(database: Database, found: str | None) -> str | None:
    if found is not None and found not in versions():
        raise LedgerError(
            f"{database.place} was written by a newer miner (version {found})",
            mend="install that version of uc-lineage-miner, or name another ledger in [ledger] url",
        )
    return found


def foreign(place: str) -> LedgerError:
    """Say that a database is another program's, where the miner must not put its tables."""
    return LedgerError(f"{place} holds the tables of something else", mend="name another place in [ledger] url")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
