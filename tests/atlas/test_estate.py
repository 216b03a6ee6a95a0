"""A whole estate in a real Atlas: what arrives, and what later runs make of it."""

import json
import re
from dataclasses import replace

import pytest

from miner.drawn import Drawing
from miner.popularity import PopularityOptions
from tests.atlas.estate import as_read, assets

TABLE = re.compile(r"databricks://[^/]+/catalogs/([^/]+)/schemas/([^/]+)/(?:tables|views)/([^/]+)")
PATH = re.compile(r"https://([^/]+)\.(dfs|blob)\.core\.windows\.net/([^/]+)/?(.*)")


def dataset(key):
    """The dataset of an asset, by a reading of qualified names of the test's own."""
    table, path = TABLE.fullmatch(key[1]), PATH.fullmatch(key[1])
    if table:
        return ".".join(table.groups()).lower()
    if path:
        account, service, container, rest = path.groups()
        scheme = "abfss" if service == "dfs" else "wasbs"
        return f"{scheme}://{container}@{account}.{service}.core.windows.net/{rest}".rstrip("/")
    return None


def drawable(name):
    """Whether the test knows the asset of a dataset of an edge."""
    table = re.fullmatch(r"[^./:]+\.[^./]+\.[^/.]+", name) and not name.startswith("hive_metastore.")
    return bool(table)


def figures(usage):
    """What is to stand on assets."""
    return {(one.type_name, one.qualified_name): json.loads(one.body)["businessAttributes"] for one in usage}


def watched(sink):
    """A list that gets the answers to all bulk requests of a sink."""
    answers = []

    def keep(answer, **_):
        if answer.request.url.partition("?")[0].endswith("/entity/bulk") and answer.ok:
            answers.append(answer.json())

    sink._session._session.hooks["response"].append(keep)
    return answers


def test_every_entity_arrives_as_it_was_sent(catalog, estate):
    """What is read back is what was sent, attribute by attribute and end by end; nothing else is tied to an asset."""
    processes, usage = estate.entities()
    assert len(processes) > 50
    changes = estate.emit()
    assert (changes.rejected, changes.created["process"]) == ({}, len(processes))
    assert catalog.processes() == {one.qualified_name: as_read(one) for one in processes}
    assert catalog.figures() == figures(usage)


def test_lineage_is_that_of_the_ledger(catalog, estate):
    """What the lineage API draws between tables are the ledger's edges, no more and no less, each by its process."""
    estate.emit()
    processes = catalog.processes()
    told = {name: one if "processKind" in one else one["custom"] for name, one in processes.items()}
    drawn = {
        (told[process]["processKind"], told[process]["processId"], dataset(source), dataset(target))
        for source, process, target in catalog.lineage()
    }
    known = {
        (edge["process_kind"], edge["process_id"], edge["source"].lower(), edge["target"].lower())
        for edge in estate.edges()
        if edge["source"] != edge["target"]
    }
    tables = {one for one in known if drawable(one[2]) and drawable(one[3])}
    assert len(tables) > 50
    assert {one for one in drawn if one[2] and one[3] and drawable(one[2]) and drawable(one[3])} == tables


def test_which_dashboards_use_a_table(catalog, estate):
    """The lineage of a table leads to the dashboards that read it: those of the ledger, each one dataset of our own."""
    assert estate.emit().created["consumer"] > 3
    known = {
        (edge["source"].lower(), edge["process_id"])
        for edge in estate.edges()
        if edge["target_kind"] == "consumer" and drawable(edge["source"])
    }
    drawn = {
        (dataset(source), catalog.consumer(target))
        for source, _, target in catalog.lineage()
        if target[0] == "uc_miner_consumer"
    }
    assert len(known) > 3
    assert {one for one in drawn if one[0] and drawable(one[0])} == known


def test_one_summary_for_many(catalog, estate):
    """With few processes at each dataset the lineage stays what it was, line by line; the server takes it all back."""
    estate.emit()
    before = {(source, target) for source, _, target in catalog.lineage()}
    few = Drawing(most_processes=4)
    changes = estate.emit(drawing=few)
    assert changes.rejected == {}
    assert changes.created["summary"] > 3
    assert len(changes.orphans["process"]) > 5
    assert {(source, target) for source, _, target in catalog.lineage()} == before
    assert estate.emit(drawing=few).sent == 0
    single = estate.emit()
    assert len(single.orphans["summary"]) == changes.created["summary"]
    assert {(source, target) for source, _, target in catalog.lineage()} == before


