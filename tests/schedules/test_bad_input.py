"""What is wrong with the world around the miner: each is told with its mend, and the ledger keeps what it had."""

import os
import sqlite3
from contextlib import closing

import pyarrow as pa
import pytest

from tests import rows
from tests.schedules.conftest import small_estate

TABLE = "system/access/table_lineage"
COLUMN = "system/access/column_lineage"


@pytest.fixture
def _with_rights(tmp_path):
    """Nothing is forbidden to root, in most places."""
    closed = tmp_path / "closed"
    closed.touch(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")


def truncate(home):
    file = lineage_file(home)
    file.write_bytes(file.read_bytes()[:-100])


def no_parquet(home):
    lineage_file(home).write_bytes(b"these are no columns")


def broken_gzip(home):
    file = lineage_file(home, form="csv.gz")
    file.write_bytes(file.read_bytes()[:-40])


def bad_value(home):
    file = lineage_file(home, form="csv")
    file.write_text(file.read_text().replace("2026-11-09", "yesterday", 1))


def bad_json(home):
    file = lineage_file(home, form="jsonl")
    file.write_text(file.read_text() + '{"event_date": "2026-1')


def wrong_type(home):
    lineage_file(home, [{**row, "event_time": [1, 2]} for row in small_estate()], event_time=pa.list_(pa.int64()))


def no_column(home):
    lineage_file(home, without=["source_table_name"])


def no_table(home):
    (home.export / COLUMN / "part-0.parquet").unlink()
    (home.export / COLUMN).rmdir()


def no_file(home):
    (home.export / COLUMN / "part-0.parquet").unlink()


def no_row(home):
    home.write()


def lineage_file(home, events=None, *, form="parquet", without=(), **types):
    """The same rows in a file of another form, in place of the one that was mined."""
    (home.export / TABLE / "part-0.parquet").unlink()
    events = events or small_estate()
    return rows.write_table(home.export, "table_lineage", events, form=form, without=without, types=types)


@pytest.mark.parametrize(
    ("spoil", "words", "mend"),
    [
        (truncate, "part-0.parquet cannot be read as parquet", "export the file again"),
        (no_parquet, "part-0.parquet cannot be read as parquet", "export the file again"),
        (broken_gzip, "part-0.csv.gz", "export the"),
        (bad_value, "part-0.csv, row ", "mend the value"),
        (bad_json, "part-0.jsonl", "export"),
        (wrong_type, "event_time", "export"),
        (no_column, "part-0.parquet lacks the column source_table_name", "export the table again with these columns"),
        (no_table, "system.access.column_lineage is not there", "[sources.*.tables] column_lineage"),
        (no_file, "column_lineage holds no .parquet, .csv or .jsonl file", "export the table's rows"),
        (no_row, "table_lineage holds no row at all", "--allow-empty"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_export(mined, spoil, words, mend):
    """An export that cannot be read whole fails the run with file and mend; the ledger keeps what it had: code 1."""
    before = mined.dump()
    spoil(mined)
    answer = mined("run")
    assert answer.code == 1, answer.err
    assert words in answer.told
    assert mend in answer.told.split("mend:", 1)[1]
    assert "command.failed" not in {event["event"] for event in answer.events}
    assert "nothing was due" not in answer.out
    assert mined.dump() == before


def test_export_folder_is_gone(mined):
    """A source whose folder is gone is a wrong setting: code 2, before anything is done."""
    before = mined.ledger.read_bytes()
    mined.export.rename(mined.folder / "moved")
    answer = mined("run")
    assert answer.code == 2
    assert "sources.prod.path" in answer.told
    assert mined.ledger.read_bytes() == before


@pytest.mark.usefixtures("_with_rights")
@pytest.mark.parametrize("place", ["export", TABLE, f"{TABLE}/part-0.parquet"])
def test_export_without_rights(mined, place):
    """A folder or file that may not be read is told with its mend."""
    before = mined.dump()
    closed = mined.export if place == "export" else mined.export / place
    closed.chmod(0)
    try:
        answer = mined("run")
    finally:
        closed.chmod(0o700)
    assert answer.code == (2 if place == "export" else 1)
    assert "may not be read" in answer.told
    assert mined.dump() == before


@pytest.mark.usefixtures("_with_rights")
@pytest.mark.parametrize("command", ["run", "status", "plan", "ledger dump"])
def test_ledger_without_rights(mined, command):
    """A ledger that may not be written is told with its mend, and stays as it is."""
    before = mined.dump()
    mined.ledger.chmod(0o400)
    mined.folder.chmod(0o500)
    try:
        answer = mined(*command.split())
    finally:
        mined.folder.chmod(0o700)
        mined.ledger.chmod(0o600)
    assert answer.code == 1
    assert "rights" in answer.told
    assert "command.failed" not in {event["event"] for event in answer.events}
    assert mined.dump() == before


def test_ledger_locked(mined):
    """While another process writes, a run waits its time and then gives up with the mend; looking on goes on."""
    before = mined.dump()
    with closing(sqlite3.connect(mined.ledger, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = mined("run")
        looked = mined("status").code, mined("plan").code, mined("report", "--csv", "-").code
    assert answer.code == 1
    assert "another run is writing to it" in answer.told
    assert "wait for that run" in answer.told
    assert looked == (0, 0, 0)
    assert mined.dump() == before


@pytest.mark.parametrize("command", ["run", "status", "plan", "report --csv p.csv", "ledger dump"])
def test_ledger_of_a_newer_version(mined, command):
    """A ledger that a newer miner wrote is left as it is, whatever is asked for."""
    with closing(sqlite3.connect(mined.ledger)) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
        ledger.commit()
    before = contents(mined)
    answer = mined(*command.split())
    assert answer.code == 1
    assert "was written by a newer miner (version 9999)" in answer.told
    assert "mend:  install that version" in answer.told
    assert contents(mined) == before


@pytest.mark.parametrize("command", ["run", "status", "plan", "report --csv p.csv", "ledger dump"])
def test_ledger_is_no_database(mined, command):
    """Another file in the ledger's place is never written to."""
    mined.ledger.write_text("dear diary, today I named my notes ledger.db, and nothing bad will come of it\n" * 20)
    before = mined.ledger.read_bytes()
    answer = mined(*command.split())
    assert answer.code == 1
    assert "it is no SQLite file" in answer.told
    assert "mend:  name another file in [ledger] url" in answer.told
    assert mined.ledger.read_bytes() == before


def test_ledger_is_a_folder(home):
    """A folder in the ledger's place is told with its mend."""
    home.ledger.mkdir()
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 1
    assert "it cannot be opened" in answer.told


@pytest.mark.parametrize("table", ["system.query.history", "system.lakeflow.job_run_timeline"])
def test_optional_table_is_missing(home, table):
    """Without an optional table a run is done all the same; the log says what is missing."""
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 0
    (event,) = [event for event in answer.events if event["event"] == "source.probed"]
    assert table in event["absent"]


def contents(home) -> list[str]:
    """Everything in the database file, its version too."""
    with closing(sqlite3.connect(home.ledger)) as ledger:
        return list(ledger.iterdump())
