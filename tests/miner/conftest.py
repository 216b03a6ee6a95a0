import pytest
import structlog

from tests import ledgers as places
from tests.miner.world import World


@pytest.fixture(scope="session", autouse=True)
def ledgers(request):
    """Every test of this folder holds for each database that can hold a ledger (`--ledger`)."""
    with places.on(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def _quiet():
    """Log lines are asked for where a test is about them."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def world(tmp_path):
    """A ledger of its own, a clock a month after the tests' usual day, and a sink in memory."""
    made = World(tmp_path)
    yield made
    made.throw_away()
