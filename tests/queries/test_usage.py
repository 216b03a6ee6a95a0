"""`usage_daily.sql` on rows made by hand."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.oracle import Dataset, Figures, Scope, Use
from tests.oracle.scope import Lists
from tests.oracle.usage import usage_fate
from tests.queries.given import OWN_TABLES, told, totals
from tests.queries.given import usage as usage_of
from tests.rows import DAY, METASTORE, at, end, lineage, statement

A = Dataset("c", "s", "a", None)
B = Dataset("c", "s", "b", None)
ANN = {"created_by": "ann@x.org", "job": "1"}


@pytest.fixture
def figures(reader_of):
    """Figures by dataset, reader and kind for some rows."""

    def answer(*lineage_rows, history=None, **more):
        return usage_of(reader_of(*lineage_rows, query_history=history, **more)).figures

    return answer


def use(dataset, reader="ann@x.org", kind="job", metastore=METASTORE):
    return Use(metastore, dataset, reader, kind)


SCOPE = Scope(
    catalogs=("system",), tables=("log_*",), paths=("*/_checkpoint*",), workspaces=("9*",), process_kinds=("genie_*",)
)
MINER = Scope(principal="miner@x.org", own_tables=OWN_TABLES)
NARROW = Scope(
    tables=("c.s.log_*",),
    include=Lists(
        catalogs=("c", "system"),
        schemas=("c.s", "t", "access"),
        tables=("?", "log_*", "*lineage"),
        paths=("s3:*",),
        workspaces=("1*",),
        process_kinds=("job", "ad_hoc"),
    ),
    principal="miner@x.org",
    own_tables=OWN_TABLES,
)
TABLE_LINEAGE = "system.access.table_lineage"

FATES = [
    (SCOPE, "excluded_workspace", "9*", lineage("c.s.a", None, workspace_id="9")),
    (SCOPE, "excluded_process_kind", "genie_*", lineage("c.s.a", None, genie="1")),
    (SCOPE, "incomplete_name", "", lineage("c.s.a", None) | {"source_table_catalog": None}),
    (SCOPE, "incomplete_name", "", lineage("c.s.a", "c.s.b") | {"target_table_schema": ""}),
    (SCOPE, "no_dataset", "", lineage(None, None)),
    (SCOPE, "excluded_catalog", "system", lineage("system.s.a", None)),
    (SCOPE, "excluded_table", "log_*", lineage(None, "c.s.log_1")),
    (SCOPE, "excluded_catalog", "system", lineage("system.s.a", "c.s.log_1")),
    (SCOPE, "excluded_table", "log_*", lineage("c.s.log_1", "system.s.a")),
    (SCOPE, "excluded_path", "*/_checkpoint*", lineage("s3://bucket/_checkpoints/1", None)),
    (SCOPE, "kept", "", lineage("system.s.a", "c.s.b")),
    (SCOPE, "kept", "", lineage("c.s.a", "c.s.log_1")),
    (SCOPE, "kept", "", lineage("c.s.a", None)),
    (SCOPE, "kept", "", lineage(None, "c.s.a")),
    (SCOPE, "kept", "", lineage("c.s.a", "c.s.a")),
    (SCOPE, "kept", "", lineage("c.s.a", "c.s.b", direct_access=False)),
    (NARROW, "kept", "", lineage("c.s.a", None)),
    (NARROW, "kept", "", lineage("c.s.a", "other.s.b")),
    (NARROW, "kept", "", lineage("c.far.a", "c.t.b")),
    (NARROW, "kept", "", lineage("s3://bucket/a", "c.s.far", job="1")),
    (NARROW, "not_included_workspace", "", lineage("c.s.a", None, workspace_id="2")),
    (NARROW, "not_included_process_kind", "", lineage("c.s.a", None, notebook="1")),
    (NARROW, "not_included_catalog", "", lineage("other.s.a", None)),
    (NARROW, "not_included_catalog", "", lineage(None, "other.far.far")),
    (NARROW, "not_included_schema", "", lineage("c.far.far", "other.s.a")),
    (NARROW, "not_included_table", "", lineage("c.t.far", "dbfs:/far")),
    (NARROW, "not_included_path", "", lineage("dbfs:/far", None)),
    (NARROW, "excluded_table", "c.s.log_*", lineage("c.s.log_1", "other.s.a")),
    (NARROW, "not_included_catalog", "", lineage("other.s.a", "c.s.log_1")),
    (NARROW, "kept", "", lineage("c.t.log_1", None)),
    (NARROW, "own_read", "", lineage(TABLE_LINEAGE, None, created_by="miner@x.org")),
    (NARROW, "not_included_workspace", "", lineage(TABLE_LINEAGE, None, created_by="miner@x.org", workspace_id="2")),
    (MINER, "own_read", "", lineage(TABLE_LINEAGE, None, created_by="Miner@X.org")),
    (MINER, "own_read", "", lineage("system.lakeflow.job_run_timeline", None, created_by="miner@x.org")),
    (MINER, "kept", "", lineage(TABLE_LINEAGE, None, created_by="ann@x.org")),
    (MINER, "kept", "", lineage(TABLE_LINEAGE, None)),
    (MINER, "kept", "", lineage("c.s.a", None, created_by="miner@x.org")),
    (MINER, "kept", "", lineage(TABLE_LINEAGE, "c.s.a", created_by="miner@x.org")),
    (Scope(), "kept", "", lineage(TABLE_LINEAGE, None, created_by="")),
]


@pytest.mark.parametrize(
    "scope", [SCOPE, NARROW, MINER, Scope()], ids=["exclusions", "inclusions", "own reads", "neither"]
)
def test_fates(reader_of, scope):
    """A row is kept when either end counts; the miner's own reads are its principal's of its tables."""
    cases = [(fate, glob, row) for of, fate, glob, row in FATES if of == scope]
    answer = usage_of(reader_of(*(row for _, _, row in cases), scope=scope))
    assert answer.fates == Counter((fate, glob) for fate, glob, _ in cases)
    assert [usage_fate(row, scope) for _, _, row in cases] == [(fate, glob) for fate, glob, _ in cases]


@pytest.mark.parametrize(
    ("principal", "reader"),
    [("Miner@X.org", "mINER@x.ORG"), ("MİNER", "mi̇ner"), ("ΜΙΝΕΡΣ", "μινερσ"), ("STRAẞE", "straße"), ("Å", "å")],
)
def test_who_the_miner_is(reader_of, principal, reader):
    """The miner's principal is compared as names are, in the settings' spelling or in the event's."""
    for configured, seen in ((principal, reader), (reader, principal)):
        scope = Scope(principal=configured, own_tables=OWN_TABLES)
        row = lineage(TABLE_LINEAGE, None, created_by=seen)
        assert usage_of(reader_of(row, scope=scope)).fates == Counter({("own_read", ""): 1})
        assert usage_fate(row, scope) == ("own_read", "")


