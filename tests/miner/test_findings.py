"""What is worth a look, and what is not said because the ledger cannot know it."""

import pytest

from miner.findings import findings
from miner.popularity import PopularityOptions
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.rows import METASTORE, lineage


def found(world, *, windows=(7,), each=True, **options):
    """The findings as (finding, dataset)."""
    told = findings(world.ledger, PopularityOptions(windows=windows, **options), each=each).to_pylist()
    return {(row["finding"], row["dataset"]) for row in told}


def read(table, offset, who="ann@x.org", **more):
    """A read on a day so many days from the last."""
    return lineage(
        table, None, **{"day": day(offset), "created_by": who, "statement_id": f"{table}{offset}{who}"} | more
    )


def written(table, offset):
    """A write by a job."""
    return lineage(None, table, day=day(offset), job="8", created_by="etl@x.org")


def mined(world, *rows):
    """A world that mined two weeks, all settled, some rows on each day."""
    busy = [read("c.s.busy", -offset) for offset in range(14)]
    world.mine(FakeTables(*busy, *rows), start=day(-13))


def test_no_recorded_read(world):
    """A table is told that was there before the window and that nobody touched in it, written or not."""
    mined(world, written("c.s.old", -10), written("c.s.kept", -9), written("c.s.kept", -1), read("c.s.asked", -1))
    assert found(world) >= {
        ("no_recorded_read", "c.s.old"), ("no_recorded_read", "c.s.kept"), ("written_never_read", "c.s.kept"),
    }  # fmt: skip
    told = {name for finding, name in found(world) if finding in {"no_recorded_read", "written_never_read"}}
    assert told == {"c.s.old", "c.s.kept"}


@pytest.mark.parametrize(
    "reads",
    [
        read("c.s.t", -1),
        read("c.s.t", -1, direct_access=False),
        read("c.s.t", -1, who="robot@x.org", job="9"),
        lineage("c.s.t", "c.s.other", day=day(-6), job="9"),
    ],
    ids=["a person", "through a view", "a job", "into another table, on the first day"],
)
def test_any_read_is_a_read(world, reads):
    """Whoever reads, however, on any day of the window, keeps a table from being told of as unread."""
    mined(world, written("c.s.t", -10), written("c.s.t", -2), reads)
    assert not {finding for finding, name in found(world) if name == "c.s.t"} & {
        "no_recorded_read",
        "written_never_read",
    }


OLD = (written("c.s.old", -10), written("c.s.kept", -10), lineage(None, "s3://bucket/files/a", day=day(-10), job="8"))


def outside(dataset, offset=-1, metastore="", reads=1, told_by="audit"):
    """A read past lineage on a day; of a share, without one."""
    on = day(offset) if told_by == "audit" else None
    return {"day": on, "metastore_id": metastore, "dataset": dataset, "told_by": told_by, "reads": reads}


def told_outside(world, *rows, audited=True, windows=(7,)):
    """Whether unread datasets are read past lineage, by name."""
    busy = [read("c.s.busy", -offset) for offset in range(14)]
    tables = FakeTables(*busy, *OLD)
    tables.outside, tables.audited = list(rows), audited
    world.mine(tables, start=day(-13))
    told = findings(world.ledger, PopularityOptions(windows=windows), each=True).to_pylist()
    return {row["dataset"]: row["read_outside"] for row in told if row["finding"] == "no_recorded_read"}


def test_read_outside(world):
    """A table that a recipient or another engine read in the window is unread as far as lineage knows, and says so."""
    told = told_outside(world, outside("c.s.old"), outside("c.s.kept", -8), outside("s3://bucket/files"))
    assert told == {"c.s.old": "read outside", "c.s.kept": "no", "s3://bucket/files/a": "read outside"}


def test_a_shared_table(world):
    """A table in a share may be read by whoever it is shared with, whatever the audit log has."""
    told = told_outside(world, outside("c.s.old", reads=0, told_by="share"))
    assert (told["c.s.old"], told["c.s.kept"]) == ("read outside", "no")


def test_without_the_audit_log(world):
    """Without the grant nothing is known: neither yes nor no, but for a table that is seen to be shared."""
    told = told_outside(world, outside("c.s.old", reads=0, told_by="share"), audited=False)
    assert (told["c.s.old"], told["c.s.kept"]) == ("read outside", "unknown")


def test_a_read_of_no_known_table(world):
    """A read of which nobody says the table may be of any: none is sure to be unread."""
    told = told_outside(world, outside("c.s.old"), outside(None))
    assert (told["c.s.old"], told["c.s.kept"]) == ("read outside", "unknown")


def test_of_which_metastore(world):
    """A table of the same name in another metastore is another table; where nobody tells, it is any."""
    told = told_outside(world, outside("c.s.old", metastore="m9"), outside("c.s.kept", metastore=METASTORE))
    assert (told["c.s.old"], told["c.s.kept"]) == ("no", "read outside")


