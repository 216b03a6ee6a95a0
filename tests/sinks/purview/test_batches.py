import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from miner.ports import Entity
from sinks.purview.batches import batched, bulk_body
from tests.sinks.purview.given import entity

ENTITIES = st.lists(
    st.builds(entity, st.integers(), st.sampled_from(["process", "usage"]), st.integers(10, 400)), max_size=40
)


@given(entities=ENTITIES, most=st.integers(1, 12), most_bytes=st.integers(50, 1500))
def test_batches(entities, most, most_bytes):
    """Nothing is lost and the order is kept; each batch is of one kind and within both limits, or holds one entity."""
    batches = list(batched(entities, most, most_bytes))
    assert [one for batch in batches for one in batch] == entities
    for batch in batches:
        assert len(batch) <= most
        assert len({one.kind for one in batch}) == 1
        assert len(batch) == 1 or len(bulk_body(batch)) <= most_bytes


@given(entities=ENTITIES)
def test_batches_are_full(entities):
    """A batch ends only where a limit or another kind makes it end."""
    batches = list(batched(entities, 5, 1_000_000))
    for batch, following in pairwise(batches):
        assert len(batch) == 5 or batch[0].kind != following[0].kind


def test_body():
    """A body is the entities in order, each with a temporary guid of its own: alike ones would be taken for one."""
    body = json.loads(bulk_body([entity(1), entity(2), entity(3)]))
    assert [one["guid"] for one in body["entities"]] == ["-1", "-2", "-3"]
    assert list(body) == ["entities"]


def test_endless_input_is_not_gathered():
    """A batch is handed on as soon as it is full."""

    def endless():
        number = 0
        while True:
            number += 1
            yield entity(number)

    assert len(next(batched(endless(), 3, 1_000_000))) == 3


def test_none():
    """No entity is no batch."""
    assert list(batched([], 3, 100)) == []
    assert isinstance(entity(), Entity)
