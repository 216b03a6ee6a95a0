"""One small estate with every quirk the queries have a predicate or a rule for."""

from datetime import timedelta

from tests.oracle import Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES
from tests.rows import DAY, METASTORE, at, audited, columns, end, hit, lineage, run, shared, statement

BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
FIRST, LAST = DAY, AFTER
"""The run of days that is mined; rows lie before and after it too."""

GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"
SCOPE = Scope(
    catalogs=("other", "sys?"),
    schemas=("tmp_*", "?.q_?"),
    tables=("log_*", "c.q?.old_*"),
    paths=("*/_checkpoint*",),
    workspaces=("9*",),
    process_kinds=("new_*",),
    include=Lists(
        catalogs=("?", "sys*"),
        schemas=("?", "c.q*", "sys*.*"),
        tables=("?", "old_?", "c.s.*", "sys*.*.*"),
        paths=("*:*", "relative/*"),
        workspaces=("1*", "2", "*9", ""),
        process_kinds=("*a*", "*e*", "*o*"),
    ),
    principal="miner@x.org",
    own_tables=OWN_TABLES,
)
CHECKPOINT = "s3://bucket/_checkpoints/1"
_KINDS = ("alert", "genie", "dashboard", "legacy_dashboard", "pipeline", "job", "notebook", "query")
_PATHS = (
    "s3a://Bucket//a/", "s3n://bucket/a", "s3://bucket/A", "S3A://bucket/b", "GS://bucket/b", "abfs://X@acc/b", "wasb://x@acc/c", " s3://bucket/d ",
    "/dbfs/mnt/d", "/mnt/d", "dbfs:/mnt/d", "/Volumes/v/a", "dbfs:/Volumes/v/a", "s3://bucket/e/_delta_log", "s3://bucket/e/day=1",
    "s3://bucket/e/part-00000.parquet", "s3://bucket/e/2026/11/10", "s3://bucket/e", "relative/a", "/",
)  # fmt: skip
_NAMES = (
    "a__dbt_tmp", f"__materialization_mat_{GUID}_a_1", f"__materialization_mat_{GUID.replace('-', '_')}_a_1",
    "__materialization_mat_p_a_1", "`A`", "a__b",
)  # fmt: skip


def gap(side, part, **given):
    """A row whose one end is named without its catalog or schema."""
    return lineage("c.s.a", "c.s.b", **given) | {f"{side}_table_{part}": None}


def _ends(make):
    """Rows of every sort of end, and of every pair of reasons to leave them out, for either lineage table."""
    wholes = ["c.s.a", "c.s.b", "other.s.a", "sysx.s.a", "c.tmp_1.a", "c.s.log_1", CHECKPOINT, "s3://bucket/a", None]
    narrow = ["c.q_1.a", "sys.q_1.a", "c.q2.old_1", "c.t.old_1", "far.s.a", "c.far.a", "c.t.far", "far/a"]
    pairs = [(narrow[place], other) for place in range(len(narrow)) for other in ("c.s.a", narrow[place - 3], None)]
    for one, other in pairs:
        yield make(one, other, job="2")
        yield make(other, one, job="2")
    pairs = [
        (one, other) for place, one in enumerate(wholes) for other in (wholes[0], wholes[7], wholes[place - 3], None)
    ]
    same = [
        ("c.s.a", "C.s.A"),
        ("c.s.a", "d.s.a"),
        ("c.s.a", "c.t.a"),
        ("s3://bucket/a", "s3a://bucket/a/"),
        ("s3://bucket/a", "s3://bucket/z"),
    ]
    for one, other in [*pairs, *same]:
        yield make(one, other, job="1")
    for side, other in (("source", "target"), ("target", "source")):
        for part in ("catalog", "schema"):
            yield make("c.s.a", "c.s.b", job="1") | {f"{side}_table_{part}": None}
            yield make("c.s.a", "c.s.b", job="1") | {f"{side}_table_{part}": ""} | _none(other)
        yield make("c.s.a", "c.s.b", job="1") | _none(side) | end(side, "s3://bucket/q") | {f"{side}_table_name": ""}
        yield make("c.s.a", "c.s.b", job="1") | {f"{side}_path": f"s3://bucket/of_{side}/day=1"}
    for direct in (True, False, None):
        yield make("c.s.a", "c.s.b", job=str(direct), direct_access=direct)
        yield make("c.s.a", "c.s.b", job="several", direct_access=direct)


def _none(side):
    return {f"{side}_table_{part}": None for part in ("full_name", "catalog", "schema", "name")} | {
        f"{side}_path": None
    }


