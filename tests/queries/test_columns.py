"""`lineage_columns.sql` on rows made by hand."""

from collections import Counter
from datetime import timedelta

import pytest

from miner.errors import SourceError
from tests import oracle
from tests.oracle import Scope
from tests.oracle.scope import Lists
from tests.queries import given
from tests.queries.given import told
from tests.rows import DAY, columns, lineage

SCOPE = Scope(tables=("log_*",), workspaces=("9*",), include=Lists(schemas=("c.s",)))


@pytest.fixture
def columns_of(reader_of):
    """The answer for some rows of column_lineage."""

    def answer(*rows, **more):
        return given.columns(reader_of(column_lineage=rows, **more))

    return answer


FATES = [
    ("excluded_workspace", "9*", columns("c.s.a", "c.s.b", "x", None, workspace_id="9")),
    ("incomplete_name", "", columns("c.s.a", "c.s.b", "x", "y") | {"target_table_schema": None}),
    ("no_dataset", "", columns(None, None, "x", "y")),
    ("not_included_schema", "", columns("c.s.a", "c.t.b", "x", "y")),
    ("not_included_schema", "", columns("c.t.a", "c.s.log_1", "x", "y")),
    ("excluded_table", "log_*", columns("c.s.a", "c.s.log_1", "x", "y")),
    ("read_only", "", columns("c.s.a", None, "x", None)),
    ("write_only", "", columns(None, "c.s.b", None, "y")),
    ("self_edge", "", columns("c.s.a", "c.s.a", "x", "y")),
    ("indirect", "", columns("c.s.a", "c.s.b", "x", "y", direct_access=False)),
    ("indirect", "", columns("c.s.a", "c.s.b", None, "y", direct_access=False)),
    ("no_column", "", columns("c.s.a", "c.s.b", None, "y")),
    ("no_column", "", columns("c.s.a", "c.s.b", "x", "")),
    ("no_column", "", columns("c.s.a", None, "x", None, dashboard="1")),
    ("kept", "", columns("c.s.a", "c.s.b", "x", "y")),
]


def test_fates(columns_of):
    """A column row has the fate of a table row; a kept one whose column has no name is dropped for that."""
    answer = columns_of(*(row for _, _, row in FATES), scope=SCOPE)
    assert answer.fates == Counter((fate, glob) for fate, glob, _ in FATES)
    assert list(answer.pairs.values()) == [{("x", "y")}]


def test_no_table_edge():
    """A pair whose edge no table row made that day is no column lineage; the ledger finds it, the oracle shows how."""
    rows = [columns("c.s.a", "c.s.b", "x", "y", job="1"), columns("c.s.a", "c.s.b", "x", "y", job="2")]
    known = oracle.edges(DAY, [lineage("c.s.a", "c.s.b", job="1")])
    assert oracle.lineage_fates(DAY, rows, known=known) == {("kept", ""): 1, ("no_table_edge", ""): 1}


def test_pairs_are_a_set(columns_of):
    """However often and in whatever order pairs come, an edge has each once, sorted, under one key."""
    pairs = [("b", "y"), ("a", "x"), ("b", "y"), ("a", "y"), ("B", "y")]
    one = columns_of(*(columns("c.s.a", "c.s.b", *pair, job="1") for pair in pairs))
    assert list(one.pairs.values()) == [set(pairs)]
    assert one.rows_of_edge.total() == 1
    assert one.fates == {("kept", ""): 5}


def test_one_row_an_edge(columns_of):
    """Rows that say nothing of directness and rows that do tell of the same edge: their pairs are one set."""
    rows = [
        columns("c.s.a", "c.s.b", name, name, job="1", direct_access=direct)
        for name, direct in (("x", None), ("y", True))
    ]
    answer = columns_of(*rows)
    assert list(answer.pairs.values()) == [{("x", "x"), ("y", "y")}]
    assert answer.rows_of_edge.total() == 1


def test_the_same_set_has_one_key(reader_of):
    """Edges with the same pairs share a set: its key is the content's and nothing else's."""
    rows = [columns("c.s.a", f"c.s.t{number}", "x", "y") for number in range(3)]
    found = told(reader_of(column_lineage=rows).column_sets(DAY, DAY))
    assert len({row["edge_key"] for row in found}) == 3
    assert len({row["set_key"] for row in found}) == 1
    assert {row["content"] for row in found} == {"1:x1:y"}


def test_odd_column_names(columns_of):
    """Dots, colons, digits, blanks and any script: a set's content can be read back into its pairs."""
    sets = [
        {("a.b", "a,b")},
        {("1:x", "2:yy")},
        {("größe", "straße (€)")},
        {("a", "bc"), ("ab", "c")},
        {(" ", "`q`")},
        {("日本", "🙂")},
    ]
    rows = [columns("c.s.a", "c.s.b", *pair, job=str(place)) for place, pairs in enumerate(sets) for pair in pairs]
    found = columns_of(*rows).pairs
    assert len(found) == len(sets)
    assert all(pairs in found.values() for pairs in sets)


def test_keys_are_those_of_the_edges(reader_of):
    """A column set carries the key of its table edge, ad hoc processes and paths with it."""
    ends = [
        ("c.s.a", "c.s.b", {}),
        ("C.s.a__dbt_tmp", "`c`.s.b", {"job": "1"}),
        ("s3a://bucket/a/day=1", "c.s.b", {"genie": "g"}),
    ]
    source = reader_of(
        *(lineage(one, other, **ids) for one, other, ids in ends),
        column_lineage=[columns(one, other, "x", "y", **ids) for one, other, ids in ends],
    )
    assert {given.key(edge) for edge in given.edges(source).kept} == given.columns(source).pairs.keys()


def test_contents_on_demand(reader_of):
    """Only the sets asked for come with their content; every set's key can be had without any."""
    rows = [columns("c.s.a", "c.s.b", "x", "y"), columns("c.s.a", "c.s.c", "x", "z"), columns("c.s.a", None, "x", None)]
    source = reader_of(column_lineage=rows)
    contents = {row["content"]: row["set_key"] for row in told(source.column_sets(DAY, DAY)) if row["set_key"]}
    assert contents.keys() == {"1:x1:y", "1:x1:z"}
    wanted = [contents["1:x1:y"]]
    found = [row for row in told(source.column_contents(DAY, DAY, wanted)) if row["set_key"]]
    assert [(row["set_key"], row["content"]) for row in found] == [(contents["1:x1:y"], "1:x1:y")]
    with pytest.raises(SourceError, match="1 of 2 column sets"):
        told(source.column_contents(DAY, DAY, [*wanted, "0" * 32]))
    source.warehouse.ships_contents = False
    bare = [row for row in told(source.column_sets(DAY, DAY)) if row["set_key"]]
    assert {row["set_key"] for row in bare} == set(contents.values())
    assert {row["content"] for row in bare} == {None}


def test_one_day(columns_of):
    """A day is its event_date and nothing else."""
    rows = [columns("c.s.a", "c.s.b", f"x{offset}", "y", day=DAY + timedelta(days=offset)) for offset in (-1, 0, 1)]
    assert list(columns_of(*rows).pairs.values()) == [{("x0", "y")}]