def test_the_second_sending_changes_nothing(catalog, estate):
    """A second run sends nothing; everything sent again all the same, the server itself says that nothing changed."""
    estate.emit()
    assert estate.emit().sent == 0
    estate.forget_what_was_sent()
    sink = estate.sink()
    answers = watched(sink)
    assert estate.emit(sink).created["process"] == len(catalog.processes())
    assert len(answers) > 10
    assert [one for one in answers if one.get("mutatedEntities")] == []


def test_what_is_gone_from_the_ledger_is_gone_from_the_catalog(catalog, estate):
    """An input that is no longer known leaves its processes; a process without inputs, or its target, is removed."""
    estate.emit()
    before = catalog.processes()
    inputs = [key for one in before.values() for key in one["inputs"] if TABLE.fullmatch(key[1])]
    most = max(set(inputs), key=inputs.count)
    estate.mine(f'[mining.exclude]\ntables = ["{TABLE.fullmatch(most[1])[3]}"]')
    changes = estate.emit()
    after = catalog.processes()
    wanted, _ = estate.entities()
    assert after == {one.qualified_name: as_read(one) for one in wanted}
    assert any(most in before[name]["inputs"] - after[name]["inputs"] for name in after)
    removed = {name for _, name in changes.orphans["process"]}
    assert removed == before.keys() - after.keys() != set()
    assert most in catalog.scanned
    assert catalog.lineage() == {
        (source, name, target) for name, one in after.items() for source in one["inputs"] for target in one["outputs"]
    }


def test_what_vanishes_costs_only_what_refers_to_it(catalog, estate):
    """Entities whose assets went after the look-up are rejected in the server's words; once these are back, they come."""
    processes, usage = estate.entities()
    every = assets(processes, usage)
    estate.plan()
    missing = set(sorted(every)[::15])
    catalog.lose(missing)
    good = {one.qualified_name for one in processes if not missing & assets([one], [])}
    changes = estate.emit()
    assert catalog.processes().keys() == good
    refused = changes.rejected
    assert sum(n for words, n in refused.items() if "ATLAS-404-00-00A" in words) == len(processes) - len(good) > 0
    assert catalog.figures().keys() == {key for key in figures(usage) if key not in missing}
    assert not estate.emit().rejected
    catalog.scan(missing)
    assert not estate.emit(days=1).rejected
    assert catalog.processes() == {one.qualified_name: as_read(one) for one in processes}
    assert catalog.figures() == figures(usage)


def test_usage_follows(catalog, estate):
    """New figures replace the old ones, also those that are no longer known; what people wrote there stays."""
    estate.emit()
    _, usage = estate.entities()
    (kind, name), *_ = figures(usage)
    own = f"Theirs_{estate.options.process_types}"
    theirs = {"name": own, "typeVersion": "1.0", "attributeDefs": [
        {"name": "team", "typeName": "string", "options": {"applicableEntityTypes": f'["{kind}"]', "maxStrLength": "50"}}
    ]}  # fmt: skip
    catalog.ask("POST", "types/typedefs", json={"businessMetadataDefs": [theirs]})
    guid = catalog.scanned[kind, name]
    catalog.write_metadata(guid, {own: {"team": "finance"}})
    estate.popularity = PopularityOptions(windows=(30,), exclude_process_kinds=("query", "notebook"))
    _, changed = estate.entities()
    assert figures(changed) != figures(usage)
    assert estate.emit().changed["usage"] > 0
    read = catalog.figures()
    assert read[kind, name].pop(own) == {"team": "finance"}
    moved = {key: value for key, value in figures(changed).items() if value != figures(usage).get(key)}
    assert {key: read[key] for key in moved} == moved


@pytest.mark.parametrize("workers", [1, 8])
def test_any_number_of_workers(catalog, estate, workers):
    """One worker or eight leave the same catalog."""
    estate.options = replace(estate.options, max_entities=7, workers=workers)
    processes, usage = estate.entities()
    assert not estate.emit().rejected
    assert catalog.processes() == {one.qualified_name: as_read(one) for one in processes}
    assert catalog.figures() == figures(usage)
