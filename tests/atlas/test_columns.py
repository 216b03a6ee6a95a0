"""Figures of columns on a real Atlas: on the columns that a scan made, and on nothing else."""

from dataclasses import replace

import pytest

from miner.column_popularity import column_popularity
from miner.matching import with_ids
from miner.ports import nothing_known
from sinks.purview.usage import column_entities, figures_of
from tests.atlas.catalog import COLUMN
from tests.atlas.estate import Estate

MINED = "[usage]\ncolumns = true\n"


@pytest.fixture
def read(mined_once, catalog, tmp_path):
    """An estate with reads of columns, its datasets and all columns but a few scanned; and the columns' figures by name."""
    estate = mined_once.copy(tmp_path / "estate")
    estate.endpoint = catalog.endpoint
    estate.options = replace(estate.options, columns=True, figures_percent=0)
    estate.mine(MINED)
    entities = _entities(estate)
    of_tables = {one.qualified_name: figures_of(one) for one in entities if one.type_name == COLUMN}
    tables = {("databricks_table", name.partition("/columns/")[0]) for name in of_tables}
    catalog.scan(tables)
    unscanned = set(sorted(of_tables)[::7])
    for table in sorted(tables):
        names = [name for name in of_tables if name.startswith(f"{table[1]}/columns/") and name not in unscanned]
        catalog.scan_columns(table, [name.rpartition("/columns/")[2] for name in names])
    return estate, {name: told for name, told in of_tables.items() if name not in unscanned}, unscanned


def _entities(estate: Estate):
    ledger = estate.ledger()
    try:
        frame = with_ids(column_popularity(ledger, estate.popularity))
        return list(column_entities(frame, lambda _: None, estate.options, nothing_known))
    finally:
        ledger.close()


def test_figures_of_columns(catalog, read):
    """Each scanned column has its figures; one that is not scanned is none, fails nothing, and is not made."""
    estate, expected, unscanned = read
    assert len(expected) > 10
    assert unscanned
    changes = estate.emit(columns=True)
    assert not changes.rejected
    assert changes.created["column_usage"] == len(expected)
    assert changes.unmatched[f"the catalog has no such {COLUMN}"] == len(unscanned)
    for name, figures in expected.items():
        (told,) = catalog.named(COLUMN, name)["businessAttributes"].values()
        assert told == figures
    assert estate.emit(columns=True).sent == 0


def test_figures_of_columns_are_read_back(catalog, read):
    """What somebody wrote over a column's figures on the server is found and put right."""
    estate, expected, _ = read
    estate.emit(columns=True)
    name = min(expected)
    column = catalog.named(COLUMN, name)
    (group,) = column["businessAttributes"]
    wrong = {figure: 12345 for figure in expected[name] if figure.startswith("reads_")}
    catalog.write_metadata(column["guid"], {group: wrong})
    assert estate.verify().wrong == (name,)
    (told,) = catalog.named(COLUMN, name)["businessAttributes"].values()
    assert told == expected[name]
    assert estate.verify().wrong == ()
