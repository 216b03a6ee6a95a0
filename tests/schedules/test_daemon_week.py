"""Daemons over simulated days: every schedule is served once, faults pass, memory stays."""

import random
import resource
import sys
from collections import Counter, defaultdict
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import structlog

from miner.errors import LedgerError, TransientError
from miner.ledger import Ledger, edges, reading, wanted
from miner.ledger.dump import dump
from miner.ledger.merge import LINEAGE, USAGE
from schedules.daemon.ticking import SERVED, Ticker
from schedules.daemon.works import jobs_of
from schedules.timing import timing
from tests import ledgers as places
from tests.schedules.simulated import START, Estate, SimulatedParts, Simulation
from tests.schedules.virtual import VirtualTime
from tests.sinks.purview.fake_atlas import Fault, answering

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ledgers")]

SETTLES = 3


@pytest.fixture(scope="module")
def ledgers(request):
    """These tests hold for each database that can hold a ledger (`--ledger`)."""
    with places.on(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def _quiet():
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def estate():
    return Estate(VirtualTime(START))


def dumped(folder, *, emissions=True):
    """What a ledger knows, without how often it was asked to send."""
    ledger = Ledger(places.url_in(folder))
    with ledger.reading() as connection:
        lines = [line for line in dump(connection) if emissions or '"emission"' not in line[:20]]
    ledger.close()
    return lines


def troubles(daemon):
    """Why a daemon that has ended would not be ready; it opened its ledger once more for that."""
    told = daemon._health.standing().troubles
    daemon._ticker.ledgers.renew()
    return told


def slots(schedule, until):
    """When a job is due from the start on: at once, then by its schedule."""
    told, made = [START], timing(schedule)
    while (at := made.after(told[-1])) < until:
        told.append(at)
    return told


def test_two_daemons_for_a_week(estate, tmp_path, monkeypatch):
    """Two daemons on one ledger mine each (source, stream, day) exactly as often as must be, never twice at once.

    As often as must be: at every time of its schedule until it is settled, and once then. Both do their share, and
    ledger and catalog end as those of a daemon alone.
    """
    chance = random.Random(7)  # noqa: S311 -- no secret
    estate.takes = lambda: chance.choice((1, 5, 20, 100, 900))
    week = Simulation(estate, tmp_path, monkeypatch, lineage="hourly", usage="every 4 hours", emit="hourly at :30")
    first, second = week.daemon("first"), week.daemon("second")
    turns = Counter()
    until = START + timedelta(days=7, minutes=-10)
    week.run(until, first, second, at=lambda daemon: turns.update([id(daemon)]))
    assert min(turns.values()) > 5000

    served = Counter((one.source, one.stream, day) for one in estate.worked for day in one.days)
    assert served == expected(estate, until, {LINEAGE: "hourly", USAGE: "every 4 hours"})
    by_stream = defaultdict(list)
    for one in estate.worked:
        by_stream[one.source, one.stream].append((one.begun, one.ended))
    for stretches in by_stream.values():
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(sorted(stretches)))
    shares = Counter(one.daemon for one in estate.worked)
    assert min(shares["first"], shares["second"]) > 50
    assert len(estate.sink.told()) > 10
    assert troubles(first) == []

    alone, home = Estate(VirtualTime(START)), tmp_path / "alone"
    home.mkdir()
    with monkeypatch.context() as patch:
        calm = Simulation(alone, home, patch, lineage="every 4 hours", usage="every 4 hours", emit="every 4 hours")
        calm.run(until, calm.daemon())
    assert dumped(tmp_path, emissions=False) == dumped(home, emissions=False)
    assert estate.sink.told() == alone.sink.told()


def expected(estate, until, schedules):
    """How often each day must be mined: whenever its stream is due until it is settled, and once then."""
    told = Counter()
    for stream, schedule in schedules.items():
        for at in slots(schedule, until):
            for number in range((at.date() - estate.first).days + 1):
                day = estate.first + timedelta(days=number)
                earlier = [slot for slot in slots(schedule, at) if slot < at]
                settled = any((slot.date() - day).days > SETTLES for slot in earlier)
                if not settled:
                    told.update((source, stream, day) for source in estate.sources)
    return told


