"""`lineage_edges.sql` on rows made by hand."""

from datetime import timedelta

import pytest

from tests.oracle import Dataset, Edge, Scope
from tests.oracle.lineage import lineage_fate
from tests.oracle.scope import Lists
from tests.queries.given import edges, told, totals
from tests.rows import DAY, METASTORE, WORKSPACE, lineage

SCOPE = Scope(
    catalogs=("nothing", "system", "sys*"),
    schemas=("tmp_?",),
    tables=("log_*",),
    paths=("*/_checkpoint*",),
    workspaces=("9*",),
    process_kinds=("genie_*",),
)
PATH = "s3://bucket/a"
CHECKPOINT = "s3://bucket/_checkpoints/1"


def table(name):
    return Dataset(*name.split("."), None)


def path(name):
    return Dataset(None, None, None, name)


def gap(side, *parts, **given):
    """A row whose one end is named without its catalog or schema."""
    row = lineage("c.s.a", "c.s.b", **given)
    return row | {f"{side}_table_{part}": None for part in parts}


FATES = [
    ("excluded_workspace", "9*", lineage("c.s.a", "c.s.b", workspace_id="99")),
    ("excluded_process_kind", "genie_*", lineage("c.s.a", "c.s.b", genie="g1")),
    ("incomplete_name", "", gap("source", "schema")),
    ("incomplete_name", "", gap("target", "catalog")),
    ("no_dataset", "", lineage(None, None)),
    ("no_dataset", "", lineage(None, None) | {"source_table_name": "", "target_path": "/"}),
    ("excluded_catalog", "system", lineage("system.s.a", "c.s.b")),
    ("excluded_catalog", "sys*", lineage("c.s.a", "sysx.s.b")),
    ("excluded_schema", "tmp_?", lineage("c.tmp_1.a", "c.s.b")),
    ("excluded_table", "log_*", lineage("c.s.a", "c.s.log_1")),
    ("excluded_path", "*/_checkpoint*", lineage("c.s.a", CHECKPOINT)),
    ("read_only", "", lineage("c.s.a", None)),
    ("read_only", "", lineage(PATH, None)),
    ("read_only", "", lineage("c.s.a", None, query="1")),
    ("write_only", "", lineage(None, "c.s.b")),
    ("self_edge", "", lineage("c.s.a", "C.S.`A`")),
    ("self_edge", "", lineage("s3a://Bucket/a/", PATH)),
    ("indirect", "", lineage("c.s.a", "c.s.b", direct_access=False)),
    ("kept", "", lineage("c.s.a", "c.s.b")),
    ("kept", "", lineage("c.s.a", "c.s.b", direct_access=True)),
    ("kept", "", lineage("c.s.a", None, dashboard="1")),
    ("kept", "", lineage(PATH, None, entity_type="DBSQL_DASHBOARD", entity_id="1")),
]

# Two reasons hold, the documented order decides.
PRECEDENCE = [
    ("excluded_workspace", "9*", lineage("c.s.a", "c.s.b", workspace_id="99", genie="g1")),
    ("excluded_workspace", "9*", lineage(None, None, workspace_id="99")),
    ("excluded_process_kind", "genie_*", gap("source", "schema", genie="g1")),
    ("excluded_process_kind", "genie_*", lineage(None, None, genie="g1")),
    ("incomplete_name", "", gap("source", "schema") | {"source_table_catalog": "system"}),
    ("incomplete_name", "", gap("target", "schema") | {"source_table_catalog": "system"}),
    ("excluded_catalog", "system", lineage("system.tmp_1.log_1", "c.s.b")),
    ("excluded_schema", "tmp_?", lineage("c.tmp_1.log_1", "c.s.b")),
    ("excluded_table", "log_*", lineage("c.s.log_1", "system.s.b")),
    ("excluded_table", "log_*", lineage("c.s.log_1", None)),
    ("excluded_schema", "tmp_?", lineage(None, "c.tmp_1.b")),
    ("excluded_table", "log_*", lineage("c.s.log_1", "c.s.log_1")),
    ("read_only", "", lineage("c.s.a", None, direct_access=False)),
    ("no_dataset", "", lineage(None, None, dashboard="1")),
    ("excluded_catalog", "system", lineage("system.s.a", None, dashboard="1")),
    ("indirect", "", lineage("c.s.a", None, dashboard="1", direct_access=False)),
    ("write_only", "", lineage(None, "c.s.b", direct_access=False)),
    ("write_only", "", lineage(None, "c.s.b", dashboard="1")),
    ("self_edge", "", lineage("c.s.a", "c.s.a", direct_access=False)),
]

