"""The stream of reads of columns: what is kept, balanced, mined again, rolled up, told and sent.

`test_figures.py` compares all figures with the oracle, `test_order.py` orders of mining.
"""

import json

import pandas as pd
import pytest

from miner import schemas
from miner.column_popularity import column_popularity
from miner.errors import LedgerError, OutOfScopeError, ShrunkDayError
from miner.ledger import COLUMNS, STREAMS, reading, roll_up
from miner.popularity import PopularityOptions
from tests.miner.fakes import FakeTables
from tests.miner.world import day, noon
from tests.oracle import Scope
from tests.rows import at, columns, lineage

PERSON = "ann@x.org"
ONLY = {"streams": (COLUMNS,)}


def read(name="id", who=PERSON, *, of="c.s.a", on=0, **given):
    return columns(of, "c.s.b", name, "y", day=day(on), event_time=at(day(on)), created_by=who, **given)


def estate(*pairs, **more):
    """Column rows, with a table row on each of their days."""
    days = {row["event_date"] for row in pairs}
    return FakeTables(*(lineage("c.s.a", "c.s.b", day=one) for one in sorted(days)), column_lineage=pairs, **more)


def told(world, **options):
    """Popularity by column and window."""
    frame = column_popularity(world.ledger, PopularityOptions(**options))
    return {(row.dataset, row.column, row.window_days): row for row in frame.itertuples()}


def kept(world, what="column_usage"):
    return [line for line in map(json.loads, world.dump()) if line["what"] == what]


def test_not_mined_unless_asked(world):
    """Reads of columns are volume: nothing of them is mined or kept unless they are asked for."""
    world.mine(estate(read()))
    assert (world.marks(COLUMNS), kept(world), kept(world, "column")) == ({}, [], [])


def test_the_balance_is_that_of_column_lineage(world):
    """A day's mark counts the rows of column_lineage; each has one fate."""
    world.mine(estate(read(), read(None), read(direct_access=False), read(job="1")), **ONLY)
    assert world.marks(COLUMNS)[day(0)].rows == 4
    with world.ledger.reading() as connection:
        fates = {(one.table, one.fate): one.rows for one in reading.fates(connection) if one.stream == COLUMNS}
    assert fates == {("column_lineage", name): rows for name, rows in (("kept", 2), ("no_column", 1), ("indirect", 1))}


def test_days_without_column_lineage_are_mined(world):
    """A day that has lineage of tables alone is mined, and known to have no read of a column."""
    tables = estate(read(on=-1))
    tables.rows["table_lineage"].append(lineage("c.s.a", None, day=day(0)))
    world.mine(tables, **ONLY)
    assert [mark.rows for mark in world.marks(COLUMNS).values()] == [1, 0]
    assert told(world, windows=(1,))["c.s.a", "id", 1].reads == 0


def test_figures(world):
    """People and machines are told apart; readers nobody knows are counted; a reader of two days is one."""
    rows = [
        read(), read(on=-1), read(who="bob@x.org", job="7"), read(who="0a1b2c3d-0000-4444-8888-0123456789ab"),
        read(who=None), read("other"),
    ]  # fmt: skip
    world.mine(estate(*rows), **ONLY)
    row = told(world, windows=(7,))["c.s.a", "id", 7]
    assert (row.reads, row.readers, row.people, row.machines, row.readers_unknown) == (5, 3, 1, 2, 1)
    assert (row.last_read, row.partial, row.kind) == (at(day(0)), True, "table")


def test_mining_again_replaces(world):
    """A day mined again holds what came then: late rows are taken in, nothing is counted twice."""
    world.now = noon(day(1))
    world.mine(estate(read()), **ONLY)
    world.mine(estate(read(), read(who="bob@x.org")), **ONLY)
    assert [line["reads"] for line in kept(world)] == [1, 1]
    with world.ledger.reading() as connection:
        assert [(one.stream, one.rows) for one in reading.late_rows(connection)] == [(COLUMNS, 1)]


