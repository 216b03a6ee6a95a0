"""What a run draws of what it mines, as the settings say, and what it tells of the rest."""

import json
from datetime import timedelta

from tests.rows import DAY, WORKSPACE, lineage
from tests.schedules.test_run import emitted

DASHBOARD = f"uc-miner://{WORKSPACE}/dashboard/d1"


def reads(**ids):
    """One who reads two tables and writes nothing."""
    return [lineage(source, None, created_by="ann@x.org", **ids) for source in ("main.s.a", "main.s.b")]


def names(home, kind):
    """The names of entities of a type."""
    return {one["attributes"]["name"] for one in emitted(home) if one["typeName"] == kind}


def test_dashboards(home):
    """A dashboard is drawn as a process with all it reads and one dataset of ours; a Genie space when the settings say so."""
    home.write(*reads(dashboard="d1"), *reads(genie="g1"))
    told = home("run", "--no-emit") and home("plan", "--json").json
    assert told["created"]["consumer"] == 1
    assert [one["reason"] for one in told["unmatched"]] == ["only reads, and its kind is not among [purview] consumers"]
    home("run")
    assert names(home, "uc_miner_consumer") == {"Dashboard d1"}
    (process,) = [one for one in emitted(home) if one["typeName"] == "uc_miner_process"]
    assert len(process["attributes"]["inputs"]) == 2
    (output,) = process["attributes"]["outputs"]
    assert output["typeName"] == "uc_miner_consumer"
    home.set('[purview]\nconsumers = ["*"]\n')
    assert "consumers" in home("run").out
    assert names(home, "uc_miner_consumer") == {"Dashboard d1", "Genie space g1"}


def test_which_dashboards_use_a_table(home):
    """The lineage of a table leads to the dashboards that read it, or what it is made into; the report has them too."""
    home.write(lineage("main.s.a", "main.s.b", job="7"), *reads(dashboard="d1"), lineage("main.s.a", None, query="q1"))
    home("run")
    answer = home("lineage", "main.s.a")
    assert answer.out.splitlines()[0] == "main.s.a goes into 1 dataset and 1 consumer within 3 steps"
    assert [line.split()[1:] for line in answer.out.splitlines() if "d1" in line] == [
        ["main.s.a", DASHBOARD, "dashboard", "d1", "0"], ["main.s.b", DASHBOARD, "dashboard", "d1", "0"]
    ]  # fmt: skip
    assert home("lineage", DASHBOARD, "--up").out.startswith(f"{DASHBOARD} is made from 2 datasets")
    impact = home("impact", "main.s.a", "--window", "1").out
    assert impact.startswith("On main.s.a 1 dataset and 1 consumer hang within 10 steps")
    home("report", "--edges", "edges.csv")
    edges = (home.folder / "edges.csv").read_text().splitlines()
    assert sum('"consumer"' in line for line in edges) == 2


def test_notebooks_of_people(home):
    """A notebook that a person ran once is counted and not drawn, until the setting says otherwise."""
    home.write(lineage("main.s.a", "main.s.b", notebook="1", created_by="ann@x.org"))
    answer = home("run")
    assert "of people, and seen on fewer than [purview] people_days" in answer.out
    assert "notebook 1 → main.s.b" in answer.out
    assert names(home, "uc_miner_process") == set()
    home.set("[purview]\npeople_days = 1\n")
    home("run")
    assert names(home, "uc_miner_process") == {"Notebook 1 → main.s.b"}


def test_sandboxes(home):
    """Schemas that are called sandbox are mined and not drawn; popularity is not concerned."""
    home.write(*[lineage("main.s.a", f"main.{schema}.b", query="q") for schema in ("sandbox", "s", "ann_sandbox")])
    home.set('[purview]\nprocess_kinds = ["*"]\n')
    answer = home("run")
    assert "into, or only out of, a schema of [purview] sandbox_schemas" in answer.out
    assert names(home, "uc_miner_process") == {"Query q → main.s.b"}
    assert "main.sandbox.b" in home("report", "--csv", "-").out


def test_summaries(home):
    """Many jobs that write one table are one entity, and the page says of how many flows."""
    rows = [
        lineage(f"main.s.src{number}", "main.s.log", job=str(number), day=day)
        for number in range(4)
        for day in (DAY, DAY - timedelta(days=1))
    ]
    home.write(*rows)
    home.set("[purview]\nmost_processes = 3\n")
    answer = home("run")
    assert "4 flows are drawn by summaries" in answer.out
    (one,) = [one for one in emitted(home) if one["typeName"] == "uc_miner_summary"]
    assert one["attributes"]["name"] == "Everything that writes main.s.log"
    assert json.loads(home("plan", "--json").out)["created"] == {}
