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
