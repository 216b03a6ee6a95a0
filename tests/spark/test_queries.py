"""Every shipped query on Spark, by the system tables' own names: the rows and types that the embedded warehouse gives.

What DuckDB says of the same rows is compared with the oracle in `tests/queries`.
"""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.errors import (
    AnalysisException,
    ArithmeticException,
    ArrayIndexOutOfBoundsException,
    NumberFormatException,
)

from miner import schemas
from miner.scope import DEFAULT
from queries import statements
from queries.documented import DOCUMENTED
from queries.documented import INFORMATION_SCHEMA_SCHEMATA as SCHEMAS
from queries.names import told_by
from queries.preflight.looks import HISTORY_MIX, MIX, SCHEMATA
from queries.sample import MINER, write_estate
from queries.system_tables import ALWAYS_THERE, DEFAULT_TABLES, KNOWN_TABLES, REQUIRED
from queries.views import views
from tests.oracle import Scope
from tests.queries import crafted, crafted_cost
from tests.queries.given import OWN_TABLES
from tests.queries.test_drift import FLAT, METADATA, OLD, _trimmed
from tests.queries.test_drift import ROWS as DRIFTING
from tests.rows import COLUMN_LINEAGE, DAY, TABLES, audited, columns, hit, lineage, run, shared, statement, write_table
from tests.rows import write_estate as write_rows
from tests.spark.answers import COSTS, LISTED, LOOKS, questions
from tests.spark.engine import ROOT
from tests.test_house import PACKAGES

LAST = date(2026, 11, 20)
WANTED = hashlib.md5(b"1:x1:y", usedforsecurity=False).hexdigest()
NAMES = (
    "ΟΔΟΣ",
    "οδος",
    "İstanbul",
    "i̇stanbul",
    "Straße",
    "STRASSE",
    "STRAẞE",
    "Ångström",
    "Ångström",
    "A\u030angström",
)
NAMES += ("ΜΑΪΟΣ_ΣΑΣ", "É", "e\u0301", "Ǆ", "ﬁ", "ſ", "日本", "🙂", "a\u00a0")

FOLDED = {"οδοσ", "οδος", "i̇stanbul", "straße", "strasse", "ångström", "a\u030angström", "μαϊοσ_σασ"}


ELSEWHERE = {
    "rules": "no query: the reader puts its functions into the queries; test_rules.py has them run on Spark as they stand",
    "metastore": "current_metastore() is a function of Databricks alone",
}
"""Files that Spark does not run here, and why."""


@pytest.fixture(scope="module")
def crafted_estate(both, tmp_path_factory):
    """The estate with every quirk the queries have a predicate or a rule for, two days mined together."""
    root = write_rows(tmp_path_factory.mktemp("crafted"), **crafted.TABLES)
    names = (("SYSTEM", "Access"), ("system", "access"), ("system", "query"), ("main", "sales"))
    rows = [dict.fromkeys(SCHEMAS.names) | {"catalog_name": one, "schema_name": other} for one, other in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DOCUMENTED, SCHEMATA, SCHEMAS)
        write_table(root, SCHEMATA, rows)
    made = both(root, crafted.SCOPE, days=(crafted.FIRST, crafted.LAST), wanted=[WANTED])
    # It has no bills: those are an estate of their own.
    return replace(made, questions={name: ask for name, ask in made.questions.items() if name not in COSTS})


@pytest.fixture(scope="module")
def crafted_costs(both, tmp_path_factory):
    """The estate with every quirk the queries of cost have a predicate or a rule for."""
    root = write_rows(tmp_path_factory.mktemp("costs"), **crafted_cost.TABLES)
    return both(root, crafted_cost.SCOPE, days=(crafted_cost.FIRST, crafted_cost.LAST))


@pytest.fixture(scope="module")
def sample_estate(both, tmp_path_factory):
    """A few hundred tables of a believable estate, three of its five days mined together."""
    root = tmp_path_factory.mktemp("sample")
    write_estate(root, tables=300, days=5, events_per_day=600, seed=7, last_day=LAST)
    scope = Scope(
        DEFAULT.catalogs, DEFAULT.schemas, DEFAULT.tables, DEFAULT.paths, principal=MINER, own_tables=OWN_TABLES
    )
    return both(root, scope, days=(LAST - timedelta(days=3), LAST - timedelta(days=1)))


def test_the_session_is_strict(spark):
    """Spark counts overflows and bad casts as errors, as a SQL warehouse does unless told otherwise."""
    for text in ("cast('x' AS INT)", "1 / 0", "2147483647 + 1", "element_at(array(1), 2)"):
        with pytest.raises((ArithmeticException, NumberFormatException, ArrayIndexOutOfBoundsException)):
            spark.sql(f"SELECT {text}").toArrow()


