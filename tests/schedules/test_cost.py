"""List cost through the command: mined by `run` and `backfill`, told by `report` and `status`, left out with the reason."""

import csv
import shutil
from collections import Counter
from decimal import Decimal

import pytest

from queries.sample import MINER, write_estate
from schedules import settings
from schedules.daemon.works import jobs_of, work
from schedules.parts import Parts
from tests.rows import DAY
from tests.schedules.conftest import NOW

FATES = {"dataset", "no_reads", "out_of_scope", "idle", "no_statements", "elsewhere"}


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """A small estate with bills."""
    folder = tmp_path_factory.mktemp("billed")
    write_estate(folder, tables=60, days=6, events_per_day=400, seed=3, last_day=DAY)
    return folder


@pytest.fixture
def billed(home, estate):
    """A home whose source is that estate."""
    shutil.rmtree(home.folder / "export", ignore_errors=True)
    shutil.copytree(estate, home.folder / "export")
    home.set(f'principal = "{MINER}"\n[purview]\nsink = "none"\n', start="2026-11-05")
    return home


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_run_and_report(billed):
    """A run mines cost, the report tells it by dataset and by fate, and every day adds up to its bill."""
    assert billed("run").code == 0
    answer = billed("report", "cost", "popularity", "--out", "out")
    assert (answer.code, answer.told) == (0, "")
    told = table(billed.folder / "out" / "cost.csv")
    assert {one["fate"] for one in told} == FATES
    days: Counter = Counter()
    for one in told:
        days[one["day"]] += Decimal(one["list_cost"])
    hours: Counter = Counter()
    for one in billed.dump():
        if one["what"] == "cost_hour":
            hours[one["day"]] += Decimal(one["billionths"]).scaleb(-9)
    assert days == hours
    assert len(days) == 6
    popular = [one for one in table(billed.folder / "out" / "popularity.csv") if one["window_days"] == "7"]
    borne: Counter = Counter()
    for one in told:
        borne[one["dataset"]] += Decimal(one["list_cost"])
    assert all(Decimal(one["list_cost"]) == borne.get(one["dataset"], 0) for one in popular)
    assert {(one["list_cost_currency"], one["list_cost_days"]) for one in popular} == {("USD", "6")}


def test_left_out(billed):
    """Without bills all the rest is mined, and run and status say why there is no cost; the report is empty."""
    shutil.rmtree(billed.folder / "export" / "system" / "billing")
    answer = billed("run")
    assert answer.code == 0
    reason = "list cost is left out: system.billing.usage is not there, or may not be seen"
    assert f"note: source prod: {reason}" in " ".join(answer.out.split())
    assert f"source prod: {reason}" in " ".join(billed("status").out.split())
    assert billed("status", "--json").json["without_cost"] == {"prod": reason.partition(": ")[2]}
    assert billed("report", "cost", "--out", "out").code == 0
    assert table(billed.folder / "out" / "cost.csv") == []
    refused = billed("backfill", "--from", "2026-11-05", "--to", "2026-11-06", "--stream", "cost", "--yes")
    assert (refused.code, "there is no cost: system.billing.usage is not there" in refused.told) == (2, True)


def test_not_wanted(billed, monkeypatch):
    """`[mining] cost = false` leaves it out without a word."""
    monkeypatch.setenv("UC_MINER__MINING__COST", "false")
    answer = billed("run")
    assert (answer.code, "cost" in answer.out) == (0, False)


def test_backfill(billed):
    """Cost is a stream like the others: mined again on request, and by default with them."""
    assert billed("run").code == 0
    first, last = ("--from", "2026-11-05"), ("--to", "2026-11-06")
    answer = billed("backfill", *first, *last, "--stream", "cost", "--again", "--yes")
    assert answer.code == 0
    mined = [one for one in answer.events if one["event"] == "day.mined"]
    assert [(one["stream"], one["day"]) for one in mined] == [("cost", "2026-11-05"), ("cost", "2026-11-06")]
    dry = billed("backfill", *first, *last, "--again", "--dry-run")
    assert {"lineage", "usage", "cost"} <= set(dry.out.split())


def test_the_daemons_job(billed):
    """The daemon mines cost at times of its own, and nothing else then."""
    parts = Parts(settings.load(billed.settings, {}), lambda: NOW)
    (job,) = (one for one in jobs_of(parts) if one.stream == "cost")
    assert (job.name, job.timing.text) == ("cost of prod", "daily at 05:00")
    with parts.ledger() as ledger:
        worked = work(parts, job, ledger, lambda: False, lambda _: None)
    assert (worked.error, {day.stream for day in worked.outcome.days}) == (None, {"cost"})
