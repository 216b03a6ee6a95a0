"""Where the tests' ledgers are: SQLite files, or databases of a PostgreSQL server that is started once.

Ledgers are made once and copied: migrations take most of a small test's time. A ledger belongs to a folder, so that
another process finds it again.
"""

import atexit
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from miner.ledger import Ledger
from miner.ledger.migrating import versions

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

SERVER = "SERVER_OF_TESTS"
"""Names the port of the running server in the environment; without it ledgers are SQLite files."""


@contextmanager
def on(database: str) -> Iterator[None]:
    """Make ledgers on one of the two while this lasts."""
    if database == SQLITE:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(SERVER, raising=False)
            yield
        return
    if SERVER in os.environ:
        yield
        return
    from tests.postgres.server import UnavailableError, running  # noqa: PLC0415 -- needs its driver

    try:
        with running() as server, pytest.MonkeyPatch.context() as patch:
            patch.setenv(SERVER, str(server.port))
            yield
    except UnavailableError as error:
        _unavailable(f"NOTHING IS TESTED ON POSTGRESQL: {error}")


def _unavailable(words: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def server():
    """The running server; None where ledgers are SQLite files."""
    if SERVER not in os.environ:
        return None
    from tests.postgres.server import Server  # noqa: PLC0415

    return Server(Path(), int(os.environ[SERVER]))


def url_in(folder: Path) -> str:
    """The URL of a folder's ledger; an empty one is made when it has none."""
    running = server()
    if running is None:
        file = folder / "ledger.db"
        if not file.exists():
            shutil.copyfile(_empty_file(), file)
        return f"sqlite:///{file}"
    name = folder / "ledger.name"
    if not name.exists():
        name.write_text(_emptied.pop() if _emptied else running.create(_empty_database(running.port)))
    return running.url(name.read_text())


_emptied: list[str] = []
"""Databases to use again: making one takes three times as long as emptying one."""


def throw_away(folder: Path) -> None:
    """Empty a folder's ledger, for another one, where it is no file of the folder."""
    name = folder / "ledger.name"
    if (running := server()) is None or not name.exists():
        return
    database = name.read_text()
    name.unlink()
    with closing(running.connect(database)) as connection:
        held = [table for (table,) in connection.execute(_TABLES) if table != "alembic_version"]
        known = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute(f"TRUNCATE {', '.join(held)} RESTART IDENTITY")
    if known == (versions()[0],):
        _emptied.append(database)
    else:
        running.drop(database)


@contextmanager
def beside(url: str) -> Iterator[object]:
    """A connection to a ledger past the product, each statement on its own; its `execute` gives a cursor."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            yield connection
        return
    with closing(server().connect(url.rpartition("/")[2])) as connection:
        yield connection


def content(url: str) -> list[str]:
    """Every row of a ledger, read without the product."""
    with beside(url) as connection:
        if isinstance(connection, sqlite3.Connection):
            return list(connection.iterdump())
        tables = connection.execute(_TABLES).fetchall()
        return [
            f"INTO {table} {row}"
            for (table,) in tables
            for row in sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))  # noqa: S608 -- its own name
        ]


@cache
def _empty_file() -> Path:
    folder = mkdtemp(prefix="ledger-of-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = Path(folder) / "ledger.db"
    Ledger(f"sqlite:///{file}").close()
    return file


@cache
def _empty_database(port: int) -> str:
    running = server()
    assert running.port == port
    name = running.create()
    Ledger(running.url(name)).close()
    return name
