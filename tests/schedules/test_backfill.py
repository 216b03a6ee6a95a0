"""`uc-miner backfill`: the plan, the question, the days, and going on after Control-C."""

from datetime import date, timedelta

import pytest

from schedules import backfills
from tests import rows
from tests.schedules.conftest import NOW, small_estate

BACKFILL = ("backfill", "--from", "2026-11-01", "--to", "2026-11-12")


def days(home, stream="lineage"):
    return [line["day"] for line in home.dump() if line["what"] == "day" and line["stream"] == stream]


@pytest.fixture
def older(home):
    """A home whose export reaches back before [mining] start."""
    estate = [row for back in (0, 3) for row in small_estate(rows.DAY - timedelta(days=back))]
    home.write(*estate)
    return home


def test_dry_run(older):
    """The plan tells days, what is done and what is left out, and mines nothing: code 0."""
    answer = older(*BACKFILL, "--dry-run")
    assert answer.code == 0, answer.err
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["prod", "lineage", "2026-11-01", "2026-11-12", "6", "0", "6", "-", "-"] in lines
    assert "warning: source prod: 6 of the days asked for are left out: it holds 2026-11-05 to 2026-11-10" in answer.out
    assert days(older) == []


def test_nobody_agrees(older):
    """Without a terminal and without --yes nothing is mined: code 2."""
    answer = older(*BACKFILL)
    assert answer.code == 2
    assert "--yes" in answer.told
    assert days(older) == []


def test_backfill(older):
    """It mines the days asked for, those before the start of live mining too, then finds nothing left to do."""
    answer = older(*BACKFILL, "--yes", "--note", "first year")
    assert answer.code == 0, answer.err
    assert "12 days mined" in answer.out
    assert "rows in" in answer.out
    assert days(older) == [str(date(2026, 11, day)) for day in range(5, 11)]
    again = older(*BACKFILL, "--yes")
    lines = [line.split() for line in again.out.splitlines()]
    assert ["prod", "usage", "2026-11-01", "2026-11-12", "6", "6", "0", "-", "-"] in [
        [*line[:7], "-", "-"] for line in lines
    ]
    (told,) = older("status", "--json").json["backfills"][1:]
    assert (told["request"]["note"], told["outcome"], told["days_done"]) == ("first year", "done", 6)
    assert "first year" in older("status").out


def test_one_stream_in_chunks(older):
    """--stream, --source, --chunk-days and --oldest-first narrow and order it."""
    older.at(NOW + timedelta(days=30))
    command = (*BACKFILL, "--yes", "--stream", "usage", "--source", "prod", "--chunk-days", "2", "--oldest-first")
    answer = older(*command)
    mined = [event["day"] for event in answer.events if event["event"] == "day.mined"]
    assert mined == days(older, "usage") == [str(date(2026, 11, day)) for day in range(5, 11)]
    assert days(older) == []


def test_the_live_run_goes_on_as_before(older):
    """A backfill leaves what `run` looks after alone: its start, its watermark."""
    assert older("run").code == 0
    before = older("status", "--json").json["streams"][0]
    assert older(*BACKFILL, "--yes", "--oldest-first", "--chunk-days", "1").code == 0
    after = older("status", "--json").json["streams"][0]
    assert (before["first"], after["first"]) == ("2026-11-08", "2026-11-05")
    assert before["watermark"] == after["watermark"] == "2026-11-10"


def test_interrupted(older, monkeypatch):
    """After Control-C the same command does what is left: code 130, then 0."""
    real, seen = backfills.Backfill._mine, []

    def interrupted(self, one, chunk, run_id):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(chunk)
        return real(self, one, chunk, run_id)

    with monkeypatch.context() as patch:
        patch.setattr(backfills.Backfill, "_mine", interrupted)
        assert older(*BACKFILL, "--yes", "--chunk-days", "1").code == 130
    assert days(older) == ["2026-11-09", "2026-11-10"]
    answer = older(*BACKFILL, "--yes", "--chunk-days", "1")
    assert answer.code == 0
    assert "10 days mined" in answer.out
    assert len(days(older)) == 6
    assert [one["outcome"] for one in older("status", "--json").json["backfills"]] == ["done", "done"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--from", "2026-11-02", "--to", "2026-11-01"), "2026-11-02 is after 2026-11-01"),
        (("--from", "2026-11-01", "--to", "2026-11-02", "--source", "nope"), "there is no source nope"),
    ],
)
def test_misuse(older, args, told):
    """What cannot be meant is told: code 2."""
    answer = older("backfill", *args, "--yes")
    assert answer.code == 2
    assert told in answer.told