def test_own_reads_come_before_exclusions(reader_of):
    """The miner's reads are told as its own even where the catalog they are in is left out."""
    scope = Scope(catalogs=("system",), principal="miner@x.org", own_tables=OWN_TABLES)
    source = reader_of(lineage(TABLE_LINEAGE, None, created_by="miner@x.org"), scope=scope)
    assert usage_of(source).fates == {("own_read", ""): 1}


def test_rows_balance(reader_of):
    """A row of two ends is counted once, and the rows of all fates are the day's rows."""
    rows = [lineage("c.s.a", "c.s.b", **ANN), lineage("c.s.a", None), lineage(None, None), lineage("c.s.b", "c.s.b")]
    source = reader_of(*rows)
    assert usage_of(source).fates.total() == totals(source, "table_lineage") == 4


def test_a_read_is_a_unit(figures):
    """Rows of one statement, else run, else event of a workspace are one read; raw rows stand beside it."""
    cases = [
        ([{"statement_id": "s1"}, {"statement_id": "s1"}], 1),
        ([{"statement_id": "s1"}, {"statement_id": "s2"}], 2),
        ([{"statement_id": "s1", "entity_run_id": "r1"}, {"statement_id": "s2", "entity_run_id": "r1"}], 2),
        ([{"entity_run_id": "r1"}, {"entity_run_id": "r1"}], 1),
        ([{"entity_run_id": "s1"}, {"statement_id": "s1"}], 1),
        ([{"event_id": "e1"}, {"event_id": "e1"}], 1),
        ([{"event_id": "e1"}, {"event_id": "e2"}], 2),
        ([{"statement_id": "s1"}, {"statement_id": "s1", "workspace_id": "2"}], 2),
    ]
    answer = figures(
        *(lineage("c.s.a", "c.s.b", metastore_id=str(ids), **ANN, **one) for ids, _ in cases for one in ids)
    )
    for ids, reads in cases:
        source, target = (answer[use(end, metastore=str(ids))] for end in (A, B))
        assert (source.reads, source.events, target.writes) == (reads, 2, reads), ids


