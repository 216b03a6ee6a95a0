"""`uc-miner daemon` as an operator meets it: signals, settings, health, figures, systemd."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from miner.errors import LedgerError, SettingsError
from schedules.daemon.clockwork import Bell
from schedules.daemon.health import Health
from schedules.daemon.ledgers import Ledgers
from schedules.daemon.life import Daemon
from schedules.daemon.metrics import Metrics
from schedules.daemon.notify import Notify
from schedules.daemon.page import page
from schedules.daemon.server import answers, serving
from schedules.daemon.ticking import HELD, NOT_DUE, SERVED, Ticker
from schedules.daemon.works import jobs_of
from tests.schedules.conftest import NOW, small_estate

ROOT = Path(__file__).parents[2]
DAEMON = '[daemon]\nlisten = "127.0.0.1:0"\njitter_seconds = 0\ngrace_seconds = 20\nnames = "off"\ncost = "off"\n'


class Clock:
    """A clock of the test's own."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def seconds(self):
        return self.now.timestamp()


@pytest.fixture
def clock(home):
    made = Clock()
    home.session.now = made
    home.write(*small_estate())
    home.set(DAEMON)
    return made


@pytest.fixture
def ticker(home, clock):
    parts = home.session.parts()
    made = Ticker(parts, lambda _: None)
    yield made
    made.ledgers.renew()


def job(ticker, stream):
    return next(one for one in jobs_of(ticker.parts) if one.stream == stream)


def get(address):
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 -- our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_jobs(ticker):
    """One job per source and stream and one for sending; what is off, or has nothing to do, is none."""
    assert [one.name for one in jobs_of(ticker.parts)] == ["lineage of prod", "usage of prod", "emission of files"]


def test_a_tick_is_served_once(ticker, clock):
    """A job that never went well is due at once; then only when its schedule comes round."""
    lineage = job(ticker, "lineage")
    assert ticker.tick(lineage).outcome == SERVED
    assert ticker.tick(lineage).outcome == NOT_DUE
    clock.now += timedelta(minutes=59)
    assert ticker.tick(lineage).outcome == NOT_DUE
    clock.now += timedelta(minutes=1)
    again = ticker.tick(lineage)
    assert (again.outcome, {one.stream for one in again.worked.outcome.days}) == (SERVED, {"lineage"})


def test_sending_and_the_report(home, ticker, clock):
    """Sending is a job of its own, and so are the reports: those whose files are named, as `uc-miner report` writes them."""
    home.set(DAEMON + 'report = "daily"\nreport_out = "popularity.csv"\nedges_out = "edges.csv"\n')
    ticker.parts = home.session.parts()
    for one in jobs_of(ticker.parts):
        assert ticker.tick(one).outcome == SERVED
    home("report", "--csv", "p.csv", "--edges", "e.csv")
    for written, told in (("popularity.csv", "p.csv"), ("edges.csv", "e.csv")):
        assert (home.folder / written).read_bytes() == (home.folder / told).read_bytes()
        assert (home.folder / written).read_text().count("\n") > 1
    assert list((home.folder / "purview").glob("bulk-*.json"))


@pytest.mark.slow
def test_a_job_that_somebody_else_is_at(home, ticker, clock):
    """What another process is at is left to it, and looked at again once its lease must have ended."""
    with ticker.ledgers.lent(ticker.parts.ledger) as ledger:
        leases = ticker.parts.leases(ledger, "none")
        with leases.holding("prod", "lineage"):
            ticked = ticker.tick(job(ticker, "lineage"))
            assert (ticked.outcome, ticked.again) == (HELD, timedelta(seconds=120))
            answer = home("status")
            assert "at work now" in answer.out
            assert "on prod, lineage" in answer.out
            ran = home("run", "--no-emit")
    assert ran.code == 0
    assert "left to it" in ran.out
    assert ticker.tick(job(ticker, "lineage")).outcome == SERVED


