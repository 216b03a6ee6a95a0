"""A ledger that moves from a file to a server, and back."""

from schedules import ledger_jobs


def test_from_sqlite_to_postgresql_and_back(home, beside, tmp_path):
    """A ledger archived on one and restored on the other knows the same, sends nothing again, and archives the same."""
    beside.run()
    out = tmp_path / "archive.jsonl"
    ledger_jobs.dump(beside.parts, str(out), whole=True)
    assert ledger_jobs.restore(home.parts, out) > 1000
    assert home.dump() == beside.dump()
    assert home.run().outcome.changes.sent == 0
    assert {finding.state for finding in ledger_jobs.check(home.parts)} == {"pass"}
    back = type(home)(tmp_path / "back", f"sqlite:///{tmp_path}/back/ledger.db", home.export)
    ledger_jobs.dump(home.parts, str(out), whole=True)
    ledger_jobs.restore(back.parts, out)
    again = tmp_path / "again.jsonl"
    ledger_jobs.dump(back.parts, str(again), whole=True)
    assert again.read_bytes() == out.read_bytes()


def test_rolled_up_by_a_run(home, beside):
    """With [ledger] usage_days, a run rolls up what is older, the same on both."""
    for one in (home, beside):
        one.run()
        one.more = "[usage]\nwindows = [1]"
        one.ledger = "usage_days = 7"
        one.run()
        assert b'"what": "usage_month"' in one.dump()
    assert home.dump() == beside.dump()
    assert {finding.state for finding in ledger_jobs.check(home.parts)} == {"pass"}
