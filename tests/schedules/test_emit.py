"""`uc-miner emit`: sending by itself, for a time, and reading back; and what is retired as commands tell it."""

from datetime import UTC, datetime, timedelta

import pytest

from miner.ledger.leases import EMISSION, Leases
from schedules.daemon.metrics import Metrics
from schedules.daemon.ticking import SERVED, Ticker
from schedules.daemon.works import VERIFY, jobs_of
from tests import rows
from tests.schedules.conftest import NOW, small_estate
from tests.schedules.test_run import atlas, bodies, connect, emitted, scan

__all__ = ["atlas"]

NAMES = ("a", "b", "c", "unread")


@pytest.fixture
def sent(home, atlas):
    """A small estate in a catalog."""
    connect(home, atlas)
    home.write(*small_estate())
    scan(atlas, *NAMES)
    assert home("run").code == 0
    return home


def ours(atlas) -> dict[tuple[str, str], dict]:
    """The attributes of our entities."""
    return {key: dict(one["attributes"]) for key, one in atlas.entities.items() if key[0].startswith("uc_miner_")}


def test_emit_sends_what_run_mined(home):
    """What `run --no-emit` mined is sent by `emit` as a whole run would have, once."""
    home.write(*small_estate())
    assert home("run", "--no-emit").code == 0
    answer = home("emit")
    assert answer.code == 0, answer.err
    assert ["processes", "2", "0", "0", "0"] in [line.split() for line in answer.out.splitlines()]
    assert len(emitted(home)) == 2 + 2 + 4
    before = bodies(home)
    assert home("emit").code == 0
    assert bodies(home) == before


def test_emit_without_a_sink_or_a_ledger(home):
    """Without a sink there is nothing to send to, without a ledger nothing to send: either is said with what to do."""
    assert "uc-miner run" in home("emit").err
    home.set('[purview]\nsink = "none"\n')
    answer = home("emit")
    assert (answer.code, "[purview] sink" in answer.err) == (2, True)


def test_out_of_time(home, monkeypatch):
    """When its minutes are over, sending ends after the batch at hand, says so, and is no failure; the next goes on."""
    home.set("[purview]\nmax_entities = 1\n")
    home.write(*small_estate())
    home("run", "--no-emit")
    seconds = iter(range(10_000))
    home.session.now = lambda: NOW + timedelta(seconds=20 * next(seconds))
    answer = home("emit", "--max-minutes", "1")
    assert answer.code == 0, answer.err
    assert "time was up" in answer.out
    assert 0 < len(emitted(home)) < 8
    answer = home("run", "--max-minutes", "1000")
    assert (answer.code, "time was up" in answer.out) == (0, False)
    names = [one["attributes"]["qualifiedName"] for one in emitted(home)]
    assert len(names) == len(set(names)) == 8


def test_one_sends_at_a_time(sent):
    """While another process sends, emit leaves it to it and says so; mining is not kept from anything by that."""
    with sent.session.parts().ledger() as ledger, Leases(ledger).holding("purview", EMISSION):
        answer = sent("emit")
        assert (answer.code, "left to it" in answer.out) == (0, True)
        sent.at(NOW + timedelta(days=1))
        assert "prod" in sent("run", "--no-emit").out


def test_verify_mends(sent, atlas):
    """Reading back finds what somebody changed or removed, sends just that, and finds nothing the next time."""
    before = ours(atlas)
    answer = sent("emit", "--verify")
    assert (answer.code, "8 entities of 2 processes, 4 assets with figures read back" in answer.out) == (0, True)
    assert "0 were not as they should be" in answer.out
    gone, changed = [key for key in sorted(before) if key[0] == "uc_miner_process"]
    del atlas.entities[gone]
    atlas.entities[changed]["attributes"]["inputs"] = []
    answer = sent("emit", "--verify")
    assert (answer.code, "2 were not as they should be: 2 sent again" in answer.out) == (0, True)
    assert ours(atlas) == before
    assert "0 were not as they should be" in sent("emit", "--verify", "--sample", "5").out


def test_verify_that_is_refused(sent, atlas):
    """What cannot be mended is told in the catalog's words, with the code for rejections."""
    process, *_ = [key for key in sorted(ours(atlas)) if key[0] == "uc_miner_process"]
    del atlas.entities[process]
    atlas.refuses = process[1].encode()
    answer = sent("emit", "--verify")
    assert answer.code == 3
    assert "1 were not as they should be: 0 sent again" in answer.out
    assert "rejected: 1 for" in answer.out


def test_verify_needs_a_catalog(home):
    """Files cannot be read back: that is said, and nothing is done."""
    home.write(*small_estate())
    home("run")
    answer = home("emit", "--verify")
    assert (answer.code, 'sink is "files"' in answer.err) == (2, True)
    assert home("emit", "--sample", "5").code == 2


def test_the_daemon_reads_back(sent, atlas):
    """The daemon verifies by its schedule, under a stream of its own, and counts what it looked at and mended."""
    parts, metrics = sent.session.parts(), Metrics()
    (job,) = [one for one in jobs_of(parts) if one.stream == VERIFY]
    assert job.name == "verify of purview"
    process, *_ = [key for key in sorted(ours(atlas)) if key[0] == "uc_miner_process"]
    del atlas.entities[process]
    ticked = Ticker(parts, lambda _: None).tick(job)
    assert ticked.outcome == SERVED
    assert process in ours(atlas)
    metrics.ticked(ticked, 1.0)
    told = metrics.text().decode()
    assert 'uc_miner_entities_total{fate="verified",sink="purview"} 8.0' in told
    assert 'uc_miner_entities_total{fate="mended",sink="purview"} 1.0' in told
    assert not [one for one in jobs_of(_with_files(sent)) if one.stream == VERIFY]


def _with_files(home):
    home.set()
    return home.session.parts()


def test_what_is_retired_is_told(home, atlas):
    """Plan, run, log and metrics tell how many edges a rule retired; the plan names what goes with its reason."""
    connect(home, atlas, more="max_removals = 100\n", start="2026-11-01\nstale_days = 2\nsettle_days = 0")
    scan(atlas, *NAMES)
    days = [rows.DAY - timedelta(days=number) for number in range(5, -1, -1)]
    old = rows.lineage("main.s.a", "main.s.c", day=days[0], pipeline="old")
    going = [rows.lineage("main.s.b", "main.s.c", day=day, pipeline="q1") for day in days]
    home.at(datetime(2026, 11, 6, 6, tzinfo=UTC))
    home.write(old, *going[:1])
    assert home("run").code == 0
    home.at(NOW)
    home.write(old, *going)
    assert home("run", "--no-emit").code == 0
    planned = home("plan", "--json").json
    assert planned["retired"] == {"aged": 1}
    assert [(one["type"], one["reason"]) for one in planned["removed"]][:1] == [("uc_miner_process", "aged")]
    text = home("plan").out
    assert "Processes to be removed" in text
    answer = home("--log-format", "json", "run")
    assert answer.code == 0, answer.err
    assert ["1", "aged"] in [line.split()[:2] for line in answer.out.splitlines()]
    (event,) = [one for one in answer.events if one["event"] == "entities.emitted"]
    assert event["retired"] == {"aged": 1}
    assert home("plan", "--json").json["retired"] == {}
