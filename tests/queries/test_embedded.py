"""The embedded warehouse's engine, beside what it reads."""

import os
import signal
from threading import Event, Thread

import pytest

from queries.embedded import EmbeddedWarehouse
from queries.warehouse import Prepared

ENDLESS = "SELECT count(*) AS n FROM range(100_000_000_000) AS a(n), (SELECT begun(1) AS b) WHERE hash(n + b) = 3"


def test_ctrl_c_while_the_engine_works(tmp_path):
    """Ctrl-C is KeyboardInterrupt also when the engine, deep in a query, has taken the signal."""
    warehouse, at_work = EmbeddedWarehouse(tmp_path, scratch=tmp_path / "scratch", threads=1), Event()

    def begun(number: int) -> int:
        at_work.set()
        return number

    def press() -> None:
        at_work.wait()
        os.kill(os.getpid(), signal.SIGINT)

    warehouse._engine.create_function("begun", begun, ["BIGINT"], "BIGINT")
    finger = Thread(target=press)
    finger.start()
    with pytest.raises(KeyboardInterrupt):
        list(warehouse.run(Prepared(ENDLESS, (), frozenset()), {}))
    finger.join()
    warehouse.close()