def test_failures_are_tried_again(home, ticker, clock):
    """A failed job is tried again after a minute, then twice as long each time, half an hour at most, and health tells."""
    home.write()
    health = Health(clock.seconds, ticker.parts, ticker.ledgers, list(jobs_of(ticker.parts)))
    waits = []
    for _ in range(8):
        ticked = ticker.tick(job(ticker, "lineage"))
        assert ticked.outcome == "failed"
        waits.append(ticked.again.total_seconds() / 60)
        clock.now += ticked.again
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert [one.tick.failures for one in health.standing().jobs if one.tick] == [8]
    clock.now += timedelta(hours=6)
    assert "table_lineage holds no row at all" in " ".join(health.standing().troubles)
    home.write(*small_estate())
    assert ticker.tick(job(ticker, "lineage")).outcome == SERVED
    assert [one.tick.failures for one in health.standing().jobs if one.tick] == [0]


def test_a_clock_that_ran_ahead(ticker, clock):
    """What was served by a clock a year ahead does not keep a job from its work for a year."""
    clock.now += timedelta(days=365)
    ticker.tick(job(ticker, "emission"))
    clock.now -= timedelta(days=365)
    assert ticker.tick(job(ticker, "emission")).outcome == SERVED
    assert ticker.tick(job(ticker, "emission")).outcome == NOT_DUE


def test_health(ticker, clock):
    """Ready while every stream is in time; a stream later than allowed, or days behind, makes it not ready."""
    health = Health(clock.seconds, ticker.parts, ticker.ledgers, list(jobs_of(ticker.parts)))
    paths = answers(health, Metrics())
    assert paths["/readyz"]()[0] == 200
    for one in jobs_of(ticker.parts):
        ticker.tick(one)
    assert health.standing().troubles == []
    clock.now += timedelta(hours=8)
    status, _, told = paths["/readyz"]()
    assert (status, b"lineage of prod: due for 7.0 h, allowed are 6 h" in told) == (503, True)
    clock.now += timedelta(days=3)
    for one in jobs_of(ticker.parts):
        ticker.tick(one)
    (behind, _) = health.standing().troubles
    assert behind == "lineage of prod: mined whole to 2026-11-10, 4 days behind, allowed are 3"
    assert paths["/healthz"]()[0] == 503
    health.beat()
    assert paths["/healthz"]()[0] == 200


def test_a_ledger_out_of_reach(ticker, clock, monkeypatch):
    """A ledger that does not answer makes the daemon not ready; once it answers, it is ready again."""
    health = Health(clock.seconds, ticker.parts, ticker.ledgers, list(jobs_of(ticker.parts)))

    def broken(_self):
        raise LedgerError("the ledger: the disk refuses")

    with monkeypatch.context() as patch:
        patch.setattr("miner.ledger.store.Ledger.reading", broken)
        assert health.standing().troubles == ["the ledger: the disk refuses"]
        assert ticker.tick(job(ticker, "lineage")).outcome == "failed"
    assert health.standing().troubles == []
    assert ticker.tick(job(ticker, "lineage")).outcome == SERVED


def test_the_page_escapes(ticker, clock):
    """What comes from outside is shown as text."""
    health = Health(clock.seconds, ticker.parts, ticker.ledgers, list(jobs_of(ticker.parts)))
    shown = page(health.standing())
    assert "<td>prod</td><td>lineage</td><td>hourly</td>" in shown
    with ticker.ledgers.lent(ticker.parts.ledger) as ledger, ticker.parts.leases(ledger, "none").holding("<b>", "x"):
        assert "&lt;b&gt;" in page(health.standing())


