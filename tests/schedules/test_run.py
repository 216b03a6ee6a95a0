import json
from datetime import UTC, date, datetime, timedelta

import pytest

from schedules import jobs
from schedules.parts import Leave
from tests import rows
from tests.schedules.conftest import NOW, small_estate
from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering


def bodies(home) -> dict[str, bytes]:
    """The request bodies written so far."""
    return {path.name: path.read_bytes() for path in sorted((home.folder / "purview").glob("*.json"))}


def emitted(home) -> list[dict]:
    """Every entity in the request bodies."""
    found = [json.loads(body)["entities"] for name, body in bodies(home).items() if name[:4] in {"bulk", "usag"}]
    return [entity for entities in found for entity in entities]


def test_run(home):
    """A run mines what is due, shows where every row went and emits: all in one summary, code 0."""
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 0
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["prod", "lineage", "3", "2026-11-08", "2026-11-10", "15"] in lines
    assert ["rows", "in", "15", "15"] in [line[:4] for line in lines]
    assert ["kept", "6", "15"] in [line[:3] for line in lines]
    assert ["read_only", "6", "-"] in [line[:3] for line in lines]
    assert ["write_only", "3", "-"] in [line[:3] for line in lines]
    assert ["processes", "2", "0", "0", "0"] in lines
    assert ["what", "they", "are", "part", "of", "2", "0", "0", "0"] in lines
    assert len(emitted(home)) == 2 + 2 + 4


def test_second_run_sends_nothing(mined):
    """A second run of an unchanged estate writes no request and builds no entity anew."""
    before = bodies(mined)
    answer = mined("run")
    assert answer.code == 0
    assert bodies(mined) == before
    assert ["processes", "0", "0", "0", "0"] in [line.split() for line in answer.out.splitlines()]


def test_nothing_due(mined):
    """When all days are settled a run says so; it still ends well."""
    mined.at(NOW + timedelta(days=10))
    mined("run")
    answer = mined("run")
    assert answer.code == 0
    assert "nothing was due" in answer.out


def test_plan_says_what_run_does(home):
    """`plan` before a run tells the numbers the run then has, writes nothing, and after it nothing is left."""
    home.write(*small_estate())
    assert home("run", "--no-emit").code == 0
    assert bodies(home) == {}
    planned = home("plan", "--json").json
    assert bodies(home) == {}
    changes = jobs.run(home.session.parts()).outcome.changes
    assert planned["created"] == dict(changes.created) == {"runnable": 2, "process": 2, "usage": 4}
    assert planned["changed"] == dict(changes.changed) == {}
    assert planned["removed"] == changes.removed == []
    assert planned["operations"] == changes.operations == sum(1 + 3 + 1 for _ in range(2)) + 4
    assert planned["seconds"] == pytest.approx(planned["operations"] / 25)
    after = home("plan", "--json").json
    assert (after["created"], after["changed"], after["removed"], after["operations"]) == ({}, {}, [], 0)


def test_plan_of_a_change_and_a_removal(home):
    """A source that is gone changes its entity, a flow that is gone removes it: first in the plan, then in the run."""
    both = [rows.lineage("main.s.a", "main.s.b", pipeline="q"), rows.lineage("main.s.x", "main.s.b", pipeline="q")]
    gone = rows.lineage("main.s.a", "main.s.c", pipeline="q")
    home.write(*both, gone)
    home.at(datetime(2026, 11, 11, tzinfo=UTC))
    assert home("run").code == 0
    home.write(both[0])
    assert home("run", "--no-emit").code == 0
    planned = home("plan", "--json").json
    assert planned["changed"]["process"] == 1
    (removed,) = planned["removed"]
    assert "plan" not in removed
    text = home("plan").out
    assert ["processes", "0", "1", "1", "0"] in [line.split() for line in text.splitlines()]
    assert f"{planned['operations']} operations" in text
    changes = jobs.run(home.session.parts()).outcome.changes
    assert (changes.changed["process"], len(changes.removed)) == (1, 1)
    assert removed["qualified_name"] == changes.removed[0][1]


def test_unmatched_is_told_with_an_example(home):
    """What has no entity is counted by reason, with one example of each, in run and plan."""
    home.write(rows.lineage("main.s.a", "dbfs:/mnt/somewhere/x", pipeline="q"))
    home("run", "--no-emit")
    (found, *_) = home("plan", "--json").json["unmatched"]
    assert found["count"] > 0
    answer = home("run")
    assert found["reason"].split()[0] in answer.out
    assert "Without an entity" in answer.out


def test_no_sink(home):
    """Without a sink a run mines only, and a plan is refused."""
    home.set('[purview]\nsink = "none"\n')
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 0
    assert "Entities" not in answer.out
    assert home("plan").code == 2


