"""Who is who among those who read: kinds, names that are one, groups."""

from datetime import date

import pyarrow as pa
import pytest

from miner import readers
from miner.disclosure import HASHED, NAMES, disclosure
from miner.ledger import reader_usage, wanted
from miner.ledger.reader_usage import Who
from miner.popularity import PopularityOptions, popularity
from miner.readers import Readers
from miner.scope import Chosen
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import at, lineage, statement

NUMBER, OTHER = "0a1b2c3d-0000-4444-8888-0123456789ab", "0a1b2c3d-0000-4444-8888-0123456789ac"
KNOWN = Readers(
    names={NUMBER: "ETL Prod", OTHER: "twin", OTHER[:-1] + "d": "twin"},
    groups={"analysts": {"ann@x.org"}, "all@x.org": {"ann@x.org", NUMBER}},
    service_principals=("SVC-*",),
    system=("system-user", "databricks-*"),
    redacted=("__redacted__", "masked:*"),
)


@pytest.mark.parametrize(
    ("name", "plain", "known"),
    [
        ("", "unknown", "unknown"),
        ("ann@x.org", "person", "person"),
        (NUMBER, "service_principal", "service_principal"),
        ("etl prod", "group", "service_principal"),
        ("twin", "group", "unknown"),
        ("svc-load@x.org", "person", "service_principal"),
        ("system-user", "system", "system"),
        ("databricks-auto", "group", "system"),
        ("__redacted__", "redacted", "redacted"),
        ("masked:7", "group", "redacted"),
        ("dashboard:7", "dashboard", "dashboard"),
        ("analysts", "group", "group"),
        ("all@x.org", "person", "group"),
        ("engineers", "group", "unknown"),
    ],
)
def test_kinds(name, plain, known):
    """People, service principals, groups, Databricks itself and those not told are told apart, by name and by files."""
    assert readers.kind_of(name) == plain
    assert KNOWN.kind_of(name) == known


def test_one_identity():
    """A service principal is known by its application id, also where its name is told; a name of two is nobody's."""
    assert KNOWN.identity("etl prod") == NUMBER
    assert (KNOWN.identity("twin"), KNOWN.identity("ann@x.org")) == ("twin", "ann@x.org")
    assert (KNOWN.name_of("etl prod"), KNOWN.name_of(NUMBER), KNOWN.name_of("ann@x.org")) == ("ETL Prod",) * 2 + (None,)


@pytest.mark.parametrize("glob", [NUMBER.upper(), "etl *", "ETL Prod"])
def test_by_any_name(glob):
    """Whoever is chosen by name is chosen by the id and by the name it is called."""
    for name in (NUMBER, "etl prod"):
        assert not KNOWN.chosen(name, Chosen.by((), (glob,)))
        assert KNOWN.chosen(name, Chosen.by((glob,), ()))
    assert KNOWN.chosen("ann@x.org", Chosen.by((), (glob,)))


@pytest.mark.parametrize("name", ["ann@x.org", "analysts", "engineers", "twin"])
def test_hashed(name):
    """Names of people, groups and whoever is not told apart are hashed; ids, and nobody's, are not."""
    told = disclosure(HASHED, b"key", KNOWN)
    assert told(name).startswith("user:")
    assert name not in told(name)
    assert [told(one) for one in (NUMBER, "", "system-user", "dashboard:1")] == [
        NUMBER,
        "",
        "system-user",
        "dashboard:1",
    ]


def estate():
    """A service principal that lineage tells by its id and history by its name, and a person."""
    rows = [
        lineage("c.s.a", None, job="1", day=day(on), created_by=NUMBER, statement_id=told, entity_run_id=f"r{on}{run}")
        for on, told, run in ((-1, "s1", 1), (-1, None, 2), (0, None, 1), (0, None, 1))
    ]
    rows.append(lineage("c.s.a", None, day=day(0), created_by="Ann@x.org"))
    return FakeTables(*rows, query_history=[statement("s1", executed_by="ETL Prod", start_time=at(day(-1)))])


def who_read(world, known):
    """The report of readers of two days."""
    with world.ledger.copying() as copy:
        with world.ledger.reading(copy) as connection:
            wanted.resolve(connection)
            reader_usage.copy_out(world.ledger.database, connection, copy, day(-1), day(0), known)
        who = Who(Chosen(), Chosen(), disclosure(NAMES, b""), known)
        found = pa.Table.from_batches(reader_usage.stream(world.ledger.database, copy, 2, date(2026, 1, 1), who))
    return {row["reader"]: row for row in found.to_pylist()}


def test_two_names_are_one_reader(world):
    """Told by id and by name, a service principal is one reader, with its days and runs counted once."""
    world.mine(estate(), streams=("usage",))
    plain = popularity(world.ledger, PopularityOptions(windows=(2,))).iloc[0]
    one = popularity(world.ledger, PopularityOptions(windows=(2,), readers=KNOWN)).iloc[0]
    assert (plain.readers, plain.people, plain.machines) == (3, 1, 2)
    assert (one.readers, one.people, one.machines) == (2, 1, 1)
    assert (one.reads, one.machine_reads, one.machine_runs) == (4, 3, 3)
    assert set(who_read(world, Readers())) == {NUMBER, "etl prod", "ann@x.org"}
    told = who_read(world, KNOWN)
    assert set(told) == {NUMBER, "ann@x.org"}
    row = told[NUMBER]
    assert (row["reads"], row["days"], row["runs"]) == (3, 2, 3)
    assert (row["reader_kind"], row["reader_name"]) == ("service_principal", "ETL Prod")
    assert (told["ann@x.org"]["reader_name"], told["ann@x.org"]["by_hand"]) == (None, True)


def test_left_out_by_its_name(world):
    """A service principal left out by the name it is called does not count where lineage tells its id."""
    world.mine(estate(), streams=("usage",))
    row = popularity(world.ledger, PopularityOptions(windows=(2,), readers=KNOWN, exclude_users=("etl *",))).iloc[0]
    assert (row.readers, row.reads, row.machines, row.machine_runs) == (1, 1, 0, 0)


def test_a_run_over_midnight(world):
    """A run that reads on two days counts on both, as a statement does; one of two readers counts for each."""
    rows = [
        lineage("c.s.a", None, job="1", job_run="over", day=day(on), created_by=who)
        for on in (-1, 0)
        for who in ("x@x.org", "y@x.org")
    ]
    world.mine(FakeTables(*rows), streams=("usage",))
    one, two = (popularity(world.ledger, PopularityOptions(windows=(n,))).iloc[0] for n in (1, 2))
    assert (one.machine_runs, two.machine_runs) == (2, 4)