def test_a_daemon_that_is_paused(estate, tmp_path, monkeypatch):
    """A daemon that stands still in the middle of a day, longer than its lease lasts, commits nothing when it wakes.

    The other one has done it by then; the paused one works again at its next time.
    """
    simulation = Simulation(estate, tmp_path, monkeypatch, lineage="hourly", usage="off", emit="off", jitter_seconds=0)
    stalled = []

    def stalls(source):
        if source == "east" and estate.time.now.hour == 5 and not stalled:
            stalled.append(estate.time.now)
            return 600
        return 0

    estate.stalls = stalls
    one, other = simulation.daemon("one"), simulation.daemon("other")
    with structlog.testing.capture_logs() as told:
        simulation.run(START + timedelta(hours=9), one, other)
    assert len(stalled) == 1
    at_five = [work for work in estate.worked if (work.source, work.begun.hour) == ("east", 5)]
    assert len({work.daemon for work in at_five}) == 2
    (lost,) = [event for event in told if event["event"] == "job.failed"]
    assert "the lease ended before the work was done" in lost["error"]
    assert {work.begun.hour for work in estate.worked if work.source == "east"} >= set(range(9))
    at_five = sorted(run.rpartition(" ")[2] for run in runs(tmp_path) if run.startswith("2026-10-22 05"))
    assert at_five == ["done", "done", "failed"]
    assert troubles(other) == []


def runs(folder):
    """When runs began, and how they ended."""
    ledger = Ledger(places.url_in(folder))
    with ledger.reading() as connection:
        told = reading.runs(connection, 1000)
    ledger.close()
    return [f"{started} {outcome}" for _, started, _, outcome, _ in told]


HOURS = {"warehouse": (2, 6), "storm": (8, 12), "full": (13, 17), "locked": (19, 22)}
"""What goes wrong from which hour of the day on until which."""

JUMPS = {30: 3, 34: -3}
"""Hours by which the clock is set, at an hour of the simulation."""

LOCKED = {"sqlite": "BEGIN IMMEDIATE", "postgresql": f"SELECT pg_advisory_lock({0x75_63_6D_69_6E_65_01})"}
"""What another process would do that writes for hours."""


class Faults:
    """What happens when, seen from the begin of a simulation."""

    def __init__(self, estate, monkeypatch, url):
        self.estate, self.begin, self._url = estate, estate.time.now, url
        self.ill: dict[float, list[str]] = {}
        self.jumped: list[int] = []
        self.refused = 0
        self._locking = ExitStack()
        estate.fault = self.warehouse
        record = Ledger.record

        def recorded(ledger, one, staging):
            if self.now("full"):
                raise LedgerError("the ledger: the disk is full")
            return record(ledger, one, staging)

        monkeypatch.setattr(Ledger, "record", recorded)

    @property
    def hours(self):
        return (self.estate.time.now - self.begin).total_seconds() / 3600

    def now(self, what):
        """Whether it goes wrong now."""
        since, until = HOURS[what]
        return since <= self.hours < until

    def warehouse(self, _what, _source):
        if self.now("warehouse"):
            raise TransientError("the warehouse is down")

    def __bool__(self):
        """Whether the catalog has a fault for a request: this stands in the place of its list of them."""
        return self.now("storm")

    def popleft(self):
        self.refused += 1
        return Fault(429, {"Retry-After": "30"})

    def look(self, daemon):
        """Note the daemon's health twice an hour, lock the ledger, and set the clock."""
        half = int(self.hours * 2) / 2
        if half not in self.ill:
            self.ill[half] = daemon._health.standing().troubles
        if self.now("locked") and not self.locked:
            connection = self._locking.enter_context(places.beside(self._url))
            connection.execute(LOCKED["sqlite" if self._url.startswith("sqlite") else "postgresql"])
            self.locked = True
        if self.hours >= HOURS["locked"][1]:
            self._locking.close()
        for at, by in JUMPS.items():
            if self.hours >= at and at not in self.jumped:
                self.jumped.append(at)
                self.estate.time.set(self.estate.time.now + timedelta(hours=by))

    locked = False


@pytest.fixture
def catalogs():
    """Two empty catalogs that answer on real sockets: for the day of faults, and for one without."""
    with answering() as one, answering() as other:
        yield one, other


def held(catalog):
    """What a catalog holds."""
    told = ("attributes", "businessAttributes", "relationships")
    return {key: {name: entity.get(name) for name in told} for key, entity in catalog.entities.items()}


