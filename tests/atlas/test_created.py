"""Tables that no scan has brought in, made in a real Atlas as the scan would make them."""

from dataclasses import replace

import pytest

from miner.emission import Emitter
from miner.names import read_names
from schedules import settings
from schedules.parts import Parts
from tests.atlas.estate import LIMITS, NOW, SENDING, SETTINGS, assets

MORE = '[purview]\nsink = "purview"\nendpoint = "{}"\nuser = "u"\npassword = "p"\nmissing = "create"\n'
KINDS = ("databricks_table", "databricks_view")


@pytest.fixture
def estate(mined_once, catalog, tmp_path):
    """An estate in which every tenth asset was scanned."""
    catalog.define_hierarchy()
    mine = mined_once.copy(tmp_path / "estate")
    mine.endpoint = catalog.endpoint
    mine.options = replace(SENDING, process_types="own", missing="create", max_entities=100)
    processes, usage = mine.entities()
    every = sorted(assets(processes, usage))
    catalog.scan(every[::10])
    yield mine
    for kind in ("databricks_metastore", *KINDS, "databricks_table_column", "databricks_view_column"):
        for name in [name for what, name, *_ in mine.emissions() if what == "asset"]:
            catalog._session.delete(
                f"{catalog.endpoint}/entity/uniqueAttribute/type/{kind}", params={"attr:qualifiedName": name}
            )


def emit(estate):
    ledger, sink = estate.ledger(), estate.sink()
    try:
        return Emitter(ledger, sink, LIMITS, estate.popularity, lambda: NOW).emit()
    finally:
        sink.close()
        ledger.close()


def describe(estate):
    """Read names as a run does that may create what is missing."""
    file = estate.folder / "uc-miner.toml"
    file.write_text(SETTINGS.format(more="") + MORE.format(estate.endpoint))
    parts = Parts(settings.load(file, {}), lambda: NOW)
    ledger = estate.ledger()
    try:
        with parts.sources(ledger, []) as sources:
            for source in sources:
                read_names(source.name, source.names, ledger, mined=(), run_id=1, now=lambda: NOW)
    finally:
        ledger.close()


def test_missing_tables_are_made(catalog, estate):
    """The server takes all that is made, with columns and parents; lineage and figures then have it; twice is nothing."""
    before = {key: catalog.named(*key) for key in catalog.scanned if key[0] in KINDS}
    emit(estate)
    describe(estate)
    changes = emit(estate)
    assert changes.rejected == {}
    assert changes.created["asset"] > 100
    ledger = estate.ledger()
    with ledger.reading() as connection:
        made = connection.exec_driver_sql(
            "SELECT qualified_name, type_name, target_dataset FROM emission WHERE kind = 'asset' "
            "AND type_name IN ('databricks_table', 'databricks_view')"
        ).all()
        columns = dict(
            connection.exec_driver_sql("SELECT dataset_id, count(*) FROM table_column GROUP BY dataset_id").all()
        )
    ledger.close()
    assert len(made) > 20
    for name, kind, dataset in made[::5]:
        there = catalog.named(kind, name)
        assert there["customAttributes"] == {"madeBy": "uc-miner"}
        assert (
            len(there["relationshipAttributes"]["columns" if kind == "databricks_table" else "view_columns"])
            == columns[dataset]
        )
        assert there["relationshipAttributes"]["schema"]["guid"]
        assert there["businessAttributes"] or not there["relationshipAttributes"]["inputToProcesses"]
    for key, one in before.items():
        assert catalog.named(*key)["attributes"] == one["attributes"]
        assert "customAttributes" not in catalog.named(*key) or not catalog.named(*key)["customAttributes"]
    emit(estate)
    assert emit(estate).sent == 0
    assert estate.verify().wrong == ()
