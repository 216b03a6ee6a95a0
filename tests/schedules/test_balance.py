from datetime import date

from miner.ledger.reading import Fate
from miner.mining import MinedDay
from schedules.balance import Balance, balance_of
from tests import rows
from tests.schedules.conftest import small_estate

LINEAGE = ("lineage", "table_lineage")
PAIRS = ("lineage", "column_lineage")
USAGE = ("usage", "table_lineage")


def fate(column, name, count, rule=""):
    return Fate("prod", *column, name, rule, count)


def test_rows_in_are_rows_kept_and_dropped():
    """What comes in is the sum over all fates, rules and sources."""
    balance = Balance((fate(LINEAGE, "kept", 5), fate(LINEAGE, "x", 2, "a"), fate(LINEAGE, "x", 1, "b")))
    assert balance.rows(LINEAGE) == 8
    assert balance.rows(LINEAGE, "x") == 3
    assert balance.rows(USAGE) == 0


def test_order():
    """Tables come before columns and lineage before usage; the commonest reason is first."""
    balance = Balance(
        (fate(USAGE, "kept", 1), fate(PAIRS, "b", 4), fate(PAIRS, "a", 1), fate(LINEAGE, "a", 1), fate(LINEAGE, "c", 2))
    )
    assert balance.columns == [LINEAGE, PAIRS, USAGE]
    assert balance.reasons == ["b", "a", "c"]


def test_balance_of_a_run(home):
    """The balance of a run covers the days it mined, and no other day, source or stream."""
    home.write(*small_estate())
    home("run")
    days = [date(2026, 11, 8), date(2026, 11, 10)]
    mined = [MinedDay("prod", "lineage", day, 5, 2) for day in days] + [MinedDay("prod", "usage", days[0], 5, 5)]
    with home.session.parts().known_ledger() as ledger:
        balance = balance_of(ledger, mined)
    assert (balance.rows(LINEAGE), balance.rows(USAGE)) == (10, 5)
    assert balance.rows(LINEAGE, "kept") == 4


def test_every_row_is_told(home):
    """Rows in are the rows of the export, in every stream, whatever becomes of them."""
    odd = [
        rows.lineage("system.access.x", "main.s.b"),
        rows.lineage("main.s.a", "main.s.a"),
        rows.lineage("main.s.a", "main.s.b", direct_access=False),
        rows.lineage(None, None),
    ]
    home.write(*small_estate(), *odd, column_lineage=[rows.columns("main.s.a", "main.s.b", "x", "y", job="7")] * 3)
    ran = home("run")
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["rows", "in", "19", "3", "19"] in [line[:5] for line in lines]
