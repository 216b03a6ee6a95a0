"""How many requests travel at once: fewer as soon as the catalog has trouble, more again while it has none.

A catalog keeps a graph, and two changes that touch the same asset may be refused as a failure of the server: Apache
Atlas 2.1 over BerkeleyDB answers 28 of 36 requests of six workers with 500, and none of one worker.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CALM = 20
"""Requests without trouble after which one more may travel."""


class Lanes:
    """At most so many requests at once; halved by trouble, down to one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = most
        self._taken = 0
        self._calm = 0
        self._changed = threading.Condition()

    @property
    def open(self) -> int:
        """How many requests may travel now."""
        return self._open

    @contextmanager
    def lane(self) -> Iterator[None]:
        """Wait for a free lane and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken < self._open)
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def trouble(self) -> None:
        """Close half of the lanes."""
        with self._changed:
            self._open = max(1, self._open // 2)
            self._calm = 0

    def calm(self) -> None:
        """Open one more after some requests without trouble."""
        with self._changed:
            self._calm += 1
            if self._calm >= _CALM and self._open < self._most:
                self._open += 1
                self._calm = 0
                self._changed.notify_all()
