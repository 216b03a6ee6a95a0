"""`query_runs.sql` and the rules of what a statement says, on rows made by hand."""

from collections import Counter
from datetime import timedelta

import pytest

from tests import oracle
from tests.oracle import Dataset, Runs, Scope, Statement
from tests.queries import given
from tests.queries.crafted import ran_by, said
from tests.rows import DAY, METASTORE, at, end, lineage

A, B = (Dataset("c", "s", name, None) for name in "ab")

SAME = [
    (
        "select a from c.s.t where b = ? and d in (?)",
        "SELECT a FROM c.s.t WHERE b = 1 AND d IN (1, 2, 3)",
        "select  A\n from c.s.T\twhere b='it''s' and d in ('x')  ;",
        "SELECT a FROM `c`.`s`.`t` WHERE b = 'a\\'b' AND d IN (-1.5e+3,0x1F,2L)",
        "/* who */ SELECT a FROM c . s . t -- what\nWHERE b = \"x -- y\" AND d IN (?, 'a' 'b')",
        "SELECT/*+ BROADCAST(t) */a FROM c.s.t WHERE b=1 AND d IN(1)",
    ),
    (
        "insert into t values (?)",
        "INSERT INTO t VALUES (1, 'a')",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'),\n(-3, 'c')",
    ),
    ("select ?", "SELECT 1", "select 'x';;", "SELECT '--' -- '", "SELECT '/*' /* '*/"),
    ("select f (g (?), ?)", "SELECT f(g(1), 2)", "SELECT f ( g( 1,2 ),'x' )"),
    ("select * from t where d = date ?", "SELECT * FROM t WHERE d = DATE'2026-01-01'", "select * from t where d = date '2026-02-01'"),
]  # fmt: skip

APART = [
    "SELECT a FROM t",
    "SELECT a FROM t1",
    "SELECT a FROM t_2",
    "SELECT a FROM 2024_t",
    "SELECT a FROM 2025_t",
    "SELECT a FROM größe1",
    "SELECT a FROM größe2",
    "SELECT a, b FROM t",
    "SELECT a b FROM t",
    "SELECT a FROM t WHERE a IS NULL",
    "SELECT a FROM t WHERE a = 1",
    "SELECT a FROM t WHERE a <> 1",
    "SELECT a FROM t WHERE a = :p",
    "SELECT `a b` FROM t",
    "SELECT `a c` FROM t",
    "SELECT a FROM t WHERE b = f(1)",
    "SELECT a FROM t WHERE b = f()",
]


VALUES = ", ".join(f"({number}, 'name {number}')" for number in range(3000))
DEEP = (f"values {VALUES}", "'" * 40_001, "/*" * 20_000, f"f({'(' * 20_000}", "a.b " * 10_000, "`" * 40_001)


@pytest.mark.parametrize("texts", SAME, ids=[texts[0] for texts in SAME])
def test_what_says_the_same(texts):
    """Literals, how many there are in a list, comments, blanks, case and quotes around plain names make no difference."""
    plain, *several = texts
    assert given.ruled("plain_statement(raw)", several) == [plain] * len(several)
    assert [oracle.plain_statement(text) for text in several] == [plain] * len(several)


def test_what_does_not():
    """Other names, columns and conditions are other statements."""
    told = given.ruled("plain_statement(raw)", APART)
    assert len(set(told)) == len(APART)
    assert told == [oracle.plain_statement(text) for text in APART]


def test_said_again():
    """What a statement says is said by itself as well."""
    texts = [*(text for texts in SAME for text in texts), *APART]
    once = given.ruled("plain_statement(raw)", texts)
    assert given.ruled("plain_statement(raw)", once) == once


@pytest.fixture
def runs(reader_of):
    """Statements of the day for some rows."""

    def answer(*lineage_rows, history, most=100, text_length=0, **more):
        source = reader_of(*lineage_rows, query_history=history, **more)
        return given.query_runs_of_days(source, DAY, DAY, most, text_length)[DAY]

    return answer


def by_dataset(answer, measure="runs"):
    """Sums by dataset; of all statements under None."""
    found = Counter()
    for one, figures in answer.runs.items():
        found[one.dataset] += getattr(figures, measure)
    return dict(found)


def reads(name, statement_id, **more):
    return lineage(name, None, statement_id=statement_id, job="1", **more)


