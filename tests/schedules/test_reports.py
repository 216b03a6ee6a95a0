"""All reports in a folder, in any form, with readers told as the settings say."""

import csv
import json
from collections import defaultdict

import pyarrow.parquet as pq
import pytest

from miner import schemas

NAMES = ["popularity", "readers", "edges", "findings", "coverage", "cost"]


def table(path):
    """A CSV file's rows."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_all_of_them(mined):
    """A folder gets every report, and the command says how many rows each has."""
    answer = mined("report", "--out", "reports")
    assert (answer.code, answer.told) == (0, "")
    assert answer.out.splitlines() == [
        f"reports/{name}.csv: {len(table(mined.folder / 'reports' / f'{name}.csv')):,} {'edges' if name == 'edges' else 'rows'}"
        for name in NAMES
    ]
    columns = {
        "readers": schemas.READERS,
        "findings": schemas.FINDINGS,
        "coverage": schemas.COVERAGE,
        "cost": schemas.COST_REPORT,
    }
    for name, schema in columns.items():
        with (mined.folder / "reports" / f"{name}.csv").open() as file:
            assert next(csv.reader(file)) == schema.names


def test_some_of_them(mined):
    """Only those named are written."""
    assert mined("report", "readers", "edges", "--out", "reports").code == 0
    assert sorted(path.name for path in (mined.folder / "reports").iterdir()) == ["edges.csv", "readers.csv"]


def test_every_form_holds_the_same(mined):
    """CSV, Parquet and JSON tell the same rows in the same order."""
    for form in ("csv", "parquet", "json"):
        assert mined("report", "--out", "reports", "--format", form).code == 0
    for name in NAMES:
        written = table(mined.folder / "reports" / f"{name}.csv")
        parquet = pq.read_table(mined.folder / "reports" / f"{name}.parquet").to_pylist()
        lines = (mined.folder / "reports" / f"{name}.json").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert len(written) == len(parquet) == len(told)
        for one, other, third in zip(written, parquet, told, strict=True):
            assert list(one) == list(other) == list(third)
            for column in set(one) & {"dataset", "source", "reads", "reader", "rows", "finding", "fate"}:
                assert one[column] == str(other[column]) == str(third[column])


def test_readers_add_up_to_popularity(demo_once, home):
    """Each dataset's readers, people, reads and last read are those that its popularity counts."""
    ledger = demo_once[0] / "ledger.db"
    home.settings.write_text(f'[ledger]\nurl = "sqlite:///{ledger}"\n')
    assert home("report", "popularity", "readers", "--out", "out", "--window", "7", "--window", "30").code == 0
    read = defaultdict(list)
    for row in table(home.folder / "out" / "readers.csv"):
        read[row["dataset"], row["window_days"]].append(row)
    counted = 0
    for row in table(home.folder / "out" / "popularity.csv"):
        mine = read.get((row["dataset"], row["window_days"]), [])
        direct = [one for one in mine if int(one["reads"]) and one["reader"]]
        for column in ("reads", "indirect_reads", "cached_reads", "failed_reads"):
            assert sum(int(one[column]) for one in mine) == int(row[column])
        assert len({one["reader"] for one in direct}) == int(row["readers"])
        assert len({one["reader"] for one in direct if one["by_hand"] == "true"}) == int(row["people"])
        assert max((one["last_read"] for one in mine), default="") == row["last_read"]
        counted += len(mine)
    assert counted == sum(map(len, read.values())) > 100


def test_who_is_left_out(mined):
    """Users and kinds that popularity leaves out are in no report of readers."""
    mined.set('[usage]\nexclude_users = ["ANN@*"]\nexclude_process_kinds = ["job"]\n')
    assert mined("report", "readers", "--out", "out").code == 0
    assert {row["reader"] for row in table(mined.folder / "out" / "readers.csv")} == {"bob@x.org"}


def readers_of(home, users):
    """The report of readers and the impact, as text, with `[reports] users` set."""
    home.set(f'[reports]\nusers = "{users}"\n')
    report = home("report", "readers", "--out", f"out-{users}")
    impact, shown = home("impact", "main.s.b", "--json"), home("impact", "main.s.b")
    assert (report.code, impact.code, shown.code) == (0, 0, 0)
    return (home.folder / f"out-{users}" / "readers.csv").read_text(), impact.out, shown.out


def test_hashed_users(mined):
    """With hashes nobody's name is told; one person is one hash, in every report and from run to run."""
    first, again = readers_of(mined, "hashed"), readers_of(mined, "hashed")
    assert first == again
    for text in first:
        assert "ann@" not in text
        assert "bob@" not in text
    told = {row["reader"] for row in table(mined.folder / "out-hashed" / "readers.csv")}
    assert told > {one["reader"] for one in json.loads(first[1])["readers"]}
    named = readers_of(mined, "names")
    assert len(json.loads(named[1])["readers"]) == len(json.loads(first[1])["readers"])
    assert "ann@x.org" in named[0]


def test_hashes_of_another_ledger_differ(mined, tmp_path):
    """A hash cannot be made by who knows the name but not the ledger's key."""
    before, *_ = readers_of(mined, "hashed")
    mined.ledger.unlink()
    assert mined("run").code == 0
    after, *_ = readers_of(mined, "hashed")
    assert before != after
    assert len(before.splitlines()) == len(after.splitlines())


def test_no_users(mined):
    """Without users the report of readers is left out, refused when asked for; impact counts and names nobody."""
    mined.set('[reports]\nusers = "none"\n')
    assert mined("report", "--out", "out").code == 0
    assert not (mined.folder / "out" / "readers.csv").exists()
    refused = mined("report", "readers", "--out", "out")
    assert refused.code == 2
    assert '[reports] users = "none"' in refused.told
    assert "readers" not in json.loads(mined("impact", "main.s.b", "--json").out)
    shown = mined("impact", "main.s.b").out
    assert "2 people" in shown
    assert "user:" not in shown
    assert "ann@" not in shown


def test_coverage_is_the_balance(mined):
    """Of every table and day, the rows by fate are all rows of the export."""
    assert mined("report", "coverage", "--out", "out").code == 0
    told = table(mined.folder / "out" / "coverage.csv")
    assert {row["day"] for row in told} == {"2026-11-08", "2026-11-09", "2026-11-10"}
    for day in ("2026-11-08", "2026-11-09", "2026-11-10"):
        for stream in ("lineage", "usage"):
            mine = [row for row in told if (row["day"], row["stream"], row["table"]) == (day, stream, "table_lineage")]
            assert sum(int(row["rows"]) for row in mine) == 5


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("readers",), "name a folder: --out DIR"),
        (("popularity", "--out", "out", "--csv", "out/popularity.csv"), "two reports would go to one place"),
        (("gossip", "--out", "out"), "gossip"),
        (("readers", "--out", "out", "--format", "xlsx"), "xlsx"),
        ((), "there is nothing to report"),
    ],
)
def test_misuse(mined, args, words):
    """What cannot be done is said before anything is read or written."""
    answer = mined("report", *args)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.told
    assert not (mined.folder / "out").exists()