@pytest.mark.parametrize("question", COSTS)
def test_the_crafted_costs(crafted_costs, question):
    """Money is divided alike on both engines, to the last billionth."""
    crafted_costs.agree(question)


@pytest.mark.parametrize("question", [name for name in questions(DAY, DAY) if name not in {*told_by(), *COSTS, LISTED}])
def test_the_crafted_estate(crafted_estate, question):
    """On rows made by hand Spark says what DuckDB says, which others compare with the oracle."""
    crafted_estate.agree(question)


@pytest.mark.parametrize("question", [name for name in questions(DAY, DAY) if name != "dbt_models"])
def test_the_sample_estate(sample_estate, question):
    """On the rows of a whole estate too, in which nothing is built by dbt."""
    sample_estate.agree(question)


def test_every_file_is_run(crafted_estate, sample_estate):
    """The questions run every shipped file but those named, as Databricks gets it: tables and values bound by name."""
    ran = crafted_estate.asked | sample_estate.asked
    shipped = {file.stem for package in PACKAGES for file in Path(package).rglob("*.sql")}
    texts = {name: _texts(name) for name in shipped - ELSEWHERE.keys()}
    assert [name for name in sorted(texts) if not texts[name] & ran] == []
    assert crafted_estate.asked <= set().union(*texts.values())
    assert shipped >= ELSEWHERE.keys()


def _texts(name):
    """A query as it is written, and with the count of its rows, the rules in their places and comments gone."""
    trees = statements.parsed(name), statements.counted(statements.parsed(name))
    return {tree.sql(statements.DIALECT, comments=False) for tree in trees}


def test_what_is_left_out(spark):
    """What is not run is what Spark cannot answer: it says so itself."""
    with pytest.raises(AnalysisException, match=r"UNRESOLVED_ROUTINE.*current_metastore"):
        spark.sql(statements.text("metastore"))


def test_looks_see_something(crafted_estate):
    """The looks of a preflight are compared on rows they count, not on nothing."""
    told = {question: crafted_estate.answers(question)[1].told[0] for question in LOOKS if question != "most read"}
    assert told["mix"].rows > told["mix"].by_path > 0
    assert told["history"].rows > told["history"].own > 0
    assert all(shown.days and shown.workspaces for shown in told["shown"])
    assert told["visible schemas"] == ["access", "query"]
    assert told["first direct access"] == crafted.FIRST
    assert told["clock"]
    assert told["principal"]


DECLARED = {
    "edges": schemas.EDGES,
    "column sets": schemas.COLUMN_SETS,
    "usage": schemas.USAGE,
    "column usage": schemas.COLUMN_USAGE,
    "query runs": schemas.QUERY_RUNS,
    "one-time runs": schemas.ONE_TIME_RUNS,
    "totals": schemas.TOTALS,
    "most read": schemas.MOST_READ,
    "mix": MIX,
    "history": HISTORY_MIX,
}


@pytest.mark.parametrize("question", DECLARED)
def test_declared_types(crafted_estate, question):
    """Spark gives the declared types of itself: the reader's cast changes nothing."""
    declared = dict(zip(DECLARED[question].names, DECLARED[question].types, strict=True))
    for types in crafted_estate.answers(question)[1].types:
        assert {name: kind for name, kind in types.items() if name != statements.ALL_ROWS} == declared


def test_contents_on_demand(crafted_estate):
    """Only the column sets asked for come with their content."""
    told = crafted_estate.answers("contents on demand")[1].told
    assert any("'1:x1:y'" in row for row in told)
    assert not any("'1:z1:y'" in row for row in told)


def test_folded_names(both, tmp_path):
    """Names of tables and readers in any script fold alike, combining accents stay, and every column name has one length."""
    rows = [lineage(f"{name}.s.a", f"c.{name}.{name}", job="1", created_by=name) for name in NAMES]
    rows += [lineage(f"s3://{name}/{name}", f"c.s.`{name}`", job="2", created_by=f" {name} ") for name in NAMES]
    pairs = [columns("c.s.a", "c.s.b", name, name, job="1") for name in NAMES]
    root = write_rows(tmp_path, table_lineage=rows, column_lineage=pairs)
    pair = both(root)
    for question in ("usage", "column sets"):
        pair.agree(question)
    rows = pair.agree("edges").told
    folded = {name for name in FOLDED if any(f"'source_catalog': {name!r}" in row for row in rows)}
    assert folded == FOLDED


