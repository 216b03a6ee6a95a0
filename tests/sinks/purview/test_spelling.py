"""Columns are named as the assets spell them, to the letter."""

import json

import pytest

from sinks.purview.options import DEFAULT
from sinks.purview.spelling import column_names, kept, respelled, spellings
from tests.sinks.purview.given import TABLES, body, edge, flows
from tests.sinks.purview.test_matching import batch, index  # noqa: F401 (a fixture)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (None, None, [["Id", "KEY"], ["v", "w"]]),
        (["id", "v"], None, [["id", "KEY"], ["v", "w"]]),
        (["ID", "V"], None, [["ID", "KEY"], ["V", "w"]]),
        (None, ["Key", "w"], [["Id", "Key"], ["v", "w"]]),
        (["iD"], ["W"], [["iD", "key"], ["v", "W"]]),
    ],
)
def test_respelled(source, target, expected):
    """Each side is spelled as its asset spells it; a column it has not is folded, a side unknown stays as it is."""
    pairs = json.dumps([["Id", "KEY"], ["v", "w"]])
    assert json.loads(respelled(pairs, spellings(kept(source)), spellings(kept(target)))) == expected


def test_usual_pairs_are_left_alone():
    """Pairs without a capital, of assets without one, are not even read."""
    text = "[no json, all lower]"
    assert respelled(text, spellings("[]"), spellings("[]")) is text
    assert respelled("", spellings('["A"]'), None) == ""


def test_columns_of_an_answer():
    """Columns are told by a relationship or an attribute, with their names there or among what is referred to."""
    told = {"guid": "1", "displayText": "Id"}, {"guid": "2", "displayText": "v", "relationshipStatus": "DELETED"}
    assert column_names({"relationshipAttributes": {"columns": list(told)}}, {}) == ["Id"]
    referred = {"1": {"attributes": {"name": "ID"}}}
    assert column_names({"attributes": {"columns": [{"guid": "1"}]}}, referred) == ["ID"]
    assert column_names({"attributes": {"columns": "a, b"}, "relationshipAttributes": None}, {}) is None
    assert column_names({"attributes": {"columns": [{"guid": "?"}]}}, {}) is None


def test_the_mapping_names_the_columns_of_the_assets(atlas, connected, index, unmatched):  # noqa: F811
    """What is looked up keeps the asset's columns, in the same call, and the mapping names them so."""
    atlas.scanned("databricks_table", f"{TABLES}/a", columns=["CustomerId", "amount"])
    atlas.scanned("databricks_table", f"{TABLES}/b", columns=["Customer_ID"])
    atlas.scanned("databricks_table", f"{TABLES}/c")
    sink = connected(DEFAULT)
    rows = [
        edge("c.s.a", "c.s.b", pairs=[("CUSTOMERID", "customer_id"), ("Amount", "customer_id")]),
        edge("c.s.c", "c.s.b", pairs=[("AsSeen", "customer_id")]),
    ]
    numbers = {name: number for number, name in enumerate("abc", start=1)}
    found = {one.dataset: one for some in sink.matches([batch("c.s.a", "c.s.b", "c.s.c")], index) for one in some}
    assert len(atlas.calls("GET", "/entity/bulk/uniqueAttribute/type/databricks_table")) == 1
    given = {rows[0]["source"]: "a", rows[0]["target"]: "b", rows[1]["source"]: "c"}

    def known(ids):
        return {one: found[numbers[given[one]]] for one in ids}

    *_, made = sink.processes([flows(*rows)], unmatched, known)
    mapping = json.loads(body(made)["attributes"]["columnMapping"])
    assert [one["ColumnMapping"] for one in mapping] == [
        [{"Source": "CustomerId", "Sink": "Customer_ID"}, {"Source": "amount", "Sink": "Customer_ID"}],
        [{"Source": "AsSeen", "Sink": "Customer_ID"}],
    ]


def test_figures_ask_for_no_columns(atlas, connected):
    """Only matching needs columns: nothing else asks for relationships, of which a much read table has thousands."""
    atlas.scanned("azure_datalake_gen2_path", "https://a.dfs.core.windows.net/c/x")
    sink = connected(DEFAULT)
    assert sink._catalog.assets([("databricks_table", f"{TABLES}/a")]) == {}
    sink._catalog.assets([("azure_datalake_gen2_path", "https://a.dfs.core.windows.net/c/x")], columns=True)
    assert {call.query["ignoreRelationships"] for call in atlas.calls("GET", "/entity/bulk")} == {"True"}
