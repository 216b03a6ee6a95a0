"""Who is who, as the settings say it: files of names and groups, bad ones, and what a run says is missing."""

import csv
import json

import pytest

from tests.rows import DAY, at, audited, lineage, shared, statement

ROBOT = "0a1b2c3d-0000-4444-8888-0123456789ab"
READERS = '[readers]\nnames = "names.csv"\ngroups = "groups.csv"\n'
NAMES = f"name,application_id,owner\nETL Prod,{ROBOT.upper()},ops\n\n"
GROUPS = f'"Group",Member\nrobots,BOB@x.org\nrobots,{ROBOT}\nhumans, ann@x.org \n'


def table(path):
    """A CSV file's rows."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def told(home):
    """A home with people, a robot that history calls by its name, a group, and files that say who is who."""
    home.write(
        lineage("main.s.a", None, job="7", job_run="r1", created_by=ROBOT, statement_id="s1"),
        lineage("main.s.a", None, job="7", job_run="r2", created_by=ROBOT),
        lineage("main.s.a", None, created_by="ann@x.org"),
        lineage("main.s.a", None, created_by="bob@x.org"),
        lineage("main.s.a", None, created_by="humans"),
        lineage("main.s.a", None, created_by="nobody knows"),
        query_history=[statement("s1", executed_by="etl prod"), statement("s2")],
    )
    (home.folder / "names.csv").write_text(NAMES)
    (home.folder / "groups.csv").write_text(GROUPS)
    home.set(READERS, start="2026-11-10")
    assert home("run").code == 0
    return home


def readers(home):
    """The report of readers of the longest window, by reader."""
    assert home("report", "readers", "popularity", "--out", "out", "--window", "1").code == 0
    return {row["reader"]: row for row in table(home.folder / "out" / "readers.csv")}


def test_who_is_who(told):
    """Names and kinds come from the files, beside the settings; a robot is one reader with its runs."""
    found = readers(told)
    assert {name: row["reader_kind"] for name, row in found.items()} == {
        ROBOT: "service_principal", "ann@x.org": "person", "bob@x.org": "person", "humans": "group",
        "nobody knows": "unknown",
    }  # fmt: skip
    assert (found[ROBOT]["reader_name"], found[ROBOT]["reads"], found[ROBOT]["runs"]) == ("ETL Prod", "2", "2")
    (row,) = table(told.folder / "out" / "popularity.csv")
    assert [row[name] for name in ("reads", "readers", "people", "machines", "machine_reads", "machine_runs")] == [
        "6", "5", "2", "3", "4", "2",
    ]  # fmt: skip
    impact = json.loads(told("impact", "main.s.a", "--json").out)["readers"]
    assert {(one["reader"], one["reader_kind"], one["reader_name"], one["reads"]) for one in impact} >= {
        (ROBOT, "service_principal", "ETL Prod", 2)
    }
    assert len(impact) == 5


@pytest.mark.parametrize(
    ("users", "left"),
    [
        ('["group:ROBOTS"]', {"ann@x.org", "humans", "nobody knows"}),
        ('["group:*"]', {"nobody knows"}),
        ('["ETL*", "b?b@x.org"]', {"ann@x.org", "humans", "nobody knows"}),
        ('["ann@x.org"]', {ROBOT, "bob@x.org", "humans", "nobody knows"}),
    ],
)
def test_left_out(told, users, left):
    """Users are left out by name, by glob, or with everybody of a group and the group itself."""
    told.set(f"{READERS}[usage]\nexclude_users = {users}\n", start="2026-11-10")
    assert set(readers(told)) == left


def test_only_a_group(told):
    """Only the readers of a group count where it is all that is included."""
    told.set(f'{READERS}[usage]\ninclude_users = ["group:robots"]\n', start="2026-11-10")
    assert set(readers(told)) == {ROBOT, "bob@x.org"}


@pytest.mark.parametrize(
    ("key", "text", "wrong"),
    [
        ("names", "id,name\n1,x\n", "line 1: its header lacks application_id or name"),
        ("names", "", "line 1: its header lacks"),
        ("names", f"application_id,name\n{ROBOT},x\n\n{ROBOT},y\n", f"line 4: {ROBOT} has another name before"),
        ("names", f"application_id,name\n{ROBOT}\n", "line 2: application_id and name are not both there"),
        ("names", f"application_id,name\n{ROBOT},a,b\n", "line 2: application_id and name are not both there"),
        ("names", f'application_id,name\n{ROBOT},"a"b\n', "line 2: "),
        ("groups", "group,member\nrobots,\n", "line 2: group and member are not both there"),
        ("groups", b"group,member\n\xff,a\n", "is not in UTF-8, at byte 13"),
    ],
)
def test_a_bad_file(told, key, text, wrong):
    """A file that cannot be read is a mistake in the settings, told with its key, its name and its line."""
    (told.folder / f"{key}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    answer = told("status")
    assert answer.code == 2
    assert f"readers.{key}" in answer.told
    assert f"{key}.csv" in answer.told
    assert wrong in answer.told
    assert "must be a CSV file with the columns" in answer.told


def test_no_file(told):
    """A file that is not there is told; a relative one is looked for beside the settings."""
    (told.folder / "names.csv").unlink()
    answer = told("status")
    assert answer.code == 2
    assert "names.csv" in answer.told


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ('groups = "groups.csv"\n', "names group:nobody, and "),
        ("", "names group:nobody, and readers.groups names no file of groups"),
    ],
)
def test_an_unknown_group(told, more, wrong):
    """A group that no file has would leave out nobody: that is a mistake."""
    told.set(f'[readers]\n{more}[usage]\nexclude_users = ["group:nobody"]\n')
    answer = told("status")
    assert answer.code == 2
    assert f"usage.exclude_users {wrong}" in answer.told


def test_coverage_and_the_run(told):
    """How far history and lineage tell of the same is in the report of coverage and in the status."""
    assert told("report", "coverage", "--out", "out").code == 0
    beside = {
        (row["table"], row["fate"]): row["rows"]
        for row in table(told.folder / "out" / "coverage.csv")
        if row["table"].endswith("_statements")
    }
    assert beside == {
        ("lineage_statements", "in_history"): "1", ("lineage_statements", "no_statement_id"): "5",
        ("history_statements", "in_lineage"): "1", ("history_statements", "not_in_lineage"): "1",
    }  # fmt: skip
    shown = told("status").out
    assert "1 of 1 statements of lineage are in query history; 5 rows of lineage have no statement id" in shown
    assert "1 of 2 statements of query history left lineage" in shown


def test_without_history(home):
    """Without query history usage is counted all the same; the run says what is missing."""
    home.write(lineage("main.s.a", None, created_by="ann@x.org", statement_id="s1"))
    answer = home("run")
    assert answer.code == 0
    assert "system.query.history is not there: who ran a statement is taken from lineage" in " ".join(
        answer.out.split()
    )
    assert "for 1 it was not read" in answer.out
    home.set('[sources.prod.tables]\nquery_history = "none"\n')
    assert "system.query.history is not there" not in home("run").out


def test_read_outside(home):
    """A table that nobody read, as far as lineage tells, says whether it is read past it, once the audit log is there."""
    rows = [lineage(None, f"main.s.{name}", day=DAY.replace(day=day), job="8") for day in (1, 4, 10) for name in "abc"]
    rows += [lineage("main.s.busy", None, day=DAY.replace(day=day), created_by="ann@x.org") for day in range(1, 11)]
    log = [
        audited(
            "generateTemporaryTableCredential", day=DAY.replace(day=4), table_full_name="main.s.A", operation="READ"
        )
    ]
    home.write(*rows, audit=log, table_share_usage=[shared("main.s.b")])
    home.set(start="2026-11-01")
    home.at(at(DAY.replace(day=20)))
    assert home("run").code == 0
    assert home("report", "findings", "--out", "out", "--window", "7").code == 0
    told = table(home.folder / "out" / "findings.csv")
    assert {row["dataset"]: row["read_outside"] for row in told if row["finding"] == "no_recorded_read"} == {
        "main.s.a": "read outside", "main.s.b": "read outside", "main.s.c": "no",
    }  # fmt: skip
    kinds = {
        (line["dataset"], line["told_by"], line["reads"]) for line in home.dump() if line["what"] == "outside_read"
    }
    assert kinds == {("main.s.a", "audit", 1), ("main.s.b", "share", 0)}