def test_a_day_without_the_audit_log(world):
    """The audit log must have been read for every day of a window: one day mined without it leaves it unknown."""
    tables = FakeTables(*[read("c.s.busy", -offset) for offset in range(14)], *OLD)
    for audited, days in ((True, [offset for offset in range(-13, 1) if offset != -2]), (False, [-2])):
        tables.audited = audited
        world.mine_days(tables, [day(offset) for offset in days], start=day(-13))
    told = findings(world.ledger, PopularityOptions(windows=(1, 7)), each=True).to_pylist()
    by_window = {row["window_days"]: row["read_outside"] for row in told if row["dataset"] == "c.s.old"}
    assert by_window == {1: "no", 7: "unknown"}


def test_who_is_left_out_of_popularity_still_reads(world):
    """Settings that keep robots out of popularity make no table unread."""
    mined(world, written("c.s.t", -10), read("c.s.t", -1, who="robot@x.org"))
    assert ("no_recorded_read", "c.s.t") not in found(world, exclude_users=("robot@*",))


def test_new_tables_are_not_told_of(world):
    """A table first seen within the window has had no time to be read."""
    mined(world, written("c.s.new", -2))
    assert not {finding for finding, name in found(world) if name == "c.s.new"}


def test_a_window_that_may_still_change_says_nothing_is_missing(world):
    """While a day of the window is not mined whole and settled, nothing is told of as unread."""
    mined(world, written("c.s.old", -10))
    assert ("no_recorded_read", "c.s.old") in found(world)
    assert not {name for finding, name in found(world, windows=(30,)) if finding == "no_recorded_read"}
    assert not {name for finding, name in found(world, as_of=day(1)) if finding == "no_recorded_read"}


def test_the_last_settled_day_ends_the_window(world):
    """Days that may still get rows are left out, so that a read that comes late does not make a table unread."""
    world.now = noon(day(1))
    mined(world, written("c.s.old", -10), read("c.s.old", 0))
    told = findings(world.ledger, PopularityOptions(windows=(7,))).to_pylist()
    assert {row["as_of"] for row in told} == {day(-3)}
    assert ("no_recorded_read", "c.s.old") in {(row["finding"], row["dataset"]) for row in told}


def test_machines_alone(world):
    """A table that jobs read and nobody else; one read by somebody unknown may be a person's."""
    job = {"who": "etl@x.org", "job": "9"}
    mined(world, read("c.s.fed", -1, **job), read("c.s.both", -1, **job), read("c.s.both", -2),
          read("c.s.some", -1, **job), read("c.s.some", -2, who=None))  # fmt: skip
    told = {name for finding, name in found(world) if finding == "read_by_machines_alone"}
    assert told == {"c.s.fed"}


def test_hot_and_cooling(world):
    """Reads that doubled, of a popular table; reads that fell by half or more, of one that was read before."""
    mined(
        world,
        *(read("c.s.hot", -offset, who=f"p{n}@x.org") for offset in range(7) for n in range(3)),
        read("c.s.hot", -8),
        *(read("c.s.cold", -offset, who=f"p{n}@x.org") for offset in range(7, 14) for n in range(3)),
        read("c.s.cold", -1),
        read("c.s.few", -1), read("c.s.few", -8), read("c.s.few", -9),
    )  # fmt: skip
    moving = {(finding, name) for finding, name in found(world) if finding in {"hot", "cooling"}}
    assert moving == {("hot", "c.s.hot"), ("cooling", "c.s.cold")}


def test_most_depended_on(world):
    """What several datasets are made from comes first; not what only one is made from, or what dashboards read."""
    mined(world, *(lineage("c.s.one", None, day=day(-1), dashboard=f"d{n}") for n in range(3)),
          *(lineage("c.s.hub", f"c.s.t{n}", day=day(-1), query="q") for n in range(3)),
          lineage("c.s.one", "c.s.t0", day=day(-1), query="q"))  # fmt: skip
    rows = findings(world.ledger, PopularityOptions(windows=(7,)), each=True).to_pylist()
    assert [(row["dataset"], row["dependents"]) for row in rows if row["finding"] == "most_depended_on"] == [
        ("c.s.hub", 3)
    ]


def test_one_window_is_enough(world):
    """Without a window asked for, a state is told of the longest that is settled whole, a trend of the shortest week."""
    mined(world, written("c.s.old", -13), *(read("c.s.hot", -offset, who=f"p{n}@x.org") for offset in range(7) for n in range(3)),
          read("c.s.hot", -8))  # fmt: skip
    rows = findings(world.ledger, PopularityOptions(windows=(1, 7, 10, 90))).to_pylist()
    told = {(row["finding"], row["dataset"]): row["window_days"] for row in rows}
    assert told["no_recorded_read", "c.s.old"] == 10
    assert told["hot", "c.s.hot"] == 7


def test_nothing_mined(world):
    """A ledger without a day has no findings."""
    assert found(world) == set()
