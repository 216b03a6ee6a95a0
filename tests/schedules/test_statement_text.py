"""What statements say in entities: as the settings ask, of jobs and pipelines alone, and in no log."""

import json
from datetime import date, timedelta

import pytest

from queries.sample import write_estate
from tests import rows
from tests.schedules.test_run import emitted

ON = "[purview]\nstatement_text = {}\n"
LENGTH = 60
SAMPLE = {"tables": 100, "days": 4, "events_per_day": 2000, "last_day": date(2026, 11, 10)}


def history(**given):
    """The statements of `wrote`, and one by hand."""
    for name, text in (("w1", "INSERT INTO main.s.b SELECT 1"), ("w2", "INSERT by hand")):
        yield rows.statement(name, **({"statement_text": text} | given))


def wrote():
    """A job and a person who write two tables."""
    for day in (rows.DAY - timedelta(days=1), rows.DAY):
        yield rows.lineage("main.s.a", "main.s.b", day=day, job="7", statement_id="w1", created_by="etl@x.org")
        yield rows.lineage("main.s.a", "main.s.d", day=day, statement_id="w2", created_by="ann@x.org")


def told(home):
    """The latest text of each process that tells one, by name."""
    processes = [one["attributes"] for one in emitted(home) if one["typeName"] == "uc_miner_process"]
    return {one["name"]: one["statementText"] for one in processes if "statementText" in one}


def kept(home):
    """Texts in the ledger."""
    return {line["text"] for line in home.dump() if line["what"] == "text"}


def test_the_sample_estate(home):
    """Over the sample estate bodies hold texts, cut to the length, of jobs and pipelines alone; no log holds any."""
    write_estate(home.export, seed=1, **SAMPLE)
    home.set(ON.format(LENGTH) + 'people_days = 1\nprocess_kinds = ["*"]\n', start="2026-11-07")
    run = home("--log-level", "debug", "run")
    assert run.code == 0, run.err
    processes = [one["attributes"] for one in emitted(home) if one["typeName"] == "uc_miner_process"]
    telling = [one for one in processes if one.get("statementText")]
    assert len(telling) > 3
    assert {len(one["statementText"]) for one in telling} <= set(range(1, LENGTH + 1))
    assert LENGTH in {len(one["statementText"]) for one in telling}
    told_of = {one["processKind"] for one in telling}
    by_people = {one["processKind"] for one in processes} - told_of
    assert told_of <= {"job", "pipeline", "submitted_run", "submitted_runs"}
    assert by_people >= {"ad_hoc", "notebook"}
    assert not [one for one in telling if one["statementText"] in run.err + run.out]
    assert "REDACTED" not in json.dumps(telling)


def test_off_by_default(home):
    """Unless it is asked for, no text is in the ledger or in an entity."""
    home.write(*wrote(), query_history=list(history()))
    assert home("run").code == 0
    assert (told(home), kept(home)) == ({}, set())


def test_on_changed_and_off(home):
    """A shorter length cuts what is there, and none takes it back, from entities and the ledger, without mining again."""
    home.write(*wrote(), query_history=list(history()))
    home.set(ON.format(100))
    home("run")
    assert told(home) == {"Job 7 → main.s.b": "INSERT INTO main.s.b SELECT 1"}
    home.set(ON.format(6))
    run = home("run")
    assert set(told(home).values()) == kept(home) == {"INSERT"}
    assert [event["texts"] for event in run.events if event["event"] == "texts.pruned"] == [1]
    home.set()
    home("run")
    assert set(told(home).values()) == kept(home) == {""}
    assert home("plan", "--json").json["changed"].get("process", 0) == 0


def test_a_ledger_of_before(home):
    """Asked for once days are mined, texts come with the days that are mined from then on, or mined again."""
    home.write(*wrote(), query_history=list(history()))
    home("run")
    home.at(rows.at(date(2026, 12, 1)))
    home("run")
    home.set(ON.format(100))
    home("run")
    assert kept(home) == set()
    again = ("backfill", "--from", "2026-11-10", "--to", "2026-11-10", "--stream", "lineage", "--again", "--yes")
    assert home(*again).code == 0
    assert kept(home) == {"INSERT INTO main.s.b SELECT 1"}


@pytest.mark.parametrize("lacking", ["file", "column"])
def test_without_history(home, lacking):
    """Where no text can be read, lineage goes on, and the run says so."""
    home.write(*wrote(), **({} if lacking == "file" else {"query_history": list(history())}))
    if lacking == "column":
        rows.write_table(home.export, "query_history", list(history()), without=("statement_text",))
    home.set(ON.format(100))
    run = home("run")
    assert run.code == 0, run.err
    (note,) = [line for line in run.out.splitlines() if "entities tell no statement's text" in line]
    assert note.startswith("note: prod: ")
    assert kept(home) == set()
    assert len([one for one in emitted(home) if one["typeName"] == "uc_miner_process"]) == 1
