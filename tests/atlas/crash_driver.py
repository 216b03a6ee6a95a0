"""Sends an estate and kills itself at a point: `python -m tests.atlas.crash_driver FOLDER ENDPOINT PHASE NUMBER`.

A point is the NUMBER-th time that a phase is passed: `announced` (a batch marked as being sent), `posting` and `posted`
(in a worker, around a request that changes the catalog), `arrived` (a batch about to be marked as sent), `removing` (in a
worker, before a deletion).
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

from miner.ledger import sent
from sinks.purview.catalog import Catalog
from sinks.purview.transport import AtlasSession
from tests.atlas.estate import Estate

PHASES = ("announced", "posting", "posted", "arrived", "removing")


def main(folder: str, endpoint: str, phase: str, number: str) -> None:
    """Send what changed, until the point comes."""
    passed = {one: _killing(int(number) if one == phase else None) for one in PHASES}
    sent.mark_sending = _around(sent.mark_sending, after=passed["announced"])
    sent.mark_sent = _around(sent.mark_sent, before=passed["arrived"])
    for name in ("post_bulk", "import_figures"):
        whole = _around(getattr(AtlasSession, name), before=passed["posting"], after=passed["posted"])
        setattr(AtlasSession, name, whole)
    Catalog.delete = _around(Catalog.delete, before=passed["removing"])
    Estate(Path(folder), endpoint).emit()


def _killing(at: int | None) -> Callable[[], None]:
    numbers, one_at_a_time = count(), threading.Lock()

    def passed() -> None:
        with one_at_a_time:
            if next(numbers) == at:
                os.kill(os.getpid(), signal.SIGKILL)

    return passed


def _around(
    inner: Callable, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None
) -> Callable:
    def watched(*given, **more):
        before()
        answer = inner(*given, **more)
        after()
        return answer

    return watched


if __name__ == "__main__":
    main(*sys.argv[1:])
