"""Whether a ledger holds together."""

import pytest

from miner.checks import findings
from miner.ledger import COLUMNS, STREAMS
from miner.ledger.soundness import checks
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import columns, lineage


@pytest.fixture
def mined(world):
    rows = [
        lineage("c.s.a", "c.s.b", query="q", day=day(0), created_by="ann@x.org"),
        lineage("c.s.a", None, day=day(0)) | {"source_path": "s3://bucket/a"},
    ]
    pairs = [columns("c.s.a", "c.s.b", "id", "id", query="q", day=day(0), created_by="ann@x.org")]
    world.mine(FakeTables(*rows, column_lineage=pairs), streams=(*STREAMS, COLUMNS))
    return world


def found(world):
    with world.ledger.reading() as connection:
        return {finding.name: finding for finding in findings(checks(connection))}


def test_a_sound_ledger(mined, ledgers):
    """Nothing is wrong with a ledger that was mined; looking changes nothing."""
    before = mined.content()
    told = found(mined)
    assert {finding.state for finding in told.values()} == {"pass"}
    assert ("ledger.file" in told) == (ledgers == "sqlite")
    assert mined.content() == before


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        ("DELETE FROM process", {"ledger.edges"}),
        ("DELETE FROM dataset WHERE name = 'b'", {"ledger.edges", "ledger.usage"}),
        ("DELETE FROM edge", {"ledger.edge_months"}),
        ("DELETE FROM column_set", {"ledger.edge_months"}),
        ("UPDATE edge_month SET day_bits = 2, direct_bits = 1", {"ledger.edge_months"}),
        ("DELETE FROM dataset WHERE name = 'a'", {"ledger.edges", "ledger.usage", "ledger.columns"}),
        ("DELETE FROM dataset_column", {"ledger.columns"}),
        ("DELETE FROM reader", {"ledger.usage", "ledger.columns"}),
        ("UPDATE day_fate SET rows = rows + 1", {"ledger.balance"}),
        ("UPDATE dataset SET name = 'other' WHERE name = 'b'", {"ledger.datasets"}),
        ("UPDATE process SET check_bits = check_bits + 1", {"ledger.processes"}),
    ],
)
def test_damage_is_found(mined, damage, names):
    """Each sort of damage fails the check it is for, with its mend."""
    mined.alter(damage)
    failed = {name: finding for name, finding in found(mined).items() if finding.state == "fail"}
    assert failed.keys() == names
    assert all(finding.mend for finding in failed.values())
