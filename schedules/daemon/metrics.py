"""The daemon's figures for Prometheus; docs/operations.md names each and the alerts that go with them."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, write_to_textfile
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.typing import EventDict, WrappedLogger

from miner.changes import Changes
from schedules.daemon.health import Health
from schedules.daemon.ticking import NOT_DUE, Ticked
from schedules.daemon.works import Job

_JOB = ("source", "stream")
_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)


class Metrics:
    """All figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.jobs = Counter("uc_miner_jobs", "Jobs by how they ended.", (*_JOB, "outcome"), registry=own)
        self.seconds = Histogram("uc_miner_job_seconds", "How long jobs took.", _JOB, buckets=_BUCKETS, registry=own)
        self.days = Counter("uc_miner_days_mined", "Days mined, each as often as it was.", _JOB, registry=own)
        self.rows = Counter("uc_miner_rows", "Rows of table_lineage looked at.", _JOB, registry=own)
        self.kept = Counter("uc_miner_rows_kept", "Of these, rows kept.", _JOB, registry=own)
        self.entities = Counter("uc_miner_entities", "Entities by what became of them.", ("sink", "fate"), registry=own)
        self.retired = Counter("uc_miner_edges_retired", "Edges retired, by rule.", ("sink", "rule"), registry=own)
        self.events = Counter("uc_miner_events", "Log events from warnings up.", ("event", "level"), registry=own)
        self.reloads = Counter("uc_miner_reloads", "Settings read anew.", ("outcome",), registry=own)
        self.working = Gauge("uc_miner_jobs_at_work", "Jobs at work now.", registry=own)

    def watch(self, health: Health) -> None:
        """Have the ledger's figures told as well, read when they are asked for."""
        self.registry.register(_Ledger(health))

    def count_event(self, _logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        """Count what is logged; a processor of the log."""
        if level in {"warning", "error", "exception", "critical"}:
            self.events.labels(str(event.get("event", "")), level).inc()
        return event

    def ticked(self, ticked: Ticked, seconds: float) -> None:
        """Count what a tick did."""
        job = ticked.job
        if ticked.outcome == NOT_DUE:
            return
        self.jobs.labels(job.source, job.stream, ticked.outcome).inc()
        self.seconds.labels(job.source, job.stream).observe(seconds)
        if ticked.worked is None:
            return
        for mined in ticked.worked.outcome.days:
            self.days.labels(mined.source, mined.stream).inc()
            self.rows.labels(mined.source, mined.stream).inc(mined.rows)
            self.kept.labels(mined.source, mined.stream).inc(mined.kept)
        if ticked.worked.outcome.changes is not None:
            self._emitted(job, ticked.worked.outcome.changes)

        verified = ticked.worked.outcome.verified
        if verified is not None:
            self.entities.labels(job.source, "verified").inc(verified.entities)
            self.entities.labels(job.source, "mended").inc(verified.changes.changed.total())

    def _emitted(self, job: Job, changes: Changes) -> None:
        fates = {
            "created": changes.created.total(), "changed": changes.changed.total(), "removed": len(changes.removed),
            "unchanged": changes.unchanged.total(), "rejected": changes.rejected.total(),
        }  # fmt: skip
        for fate, count in fates.items():
            self.entities.labels(job.source, fate).inc(count)
        for rule, count in changes.retired.items():
            self.retired.labels(job.source, rule).inc(count)

    def text(self) -> bytes:
        """All figures in Prometheus' text form."""
        return generate_latest(self.registry)

    def write(self, file: Path) -> None:
        """Put all figures into a file for node-exporter, whole at any moment. Raises OSError."""
        write_to_textfile(str(file), self.registry)


class _Ledger(Collector):
    """Figures that the ledger knows, whichever daemon did the work."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering need not read the ledger."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Lateness, success, failures and watermarks by job."""
        standing = self._health.standing()
        ready = GaugeMetricFamily("uc_miner_ready", "1 when no stream is later than allowed and the ledger answers.")
        ready.add_metric((), float(not standing.troubles))
        late = GaugeMetricFamily("uc_miner_late_seconds", "How long a job has been due.", labels=_JOB)
        success = GaugeMetricFamily(
            "uc_miner_last_success_timestamp_seconds", "When a job last went well.", labels=_JOB
        )
        failures = GaugeMetricFamily("uc_miner_failures", "Failures of a job since it last went well.", labels=_JOB)
        mark = GaugeMetricFamily(
            "uc_miner_watermark_timestamp_seconds", "Start of the last day mined whole.", labels=_JOB
        )
        for one in standing.jobs:
            key = (one.job.source, one.job.stream)
            late.add_metric(key, one.late.total_seconds())
            if one.tick is not None:
                failures.add_metric(key, one.tick.failures)
                if one.tick.done is not None:
                    success.add_metric(key, one.tick.done.timestamp())
            if one.watermark is not None:
                mark.add_metric(key, (one.watermark.toordinal() - _EPOCH) * 86_400.0)
        yield from (ready, late, success, failures, mark)


_EPOCH = 719_163
"""The ordinal of 1970-01-01."""