def _processes(make):
    """Rows of every kind of process, with less telling ids and empty ones."""
    for place, kind in enumerate(_KINDS):
        yield make("c.s.a", "c.s.p", **{kind: "1"}, entity_type="JOB", entity_id="2")
        yield make("c.s.a", "c.s.p", **{kind: "1"}, **dict.fromkeys(_KINDS[place + 1 :], "3"))
        yield make("c.s.a", "c.s.p", **{kind: ""}, entity_type="JOB", entity_id=f"4{kind}")
        for source in ("c.s.a", "s3://bucket/a", "other.s.a", None):
            yield make(source, None, **{kind: "1"})
        yield make("c.s.a", None, **{kind: "1"}, direct_access=False)
    for entity_type in ("NEW_KIND", "DASHBOARD_V3", "dbsql_dashboard", "DBSQL_QUERY", "Model_Serving", "", None):
        for entity_id in ("5", "", None):
            yield make("c.s.a", "c.s.p", entity_type=entity_type, entity_id=entity_id)
    for name in (None, "9", "99", "x9"):
        yield make("c.s.a", "c.s.w", job="1", workspace_id=name)
        yield make(None, None, entity_type="NEW_KIND", entity_id="1", workspace_id=name)
        yield make("c.s.a", "c.s.w", job="1", metastore_id=name)
    for kind in ("FLY", "NEW_KIND"):
        for name in ("1001", "7", "9"):
            yield make("c.s.a", "c.s.w", entity_type=kind, entity_id="1", workspace_id=name)


def _spelled(make):
    """Rows of every spelling of names and paths."""
    for path in _PATHS:
        yield make(path, "c.s.x", job=f"reads {path}")
        yield make("c.s.x", path, job="writes")
    for name in _NAMES:
        yield make(None, "c.s.x", job=f"reads {name}") | end("source", f"c.s.{name}")
        yield make("c.s.x", None, job="writes") | end("target", f"`C`.S.{name}")


def _both(make):
    return [*_ends(make), *_processes(make), *_spelled(make)]


def _days(make):
    return [
        make("c.s.a", "c.s.day", job=str(day), day=day)
        for day in (BEFORE - timedelta(days=1), BEFORE, DAY, AFTER, AFTER + timedelta(days=1))
    ]


def _reads():
    """Rows that tell reads apart: units, readers, own reads, failures, times."""
    for statement_id, run_id, event_id in (
        ("s1", None, "e"), ("s1", None, "e"), (None, "s1", "e"), (None, "r1", "g"), (None, "r1", "f"), (None, None, "s1"), (None, None, "e"),
    ):  # fmt: skip
        ids = {"statement_id": statement_id, "entity_run_id": run_id, "event_id": event_id}
        yield lineage("c.s.u", "c.s.v", job="1", created_by="ann@x.org", **ids)
    for workspace_id in (None, "1001", "2"):
        yield lineage("c.s.u", None, job="2", created_by="ann@x.org", statement_id="s1", workspace_id=workspace_id)
    for direct in (True, False, None):
        yield lineage("c.s.self", "c.s.self", job=str(direct), direct_access=direct)
    yield lineage(None, None, metastore_id="m2")
    for statement_id in ("failed", "canceled", "early", "late", "edge", "other workspace", "none", "twice"):
        for day in (DAY, AFTER):
            yield lineage(
                "c.s.f",
                "c.s.g",
                job="1",
                created_by="ann@x.org",
                statement_id=statement_id,
                day=day,
                event_time=at(day, 13),
            )
            yield lineage(
                "c.s.f",
                "c.s.g",
                job="1",
                created_by="ann@x.org",
                statement_id=statement_id,
                day=day,
                direct_access=False,
            )
    for statement_id in ("who", "blank", "empty"):
        for given in ({"job": "1"}, {"dashboard": "D"}, {"legacy_dashboard": "L"}):
            yield lineage("c.s.r", None, created_by=" Ann@X.org ", statement_id=statement_id, **given)
    for created_by in ("Miner@X.org", "ann@x.org", "", None):
        for name in ("system.access.table_lineage", "c.s.a"):
            for target in (None, "c.s.mine", "s3://bucket/mine"):
                yield lineage(name, target, created_by=created_by, query="1")
    for source, target in (
        ("c.s.log_1", None),
        (None, "c.s.log_1"),
        (None, CHECKPOINT),
        ("s3://bucket/a", None),
        (None, "s3://bucket/a"),
    ):
        yield lineage(source, target, job="1")
    yield lineage("c.s.m", None, created_by="", notebook="1", statement_id="mixed", event_time=at(hour=9))
    yield lineage("c.s.m", None, created_by="zoe@x.org", alert="1", statement_id="mixed", event_time=at(hour=8))
    yield lineage(
        "C.s.M",
        "c.s.m",
        created_by="zoe@x.org",
        alert="1",
        statement_id="mixed",
        event_time=at(hour=10),
        source_type=None,
    )
    yield lineage("c.s.M", "c.s.n", created_by="zoe@x.org", alert="1", event_time=at(hour=7), source_type="VIEW")