def test_the_spelling_is_the_latest(world):
    """A column is told as its latest event wrote it, on whichever day and in whichever order days were mined."""
    rows = [read("ID", on=0), read("Id", on=-1), read("id", on=-2)]
    world.mine_days(estate(*rows), [day(0), day(-2), day(-1)], **ONLY)
    assert {column for _, column, _ in told(world, windows=(7,))} == {"ID"}


def test_a_path_that_is_a_table(world):
    """Columns of a path that is a table are those of the table; the one that was spelled last names both."""
    rows = [read("Id", of="s3://bucket/a"), read("ID", on=-1), read("only", of="s3://bucket/a")]
    tables = estate(*rows)
    tables.rows["table_lineage"].append(lineage("c.s.a", None, day=day(0)) | {"source_path": "s3://bucket/a"})
    world.mine(tables, streams=(*STREAMS, COLUMNS))
    found = told(world, windows=(7,))
    assert {key: row.reads for key, row in found.items()} == {("c.s.a", "Id", 7): 2, ("c.s.a", "only", 7): 1}


def test_a_narrowed_view_is_refused(world):
    """A settled day that lost its rows is refused, and stays."""
    world.mine(estate(*(read(who=f"{number}@x.org") for number in range(20))), **ONLY)
    before = world.content()
    with pytest.raises(ShrunkDayError, match="columns of"):
        world.mine(estate(read()), rules="other", **ONLY)
    assert world.content() == before


def test_a_scope_that_empties_days_is_refused(world):
    """A changed scope that leaves out every row of days that had some is refused too."""
    world.mine(estate(read()), **ONLY)
    with pytest.raises(OutOfScopeError):
        world.mine(estate(read(), scope=Scope(tables=("*",))), rules="other", **ONLY)


def test_rolled_up(world):
    """Old reads of columns are added up by month and lose nothing; their days are closed, and say so in windows."""
    rows = [read(on=offset, who=who) for offset in (-12, -11, 0) for who in (PERSON, None)]
    world.mine(estate(*rows), **ONLY)
    before = kept(world)
    options = PopularityOptions(windows=(5, 30), as_of=day(0))
    figures = column_popularity(world.ledger, options)
    done = roll_up.roll_up(world.ledger, day(-4))
    months = kept(world, "column_usage_month")
    assert (done.rows, len(kept(world))) == (4, 2)
    assert sum(line["reads"] for line in kept(world) + months) == sum(line["reads"] for line in before)
    assert {(line["reader"], line["last_read"][:10]) for line in months} == {
        (PERSON, str(day(-11))),
        ("", str(day(-11))),
    }
    after = column_popularity(world.ledger, options)
    short = after["window_days"] == 5
    pd.testing.assert_frame_equal(after[short], figures[figures["window_days"] == 5])
    assert after[~short]["partial_days"].unique() > figures[figures["window_days"] == 30]["partial_days"].unique()
    assert roll_up.roll_up(world.ledger, day(-4)) == roll_up.RolledUp(0, 0)


def test_closed_days_stay(world, monkeypatch):
    """A day that is rolled up is not mined again, and refused when somebody tries; the other streams go their own way."""
    world.mine(estate(read(on=-12), read()), **ONLY)
    roll_up.roll_up(world.ledger, day(-4))
    assert {one.day for one in world.mine(estate(read(on=-12), read()), rules="other", **ONLY)} == {
        day(offset) for offset in range(-4, 1)
    }
    assert day(-12) in {one.day for one in world.mine(estate(read(on=-12), read()), streams=("usage",))}
    before = world.content()
    monkeypatch.setattr("miner.ledger.reading.closed_days", lambda *_: set())
    with pytest.raises(LedgerError, match=f"usage of columns of {day(-12)} is rolled up"):
        world.mine(estate(read(on=-12), read()), rules="third", **ONLY)
    assert world.content() == before


