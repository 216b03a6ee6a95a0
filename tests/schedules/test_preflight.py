import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from schedules.console.preflight import MARKS
from tests import rows
from tests.schedules.conftest import NOW, small_estate
from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering

PAIR = rows.columns("main.s.a", "main.s.b", "x", "y", day=rows.DAY, job="7")


@pytest.fixture
def ready(home):
    """A home whose export passes every check."""
    home.write(*small_estate(), column_lineage=[PAIR])
    return home


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def findings(answer):
    return {one["name"]: one for one in answer.json}


def test_a_page_for_a_person(ready):
    """Every check has its line with a tick, a cross or a dash; a count ends the page."""
    answer = ready("preflight")
    assert (answer.code, answer.told) == (0, "")
    *lines, empty, count = answer.out.splitlines()
    assert (empty, count) == ("", "11 passed, 0 failed, 18 not there or not looked at")
    heads = [line for line in lines if not line.startswith(" ")]
    assert [line[0] for line in heads].count("✓") == 11
    assert re.search(r"^✓ settings +no problem found$", answer.out, re.MULTILINE)
    dash, _ = MARKS["skip"]
    assert re.search(
        rf"^{dash} sources.prod.tables.query_history +system.query.history is not", answer.out, re.MULTILINE
    )
    assert re.search(r"^ +mend: export system.query.history into ", answer.out, re.MULTILINE)


def test_json(ready):
    """The same for a program: an array of name, state, finding and mend, all of them texts."""
    told = ready("preflight", "--json").json
    assert len(told) == 29
    assert all(list(one) == ["name", "state", "finding", "mend"] for one in told)
    assert all(isinstance(value, str) for one in told for value in one.values())
    assert {one["state"] for one in told} <= set(MARKS)
    assert [one["name"] for one in told][:3] == ["settings", "ledger", "sources.prod.tables.table_lineage"]


def test_nothing_is_changed(ready, mined_once):
    """Neither before the first run nor after it does a preflight make, change or remove a file."""
    for _ in range(2):
        before = contents(ready.folder)
        assert ready("preflight").code == 0
        assert contents(ready.folder) == before
        assert ready("run").code == 0


def test_a_failed_check(home):
    """One failed check makes exit code 1; the others are made all the same."""
    answer = home("preflight", "--json")
    told = findings(answer)
    assert answer.code == 1
    assert (told["sources.prod.tables.table_lineage"]["state"], told["purview.out"]["state"]) == ("fail", "pass")
    home.write(*small_estate(), column_lineage=[PAIR])
    home.at(NOW + timedelta(days=30))
    answer = home("preflight", "--json")
    assert (answer.code, findings(answer)["sources.prod.freshness"]["state"]) == (1, "fail")


def test_wrong_settings(home):
    """Settings that are wrong are the first and only check, with every problem, and a cross: exit code 1."""
    home.set("nonsense = 1\n[usage]\nwindows = []\n")
    answer = home("preflight", "--json")
    assert (answer.code, answer.told, len(answer.json)) == (1, "", 1)
    (told,) = answer.json
    assert (told["name"], told["state"]) == ("settings", "fail")
    assert "sources.prod.nonsense" in told["finding"]
    assert "usage.windows" in told["finding"]
    assert home("preflight").out.startswith("✗ settings  the settings have 2 problems:\n            ")


def test_no_source(home):
    """Settings without a source are a cross that shows how to name one."""
    home.settings.write_text("")
    told = findings(home("preflight", "--json"))
    assert "[sources.prod]" in told["sources"]["mend"]


def test_an_empty_export_is_told_as_by_a_run(home):
    """A run on an empty table ends with code 1 and the advice that the preflight gives."""
    home.write()
    run, told = home("run"), findings(home("preflight", "--json"))["sources.prod.freshness"]
    assert (run.code, told["state"]) == (1, "fail")
    assert f"mend:  {told['mend']}" in run.told
    assert "table_lineage holds no row at all" in run.told
    assert "table_lineage holds no row at all" in told["finding"]
    assert home("run", "--allow-empty").code == 0


