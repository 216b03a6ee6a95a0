import pytest

from sinks.purview.client import PurviewSink
from sinks.purview.options import DEFAULT
from sinks.purview.pace import Pace
from sinks.purview.patience import Patience
from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering
from tests.sinks.purview.given import Clock, Reports


@pytest.fixture
def unmatched():
    return Reports()


@pytest.fixture
def atlas():
    """An empty catalog that answers on a real socket; a request it does not know fails the test."""
    with answering() as catalog:
        yield catalog
    assert catalog.unknown == []


@pytest.fixture
def clock():
    """A clock that only moves when somebody waits."""
    return Clock()


@pytest.fixture
def slept(clock):
    """The waits asked for, none of which is waited."""
    return clock.slept


@pytest.fixture
def connected(atlas, clock):
    """Make a sink that talks to the catalog, as fast as it can unless a rate is given."""
    made = []

    def connect(options=DEFAULT, authentication=(USER, PASSWORD), endpoint=None, rate=1e9, **patience):
        patient = Patience(chance=lambda: 0.0, **patience)
        pace = Pace(rate, clock=clock, sleep=clock.sleep)
        made.append(PurviewSink(endpoint or atlas.endpoint, authentication, options, patience=patient, pace=pace))
        return made[-1]

    yield connect
    for sink in made:
        sink.close()


@pytest.fixture
def sink(connected):
    return connected()
