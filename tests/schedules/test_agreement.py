"""Whatever is broken: what a run ends with, or warns of, is what a preflight finds."""

import shutil
import sqlite3
from datetime import timedelta

import pytest

from tests import rows
from tests.schedules.conftest import NOW, small_estate

PAIR = rows.columns("main.s.a", "main.s.b", "x", "y", day=rows.DAY, job="7")
OTHER_RULES = "[mining.exclude]\ncatalogs = []\n"


def findings(home):
    answer = home("preflight", "--json")
    return answer.code, {one["name"]: one for one in answer.json}


def folder(home, table="table_lineage"):
    return home.export / "system" / "access" / table


def no_table(home):
    shutil.rmtree(folder(home))


def empty_folder(home):
    (folder(home) / "part-0.parquet").unlink()


def no_column_lineage(home):
    shutil.rmtree(folder(home, "column_lineage"))


def no_column(home):
    shutil.rmtree(folder(home))
    rows.write_table(home.export, "table_lineage", small_estate(), without=("metastore_id",))


def no_row(home):
    home.write(column_lineage=[PAIR])


def old_rows(home):
    home.set(start="2026-11-12")


def nothing_in_scope(home):
    home.set('[mining.include]\ncatalogs = ["mian"]\n')


def nothing_in_the_scope_of_the_source(home):
    home.set('[sources.prod.include]\nworkspaces = ["999"]\n')


def an_emptying_scope(home):
    home("run")
    nothing_in_scope(home)


def a_lost_day(home):
    home.at(NOW + timedelta(days=10))
    home("run")
    home.write(*small_estate()[:5], *small_estate()[10:], column_lineage=[PAIR])
    home.set(OTHER_RULES)


def a_lost_workspace(home):
    home.at(NOW + timedelta(days=2))
    more = [rows.lineage("main.s.a", None, workspace_id="2", day=rows.DAY - timedelta(days=2))]
    home.write(*small_estate(), *more, column_lineage=[PAIR])
    home("run")
    home.write(*small_estate(), column_lineage=[PAIR])
    home.set(OTHER_RULES)


def a_newer_ledger(home):
    home("run")
    with sqlite3.connect(home.ledger) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()


def a_ledger_of_something_else(home):
    with sqlite3.connect(home.ledger) as other:
        other.execute("CREATE TABLE t (a)")
    other.close()


def a_ledger_that_is_no_ledger(home):
    home.ledger.write_bytes(b"no SQLite file" * 100)


def a_file_in_place_of_the_sinks_folder(home):
    (home.folder / "taken").touch()
    home.set('[purview]\nout = "taken"\n')


SOURCE = "sources.prod"
BROKEN = [
    (no_table, f"{SOURCE}.tables.table_lineage", "system.access.table_lineage"),
    (empty_folder, f"{SOURCE}.tables.table_lineage", "holds no .parquet, .csv or .jsonl file"),
    (no_column_lineage, f"{SOURCE}.tables.column_lineage", "system.access.column_lineage"),
    (no_column, f"{SOURCE}.columns.table_lineage", "metastore_id"),
    (no_row, f"{SOURCE}.freshness", "table_lineage holds no row at all"),
    (old_rows, f"{SOURCE}.retention", "2026-11-12 on"),
    (nothing_in_scope, f"{SOURCE}.events", "in scope"),
    (nothing_in_the_scope_of_the_source, f"{SOURCE}.events", "in scope"),
    (an_emptying_scope, f"{SOURCE}.events", "in scope"),
    (a_lost_day, f"{SOURCE}.scope", "2026-11-09: 5 rows when it was mined, 0 now, workspace 1001 gone"),
    (a_lost_workspace, f"{SOURCE}.scope", "2026-11-08: 6 rows when it was mined, 5 now, workspace 2 gone"),
    (a_newer_ledger, "ledger", "newer miner"),
    (a_ledger_of_something_else, "ledger", "something else"),
    (a_ledger_that_is_no_ledger, "ledger", "it is no SQLite file"),
    (a_file_in_place_of_the_sinks_folder, "purview.out", "taken"),
]
"""What is done to a whole estate, the check that finds it, and words that both use."""


