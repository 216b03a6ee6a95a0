"""`lineage` and `impact`: what a person and a program are told."""

import json

import pytest

TEXT = """main.s.a goes into 2 datasets within 3 steps

step  source    target    process      columns
   1  main.s.a  main.s.b  job 7              0
   2  main.s.b  main.s.c  pipeline q1        0
"""

IMPACT = """On main.s.b 1 dataset hangs within 10 steps

step  dataset   reads  people  machines  dashboards
   0  main.s.b      3       0         1           0
   1  main.s.c      6       2         0           0

Readers of any of these, 2026-11-08 to 2026-11-10
2 people
reader     datasets  reads
ann@x.org         1      3
bob@x.org         1      3
0 dashboards
"""


def test_page(mined):
    """What is made of a dataset is shown by steps."""
    assert mined("lineage", "Main.S.a").out == TEXT


def test_a_view(made):
    """Of a view the page ends with what it is defined as; a program gets that of every view on the way."""
    told = map(json.loads, made("-c", "out/uc-miner.toml", "ledger", "dump").out.splitlines())
    view = next(one for one in told if one["what"] == "table" and one["definition"])
    name = ".".join(view["dataset"][1:])
    page = made("-c", "out/uc-miner.toml", "lineage", name, "--up", "--depth", "1").out
    assert page.endswith(f"{name} is defined as\n{view['definition']}\n")
    found = made("-c", "out/uc-miner.toml", "lineage", name, "--up", "--json").json["datasets"]
    assert (found[0]["dataset"], found[0]["definition"]) == (name, view["definition"])


def test_json(mined):
    """A program gets the datasets with their steps, and the edges with their column pairs."""
    told = mined("lineage", "main.s.c", "--up", "--depth", "1", "--json").json
    assert (told["direction"], told["depth"], told["more"]) == ("up", 1, True)
    assert [(row["dataset"], row["depth"]) for row in told["datasets"]] == [("main.s.c", 0), ("main.s.b", 1)]
    (edge,) = told["edges"]
    assert (edge["source"], edge["target"], edge["step"], edge["pairs"]) == ("main.s.b", "main.s.c", 1, [])


def test_graphs(mined):
    """Graphviz and Mermaid get every dataset and every edge."""
    drawn = mined("lineage", "main.s.a", "--dot").out
    assert drawn.startswith("digraph lineage {")
    assert '  n0 -> n1 [label="job 7"];' in drawn
    assert mined("lineage", "main.s.a", "--mermaid").out.splitlines() == [
        "flowchart LR",
        '  n0["main.s.a"]', '  n1["main.s.b"]', '  n2["main.s.c"]',
        '  n0 -- "job 7" --> n1', '  n1 -- "pipeline q1" --> n2',
    ]  # fmt: skip


def test_impact(mined):
    """Who would miss a dataset: all that is made of it, with its readers, people told from machines."""
    assert mined("impact", "main.s.b", "--window", "3").out == IMPACT
    told = mined("impact", "main.s.b", "--window", "4", "--json").json
    assert (told["first_day"], told["unmined_days"]) == ("2026-11-07", 1)
    assert {(row["reader"], row["dataset"], row["person"]) for row in told["readers"]} == {
        ("ann@x.org", "main.s.b", False), ("ann@x.org", "main.s.c", True), ("bob@x.org", "main.s.c", True),
    }  # fmt: skip


@pytest.mark.parametrize("command", ["lineage", "impact"])
def test_nobody_knows_it(mined, command):
    """A dataset that the ledger does not know is a failure, a name that is none a mistake; both say what to write."""
    unknown, wrong = mined(command, "main.s.nix"), mined(command, "nix")
    assert (unknown.code, wrong.code) == (1, 2)
    assert "nothing is known of main.s.nix" in unknown.told
    assert "catalog.schema.table" in wrong.told


def test_one_output(mined):
    """Two kinds of output at once are a mistake."""
    answer = mined("lineage", "main.s.a", "--dot", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert "choose one of --json, --dot and --mermaid" in answer.told
