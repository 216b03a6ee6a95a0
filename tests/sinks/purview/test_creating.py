"""What a catalog's definitions let us create, and why not."""

from itertools import pairwise

import pytest

from miner.ports import Match, Unmatched
from sinks.purview.assets import Asset
from sinks.purview.creating import NO_TABLE, NOT_DESCRIBED, Creating, creation
from sinks.purview.naming import NOTHING
from tests.sinks.purview.given import TABLES, dataset

CHAIN = (
    "databricks_metastore",
    "databricks_catalog",
    "databricks_schema",
    "databricks_table",
    "databricks_table_column",
)
VIEWS = ("databricks_schema", "databricks_view", "databricks_view_column")


def types():
    """Definitions as a catalog answers, each with an end to what it is part of."""
    found = {name: {"name": name, "attributeDefs": [], "relationshipAttributeDefs": []} for name in (*CHAIN, *VIEWS)}
    for above, below in (*pairwise(CHAIN), *pairwise(VIEWS)):
        found[below]["relationshipAttributeDefs"] = [{"name": "above", "typeName": above, "isOptional": True}]
    return found


def test_what_definitions_have_is_told():
    """Attributes that a type has are told, those it has not, or has otherwise, are not; ends are found by their type."""
    known = types()
    known["databricks_table"]["attributeDefs"] = [
        {"name": "catalogName", "typeName": "string"}, {"name": "schemaName", "typeName": "int"}
    ]  # fmt: skip
    shape = creation(known.get)
    assert shape.refused == ""
    assert shape.attributes["databricks_table"] == ("qualifiedName", "name", "catalogName")
    assert shape.ends["databricks_table"] == "above"
    match = Match(1, "missing", described='[["Id","int"]]')
    stands = Creating(NOTHING, shape).stands(1, dataset("c.s.a"), Unmatched("c.s.a", "none"), match)
    *_, table, column = stands.entities()
    assert (table.type_name, table.qualified_name, table.flow) == ("databricks_table", f"{TABLES}/a", (0, 1))
    assert b"schemaName" not in table.body
    assert column.needs[-1] == table.qualified_name


@pytest.mark.parametrize("name", types())
def test_every_type_is_needed(name):
    """Without one of the types nothing is created, and it is named."""
    known = types()
    del known[name]
    assert creation(known.get).refused == f"Purview has no type {name}"


def test_columns_must_be_part_of_something():
    """A column that cannot be tied to its table would be lost."""
    known = types()
    known["databricks_view_column"]["relationshipAttributeDefs"] = []
    assert creation(known.get).refused == "databricks_view_column has no relationship to databricks_view"


def test_what_a_type_demands():
    """A definition that demands what we cannot tell is not met."""
    known = types()
    known["databricks_schema"]["attributeDefs"] = [{"name": "owner", "typeName": "string", "isOptional": False}]
    assert creation(known.get).refused == "databricks_schema demands owner"


@pytest.mark.parametrize(
    ("name", "described", "why"),
    [
        ("c.s.a", None, NOT_DESCRIBED),
        ("hive_metastore.s.a", '[["i","int"]]', NO_TABLE),
        ("abfss://c@a.dfs.core.windows.net/p", None, "none"),
    ],
)
def test_what_is_not_created(name, described, why):
    """Paths and tables of a Hive metastore are not, nor are tables whose columns are not known."""
    match = Match(1, "missing", described=described)
    shape = creation(types().get)
    found = Creating(NOTHING, shape).stands(1, dataset(name), Unmatched(name, "none"), match)
    assert found == Unmatched(name, why)


def test_assets_of_others_stay():
    """What a scan brought in is referred to as it is."""
    asset = Asset("databricks_table", f"{TABLES}/a")
    match = Match(1, "matched", *("databricks_table", f"{TABLES}/a"), reason="rule", described='[["i","int"]]')
    assert Creating(NOTHING, creation(types().get)).stands(1, dataset("c.s.a"), asset, match) is None
