"""One open ledger for all jobs of a daemon: opening it anew for each would cost more than many a job."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from miner.errors import LedgerError
from miner.ledger import Ledger


@dataclass(slots=True, eq=False)
class _Opened:
    ledger: Ledger
    closing: ExitStack
    users: int = 0


@dataclass(slots=True)
class Ledgers:
    """Lends the ledger to jobs in several threads. After a LedgerError the next job gets it opened anew."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _current: _Opened | None = None

    @contextmanager
    def lent(self, opening: Callable[[], AbstractContextManager[Ledger]]) -> Iterator[Ledger]:
        """The ledger, opened by `opening` when it is not. Raises LedgerError."""
        opened = self._entered(opening)
        try:
            yield opened.ledger
        except LedgerError:
            self._forget(opened)
            raise
        finally:
            self._left(opened)

    def renew(self) -> None:
        """Have the next job open the ledger anew; it is closed once nobody uses it."""
        with self._lock:
            before, self._current = self._current, None
        if before is not None and before.users == 0:
            before.closing.close()

    def _entered(self, opening: Callable[[], AbstractContextManager[Ledger]]) -> _Opened:
        with self._lock:
            if self._current is None:
                with ExitStack() as closing:
                    ledger = closing.enter_context(opening())
                    self._current = _Opened(ledger, closing.pop_all())
            self._current.users += 1
            return self._current

    def _forget(self, opened: _Opened) -> None:
        with self._lock:
            if self._current is opened:
                self._current = None

    def _left(self, opened: _Opened) -> None:
        with self._lock:
            opened.users -= 1
            unused = opened.users == 0 and self._current is not opened
        if unused:
            opened.closing.close()
