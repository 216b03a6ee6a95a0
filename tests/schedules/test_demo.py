import csv
import json
import re
from datetime import date

import pytest

from miner.popularity import COLUMNS
from miner.schemas import LIST_COST
from schedules.demo import job
from tests import rows
from tests.schedules.conftest import SMALL, small_estate

FILES = {"estate", "ledger.db", "popularity.csv", "edges.csv", "purview", "uc-miner.toml"}


def demo(home, out="out", *more):
    answer = home("demo", "--out", out, *SMALL, *more)
    assert answer.code == 0, answer.err
    return answer


def tree(folder) -> dict[str, bytes]:
    """Every file below a folder but the ledger, whose bytes hold clock times."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("ledger.db")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_demo(demo_once):
    """A demo leaves an estate, a ledger, popularity, edges, request bodies and settings, and tells what it found."""
    out, page = demo_once
    assert {path.name for path in out.iterdir()} == FILES
    assert {"typedefs.json", "bulk-000001.json", "usage-000001.json"} <= {
        path.name for path in (out / "purview").iterdir()
    }
    popularity = list(csv.DictReader((out / "popularity.csv").read_text().splitlines()))
    assert tuple(popularity[0]) == (*COLUMNS, *LIST_COST.names)
    assert {row["window_days"] for row in popularity} == {"1", "7", "30", "90"}
    edges = list(csv.DictReader((out / "edges.csv").read_text().splitlines()))
    for words in (
        "Mined a made-up estate: 2026-11-07 to 2026-11-10",
        f"{len(edges):,} edges",
        "What became of the rows",
        "edges with column pairs",
        "Most popular tables",
        "Written, with no recorded read: ",
        "Entities for Purview",
        "out/popularity.csv",
        "Next: uc-miner --config out/uc-miner.toml status",
    ):
        assert words in page


def test_the_tables_shown_are_the_ones_reported(demo_once):
    """The ten most popular tables on the page are the first ten of 30 days in the report."""
    out, page = demo_once
    shown = page.split("Most popular tables")[1].split("\n\n")[0].splitlines()[2:]
    popularity = csv.DictReader((out / "popularity.csv").read_text().splitlines())
    best = [row for row in popularity if row["window_days"] == "30" and row["kind"] == "table"][:10]
    assert [line.split()[0] for line in shown] == [row["dataset"] for row in best]
    assert [line.split()[2].replace(",", "") for line in shown] == [row["reads"] for row in best]


def test_pages_read_well_in_a_pipe(demo_once):
    """Without a terminal there is no colour, no box, no blank at a line's end, and no line wider than 100."""
    _, text = demo_once
    assert not re.search(r"\x1b|[━─│┃┏╭]", text)
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_same_seed_same_demo(made):
    """The same seed and last day give the same files and the same ledger, whenever and wherever."""
    home = made
    home.at(home.session.now().replace(year=2027))
    assert demo(home, "two").err == ""
    assert tree(home.folder / "out") == tree(home.folder / "two")
    dumps = [home("-c", f"{out}/uc-miner.toml", "ledger", "dump").out for out in ("out", "two")]
    assert dumps[0] == dumps[1] != ""


def test_last_day_is_yesterday(home):
    """Without a last day the estate ends yesterday, by the clock given."""
    answer = home("demo", "--out", "out", "--tables", 60, "--days", 1, "--events-per-day", 200)
    assert "2026-11-11 to 2026-11-11" in answer.out


def test_settings_of_a_demo(made):
    """The other commands find a demo's ledger by its settings; a run then finds nothing due and sends nothing."""
    home = made
    before = tree(home.folder / "out")
    config = ("-c", "out/uc-miner.toml")
    assert home(*config, "status").code == 0
    planned = home(*config, "plan", "--json").json
    assert (planned["created"], planned["changed"], planned["removed"]) == ({}, {}, [])
    answer = home(*config, "run")
    assert answer.code == 0
    assert "nothing was due" in answer.out
    assert tree(home.folder / "out") == before


def test_a_demo_moves(made):
    """A demo's folder may be moved: its settings name what is beside them."""
    (made.folder / "out").rename(made.folder / "elsewhere")
    assert made("-c", "elsewhere/uc-miner.toml", "run").code == 0


def test_a_demo_is_not_overwritten(made):
    """Where a demo is already, a second one is refused with the mend: code 2, and nothing is touched."""
    home = made
    before = tree(home.folder / "out")
    answer = home("demo", "--out", "out", *SMALL)
    assert (answer.code, answer.out) == (2, "")
    assert answer.told.splitlines() == [
        "error: out holds a demo already",
        "mend:  add --force to make it anew, or name another folder with --out",
    ]
    assert tree(home.folder / "out") == before