def _origins():
    """Rows of statements whose results were read again from the cache."""
    shapes = (
        {}, {"direct_access": False}, {"direct_access": None}, {"workspace_id": "9"}, {"workspace_id": "7"}, {"entity_type": "FLY", "entity_id": "1", "job": None}, {"entity_type": "NEW_KIND", "entity_id": "1", "job": None}, {"notebook": "1"}, {"workspace_id": None},
        {"metastore_id": None},
    )  # fmt: skip
    for place, shape in enumerate(shapes):
        yield lineage(f"c.s.o{place}", None, statement_id="origin", **({"job": "1"} | shape))
    yield lineage("c.s.two", None, statement_id="origin", job="1")
    yield lineage("c.s.two", None, statement_id="origin", notebook="1")
    for source in (
        "other.s.a",
        "s3a://bucket/o",
        None,
        "system.access.table_lineage",
        "C.S.`O9`",
        "far.s.a",
        "c.far.a",
        "c.t.far",
        "far/a",
        "c.q_1.a",
    ):
        yield lineage(source, None, statement_id="origin", job="1")
    yield gap("source", "schema", statement_id="origin", job="1")
    yield (
        lineage(None, None, statement_id="origin", job="1")
        | end("source", "s3://bucket/oo")
        | {"source_table_name": ""}
    )
    yield lineage("c.s.o9", None, statement_id="origin", job="1") | {"source_path": "s3://bucket/ooo"}
    yield lineage("c.s.nobody", None, statement_id=None, job="1")
    for day in (BEFORE - timedelta(days=1), BEFORE, DAY, AFTER, AFTER + timedelta(days=1)):
        yield lineage("c.s.d", None, statement_id=f"of {day}", job="1", day=day)
        yield lineage("c.s.d", None, statement_id="of every day", job="1", day=day)


def _statements():
    yield statement("failed", execution_status="FAILED", executed_by="bob@x.org")
    yield statement("canceled", execution_status="CANCELED")
    yield statement("early", execution_status="FAILED", start_time=at(BEFORE, 0))
    yield statement("late", execution_status="FAILED", start_time=at(AFTER + timedelta(days=1), 23, 59))
    yield statement("edge", execution_status="FAILED", start_time=at(AFTER + timedelta(days=2), 0))
    yield statement("other workspace", execution_status="FAILED", workspace_id="2")
    yield statement("twice", execution_status="FAILED", executed_by="carl@x.org")
    yield statement("twice", execution_status="FINISHED", executed_by="")
    yield statement("who", executed_by=" Who@X.org ")
    yield statement("blank", executed_by=None)
    yield statement("empty", executed_by="")
    yield statement(None, execution_status="FAILED", executed_by="nobody@x.org")
    yield statement("s1", workspace_id=None, execution_status="FAILED")


def _replaced():
    """What statements wrote that may have replaced a table, by their names in `_replacing`, and what was there before."""

    def one(target, source="c.r.new", statement_id="r1", hour=12, **told):
        told = {"day": FIRST, "query": "rebuild", "statement_id": statement_id} | told
        return lineage(source, target, event_time=at(told["day"], hour), **told)

    def before(target, hour=1, source="c.r.old", **told):
        return one(target, source, None, hour, **({"query": "before"} | told))

    for number, statement_id in enumerate(("r1", "r failed", "r insert", "r null", "r upper", "r untold", "r other")):
        yield one(f"c.r.t{number}", statement_id=statement_id)
        yield before(f"c.r.t{number}")
    yield one("C.R.`T20`")
    yield before("c.r.T20")
    yield before("c.r.t20", source="c.r.same_hour", hour=12)
    yield before("C.r.t20", source="c.r.other_catalog")
    yield before("`c`.r.t20", source="c.r.quoted_catalog")
    yield before("c.R.t20", source="c.r.other_schema")
    yield before("c.`r`.t20", source="c.r.quoted_schema")
    yield before("c.r.`t20`", source="c.r.quoted_table")
    yield before("c.r.t20", source="c.r.seen_twice", hour=1)
    yield before("c.r.t20", source="c.r.seen_twice", hour=13)
    yield before("c.r.t20", source=None)
    yield before("c.r.t20", source="abfss://c@a/old")
    yield before("c.r.t20", source="c.r.of_dbt__dbt_tmp")
    yield before("c.r.t20", source="c.r.named", query="named") | {"source_path": "abfss://c@a/named"}
    yield before("c.r.t20", query=None)
    yield before("c.r.t20", query=None, job="7")
    for statement_id, hour in (("r1", 3), ("r2", 5), ("r2", 9)):
        yield one("c.r.twice", f"c.r.at_{hour}", statement_id, hour)
    yield one("c.r.mine__dbt_tmp")
    yield one("abfss://c@a/replaced")
    yield one(None, statement_id="r1")
    yield one("c.r.halfway") | {"target_table_schema": None}
    yield one("c.r.", statement_id="r1") | {"target_table_name": ""}
    yield one("c.r.metastore", metastore_id=None)
    yield before("c.r.metastore", metastore_id=None)
    yield before("c.r.metastore", source="c.r.elsewhere")
    yield before("c.x.t0", source="c.r.of_schema")
    yield before("x.r.t0", source="c.r.of_catalog")
    yield one("c.r.workspace", statement_id="r none", workspace_id=None)
    yield before("c.r.workspace", workspace_id=None)
    for number, day in enumerate((BEFORE, FIRST, LAST, LAST + timedelta(days=1))):
        yield one(f"c.r.day{number}", day=day)
        yield before(f"c.r.day{number}", day=day)
        yield before(f"c.r.day{number}", day=FIRST, source=f"c.r.on_another{number}")
    for number in range(4):
        yield one(f"c.r.started{number}", statement_id=f"r{number} started")


