"""The stream `queries` as its settings say, from run to report."""

import json
import shutil
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from miner import schemas
from schedules import jobs, settings
from schedules.daemon.works import jobs_of
from schedules.parts import Parts
from tests import rows
from tests.schedules.conftest import NOW, SETTINGS, small_estate
from tests.schedules.test_reports import table

MINE = "[queries]\nmine = true\n"
SECRET = "hunter2"


def history(days=3):
    """Every day two people read c with the same statement, and one sets something and fails at something."""
    for back in range(days):
        day = rows.DAY - timedelta(days=back)
        given = {"start_time": rows.at(day), "statement_type": "SELECT", "client_application": "dbt"}
        measured = {
            "total_duration_ms": 1500,
            "total_task_duration_ms": 40,
            "read_bytes": 10,
            "read_rows": 2,
            "produced_rows": 1,
        }
        for number, (name, who) in enumerate((("s", "ann@x.org"), ("t", "bob@x.org"))):
            text = f"SELECT * FROM main.s.c WHERE password = '{SECRET} {number}'"  # noqa: S608 -- text to be read
            yield rows.statement(f"{name}{day}", statement_text=text, executed_by=who, **given, **measured)
        yield rows.statement(
            f"u{day}", statement_text="SET x = 1", executed_by="ann@x.org", **given | {"statement_type": "SET"}
        )
        yield rows.statement(
            f"v{day}", statement_text="SELECT wrong", executed_by="ann@x.org", execution_status="FAILED", **given
        )


@pytest.fixture(scope="session")
def asked_once(tmp_path_factory):
    """A folder whose export has statements, mined once for all tests; and the log of that run."""
    folder = tmp_path_factory.mktemp("asked")
    rows.write_estate(folder / "export", table_lineage=small_estate(), query_history=list(history()))
    (folder / "uc-miner.toml").write_text(SETTINGS.format(start="2026-11-08") + MINE)
    jobs.run(Parts(settings.load(folder / "uc-miner.toml", {}), lambda: NOW))
    return folder


@pytest.fixture
def asked(home, asked_once):
    """A home with statements, mined."""
    shutil.copytree(asked_once, home.folder, dirs_exist_ok=True)
    return home


@pytest.fixture
def fresh(home):
    """A home with statements, not mined yet."""
    home.write(*small_estate(), query_history=list(history()))
    home.set(MINE)
    return home


def report(home, *args):
    """The report's rows."""
    answer = home("report", "queries", "--out", "out", *args)
    assert answer.code == 0, answer.err
    return table(home.folder / "out" / "queries.csv")


def test_run_and_report(fresh):
    """A run mines statements beside the rest, balanced; the report ranks them for every window and dataset."""
    run = fresh("run")
    assert run.code == 0, run.err
    assert ["prod", "queries", "3", "2026-11-08", "2026-11-10", "12"] in [line.split() for line in run.out.splitlines()]
    told = report(fresh, "--window", "1", "--window", "3")
    assert list(told[0]) == schemas.QUERIES.names
    assert {(row["kind"], row["dataset"]) for row in told} == {("all", ""), ("table", "main.s.c")}
    (best,) = [
        row for row in told if (row["window_days"], row["dataset"], row["ranking"]) == ("3", "main.s.c", "popular")
    ]
    assert (best["runs"], best["failed_runs"], best["readers"], best["people"], best["machines"]) == (
        "6",
        "0",
        "2",
        "2",
        "0",
    )
    assert (best["mean_duration_ms"], best["max_duration_ms"], best["task_ms"], best["read_bytes"]) == (
        "1500",
        "1500",
        "240",
        "60",
    )
    assert (best["client_applications"], best["last_run"], best["partial_days"]) == ("dbt", "2026-11-10T12:00:00Z", "0")
    assert (best["top_reader"], best["text"], best["runs_of_all"]) == ("bob@x.org", "", "6")
    (failing,) = [row for row in told if (row["window_days"], row["ranking"]) == ("3", "failing")]
    assert (failing["dataset"], failing["runs"], failing["failed_runs"], failing["mean_duration_ms"]) == (
        "",
        "0",
        "3",
        "",
    )
    assert (
        len([row for row in told if row["window_days"] == "3" and row["ranking"] == "popular" and not row["dataset"]])
        == 1
    )


def test_forms(asked):
    """Parquet and JSON tell the same rows."""
    told = report(asked)
    for form in ("parquet", "json"):
        assert asked("report", "queries", "--out", "out", "--format", form).code == 0
    parquet = pq.read_table(asked.folder / "out" / "queries.parquet").to_pylist()
    lines = [json.loads(line) for line in (asked.folder / "out" / "queries.json").read_text().splitlines()]
    for one, other, third in zip(told, parquet, lines, strict=True):
        assert list(one) == list(other) == list(third)
        assert one["fingerprint"] == other["fingerprint"] == third["fingerprint"]
        assert int(one["runs"]) == other["runs"] == third["runs"]


def test_among_all_reports(asked):
    """All reports hold this one where statements are mined; a second run finds nothing to do, and the same is told."""
    assert asked("report", "--out", "all").code == 0
    first = (asked.folder / "all" / "queries.csv").read_text()
    asked("run")
    assert asked("report", "--out", "all").code == 0
    assert (asked.folder / "all" / "queries.csv").read_text() == first


