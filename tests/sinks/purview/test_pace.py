import threading

import pytest

from sinks.purview.lanes import Lanes
from sinks.purview.pace import Pace, StoppedError
from tests.sinks.purview.given import Clock


def test_weighted_in_operations():
    """Calls are spaced by what they cost, not by their number: 25 a second, but for the first second's worth."""
    clock = Clock()
    pace = Pace(25, clock=clock, sleep=clock.sleep)
    begun = []
    for _ in range(4):
        pace.take(100)
        begun.append(clock.now - 1000)
    assert begun == [0, 3, 7, 11]


def test_idle_time_is_not_saved_up():
    """After an idle hour no more than one second's worth goes at once."""
    clock = Clock()
    pace = Pace(10, clock=clock, sleep=clock.sleep)
    clock.now += 3600
    for _ in range(21):
        pace.take(1)
    assert sum(clock.slept) == pytest.approx(1.0, abs=0.15)


def test_all_workers_share_it():
    """The rate is that of the account, however many ask."""
    clock = Clock()
    pace = Pace(10, clock=clock, sleep=clock.sleep)
    workers = [threading.Thread(target=lambda: [pace.take(5) for _ in range(10)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert clock.now - 1000 >= 4 * 10 * 5 / 10 - 2


def test_a_pause_is_for_everybody():
    """Nobody begins before the longest pause asked for is over."""
    clock = Clock()
    pace = Pace(1000, clock=clock, sleep=clock.sleep)
    pace.pause(30)
    pace.pause(5)
    pace.take(1)
    assert clock.now - 1000 == 30


def test_a_pause_while_waiting():
    """Who waits for a turn when a pause is asked for waits for its end as well."""
    clock = Clock()

    def sleep(seconds):
        if len(clock.slept) == 0:
            pace.pause(60)
        clock.sleep(seconds)

    pace = Pace(1, clock=clock, sleep=sleep)
    pace.take(5)
    pace.take(1)
    assert clock.now - 1000 == 60


def test_stopping_wakes():
    """A worker in a long wait ends at once, with an error that says what happens to the rest."""
    pace = Pace(1)
    pace.pause(3600)
    caught = []

    def wait():
        try:
            pace.take(1)
        except StoppedError as error:
            caught.append(error)

    worker = threading.Thread(target=wait)
    worker.start()
    pace.stop()
    worker.join(10)
    assert caught[0].mend
    with pytest.raises(StoppedError):
        pace.rest(3600)


def test_lanes_close_on_trouble_and_open_again():
    """Trouble halves the requests at once, down to one; twenty without trouble open one lane, up to what was set."""
    lanes = Lanes(6)
    seen = [lanes.open]
    for _ in range(3):
        lanes.trouble()
        seen.append(lanes.open)
    for _ in range(20 * 7):
        lanes.calm()
    assert (seen, lanes.open) == ([6, 3, 1, 1], 6)


def test_a_closed_lane_is_waited_for():
    """A request waits until fewer are on their way than lanes are open."""
    lanes = Lanes(2)
    inside, order = threading.Event(), []

    def second():
        with lanes.lane():
            order.append("second")
        inside.set()

    lanes.trouble()
    worker = threading.Thread(target=second)
    with lanes.lane():
        worker.start()
        assert not inside.wait(0.05)
        order.append("first")
    worker.join(10)
    assert order == ["first", "second"]
