"""Mines and emits a small estate, kills itself at given points, and runs again; started by test_crash.py.

`python crash_driver.py FOLDER PHASE:NUMBER …` prints one JSON object a point. A point is the NUMBER-th time that the
phase is passed: `fetch` (a batch read), `merge` (a statement of a merge), `send` (a batch about to be sent), `arrived`
(a batch sent and not marked yet). Each run is a process of its own, killed by SIGKILL.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from sqlalchemy import Connection

from miner.ledger import merge, sent, store
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day
from tests.rows import columns, lineage, run

KILLED = -signal.SIGKILL


def estate() -> FakeTables:
    """Rows over a month's end, with pairs that change, a one-time run and a located table."""
    table, pairs = [], []
    for offset in range(-12, -6):
        for place in range(3):
            edge = {"job": "901"} if place else {"query": "q"}
            table.append(lineage("c.s.a", f"c.s.t{place}", day=day(offset), created_by="ann@x.org", **edge))
            pairs.append(columns("c.s.a", f"c.s.t{place}", "id", f"k{offset // 2}", day=day(offset), **edge))
        table.append(lineage("c.s.t1", None, day=day(offset), created_by="bob@x.org") | {"source_path": "s3://b/t1"})
    return FakeTables(*table, column_lineage=pairs, job_run_timeline=[run("901", run_name="load")])


def main(folder: Path, points: list[str]) -> None:
    """Run undisturbed, then once killed and once again for each point."""
    sys.stdout.write(json.dumps(_story(folder / "calm", None)) + "\n")
    for number, point in enumerate(points):
        sys.stdout.write(json.dumps(_story(folder / str(number), point)) + "\n")


def _story(home: Path, point: str | None) -> dict[str, object]:
    home.mkdir()
    world = World(home)
    world.close()
    ends = [_in_a_process(home, point)] if point else []
    landed = (home / "landed").read_text() if (home / "landed").exists() else ""
    done = (home / "done").read_text().splitlines() if (home / "done").exists() else []
    ends.append(_in_a_process(home, None))
    return {
        "point": point, "landed": landed, "days_before": len(done), "ends": ends,
        "dump": (home / "dump").read_text().splitlines(), "sent": (home / "sent").read_text().splitlines(),
    }  # fmt: skip


def _in_a_process(home: Path, point: str | None) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        _run(home, *(point.split(":") if point else ("", "0")))
        code = 0
    finally:
        os._exit(code)


def _run(home: Path, phase: str, number: str) -> None:
    passed = {
        name: _killing(home, name, int(number) if name == phase else None)
        for name in ("fetch", "merge", "send", "arrived")
    }
    world = World(home)
    world.sink.before_send = lambda _batch: passed["send"]()
    tables = estate()
    tables.hook = lambda *_: passed["fetch"]()
    _watch_merges(passed["merge"])
    _watch_arrivals(home, passed["arrived"])
    for mined in world.mine(tables):
        with (home / "done").open("a") as file:
            file.write(f"{mined.stream} {mined.day}\n")
    world.emit()
    (home / "dump").write_text("\n".join(world.dump()))


def _killing(home: Path, phase: str, at: int | None) -> Callable[[], None]:
    numbers = count()

    def passed() -> None:
        if next(numbers) == at:
            (home / "landed").write_text(phase)
            os.kill(os.getpid(), signal.SIGKILL)

    return passed


def _watch_merges(passed: Callable[[], None]) -> None:
    execute, merged = Connection.execute, merge.merge
    inside = []

    def watched(self, *given, **more):
        if inside:
            passed()
        return execute(self, *given, **more)

    def marked(*given):
        inside.append(True)
        merged(*given)
        inside.clear()

    Connection.execute = watched
    store.merge = marked


def _watch_arrivals(home: Path, passed: Callable[[], None]) -> None:
    mark_sent = sent.mark_sent

    def watched(ledger, sink, batch, *given):
        with (home / "sent").open("a") as file:
            file.writelines(f"{entity.kind} {entity.qualified_name}\n" for entity in batch)
        passed()
        mark_sent(ledger, sink, batch, *given)

    sent.mark_sent = watched


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
