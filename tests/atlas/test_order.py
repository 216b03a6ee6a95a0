"""Parents before what refers to them, whatever the workers do: Atlas looks references up among what it has."""

import json
from dataclasses import replace

from miner.ports import Entity
from sinks.purview.client import PurviewSink
from sinks.purview.patience import Patience
from tests.atlas.estate import SENDING
from tests.atlas.server import PASSWORD, USER

TABLES = [("databricks_table", f"databricks://order/catalogs/c/schemas/s/tables/t{number}") for number in range(9)]


def reference(kind, name):
    return {"typeName": kind, "uniqueAttributes": {"qualifiedName": name}}


def entity(kind, name, parent=None, end="", **attributes):
    """An entity of a native type that cannot be without its parent."""
    body = {"typeName": kind, "attributes": {"qualifiedName": name, "name": name, **attributes}}
    if parent:
        body["relationshipAttributes"] = {end: reference(*parent)}
    needs = (parent[1],) if parent else ()
    return Entity("process", name, kind, json.dumps(body).encode(), "", 2, needs=needs)


def hierarchy():
    """Three workspaces, five notebooks in each, four processes in each notebook; a parent comes just before."""
    for space in range(3):
        workspace = "databricks_workspace", f"uc-miner://order/{space}"
        yield entity(*workspace)
        for number in range(5):
            notebook = "databricks_notebook", f"{workspace[1]}/notebooks/{number}"
            yield entity(*notebook, workspace, "workspace")
            for part in range(4):
                ends = {"inputs": [reference(*TABLES[part])], "outputs": [reference(*TABLES[part + 4])]}
                name = f"{notebook[1]}/processes/{part}"
                yield entity("databricks_process", name, notebook, "task", **ends)


def delivered(endpoint, entities):
    """What is refused when eight workers send them."""
    options = replace(SENDING, workers=8, max_entities=3)
    sink = PurviewSink(endpoint, (USER, PASSWORD), options, patience=Patience(first_wait=0.1))
    refused = [one for delivery in sink.deliver(sink.batches(entities)) for one in delivery.refused]
    sink.close()
    return refused


def test_three_levels_of_native_types(catalog):
    """Workspaces, notebooks and processes arrive though eight workers send them; nothing is refused."""
    catalog.scan(TABLES)
    assert delivered(catalog.endpoint, hierarchy()) == []
    processes = catalog.processes()
    assert len(processes) == 60
    assert delivered(catalog.endpoint, hierarchy()) == []
    assert catalog.processes() == processes


def test_the_order_is_needed(catalog):
    """Without what entities say they need, some of them are refused: the server looks nothing up in what comes along."""
    catalog.scan(TABLES)
    renamed = (
        one._replace(
            body=one.body.replace(b"order/", b"unordered/"),
            qualified_name=one.qualified_name.replace("order", "unordered"),
            needs=(),
        )
        for one in hierarchy()
    )
    refused = delivered(catalog.endpoint, (one for one in renamed))
    assert refused
    assert {one.reason.partition(":")[0][:9] for one in refused} == {"ATLAS-404"}
