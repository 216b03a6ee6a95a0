"""One process at a time works on a stream; whoever lost its lease commits nothing."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from miner.errors import HeldError, LeaseLostError, LedgerError
from miner.ledger import Ledger
from miner.ledger.holders import Holder, this_process
from miner.ledger.leases import EMISSION, Held, Lease, Leases, database_clock
from miner.mining import mine
from miner.pipeline import Run
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import lineage

ROOT = Path(__file__).parents[2]
ELSEWHERE = Holder("other-host:1", "another-boot/pid:[1]/1@1")


class Clock:
    """The ledger's clock, set by the test; sleeping lets it pass."""

    def __init__(self):
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.slept = []
        self.meanwhile = lambda: None

    def __call__(self, _connection):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.meanwhile()


@pytest.fixture
def clock():
    return Clock()


def leases(world, clock, holder=ELSEWHERE, patience="none"):
    return Leases(world.ledger, patience, clock, clock.sleep, holder)


def estate():
    return FakeTables(lineage("c.s.a", "c.s.b", query="q", day=day(0), created_by="ann@x.org"))


def mined(world, tables, taken, **more):
    """Mine lineage under a lease."""
    source = world.source(tables, streams=("lineage",), rules=more.pop("rules", "rules"))
    return list(mine(source, world.ledger, run_id=1, now=lambda: world.now, leases=taken, **more))


def test_one_holder_at_a_time(world, clock):
    """A lease that is held is not given to another, who is told by whom and until when; other streams are free."""
    first, second = leases(world, clock), leases(world, clock, Holder("second:2", ""))
    with first.holding("prod", "lineage"):
        found = second.take("prod", "lineage")
        told = Held("prod", "lineage", "other-host:1", clock.now, clock.now + timedelta(seconds=120))
        assert found == told
        assert second.held() == [told]
        assert isinstance(second.take("prod", "usage"), Lease)
        with pytest.raises(HeldError, match="other-host:1 has been at work on it since 2026-11-21 12:00:00") as raised:
            second.holding("prod", "lineage").__enter__()
        assert "12:02:00" in raised.value.mend
    assert isinstance(second.take("prod", "lineage"), Lease)


def test_tokens_grow(world, clock):
    """Every holder's token is greater than any before it."""
    taken = leases(world, clock)
    tokens = []
    for _ in range(3):
        with taken.holding("prod", "lineage") as lease:
            tokens.append(lease.token)
    clock.now += timedelta(days=1)
    tokens.append(taken.take("prod", "lineage").token)
    assert tokens == [1, 2, 3, 4]


def test_an_ended_lease_is_taken(world, clock):
    """A holder that shows no sign of life for as long as a lease lasts has lost it; not a moment earlier."""
    old = leases(world, clock).take("prod", "lineage")
    other = leases(world, clock, Holder("second:2", ""))
    clock.now += timedelta(seconds=119)
    assert isinstance(other.take("prod", "lineage"), Held)
    clock.now += timedelta(seconds=1)
    new = other.take("prod", "lineage")
    assert new.token == old.token + 1


def test_a_paused_holder_cannot_commit(world, clock):
    """A holder that was paused while it fetched, and wakes after another one took the lease, commits nothing."""
    tables = estate()

    def paused(method, _first, _number):
        if method == "totals":
            clock.now += timedelta(minutes=10)
            assert isinstance(leases(world, clock, Holder("second:2", "")).take("prod", "lineage"), Lease)

    tables.hook = paused
    before = world.dump()
    with pytest.raises(LeaseLostError, match="the lease ended before the work was done"):
        mined(world, tables, leases(world, clock))
    assert world.marks() == {}
    assert [line for line in world.dump() if line not in before] == []


def test_a_paused_holder_cannot_commit_though_nobody_took_its_place(world, clock):
    """The same when the lease ended and nobody wanted it: the end counts, not who came after."""
    tables = estate()
    tables.hook = lambda *_: setattr(clock, "now", clock.now + timedelta(minutes=3))
    with pytest.raises(LeaseLostError):
        mined(world, tables, leases(world, clock))
    assert world.marks() == {}