def test_two_columns_with_one_number(world):
    """Two columns with one number but other check bits are refused loudly; nothing of the day is written."""
    world.mine(estate(read()), **ONLY)
    world.alter("UPDATE dataset_column SET check_bits = check_bits + 1")
    before = world.content()
    with pytest.raises(LedgerError, match="share one number"):
        world.mine(estate(read(), read(who="bob@x.org")), rules="other", **ONLY)
    assert world.content() == before


def test_nothing_mined(world):
    """A ledger without reads of columns has no figures, in the same columns."""
    assert told(world) == {}
    world.mine(estate(read(direct_access=False)), **ONLY)
    frame = column_popularity(world.ledger, PopularityOptions())
    assert len(frame) == 0
    assert list(frame.columns)[:-1] == schemas.COLUMN_POPULARITY.names


EVERY = {"streams": (*STREAMS, COLUMNS)}


def sent(world):
    changes = world.emitter(columns=True).emit()
    return changes, {name for name, one in world.sink.held.items() if one.kind == "column_usage"}


def test_emission(world):
    """Figures of columns are sent where they are asked for; again only when they are others."""
    world.mine(estate(read(), read("other")), **EVERY)
    world.emit()
    assert not world.sink.told("column_usage")
    changes, names = sent(world)
    assert (names, changes.created["column_usage"]) == ({"c.s.a#id", "c.s.a#other"}, 2)
    assert sent(world)[0].sent == 0
    world.mine(estate(read(), read("other"), read(who="bob@x.org")), rules="other", **EVERY)
    changes, _ = sent(world)
    assert (changes.changed["column_usage"], changes.unchanged["column_usage"]) == (1, 1)


def test_columns_that_the_catalog_lacks(world):
    """A column that a scan did not bring in is told as unmatched, fails nothing, and is tried again with other figures."""
    world.mine(estate(read(), read("new")), **EVERY)
    world.sink.lacks = {"c.s.a#new"}
    changes, names = sent(world)
    assert (names, changes.created["column_usage"], changes.unmatched["no such"]) == ({"c.s.a#id"}, 1, 1)
    assert (changes.rejected.total(), changes.examples["no such"]) == (0, "c.s.a#new")
    assert world.sql("SELECT count(*) FROM rejection") == [(0,)]
    assert sent(world)[0].sent == 0
    world.sink.lacks.clear()
    world.mine(estate(read(), read("new"), read("third")), rules="other", **EVERY)
    assert sent(world)[1] == {"c.s.a#id", "c.s.a#new", "c.s.a#third"}


def test_columns_of_what_has_no_asset(world):
    """Only columns of datasets whose asset was found are sent; datasets read by columns alone are looked up too."""
    world.sink.naming = "1"
    world.sink.assets["c.s.a"] = "asset"
    world.mine(estate(read(), read(of="c.s.z")), **EVERY)
    changes, names = sent(world)
    assert names == {"asset#id"}
    assert "c.s.z" in world.sink.looked_up
    assert changes.unmatched["no asset"]


def test_a_plan_counts_columns(world):
    """What would be sent is told, and nothing is."""
    world.mine(estate(read()), **EVERY)
    assert world.emitter(columns=True).plan().created["column_usage"] == 1
    assert world.sink.held == {}


def test_verifying_figures_of_columns(world):
    """Figures of a column that somebody changed are sent again as they were sent."""
    world.sink.moves_by = 2
    world.mine(estate(read(), read("other")), **EVERY)
    sent(world)
    right = dict(world.sink.held)
    world.sink.held["c.s.a#id"] = right["c.s.a#id"]._replace(body=b"{}")
    verified = world.emitter(columns=True).verify(10)
    assert (verified.wrong, verified.chosen["column_usage"]) == (("c.s.a#id",), 2)
    assert world.sink.held == right
    assert world.emitter(columns=True).verify(10).wrong == ()