def _written():
    """What statements wrote whose texts may be told, by their names in `_texts`."""

    def one(target, statement_id="w1", hour=12, source="c.s.w_source", **told):
        told = {"day": FIRST, "job": "70", "statement_id": statement_id} | told
        return lineage(source, target, event_time=at(told["day"], hour), **told)

    for statement_id in ("w1", "w failed", "w untold", "w empty", "w blank", "w masked", "w hidden", "w none"):
        yield one(f"c.s.w_by_{statement_id.replace(' ', '_')}", statement_id)
    yield one("c.s.w_by_pipeline", job=None, pipeline="p")
    yield one("c.s.w_by_notebook", job=None, notebook="5")
    yield one("c.s.w_by_query", job=None, query="written")
    yield one("c.s.w_by_hand", job=None)
    yield one("abfss://c@a/written")
    yield one("c.s.w_metastore", metastore_id=None)
    yield one("c.s.w_workspace", "w none", workspace_id=None)
    yield one("c.s.w_itself", source="c.s.w_itself") | {"source_path": "abfss://c@a/itself"}
    yield one("c.s.w_without", None)
    yield one("c.s.w_often", "w1", hour=9)
    yield one("c.s.w_often", "w2", hour=13)
    yield one("c.s.w_often", "w3", hour=13)
    for number, day in enumerate((BEFORE, FIRST, LAST, LAST + timedelta(days=1))):
        yield one(f"c.s.w_day{number}", "w around", day=day)
    for number in range(5):
        yield one(f"c.s.w_first{number}", f"w{number} started")
        yield one(f"c.s.w_last{number}", f"w{number} started", day=LAST)


def _texts():
    def one(name, said="INSERT INTO t SELECT a, b FROM c.s.w_source", **told):
        return statement(name, **{"statement_text": said, "start_time": at(FIRST, 12)} | told)

    yield one("w1")
    yield one("w1", "ZZZ", workspace_id="9")
    yield one("w2", "MERGE INTO a")
    yield one("w3", "MERGE INTO b")
    yield one("w failed", execution_status="FAILED")
    yield one("w untold", execution_status=None)
    yield one("w empty", "")
    yield one("w blank", " ")
    yield one("w masked", "<REDACTED>")
    yield one("w hidden", "__REDACTED__")
    yield one("w none", workspace_id=None)
    for start in (FIRST, LAST):
        yield one("w around", start_time=at(start, 0))
    # A statement counts for days next to the one that it began on.
    starts = (BEFORE, FIRST, LAST, LAST + timedelta(days=1), LAST + timedelta(days=2))
    for number, start in enumerate(starts):
        yield one(f"w{number} started", start_time=at(start, 0))


def _replacing():
    def one(name, **told):
        return statement(name, **{"statement_type": "REPLACE", "start_time": at(FIRST, 12)} | told)

    yield one("r1")
    yield one("r1")
    yield one("r2")
    yield one("r failed", execution_status="FAILED")
    yield one("r insert", statement_type="INSERT")
    yield one("r null", statement_type=None)
    yield one("r untold", execution_status=None)
    yield one("r other", workspace_id="9")
    yield one("r none", workspace_id=None)
    yield one(None)
    # A statement counts when it began within a day of the days asked for.
    later = LAST + timedelta(days=1)
    starts = (
        at(BEFORE, 0), at(BEFORE - timedelta(days=1), 23, 59, 59), at(later, 23, 59, 59), at(later + timedelta(days=1), 0)
    )  # fmt: skip
    for number, start in enumerate(starts):
        yield one(f"r{number} started", start_time=start)


def _matching():
    """Statements that meet lineage, or just fail to: of each day around the run, and of no workspace."""
    for apart in range(-3, 5):
        day = DAY + timedelta(days=apart)
        yield statement(f"of {DAY}", start_time=at(day, 0))
        yield statement("of every day", start_time=at(day, 23, 59, 59), workspace_id=None if apart % 2 else "1001")
        yield statement(f"alone {apart}", start_time=at(day, 0))
        yield statement(None, start_time=at(day, 0))
    yield statement("of every day", workspace_id="2")
    yield statement(f"of {BEFORE}", start_time=at(FIRST, 0))
    yield statement(f"of {AFTER + timedelta(days=1)}", start_time=at(LAST, 0))


