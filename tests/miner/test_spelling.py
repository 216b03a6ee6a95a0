"""The ledger's statements in PostgreSQL's words. That these do what they should is for the tests on a server to show."""

import pytest

from miner.ledger.spelling import spelled

SPELLED = {
    "SELECT a.id FROM stage.active a JOIN temp.wanted w ON w.id = a.id": "SELECT a.id FROM pg_temp.active a JOIN pg_temp.wanted w ON w.id = a.id",
    "SELECT 1 FROM main.edge LIMIT 1": "SELECT 1 FROM edge LIMIT 1",
    "CREATE INDEX stage.by_edge ON active (edge_id)": "CREATE INDEX by_edge ON pg_temp.active (edge_id)",
    "CREATE TEMP TABLE w (a INTEGER, PRIMARY KEY (a)) WITHOUT ROWID": "CREATE TEMP TABLE w (a BIGINT, PRIMARY KEY (a))",
    "CREATE TABLE stage.r (id INTEGER, name TEXT)": 'CREATE TABLE pg_temp.r (id BIGINT, name TEXT COLLATE "C")',
    "\nCREATE TABLE r (\n\tid INTEGER, \n\tname VARCHAR(32) NOT NULL\n)": '\nCREATE TABLE r (\n\tid INTEGER, \n\tname VARCHAR(32) COLLATE "C" NOT NULL\n)',
    "ALTER TABLE r ADD COLUMN note TEXT": 'ALTER TABLE r ADD COLUMN note TEXT COLLATE "C"',
    "CREATE TEMP TABLE m AS SELECT CAST(a AS TEXT) FROM b": "CREATE TEMP TABLE m AS SELECT CAST(a AS TEXT) FROM b",
    "INSERT OR IGNORE INTO stage.r SELECT id FROM b": "INSERT INTO pg_temp.r SELECT id FROM b ON CONFLICT DO NOTHING",
    "SELECT 1 FROM a CROSS JOIN b ON b.id = a.id": "SELECT 1 FROM a JOIN b ON b.id = a.id",
    "SELECT group_concat(DISTINCT nullif(m.set_id, 0)) AS s": "SELECT string_agg(DISTINCT CAST(nullif(m.set_id, 0) AS TEXT), ',') AS s",
    "SELECT group_concat(DISTINCT m.id) AS s": "SELECT string_agg(DISTINCT CAST(m.id AS TEXT), ',') AS s",
    "SELECT d.domain.x, attempt.y FROM d": "SELECT d.domain.x, attempt.y FROM d",
}


@pytest.mark.parametrize("statement", SPELLED)
def test_spelled(statement):
    """Each difference is spelled as PostgreSQL takes it, once; what is spelled so stays."""
    assert spelled(statement) == SPELLED[statement]
    assert spelled(spelled(statement)) == SPELLED[statement]