def test_figures(runs):
    """Statements count in all and once for each dataset they read; sums and the longest run are of those that finished."""
    rows = [reads("c.s.a", "s1"), reads("c.s.a", "s1"), reads("c.s.b", "s1"), reads("c.s.a", "s2")]
    history = [
        said("s1", "SELECT 1", 100),
        said("s2", "SELECT 2", 30),
        said("s3", "SELECT 3", 7, execution_status="FAILED"),
    ]
    answer = runs(*rows, history=history)
    fingerprint = next(iter(answer.runs)).fingerprint
    whose = (fingerprint, "SELECT", "ann@x.org", "ad_hoc", "", "")
    assert answer.runs == {
        Statement(None, None, *whose): Runs(2, 0, 1, 0, 130, 100, 1300, 13000, 130_000, 1_300_000, at()),
        Statement(METASTORE, A, *whose): Runs(2, 0, 0, 0, 130, 100, 1300, 13000, 130_000, 1_300_000, at()),
        Statement(METASTORE, B, *whose): Runs(1, 0, 0, 0, 100, 100, 1000, 10000, 100_000, 1_000_000, at()),
    }


def test_how_they_ended(runs):
    """Finished, cached, failed and cancelled runs are apart; only the first have times and volumes."""
    history = [
        said("s1", "SELECT 1"), said("s2", "SELECT 1", execution_status=None), said("s3", "SELECT 1", execution_status="FAILED"),
        said("s4", "SELECT 1", execution_status="CANCELED"), said("s5", "SELECT 1", from_result_cache=True),
        said("s6", "SELECT 1", from_result_cache=True, execution_status="FAILED"), said("s7", "SELECT 1", from_result_cache=None),
    ]  # fmt: skip
    (figures,) = runs(history=history).runs.values()
    assert (figures.runs, figures.cached_runs, figures.failed_runs, figures.cancelled_runs) == (3, 1, 2, 1)
    assert (figures.duration_ms, figures.longest_ms) == (3, 1)


def test_what_was_read(runs):
    """A dataset is one that usage counts a direct read of, from the day before to the day after."""
    yesterday, tomorrow = DAY - timedelta(days=1), DAY + timedelta(days=1)
    cases = {
        "direct": ({}, True),
        "not told": ({"direct_access": None}, True),
        "view": ({"direct_access": False}, False),
        "before": ({"day": yesterday}, True),
        "after": ({"day": tomorrow}, True),
        "long before": ({"day": yesterday - timedelta(days=1)}, False),
        "long after": ({"day": tomorrow + timedelta(days=1)}, False),
        "elsewhere": ({"workspace_id": "2"}, False),
        "itself": (end("target", "C.s.itself") | {"target_table_name": "X"}, True),
    }
    rows = [reads("c.s.a", name, metastore_id=name, **more) for name, (more, _) in cases.items()]
    rows += [
        lineage("c.s.a", "C.S.A", statement_id="merge", job="1"),
        lineage(None, "c.s.a", statement_id="write", job="1"),
    ]
    answer = runs(*rows, history=[said(name, "SELECT 1") for name in (*cases, "merge", "write")])
    assert {one.metastore for one in answer.runs} == {None, *(name for name, (_, there) in cases.items() if there)}


def test_cached_statements(runs):
    """A statement from the cache read what the statement that filled it read, on its day or the day before."""
    yesterday = DAY - timedelta(days=1)
    rows = [
        reads("c.s.a", "today"), reads("c.s.b", "yesterday", day=yesterday),
        reads("c.s.x", "tomorrow", day=DAY + timedelta(days=1)), reads("c.s.y", "before", day=yesterday - timedelta(days=1)),
    ]  # fmt: skip
    history = [
        said(f"of {origin}", "SELECT 1", from_result_cache=True, cache_origin_statement_id=origin)
        for origin in ("today", "yesterday", "tomorrow", "before", None)
    ]
    history += [said("miss", "SELECT 1", from_result_cache=False, cache_origin_statement_id="today")]
    answer = runs(*rows, history=history)
    assert by_dataset(answer, "cached_runs") == {None: 5, A: 1, B: 1}
    assert by_dataset(answer) == {None: 1, A: 0, B: 0}


