from dataclasses import replace

import pytest

from tests.atlas import estate as estates
from tests.atlas.catalog import Catalog
from tests.atlas.server import UnavailableError, fresh


@pytest.fixture(scope="session")
def server():
    """A real Atlas for all tests of this group."""
    try:
        running = fresh()
        with running as started:
            yield started
    except UnavailableError as error:
        pytest.fail(f"no Atlas on this machine: {error}", pytrace=False)


@pytest.fixture(scope="session")
def defined(server):
    """A catalog with the types that Purview has."""
    catalog = Catalog(server)
    catalog.define()
    yield catalog
    catalog.close()


@pytest.fixture
def catalog(defined):
    """A catalog without entities."""
    yield defined
    defined.empty()


@pytest.fixture(scope="session")
def mined_once(tmp_path_factory):
    """An estate of sixty tables, mined."""
    made = estates.Estate(tmp_path_factory.mktemp("mined") / "estate", "http://127.0.0.1:9/api/atlas/v2")
    estates.write(made.folder, tables=60, events=400)
    made.mine()
    return made


@pytest.fixture(params=["native", "own"])
def estate(mined_once, catalog, tmp_path, request):
    """An estate whose datasets have all been scanned, for either kind of process types."""
    mine = mined_once.copy(tmp_path / "estate")
    mine.endpoint = catalog.endpoint
    mine.options = replace(mine.options, process_types=request.param)
    catalog.scan(estates.assets(*mine.entities()))
    return mine
