import csv
import io
from datetime import timedelta

import pytest

from miner import schemas
from miner.popularity import COLUMNS
from miner.schemas import LIST_COST
from tests.schedules.conftest import NOW, small_estate

CONTRACT = [
    "metastore_id",
    "dataset",
    "kind",
    "window_days",
    "as_of",
    "reads",
    "writes",
    "readers",
    "people",
    "indirect_reads",
    "last_read",
    "last_write",
    "score",
    "band",
    "trend",
    "partial_days",
]
EDGE_CONTRACT = [
    "metastore_id",
    "workspace_id",
    "process_kind",
    "process_id",
    "source_kind",
    "source",
    "target_kind",
    "target",
    "first_seen",
    "last_seen",
    "column_pairs",
]


def table(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_columns_are_a_contract(mined):
    """The columns promised are there, in their order; whatever was added comes after them or is documented."""
    assert mined("report", "--csv", "p.csv", "--edges", "e.csv").code == 0
    popularity, edges = (
        next(csv.reader((mined.folder / name).read_text().splitlines())) for name in ("p.csv", "e.csv")
    )
    assert popularity[: len(CONTRACT)] == CONTRACT
    assert tuple(popularity) == (*COLUMNS, *LIST_COST.names)
    assert edges[: len(EDGE_CONTRACT)] == EDGE_CONTRACT
    assert edges == schemas.EDGE_REPORT.names


def test_popularity(mined):
    """One row for each dataset and window, those written but never read too, with figures one can count by hand."""
    answer = mined("report", "--csv", "p.csv")
    assert answer.code == 0
    assert answer.out == "p.csv: 16 rows\n"
    found = table((mined.folder / "p.csv").read_text())
    assert [row["window_days"] for row in found] == ["1"] * 4 + ["7"] * 4 + ["30"] * 4 + ["90"] * 4
    week = {row["dataset"]: row for row in found if row["window_days"] == "7"}
    assert week.keys() == {"main.s.a", "main.s.b", "main.s.c", "main.s.unread"}
    read = week["main.s.c"]
    assert (read["reads"], read["readers"], read["people"], read["writes"]) == ("6", "2", "2", "3")
    assert (read["as_of"], read["partial_days"]) == ("2026-11-10", "4")
    unread = week["main.s.unread"]
    assert (unread["reads"], unread["writes"], unread["score"], unread["band"]) == ("0", "3", "0", "0")
    assert week["main.s.a"]["people"] == "0"  # what a job reads is no person's reading


def test_windows_of_ones_own(mined):
    """Any windows may be asked for, several too, whatever the settings name."""
    answer = mined("report", "--csv", "-", "--window", "2", "--window", "730")
    assert answer.code == 0
    assert {row["window_days"] for row in table(answer.out)} == {"2", "730"}


def test_as_of(mined):
    """The last day may be asked for; the figures are those of that day."""
    answer = mined("report", "--csv", "-", "--window", "1", "--as-of", "2026-11-09")
    (read,) = [row for row in table(answer.out) if row["dataset"] == "main.s.c"]
    assert (read["as_of"], read["reads"]) == ("2026-11-09", "2")


def test_edges(mined):
    """One row for each current edge, with the process that made it and the days it was seen."""
    answer = mined("report", "--edges", "-")
    assert answer.code == 0
    first, second = table(answer.out)
    assert (first["process_kind"], first["process_id"], first["source"], first["target"]) == (
        "job", "7", "main.s.a", "main.s.b",
    )  # fmt: skip
    assert (first["first_seen"], first["last_seen"], first["column_pairs"]) == ("2026-11-08", "2026-11-10", "0")
    assert (second["process_kind"], second["source"], second["target"]) == ("pipeline", "main.s.b", "main.s.c")


def test_standard_output_holds_nothing_else(mined):
    """`-` writes the CSV to standard output and not a word beside it."""
    answer = mined("report", "--csv", "-", "--window", "1")
    assert len(answer.out.splitlines()) == 1 + 4
    assert answer.told == ""


@pytest.mark.parametrize("option", ["--csv", "--edges"])
def test_no_ledger(home, option):
    """Without a ledger there is no report: code 1 with the mend, and no ledger is made."""
    answer = home("report", option, "p.csv")
    assert (answer.code, answer.out) == (1, "")
    assert "there is no ledger" in answer.told
    assert "mend:  mine something first: uc-miner run" in answer.told
    assert not home.ledger.exists()
    assert not (home.folder / "p.csv").exists()


@pytest.mark.parametrize("option", ["--csv", "--edges"])
def test_nothing_mined(home, option):
    """A ledger without a mined day gives no report: code 1 with the mend."""
    home.write()
    home("run", "--allow-empty")
    answer = home("report", option, "p.csv")
    assert (answer.code, answer.out) == (1, "")
    assert "holds no whole day yet" in answer.told
    assert "mend:" in answer.told


def test_window_beyond_what_is_mined(mined):
    """A last day whose windows hold no mined day is refused, and the days there are named."""
    answer = mined("report", "--csv", "p.csv", "--window", "7", "--as-of", "2026-10-01")
    assert answer.code == 1
    assert "nothing is mined from 2026-09-25 to 2026-10-01" in answer.told
    assert "2026-11-08 to 2026-11-10" in answer.told
    assert not (mined.folder / "p.csv").exists()


def test_a_report_that_cannot_be_written(mined):
    """A place that cannot be written fails with the mend, and leaves what stood there."""
    (mined.folder / "taken").mkdir()
    answer = mined("report", "--csv", "taken")
    assert answer.code == 1
    assert "mend:" in answer.told
    assert (mined.folder / "taken").is_dir()


def test_excluded_readers(mined):
    """Readers left out by the settings are left out of the report, without mining again."""
    mined.set('[usage]\nexclude_users = ["bob@*"]\n')
    (read,) = [row for row in table(mined("report", "--csv", "-", "--window", "7").out) if row["dataset"] == "main.s.c"]
    assert (read["reads"], read["readers"]) == ("3", "1")


def test_included_readers(mined):
    """Where readers or kinds are included, reads of others count no more; nothing is mined again for that."""
    for given in ('include_users = ["BOB@*"]', 'include_users = ["*@x.org"]\nexclude_users = ["ann@*"]'):
        mined.set(f"[usage]\n{given}\n")
        (read,) = [
            row for row in table(mined("report", "--csv", "-", "--window", "7").out) if row["dataset"] == "main.s.c"
        ]
        assert (read["reads"], read["readers"]) == ("3", "1")
    mined.set('[usage]\ninclude_process_kinds = ["job"]\n')
    told = {row["dataset"]: row for row in table(mined("report", "--csv", "-", "--window", "7").out)}
    assert (told["main.s.a"]["reads"], told["main.s.c"]["reads"]) == ("3", "0")


def test_the_last_whole_day_is_the_default(home):
    """A day that was not over when it was mined is not reported on."""
    home.write(*small_estate())
    home.at(NOW - timedelta(days=2))
    assert home("run").code == 0
    answer = home("report", "--csv", "-", "--window", "1")
    assert {row["as_of"] for row in table(answer.out)} == {"2026-11-09"}
