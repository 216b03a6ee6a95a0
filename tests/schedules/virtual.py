"""Virtual time for threads: it stands still while anybody works, and jumps to the next waker when all wait."""

import heapq
import threading
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace

from apscheduler.executors.pool import ThreadPoolExecutor

from miner.ledger.leases import _Heartbeat


class VirtualTime:
    """The one clock of a simulation. A thread that works is counted; `sleep` lets time pass for it."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._lock = threading.RLock()
        self._busy = 0
        self._sleepers: list[tuple[datetime, int, threading.Event]] = []
        self._numbers = count()
        self.stalled: dict[int, datetime] = {}

    def at(self, zone) -> datetime:
        """The time in a zone."""
        return self.now.astimezone(zone)

    def enter(self) -> None:
        """One more thread works."""
        with self._lock:
            self._busy += 1

    def leave(self) -> None:
        """One thread less works."""
        with self._lock:
            self._busy -= 1
            self._advance()

    def sleep(self, seconds: float, waking: threading.Event | None = None) -> None:
        """Let so much time pass, or less when `wake` is called with the same event."""
        event = waking or threading.Event()
        with self._lock:
            heapq.heappush(self._sleepers, (self.now + timedelta(seconds=max(seconds, 0)), next(self._numbers), event))
            self._busy -= 1
            self._advance()
        if not event.wait(60):
            raise AssertionError("virtual time stands still")
        event.clear()

    def stall(self, whose: object, seconds: float) -> None:
        """Let time pass for a thread while heartbeats of the same ledger stand still, as in a process that is stopped."""
        self.stalled[id(whose)] = self.now + timedelta(seconds=seconds)
        self.sleep(seconds)

    def wake(self, event: threading.Event) -> bool:
        """End somebody's sleep now; False when nobody sleeps so."""
        with self._lock:
            asleep = [one for one in self._sleepers if one[2] is event]
            if not asleep:
                return False
            self._sleepers.remove(asleep[0])
            heapq.heapify(self._sleepers)
            self._busy += 1
            event.set()
            return True

    def set(self, instant: datetime) -> None:
        """Set the clock, forward or back: whoever sleeps goes on sleeping as long as before."""
        with self._lock:
            jump, self.now = instant - self.now, instant
            self._sleepers = [(at + jump, number, event) for at, number, event in self._sleepers]

    def _advance(self) -> None:
        if self._busy or not self._sleepers:
            return
        at, _, event = heapq.heappop(self._sleepers)
        self.now = max(self.now, at)
        self._busy += 1
        event.set()

    def patch(self, monkeypatch) -> None:
        """Have APScheduler and heartbeats of leases go by this clock."""
        told = SimpleNamespace(now=self.at)
        monkeypatch.setattr("apscheduler.schedulers.base.datetime", told)
        monkeypatch.setattr("miner.ledger.leases._Heartbeat", lambda *given: VirtualHeartbeat(self, *given))


class VirtualBell:
    """The bell of a daemon's main loop."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._event = threading.Event()
        self._rung = False

    def ring(self) -> None:
        if not self._time.wake(self._event):
            self._rung = True

    def wait(self, seconds: float) -> None:
        if not self._rung:
            self._time.sleep(seconds, self._event)
        self._rung = False


class VirtualExecutor(ThreadPoolExecutor):
    """APScheduler's pool of threads, whose work is counted from its submission on."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(16)
        self._time = time

    def _do_submit_job(self, job, run_times) -> None:
        self._time.enter()
        super()._do_submit_job(job, run_times)

    def _run_job_success(self, job_id, events) -> None:
        super()._run_job_success(job_id, events)
        self._time.leave()

    def _run_job_error(self, job_id, exc, traceback=None) -> None:
        super()._run_job_error(job_id, exc, traceback)
        self._time.leave()


class VirtualHeartbeat(_Heartbeat):
    """A heartbeat that goes by virtual time."""

    def __init__(self, time: VirtualTime, *given) -> None:
        super().__init__(*given)
        self._time = time
        self._waking = threading.Event()

    def start(self) -> None:
        self._time.enter()
        super().start()

    def stop(self) -> None:
        self._stopped.set()
        self._time.wake(self._waking)
        self._thread.join()

    def _stopped_within(self, seconds: float) -> bool:
        if not self._stopped.is_set():
            self._time.sleep(seconds, self._waking)
        until = self._time.stalled.get(id(self._ledger), self._time.now)
        if until > self._time.now:
            self._time.sleep((until - self._time.now).total_seconds(), self._waking)
        return self._stopped.is_set()

    def _beat(self) -> None:
        try:
            super()._beat()
        finally:
            self._time.leave()
