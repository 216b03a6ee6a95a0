"""The daemon's life: begin, turn until a signal asks to end, read settings anew on another, end within a grace time."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.base import BaseExecutor

from miner.errors import MinerError, SettingsError
from schedules.daemon.clockwork import Bell, Clockwork, monotonic
from schedules.daemon.health import Health
from schedules.daemon.metrics import Metrics
from schedules.daemon.notify import Notify
from schedules.daemon.server import answers, serving
from schedules.daemon.ticking import NOT_DUE, Ticked, Ticker
from schedules.daemon.works import Job, jobs_of
from schedules.parts import Parts

log = structlog.get_logger()

ABANDONED = 1
_AFTER_CANCEL = 10.0
"""Seconds that cancelled jobs get to let go."""


@dataclass(slots=True)
class Daemon:
    """One daemon. `load` reads the settings and raises SettingsError, `taken` is told of those that are not refused.

    `monotonic` and `bell` are its time.
    """

    load: Callable[[], Parts]
    taken: Callable[[Parts], None] = lambda _: None
    metrics: Metrics = field(default_factory=Metrics)
    notify: Notify = field(default_factory=Notify)
    bell: Bell = field(default_factory=Bell)
    monotonic: Callable[[], float] = monotonic
    executor: BaseExecutor | None = None
    address: str = ""
    _asked: list[str] = field(default_factory=list)
    _parts: Parts = field(init=False)
    _ticker: Ticker = field(init=False)
    _health: Health = field(init=False)
    _clockwork: Clockwork = field(init=False)

    def run(self) -> int:
        """Live. Returns 0 once ended on request, 1 when work had to be abandoned. Raises SettingsError at the start."""
        self.begin()
        with ExitStack() as opened:
            self._serve(opened)
            opened.enter_context(_signals(self._signalled))
            log.info("daemon.started", jobs=[job.name for job in self._health.jobs], address=self.address)
            self.notify.ready(self._status())
            while "stop" not in self._asked:
                self.bell.wait(self.turn())
                if "reload" in self._asked:
                    self._reload()
            return self._end()

    def begin(self) -> None:
        """Read the settings and set the clockwork up. Raises SettingsError."""
        self._parts = self.load()
        self.taken(self._parts)
        jobs = _scheduled(self._parts)
        self._ticker = Ticker(self._parts, self._told)
        self._health = Health(self.monotonic, self._parts, self._ticker.ledgers, jobs, self._ticker.unnoted)
        self.metrics.watch(self._health)
        self._clockwork = Clockwork(self.bell, self._tick, self._parts.now, self.executor)
        self._clockwork.add_listener(self._crashed, EVENT_JOB_ERROR)
        self._clockwork.start()
        self._clockwork.set_jobs(jobs, self._parts.settings.daemon.jitter_seconds)

    def turn(self) -> float:
        """Begin what is due; returns for how many seconds there is nothing to do."""
        self._health.beat()
        self.notify.alive()
        return self._clockwork.turn()

    def close(self) -> None:
        """Let go of everything, once nothing is at work."""
        self._clockwork.shutdown(wait=True)
        self._ticker.ledgers.renew()

    def stop(self) -> None:
        """End, as a signal would ask for."""
        self._signalled("stop")

    def reload(self) -> None:
        """Read the settings anew, as a signal would ask for."""
        self._signalled("reload")

    def _signalled(self, what: str) -> None:
        self._asked.append(what)
        self.bell.ring()

    def _serve(self, opened: ExitStack) -> None:
        listen = self._parts.settings.daemon.listen
        if listen != "off":
            self.address = opened.enter_context(serving(listen, answers(self._health, self.metrics)))

    def _tick(self, job: Job) -> None:
        begun = self.monotonic()
        with self.metrics.working.track_inprogress():
            ticked = self._ticker.tick(job)
        self.metrics.ticked(ticked, self.monotonic() - begun)
        if ticked.again is not None and not self._ticker.stopping.is_set():
            self._clockwork.look_at(job.name, ticked.again)
        self.bell.ring()

    def _told(self, ticked: Ticked) -> None:
        file = self._parts.settings.daemon.textfile
        if file is None or ticked.outcome == NOT_DUE:
            return
        try:
            self.metrics.write(file)
        except OSError as error:
            log.warning("metrics.not_written", file=str(file), error=str(error))

    def _crashed(self, event: JobExecutionEvent) -> None:
        """A fault of the miner itself: the daemon lives on, and the job is tried again at its next time."""
        log.error("job.crashed", job=event.job_id, exception=event.traceback)

    def _reload(self) -> None:
        self._asked = [what for what in self._asked if what != "reload"]
        self.notify.reloading()
        try:
            parts = self.load()
            jobs = _scheduled(parts)
        except SettingsError as error:
            log.error("settings.refused", error=error.message, mend=error.mend)  # noqa: TRY400
            self.metrics.reloads.labels("refused").inc()
        else:
            if parts.settings.daemon.listen != self._parts.settings.daemon.listen:
                log.warning("settings.need_restart", settings=["daemon.listen"])
            self.taken(parts)
            self._parts = self._ticker.parts = self._health.parts = parts
            self._health.jobs = jobs
            self._ticker.ledgers.renew()
            self._clockwork.set_jobs(jobs, parts.settings.daemon.jitter_seconds)
            log.info("settings.reloaded", jobs=[job.name for job in jobs])
            self.metrics.reloads.labels("done").inc()
        self.notify.ready(self._status())

    def _end(self) -> int:
        """Begin nothing more, let what is at work commit and end, cancel what does not end within the grace time."""
        self.notify.stopping()
        self._asked.remove("stop")
        self._ticker.stopping.set()
        self._clockwork.pause()
        log.info("daemon.stopping", at_work=[" of ".join(one[::-1]) for one in self._ticker.working])
        if not self._ended_within(self._parts.settings.daemon.grace_seconds):
            self._ticker.cancel()
            if not self._ended_within(_AFTER_CANCEL):
                log.error("daemon.abandoned", at_work=[" of ".join(one[::-1]) for one in self._ticker.working])
                self._clockwork.shutdown(wait=False)
                return ABANDONED
        self.close()
        log.info("daemon.stopped")
        return 0

    def _ended_within(self, seconds: float) -> bool:
        """Whether nothing is at work any more before so many seconds passed, or a second signal came."""
        until = self.monotonic() + seconds
        while self._ticker.working and self.monotonic() < until and "stop" not in self._asked:
            self._health.beat()
            self.bell.wait(min(0.5, until - self.monotonic()))
        self._asked = [what for what in self._asked if what != "stop"]
        return not self._ticker.working

    def _status(self) -> str:
        return f"{len(self._health.jobs)} jobs, {self.address or 'no address'}"


def _scheduled(parts: Parts) -> list[Job]:
    jobs = list(jobs_of(parts))
    if not jobs:
        raise SettingsError("nothing is scheduled", mend='give [daemon] lineage or usage a schedule, such as "hourly"')
    try:
        with parts.ledger():
            pass
    except MinerError as error:
        # It may come back: the jobs try again, and health tells.
        log.error("ledger.unreachable", error=error.message, mend=error.mend)  # noqa: TRY400
    return jobs


_SIGNALS = {signal.SIGTERM: "stop", signal.SIGINT: "stop", signal.SIGHUP: "reload"}


@contextmanager
def _signals(told: Callable[[str], None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT end the daemon, SIGHUP read the settings anew, until the block ends."""
    before = {number: signal.signal(number, lambda *_, what=what: told(what)) for number, what in _SIGNALS.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