def test_a_lease_taken_between_check_and_commit_is_not_possible(world, clock, monkeypatch):
    """While a merge is at work nobody can take its lease: the check holds until the commit."""
    taken, real = [], Lease.check

    def checked(lease, connection):
        real(lease, connection)
        clock.now += timedelta(seconds=100)
        with pytest.raises(LedgerError, match="another run is writing"):
            leases(world, clock, Holder("second:2", "")).take("prod", "lineage")
        taken.append(lease)

    monkeypatch.setattr(Lease, "check", checked)
    assert len(mined(world, estate(), leases(world, clock))) == 1
    assert len(taken) == 2


def test_a_sender_that_lost_its_lease_sends_nothing_more(world, clock):
    """Before each batch the lease is checked: what another process may be sending now is left to it."""
    tables = FakeTables(*[lineage("c.s.a", f"c.s.t{n}", query="q", day=day(0)) for n in range(8)])
    world.mine(tables)
    held = leases(world, clock)

    def lost(_batch):
        clock.now += timedelta(minutes=3)

    world.sink.before_send = lost
    with pytest.raises(LeaseLostError), held.holding("fake", EMISSION) as lease:
        world.emitter().under(lease).emit()
    assert len(world.sink.sent) == 2
    world.sink.before_send = lambda _batch: None
    with held.holding("fake", EMISSION) as lease:
        world.emitter().under(lease).emit()
    assert len(world.sink.told()) == 8


def test_a_clock_set_back(world, clock):
    """A lease taken before the clock was set back by a day is not held for a day."""
    leases(world, clock).take("prod", "lineage")
    clock.now -= timedelta(days=1)
    assert isinstance(leases(world, clock, Holder("second:2", "")).take("prod", "lineage"), Lease)


def test_a_process_that_is_gone(world, clock):
    """A killed process of this machine does not hold its lease until the end; a living one does."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    machine = this_process().place.rpartition("/")[0]
    holder = Holder(f"here:{child.pid}", f"{machine}/{child.pid}@{start}")
    leases(world, clock, holder).take("prod", "lineage")
    assert isinstance(leases(world, clock).take("prod", "lineage"), Held)
    child.kill()
    child.communicate()
    assert isinstance(leases(world, clock).take("prod", "lineage"), Lease)
    reused = Holder("here", f"{machine}/{os.getpid()}@1")
    assert reused.gone
    assert not this_process().gone
    assert not ELSEWHERE.gone


def test_waiting_for_one_that_died(world, clock):
    """A run waits for a holder that gives no sign of life until its lease ends, then works."""
    leases(world, clock).take("prod", "lineage")
    with structlog.testing.capture_logs() as told:
        assert len(mined(world, estate(), leases(world, clock, Holder("second:2", ""), "while silent"))) == 1
    assert 115 < sum(clock.slept) < 125
    (event,) = [one for one in told if one["event"] == "lease.awaited"]
    assert event["holder"] == "other-host:1"


def test_not_waiting_for_one_that_lives(world, clock):
    """Once the holder renews its lease a run leaves the stream to it, and says so."""
    alive = leases(world, clock).take("prod", "lineage")

    def beat():
        if len(clock.slept) == 20:
            with world.ledger.writing() as connection:
                assert alive.renew(connection)

    clock.meanwhile = beat
    told = []
    assert mined(world, estate(), leases(world, clock, Holder("second:2", ""), "while silent"), held=told.append) == []
    assert len(clock.slept) == 20
    assert "other-host:1" in told[0].message


def test_waiting_without_end(world, clock):
    """Who was told to wait works once the holder is done, however often it renewed."""
    alive = leases(world, clock).take("prod", "lineage")

    def beat():
        if len(clock.slept) < 300:
            with world.ledger.writing() as connection:
                assert alive.renew(connection)

    clock.meanwhile = beat
    assert len(mined(world, estate(), leases(world, clock, Holder("second:2", ""), "endless"))) == 1
    assert len(clock.slept) > 300


def test_a_run_tells_what_it_left_to_others(world, clock):
    """A run passes over what is held, does the rest, and is no failure; its note says who holds what."""
    leases(world, clock).take("prod", "lineage")
    run = Run(
        world.ledger, [world.source(estate())], world.emitter(), lambda: world.now,
        leases(world, clock, Holder("second:2", "")),
    )  # fmt: skip
    outcome = run.go()
    assert {one.stream for one in outcome.days} == {"usage"}
    assert (outcome.word, len(outcome.held), outcome.failures) == ("done", 1, [])
    assert "other-host:1" in world.sql("SELECT note FROM run")[0][0]


def test_heartbeats_while_a_day_is_fetched(world):
    """A lease is renewed for as long as a fetch takes, however long."""
    renewed = threading.Event()

    def clock(connection):
        if threading.current_thread().name.startswith("lease-"):
            renewed.set()
        return database_clock(connection)

    tables = estate()
    tables.hook = lambda *_: renewed.wait(20)
    taken = Leases(world.ledger, "none", clock, seconds=3)
    assert len(mined(world, tables, taken)) == 1
    assert renewed.is_set()


def test_a_lost_lease_cancels_what_is_read(world, clock):
    """When a heartbeat comes too late, the warehouse is told to stop: the rows could not be committed."""
    tables = estate()
    stopped = threading.Event()
    tables.cancel = stopped.set
    taken = Leases(world.ledger, "none", clock, clock.sleep, ELSEWHERE, seconds=1)

    def too_long(*_):
        clock.now += timedelta(minutes=1)
        assert stopped.wait(20)

    tables.hook = too_long
    with pytest.raises(LeaseLostError):
        mined(world, tables, taken)


def test_the_database_keeps_time(world):
    """Without a clock of the test's own, the database's is asked: it tells the time to a second here."""
    with world.ledger.reading() as connection:
        told = database_clock(connection)
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)


HOLDER = """
import sys
from miner.ledger import Ledger
from miner.ledger.leases import Leases
from tests.miner.fakes import FakeTables
from tests.miner.test_leases import estate
from miner.mining import mine
from miner.streams import MiningOptions, Source
from tests.miner.world import START, noon, day