def test_reads_of_several_targets(figures):
    """A statement that reads a table into two others reads it once and writes each once."""
    answer = figures(*(lineage("c.s.a", target, **ANN, statement_id="s1") for target in ("c.s.b", "c.s.x")))
    assert answer[use(A)].reads == 1
    assert [one.writes for one in answer.values()].count(1) == 2


def test_indirect_reads(figures):
    """A table read only through a view is no read but in use; a unit that does both counts under both."""
    cases = [([False], 0, 1), ([None], 1, 0), ([True, False], 1, 1), ([False, False], 0, 1)]
    given = [(str(direct), one) for direct, _, _ in cases for one in direct]
    rows = [
        lineage("c.s.a", None, **ANN, metastore_id=label, statement_id="s", direct_access=one) for label, one in given
    ]
    answer = figures(*rows)
    for direct, reads, indirect in cases:
        found = answer[use(A, metastore=str(direct))]
        assert (found.reads, found.indirect_reads) == (reads, indirect), direct


def test_self_reads(figures):
    """A row of a table to itself (MERGE, streaming) is a self read and a write, however direct; no read."""
    values = (True, False, None)
    answer = figures(*(lineage("c.s.a", "c.s.a", **ANN, metastore_id=str(one), direct_access=one) for one in values))
    expected = Figures(self_reads=1, writes=1, last_write_at=at())
    assert answer == {use(A, metastore=str(one)): expected for one in values}


def test_failed_reads(figures):
    """Reads of a failed or cancelled statement are a column of their own; its writes and indirect reads stay."""
    rows = [lineage("c.s.a", "c.s.b", **ANN, statement_id=status) for status in ("FAILED", "CANCELED", "FINISHED")]
    rows += [lineage("c.s.x", None, **ANN, statement_id="FAILED", direct_access=False)]
    history = [statement(status, execution_status=status) for status in ("FAILED", "CANCELED", "FINISHED")]
    answer = figures(*rows, history=history)
    assert (answer[use(A)].reads, answer[use(A)].failed_reads, answer[use(A)].events) == (1, 2, 3)
    assert answer[use(B)].writes == 3
    assert answer[use(Dataset("c", "s", "x", None))].indirect_reads == 1


def test_last_times(figures):
    """The last read is the latest of a statement that did not fail, the last write the latest of any."""
    rows = [
        lineage("c.s.a", "c.s.b", **ANN, statement_id="good", event_time=at(hour=9)),
        lineage("c.s.a", "c.s.b", **ANN, statement_id="good", event_time=at(hour=10)),
        lineage("c.s.a", "c.s.b", **ANN, statement_id="bad", event_time=at(hour=11)),
        lineage("c.s.a", None, **ANN, statement_id="indirect", event_time=at(hour=12), direct_access=False),
    ]
    answer = figures(*rows, history=[statement("bad", execution_status="FAILED")])
    assert answer[use(A)].last_read_at == at(hour=10)
    assert answer[use(B)].last_write_at == at(hour=11)


def test_history_joins(figures):
    """A statement is its workspace and id together, looked for from the day before to the day after."""
    cases = {
        "same": ({}, True),
        "other workspace": ({"workspace_id": "2"}, False),
        "other statement": ({"statement_id": "another"}, False),
        "first instant": ({"start_time": at(DAY - timedelta(days=1), 0)}, True),
        "too early": ({"start_time": at(DAY - timedelta(days=2), 23, 59)}, False),
        "last instant": ({"start_time": at(DAY + timedelta(days=1), 23, 59)}, True),
        "too late": ({"start_time": at(DAY + timedelta(days=2), 0)}, False),
    }
    rows = [lineage("c.s.a", None, **ANN, metastore_id=label, statement_id=label) for label in cases]
    history = [statement(label, execution_status="FAILED") | change for label, (change, _) in cases.items()]
    answer = figures(*rows, history=history)
    assert {one.metastore: bool(found.failed_reads) for one, found in answer.items()} == {
        label: failed for label, (_, failed) in cases.items()
    }


