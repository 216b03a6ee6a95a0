"""Usage of columns as an operator meets it: mined, reported, backfilled and sent only when the settings ask for it."""

import csv
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from miner import schemas
from schedules.daemon.works import jobs_of
from tests import rows
from tests.schedules.conftest import small_estate

ON = "[usage]\ncolumns = true\n"
BACKFILL = ("backfill", "--from", "2026-11-08", "--to", "2026-11-10", "--yes")


def pairs():
    """Three days on which a job and a person read columns of main.s.a and main.s.c."""
    told = []
    for offset in (-2, -1, 0):
        day = rows.DAY + timedelta(days=offset)
        job = {"day": day, "job": "7", "created_by": "etl@x.org", "event_time": rows.at(day)}
        told += [rows.columns("main.s.a", "main.s.b", name, "y", **job) for name in ("Order Id", "net.amount")]
        told.append(rows.columns("main.s.c", None, "id", None, day=day, created_by="ann@x.org", query="q"))
    return told


@pytest.fixture
def export(home):
    """A home with an export that has column lineage."""
    home.write(*small_estate(), column_lineage=pairs())
    return home


@pytest.fixture
def mined(export):
    """The same, mined with usage of columns."""
    export.set(ON)
    answer = export("run")
    assert answer.code == 0, answer.err
    return export


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run(mined):
    """A run says how many rows of column_lineage were reads of columns, and sends the figures with the others."""
    assert "usage of columns" in mined("status").out
    days = [line for line in mined.dump() if line["what"] == "day" and line["stream"] == "columns"]
    assert [line["rows"] for line in days] == [3, 3, 3]
    (file,) = (mined.folder / "purview").glob("column-usage-*.json")
    sent = {one["attributes"]["qualifiedName"]: one for one in json.loads(file.read_text())["entities"]}
    name = f"databricks://{rows.METASTORE}/catalogs/main/schemas/s/tables"
    assert sent.keys() == {f"{name}/a/columns/Order Id", f"{name}/a/columns/net.amount", f"{name}/c/columns/id"}
    assert {one["typeName"] for one in sent.values()} == {"databricks_table_column"}
    figures = sent[f"{name}/a/columns/Order Id"]["businessAttributes"]["UnityCatalogUsage"]
    assert (figures["reads_7d"], figures["machines_7d"], figures["people_7d"]) == (3, 1, 0)
    again = mined("run", "--source", "prod")
    assert (again.code, len(list((mined.folder / "purview").glob("column-usage-*.json")))) == (0, 1)


def test_the_report(mined):
    """One row for each column and window, in every form; columns are told as they are spelled."""
    for form in ("csv", "parquet", "json"):
        answer = mined("report", "columns", "--out", "out", "--window", "1", "--window", "3", "--format", form)
        assert (answer.code, answer.out) == (0, f"out/columns.{form}: 6 rows\n")
    told = table(mined.folder / "out" / "columns.csv")
    assert list(told[0]) == schemas.COLUMN_POPULARITY.names
    assert [(row["dataset"], row["column"], row["reads"]) for row in told if row["window_days"] == "3"] == [
        ("main.s.a", "Order Id", "3"), ("main.s.a", "net.amount", "3"), ("main.s.c", "id", "3"),
    ]  # fmt: skip
    (person,) = [row for row in told if row["dataset"] == "main.s.c" and row["window_days"] == "3"]
    assert (person["readers"], person["people"], person["machines"], person["partial"]) == ("1", "1", "0", "false")
    assert person["last_read"] == "2026-11-10T12:00:00Z"
    assert pq.read_schema(mined.folder / "out" / "columns.parquet").equals(schemas.COLUMN_POPULARITY)


def test_all_reports(mined):
    """It is among all reports where it is mined."""
    assert mined("report", "--out", "out").code == 0
    assert (mined.folder / "out" / "columns.csv").exists()


