"""Matching against a real Atlas: what is looked up, what is drawn without an asset, and what becomes of it later."""

from dataclasses import replace
from datetime import timedelta

import pytest

from miner.emission import Emitter
from tests.atlas.estate import LIMITS, NOW, SENDING, assets

PLACEHOLDER = "uc_miner_dataset"


@pytest.fixture
def estate(mined_once, catalog, tmp_path):
    """An estate of which nothing has been scanned."""
    mine = mined_once.copy(tmp_path / "estate")
    mine.endpoint = catalog.endpoint
    mine.options = replace(SENDING, process_types="own")
    yield mine
    sink = mine.sink()
    sink.remove(
        [
            (f"uc_miner_{'dataset' if kind == 'placeholder' else kind}", name)
            for kind, name in emitted(mine)
            if kind in {"process", "placeholder"}
        ]
    )
    sink.close()


def everything(estate):
    """Every asset that entities refer to when each dataset is what it most likely is."""
    processes, usage = estate.entities()
    return assets([one for one in processes if one.kind == "process"], usage)


def emit(estate, days=0):
    """Send what changed, so many days later; tell how many requests looked assets up."""
    ledger, sink = estate.ledger(), estate.sink()
    asked = []

    def count(answer, **_):
        if "/entity/bulk/uniqueAttribute/" in answer.request.url:
            asked.append(answer.request.url)

    sink._session._session.hooks["response"].append(count)
    try:
        now = NOW + timedelta(days=days)
        return Emitter(ledger, sink, LIMITS, estate.popularity, lambda: now).emit(), len(asked)
    finally:
        sink.close()
        ledger.close()


def matches(estate):
    """State and asset of every dataset that was looked up."""
    ledger = estate.ledger()
    with ledger.reading() as connection:
        rows = connection.exec_driver_sql("SELECT state, type_name, qualified_name FROM asset_match").all()
    ledger.close()
    return [tuple(row) for row in rows]


def referred(catalog):
    """Every asset that our processes refer to."""
    keys = {guid: key for key, guid in catalog.scanned.items()}
    processes = [one for one in catalog.attached() if one["typeName"] == "uc_miner_process"]
    ends = {there["guid"] for one in processes for end in ("inputs", "outputs") for there in one["attributes"][end]}
    return {keys[guid] for guid in ends if guid in keys}


def test_only_what_is_there_is_referred_to(catalog, estate):
    """With a tenth of the assets missing nothing is rejected; what was left out arrives once they are scanned."""
    every = everything(estate)
    missing = set(sorted(every)[::10])
    catalog.scan(every - missing)
    changes, _ = emit(estate)
    assert changes.rejected == {}
    assert changes.created["process"] > 20
    assert {(kind, name) for state, kind, name in matches(estate) if state == "matched"} == every - missing
    assert referred(catalog) <= every - missing
    unmatched = [one for one in catalog.processes().values() if one.get("unmatchedInputs")]
    assert unmatched
    catalog.scan(missing)
    assert emit(estate)[0].sent == 0
    later, _ = emit(estate, days=1)
    assert later.rejected == {}
    assert {(kind, name) for state, kind, name in matches(estate) if state == "matched"} == every
    assert referred(catalog) & missing
    assert not [one for one in catalog.processes().values() if one.get("unmatchedInputs")]


def test_few_look_ups(catalog, estate):
    """What is known is not looked up again, though all of it is sent once more."""
    every = everything(estate)
    catalog.scan(every)
    emit(estate)
    ledger = estate.ledger()
    with ledger.reading() as connection:
        connection.exec_driver_sql("DELETE FROM emission")
        connection.exec_driver_sql("DELETE FROM setting")
        connection.commit()
    ledger.close()
    changes, asked = emit(estate)
    assert changes.looked_up == {}
    assert changes.created["process"] > 20
    # What is left are those that sending figures needs, to learn what stands there.
    assert asked <= changes.created["usage"] / SENDING.max_entities + 30


def test_placeholders(catalog, estate):
    """What has no asset is drawn as an entity of our own; once it is scanned the process refers to the asset, ours goes."""
    every = everything(estate)
    missing = set(sorted(every)[::10])
    catalog.scan(every - missing)
    estate.options = replace(estate.options, missing="placeholder")
    changes, _ = emit(estate)
    assert changes.rejected == {}
    drawn = changes.created["placeholder"]
    assert drawn > 0
    catalog.scan(missing)
    later, _ = emit(estate, days=1)
    assert later.rejected == {}
    gone = [name for kind, name in later.removed if kind == PLACEHOLDER]
    left = {one for one in emitted(estate) if one[0] == "placeholder"}
    assert len(gone) + len(left) == drawn
    assert gone
    for name in gone:
        told = catalog.ask(
            "GET", f"entity/bulk/uniqueAttribute/type/{PLACEHOLDER}", params={"attr_0:qualifiedName": name}
        )
        assert not told.get("entities")
    assert referred(catalog) & missing
    assert emit(estate, days=1)[0].sent == 0


def emitted(estate):
    """Kind and name of what the ledger believes to have sent."""
    return {(kind, name) for kind, name, *_ in estate.emissions()}
