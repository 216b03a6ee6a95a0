"""How fast a catalog is asked: as many operations a second as the account takes, by all workers together.

A capacity unit takes 25 operations a second, and every entity and relationship counts as one
(https://learn.microsoft.com/en-us/purview/concept-elastic-data-map).
"""

import threading
import time
from collections.abc import Callable

from miner.errors import SinkError

BURST = 1.0
"""Seconds' worth of operations that may be ahead of time."""


class StoppedError(SinkError):
    """The sink was told to stop while a worker waited."""


class Pace:
    """A token bucket for all workers, weighted in operations, and the pause that a busy catalog asks for.

    A call may cost more than the bucket holds: it goes when the bucket is full, and later ones wait the longer.
    `clock` gives seconds; `sleep` is given by tests, which must move the clock by it.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._lock = threading.Lock()
        self._worked_off = clock()
        self._paused_until = clock()

    def take(self, operations: int) -> None:
        """Wait until this many operations may be sent. Raises StoppedError."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._worked_off - BURST)
            self._worked_off = max(now, self._worked_off) + operations / self._per_second
        while (seconds := max(turn, self._paused_until) - self._clock()) > 0:
            self.rest(seconds)
        self._refuse_stopped()

    def pause(self, seconds: float) -> None:
        """Let nobody begin anything for so many seconds."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def rest(self, seconds: float) -> None:
        """Wait alone. Raises StoppedError."""
        self._refuse_stopped()
        self._sleep(seconds)
        self._refuse_stopped()

    def stop(self) -> None:
        """Wake everybody who waits, and let nobody begin anything."""
        self._stopped.set()

    def _refuse_stopped(self) -> None:
        if self._stopped.is_set():
            raise StoppedError("sending was stopped", mend="the next run sends what was not sent")
