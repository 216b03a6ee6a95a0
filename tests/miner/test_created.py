"""`[purview] missing = "create"`: tables that no scan has brought in are made as the scan would make them, and ours."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from miner.names import read_names
from miner.ports import MADE
from sinks.purview.client import PurviewSink
from sinks.purview.hierarchy import MAKER
from sinks.purview.options import DEFAULT
from sinks.purview.pace import Pace
from tests.miner.fake_names import FakeNames
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day
from tests.rows import METASTORE, columns, lineage
from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering

SCHEMA = f"databricks://{METASTORE}/catalogs/c/schemas/s"
TABLES = f"{SCHEMA}/tables"
OPTIONS = replace(DEFAULT, missing="create", process_types="own", collection="lake", windows=(7,))


@pytest.fixture
def atlas():
    """A catalog with Purview's own types, in which `x` was scanned and `a` was not."""
    with answering() as catalog:
        catalog.hierarchy()
        catalog.scanned("databricks_table", f"{TABLES}/x")
        yield catalog
    assert catalog.unknown == []


@pytest.fixture
def made(atlas, tmp_path):
    """A ledger over a sink to the catalog; a query writes `x` from `a`."""
    sink = PurviewSink(atlas.endpoint, (USER, PASSWORD), OPTIONS, pace=Pace(1e9))
    world = World(tmp_path, sink=sink)
    edge = {"query": "q", "day": day(0)}
    pairs = columns("c.s.a", "c.s.x", "customerid", "k", **edge)
    world.mine(FakeTables(lineage("c.s.a", "c.s.x", **edge), column_lineage=[pairs]))
    yield world
    world.sink.close()
    world.throw_away()


def form(name, kind="TABLE"):
    catalog, schema, table = name.split(".")
    told = {"metastore_id": METASTORE, "catalog": catalog, "schema": schema, "name": table}
    return told | {"type": kind, "table_type": kind}


def learn(world, names):
    """Read names as a run does, and again now that the ledger knows what is missing."""
    return read_names("prod", names, world.ledger, mined=(), run_id=1, now=lambda: world.now)


def listed(*columns_of_a, kind="TABLE"):
    names = FakeNames(tables=[form("c.s.a", kind), form("c.s.x")])
    names.listed = {"c.s.a": list(columns_of_a), "c.s.other": [("o", "int")]}
    return names


NAMES = ("CustomerId", "bigint"), ("v", "decimal(10,2)")


def there(atlas, *types):
    """Qualified names of some types."""
    return sorted(name for kind, name in atlas.entities if kind in types)


def reasons(world):
    """Why assets were found."""
    return {reason for (reason,) in world.sql("SELECT reason FROM asset_match WHERE state = 'matched'")}


def created(world, names=None):
    """Everything up to the asset being there."""
    learn(world, FakeNames(tables=[form("c.s.a"), form("c.s.x")]))
    assert world.emit().created["asset"] == 0
    learn(world, names or listed(*NAMES))
    return world.emit()


def test_a_table_is_made_with_what_it_is_part_of(made, atlas):
    """Metastore, catalog, schema, table and columns come with their types, in the collection; lineage then has its end."""
    changes = created(made)
    assert (changes.rejected, changes.created["asset"]) == ({}, 6)
    assert there(atlas, "databricks_metastore", "databricks_catalog", "databricks_schema") == [
        SCHEMA.partition("/catalogs")[0], SCHEMA.partition("/schemas")[0], SCHEMA
    ]  # fmt: skip
    table = atlas.entities["databricks_table", f"{TABLES}/a"]
    assert table["attributes"] == {
        "qualifiedName": f"{TABLES}/a", "name": "a", "catalogName": "c", "schemaName": "s", "tableType": "TABLE"
    }  # fmt: skip
    assert atlas.parent("databricks_table", f"{TABLES}/a", "schema") == SCHEMA
    column = atlas.entities["databricks_table_column", f"{TABLES}/a/columns/CustomerId"]
    assert (column["attributes"]["name"], column["attributes"]["dataType"]) == ("CustomerId", "bigint")
    assert atlas.parent("databricks_table_column", f"{TABLES}/a/columns/v", "table") == f"{TABLES}/a"
    assert atlas.collections["databricks_table", f"{TABLES}/a"] == "lake"
    (process,) = [one for (kind, _), one in atlas.entities.items() if kind == "uc_miner_process"]
    assert [one["uniqueAttributes"]["qualifiedName"] for one in process["attributes"]["inputs"]] == [f"{TABLES}/a"]
    (mapping,) = json.loads(process["attributes"]["columnMapping"])
    assert mapping["ColumnMapping"] == [{"Source": "CustomerId", "Sink": "k"}]
    assert not [
        one for one in atlas.calls("POST", "/types/typedefs") if b'"databricks_' in one.body.split(b"options")[0]
    ]