def _hits():
    yield hit("h1", "origin", executed_by=" Ann@X.org ")
    yield hit("h1", "origin", executed_by="")
    yield hit("h9", "origin", executed_by="")
    yield hit("h2", "origin", executed_by="Miner@X.org")
    yield hit("h3", "origin", execution_status="FAILED")
    yield hit("h4", "origin") | {"from_result_cache": False}
    yield hit("h5", "origin") | {"from_result_cache": None}
    yield hit("origin", "origin")
    yield hit("h6", "origin", workspace_id=None)
    yield hit("h7", "origin", workspace_id="9")
    yield hit("h10", "origin", workspace_id="7")
    yield hit("h8", None)
    yield hit(None, "origin")
    for number, start in enumerate(
        (at(BEFORE, 23, 59), at(FIRST, 0), at(LAST, 23, 59), at(LAST + timedelta(days=1), 0))
    ):
        for day in (BEFORE - timedelta(days=1), BEFORE, DAY, AFTER, AFTER + timedelta(days=1)):
            yield hit(f"b{number} {day}", f"of {day}", start_time=start, executed_by="carl@x.org")
        yield hit(f"c{number}", "of every day", start_time=start, executed_by="dora@x.org")


SAID = (
    "SELECT a FROM `c`.s.q WHERE b = 'it''s' AND d IN (1, 2) -- why",
    "select  A from c.`s`.q where B='x' and d in(3) ;",
    "SELECT a FROM c.s.q WHERE b = 'x\\'y' AND d IN (-1.5e+3, /* 'no */ 0x1F)",
    'SELECT a FROM c.s.q2024 WHERE b = "x -- y" AND d = ?',
    "SELECT a FROM c.s.`q 1` WHERE b = 2 AND d = ?",
    "SELECT a , b . c FROM 2024_q",
    "INSERT INTO c.s.q VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO c.s.q VALUES (1, 'a')",
    "INSERT INTO c.s.q VALUES (1, now())",
    "SELECT ΣΑΣ FROM İ WHERE größe1 = 1",
    "select f ( g ( 1 ) , 2 )",
    "SELECT '--' || x, '/*' FROM t",
    " SELECT 1",
    "SELECT 'a' 'b' FROM t",
    "SELECT 'a' FROM t",
    "-- nothing at all",
    "",
    "<REDACTED>",
    None,
)
"""Texts of which some say the same."""
_MEASURED = ("total_duration_ms", "total_task_duration_ms", "read_bytes", "read_rows", "produced_rows")
_RAN_BY = ("alert_id", "genie_space_id", "dashboard_id", "legacy_dashboard_id", "notebook_id", "sql_query_id")


def said(statement_id, text, took=1, **given):
    """A statement of some client that took so long, and did ten times as much of everything else."""
    measured = {name: took * 10**place for place, name in enumerate(_MEASURED)}
    usual = {"statement_text": text, "statement_type": "SELECT", "executed_by": "ann@x.org", **measured}
    return statement(statement_id, **usual | given)


def ran_by(**ids):
    """A source of a query."""
    return {name: ids.get(name) for name in _RAN_BY} | {
        "job_info": {"job_id": ids.get("job_id")},
        "pipeline_info": {"pipeline_id": ids.get("pipeline_id")},
    }


def _asked():
    """Statements of every sort, and figures that tell sums, maxima and ranks apart."""
    for place, text in enumerate(SAID):
        yield said(f"said {place}", text, 100 + place)
    yield from _outcomes()
    yield from _sources()
    for kind in ("select", "", None, "INSERT"):
        yield said(f"type {kind}", "SELECT t FROM t", statement_type=kind)
    for tags in (None, [], [("application", "uc-lineage-miner")], [("application", "x")], [("x", "uc-lineage-miner")]):
        for who in ("Miner@X.org", "ann@x.org", None):
            yield said(f"{tags} {who}", "SELECT o FROM t", query_tags=tags, executed_by=who)
    yield said("anonymous", "SELECT o FROM t", query_tags=[("application", "uc-lineage-miner")], executed_by="")
    for name in (None, "9", "7", "2"):
        yield said("elsewhere", "SELECT e FROM t", workspace_id=name)
    yield said(None, "SELECT n FROM t")
    yield said(None, "SELECT n FROM t", workspace_id="9")
    for client, warehouse in (("dbt", "w1"), ("dbt", "w2"), ("", ""), (None, None), ("PowerBI", "w1")):
        yield said(
            f"{client} {warehouse}", "SELECT w FROM t", client_application=client, compute={"warehouse_id": warehouse}
        )
    yield said("without compute", "SELECT w FROM t")
    yield said("twice said", "SELECT u FROM t", 1, executed_by="bob@x.org", client_application="a")
    yield said(
        "twice said", "SELECT v FROM t", 2, executed_by="ann@x.org", client_application="b", execution_status="FAILED"
    )
    yield said("nothing measured", "SELECT m FROM t", **dict.fromkeys(_MEASURED))
    yield said("nothing measured again", "SELECT m FROM t", 3)
    for number, start in enumerate(
        (at(BEFORE, 23, 59), at(FIRST, 0), at(LAST, 23, 59), at(LAST + timedelta(days=1), 0))
    ):
        for day in (BEFORE - timedelta(days=1), BEFORE, DAY, AFTER, AFTER + timedelta(days=1)):
            yield said(f"of {day} {number}", "SELECT d FROM t", start_time=start)
            yield said(
                f"hit of {day} {number}",
                "SELECT d FROM t",
                start_time=start,
                from_result_cache=True,
                cache_origin_statement_id=f"of {day}",
            )
    for origin in ("origin", None, "hit alone"):
        yield said(
            "hit alone",
            "SELECT h FROM t",
            from_result_cache=True,
            cache_origin_statement_id=origin,
            start_time=at(AFTER, 3),
        )
    yield said("missed", "SELECT h FROM t", from_result_cache=False, cache_origin_statement_id="origin")
    yield said(
        "failed hit",
        "SELECT h FROM t",
        from_result_cache=True,
        cache_origin_statement_id="origin",
        execution_status="FAILED",
    )
    yield said(
        "hit elsewhere", "SELECT h FROM t", from_result_cache=True, cache_origin_statement_id="origin", workspace_id="2"
    )
    yield from _leading()


