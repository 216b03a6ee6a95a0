"""What statements say, on a real Atlas: told by processes of our own, and taken back."""

from dataclasses import replace

import pytest


@pytest.fixture
def told(estate):
    """An estate of which the ledger knows a text for every flow, told as the settings ask."""
    ledger = estate.ledger()
    with ledger.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO flow_text SELECT DISTINCT process_id, target_dataset, 1, 'INSERT ❄ more' FROM edge"
        )
    ledger.close()
    estate.options = replace(estate.options, statement_text=8)
    return estate


def texts(catalog):
    """The texts in the catalog, by the type of process."""
    found = {"uc_miner_process": set(), "databricks_process": set()}
    for one in catalog.processes().values():
        found[one["typeName"]].add(one.get("statementText"))
    return found


def test_told_and_taken_back(catalog, told):
    """Processes of our own tell it and native ones do not; read back it is as it was sent; turned off it is gone."""
    told.emit()
    found = texts(catalog)
    assert found["uc_miner_process"] == {"INSERT ❄"}
    assert found["databricks_process"] <= {None}
    assert told.verify().wrong == ()
    told.options = replace(told.options, statement_text=0)
    assert told.emit().changed["process"] > 0
    assert texts(catalog)["uc_miner_process"] <= {None, ""}
    assert told.verify().wrong == ()
    assert told.emit().changed.total() == 0