def test_fates(runs):
    """Every row of the history has one fate; texts that are not shown still count, by type of statement."""
    scope = Scope(workspaces=("9*",), process_kinds=("job",), principal="Miner@x.org")
    tag = [("application", "uc-lineage-miner")]
    history = [
        said("s1", "SELECT 1"), said("s2", "<REDACTED>"), said("s3", ""), said("s4", None), said("s5", "-- only"),
        said("s6", "<REDACTED>", statement_type="INSERT"), said("s7", "SELECT 1", workspace_id="99"),
        said("s8", "SELECT 1", query_source=ran_by(job_id="1")), said(None, "SELECT 1"),
        said("s9", "SELECT 1", executed_by="miner@X.org", query_tags=tag), said("s10", "SELECT 1", executed_by="miner@x.org"),
        said("s11", "SELECT 1", query_tags=tag),
    ]  # fmt: skip
    answer = runs(history=history, scope=scope)
    assert answer.fates == {
        ("kept", ""): 3, ("no_text", ""): 5, ("excluded_workspace", "9*"): 1, ("excluded_process_kind", "job"): 1,
        ("no_statement", ""): 1, ("own_statement", ""): 1,
    }  # fmt: skip
    counted = Counter()
    for one, figures in answer.runs.items():
        counted[one.fingerprint, one.type] += figures.runs
    assert sorted(counted.values()) == [1, 3, 4]
    assert len({fingerprint for fingerprint, _ in counted}) == 3


def test_who_ran_it(runs):
    """The reader is whom history names, else the dashboard; folded."""
    history = [
        said("s1", "SELECT 1", executed_by=" Bob@X.org "),
        said("s2", "SELECT 1", executed_by="", query_source=ran_by(dashboard_id="D1")),
        said("s3", "SELECT 1", executed_by="bob@x.org", query_source=ran_by(dashboard_id="D1", job_id="7")),
        said("s4", "SELECT 1", executed_by=None, query_source=ran_by(job_id="7")),
    ]
    assert {(one.reader, one.kind) for one in runs(history=history).runs} == {
        ("bob@x.org", "ad_hoc"),
        ("dashboard:d1", "dashboard"),
        ("bob@x.org", "dashboard"),
        ("", "job"),
    }


def test_the_most_of_each_ranking(runs):
    """Statements that lead a ranking of the day stand by themselves, all others are one row that keeps the sums."""
    history = [said(f"often {number}", "SELECT often", 2) for number in range(3)]
    history += [said("slow", "SELECT slow", 90, total_task_duration_ms=1)]
    history += [said("work", "SELECT work", 1, total_task_duration_ms=9999)]
    history += [said("failing", "SELECT failing", execution_status="FAILED")]
    history += [
        said(f"rest {number}", f"SELECT rest{number}", 2, client_application=str(number)) for number in range(5)
    ]
    whole, few = runs(history=history), runs(history=history, most=1, text_length=100)
    assert sorted(few.texts.values()) == ["select failing", "select often", "select slow", "select work"]
    (rest,) = [figures for one, figures in few.runs.items() if one.fingerprint is None]
    assert rest.runs == 5
    for measure in ("runs", "failed_runs", "duration_ms", "task_ms", "read_bytes", "read_rows", "produced_rows"):
        assert by_dataset(few, measure) == by_dataset(whole, measure)


def test_texts(runs):
    """What statements say comes once each, no more of it than asked for, and not at all unless it is asked for."""
    rows = [reads("c.s.a", "s1"), reads("c.s.a", "s2")]
    history = [
        said("s1", "SELECT 1 FROM t"),
        said("s2", "SELECT 2 FROM t", client_application="dbt"),
        said("s3", "<REDACTED>"),
    ]
    assert runs(*rows, history=history).texts == {}
    assert list(runs(*rows, history=history, text_length=8).texts.values()) == ["select ?"]


def test_a_long_text(runs):
    """Texts are compared by their first 50,000 characters."""
    long = "SELECT " + "x, " * 20_000
    assert len({one.fingerprint for one in runs(history=[said("s1", long + "y"), said("s2", long + "z")]).runs}) == 1


def test_many_values():
    """Thousands of rows of values are one list: no rule is slow, or deep, on any text."""
    told = given.ruled("plain_statement(raw)", DEEP)
    assert told[0] == "values (?)"
    assert told == [oracle.plain_statement(text) for text in DEEP]