def _sources():
    """Statements of every kind of process, with less telling ids and empty ones."""
    for name in (*_RAN_BY, "job_id", "pipeline_id"):
        yield said(f"by {name}", "SELECT r FROM t", query_source=ran_by(**{name: "I"}), executed_by=None)
        yield said(
            f"by less {name}",
            "SELECT r FROM t",
            query_source=ran_by(**dict.fromkeys(_RAN_BY, ""), job_id="") | ran_by(**{name: "J"}),
        )
        yield said(
            f"by {name} for ann", "SELECT r FROM t", query_source=ran_by(**{name: "K"}), executed_by=" Ann@X.org"
        )
    yield said(
        "both boards", "SELECT r FROM t", query_source=ran_by(dashboard_id="D", legacy_dashboard_id="L"), executed_by=""
    )
    yield said(
        "legacy board", "SELECT r FROM t", query_source=ran_by(dashboard_id="", legacy_dashboard_id="L"), executed_by=""
    )
    yield said(
        "alerted board", "SELECT r FROM t", query_source=ran_by(alert_id="A", dashboard_id="D"), executed_by=None
    )
    for day in (DAY, AFTER):
        yield said("two days", "SELECT y FROM t", start_time=at(day, 4))


def _outcomes():
    """Statements however they ended."""
    for status in ("FAILED", "CANCELED", "FINISHED", None):
        for cached in (True, False, None):
            yield said(f"{status} {cached}", "SELECT s FROM t", 7, execution_status=status, from_result_cache=cached)


def _leading():
    """Statements on one dataset, of which each leads one ranking for one reason."""
    lead = {"start_time": at(AFTER, 5)}
    for number in range(3):
        yield said(f"lead often {number}", "SELECT often", 1, **lead)
    yield said("lead often 3", "SELECT often", 1, **lead, from_result_cache=True)
    for number in range(3):
        yield said(f"lead less {number}", "SELECT less", 1, **lead)
    yield said("lead slow 0", "SELECT slow", 50, **lead, total_task_duration_ms=1, read_bytes=1)
    yield said("lead slow 1", "SELECT slow", 60, **lead, total_task_duration_ms=1, read_bytes=1)
    for number in range(2):
        yield said(f"lead long {number}", "SELECT long", 1, **lead, total_task_duration_ms=1, read_bytes=1) | {
            "total_duration_ms": 90 * number
        }
    yield said("lead work", "SELECT work", 1, **lead) | {"total_task_duration_ms": 900, "read_bytes": 5}
    yield said("lead volume", "SELECT volume", 1, **lead) | {"total_task_duration_ms": 900, "read_bytes": 6}
    for number, status in enumerate(("FAILED", "CANCELED")):
        yield said(f"lead failing {number}", "SELECT failing", 1, **lead, execution_status=status)
    yield said("lead failing less", "SELECT failing_less", 5000, **lead, execution_status="FAILED")