def test_a_day_of_faults(estate, tmp_path, monkeypatch, catalogs):
    """Warehouse down, a storm of 429, disk full, ledger locked, clock set, end of summer time: it recovers by itself.

    Nothing is lost, and its health tells the truth meanwhile. The catalog is asked over HTTP by the real sink, and the
    ledger is locked by another connection; the waits of both are virtual.
    """
    begin = datetime(2026, 10, 24, 0, 0, 30, tzinfo=UTC)
    estate.time.now = begin
    daily = {"usage": "daily at 02:30", "emit": "hourly at :20", "time_zone": "Europe/Berlin"}
    stormy, quiet = catalogs
    with monkeypatch.context() as patch:
        faults = Faults(estate, patch, places.url_in(tmp_path))
        estate.catalog, stormy.faults = stormy.endpoint, faults
        simulation = Simulation(estate, tmp_path, patch, busy=0.05, lineage="hourly", late_hours=1, **daily)
        daemon = simulation.daemon()
        simulation.run(begin + timedelta(hours=40), daemon, at=faults.look)
    ill = {half for half, reasons in faults.ill.items() if reasons}
    for since, until in HOURS.values():
        assert {until - 1, until - 0.5} <= ill, (since, until)
    well = set(faults.ill) - ill
    assert {0, 1, 2, 2.5, 7, 8, 8.5, 13, 13.5, 18.5, 19.5, 23.5, 24, 25, 26, 30, 36, 39} <= well
    for at, words in {4: "warehouse is down", 11: "429", 16: "disk is full", 21: "another run is writing"}.items():
        assert words in " ".join(faults.ill[at]), at
    assert faults.refused > 50
    assert faults.jumped == [30, 34]
    assert troubles(daemon) == []
    east = [one.begun.astimezone(ZoneInfo("Europe/Berlin")) for one in estate.worked if one.source == "east"]
    assert [at.hour for at in east if at.date() == date(2026, 10, 25)].count(2) == 2 + 1

    calm, home = Estate(VirtualTime(begin), catalog=quiet.endpoint), tmp_path / "calm"
    home.mkdir()
    undisturbed = Simulation(calm, home, monkeypatch, lineage="hourly", **daily)
    undisturbed.run(begin + timedelta(hours=40), undisturbed.daemon())
    assert edges_of(tmp_path) == edges_of(home)
    assert held(stormy) == held(quiet)
    assert len(held(quiet)) > 10


def edges_of(folder):
    """The current edges of a ledger."""
    ledger = Ledger(places.url_in(folder))
    with ledger.reading() as connection:
        wanted.resolve(connection)
        told = edges.edge_report(connection).to_pylist()
    ledger.close()
    return told


def test_catching_up_after_downtime(estate, tmp_path, monkeypatch):
    """A daemon that was away for days runs each job once when it is back, however many times were missed."""
    simulation = Simulation(estate, tmp_path, monkeypatch, lineage="hourly", usage="daily at 02:30", emit="off")
    simulation.run(START + timedelta(hours=3), simulation.daemon())
    before = len(estate.worked)
    estate.time.now = START + timedelta(days=4, hours=3, minutes=20)
    simulation.run(estate.time.now + timedelta(minutes=30), simulation.daemon())
    back = estate.worked[before:]
    mined = Counter((one.source, one.stream, day) for one in back for day in one.days)
    assert set(mined.values()) == {1}
    assert {(source, stream) for source, stream, _ in mined} == {
        (source, stream) for source in estate.sources for stream in (LINEAGE, USAGE)
    }
    (lineage,) = [one for one in back if (one.source, one.stream) == ("east", LINEAGE)]
    assert {day.day for day in lineage.days} >= {22, 23, 24, 25, 26}


def test_memory_stays(estate, tmp_path):
    """After 10,000 ticks a daemon takes as much memory as after 100, within a twentieth."""
    estate.time.sleep = lambda *_: None
    parts = SimulatedParts(
        Simulation.settings(estate, tmp_path, lineage="every 1 minute"), lambda: estate.time.now, 5.0,
        lambda _connection: estate.time.now, estate=estate, name="one",
    )  # fmt: skip
    ticked = Counter()
    ticker = Ticker(parts, lambda told: ticked.update([told.outcome]))
    estate.sources, estate.first = ("east",), START.date()
    (job, *_) = jobs_of(parts)
    figures = {}
    for number in range(1, TICKS + 1):
        ticker.tick(job)
        estate.time.now += timedelta(seconds=60 if number % EVERY == 0 else 1)
        estate.worked.clear()
        if number in (WARM, TICKS):
            figures[number] = resident()
    ticker.ledgers.renew()
    assert ticked[SERVED] >= TICKS // EVERY
    assert sum(ticked.values()) == TICKS
    assert figures[TICKS] == pytest.approx(figures[WARM], rel=0.05)


TICKS, WARM, EVERY = 10_000, 100, 25


def resident():
    """Bytes of memory in use now."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 -- no file of ours
        return int(file.read().split()[1]) * resource.getpagesize()
