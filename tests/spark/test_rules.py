"""The shared rules on texts of every sort, on Spark as on DuckDB."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from pyspark.errors import AnalysisException

from queries import statements
from tests.queries import crafted, given, test_names, test_paths, test_query_runs

EVERY_LETTER = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
SIGMAS = ("ΟΔΟΣ", "ΟΔΟΣ_1", "ΣΑΣ ΣΑΣ", "Σ", "ΑΣ'Α", "ΑΣ\u0301", "Α\u0301Σ", "1Σ", "ΑΣ`", "ςΣσ", "İΣ", "I\u0307\u0301")
ROOTS = ("s3://bucket", "abfss://box@acct", "dbfs:", "")
PATHS = [raw for raw, _ in test_paths.SPELLINGS]
PATHS += [root + raw for root in ROOTS for raw in [*(raw for raw, _ in test_paths.TRIMMED), *test_paths.KEPT]]
BREAKS = ("\n", "\r", "\r\n", "\u0085", "\u2028")
PATHS += [f"{raw}{end}" for raw, _ in test_paths.TRIMMED for end in BREAKS]
PATHS += [f"/a{end}/k=v" for end in BREAKS] + [f"s3://b{end}c/d{end}/_delta_log/{end}" for end in BREAKS]
PATHS += [
    "/" * 5000,
    "/a" * 5000,
    "/a" * 5000 + "/k=v",
    "/2026/11" * 60,
    "s3://" + "x" * 5000,
    "$1\\1",
    "%s{}",
    "/a'); --",
]
PATHS += ["\u00a0/a\u00a0", "\t/a\t", " /a "]


STATEMENTS = [*test_query_runs.APART, *(text for texts in test_query_runs.SAME for text in texts)]
STATEMENTS += [text for text in crafted.SAID if text] + list(test_query_runs.DEEP)
STATEMENTS += [
    f"SELECT{end}a -- x{end}FROM t /* {end} */ WHERE b = '{end}'" for end in (*BREAKS, "\x0b", "\f", "\u00a0")
]


@pytest.fixture
def ruled(spark, declared, tmp_path):
    """What a shared rule makes of texts on Spark, in a query and as a function alike; `call` names the text `raw`."""

    def answer(call, values):
        pq.write_table(
            pa.table({"place": range(len(values)), "raw": pa.array(values, pa.string())}), tmp_path / "texts"
        )
        spark.read.parquet(str(tmp_path / "texts")).createOrReplaceTempView("texts")
        wanted = [sqlglot.parse_one(text, read=statements.DIALECT) for text in ("place", call)]
        text = statements._inlined(sqlglot.select(*wanted).from_("texts")).sql(statements.DIALECT)
        inlined, called = (
            spark.sql(one).toArrow().sort_by("place").column(1).to_pylist()
            for one in (text, f"SELECT place, {call} FROM texts")  # noqa: S608 -- our own rules
        )
        assert inlined == called
        return inlined

    return answer


@pytest.fixture(scope="module")
def declared(spark):
    """The names of the shared rules that are functions of Spark now, declared by the text of their file."""
    text = re.sub(r"(?m)^--.*\n", "", statements.text("rules")).strip().removesuffix(";")
    names, pending = set(), text.split(";\n")
    while made := [declaration for declaration in pending if _declared(spark, declaration)]:
        names.update(re.search(r"CREATE FUNCTION (\w+)", declaration)[1] for declaration in made)
        pending = [declaration for declaration in pending if declaration not in made]
    return names


def _declared(spark, declaration):
    """Whether Spark takes a function; not one with a setting in it, and not yet one that calls a later one."""
    try:
        spark.sql(declaration)
    except AnalysisException as error:
        if error.getCondition() not in ("ROUTINE_NOT_FOUND", "UNRESOLVED_ROUTINE", "UNBOUND_SQL_PARAMETER"):
            raise
        return False
    return True


def test_rules_as_they_stand(declared):
    """Spark takes every shared rule without a setting in it as the function it is written as."""
    bodies = {name: statements._inlined(rule.body.copy()) for name, rule in statements.functions().items()}
    assert declared == {name for name, body in bodies.items() if not statements.parameters(body)}


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ("clean_name(raw)", [raw for raw, _ in test_names.NAMES]),
        ("clean_name(raw)", [f"a__dbt_tmp{end}" for end in ("\n", "_\n", "_x\ny", "_\r", "_\u2028")]),
        ("folded(raw)", [raw for raw, _ in test_names.FOLDED] + list(SIGMAS)),
        ("clean_path(raw)", PATHS),
        ("plain_statement(raw)", STATEMENTS),
    ],
    ids=["names", "names with breaks", "folded", "paths", "statements"],
)
def test_texts(ruled, call, values):
    """Names and paths of every sort, line breaks and thousands of segments too, are cut and folded alike."""
    on_duckdb, on_spark = given.ruled(call, values), ruled(call, values)
    assert [rest for rest in zip(values, on_duckdb, on_spark, strict=True) if rest[1] != rest[2]] == []


def test_every_letter(ruled):
    """Every letter folds alike, has one length and one place in a hash, but those a newer Unicode gave a lower case."""
    call = "concat(folded(raw), ' ', unquoted(raw), ' ', trim(raw), ' ', part(raw), ' ', md5(raw))"
    pairs = zip(EVERY_LETTER, given.ruled(call, EVERY_LETTER), ruled(call, EVERY_LETTER), strict=True)
    differing = {letter for letter, on_duckdb, on_spark in pairs if on_duckdb != on_spark}
    newer = "\u1c89\ua7cb\ua7cc\ua7ce\ua7d2\ua7d4\ua7da\ua7dc"  # of Unicode 16 and 17
    newer += "".join(map(chr, [*range(0x10D50, 0x10D66), *range(0x16EA0, 0x16EB9)]))  # Garay, Beria Erfe
    assert differing <= set(newer)
