"""The story of a run: mine what is due from every source, then bring the sink up to date.

A MinerError is the operator's trouble and says how to mend it: it is logged without a traceback.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from miner import cost, emission, mining
from miner.changes import Changes, Verified
from miner.emission import Emitter
from miner.errors import HeldError, MinerError, RemovalsError
from miner.ledger import COST, LINEAGE, Ledger, registry
from miner.ledger.leases import EMISSION, NAMES, Leases
from miner.mining import MinedDay
from miner.names import NamesRead, read_names
from miner.ports import Missing
from miner.streams import Source
from miner.visible import Finding, ViewWatch

log = structlog.get_logger()

DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"
REJECTED = "done with rejections"


@dataclass(slots=True)
class Outcome:
    """What a run did. Failures are one per source or sink; the others went on."""

    days: list[MinedDay] = field(default_factory=list)
    names: list[NamesRead] = field(default_factory=list)
    changes: Changes | None = None
    verified: Verified | None = None
    failures: list[tuple[str, MinerError]] = field(default_factory=list)
    held: list[HeldError] = field(default_factory=list)
    """What was left to other processes that are at work on it."""
    left_out: list[str] = field(default_factory=list)
    """Why streams that were asked for are left out."""
    stopped: bool = False
    """Whether it was asked to end before all was done."""
    narrow: list[tuple[str, Finding]] = field(default_factory=list)
    """What the views of a source hide, or days mined before had and it shows no more."""
    without_cost: list[tuple[str, str]] = field(default_factory=list)
    """Sources of which no cost can be told, each with the reason."""

    missing: list[tuple[str, Missing]] = field(default_factory=list)
    """Optional tables of a source that could not be read."""

    @property
    def word(self) -> str:
        """How the run ended, as the ledger notes it."""
        if self.failures:
            return FAILED
        if self.stopped:
            return INTERRUPTED
        sent = self.changes or (self.verified.changes if self.verified else None)
        return REJECTED if sent is not None and sent.rejected else DONE


@dataclass(frozen=True, slots=True)
class Run:
    """One run over a ledger. `now` gives the UTC time; `emitter` None leaves emission out.

    `stopping` is asked after each commit: when it says so, the run ends there. `most` is how long it may send, `sample`
    how many processes it reads back in place of sending.
    """

    ledger: Ledger
    sources: Sequence[Source]
    emitter: Emitter | None
    now: Callable[[], datetime]
    leases: Leases
    command: str = "run"
    stopping: Callable[[], bool] = lambda: False
    most: timedelta | None = None
    sample: int = 0

    def go(self, *, mined: mining.Watch | None = None, emitted: emission.Watch | None = None) -> Outcome:
        """Mine, read names, then emit. A source that fails stops only itself; what was committed before stays."""
        outcome = Outcome()
        word = INTERRUPTED
        run_id = registry.start_run(self.ledger, self.command, self.now())
        with structlog.contextvars.bound_contextvars(run=run_id):
            try:
                for source in self.sources:
                    if not outcome.stopped:
                        self._mine(source, run_id, outcome, mined)
                self._emit(outcome, emitted)
                word = outcome.word
            finally:
                self._note(run_id, word, outcome)
        return outcome

    def _mine(self, source: Source, run_id: int, outcome: Outcome, watch: mining.Watch | None) -> None:
        try:
            if source.options.streams:
                self._mine_streams(source, run_id, outcome, watch)
        except MinerError as error:
            log.error("source.failed", source=source.name, error=error.message, mend=error.mend)  # noqa: TRY400
            outcome.failures.append((f"source {source.name}", error))
        else:
            if not outcome.stopped:
                self._read_names(source, run_id, outcome)
                self._mine_cost(source, run_id, outcome, watch)

    def _mine_streams(self, source: Source, run_id: int, outcome: Outcome, watch: mining.Watch | None) -> None:
        views = ViewWatch.before_mining(source.name, source.tables, self.ledger, self.now().date())
        self._take(self._days(source, run_id, outcome, watch), outcome)
        if not outcome.stopped:
            outcome.missing += [(source.name, one) for one in source.tables.missing()]
            outcome.narrow += [(source.name, finding) for finding in views.findings()]

    def _take(self, mined: Generator[MinedDay], outcome: Outcome) -> None:
        """Note the days as they are mined, until it is time to stop."""
        with closing(mined) as days:
            for day in days:
                outcome.days.append(day)
                if self.stopping():
                    outcome.stopped = True
                    return

    def _mine_cost(self, source: Source, run_id: int, outcome: Outcome, watch: mining.Watch | None) -> None:
        """Cost is optional: where it cannot be told, the reason is, and the run goes on."""
        if source.costs is None:
            return
        try:
            if reason := cost.left_out(source, self.ledger):
                outcome.without_cost.append((source.name, reason))
                return
            with self.leases.holding(source.name, COST, source.tables.cancel) as lease:
                mined = mining.mine_cost(
                    source, source.costs, self.ledger, run_id=run_id, now=self.now, watch=watch, lease=lease
                )
                self._take(mined, outcome)
        except HeldError as error:
            log.warning("stream.held", source=source.name, stream=COST, error=error.message)
            outcome.held.append(error)
        except MinerError as error:
            log.error("cost.failed", source=source.name, error=error.message, mend=error.mend)  # noqa: TRY400
            outcome.failures.append((f"cost of source {source.name}", error))

    def _read_names(self, source: Source, run_id: int, outcome: Outcome) -> None:
        """Names that cannot be read now stay as they were."""
        if source.names is None:
            return
        mined = [day.day for day in outcome.days if day.source == source.name and day.stream == LINEAGE]
        try:
            with self.leases.holding(source.name, NAMES, source.tables.cancel) as lease:
                read = read_names(
                    source.name, source.names, self.ledger, mined=mined, run_id=run_id, now=self.now, lease=lease
                )
        except HeldError as error:
            log.warning("stream.held", source=source.name, stream=NAMES, error=error.message)
            outcome.held.append(error)
        except MinerError as error:
            log.error("names.failed", source=source.name, error=error.message, mend=error.mend)  # noqa: TRY400
            outcome.failures.append((f"names of source {source.name}", error))
        else:
            outcome.names += [read] if read else []

    def _days(self, source: Source, run_id: int, outcome: Outcome, watch: mining.Watch | None) -> Generator[MinedDay]:
        return mining.mine(
            source, self.ledger, run_id=run_id, now=self.now, watch=watch, leases=self.leases,
            held=outcome.held.append, left_out=outcome.left_out.append,
        )  # fmt: skip

    def _emit(self, outcome: Outcome, watch: emission.Watch | None) -> None:
        if self.emitter is None or outcome.stopped:
            return
        try:
            with self.leases.holding(self.emitter.sink.name, EMISSION) as lease:
                emitter = self.emitter.under(lease)
                if self.sample:
                    outcome.verified = emitter.verify(self.sample, watch)
                    return
                outcome.changes = emitter.emit(watch, self._ending())
            outcome.stopped = outcome.changes.unfinished and self.stopping()
            if outcome.changes.held_back:
                raise RemovalsError(outcome.changes.held_back, self.emitter.max_removals)
        except HeldError as error:
            log.warning("emission.held", sink=self.emitter.sink.name, error=error.message)
            outcome.held.append(error)
        except MinerError as error:
            log.error("emission.failed", sink=self.emitter.sink.name, error=error.message, mend=error.mend)  # noqa: TRY400
            outcome.failures.append((f"sink {self.emitter.sink.name}", error))

    def _ending(self) -> Callable[[], bool]:
        """Whether sending is to end: it is asked to, or has had its time."""
        until = self.now() + self.most if self.most else None
        return lambda: self.stopping() or (until is not None and self.now() >= until)

    def _note(self, run_id: int, word: str, outcome: Outcome) -> None:
        note = "; ".join(error.message for error in (*(error for _, error in outcome.failures), *outcome.held))
        try:
            registry.end_run(self.ledger, run_id, word, note, self.now())
        except MinerError as error:
            log.error("run.not_noted", error=error.message)  # noqa: TRY400
