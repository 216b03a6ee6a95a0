import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from miner.errors import LedgerError
from miner.ledger import Ledger, preflight
from miner.ledger.migrating import versions

HEAD = versions()[0]
"""The newest version of the ledger."""

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file):
    """A ledger that is closed."""
    Ledger(f"sqlite:///{file}").close()
    return file


def written(file, *statements):
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def state(folder):
    """Every file below a folder with its content and times."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_missing_ledger_will_be_made(file, tmp_path):
    """A ledger that is not there yet is well where it may be made; it is not made."""
    found = preflight.look_at_file(tmp_path / "below" / "deeper" / "ledger.db")
    assert found.state == "pass"
    assert "will be made" in found.finding
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_at_the_right_version(ledger, tmp_path):
    """A ledger of this version is well; nothing is written, and no file put beside it."""
    before = state(tmp_path)
    found = preflight.look_at_file(ledger)
    assert (found.state, f"at version {HEAD}" in found.finding) == ("pass", True)
    assert state(tmp_path) == before


def test_a_ledger_in_use(ledger):
    """A ledger that another run has open can be looked at."""
    with closing(Ledger(f"sqlite:///{ledger}")) as used, used.writing():
        assert preflight.look_at_file(ledger).state == "pass"


def test_odd_names(tmp_path):
    """A name may hold what means something in an address."""
    file = tmp_path / "a?b#c%20d" / "l.db"
    file.parent.mkdir()
    Ledger(f"sqlite:///{tmp_path / 'l.db'}").close()
    shutil.move(tmp_path / "l.db", file)
    assert "at version" in preflight.look_at_file(file).finding


def test_an_empty_file(file):
    """A file without tables becomes a ledger."""
    file.touch()
    assert "is empty" in preflight.look_at_file(file).finding


def test_an_older_ledger(ledger, monkeypatch):
    """A ledger of an older version is well, since a run brings it forward; the finding says so and asks for a backup."""
    written(ledger, "UPDATE alembic_version SET version_num = '0000'")
    monkeypatch.setattr(preflight, "versions", lambda: ["0001", "0000"])
    found = preflight.look_at_file(ledger)
    assert found.state == "pass"
    assert "from version 0000 to 0001" in found.finding


def test_a_newer_ledger(ledger):
    """A ledger of a newer miner is a cross that says what to install."""
    written(ledger, "UPDATE alembic_version SET version_num = '9999'")
    found = preflight.look_at_file(ledger)
    assert (found.state, "newer miner (version 9999)" in found.finding) == ("fail", True)
    assert "install" in found.mend


def test_something_else(file):
    """Another program's database, or no database at all, is refused by name."""
    written(file, "CREATE TABLE accounts (id INTEGER)")
    with pytest.raises(LedgerError, match="something else"):
        preflight.look_at_file(file)
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match="no SQLite file"):
        preflight.look_at_file(file)


def test_rights(ledger, monkeypatch):
    """A folder or a file that may not be written is a cross that says whose rights are missing."""
    refused = ledger

    def access(place, mode, real=os.access):
        return real(place, mode) and str(place) != str(refused)

    monkeypatch.setattr(preflight.os, "access", access)
    assert preflight.look_at_file(ledger).finding == f"{ledger} may not be written"
    refused = ledger.parent
    assert preflight.look_at_file(ledger).finding == f"{ledger.parent} may not be written"
    assert preflight.look_at_file(ledger.parent / "new" / "l.db").state == "fail"


def test_a_full_disk(ledger, monkeypatch):
    """A disk that cannot take a run is a cross."""
    usage = shutil.disk_usage(ledger.parent)._replace(free=1_000_000)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    found = preflight.look_at_file(ledger)
    assert (found.state, found.finding) == ("fail", f"1 MB are free in {ledger.parent}")
