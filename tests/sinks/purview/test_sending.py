import threading

import pytest

from miner.errors import SinkError
from miner.ports import Rejected
from sinks.purview.batches import batched
from sinks.purview.sending import several_at_once
from tests.sinks.purview.given import entity

WAIT = 10


def batches(count, size=2):
    return [[entity(number * size + place) for place in range(size)] for number in range(count)]


def names(batch):
    return [one.qualified_name for one in batch]


def delivered(given, send, workers=3, stop=lambda: None):
    return several_at_once(given, send, workers, stop)


def test_all_arrive_with_what_was_refused():
    """Every batch is handed back once, with its own rejections."""
    given = batches(20)
    told = list(delivered(given, lambda batch: [Rejected(batch[0].qualified_name, "no")]))
    assert sorted(map(names, (one.batch for one in told))) == sorted(map(names, given))
    assert all([one.qualified_name for one in delivery.refused] == names(delivery.batch)[:1] for delivery in told)


def test_as_many_as_there_are_workers():
    """Workers send at the same time, and no more of them than asked for."""
    together = threading.Barrier(3)
    busy, most = [], []

    def send(_batch):
        busy.append(1)
        most.append(len(busy))
        together.wait(WAIT)
        busy.pop()
        return []

    assert len(list(delivered(batches(9), send))) == 9
    assert max(most) == 3


def test_taken_shortly_before_it_is_sent():
    """Of an endless stream no more is held than workers need: memory is flat."""
    taken = []

    def endless():
        while True:
            taken.append(threading.current_thread())
            yield [entity(len(taken))]

    deliveries = delivered(endless(), lambda _batch: [])
    for returned in range(1, 50):
        next(deliveries)
        assert len(taken) <= returned + 6
    deliveries.close()
    assert set(taken) == {threading.current_thread()}


def test_parents_before_what_refers_to_them():
    """A batch waits until the entities it needs have arrived; unrelated ones do not."""
    released, begun = threading.Event(), []
    parent, other = entity(1), entity(2)
    child = entity(3)._replace(needs=(parent.qualified_name,))

    def send(batch):
        begun.append(batch[0].qualified_name)
        if batch[0] is parent:
            assert released.wait(WAIT)
        if batch[0] is other:
            released.set()
        return []

    told = list(delivered([[parent], [other], [child]], send))
    assert begun[-1] == child.qualified_name
    assert names(told[-1].batch) == [child.qualified_name]


def test_no_batch_holds_what_it_needs():
    """A catalog looks references by name up among what it has: an entity and its parent travel apart, in order."""
    parent = entity(1)
    child = entity(2)._replace(needs=(parent.qualified_name,))
    grandchild = entity(3)._replace(needs=(child.qualified_name, "uc-miner://elsewhere"))
    sibling = entity(4)._replace(needs=(child.qualified_name,))
    assert [names(batch) for batch in batched([parent, child, grandchild, sibling], 10, 10_000)] == [
        names([parent]), names([child]), names([grandchild, sibling]),
    ]  # fmt: skip


def test_a_failure_ends_it_without_losing_the_others():
    """What is being sent when one fails is waited for and handed back; nothing more is begun."""
    failed, begun = threading.Event(), []
    given = batches(30)

    def send(batch):
        begun.append(names(batch))
        if batch is given[0]:
            failed.set()
            raise SinkError("away")
        assert failed.wait(WAIT)
        return []

    told = []
    with pytest.raises(SinkError, match="away"):
        told.extend(names(delivery.batch) for delivery in delivered(given, send))
    assert sorted([names(given[0]), *told]) == sorted(begun)
    assert len(begun) <= 6


def test_a_failure_while_building():
    """A failure of whoever gives the batches is passed on, after what was being sent."""

    def broken():
        yield from batches(2)
        raise SinkError("no types")

    told = []
    with pytest.raises(SinkError, match="no types"):
        told.extend(delivered(broken(), lambda _batch: []))
    assert len(told) <= 2


def test_whoever_goes_away_wakes_the_workers():
    """A caller that stops listening does not wait for workers that wait for a busy catalog."""
    stopped = threading.Event()

    def send(batch):
        if batch[0].qualified_name != "uc-miner://0":
            assert stopped.wait(WAIT)
        return []

    deliveries = delivered(batches(9, size=1), send, stop=stopped.set)
    next(deliveries)
    deliveries.close()
    assert stopped.is_set()
