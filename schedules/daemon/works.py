"""What the daemon's jobs do: mine one stream of one source, send, write the report."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from miner.errors import MinerError
from miner.ledger import STREAMS, Ledger
from miner.ledger.leases import EMISSION
from miner.pipeline import Outcome, Run
from schedules import jobs
from schedules.parts import Parts
from schedules.timing import Timing, timing

REPORT = "report"
COMMAND = "daemon"

Stopping = Callable[[], bool]
Cancel = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A job, named by its source and stream: of emission the source is the sink, of the report it is empty."""

    source: str
    stream: str
    timing: Timing

    @property
    def name(self) -> str:
        """How the log and the metrics name it."""
        return f"{self.stream} of {self.source}" if self.source else self.stream


def jobs_of(parts: Parts) -> Iterator[Job]:
    """The jobs that the settings schedule. Raises SettingsError when there is no source."""
    daemon = parts.settings.daemon
    times = {stream: timing(getattr(daemon, stream), daemon.zone) for stream in (*STREAMS, "emit", REPORT)}
    for source in parts.chosen(()):
        for stream in STREAMS:
            if at := times[stream]:
                yield Job(source, stream, at)
    if (at := times["emit"]) and parts.settings.purview.sink != "none":
        yield Job(parts.settings.purview.sink, EMISSION, at)
    if (at := times[REPORT]) and daemon.report_out:
        yield Job("", REPORT, at)


@dataclass(frozen=True, slots=True)
class Worked:
    """What a job did; `held` says who else was at work on it, so that nothing was done."""

    outcome: Outcome
    held: str = ""

    @property
    def error(self) -> MinerError | None:
        """What it failed for."""
        return self.outcome.failures[0][1] if self.outcome.failures else None


def work(parts: Parts, job: Job, ledger: Ledger, stopping: Stopping, cancellable: Callable[[Cancel], None]) -> Worked:
    """Do a job. `cancellable` is told how what it reads can be cancelled from another thread. Raises MinerError."""
    if job.stream == REPORT:
        jobs.report_popularity(parts, str(parts.settings.daemon.report_out))
        return Worked(Outcome())
    leases = parts.leases(ledger, "none")
    with ExitStack() as opened:
        if job.stream == EMISSION:
            emitter = opened.enter_context(parts.emitter(ledger))
            run = Run(ledger, (), emitter, parts.now, leases, COMMAND, stopping)
        else:
            (source,) = opened.enter_context(parts.sources(ledger, [job.source]))
            cancellable(source.tables.cancel)
            mined = replace(source, options=replace(source.options, streams=(job.stream,)))
            run = Run(ledger, [mined], None, parts.now, leases, COMMAND, stopping)
        outcome = run.go()
    return Worked(outcome, outcome.held[0].message if outcome.held else "")
