"""`uc-miner ledger …`: what each answers, and its exit codes."""

import sqlite3
from contextlib import closing

import pytest

from miner.ledger.migrating import versions
from tests.schedules.conftest import small_estate

ROLLING = "[usage]\nwindows = [1]\n"


def kept(home, days):
    """Keep so many days of usage by day, with windows that allow it."""
    home.set(ROLLING)
    text = home.settings.read_text().replace("[mining]", f"usage_days = {days}\n[mining]", 1)
    home.settings.write_text(text)


def test_migrate(home):
    """The first migration makes the ledger, the second finds it at its version."""
    made, again = home("ledger", "migrate"), home("ledger", "migrate")
    assert (made.code, made.out) == (0, f"{home.ledger.name} was made at version {versions()[0]}\n")
    assert (again.code, again.out) == (0, f"{home.ledger.name} is at version {versions()[0]}\n")


def test_migrate_an_older_one(mined):
    """A ledger of an older version is brought forward, and both versions are told."""
    with closing(sqlite3.connect(mined.ledger)) as ledger:
        ledger.executescript("DROP TABLE usage_month; DROP TABLE usage_rolled_up")
        ledger.execute("UPDATE alembic_version SET version_num = ?", (versions()[1],))
        ledger.commit()
    told = mined("ledger", "migrate")
    assert (told.code, told.out.split(" was ")[1]) == (0, f"brought from version {versions()[1]} to {versions()[0]}\n")


def test_check(mined):
    """A sound ledger passes: exit code 0, for a person and as JSON."""
    told = mined("ledger", "check")
    assert told.code == 0
    assert "✓ ledger.file" in told.out
    assert "0 failed" in told.out
    assert {finding["state"] for finding in mined("ledger", "check", "--json").json} == {"pass"}


def test_check_finds_damage(mined):
    """What does not hold together is told with its mend, and the exit code is 1."""
    with closing(sqlite3.connect(mined.ledger)) as ledger:
        ledger.execute("DELETE FROM reader")
        ledger.commit()
    told = mined("ledger", "check")
    assert told.code == 1
    assert "✗ ledger.usage" in told.out
    assert "mend: restore the ledger" in told.out


def test_prune(mined):
    """What is older than [ledger] usage_days is rolled up, once; figures within it stay."""
    before = [line for line in mined.dump() if line["what"] == "usage"]
    mined("report", "--csv", "before.csv", "--window", "1")
    kept(mined, 3)
    told, again = mined("ledger", "prune"), mined("ledger", "prune")
    assert (told.code, again.out) == (0, "0 days rolled up, 0 rows fewer\n")
    after = mined.dump()
    left = [line for line in after if line["what"] == "usage"]
    assert {line["day"] for line in before} - {line["day"] for line in left} == {"2026-11-08"}
    assert {line["month"] for line in after if line["what"] == "usage_month"} == {"2026-11"}
    assert told.out == f"1 days rolled up, {len(before) - len(left)} rows fewer\n"
    mined("report", "--csv", "after.csv", "--window", "1")
    assert (mined.folder / "after.csv").read_bytes() == (mined.folder / "before.csv").read_bytes()


def test_a_run_prunes(mined):
    """A run does so at its end, and says so in the log."""
    kept(mined, 3)
    told = mined("--log-format", "json", "run")
    assert told.code == 0
    assert [(event["days"], event["rows"] > 0) for event in told.events if event["event"] == "usage.rolled_up"] == [
        (1, True)
    ]


def test_nothing_to_prune(mined):
    """Where all usage is kept by day, prune says so and does nothing."""
    told = mined("ledger", "prune")
    assert told.code == 2
    assert "set [ledger] usage_days" in told.told


@pytest.mark.parametrize(("days", "windows"), [(59, [1, 30]), (1, [1]), (179, [1, 7, 30, 90])])
def test_too_few_days(mined, days, windows):
    """Fewer days than twice the longest window are refused before anything is done: trends need them."""
    mined.set(f"[usage]\nwindows = {windows}\n")
    mined.settings.write_text(mined.settings.read_text().replace("[mining]", f"usage_days = {days}\n[mining]", 1))
    before = mined.ledger.read_bytes()
    told = mined("ledger", "prune")
    assert told.code == 2
    assert f"uc-miner.toml: ledger.usage_days = {days}" in told.told
    assert f"must be at least {2 * max(windows)}" in told.told
    assert mined.ledger.read_bytes() == before


def test_dump_and_restore(mined):
    """A ledger written whole is restored into a new one that knows the same."""
    known = mined.dump()
    assert mined("ledger", "dump", "--whole", "--out", "all.jsonl").code == 0
    mined.ledger.rename(mined.folder / "old.db")
    told = mined("ledger", "restore", "all.jsonl")
    rows = sum(line.startswith("[") for line in (mined.folder / "all.jsonl").read_text().splitlines())
    assert (told.code, told.out) == (0, f"{mined.ledger.name}: {rows:,} rows\n")
    assert mined.dump() == known


def test_restore_refused(mined):
    """A ledger that holds something, a dump by natural key and a file that is not there are refused: exit code 1."""
    mined("ledger", "dump", "--whole", "--out", "all.jsonl")
    mined("ledger", "dump", "--out", "dump.jsonl")
    known = mined.dump()
    for file, message in (("all.jsonl", "is not empty"), ("dump.jsonl", "no archive"), ("nowhere", "cannot be read")):
        told = mined("ledger", "restore", file)
        assert (told.code, message in told.told, "mend:" in told.told) == (1, True, True), told.told
    assert mined.dump() == known


def test_no_ledger(home):
    """Without a ledger, check, prune and dump say so and make none."""
    home.write(*small_estate())
    kept(home, 3)
    for command in ("check", "prune", "dump"):
        told = home("ledger", command)
        assert (told.code, "there is no ledger" in told.told) == (1, True), command
    assert not home.ledger.exists()
