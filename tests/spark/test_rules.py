"""The shared rules on texts of every sort, on Spark as on DuckDB."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from queries import statements
from tests.queries import given, test_names, test_paths

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


@pytest.fixture
def ruled(spark, tmp_path):
    """What a shared rule makes of texts on Spark; `call` names the text `raw`."""

    def answer(call, values):
        pq.write_table(
            pa.table({"place": range(len(values)), "raw": pa.array(values, pa.string())}), tmp_path / "texts"
        )
        spark.read.parquet(str(tmp_path / "texts")).createOrReplaceTempView("texts")
        wanted = [sqlglot.parse_one(text, read=statements.DIALECT) for text in ("place", call)]
        text = statements._inlined(sqlglot.select(*wanted).from_("texts")).sql(statements.DIALECT)
        return spark.sql(text).toArrow().sort_by("place").column(1).to_pylist()

    return answer


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ("clean_name(raw)", [raw for raw, _ in test_names.NAMES]),
        ("clean_name(raw)", [f"a__dbt_tmp{end}" for end in ("\n", "_\n", "_x\ny", "_\r", "_\u2028")]),
        ("folded(raw)", [raw for raw, _ in test_names.FOLDED] + list(SIGMAS)),
        ("clean_path(raw)", PATHS),
    ],
    ids=["names", "names with breaks", "folded", "paths"],
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
