"""The clockwork: APScheduler wakes each job when it is due, a little later at random, and never twice at once."""

import random
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import structlog
from apscheduler.executors.base import BaseExecutor
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler
from apscheduler.triggers.base import BaseTrigger

from schedules.daemon.works import Job

log = structlog.get_logger()

_THREADS = 32
LONGEST_SLEEP = 30.0
"""Seconds between two looks at the clock at most: a clock that is set forward is noticed, and health is told."""

_SET_BACK = timedelta(minutes=1)
"""A clock that is set back by more would leave jobs waiting for times that come again."""


class Bell:
    """Wakes the daemon's main loop; may be rung from a signal handler (`SimpleQueue.put` is reentrant)."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake whoever waits, now or at the next wait."""
        self._rings.put(None)

    def wait(self, seconds: float) -> None:
        """Return when rung, or after so many seconds."""
        try:
            self._rings.get(timeout=max(seconds, 0.001))
        except Empty:
            return
        while not self._rings.empty():
            self._rings.get()


class Due(BaseTrigger):  # type: ignore[misc]  # APScheduler is published without types
    """When a job is due, by its schedule, plus up to `jitter` seconds."""

    def __init__(self, job: Job, jitter: float, draw: Callable[[], float] = random.random) -> None:
        self._job = job
        self._jitter = jitter
        self._draw = draw

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The next time after `now`: times that were missed are one, which the tick finds in the ledger."""
        del previous
        return self._job.timing.after(now) + timedelta(seconds=self._jitter * self._draw())


class Clockwork(BaseScheduler):  # type: ignore[misc]  # APScheduler is published without types
    """APScheduler without a loop of its own: the daemon's main thread calls `turn`."""

    def __init__(
        self, bell: Bell, run: Callable[[Job], None], now: Callable[[], datetime], executor: BaseExecutor | None = None
    ) -> None:
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        pool = executor or ThreadPoolExecutor(_THREADS)
        super().__init__(timezone="UTC", job_defaults=defaults, executors={"default": pool})
        self._bell = bell
        self._run = run
        self._now = now
        self._turned = now()

    def wakeup(self) -> None:
        """Called by APScheduler when a job changed."""
        self._bell.ring()

    def shutdown(self, *, wait: bool = True) -> None:
        """End: no job is begun any more."""
        super().shutdown(wait)

    def set_jobs(self, jobs: Iterable[Job], jitter: float) -> None:
        """Have exactly these jobs, each looked at once now: what was missed while nobody was there is due."""
        wanted = {job.name: job for job in jobs}
        for known in self.get_jobs():
            if known.id not in wanted:
                known.remove()
        for name, job in wanted.items():
            self.add_job(self._run, Due(job, jitter), args=[job], id=name, name=name, replace_existing=True)
            self.look_at(name, timedelta())

    def look_at(self, name: str, after: timedelta) -> None:
        """Look at a job so soon, or at its time if that is sooner."""
        known = self.get_job(name)
        if known is not None and self.state != STATE_STOPPED:
            soon = self._now() + after
            at = known.next_run_time if hasattr(known, "next_run_time") else None
            known.modify(next_run_time=min(soon, at) if at else soon)

    def turn(self) -> float:
        """Begin what is due; returns the seconds until something is due again, some seconds at most."""
        now = self._now()
        if now < self._turned - _SET_BACK:
            log.warning("clock.set_back", seconds=round((self._turned - now).total_seconds()))
            for known in self.get_jobs():
                known.modify(next_run_time=now)
        self._turned = now
        seconds = self._process_jobs()
        return min(seconds if seconds is not None else LONGEST_SLEEP, LONGEST_SLEEP)


def monotonic() -> float:
    """Seconds that no change of the clock disturbs."""
    return time.monotonic()