def test_two_sources(home):
    """Sources share one ledger; one is asked for by name, and one that fails does not stop the other: code 1."""
    other = home.folder / "other"
    rows.write_estate(other, table_lineage=[rows.lineage("main.s.p", "main.s.q", query="z")])
    home.write(*small_estate())
    home.set('[sources.west]\nkind = "files"\npath = "other"\n')
    assert home("run", "--source", "west").code == 0
    assert {line["source"] for line in home.dump() if line["what"] == "day"} == {"west"}
    (home.export / "system/access/table_lineage/part-0.parquet").write_bytes(b"PAR1")
    answer = home("run")
    assert answer.code == 1
    assert "error: source prod" in answer.told
    assert "mend:" in answer.told
    assert {line["source"] for line in home.dump() if line["what"] == "day"} == {"west"}
    assert home("status", "--json").json["runs"][0]["outcome"] == "failed"


def test_start_before_retention(home):
    """A start before what the tables hold is told loudly: in the log, and as a warning of the run."""
    home.set(start="2026-09-01")
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 0
    (event,) = [event for event in answer.events if event["event"] == "start.clipped"]
    assert (event["level"], event["first"], event["days"]) == ("warning", "2026-11-08", 68)
    assert "warning: source prod holds nothing before 2026-11-08: 68 days" in answer.out


def test_default_start(home):
    """Without a start mining begins 30 days ago, and the run says so; that is no warning."""
    home.settings.write_text(home.settings.read_text().replace("start = 2026-11-08", ""))
    home.write(*small_estate(), rows.lineage("main.s.old", "main.s.b", pipeline="q", day=date(2026, 10, 12)))
    answer = home("run")
    assert "note: [mining] start is not set: mined from 30 days ago on (2026-10-13)" in answer.out
    assert "warning: source prod holds" not in answer.out
    days = [line["day"] for line in home.dump() if line["what"] == "day"]
    assert min(days) == "2026-10-13"


def test_day_without_rows(home):
    """A day between others without a row is mined, and warned of: an export may have a hole."""
    estate = [row for row in small_estate() if row["event_date"].day != 9]
    home.write(*estate)
    answer = home("run")
    assert answer.code == 0
    assert "warning: source prod has no row on 2026-11-09" in answer.out
    assert [line["day"] for line in home.dump() if line["what"] == "day" and line["stream"] == "lineage"] == [
        "2026-11-08",
        "2026-11-09",
        "2026-11-10",
    ]


def test_empty_source(home):
    """A source without any row is an error, until it is allowed."""
    home.write()
    answer = home("run")
    assert answer.code == 1
    assert "--allow-empty" in answer.told
    assert home("run", "--allow-empty").code == 0


def test_shrunk_day(mined):
    """A settled day that lost rows keeps its earlier result: code 1, until it is allowed."""
    mined.at(NOW + timedelta(days=10))
    mined("run")
    before = mined.dump()
    mined.write(*small_estate()[:5], *small_estate()[10:])
    mined.set("[mining.exclude]\ncatalogs = []\n")
    answer = mined("run")
    assert answer.code == 1
    assert "--allow-shrink" in answer.told
    assert [line for line in mined.dump() if line["what"] == "usage"] == [
        line for line in before if line["what"] == "usage"
    ]
    assert mined("run", "--allow-shrink").code == 0


@pytest.mark.parametrize(
    "text",
    [
        '[mining.exclude]\ncatalogs = ["nope"]\n',
        'principal = "miner@x.org"\n',
    ],
)
def test_other_rules_mine_again(mined, text):
    """Settled days are mined again when what decides about a row's fate has changed, and only then."""
    mined.at(NOW + timedelta(days=10))
    mined("run")
    assert "nothing was due" in mined("run").out
    mined.set(text)
    assert "2026-11-08" in mined("run").out
    assert "nothing was due" in mined("run").out


def test_runs_are_values(home):
    """A job returns what it did and prints nothing."""
    home.write(*small_estate())
    home.capture.readouterr()
    ran = jobs.run(home.session.parts(), emit=False, leave=Leave(empty=True))
    assert len(ran.outcome.days) == 6
    assert ran.balance.rows(("lineage", "table_lineage")) == 15
    assert ran.outcome.changes is None
    assert home.capture.readouterr().out == ""


@pytest.fixture
def atlas():
    with answering() as catalog:
        yield catalog


def connect(home, atlas, password=PASSWORD, more="", **given) -> None:
    head = f'[purview]\nsink = "purview"\nendpoint = "{atlas.endpoint}"\nuser = "{USER}"\npassword = "{password}"\n'
    home.set(head + more, **given)


def scan(atlas, *names):
    """Put tables of the small estate into the catalog."""
    for name in names:
        atlas.scanned("databricks_table", f"databricks://{rows.METASTORE}/catalogs/main/schemas/s/tables/{name}")