def test_it_gets_its_figures_at_once_and_is_found_from_then_on(made, atlas):
    """In the same emission the asset is looked up again and told how much it is used; then nothing is sent any more."""
    created(made)
    assert atlas.usage(f"{TABLES}/a")
    made.emit()
    assert made.emit().sent == 0
    assert MADE in reasons(made)
    assert made.emitter().verify(10).wrong == ()


def test_only_what_is_missing_is_described(made):
    """Columns are read of tables that the catalog lacks and information_schema lists, and of no others."""
    names = listed(*NAMES)
    learn(made, names)
    made.emit()
    learn(made, names)
    assert names.described == [[("c", "s", "a")]]
    assert made.sql("SELECT name, data_type FROM table_column ORDER BY position") == [*NAMES]


def test_a_view_is_made_as_a_view(made, atlas):
    """What information_schema calls a view has the view's type and name."""
    made.alter("UPDATE dataset SET type = NULL WHERE name = 'a'")
    created(made, listed(*NAMES, kind="VIEW"))
    assert there(atlas, "databricks_view", "databricks_view_column") == [
        f"{SCHEMA}/views/a", f"{SCHEMA}/views/a/columns/CustomerId", f"{SCHEMA}/views/a/columns/v"
    ]  # fmt: skip


def test_new_columns_follow(made, atlas):
    """A column that information_schema lists later is added to an asset of ours; nothing else is sent."""
    created(made)
    made.emit()
    learn(made, listed(*NAMES, ("late", "date")))
    changes = made.emit()
    assert (changes.created["asset"], changes.changed["asset"], changes.rejected) == (1, 0, {})
    assert f"{TABLES}/a/columns/late" in there(atlas, "databricks_table_column")


def test_what_is_not_ours_is_never_changed(made, atlas):
    """A schema that a scan brought in is referred to and stays; so does a table that a scan brings in meanwhile."""
    atlas.scanned("databricks_schema", SCHEMA, name="theirs")
    learn(made, FakeNames(tables=[form("c.s.a"), form("c.s.x")]))
    made.emit()
    learn(made, listed(*NAMES))
    atlas.scanned("databricks_table", f"{TABLES}/a", name="theirs too")
    changes = made.emit()
    assert changes.rejected == {}
    assert atlas.entities["databricks_schema", SCHEMA]["attributes"]["name"] == "theirs"
    table = atlas.entities["databricks_table", f"{TABLES}/a"]
    assert (table["attributes"]["name"], table["customAttributes"]) == ("theirs too", {})
    made.now += timedelta(days=2)
    made.emit()
    assert MADE not in reasons(made)
    names = listed(*NAMES)
    learn(made, names)
    assert names.described == []


def test_what_was_made_stays(made, atlas):
    """An asset that we made and that lineage has no use for any more is the catalog's: it is never removed."""
    created(made)
    made.emit()
    made.mine(FakeTables(lineage("c.s.x", "c.s.x2", query="o", day=day(0))), rules="other", allow_shrink=True)
    made.now += timedelta(days=2)
    replace(made.emitter(), max_removals=100).emit()
    assert there(atlas, "databricks_table") == [f"{TABLES}/a", f"{TABLES}/x"]
    assert there(atlas, "uc_miner_process") == []


def test_what_somebody_deleted_is_made_again(made, atlas):
    """Of an asset of ours that is gone, with its schema, the process is refused once, and then all of it is there again."""
    created(made)
    made.emit()
    gone = [key for key in atlas.entities if key[1].startswith((f"{TABLES}/a", SCHEMA)) and key[1] != f"{TABLES}/x"]
    for key in gone:
        del atlas.entities[key]
    made.now += timedelta(days=40)
    changes = made.emit()
    assert changes.rejected == {}
    assert set(gone) <= atlas.entities.keys()
    assert atlas.entities["databricks_table", f"{TABLES}/a"]["customAttributes"] == dict([MAKER])


@pytest.mark.parametrize(
    ("leave_out", "why"),
    [("databricks_schema", "no type databricks_schema"), ("databricks_view_column", "no type databricks_view_column")],
)
def test_without_the_types_nothing_is_made(made, atlas, leave_out, why):
    """Where the account lacks one of the types, the dataset is left out, and the reason says which."""
    atlas.hierarchy()
    atlas.types.pop(leave_out)
    atlas.relationships = {name: one for name, one in atlas.relationships.items() if leave_out not in name}
    changes = created(made)
    assert changes.created["asset"] == 0
    assert any(why in reason for reason in changes.unmatched)
    assert there(atlas, "databricks_table") == [f"{TABLES}/x"]


def test_what_information_schema_does_not_know_is_not_made(made, atlas):
    """A table without told columns stays without an asset; the reason says so."""
    learn(made, FakeNames(tables=[form("c.s.a")]))
    made.emit()
    made.alter("UPDATE setting SET value = 'x' WHERE name LIKE 'fingerprint%'")
    changes = made.emit()
    assert changes.created["asset"] == 0
    assert any("information_schema" in reason for reason in changes.unmatched)
    assert there(atlas, "databricks_table") == [f"{TABLES}/x"]