def test_force_removes_only_what_a_demo_wrote(made):
    """`--force` makes a demo anew; every other file in its folder and folders stays."""
    home = made
    mine = [
        home.folder / "out" / name for name in ("notes.txt", "purview/notes.json", "estate/system/access/notes.txt")
    ]
    for path in mine:
        path.write_text("mine")
    answer = demo(home, "out", "--force", "--seed", 2)
    assert "estate" in answer.out
    assert all(path.read_text() == "mine" for path in mine)
    again = tree(home.folder / "out")
    demo(home, "other", "--seed", 2)
    assert {name: body for name, body in again.items() if "notes" not in name} == tree(home.folder / "other")


@pytest.mark.parametrize("name", ["popularity.csv", "ledger.db", "uc-miner.toml", "estate/x"])
def test_what_no_demo_wrote_is_left_alone(home, name):
    """Files under the names a demo uses that no demo wrote are not touched, by force neither."""
    path = home.folder / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    for force in ((), ("--force",)):
        answer = home("demo", "--out", "out", *SMALL, *force)
        assert answer.code == 2
        assert "no demo wrote it" in answer.told
    assert [found for found in (home.folder / "out").rglob("*") if found.is_file()] == [path]


def test_demo_of_ones_own_data(home):
    """An export is mined from its first day on, in place; what it lacks is told; it is not copied."""
    home.write(*small_estate())
    answer = home("demo", "--out", "out", "--data", "export")
    assert answer.code == 0
    assert "Mined: 2026-11-08 to 2026-11-10, 15 lineage events, 2 edges" in answer.out
    assert "without system.query.history" in answer.out
    assert "main.s.unread" in answer.out
    assert {path.name for path in (home.folder / "out").iterdir()} == FILES - {"estate"}


def test_demo_of_too_much_data(home, monkeypatch):
    """Of an export with a stray old day as many days are mined as system tables keep, not every day since."""
    assert job.MOST_DAYS == 365
    monkeypatch.setattr(job, "MOST_DAYS", 10)
    home.write(*small_estate(), rows.lineage("main.s.a", "main.s.b", query="q", day=date(1999, 1, 1)))
    answer = home("demo", "--out", "out", "--data", "export")
    assert "Mined: 2026-11-01 to 2026-11-10" in answer.out


def test_demo_of_no_data(home):
    """A folder that is not there is bad usage, one without rows or tables a failure; neither leaves anything."""
    assert home("demo", "--out", "out", "--data", "nope").code == 2
    assert home("demo", "--out", "out", "--data", "export").code == 1
    home.write()
    answer = home("demo", "--out", "out", "--data", "export")
    assert answer.code == 1
    assert "holds no row" in answer.told
    assert not (home.folder / "out").exists()


def test_force_keeps_the_data_to_be_mined(made):
    """`--force` does not take away the estate it was asked to mine."""
    home = made
    before = tree(home.folder / "out")
    assert home("demo", "--out", "out", "--data", "out/estate", "--force").code == 2
    assert tree(home.folder / "out") == before
    assert home("demo", "--out", "other", "--data", "out/estate").code == 0


def test_demo_of_broken_data(home):
    """Data that cannot be read fails the demo with its file: code 1."""
    home.write(*small_estate())
    (home.export / "system/access/column_lineage/part-0.parquet").write_bytes(b"PAR1")
    answer = home("demo", "--out", "out", "--data", "export")
    assert answer.code == 1
    assert "part-0.parquet cannot be read" in answer.told


def test_demo_reads_no_settings(home):
    """A demo works beside settings that are wrong."""
    home.settings.write_text("broken")
    demo(home)


def test_sample(home):
    """A sample estate is written where asked for, and its rows are told by table."""
    answer = home("sample", "--out", "estate", *SMALL)
    assert answer.code == 0
    assert "system.access.table_lineage" in answer.out
    assert "2026-11-07 to 2026-11-10" in answer.out
    parts = home.folder / "estate/system/access/table_lineage"
    assert len(list(parts.glob("part-2026-11-*.parquet"))) >= 4
    again = home("sample", "--out", "estate", *SMALL)
    assert again.code == 2
    assert "mend:  name an empty folder" in again.told


def test_entities_on_the_page_are_in_the_bodies(demo_once):
    """As many processes as the page tells were created stand in the request bodies."""
    out, page = demo_once
    (line,) = [line.split() for line in page.splitlines() if line.startswith("processes")]
    bodies = (out / "purview").glob("bulk-*.json")
    entities = [entity for body in bodies for entity in json.loads(body.read_text())["entities"]]
    processes = [entity for entity in entities if entity["typeName"] == "uc_miner_process"]
    assert int(line[1].replace(",", "")) == len(processes) > 0