NARROW = Scope(
    catalogs=("old",),
    schemas=("tmp_?", "c.raw*"),
    tables=("log_*", "c.*.x?"),
    workspaces=("19",),
    process_kinds=("job_*",),
    include=Lists(
        catalogs=("c", "d*", "old"),
        schemas=("s", "c.t?", "d.raw", "c.tmp_1"),
        tables=("?", "d.s.new*", "x1"),
        paths=("s3://bucket/*",),
        workspaces=("1*",),
        process_kinds=("job*", "ad_hoc"),
    ),
)

INCLUDED = [
    ("kept", "", lineage("c.s.a", "dd.s.b")),
    ("kept", "", lineage("c.t1.a", "d.s.new_1", job="1")),
    ("kept", "", lineage("d.raw.a", "d.s.x1")),
    ("kept", "", lineage("s3://bucket/a", "c.s.b")),
    ("not_included_workspace", "", lineage("c.s.a", "c.s.b", workspace_id="21")),
    ("not_included_workspace", "", lineage("c.s.a", "c.s.b", workspace_id=None)),
    ("not_included_process_kind", "", lineage("c.s.a", "c.s.b", notebook="1")),
    ("not_included_catalog", "", lineage("c.s.a", "e.s.b")),
    ("not_included_catalog", "", lineage("c2.s.a", None)),
    ("not_included_schema", "", lineage("c.s.a", "d.t1.b")),
    ("not_included_schema", "", lineage("d.s2.a", "c.s.b")),
    ("not_included_table", "", lineage("c.s.a", "c.s.new_1")),
    ("not_included_table", "", lineage("c.s.ab", "c.s.b")),
    ("not_included_path", "", lineage("s3://Bucket2/a", "c.s.b")),
    ("not_included_path", "", lineage("c.s.a", "s3://bucket")),
    ("not_included_process_kind", "", lineage("c.s.a", None, dashboard="1")),
    ("excluded_schema", "c.raw*", lineage("c.raw_1.a", "c.s.b")),
    ("excluded_table", "c.*.x?", lineage("c.s.a", "c.t1.x1")),
    # Two reasons hold, the documented order decides.
    ("excluded_workspace", "19", lineage("c.s.a", "e.s.b", workspace_id="19", notebook="1")),
    ("not_included_workspace", "", lineage("old.s.a", "e.s.b", workspace_id="21", entity_type="JOB_X", entity_id="1")),
    ("excluded_process_kind", "job_*", lineage("e.s.a", "c.s.b", entity_type="JOB_X", entity_id="1")),
    ("not_included_process_kind", "", gap("source", "schema", notebook="1")),
    ("incomplete_name", "", gap("source", "schema") | {"source_table_catalog": "e"}),
    ("excluded_catalog", "old", lineage("old.tmp_1.log_1", "e.s.b")),
    ("excluded_schema", "tmp_?", lineage("c.tmp_1.log_1", "e.s.b")),
    ("excluded_table", "log_*", lineage("e.u.log_1", None)),
    ("not_included_catalog", "", lineage("e.u.ab", "c.s.log_1")),
    ("not_included_schema", "", lineage("c.u.ab", "e.s.b")),
    ("not_included_table", "", lineage("c.s.ab", "c.s.ab")),
]


@pytest.mark.parametrize(
    ("scope", "cases"),
    [(SCOPE, FATES), (SCOPE, PRECEDENCE), (NARROW, INCLUDED)],
    ids=["each", "precedence", "included"],
)
def test_fates(reader_of, scope, cases):
    """Every row has the one fate the documented order gives it, with the glob that left it out."""
    source = reader_of(*(row | {"metastore_id": str(place)} for place, (_, _, row) in enumerate(cases)), scope=scope)
    answer = edges(source)
    for fate in {fate for fate, _, _ in cases}:
        wanted = sorted(glob for one, glob, _ in cases if one == fate)
        assert sorted(glob for (one, glob), rows in answer.fates.items() if one == fate for _ in range(rows)) == wanted
    assert answer.fates.total() == len(cases) == totals(source, "table_lineage")


def test_the_oracle_agrees():
    """The oracle the other tests compare with gives the same fates."""
    for scope, cases in ((SCOPE, [*FATES, *PRECEDENCE]), (NARROW, INCLUDED)):
        assert [lineage_fate(row, scope) for _, _, row in cases] == [(fate, glob) for fate, glob, _ in cases]


KINDS = [
    ("alert", {"alert": "1"}),
    ("genie_space", {"genie": "2"}),
    ("dashboard", {"dashboard": "3"}),
    ("legacy_dashboard", {"legacy_dashboard": "4"}),
    ("pipeline", {"pipeline": "5"}),
    ("job", {"job": "6"}),
    ("notebook", {"notebook": "7"}),
    ("query", {"query": "8"}),
    ("model_serving", {"entity_type": "MODEL_SERVING", "entity_id": "9"}),
]


