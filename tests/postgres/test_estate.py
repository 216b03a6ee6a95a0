from miner.pipeline import DONE
from schedules.reports import Name, write_whole


def test_the_same_as_on_sqlite(home, beside):
    """An estate mined on both gives the same dump, the same entities and the same reports, byte for byte."""
    told = []
    for one in (home, beside):
        ran = one.run()
        assert ran.outcome.word == DONE
        told.append((ran.balance, ran.warnings, ran.outcome.changes))
        for name in (Name.POPULARITY, Name.EDGES):
            write_whole(one.parts, name, str(one.folder / f"{name}.csv"))
    assert told[0] == told[1]
    assert home.dump() == beside.dump()
    assert len(home.dump().splitlines()) > 1000
    assert home.files() == beside.files()
    for report in ("popularity.csv", "edges.csv"):
        assert (home.folder / report).read_bytes() == (beside.folder / report).read_bytes(), report


def test_a_second_run(home):
    """The second run of an unchanged estate sends nothing, and the ledger stays as it was."""
    home.run()
    known = home.dump()
    changes = home.run().outcome.changes
    assert (changes.sent, changes.removed, changes.unchanged.total()) == (0, [], 0)
    assert home.dump() == known


def test_mined_again_under_other_rules(home, beside):
    """Days mined again under other rules, and under the old ones after that, are the same on both."""
    for more in ("", '[mining.exclude]\nschemas = ["*a*"]', ""):
        for one in (home, beside):
            one.more = more
            one.run()
        assert home.dump() == beside.dump()
        assert home.files() == beside.files()
