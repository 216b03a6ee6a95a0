"""The ledger's file: what cannot be opened, written or trusted is told with its mend, and nothing is changed."""

import os
from contextlib import closing

import pytest
from sqlalchemy import Connection

from miner.errors import LedgerError
from miner.ledger import Ledger, keys, lineage_staging, merge
from miner.mining import mine
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import METASTORE, columns, lineage, run


def estate():
    """Rows that make every sort of statement of a merge do something."""
    rows = [
        lineage("c.s.a", "c.s.b", job="901", notebook="n", day=day(0), created_by="ann@x.org"),
        lineage("c.s.a", "c.s.d", query="q", day=day(0), direct_access=False),
        lineage("c.s.a", None, day=day(0)) | {"source_path": "s3://bucket/a"},
    ]
    pairs = [columns("c.s.a", "c.s.b", "id", "id", job="901", notebook="n", day=day(0))]
    return FakeTables(*rows, column_lineage=pairs, job_run_timeline=[run("901", run_name="load")])


def refused(url, **options):
    """The error of a ledger that cannot be opened."""
    with pytest.raises(LedgerError) as raised:
        Ledger(url, **options)
    assert raised.value.mend
    return raised.value


def test_opening_again(world):
    """A ledger that is opened again is as it was."""
    world.mine(estate())
    known = world.dump()
    before = world.content()
    world.close()
    world.ledger = Ledger(world.url)
    assert world.dump() == known
    assert world.content() == before


def test_scratch_goes_with_the_ledger(world):
    """What is staged beside the ledger goes when it is closed."""
    scratch = world.ledger.scratch
    assert scratch.is_dir()
    world.ledger.close()
    assert not scratch.exists()


def test_a_newer_version(world):
    """A ledger that a newer miner wrote is left alone."""
    world.close()
    world.alter("UPDATE alembic_version SET version_num = '9999'")
    before = world.content()
    assert "newer miner (version 9999)" in refused(world.url).message
    assert world.content() == before


@pytest.mark.sqlite_only
def test_no_database(tmp_path):
    """A file that is no database is left as it is."""
    file = tmp_path / "notes.txt"
    file.write_text("this is no database, and long enough to be read as one " * 20)
    before = file.read_bytes()
    assert "no SQLite file" in refused(f"sqlite:///{file}").message
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "url", ["sqlite://", "postgresql://host/ledger", "postgresql+psycopg://host", "mysql://host/ledger", "no url"]
)
def test_no_ledger(url):
    """A URL that names neither a SQLite file nor a PostgreSQL database is refused before anything is done."""
    with pytest.raises(LedgerError, match="is no ledger") as raised:
        Ledger(url)
    assert "sqlite:///FILE" in raised.value.mend


@pytest.mark.sqlite_only
def test_a_folder_where_the_file_should_be(tmp_path):
    """A folder in the ledger's place is told as what cannot be opened."""
    (tmp_path / "ledger.db").mkdir()
    assert "cannot be opened" in refused(f"sqlite:///{tmp_path}/ledger.db").message


@pytest.mark.sqlite_only
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights(tmp_path):
    """A folder that may not be written is told with the rights to give."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o500)
    assert "rights" in refused(f"sqlite:///{home}/ledger.db").mend
    home.chmod(0o700)
    assert list(home.iterdir()) == []


def test_locked_by_another_writer(world):
    """While another run writes, mining and emission are refused after the wait, and nothing is changed."""
    world.mine(estate())
    world.emit()
    before = world.dump()
    with closing(Ledger(world.url)) as other, other.writing():
        with pytest.raises(LedgerError) as mining:
            world.mine(estate(), rules="other")
        world.sink.fingerprint = "2"
        with pytest.raises(LedgerError):
            world.emit()
    assert "another run is writing" in mining.value.message
    assert mining.value.mend
    assert world.dump() == before
    world.mine(estate(), rules="other")
    assert len(world.dump()) == len(before)


@pytest.mark.parametrize("stream", ["lineage", "usage", "columns"])
def test_a_crash_inside_the_merge(world, stream):
    """Whichever statement of a merge fails, the day's rows, counts and mark are rolled back together."""
    world.now = noon(day(1))
    world.mine(estate(), streams=(stream,))
    before = world.content()
    real = Connection.execute
    more = estate()
    more.rows["table_lineage"].append(lineage("c.s.a", "c.s.new", query="q", day=day(0)))
    more.rows["column_lineage"].append(columns("c.s.a", "c.s.new", "x", "y", query="q", day=day(0)))
    survived = None
    for fails_at in range(60):
        count = iter(range(10_000))

        def execute(self, *given, count=count, fails_at=fails_at, **more):
            if self.in_merge and next(count) == fails_at:
                raise ZeroDivisionError("the machine stumbles")
            return real(self, *given, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connection, "in_merge", False, raising=False)
            patch.setattr(Connection, "execute", execute)
            patch.setattr("miner.ledger.store.merge", _marked(merge.merge))
            try:
                world.mine(more, streams=(stream,))
            except ZeroDivisionError:
                assert world.content() == before
            else:
                survived = fails_at
                break
    of_stream = {
        "lineage": (*merge._CLEAR_LINEAGE, *merge._MERGE_LINEAGE), "usage": merge._MERGE_USAGE,
        "columns": merge._MERGE_COLUMNS,
    }  # fmt: skip
    assert survived is not None
    assert survived >= len(of_stream[stream])
    assert world.content() != before


