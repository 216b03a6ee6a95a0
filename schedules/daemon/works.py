"""What the daemon's jobs do: mine one stream of one source, read its names, send, read back, write the report."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from miner.errors import MinerError
from miner.ledger import COLUMNS, COST, LINEAGE, QUERIES, USAGE, Ledger, reading, registry
from miner.ledger.leases import EMISSION, NAMES, Leases
from miner.names import read_names
from miner.pipeline import DONE, FAILED, Outcome, Run
from miner.streams import Source
from schedules.ledger_jobs import prune_ledger
from schedules.parts import Parts
from schedules.reports import Asked, Name, Wanted, write_reports
from schedules.timing import Timing, timing

REPORT = "report"
VERIFY = "verify"
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
    times = {
        stream: timing(getattr(daemon, stream), daemon.zone)
        for stream in (*parts.streams, COST, NAMES, "emit", VERIFY, REPORT)
    }
    for source in parts.chosen(()):
        for stream in (*parts.streams, *([COST] if parts.settings.mining.cost else []), NAMES):
            if at := times[stream]:
                yield Job(source, stream, at)
    if (at := times["emit"]) and parts.settings.purview.sink != "none":
        yield Job(parts.settings.purview.sink, EMISSION, at)
    if (at := times[VERIFY]) and parts.settings.purview.sink == "purview":
        yield Job("purview", VERIFY, at)
    if at := times[REPORT]:
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
        _report(parts)
        return Worked(Outcome())
    leases = parts.leases(ledger, "none")
    if job.stream == EMISSION:
        with parts.emitter(ledger) as emitter:
            return _told(Run(ledger, (), emitter, parts.now, leases, COMMAND, stopping).go())
    if job.stream == VERIFY:
        sample = parts.settings.purview.verify_sample
        with parts.emitter(ledger) as emitter:
            return _told(Run(ledger, (), emitter, parts.now, leases, COMMAND, stopping, sample=sample).go())
    with parts.sources(ledger, [job.source]) as (source,):
        cancellable(source.tables.cancel)
        if job.stream == NAMES:
            return _read_names(parts, source, ledger, leases)
        mined = of_stream(source, job.stream)
        worked = _told(Run(ledger, [mined], None, parts.now, leases, COMMAND, stopping).go())
    if job.stream in {USAGE, COLUMNS, QUERIES} and not worked.error:
        prune_ledger(ledger, parts)
    return worked


def of_stream(source: Source, stream: str) -> Source:
    """The source as one stream of it is mined."""
    if stream == COST:
        return replace(source, names=None, options=replace(source.options, streams=()))
    return replace(source, names=None, costs=None, options=replace(source.options, streams=(stream,)))


def _report(parts: Parts) -> None:
    daemon = parts.settings.daemon
    files = ((Name.POPULARITY, daemon.report_out), (Name.EDGES, daemon.edges_out))
    for _ in write_reports(parts, [Wanted(name, str(out)) for name, out in files if out], Asked()):
        pass


def _told(outcome: Outcome) -> Worked:
    return Worked(outcome, outcome.held[0].message if outcome.held else "")


def _read_names(parts: Parts, source: Source, ledger: Ledger, leases: Leases) -> Worked:
    """Read names for the days of lineage that may have changed since they were read last."""
    outcome = Outcome()
    if source.names is None:
        return Worked(outcome)
    unsettled = parts.now().date() - timedelta(days=source.options.settle_days + 1)
    with leases.holding(source.name, NAMES, source.tables.cancel) as lease:
        with ledger.reading() as connection:
            marks = reading.mined_days(connection, source.name, LINEAGE)
        recent = [mark.day for mark in marks if mark.day >= unsettled]
        run_id = registry.start_run(ledger, COMMAND, parts.now())
        word = FAILED
        try:
            read = read_names(
                source.name, source.names, ledger, mined=recent, run_id=run_id, now=parts.now, lease=lease
            )
            outcome.names += [read] if read else []
            word = DONE
        finally:
            registry.end_run(ledger, run_id, word, "", parts.now())
    return Worked(outcome)