def test_odd_globs(both, tmp_path):
    """Globs become regular expressions that Java reads as RE2 does, whatever stands in a glob or a name."""
    odd = (
        "a+b",
        "a.b",
        "(x)",
        "[y]",
        "{1}",
        "^a$",
        "a|b",
        "a\\d",
        "a\\",
        "q?",
        "p*",
        "n\nm",
        "n\r",
        "n\n",
        "l\u2028m",
        "~#&",
    )
    rows = [lineage("c.s.a", "c.s.b", job="1") | {"source_table_name": name} for name in odd]
    rows += [lineage(f"s3://b/{name}", "c.s.b", job="1") for name in odd]
    root = write_rows(tmp_path, table_lineage=rows)
    for globs in (odd[:6], odd[6:10], ("n?m", "l?m", "n"), ("n*",), ("*n",), ("?\\?",)):
        scope = Scope(tables=globs, paths=tuple(f"s3://b/{glob}" for glob in globs))
        found = both(root, scope).agree("edges")
        assert any("excluded_table" in row for row in found.told) == (globs != ("*n",))


def test_bare_tables(both, tmp_path):
    """Tables of the required columns alone: every optional column is a NULL of its type in the SQL that Spark gets."""
    given = {
        "table_lineage": DRIFTING,
        "column_lineage": [columns("c.s.a", "c.s.b", "x", "y")],
        "query_history": [statement("s1"), hit("s2", "s1")],
        "job_run_timeline": [run("1", "SUBMIT_RUN", "load")],
        "audit": [audited("generateTemporaryTableCredential", table_full_name="c.s.a")],
        "table_share_usage": [shared("c.s.b")],
    }
    for role, rows in given.items():
        write_table(tmp_path, role, rows, without=set(DOCUMENTED[TABLES[role]].names) - set(REQUIRED[role]))
    pair = both(tmp_path, wanted=[WANTED])
    # Type and text of a statement are optional: without them none is known to replace a table, or to say anything;
    # there are no bills.
    untold = {"replaced tables", "texts of flows"}
    for question in pair.questions.keys() - {*untold, *COSTS}:
        pair.agree(question)
    assert not any(pair.answers(question)[1].told for question in untold)


@pytest.mark.parametrize("kind", [OLD, FLAT, pa.struct([METADATA.field("notebook_id")])], ids=["old", "flat", "one"])
def test_absent_struct_fields(both, tmp_path, kind):
    """A struct without its newer fields: those are NULL of their type; optional tables may be missing altogether."""
    rows = [_trimmed(row, kind) for row in DRIFTING]
    write_table(tmp_path, "table_lineage", rows, types={"entity_metadata": kind})
    pairs = [columns("c.s.a", "c.s.b", "x", "y", job="1")]
    metadata = {"entity_metadata": kind} if COLUMN_LINEAGE.field("entity_metadata").type != kind else {}
    write_table(tmp_path, "column_lineage", [_trimmed(row, kind) for row in pairs], types=metadata)
    pair = both(tmp_path)
    for question in ("edges", "column sets", "usage"):
        pair.agree(question)
    assert pair.spark.absent() == pair.duckdb.absent()


def test_other_names(both, tmp_path, spark):
    """Tables named otherwise, back-quoted where odd, are bound by the name as it stands in the settings."""
    tables = {**KNOWN_TABLES, "table_lineage": "`my-copies`.access.`lineage 1`"}
    spark.conf.set("spark.sql.catalog.my-copies", spark.conf.get("spark.sql.catalog.system"))
    write_rows(tmp_path, table_lineage=DRIFTING)
    folder = tmp_path / "my-copies" / "access"
    folder.mkdir(parents=True)
    (tmp_path / "system" / "access" / "table_lineage").rename(folder / "lineage 1")
    both(tmp_path, tables=tables).agree("edges")


def test_recommended_views(both, tmp_path, spark):
    """Through the views that `uc-miner views` prints, made on Spark, the miner sees what it sees without them."""
    names = {role: f"spark_catalog.ops.{role}" for role in DEFAULT_TABLES if role not in ALWAYS_THERE}
    # Own reads are told by the names of the tables, which differ here.
    scope = replace(crafted.SCOPE, principal="")
    pair = both(write_rows(tmp_path, **crafted.TABLES), scope, days=(crafted.FIRST, crafted.LAST))
    spark.conf.set(ROOT, str(tmp_path))
    for text in views(names).removesuffix(";\n").split(";\n"):
        spark.sql(text)
    pair.spark.tables = names
    for question in ("totals", "edges", "column sets", "usage", "one-time runs", "mix"):
        pair.agree(question)