def test_reader(figures):
    """Who read: whom history names, else a dashboard as itself, else who made the event; folded."""
    cases = [
        ({"created_by": "ann@x.org"}, " Bob@X.org ", "bob@x.org"),
        ({"created_by": " Ann@X.org"}, None, "ann@x.org"),
        ({"created_by": "ann@x.org"}, "", "ann@x.org"),
        ({"created_by": None}, None, ""),
        ({"created_by": ""}, None, ""),
        ({"created_by": "ann@x.org", "dashboard": "D1"}, None, "dashboard:d1"),
        ({"created_by": "ann@x.org", "legacy_dashboard": "L1"}, None, "dashboard:l1"),
        ({"created_by": "ann@x.org", "dashboard": "D1"}, "bob@x.org", "bob@x.org"),
        ({"created_by": "ann@x.org", "query": "q1"}, None, "ann@x.org"),
    ]
    labels = [str(place) for place in range(len(cases))]
    rows = [
        lineage("c.s.a", None, metastore_id=label, statement_id=label, **case[0])
        for label, case in zip(labels, cases, strict=True)
    ]
    history = [statement(label, executed_by=case[1]) for label, case in zip(labels, cases, strict=True)]
    found = {one.metastore: one.reader for one in figures(*rows, history=history)}
    assert found == {label: case[2] for label, case in zip(labels, cases, strict=True)}


def test_figures_are_apart(figures):
    """Readers, kinds and metastores are apart: distinct readers of a window do not add up over days."""
    rows = [
        lineage("c.s.a", None, created_by="ann@x.org", job="1"),
        lineage("c.s.a", None, created_by="ann@x.org", job="2"),
        lineage("c.s.a", None, created_by="ann@x.org", notebook="1"),
        lineage("c.s.a", None, created_by="bob@x.org", notebook="1"),
        lineage("c.s.a", None, created_by="bob@x.org", notebook="1", metastore_id="m2"),
    ]
    counted = {(one.metastore, one.reader, one.kind): figures.reads for one, figures in figures(*rows).items()}
    assert counted == {
        (METASTORE, "ann@x.org", "job"): 2,
        (METASTORE, "ann@x.org", "notebook"): 1,
        (METASTORE, "bob@x.org", "notebook"): 1,
        ("m2", "bob@x.org", "notebook"): 1,
    }


def test_what_a_dataset_is_called(reader_of):
    """Spelling and type are those of the latest event that tells them; a name's paths are evidence beside it."""
    rows = [
        lineage("C.S.Old", None, **ANN, event_time=at(hour=1), source_path="s3a://bucket/z/day=1"),
        lineage("c.s.OLD", None, **ANN, event_time=at(hour=3), source_type="VIEW"),
        lineage("c.s.old__dbt_tmp", None, **ANN, event_time=at(hour=2), source_path="s3://bucket/a/"),
        lineage("`c`.s.OLd", None, **ANN, event_time=at(hour=4), source_type=None),
    ]
    (row,) = told(reader_of(*rows).usage(DAY, DAY))
    assert (row["dataset_spelling"], row["dataset_type"]) == ("c.s.OLd", "VIEW")
    assert row["dataset_seen_at"] == at(hour=4)
    assert (row["first_location"], row["last_location"]) == ("s3://bucket/a", "s3://bucket/z")


def test_events_at_one_instant(reader_of):
    """Of two events at one instant the same one names the dataset however the rows lie: mining again changes nothing."""
    forms = [("C.s.a", "VIEW"), ("c.S.a", "TABLE"), ("c.s.A", None)]
    rows = [lineage(name, None, **ANN, source_type=kind, statement_id=name) for name, kind in forms]
    rows += [lineage(name, None, **ANN, source_type=kind, statement_id="one") for name, kind in forms]
    for given in (rows, rows[::-1]):
        (row,) = told(reader_of(*given).usage(DAY, DAY))
        assert (row["dataset_spelling"], row["dataset_type"]) == ("c.s.A", "VIEW")


def test_paths_are_datasets(reader_of):
    """A path without a name is a dataset: all its spellings and partitions are one, and no evidence of a table."""
    rows = [lineage(path, None, **ANN) for path in ("s3a://bucket/A/day=1", "s3://bucket//A/part-00000.parquet")]
    (row,) = told(reader_of(*rows).usage(DAY, DAY))
    assert (row["dataset_path"], row["dataset_spelling"], row["reads"]) == ("s3://bucket/A", "s3://bucket/A", 2)
    assert (row["dataset_name"], row["first_location"]) == (None, None)


def test_an_empty_name_is_a_path_here_too(figures):
    """Both streams agree on what an end is: usage of a dataset without edges would be a riddle."""
    answer = figures(lineage(None, None, **ANN) | end("source", "s3://bucket/a") | {"source_table_name": ""})
    assert list(answer) == [use(Dataset(None, None, None, "s3://bucket/a"))]


def test_without_history(figures):
    """Usage is counted on any compute: without query.history readers are who made the event, and nothing failed."""
    answer = figures(lineage("c.s.a", None, **ANN, statement_id="s1"), history=None)
    assert answer == {use(A): Figures(reads=1, events=1, last_read_at=at())}