def labelled(cases, **given):
    """A row from c.s.a to c.s.b per case, told apart by its metastore."""
    return [lineage("c.s.a", "c.s.b", metastore_id=label, **given, **ids) for label, ids in cases.items()]


def test_process_precedence(reader_of):
    """The most telling id decides, whatever less telling ones come with it; an empty id is none."""
    cases, expected = {}, {}
    for place, (kind, ids) in enumerate(KINDS):
        less_telling = {name: value for _, more in KINDS[place:] for name, value in more.items()}
        empty = {name: "" for _, more in KINDS[:place] for name in more if not name.startswith("entity")}
        for label, given in (
            ("alone", ids),
            ("with the rest", less_telling),
            ("after empty ones", less_telling | empty),
        ):
            cases[f"{kind} {label}"], expected[f"{kind} {label}"] = given, (kind, str(place + 1))
    answer = edges(reader_of(*labelled(cases)))
    assert {edge.metastore: (edge.kind, edge.process) for edge in answer.kept} == expected


def test_entity_types(reader_of):
    """Where metadata say nothing, the entity type does, in our words; a type not known yet is kept as it is."""
    kinds = {
        "DASHBOARD_V3": "dashboard",
        "DBSQL_DASHBOARD": "legacy_dashboard",
        "DBSQL_QUERY": "query",
        "dbsql_query": "query",
        "NOTEBOOK": "notebook",
        "JOB": "job",
        "PIPELINE": "pipeline",
        "SOMETHING_NEW": "something_new",
    }
    cases = {name: {"entity_type": name, "entity_id": "7"} for name in kinds}
    assert {edge.metastore: edge.kind for edge in edges(reader_of(*labelled(cases))).kept} == kinds


def test_ad_hoc(reader_of):
    """What belongs to nothing is known by its workspace and target: one process per table it fills."""
    given = {
        "none": (None, None),
        "no type": ("", "7"),
        "null type": (None, "7"),
        "no id": ("JOB", ""),
        "null id": ("JOB", None),
    }
    cases = {label: dict(zip(("entity_type", "entity_id"), pair, strict=True)) for label, pair in given.items()}
    rows = [
        lineage("c.s.a", target, metastore_id=label, **ids)
        for label, ids in cases.items()
        for target in ("c.s.b", PATH)
    ]
    found = {(edge.metastore, edge.kind, edge.process) for edge in edges(reader_of(*rows)).kept}
    assert found == {(label, "ad_hoc", target) for label in cases for target in ("c.s.b", PATH)}


def test_edges_are_distinct(reader_of):
    """Rows of one edge make one edge; another workspace, metastore or process makes another."""
    same = [lineage("c.s.a", "c.s.b", job="1") for _ in range(3)]
    others = [
        lineage("c.s.a", "c.s.b", job="2"),
        lineage("c.s.a", "c.s.b", job="1", workspace_id="2"),
        lineage("c.s.a", "c.s.b", job="1", metastore_id="m2"),
        lineage("c.s.b", "c.s.a", job="1"),
    ]
    answer = edges(reader_of(*same, *others))
    assert len(answer.kept) == 5
    assert answer.kept.keys() >= {Edge(METASTORE, WORKSPACE, "job", "1", table("c.s.a"), table("c.s.b"))}
    assert answer.fates == {("kept", ""): 7}


def test_consumers(reader_of):
    """Who only reads and is looked at is the target of what it reads: one, whatever it reads and whichever way.

    Lists of paths say nothing of it, and what it writes into is a target of its own.
    """
    ids = {"alert": "alert", "genie_space": "genie", "dashboard": "dashboard", "legacy_dashboard": "legacy_dashboard"}
    rows = [
        lineage(source, None, **{given: "7"}) for given in ids.values() for source in ("c.s.a", "c.s.b", PATH, "c.s.a")
    ]
    answer = edges(
        reader_of(*rows, lineage("c.s.a", "c.s.b", dashboard="7"), scope=Scope(include=Lists(paths=("s3:*",))))
    )
    read = {(edge.kind, edge.process, edge.target) for edge in answer.kept if edge.target != table("c.s.b")}
    assert read == {(kind, "7", path(f"uc-miner://{WORKSPACE}/{kind}/7")) for kind in ids}
    assert len(answer.kept) == 4 * 3 + 1
    assert answer.fates == {("kept", ""): 17}


def test_only_ends_of_one_row_make_an_edge(reader_of):
    """A job's reads are never multiplied with its writes, even within one statement."""
    rows = [lineage("c.s.a", None, job="1", statement_id="st"), lineage(None, "c.s.b", job="1", statement_id="st")]
    answer = edges(reader_of(*rows))
    assert answer.kept == {}
    assert answer.fates == {("read_only", ""): 1, ("write_only", ""): 1}