def test_figures(ticker, clock, tmp_path):
    """Figures count what jobs did, and tell what the ledger knows; the file for node-exporter holds the same."""
    metrics = Metrics()
    metrics.watch(Health(clock.seconds, ticker.parts, ticker.ledgers, list(jobs_of(ticker.parts))))
    for one in jobs_of(ticker.parts):
        metrics.ticked(ticker.tick(one), 1.0)
    metrics.count_event(None, "warning", {"event": "statement.retried"})
    metrics.write(tmp_path / "uc-miner.prom")
    for told in (metrics.text().decode(), (tmp_path / "uc-miner.prom").read_text()):
        assert 'uc_miner_jobs_total{outcome="done",source="prod",stream="lineage"} 1.0' in told
        assert 'uc_miner_days_mined_total{source="prod",stream="usage"} 3.0' in told
        assert 'uc_miner_entities_total{fate="created",sink="files"}' in told
        assert 'uc_miner_events_total{event="statement.retried",level="warning"} 1.0' in told
        (mark,) = re.findall(r'uc_miner_watermark_timestamp_seconds{source="prod",stream="lineage"} (\S+)', told)
        assert float(mark) == datetime(2026, 11, 10, tzinfo=UTC).timestamp()
        assert "uc_miner_ready 1.0" in told


def test_figures_and_events_are_documented():
    """docs/operations.md names every figure and every event of the daemon."""
    docs = (ROOT / "docs/operations.md").read_text()
    figures = set(re.findall(r'"(uc_miner_\w+)"', (ROOT / "schedules/daemon/metrics.py").read_text()))
    assert {name for name in figures if name not in docs} == set()
    events = set()
    for file in [
        *(ROOT / "schedules/daemon").glob("*.py"),
        ROOT / "miner/ledger/leases.py",
        ROOT / "miner/backfill.py",
    ]:
        events |= set(re.findall(r'log\.\w+\(\s*"([a-z_.]+)"', file.read_text()))
    assert len(events) > 12
    assert {name for name in events if f"`{name}`" not in docs} == set()


def test_the_server(ticker, clock):
    """Each path answers, HEAD too; nothing else is there; an address that is taken is told with its mend."""
    health = Health(clock.seconds, ticker.parts, ticker.ledgers, ())
    with serving("127.0.0.1:0", answers(health, Metrics())) as address:
        assert get(f"{address}/healthz") == (200, "ok\n")
        assert get(f"{address}/metrics")[1].startswith("# HELP")
        assert get(f"{address}/?x=1")[1].startswith("<!doctype html>")
        assert get(f"{address}/secret")[0] == 404
        request = urllib.request.Request(f"{address}/readyz", method="HEAD")  # noqa: S310 -- our own server
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert (answer.status, answer.read()) == (200, b"")
        taken = address.removeprefix("http://")
        with pytest.raises(SettingsError, match="cannot listen") as raised, serving(taken, {}):
            pass
    assert "listen" in raised.value.mend


def test_systemd_is_told(tmp_path):
    """With NOTIFY_SOCKET set, states go to it as datagrams; without it, or with nobody there, nothing happens."""
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place)
        told = Notify({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "60000000"})
        told.ready("3 jobs")
        told.reloading()
        told.alive()
        told.stopping()
        lines = [manager.recv(4096).decode() for _ in range(4)]
    assert lines[0] == "READY=1\nSTATUS=3 jobs"
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", lines[1])
    assert lines[2:] == ["WATCHDOG=1", "STOPPING=1"]
    told.alive()
    Notify({}).ready("")


