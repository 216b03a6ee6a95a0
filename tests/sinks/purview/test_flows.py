from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.purview import flows as module
from sinks.purview.flows import KnownDatasets, flows
from sinks.purview.naming import NOTHING
from tests.sinks.purview.given import edge
from tests.sinks.purview.given import flows as batch_of


def grouped(batches):
    known = KnownDatasets(NOTHING)
    return [
        (flow.process.id, known[flow.target].label, [known[source].label for source in flow.sources])
        for flow in flows(batches, known)
    ]


EDGES = [
    edge("c.s.a", "c.s.x", process=1),
    edge("c.s.b", "c.s.x", process=1),
    edge("c.s.a", "c.s.y", process=1),
    edge("c.s.a", "c.s.y", process=2),
    edge("c.s.b", "c.s.y", process=2),
    edge("c.s.c", "c.s.y", process=2),
]
EXPECTED = [
    ("101", "c.s.x", ["c.s.a", "c.s.b"]),
    ("101", "c.s.y", ["c.s.a"]),
    ("102", "c.s.y", ["c.s.a", "c.s.b", "c.s.c"]),
]


@given(cuts=st.sets(st.integers(0, len(EDGES))))
def test_flows_do_not_depend_on_batches(cuts):
    """A flow is whole wherever the batches are cut, even into single rows and empty ones."""
    bounds = [0, *sorted(cuts), len(EDGES)]
    batches = [batch_of(*EDGES[start:end]) for start, end in pairwise(bounds)]
    assert grouped(batches) == EXPECTED


def test_nothing():
    """No rows are no flows."""
    assert grouped([]) == []
    assert grouped([batch_of()]) == []


def test_memory_is_bounded(monkeypatch):
    """Datasets are forgotten between batches once there are many, which changes nothing in the result."""
    monkeypatch.setattr(module, "KNOWN_DATASETS", 0)
    known = KnownDatasets(NOTHING)
    batches = [batch_of(*EDGES[:3]), batch_of(*EDGES[3:])]
    labels = [[known[source].label for source in flow.sources] for flow in flows(batches, known)]
    assert labels == [sources for _, _, sources in EXPECTED]
    assert len(known) == 4


@pytest.mark.parametrize("column", ["process_id", "workspace_id", "notebook_id", "source_spelling", "column_pairs"])
def test_null_is_absent(column):
    """A null reads as absent, not as the word None."""
    (flow,) = flows([batch_of(edge("c.s.a", "c.s.x", **{column: None}))], KnownDatasets(NOTHING))
    assert "None" not in repr(flow._replace(statement_text=""))


def test_unknown_verification_counts_as_none():
    """An edge of which it is not known whether it was verified is not verified."""
    (flow,) = flows([batch_of(edge("c.s.a", "c.s.x", verified=None))], KnownDatasets(NOTHING))
    assert list(flow.verified) == [False]


def test_sliced_batches():
    """A batch that is a slice of another is read from where it begins."""
    whole = pa.Table.from_batches([batch_of(*EDGES)])
    assert grouped(whole.slice(3).to_batches()) == EXPECTED[2:]