def test_verified(reader_of):
    """An edge is verified once a row says outright that the access was direct; indirect rows stand beside it."""
    cases = [([True], True), ([None], False), ([None, True], True), ([True, False], True), ([None, False], False)]
    rows = [
        lineage("c.s.a", "c.s.b", metastore_id=str(direct), direct_access=one) for direct, _ in cases for one in direct
    ]
    answer = edges(reader_of(*rows))
    assert {edge.metastore: verified for edge, verified in answer.kept.items()} == {
        str(direct): yes for direct, yes in cases
    }
    assert {edge.metastore for edge in answer.indirect} == {str(direct) for direct, _ in cases if False in direct}


def test_a_named_end_is_no_path(reader_of):
    """An end with a name is that table, whatever its path; an empty name is none."""
    named = lineage("c.s.a", "c.s.b") | {"source_path": PATH, "target_path": "s3://other"}
    unnamed = lineage(PATH, "c.s.c") | {"source_table_name": "", "source_table_catalog": "", "source_table_schema": ""}
    assert {(edge.source, edge.target) for edge in edges(reader_of(named, unnamed)).kept} == {
        (table("c.s.a"), table("c.s.b")),
        (path(PATH), table("c.s.c")),
    }


def test_text_rules_come_first(reader_of):
    """Temporary names and partitions are cut before ends are compared or left out."""
    rows = [
        lineage("c.s.a__dbt_tmp", "c.s.a"),
        lineage("c.s.log_1__dbt_stg", "c.s.b"),
        lineage("s3://bucket/a/day=1", "s3://bucket/a/day=2"),
        lineage("s3://bucket/a/day=1", "c.s.b", job="1"),
        lineage("s3://bucket/a/day=2", "c.s.b", job="1"),
    ]
    answer = edges(reader_of(*rows, scope=SCOPE))
    assert [(edge.source, edge.target) for edge in answer.kept] == [(path("s3://bucket/a"), table("c.s.b"))]
    assert answer.fates == {("self_edge", ""): 2, ("excluded_table", "log_*"): 1, ("kept", ""): 2}


def test_case_of_paths(reader_of):
    """Names are compared folded, paths with their case."""
    rows = [lineage("C.S.A", "s3://bucket/A", job="1"), lineage("c.s.a", "s3://bucket/a", job="1")]
    targets = {edge.target for edge in edges(reader_of(*rows)).kept}
    assert targets == {path("s3://bucket/A"), path("s3://bucket/a")}


def test_nulls_of_old_rows(reader_of):
    """A workspace or metastore that a row does not tell is ''."""
    (edge,) = edges(reader_of(lineage("c.s.a", "c.s.b", workspace_id=None, metastore_id=None))).kept
    assert (edge.metastore, edge.workspace) == ("", "")


def test_what_is_told_of_a_process(reader_of):
    """A job's notebook and an alert's hidden job come along as attributes, not as the identity."""
    rows = [lineage("c.s.a", "c.s.b", job="1", notebook="n1"), lineage("c.s.a", "c.s.b", job="1", notebook="n2")]
    rows += [lineage("c.s.a", "c.s.b", pipeline="p", job="5")]
    source = reader_of(*rows)
    assert len(edges(source).kept) == 2
    names = ("process_kind", "notebook_id", "job_id", "pipeline_id")
    attributes = {tuple(row[name] for name in names) for row in told(source.edges(DAY, DAY)) if row["edge_key"]}
    assert attributes == {("job", "n1", "1", None), ("job", "n2", "1", None), ("pipeline", None, "5", "p")}


def test_one_day(reader_of):
    """A day is its event_date and nothing else."""
    rows = [lineage(f"c.s.a{offset}", "c.s.b", day=DAY + timedelta(days=offset)) for offset in (-1, 0, 1)]
    assert [edge.source for edge in edges(reader_of(*rows)).kept] == [table("c.s.a0")]


def test_keys_hold_their_parts_apart(reader_of):
    """Parts that read alike when joined do not share a key."""
    rows = [
        lineage("c.s.a", "c.s.b", metastore_id="m1", workspace_id="2"),
        lineage("c.s.a", "c.s.b", metastore_id="m", workspace_id="12"),
        lineage("cs.a.b", "c.s.b", metastore_id="m", workspace_id="12"),
        lineage("c.sa.b", "c.s.b", metastore_id="m", workspace_id="12"),
    ]
    keys = [row["edge_key"] for row in told(reader_of(*rows).edges(DAY, DAY)) if row["edge_key"]]
    assert len(set(keys)) == len(keys) == 4


def test_nothing_on_a_day_without_rows(reader_of):
    """A day without rows answers without rows: that this is no failed read is shown by its total of none."""
    source = reader_of(lineage("c.s.a", "c.s.b"))
    later = DAY + timedelta(days=1)
    assert told(source.edges(later, later)) == []
    assert totals(source, "table_lineage", later) == 0