url, seconds = sys.argv[1], int(sys.argv[2])
ledger = Ledger(url)
tables = estate()
def hook(method, *_):
    tables.hook = lambda *_: None
    print("fetched", flush=True)
    sys.stdin.readline()
tables.hook = hook
source = Source("prod", tables, MiningOptions(START, 3, "rules", streams=("lineage",)))
try:
    list(mine(source, ledger, run_id=1, now=lambda: noon(day(30)), leases=Leases(ledger, "none", seconds=seconds)))
except Exception as error:
    print(type(error).__name__, flush=True)
else:
    print("committed", flush=True)
"""


KNOWN = {"fetched", "HeldError", "LeaseLostError", "committed"}


@pytest.fixture
def worker(world):
    """Starts a process that fetches under a lease of some seconds and goes on when a line comes; tells its answers."""
    started = []

    def start(seconds):
        command = [sys.executable, "-c", HOLDER, world.url, str(seconds)]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process, (line.strip() for line in process.stdout if line.strip() in KNOWN)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def stop_between_writes(world, process):
    """Stop a process that does not hold the ledger's write lock: nobody else could write then."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            with world.ledger.writing():
                return
        except LedgerError:
            process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_two_processes(world, worker):
    """Of two real processes one works; stopped (SIGSTOP) past its lease, it commits nothing once it wakes."""
    paused, answers = worker(2)
    assert next(answers) == "fetched"
    assert next(worker(2)[1]) == "HeldError"
    stop_between_writes(world, paused)
    told = "HeldError"
    while told == "HeldError":
        second, others = worker(60)
        told = next(others)
    assert told == "fetched"
    go_on(second)
    assert next(others) == "committed"
    before = world.dump()
    paused.send_signal(signal.SIGCONT)
    go_on(paused)
    assert next(answers) == "LeaseLostError"
    assert world.dump() == before
    assert len(world.marks()) == 1


def test_a_ledger_out_of_reach_while_releasing(world, clock, monkeypatch):
    """A lease that cannot be given back ends by itself: what was done stands."""
    taken = leases(world, clock)
    lease = taken.take("prod", "lineage")

    def locked(_self):
        raise LedgerError("the ledger: another run is writing to it")

    monkeypatch.setattr(Ledger, "writing", locked)
    with structlog.testing.capture_logs() as told:
        taken._release(lease)
    assert [one["event"] for one in told] == ["lease.not_released"]