def test_whose_reads_count(mined):
    """`[usage]` says whose reads of columns count too, without mining again."""
    mined.set(ON + 'exclude_users = ["ETL@*"]\n')
    assert mined("report", "columns", "--out", "out", "--window", "3").code == 0
    told = {row["column"]: row["reads"] for row in table(mined.folder / "out" / "columns.csv")}
    assert told == {"Order Id": "0", "net.amount": "0", "id": "3"}


def test_without_the_setting(export):
    """Nothing of it is mined, backfilled, reported or sent, and who asks for it is told what to set."""
    assert export("run").code == 0
    assert {line["stream"] for line in export.dump() if line["what"] == "day"} == {"lineage", "usage"}
    assert not list((export.folder / "purview").glob("column-usage-*"))
    assert export("report", "--out", "out").code == 0
    assert not (export.folder / "out" / "columns.csv").exists()
    for command in (("report", "columns", "--out", "out"), (*BACKFILL, "--stream", "columns")):
        answer = export(*command)
        assert answer.code == 2
        assert "[usage] columns = true" in answer.told


def test_set_but_not_mined(export):
    """Until it is mined there is no report, and the reason is told."""
    assert export("run").code == 0
    export.set(ON)
    answer = export("report", "columns", "--out", "out")
    assert answer.code == 1
    assert "holds no whole day of usage of columns yet" in answer.told
    assert export("run").code == 0
    assert export("report", "columns", "--out", "out").code == 0


def test_without_lineage_of_columns(export):
    """Edges may go without column pairs; reads of columns are mined all the same."""
    export.set("column_lineage = false\n" + ON)
    text = export.settings.read_text().replace("column_lineage = false\n", "")
    export.settings.write_text(text.replace("[mining]\n", "[mining]\ncolumn_lineage = false\n"))
    assert export("run").code == 0
    assert export("report", "columns", "--out", "out").code == 0
    assert export("report", "edges", "--out", "out").code == 0
    assert {row["column_pairs"] for row in table(export.folder / "out" / "edges.csv")} == {"0"}


def test_its_table_is_granted(export):
    """The right to read column lineage is asked for where either needs it, and by nobody else."""
    for edges, reads in ((True, False), (False, True), (False, False)):
        export.set(f"[usage]\ncolumns = {str(reads).lower()}\n")
        text = export.settings.read_text().replace('path = "export"', 'path = "export"\nprincipal = "miner"')
        export.settings.write_text(text.replace("[mining]\n", f"[mining]\ncolumn_lineage = {str(edges).lower()}\n"))
        answer = export("grants")
        assert (answer.code, "column_lineage" in answer.out) == (0, edges or reads)


def test_backfill(export):
    """A backfill of all streams takes reads of columns too, where they are mined."""
    export.set(ON)
    answer = export(*BACKFILL)
    assert answer.code == 0, answer.err
    assert "9 days mined" in answer.out
    days = {line["day"] for line in export.dump() if line["what"] == "day" and line["stream"] == "columns"}
    assert days == {"2026-11-08", "2026-11-09", "2026-11-10"}


def test_the_daemon_has_a_job_for_it(export):
    """The daemon mines it on a schedule of its own, where it is mined."""
    assert "columns" not in {job.stream for job in jobs_of(export.session.parts())}
    export.set(ON + '[daemon]\ncolumns = "hourly"\n')
    assert "columns" in {job.stream for job in jobs_of(export.session.parts())}


def test_old_days_are_rolled_up(mined):
    """`[ledger] usage_days` bounds what is kept of columns too."""
    text = mined.settings.read_text().replace("[ledger]\n", "[ledger]\nusage_days = 2\n")
    mined.settings.write_text(text.replace("[usage]\n", "[usage]\nwindows = [1]\n"))
    mined.at(mined.session.now() + timedelta(days=30))
    assert mined("run", "--no-emit").code == 0
    told = mined.dump()
    assert [line for line in told if line["what"] == "column_usage"] == []
    assert sum(line["reads"] for line in told if line["what"] == "column_usage_month") == 9