def _marked(real):
    def merged(connection, one, staged):
        connection.in_merge = True
        return real(connection, one, staged)

    return merged


def test_a_crash_before_the_commit(world):
    """What was merged and not committed leaves the ledger as it was, and the next run free to write."""
    world.mine(estate(), streams=("usage",))
    before = world.content()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("miner.ledger.store.merge", _merged_then_broken(merge.merge))
        with pytest.raises(ZeroDivisionError):
            world.mine(estate(), rules="other", streams=("usage",))
    assert world.content() == before
    world.mine(estate(), rules="other", streams=("usage",))
    assert world.content() != before


def _merged_then_broken(real):
    def merged(connection, one, staged):
        real(connection, one, staged)
        raise ZeroDivisionError

    return merged


COLLIDING = {
    "dataset": "UPDATE dataset SET check_bits = check_bits + 1",
    "process": "UPDATE process SET check_bits = check_bits + 1",
    "edge": "UPDATE edge SET check_bits = check_bits + 1",
    "column_set": "UPDATE column_set SET check_bits = check_bits + 1",
}


@pytest.mark.parametrize("table", COLLIDING)
def test_two_keys_with_one_number(world, table):
    """Two identities with one number but other check bits are refused loudly; nothing of the day is written."""
    tables = estate()
    world.mine(tables)
    world.alter(COLLIDING[table])
    before = world.content()
    tables.rows["table_lineage"].append(lineage("c.s.a", "c.s.new", job="901", day=day(0)))
    with pytest.raises(LedgerError, match="share one number") as raised:
        world.mine(tables, rules="other")
    assert raised.value.mend
    assert world.content() == before


def test_a_number_taken_while_days_were_fetched(world):
    """The same for one that another run recorded after these days were fetched: the merge looks once more."""
    source = world.source(FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0))), streams=("lineage",))

    def recorded_meanwhile(*_given):
        with world.ledger.writing() as connection:
            number = keys.number_of(METASTORE, "c", "s", "b", "")
            connection.exec_driver_sql(
                f"INSERT INTO dataset (id, check_bits, metastore_id, spelled_at) VALUES ({number}, 1, '', 0)"  # noqa: S608
            )

    with pytest.raises(LedgerError, match="two datasets share one number"):
        list(mine(source, world.ledger, run_id=1, now=lambda: world.now, watch=recorded_meanwhile))
    assert world.marks() == {}


def test_two_keys_with_one_number_in_one_fetch(world, monkeypatch):
    """The same for two that come together and are both new to the ledger."""
    real = lineage_staging.keys.halves_of_hex

    def colliding(keys):
        halves = real(keys)
        halves[:, 0] = 7
        return halves

    monkeypatch.setattr(lineage_staging.keys, "halves_of_hex", colliding)
    before = world.content()
    rows = [lineage("c.s.a", target, query="q", day=day(0)) for target in ("c.s.b", "c.s.d")]
    with pytest.raises(LedgerError, match="share one number"):
        world.mine(FakeTables(*rows), streams=("lineage",))
    assert [line for line in world.content() if "INTO source" not in line and '"source"' not in line] == before