def test_a_manager_that_does_not_read(tmp_path, monkeypatch):
    """A service manager whose socket is full does not hold the daemon up."""
    monkeypatch.setattr("schedules.daemon.notify._PATIENCE", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        for _ in range(60):
            Notify({"NOTIFY_SOCKET": str(tmp_path / "notify")}).ready("still there")
        assert manager.recv(4096)


def test_a_bell_rung_before_anybody_waits():
    """A ring is not lost, and many are one."""
    bell = Bell()
    for _ in range(3):
        bell.ring()
    begun = time.monotonic()
    bell.wait(30)
    assert time.monotonic() - begun < 10
    assert bell._rings.empty()


def test_a_ledger_is_opened_anew_after_an_error(home, clock):
    """Jobs share one open ledger; after a LedgerError the next job gets a fresh one, and the old is closed when unused."""
    ledgers, parts = Ledgers(), home.session.parts()
    with ledgers.lent(parts.ledger) as first, ledgers.lent(parts.ledger) as same:
        assert first is same
        with pytest.raises(LedgerError), ledgers.lent(parts.ledger):
            raise LedgerError("broken")
        with ledgers.lent(parts.ledger) as second:
            assert second is not first
        assert first.scratch.exists()
    assert not first.scratch.exists()
    ledgers.renew()
    assert not second.scratch.exists()


def test_settings_that_are_wrong(home, clock):
    """A daemon without a job, or with a schedule that is none, does not start: code 2."""
    home.set(DAEMON.replace("[daemon]", '[daemon]\nlineage = "sometimes"'))
    answer = home("daemon")
    assert (answer.code, "daemon.lineage" in answer.told) == (2, True)
    home.set(DAEMON.replace("[daemon]", '[daemon]\nlineage = "off"\nusage = "off"\nemit = "off"'))
    assert "nothing is scheduled" in home("daemon").told
    home.set(DAEMON + 'report = "daily"\n')
    assert "daemon.edges_out" in home("daemon").told
    home.set(DAEMON + 'report_out = "one.csv"\nedges_out = "one.csv"\n')
    assert "daemon.report_out too" in home("daemon").told


def test_bad_settings_are_refused_and_the_old_kept(home, clock):
    """On SIGHUP good settings are taken, with jobs come and gone; bad ones are refused and the old ones stay."""
    daemon = Daemon(home.session.parts, monotonic=clock.seconds)
    daemon.begin()
    try:
        daemon._clockwork.pause()
        home.set(DAEMON + 'usage = "off"\n')
        daemon._reload()
        assert {one.id for one in daemon._clockwork.get_jobs()} == {"lineage of prod", "emission of files"}
        home.set(DAEMON + "late_hours = -1\n")
        daemon._reload()
        assert {one.id for one in daemon._clockwork.get_jobs()} == {"lineage of prod", "emission of files"}
        assert daemon._parts.settings.daemon.usage == "off"
        told = daemon.metrics.text().decode()
        assert 'uc_miner_reloads_total{outcome="refused"} 1.0' in told
        assert 'uc_miner_reloads_total{outcome="done"} 1.0' in told
    finally:
        daemon.close()


def test_the_log_of_new_settings(home, clock):
    """On SIGHUP the log follows the settings that are taken, and stays as it is when they are refused."""
    heard = []
    daemon = Daemon(home.session.loaded, lambda parts: heard.append(parts.settings.log.level), monotonic=clock.seconds)
    daemon.begin()
    try:
        daemon._clockwork.pause()
        home.set(DAEMON + '[log]\nlevel = "debug"\n')
        daemon._reload()
        home.set(
            DAEMON.replace("[daemon]", '[daemon]\nlineage = "off"\nusage = "off"')
            + '[log]\nlevel = "error"\n[purview]\nsink = "none"\n'
        )
        daemon._reload()
    finally:
        daemon.close()
    assert heard == ["info", "debug"]


HELD_UP = """
import sys
from schedules import cli
from queries.system_tables import SystemTableReader as reader
real = reader.usage
def usage(*given):
    print('{"event": "usage.asked"}', file=sys.stderr, flush=True)
    sys.stdin.readline()
    return real(*given)
reader.usage = usage
sys.exit(cli.main())
"""


class Started:
    """The real daemon; `told` waits for an event of its log. Held up, it reads usage once it is let go on."""

    def __init__(self, folder, env, *, held_up):
        command = [sys.executable, *(("-c", HELD_UP) if held_up else ("-m", "schedules")), "daemon"]
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.events = []
        self._lines = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self):
        for line in self.process.stderr:
            with suppress(ValueError):
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def told(self, event, **fields):
        """The first such event from here on."""
        while (one := self._lines.get(timeout=60)) is not None:
            self.events.append(one)
            if one["event"] == event and all(one.get(name) == value for name, value in fields.items()):
                return one
        raise AssertionError(f"no {event} in {self.events}")

    def asked(self, number):
        """Send a signal."""
        self.process.send_signal(number)

    def go_on(self):
        """Let it read usage."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self):
        """The exit code; all events are in `events` then."""
        code = self.process.wait(60)
        self._reading.join(60)
        while not self._lines.empty():
            self.events += [one for one in [self._lines.get()] if one]
        return code

    def close(self):
        self.process.kill()
        self.ended()
        self.process.stdin.close()
        self.process.stderr.close()


@pytest.fixture
def started(home):
    """Start the real daemon in the home folder, over days up to yesterday."""
    processes = []

    def start(*, held_up=False, env=None):
        home.write(*small_estate(datetime.now(UTC).date() - timedelta(days=1)))
        home.set(DAEMON, start="2020-01-01")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)} | (env or {})
        processes.append(Started(home.folder, environment, held_up=held_up))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


@pytest.mark.slow
def test_a_life(home, started, tmp_path):
    """The real daemon starts, mines, tells systemd and its probes, takes new settings, and ends on SIGTERM with 0."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        daemon = started(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(4096).startswith(b"READY=1")
        address = daemon.told("daemon.started")["address"]
        ended = {daemon.told("job.done")["job"] for _ in range(3)}
        assert ended == {"lineage of prod", "usage of prod", "emission of files"}
        done = next(one for one in daemon.events if one["event"] == "day.mined")
        assert {"run", "job", "source", "day"} <= done.keys()
        assert get(f"{address}/readyz") == (200, "ok\n")
        assert "uc_miner_days_mined_total" in get(f"{address}/metrics")[1]
        home.set(DAEMON + 'usage = "off"\n', start="2020-01-01")
        daemon.asked(signal.SIGHUP)
        assert daemon.told("settings.reloaded")["jobs"] == ["lineage of prod", "emission of files"]
        home.set(DAEMON + 'usage = "never"\n', start="2020-01-01")
        daemon.asked(signal.SIGHUP)
        assert "daemon.usage" in daemon.told("settings.refused")["error"]
        daemon.asked(signal.SIGTERM)
        assert daemon.ended() == 0
    assert daemon.events[-1]["event"] == "daemon.stopped"
    home.set(DAEMON, start="2020-01-01")
    assert home("status", "--json").json["leases"] == []