def test_several_sources(ready):
    """Each source has checks of its own."""
    (ready.folder / "west").mkdir()
    ready.set('[sources.west]\nkind = "files"\npath = "west"\n')
    told = findings(ready("preflight", "--json"))
    assert told["sources.prod.freshness"]["state"] == "pass"
    assert told["sources.west.tables.table_lineage"]["state"] == "fail"


def test_no_sink(ready):
    """Without a sink there is nothing to check of it."""
    ready.set('[purview]\nsink = "none"\n')
    assert not [name for name in findings(ready("preflight", "--json")) if name.startswith("purview")]


def test_a_folder_for_bodies(ready):
    """The folder of the files sink must be one that may be written."""
    (ready.folder / "taken").touch()
    ready.set('[purview]\nout = "taken"\n')
    told = findings(ready("preflight", "--json"))["purview.out"]
    assert (told["state"], told["mend"]) == ("fail", "the name is a file's: name a folder")


@pytest.fixture
def atlas():
    """A catalog on a socket of this machine."""
    with answering() as catalog:
        yield catalog


def test_purview(ready, atlas):
    """Where Purview is set, the tables read most are looked up, before anything was mined."""
    ready.set(f'[purview]\nsink = "purview"\nendpoint = "{atlas.endpoint}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n')
    atlas.scanned("databricks_table", f"databricks://{rows.METASTORE}/catalogs/main/schemas/s/tables/c")
    answer = ready("preflight", "--json")
    told = findings(answer)
    assert answer.code == 0
    assert [name for name in told if name.startswith("purview")] == [
        "purview.sign_in", "purview.role", "purview.types", "purview.assets",
    ]  # fmt: skip
    rate, *misses = told["purview.assets"]["finding"].splitlines()
    assert rate == "1 of 3 (33.3%) of the tables read most: main 1 of 3 (33.3%)"
    assert [miss.split(":")[0] for miss in misses] == ["main.s.a", "main.s.b"]
    assert PASSWORD not in json.dumps(answer.json)


def test_no_lineage_to_look_up(home, atlas):
    """Where lineage cannot be read, Purview is still looked at, but for the tables."""
    home.set(f'[purview]\nsink = "purview"\nendpoint = "{atlas.endpoint}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n')
    told = findings(home("preflight", "--json"))
    assert told["purview.types"]["state"] == "pass"
    assert told["purview.assets"]["finding"] == "not looked at: sources.prod.tables.table_lineage failed"


def test_column_lineage_that_is_not_wanted(home):
    """Where column lineage is not mined, neither a preflight nor a run asks for its table."""
    home.write(*small_estate(), column_lineage=None)
    text = home.settings.read_text()
    home.settings.write_text(text.replace("[sources.prod]", "column_lineage = false\n[sources.prod]"))
    answer = home("preflight", "--json")
    assert (answer.code, [name for name in findings(answer) if "column_lineage" in name]) == (0, [])
    assert home("run").code == 0


def test_documented(ready, atlas):
    """docs/operations.md has a row for every check that a source of files, the ledger and Purview have."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z_.A-Z]+)` \|", page, re.MULTILINE))
    names = {name.replace(".prod", ".NAME") for name in findings(ready("preflight", "--json"))}
    ready.set(f'[purview]\nsink = "purview"\nendpoint = "{atlas.endpoint}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n')
    names |= {name.replace(".prod", ".NAME") for name in findings(ready("preflight", "--json"))}
    assert {re.sub(r"(tables|columns)\..+", r"\1.TABLE", name) for name in names} - named == set()


def test_a_run_tells_of_empty_column_lineage(ready):
    """A run that keeps edges and finds no row of column lineage says so; a preflight calls it a cross."""
    assert "column_lineage" not in ready("run").out
    ready.write(*small_estate(), rows.lineage("main.s.a", "main.s.b", query="late"))
    ready.at(NOW + timedelta(minutes=1))
    answer = ready("run")
    assert (answer.code, "warning: column_lineage has no row on these days" in answer.out) == (0, True)
    assert findings(ready("preflight", "--json"))["sources.prod.freshness"]["state"] == "fail"