def _asked_for():
    """Rows of lineage by which statements are known to have read something."""
    for row in _asked():
        name = row["statement_id"]
        if name and name.startswith("lead"):
            yield lineage("c.s.led", None, statement_id=name, job="1", day=AFTER)
    shapes = (
        {}, {"direct_access": False}, {"direct_access": None}, {"workspace_id": "2"}, {"metastore_id": "m2"},
        {"metastore_id": None}, {"day": BEFORE}, {"day": AFTER}, {"day": BEFORE - timedelta(days=1)},
        {"day": AFTER + timedelta(days=1)},
    )  # fmt: skip
    for place, shape in enumerate(shapes):
        yield lineage(f"c.s.q{place}", None, statement_id="said 0", job="1", **shape)
    for source, target in (
        ("c.s.q", "c.s.b"), ("c.s.q", None), ("c.s.q", "C.s.`Q`"), ("`C`.S.q__dbt_tmp", None), (None, "c.s.b"),
        ("other.s.q", "c.s.b"), ("other.s.q", None), ("s3a://bucket//q/day=1", None), ("system.access.table_lineage", None),
        ("c.s.r", "system.access.table_lineage"),
    ):  # fmt: skip
        yield lineage(source, target, statement_id="said 1", job="1", created_by="Miner@x.org")
    yield lineage("c.s.itself", "c.s.itself", statement_id="said 1", job="1", target_path="s3://bucket/itself")
    yield lineage("system.access.table_lineage", None, statement_id="said 2", job="1", created_by="")
    for day in (BEFORE, DAY, AFTER, AFTER + timedelta(days=1)):
        yield lineage(f"c.s.y{day.day}", None, statement_id="two days", job="1", day=day)
    yield lineage("c.s.kind", None, statement_id="said 1", entity_type="NEW_KIND", entity_id="1")
    yield lineage("c.s.named", None, statement_id="said 1", job="1") | {"source_path": "s3://bucket/named"}
    yield (
        lineage(None, None, statement_id="said 1", job="1")
        | end("source", "s3://bucket/q2")
        | {"source_table_name": ""}
    )
    yield lineage("c.s.q9", None, statement_id="said 1", job="1", target_path="s3://bucket/q9") | {
        "target_table_name": ""
    }
    yield (
        lineage("s3://bucket/q3", None, statement_id="said 1", job="1")
        | end("target", "s3a://bucket/q3/")
        | {"target_table_name": ""}
    )
    yield gap("source", "schema", statement_id="said 1", job="1")
    yield lineage("c.s.elsewhere", None, statement_id="elsewhere", job="1", workspace_id=None)
    yield lineage("c.s.nobody", None, statement_id=None, job="2")


def _pairs():
    """Column rows that tell pairs apart."""
    for one, other in (("z", "y"), ("x", "y"), ("x", ""), ("", "y"), (None, "y"), ("x", None), (None, None)):
        yield columns("c.s.a", "c.s.b", one, other, job="pairs")
        yield columns("c.s.a", "c.s.b", one, other, job="pairs", day=AFTER)
        yield columns("c.s.a", None, one, other, job="pairs")


def _column(source, target, **given):
    return columns(source, target, "x", "y", **given)


def _run_rows():
    """Rows that tell runs apart: of jobs, pipelines and what runs by itself, of failed statements and of other spaces."""
    for number in range(2):
        for workspace_id in ("1001", "2"):
            for place, ids in enumerate((
                {"job": "1", "job_run": "jr", "entity_run_id": f"command {number}"},
                {"pipeline": "1", "update": "up", "entity_run_id": f"flow {number}"},
                {"query": "1", "job_run": "jr", "update": "up", "entity_run_id": "q"},
                {"job": "2", "entity_run_id": "own"},
            )):  # fmt: skip
                unit = {"workspace_id": workspace_id, "statement_id": f"of run {number} {place}"}
                yield lineage("c.s.run", None, **unit, **ids)
        yield lineage("c.s.ran", None, job="1", job_run=f"run {number}", statement_id="failed" if number else None)
        yield lineage("c.s.ran", None, job="1", job_run=f"again {number}", direct_access=bool(number))
        yield lineage("c.s.apart", None, job="1", job_run="same", event_id=f"apart {number}")
        yield lineage(
            "c.s.alone",
            None,
            notebook="1",
            update=f"no update {number}",
            entity_run_id="same",
            statement_id=f"alone {number}",
        )


AUDIT = [
    *(
        audited(action, day=day, table_full_name=f"c.s.{action[8:]}", operation="READ", metastore_id=METASTORE)
        for action in ("generateTemporaryTableCredential", "generateTemporaryTableCredentials", "getTable")
        for day in (BEFORE, FIRST, LAST, LAST + timedelta(days=1))
    ),
    audited("generateTemporaryTableCredential", table_full_name="C.`S`.Twice", full_name_arg="c.s.other"),
    audited("generateTemporaryTableCredential", full_name_arg="c.s.argument", status=None),
    audited("generateTemporaryTableCredential", table_full_name="c.s.refused", status=403),
    audited("generateTemporaryTableCredential", table_full_name="c.s.written", operation="READ_WRITE"),
    audited("generateTemporaryTableCredential", table_full_name="short", url="s3://bucket/short"),
    audited("generateTemporaryTableCredential", table_full_name="short"),
    audited("generateTemporaryTableCredential", table_full_name="c.s.named", url="s3://bucket/named"),
    audited("generateTemporaryPathCredential", url="s3a://Bucket//files/", operation="PATH_READ"),
    audited("generateTemporaryPathCredential", url="s3://bucket/written", operation="PATH_READ_WRITE"),
    audited("deltaSharingQueriedTable", share="Partners", schema="Out", name="T"),
    audited("deltaSharingQueriedTable", share_name="partners", schema="out", name="t", table_full_name="c.s.full"),
    audited("deltaSharingQueriedTableChanges", share_name="partners", schema="out", name="t", url="s3://bucket/t"),
    audited("deltaSharingQueriedTable", share="partners", share_name="others", schema="out", name="t"),
    audited("deltaSharingQueriedTable", share="others", schema="out", name="t"),
    audited("deltaSharingQueriedTable", share="partners", schema="in", name="t"),
    audited("deltaSharingQueriedTable", share="partners", schema="out", name="u"),
]
SHARES = [
    shared("C.s.inner", "partners", shared_as_schema="out", shared_as_table="t"),
    shared("c.s.inner", "friends", shared_as_schema=None, shared_as_table=None),
    shared("c.s.second", "friends"),
]