@pytest.mark.parametrize(("damage", "check", "words"), BROKEN, ids=[damage.__name__ for damage, _, _ in BROKEN])
def test_a_run_fails_for_what_the_preflight_finds(home, damage, check, words):
    """The check is a cross, and the run ends with code 1; both say the same thing and the same mend."""
    home.write(*small_estate(), column_lineage=[PAIR])
    damage(home)
    code, found = findings(home)
    assert (code, found[check]["state"]) == (1, "fail"), found[check]
    assert words in found[check]["finding"]
    assert found[check]["mend"]
    run = home("run")
    assert run.code == 1
    assert words in run.told
    assert f"mend:  {found[check]['mend']}" in run.told


def test_nothing_is_broken(home):
    """A whole estate has neither a cross nor a failure nor a warning."""
    home.write(*small_estate(), column_lineage=[PAIR])
    code, found = findings(home)
    assert (code, {one["state"] for one in found.values()}) == (0, {"pass", "skip"})
    run = home("run")
    assert (run.code, "warning:" in run.out) == (0, False)


def behind_a_view(home):
    """Table lineage moves to another name, which the settings give."""
    target = home.export / "ops" / "l" / "t"
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder(home).rename(target)
    home.set('[sources.prod.tables]\ntable_lineage = "ops.l.t"\n')


def warned(home):
    """What a run warns of as the preflight's finding and mend."""
    run = home("run")
    assert run.code == 0
    return run, [line for line in run.out.splitlines() if line.startswith("warning:")]


def test_a_view_that_hides_workspaces(home):
    """A run that mines through a filtered view says what it hides, in the preflight's words, and goes on."""
    history = [
        rows.statement("s", workspace_id=name, start_time=rows.at(rows.DAY - timedelta(days=back)))
        for name in ("1001", "7", "8")
        for back in range(3)
    ]
    home.write(*small_estate(), query_history=history, column_lineage=[PAIR])
    behind_a_view(home)
    code, found = findings(home)
    told = found[f"{SOURCE}.scope"]
    assert (code, told["state"]) == (0, "pass")
    assert told["finding"].endswith("; ops.l.t shows nothing of workspaces 7, 8")
    run, lines = warned(home)
    assert lines == [f"warning: source prod: ops.l.t shows nothing of workspaces 7, 8: {told['mend']}"]
    (event,) = [event for event in run.events if event["event"] == "view.narrow"]
    assert event["finding"] == "ops.l.t shows nothing of workspaces 7, 8"


def test_a_view_that_hides_days(home):
    """Days that column lineage has and a view of table lineage has not are told by both."""
    pairs = [rows.columns("main.s.a", "main.s.b", "x", "y", day=rows.DAY - timedelta(days=back)) for back in range(3)]
    estate = [row for row in small_estate() if row["event_date"] != rows.DAY - timedelta(days=1)]
    home.write(*estate, column_lineage=pairs)
    behind_a_view(home)
    _, found = findings(home)
    assert "ops.l.t shows nothing of 1 of the days" in found[f"{SOURCE}.scope"]["finding"]
    _, lines = warned(home)
    assert any("ops.l.t shows nothing of 1 of the days" in line for line in lines)


def test_a_view_that_was_narrowed(home):
    """A view that hides rows of days mined before is a cross before the run; the run warns, though no other table tells."""
    more = [rows.lineage("main.s.a", None, workspace_id="2", day=day) for day in (rows.DAY, rows.DAY - timedelta(1))]
    home.write(*small_estate(), *more, column_lineage=[PAIR])
    behind_a_view(home)
    assert warned(home)[1] == []
    assert findings(home)[0] == 0
    home.write(*small_estate(), column_lineage=[PAIR])
    behind_a_view(home)
    code, found = findings(home)
    told = found[f"{SOURCE}.scope"]
    assert (code, told["state"]) == (1, "fail")
    words = "ops.l.t of 2026-11-09: 6 rows when it was mined, 5 now, workspace 2 gone; so it is with 1 more days"
    assert words in told["finding"]
    assert warned(home)[1] == [f"warning: source prod: {words}: {told['mend']}"]


def test_lineage_that_came_to_a_stop(home):
    """A table that gets no rows any more is a cross, and a warning of every run, which finds nothing due."""
    home.write(*small_estate(), column_lineage=[PAIR])
    home("run")
    home.at(NOW + timedelta(days=8))
    home("run")
    told = findings(home)[1][f"{SOURCE}.freshness"]
    assert told["state"] == "fail"
    run, lines = warned(home)
    assert "nothing was due" in run.out
    assert lines == [f"warning: source prod has no row after 2026-11-10: {told['mend']}"]