def test_missing_assets(home, atlas):
    """Datasets that the catalog has no asset for are told, and wait without failing the run; plan says the same."""
    connect(home, atlas)
    home.write(*small_estate())
    scan(atlas, "a", "b")
    home("run", "--no-emit")
    planned = home("plan", "--json").json
    assert (planned["created"], planned["looked_up"]) == (
        {"runnable": 1, "process": 1, "usage": 2},
        {"matched": 2, "missing": 2},
    )
    answer = home("run")
    assert answer.code == 0, answer.err
    assert "Purview has no asset of any of its names" in answer.out
    assert home("plan", "--json").json["created"] == {}
    scan(atlas, "c", "unread")
    home.at(NOW + timedelta(days=1))
    assert home("run").code == 0
    assert len([key for key in atlas.entities if key[0] == "uc_miner_process"]) == 2
    assert home("status", "--json").json["counts"]["datasets_matched"] == 4


def held(atlas, kind) -> set[str]:
    """The names of entities of a type."""
    return {entity["attributes"]["name"] for (type_name, _), entity in atlas.entities.items() if type_name == kind}


def ends(atlas) -> dict[str, tuple[set[str], set[str]]]:
    """Inputs and outputs of our processes, by type."""
    return {
        entity["attributes"]["name"]: tuple(
            {one["typeName"] for one in entity["attributes"][end]} for end in ("inputs", "outputs")
        )
        for (type_name, _), entity in atlas.entities.items()
        if type_name == "uc_miner_process"
    }


def test_placeholders(home, atlas):
    """What has no asset is drawn as an entity of our own, until its asset appears: then it is referred to, and ours goes."""
    connect(home, atlas, more='missing = "placeholder"\n')
    home.write(*small_estate())
    scan(atlas, "a")
    answer = home("run")
    assert answer.code == 0, answer.err
    assert held(atlas, "uc_miner_dataset") == {"main.s.b", "main.s.c"}
    ours, theirs = {"uc_miner_dataset"}, {"databricks_table"}
    assert sorted(ends(atlas).items()) == [
        ("Job 7 → main.s.b", (theirs, ours)),
        ("Pipeline q1 → main.s.c", (ours, ours)),
    ]
    scan(atlas, "b")
    home.at(NOW + timedelta(days=1))
    assert home("run").code == 0
    assert held(atlas, "uc_miner_dataset") == {"main.s.c"}
    scan(atlas, "c")
    home.at(NOW + timedelta(days=2))
    planned = home("plan", "--json").json
    assert [one["type"] for one in planned["removed"]] == ["uc_miner_dataset"]
    assert home("run").code == 0
    assert held(atlas, "uc_miner_dataset") == set()
    assert list(ends(atlas).values()) == [(theirs, theirs)] * 2


def test_no_more_placeholders(home, atlas):
    """When placeholders are no longer wanted, they go, and what referred to them."""
    connect(home, atlas, more='missing = "placeholder"\n')
    home.write(*small_estate())
    scan(atlas, "b", "c")
    home("run")
    assert held(atlas, "uc_miner_dataset") == {"main.s.a"}
    assert len(ends(atlas)) == 2
    connect(home, atlas, more='missing = "skip"\n')
    assert home("run").code == 0
    assert held(atlas, "uc_miner_dataset") == set()
    assert len(ends(atlas)) == 1


def test_removals_are_guarded(home, atlas):
    """When assets vanish, as when a right is lost, a run removes nothing and fails, until it is told to."""
    connect(home, atlas)
    home.write(*small_estate())
    scan(atlas, "a", "b", "c", "unread")
    assert home("run").code == 0
    atlas.hidden = True
    home.at(NOW + timedelta(days=40))
    answer = home("run")
    assert answer.code == 1
    assert "2 processes were not removed" in answer.told
    assert "--max-removals 100" in answer.told
    assert len([key for key in atlas.entities if key[0] == "uc_miner_process"]) == 2
    assert home("run", "--max-removals", "100").code == 0
    assert not [key for key in atlas.entities if key[0] == "uc_miner_process"]


def test_done_with_rejections(home, atlas):
    """What the catalog refuses is told by reason, the rest is sent: code 3."""
    connect(home, atlas)
    home.write(*small_estate())
    scan(atlas, "a", "b", "c", "unread")
    atlas.refuses = b"main.s.c"
    answer = home("run")
    assert answer.code == 3, answer.err
    assert "rejected: " in answer.out
    assert home("status", "--json").json["runs"][0]["outcome"] == "done with rejections"


def test_catalog_that_refuses_everything(home, atlas):
    """A catalog that does not let us in fails the run, and what was mined stays: code 1."""
    connect(home, atlas, password="wrong")
    home.write(*small_estate())
    answer = home("run")
    assert answer.code == 1
    assert "mend:" in answer.told
    assert "wrong" not in answer.err
    assert len([line for line in home.dump() if line["what"] == "day"]) == 6
