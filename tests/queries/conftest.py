import pytest

from tests.oracle.scope import EVERYTHING
from tests.queries import given
from tests.rows import write_estate


@pytest.fixture
def reader_of(tmp_path):
    """A reader over an estate made of the rows given."""
    opened = []

    def make(*lineage, scope=EVERYTHING, **tables):
        root = write_estate(tmp_path / f"estate-{len(opened)}", table_lineage=lineage, **tables)
        opened.append(given.reader(root, scope))
        return opened[-1]

    yield make
    for reader in opened:
        reader.warehouse.close()