@pytest.mark.slow
def test_a_signal_in_the_middle_of_a_day(home, started):
    """A day that is being fetched when the daemon is asked to end is committed within the grace time, and no lease stays."""
    daemon = started(held_up=True)
    daemon.told("usage.asked")
    assert "on prod, usage" in home("status").out
    daemon.asked(signal.SIGINT)
    assert "usage of prod" in daemon.told("daemon.stopping")["at_work"]
    daemon.go_on()
    assert daemon.ended() == 0
    assert [one for one in daemon.events if one["event"] == "day.mined" and one["stream"] == "usage"]
    assert home("status", "--json").json["leases"] == []


@pytest.mark.slow
def test_work_that_does_not_end(home, started):
    """Work that neither ends nor can be cancelled is abandoned: code 1, and the next daemon does it."""
    daemon = started(held_up=True)
    daemon.told("job.done", job="lineage of prod")
    if "usage.asked" not in {one["event"] for one in daemon.events}:
        daemon.told("usage.asked")
    daemon.asked(signal.SIGTERM)
    daemon.told("daemon.stopping")
    daemon.asked(signal.SIGTERM)
    assert daemon.ended() == 1
    (left,) = [one for one in daemon.events if one["event"] == "daemon.abandoned"]
    assert left["at_work"] == ["usage of prod"]
    again = started()
    again.told("job.done", job="usage of prod")
    again.asked(signal.SIGTERM)
    assert again.ended() == 0


@pytest.fixture(autouse=True)
def _quiet():
    structlog.contextvars.clear_contextvars()
