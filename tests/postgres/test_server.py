"""A ledger on a server: made and migrated once, one writer at a time, and every trouble told with its mend."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from miner.errors import LedgerError
from miner.ledger import Ledger, ledger_missing, migrating, place_of, preflight
from miner.ledger.database import database_of
from tests import ledgers as places
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day
from tests.rows import columns, lineage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.throw_away()


def opened(url, **options):
    return closing(Ledger(url, **options))


def refused(url):
    """The error of a ledger that cannot be opened; it shows no password."""
    with pytest.raises(LedgerError) as raised:
        Ledger(url, busy_seconds=1)
    assert raised.value.mend
    assert "hunter2" not in str(raised.value)
    return raised.value


def test_texts_compare_as_bytes(database, server):
    """The server's language, in which a comes before B, has no say in how the ledger orders texts."""
    with opened(database) as ledger, ledger.reading() as connection:
        assert connection.exec_driver_sql("SELECT 'a' < 'B'").scalar_one() is True
        [other] = connection.exec_driver_sql(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
        ).one()
    assert other == 0


def test_made_by_many_at_once(database):
    """Eight that open a new ledger at once all get it, made once."""
    together = threading.Barrier(8)

    def made(_number):
        together.wait()
        with opened(database) as ledger:
            return ledger.versions

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(made, range(8)))
    newest = migrating.versions()[0]
    assert (None, newest) in versions
    assert {now for _, now in versions} == {newest}


def test_a_migration_waits_for_a_writer(world):
    """No migration changes tables under a writer."""
    database = database_of(world.url, 0.2)
    try:
        with (
            world.ledger.writing(),
            pytest.raises(LedgerError, match="another run is writing"),
            database.told(),
            database.engine.connect() as connection,
        ):
            database.begin_migrating(connection)
    finally:
        database.engine.dispose()


