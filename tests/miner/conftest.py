import pytest
import structlog

from tests.miner.world import World


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
    made.close()
