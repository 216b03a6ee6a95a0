"""One measured thing in a process of its own: wall seconds, processor seconds, peak memory."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """What one child process took; `peak` in MiB includes its imports; `told` is what it reported itself."""

    seconds: float
    processor: float
    peak: float
    told: Mapping[str, float]


def child(task: str, **arguments: object) -> Measured:
    """Run one task of `tests.bench.tasks` in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.tasks", task, json.dumps(arguments)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    figures = json.loads(done.stdout.splitlines()[-1])
    return Measured(figures.pop("seconds"), figures.pop("processor"), figures.pop("peak"), figures)


def report(started: float, told: Mapping[str, float]) -> None:
    """Print, as the last line of a task, what it took since `started` (perf_counter)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "seconds": time.perf_counter() - started,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1024,
        **told,
    }
    print(json.dumps(figures), flush=True)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))