def test_unless_asked_for(mined):
    """Without the setting nothing of it is mined, reported or filled in, and who asks for it is told of the setting."""
    assert not [line for line in mined.dump() if line.get("stream") == "queries"]
    assert mined("report", "--out", "all").code == 0
    assert not (mined.folder / "all" / "queries.csv").exists()
    backfill = ("backfill", "--from", "2026-11-08", "--to", "2026-11-10", "--stream", "queries", "--yes")
    for command in (("report", "queries", "--out", "all"), backfill):
        answer = mined(*command)
        assert answer.code == 2
        assert "[queries] mine = true" in answer.told


@pytest.mark.parametrize("lacking", ["file", "none"])
def test_without_history(home, lacking):
    """Where there is no query history a run says so and goes on; reports have all the rest."""
    home.write(*small_estate())
    home.set(MINE + ('[sources.prod.tables]\nquery_history = "none"\n' if lacking == "none" else ""))
    run = home("run")
    assert run.code == 0, run.err
    (warning,) = [line for line in run.out.splitlines() if "queries" in line]
    assert warning.startswith("warning: source prod: no queries are mined: there is no query.history")
    assert [event["event"] for event in run.events].count("queries.left_out") == 1
    assert home("report", "--out", "all").code == 0
    assert (home.folder / "all" / "popularity.csv").exists()
    assert not (home.folder / "all" / "queries.csv").exists()
    answer = home("report", "queries", "--out", "all")
    assert answer.code == 1
    assert "no whole day of queries" in answer.told


def test_texts(asked):
    """Texts are kept only with leave, without literals, never logged, and forgotten once leave is taken back."""
    assert {row["text"] for row in report(asked)} == {""}
    asked.set(f"{MINE}text = true\ntext_length = 20\n")
    run = asked("run")
    assert "select" not in run.err.lower()
    assert {row["text"] for row in report(asked)} == {"select * from main.s", "select wrong"}
    asked.set(f"{MINE}text = true\n")
    asked("run")
    assert "select * from main.s.c where password = ?" in {row["text"] for row in report(asked)}
    assert SECRET not in json.dumps(asked.dump())
    asked.set(MINE)
    run = asked("run")
    assert [event["texts"] for event in run.events if event["event"] == "queries.pruned"] == [3]
    assert {row["text"] for row in report(asked)} == {""}


def test_users(asked):
    """Who runs a statement most is told as the settings say."""
    names = {row["top_reader"] for row in report(asked)}
    asked.set(f'{MINE}[reports]\nusers = "hashed"\n')
    hashes = {row["top_reader"] for row in report(asked)}
    asked.set(f'{MINE}[reports]\nusers = "none"\n')
    nobody = report(asked)
    assert names == {"ann@x.org", "bob@x.org"}
    assert {name[:5] for name in hashes} == {"user:"}
    assert {row["top_reader"] for row in nobody} == {""}
    assert {row["readers"] for row in nobody} == {"1", "2"}


def test_what_is_ranked(asked):
    """`top` and `statement_types` choose from what is mined; users left out of popularity are left out here."""
    asked.set(f'{MINE}statement_types = ["set"]\n')
    assert {row["statement_type"] for row in report(asked)} == {"SET"}
    asked.set(f'{MINE}top = 1\nstatement_types = ["*"]\n[usage]\nexclude_users = ["ann@*"]\n')
    told = report(asked)
    assert {row["top_reader"] for row in told} == {"bob@x.org"}
    assert {row["rank"] for row in told} == {"1"}


def test_days_that_are_kept(asked):
    """Older statements go at the end of a run, are not mined again, and are missing from windows."""
    asked.set(f"{MINE}days = 3\n")
    asked("run")
    kept = {line["day"] for line in asked.dump() if line["what"] == "day" and line["stream"] == "queries"}
    assert kept == {"2026-11-09", "2026-11-10"}
    assert {row["partial_days"] for row in report(asked, "--window", "3")} == {"1"}
    assert [event for event in asked("run").events if event["event"] == "queries.pruned"] == []
    backfill = asked("backfill", "--from", "2026-11-08", "--to", "2026-11-10", "--stream", "queries", "--dry-run")
    assert ["prod", "queries", "2026-11-08", "2026-11-10", "3", "3", "0"] in [
        line.split()[:7] for line in backfill.out.splitlines()
    ]


def test_backfill(fresh):
    """Statements of older days are filled in like all else."""
    fresh.set(MINE, start="2026-11-10")
    backfill = ("backfill", "--from", "2026-11-08", "--to", "2026-11-10", "--stream", "queries", "--yes")
    filled = fresh(*backfill)
    assert filled.code == 0, filled.err
    days = [line["day"] for line in fresh.dump() if line["what"] == "day" and line["stream"] == "queries"]
    assert days == ["2026-11-08", "2026-11-09", "2026-11-10"]


def test_the_daemons_job(asked):
    """The daemon mines statements on a schedule of their own, where they are mined."""
    told = {}
    for text in ("", MINE, f'{MINE}[daemon]\nqueries = "off"\n'):
        asked.set(text)
        parts = Parts(settings.load(asked.settings, {}), lambda: NOW)
        told[text] = [job.name for job in jobs_of(parts) if job.stream == "queries"]
    assert list(told.values()) == [[], ["queries of prod"], []]


def test_a_sound_ledger(asked):
    """What is mined holds together, in the miner's own eyes."""
    checked = asked("ledger", "check", "--json")
    assert checked.code == 0
    assert "ledger.queries" in {one["name"] for one in checked.json}