KILLED_WHILE_MIGRATING = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from miner.ledger import Ledger

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def passed(connection, cursor, statement, *more):
    global left
    if statement.lstrip().startswith(("CREATE TABLE", "CREATE INDEX", "INSERT INTO alembic", "UPDATE alembic")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

Ledger(sys.argv[1])
"""


@pytest.mark.parametrize("at", [1, 2, 9, 20])
def test_killed_while_migrating(database, at):
    """A migration that is killed leaves nothing behind, and the next one makes the ledger."""
    command = [sys.executable, "-c", KILLED_WHILE_MIGRATING, database, str(at)]
    told = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    assert told.returncode == -9, told.stderr
    assert ledger_missing(database)
    with opened(database) as ledger:
        assert ledger.versions == (None, migrating.versions()[0])


def test_the_server_goes_away(world, server):
    """A connection that the server ends in the middle of a merge fails the day, and the next run mines it."""
    tables = FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0)))
    before = world.content()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("miner.ledger.store.merge", lambda *_: _end_all_others(server, world))
        with pytest.raises(LedgerError, match="server") as raised:
            world.mine(tables, streams=("lineage",))
    assert raised.value.mend
    assert [line for line in world.content() if "INTO source" not in line] == before
    assert len(world.mine(tables)) == 2


def _end_all_others(server, world):
    name = world.url.rpartition("/")[2]
    with closing(server.connect()) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def test_readers_and_a_writer(world):
    """A reader sees one state throughout, whatever a writer commits meanwhile, and neither waits for the other."""
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0))))
    with world.ledger.reading() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM edge").scalar_one()
        world.mine(FakeTables(lineage("c.s.a", "c.s.d", query="q", day=day(1))))
        assert connection.exec_driver_sql("SELECT count(*) FROM edge").scalar_one() == before == 1
    assert world.sql("SELECT count(*) FROM edge") == [(2,)]


def test_nothing_temporary_is_left(world, server):
    """After mining and emission no temporary table is left on the server."""
    world.mine(FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0))))
    world.emit()
    with places.beside(world.url) as connection:
        [left] = connection.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't'").fetchone()
    assert left == 0


def test_characters(world):
    """Texts arrive as they are: quotes, tabs, backslashes, line ends, empty, NULL; NUL, which no text can hold, is replaced."""
    names = ['q"uo,te', "ta\tb", "back\\slash", "\\N", "\\.", "li\nne", "größe", "NULL", "x\0y"]
    pairs = [columns("c.s.a", "c.s.b", name, name, query="q", day=day(0)) for name in names]
    reader = 'o"dd,\\.\n@x.org'
    rows = [
        lineage("c.s.a", "c.s.b", query="q", day=day(0), created_by=reader),
        lineage("c.s.a", None, day=day(0), created_by=None) | {"source_path": 's3://b/"p",\\'},
    ]
    world.mine(FakeTables(*rows, column_lineage=pairs))
    [(content,)] = world.sql("SELECT content FROM column_set")
    assert all(name.replace("\0", "\ufffd") in content for name in names)
    assert (reader,) in world.sql("SELECT name FROM reader")
    assert ('s3://b/"p",\\',) in world.sql("SELECT path FROM dataset WHERE path IS NOT NULL")
    assert world.sql("SELECT count(*) FROM dataset WHERE catalog = ''") == [(0,)]


def test_no_server(server):
    """A server that is not there is told with its place and no password."""
    error = refused("postgresql+psycopg://u:hunter2@127.0.0.1:9/ledger?connect_timeout=2")
    assert "postgresql+psycopg://u@127.0.0.1:9/ledger: the server cannot be reached" in error.message


def test_no_database(server):
    """So is a database that is not there."""
    assert "does not exist" in refused(server.url("nowhere")).message


def test_another_encoding(server):
    """A database that cannot hold every text is refused."""
    name = server.create(options="ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc")
    try:
        assert "SQL_ASCII" in refused(server.url(name)).message
    finally:
        server.drop(name)


@pytest.fixture
def unprivileged(server, database):
    """A user who may connect, and nothing else."""
    with places.beside(database) as connection:
        connection.execute("CREATE ROLE reader_only LOGIN")
    yield database.replace("postgres@", "reader_only@")
    with places.beside(database) as connection:
        connection.execute("DROP OWNED BY reader_only")
        connection.execute("DROP ROLE reader_only")


def test_no_rights(unprivileged, database):
    """A user who may make no table, or read none, is told which rights are missing; preflight tells it before."""
    assert "lacks a right" in refused(unprivileged).message
    found = preflight.look(unprivileged)
    assert (found.state, "GRANT USAGE, CREATE ON SCHEMA public" in found.mend) == ("fail", True)
    with opened(database):
        pass
    assert "lacks a right" in refused(unprivileged).message


def test_the_least_rights(unprivileged, database):
    """Once a ledger was made for it, a user who may not change tables is enough for every run."""
    with opened(database), places.beside(database) as connection:
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader_only")
        connection.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader_only")
    assert preflight.look(unprivileged).state == "pass"
    with opened(unprivileged) as ledger, ledger.writing() as connection:
        connection.exec_driver_sql("INSERT INTO setting (name, value) VALUES ('a', 'b')")


def test_preflight(database, server):
    """What a run would meet: nothing, its own ledger, a newer one, another's tables, a server that only reads."""
    assert "the first run makes the ledger" in preflight.look(database).finding
    assert ledger_missing(database)
    with opened(database):
        pass
    assert not ledger_missing(database)
    assert f"at version {migrating.versions()[0]}" in preflight.look(database).finding
    with places.beside(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert "newer miner" in preflight.look(database).finding
        name = database.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only" in preflight.look(database).finding
    with closing(server.connect()) as connection:
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    with places.beside(database) as connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(LedgerError, match="something else"):
        preflight.look(database)


def test_the_place():
    """A ledger is named without password and options."""
    url = "postgresql+psycopg://miner:hunter2@db.example.com:6432/ledger?sslmode=require&password=hunter2"
    assert place_of(url) == "postgresql+psycopg://miner@db.example.com:6432/ledger"


def test_no_driver(tmp_path):
    """Without its driver, a ledger on PostgreSQL is refused with what to install."""
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError(\"No module named 'psycopg'\")")
    command = "from miner.ledger import Ledger; Ledger('postgresql+psycopg://h/db')"
    paths = os.pathsep.join((str(tmp_path), str(ROOT)))
    told = subprocess.run(
        [sys.executable, "-c", command], env={"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    assert 'pip install "uc-lineage-miner[postgres]"' in told.stderr


MILLION = "SELECT i, 1000000 / (900000 - i) AS told FROM generate_series(1, {last}) AS g(i)"


def test_copying_that_the_server_ends(database, tmp_path):
    """A query that fails while its rows are copied out is told, and nothing is taken for whole."""
    with opened(database) as ledger:
        with pytest.raises(LedgerError, match="division by zero"), ledger.reading(tmp_path / "copy") as connection:
            ledger.database.copy_out(connection, MILLION.format(last=1_000_000), tmp_path / "copy")
        with ledger.reading() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_copying_that_ends_half_way(database):
    """A disk that is full while rows are copied out leaves a connection that serves again."""
    with opened(database) as ledger, ledger.reading() as connection:
        with pytest.raises(LedgerError, match="No space left"), ledger.told():
            ledger.database.copy_out(connection, MILLION.format(last=800_000), Path("/dev/full"))
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_copying_what_is_no_query(database, tmp_path):
    """A statement that the server refuses is told with its words."""
    with opened(database) as ledger, ledger.reading() as connection:
        with pytest.raises(LedgerError, match="nothing_of_the_kind"), ledger.told():
            ledger.database.copy_out(connection, "SELECT * FROM nothing_of_the_kind", tmp_path / "copy")
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
