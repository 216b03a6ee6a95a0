import pytest

from tests.oracle.scope import EVERYTHING
from tests.queries import given


@pytest.fixture
def reader_of(tmp_path):
    """A reader over an estate made of the rows given."""
    opened = []

    def make(*lineage, scope=EVERYTHING, **tables):
        folder = tmp_path / f"estate-{len(opened)}"
        opened.append(given.reader(folder, scope, table_lineage=lineage, **tables))
        return opened[-1]

    yield make
    for reader in opened:
        reader.warehouse.close()


@pytest.fixture
def costs_of(tmp_path):
    """A reader over an estate made of rows given, with the tables of cost among them."""
    opened = []

    def make(*, scope=EVERYTHING, **tables):
        folder = tmp_path / f"cost-{len(opened)}"
        opened.append(given.cost_reader(folder, scope, **tables))
        return opened[-1]

    yield make
    for reader in opened:
        reader.warehouse.close()
