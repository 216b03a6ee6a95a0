import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta

from schedules import jobs
from schedules.standing import StreamStanding
from tests import rows
from tests.schedules.conftest import NOW, small_estate


def test_status(mined):
    """Days, balance, what is held and the last runs, for a person."""
    answer = mined("status")
    assert (answer.code, answer.told) == (0, "")
    lines = [line.split() for line in answer.out.splitlines()]
    days = ["prod", "lineage", "3", "15", "2026-11-08", "2026-11-10", "2026-11-10", "2026-11-08", "none"]
    assert days in lines
    assert ["read_only", "6", "-"] in [line[:3] for line in lines]
    assert ["edges", "2"] in lines
    assert ["2026-11-12", "06:00:00", "2026-11-12", "06:00:00", "run", "done"] in lines


def test_status_as_json(mined):
    """The same for a program: days and instants as ISO 8601, fates with their rules."""
    told = mined("status", "--json").json
    assert told["streams"][0] == {
        "source": "prod", "stream": "lineage", "first": "2026-11-08", "last": "2026-11-10", "days": 3, "rows": 15,
        "watermark": "2026-11-10", "settled": "2026-11-08", "gaps": [],
    }  # fmt: skip
    assert {"source": "prod", "stream": "lineage", "table": "table_lineage", "fate": "kept", "rule": "", "rows": 6} in (
        told["balance"]
    )
    assert told["counts"]["edges"] == 2
    assert (told["runs"][0]["command"], told["runs"][0]["started"]) == ("run", "2026-11-12T06:00:00+00:00")
    assert told["unmined"] == []


def test_gaps(mined):
    """Days between first and last that are not mined are gaps; a watermark never kept stops before them."""
    with closing(sqlite3.connect(mined.ledger)) as ledger:
        ledger.execute("DELETE FROM day_mined WHERE day = ?", [(date(2026, 11, 9) - date(1970, 1, 1)).days])
        ledger.execute("DELETE FROM watermark")
        ledger.commit()
    lineage, _ = jobs.status(mined.session.parts()).streams
    gap = (date(2026, 11, 9), date(2026, 11, 9))
    first = date(2026, 11, 8)
    assert lineage == StreamStanding("prod", "lineage", first, date(2026, 11, 10), 2, 10, first, first, (gap,))
    assert "2026-11-09" in mined("status").out


def test_a_day_that_is_not_over(home):
    """A day mined before its end is no part of what is mined whole."""
    home.write(*small_estate())
    home.at(NOW - timedelta(days=2))
    home("run")
    lineage, _ = jobs.status(home.session.parts()).streams
    assert (lineage.last, lineage.watermark, lineage.settled) == (date(2026, 11, 10), date(2026, 11, 9), None)


def test_late_rows(mined):
    """Rows that came after a day was mined are told by age."""
    mined.write(*small_estate(), rows.lineage("main.s.a", "main.s.b", query="late"))
    mined("run")
    assert mined("status", "--json").json["late"] == [
        {"source": "prod", "stream": stream, "age_days": 2, "rows": 1} for stream in ("lineage", "usage")
    ]
    assert "Rows that came late" in mined("status").out


def test_source_not_mined_yet(mined):
    """A source that is configured and not mined yet is named."""
    (mined.folder / "other").mkdir()
    mined.set('[sources.west]\nkind = "files"\npath = "other"\n')
    assert mined("status", "--json").json["unmined"] == ["west"]
    assert "source west: nothing mined yet" in mined("status").out


def test_dump(mined):
    """The dump is JSON lines that begin with what they are; to a file it is the same as to standard output."""
    lines = mined("ledger", "dump").out.splitlines()
    assert all(next(iter(json.loads(line))) == "what" for line in lines)
    answer = mined("ledger", "dump", "--out", "l.jsonl")
    assert answer.out == f"l.jsonl: {len(lines)} lines\n"
    assert (mined.folder / "l.jsonl").read_text().splitlines() == lines


def test_dump_that_cannot_be_written(mined):
    """A place that cannot be written is named, not the ledger."""
    (mined.folder / "taken").mkdir()
    answer = mined("ledger", "dump", "--out", "taken")
    assert answer.code == 1
    assert answer.told.startswith("error: taken could not be written")