def _column_reads():
    """Column rows that tell reads, readers and failures apart."""
    for statement_id, run_id, event_id in (
        ("s1", None, "e"), ("s1", None, "e"), (None, "s1", "e"), (None, "r1", "g"), (None, "r1", "f"), (None, None, "s1"), (None, None, "e"),
        ("s2", "s1", "g"), ("s3", "s1", "g"), ("s4", "r1", "s1"),
    ):  # fmt: skip
        ids = {"statement_id": statement_id, "entity_run_id": run_id, "event_id": event_id}
        yield _column("c.s.u", "c.s.v", job="1", created_by="ann@x.org", **ids)
    for workspace_id in (None, "1001", "2"):
        yield _column("c.s.u", "c.s.v", job="2", created_by="", statement_id="s1", workspace_id=workspace_id)
        yield _column("c.s.u", "c.s.v", job="2", created_by="ann@x.org", statement_id="s1", workspace_id=workspace_id)
    for statement_id in ("failed", "canceled", "early", "late", "edge", "other workspace", "none", "twice"):
        for day in (DAY, AFTER):
            for column in ("x", "X", "z"):
                for source in ("c.s.f", "s3://bucket/f", "d.s.f", "c.t.f"):
                    ids = {
                        "statement_id": statement_id,
                        "created_by": "ann@x.org",
                        "day": day,
                        "event_time": at(day, 13),
                    }
                    yield columns(source, "c.s.g", column, "y", job="1", **ids)
        yield _column(
            "c.s.f", "c.s.g", notebook="1", statement_id=statement_id, created_by="eve@x.org", metastore_id="m2"
        )
        yield _column("c.s.f", "c.s.f", job="1", statement_id=statement_id)
    for statement_id in ("who", "blank", "empty"):
        for given in ({"job": "1"}, {"dashboard": "D"}, {"legacy_dashboard": "L"}):
            yield _column("c.s.r", "c.s.g", created_by=" Ann@X.org ", statement_id=statement_id, **given)
    for created_by in ("Miner@X.org", "ann@x.org", "", None):
        for name in ("system.access.table_lineage", "c.s.a"):
            for target in (None, "c.s.mine", "s3://bucket/mine"):
                yield _column(name, target, created_by=created_by, query="1")
    yield columns(
        "c.s.m", "c.s.n", "Col", "y", created_by="", notebook="1", statement_id="mixed", event_time=at(hour=9)
    )
    yield columns(
        "c.s.m", "c.s.n", "cOL", "y", created_by="zoe@x.org", alert="1", statement_id="mixed", event_time=at(hour=8)
    )
    yield columns("c.s.m", "c.s.n", "COL", "y", created_by="zoe@x.org", alert="1", event_time=at(hour=7))
    for target in ("s3://bucket/e/day=1", "s3://bucket/e"):
        yield _column("s3://bucket/e", target, job="self")
    yield _column("c.s.a", "c.s.a", job="self") | {"target_path": "s3://bucket/a"}


TABLE_ROWS = [
    *_both(lineage),
    *_days(lineage),
    *_reads(),
    *_origins(),
    *_asked_for(),
    *_run_rows(),
    *_replaced(),
    *_written(),
]
COLUMN_ROWS = [*_both(_column), *_days(_column), *_pairs(), *_column_reads()]
HISTORY = [*_statements(), *_replacing(), *_texts(), *_hits(), *_asked(), *_matching()]
RUNS = [
    run("1", "SUBMIT_RUN", "b", period_start_time=at(hour=1)),
    run("1", "SUBMIT_RUN", "a", period_start_time=at(hour=2)),
    run("1", "SUBMIT_RUN", "", period_start_time=at(hour=3)),
    run("1", "SUBMIT_RUN", "z", workspace_id=None),
    run("2", "WORKFLOW_RUN", None),
    run("3", "JOB_RUN", "a"),
    run("4", None, "a"),
    run(None, "SUBMIT_RUN", "a"),
    run("5", "SUBMIT_RUN", "a", period_start_time=at(FIRST, 0)),
    run("6", "SUBMIT_RUN", "a", period_start_time=at(BEFORE, 23, 59, 59)),
    run("7", "SUBMIT_RUN", "a", period_start_time=at(LAST, 23, 59, 59)),
    run("8", "SUBMIT_RUN", "a", period_start_time=at(LAST + timedelta(days=1), 0)),
]
TABLES = {
    "table_lineage": TABLE_ROWS,
    "column_lineage": COLUMN_ROWS,
    "query_history": HISTORY,
    "job_run_timeline": RUNS,
    "audit": AUDIT,
    "table_share_usage": SHARES,
}
METASTORES = (METASTORE, "")
TAG = ("application", "uc-lineage-miner")
