"""What becomes of the packed SQL before it runs."""

import re
from importlib import resources

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from miner.ports import LIST_PRICES
from miner.scope import alternation, pattern
from queries import statements
from queries.documented import DOCUMENTED, INFORMATION_SCHEMA_SCHEMATA
from queries.system_tables import ALWAYS_THERE, KNOWN_TABLES, NAME_TABLES
from queries.warehouse import field_type
from tests.oracle.scope import matching
from tests.queries.given import ruled

QUERIES = sorted(
    file.name.removesuffix(".sql") for file in resources.files("queries").iterdir() if file.name.endswith(".sql")
)
QUERIES.remove("rules")
ROLES = {"lineage_table": "table_lineage"}
SCHEMAS = {"schemata": INFORMATION_SCHEMA_SCHEMATA}
WHOLE = ("span", "cost_span", "visible_schemas")
"""Queries that read a table as a whole: for its first and last day, and a list of schemas."""


WITHOUT_TABLES = ("clock", "metastore", "principal")
"""Queries that ask the warehouse about itself."""


def columns(tree):
    return {column.sql() for column in tree.find_all(exp.Column)}


@pytest.mark.parametrize("name", QUERIES)
def test_shared_rules_are_inlined(name):
    """A warehouse needs no functions of ours: after inlining no call of a shared rule is left, nor a rule's parameter."""
    tree = statements.parsed(name)
    calls = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
    assert calls.isdisjoint(statements.functions())
    assert "CREATE" not in tree.sql("databricks")


@pytest.mark.parametrize("name", QUERIES)
def test_only_documented_columns_are_read(name):
    """Every column a query reads of a system table is documented, structs to their last field."""
    for table, paths in statements.bound_columns(name).items():
        for path in paths:
            documented = SCHEMAS.get(table) or DOCUMENTED[KNOWN_TABLES[ROLES.get(table, table)]]
            assert not pa.types.is_struct(field_type(documented, path)), path


_WHEN = "(event_date|start_time|period_start_time|usage_date|event_time)"


@pytest.mark.parametrize("name", QUERIES)
def test_every_row_read_is_filtered_by_time(name):
    """A system table of events is never read whole: its own partition column or start time bounds what is read.

    Tables of names and prices hold a row per thing or version of it, and are read whole.
    """
    if name in WHOLE:
        return
    tree = statements.parsed(name)
    for select in tree.find_all(exp.Select):
        tables = [table for table in select.find_all(exp.Table) if isinstance(table.this, exp.Anonymous)]
        read = select.args["from_"].this if tables and select.args.get("from_") else None
        if read in tables and read.this.expressions[0].name not in (*NAME_TABLES, *ALWAYS_THERE, LIST_PRICES):
            condition = select.args["where"].sql("databricks")
            if condition == "WHERE 1 = 0":
                continue
            assert re.search(rf"\b[a-z]\.{_WHEN} >= :\w+ AND", condition)
            assert re.search(rf"\b[a-z]\.{_WHEN} <=? :\w+", condition)


@pytest.mark.parametrize("name", QUERIES)
def test_a_header_says_what_a_query_is(name):
    """Each file begins with what it answers, its parameters, its columns and the documents of its tables."""
    head = statements.text(name).split("\nWITH")[0].split("\nSELECT")[0]
    assert all(line.startswith("-- ") for line in head.splitlines())
    for word in ("Parameters:", "Columns:", "https://docs.databricks.com/"):
        assert word in head
    for parameter in statements.parameters(statements.parsed(name)):
        if not re.match(
            "(excluded|included|catalog|schema|table|path|workspace|kind)_|principal|own_tables", parameter
        ):
            assert f":{parameter}" in head, parameter


def test_parameters_stay_parameters():
    """Tables and values are bound: no query holds a table's name or a literal that a user gave."""
    for name in QUERIES:
        tables = [
            table for table in statements.parsed(name).find_all(exp.Table) if table.this.name.upper() == "IDENTIFIER"
        ]
        assert tables or name in WITHOUT_TABLES
        assert all(isinstance(table.this.expressions[0], exp.Placeholder) for table in tables)


def test_arguments_keep_their_brackets():
    """An inlined expression means what it meant before, whatever stands around it."""
    tree = statements._inlined(
        sqlglot.parse_one("SELECT incomplete(a OR b, c, d) AND NOT incomplete(a, b, c)", read="databricks")
    )
    text = tree.sql("databricks")
    assert text == (
        "SELECT (NOT d IS NULL AND (c IS NULL OR (a OR b) IS NULL)) AND NOT (NOT c IS NULL AND (b IS NULL OR a IS NULL))"
    )


def test_a_rule_wants_all_its_arguments():
    """A call with too few or too many arguments is a mistake of ours and says so."""
    with pytest.raises(TypeError, match="folded takes 1 arguments, 2 given"):
        statements._inlined(sqlglot.parse_one("SELECT folded(a, b)", read="databricks"))


def test_fields_of_an_argument():
    """A rule reads fields of the struct it is given where that stands in the table, so that a missing one is told."""
    call = "SELECT process_id_of(t.meta, t.a, t.b) FROM IDENTIFIER(:table) AS t"
    tree = statements._inlined(sqlglot.parse_one(call, read="databricks"))
    assert {"t.meta.alert_id", "t.meta.job_info.job_id", "t.a", "t.b"} < columns(tree)
    with pytest.raises(TypeError, match=r"entity\.alert_id is a field of UPPER\(x\), which is no column"):
        statements._inlined(sqlglot.parse_one("SELECT process_id_of(upper(x), a, b)", read="databricks"))


def test_parsed_queries_are_not_changed():
    """Filling in what is missing and naming tables leave the kept query as it was."""
    before = statements.parsed("usage_daily").sql("databricks")
    tree = statements.without(statements.parsed("usage_daily"), lambda *_: False, lambda *_: "STRING")
    statements.with_tables(tree, {"table_lineage": exp.table_("x"), "query_history": exp.table_("y")})
    assert statements.parsed("usage_daily").sql("databricks") == before


def test_missing_fields_become_typed_nulls():
    """A column or struct field that a table lacks is NULL of its documented type; one of a CTE is left alone."""
    text = "WITH e AS (SELECT t.a.b AS x, t.c FROM IDENTIFIER(:one) AS t) SELECT e.x, e.c FROM e"
    tree = statements.without(
        sqlglot.parse_one(text, read="databricks"),
        lambda table, path: path == ("c",),
        lambda table, path: {("one", ("a", "b")): "BOOLEAN"}[table, path],
    )
    assert tree.sql("databricks") == (
        "WITH e AS (SELECT CAST(NULL AS BOOLEAN) AS x, t.c FROM IDENTIFIER(:one) AS t) SELECT e.x, e.c FROM e"
    )


GLOBS = st.text(st.sampled_from("abAB.*?[](){}|+^$\\-_/ :%'\"#&~äß"), min_size=1, max_size=6)
TEXTS = st.text(st.sampled_from("abAB.*[](){}|+^$\\-_/ :%'\"#&~äß"), max_size=6)


@settings(max_examples=20)
@given(st.lists(GLOBS, min_size=1, max_size=20), st.lists(TEXTS, min_size=1, max_size=30))
def test_globs_mean_the_same_in_sql(globs, texts):
    """The expression made of a glob matches in the warehouse what the glob covers, alone and among others."""
    texts = texts + globs
    with duckdb.connect() as engine:
        query = "SELECT [regexp_matches(t, $p) FOR t IN $texts]"
        for glob in globs:
            (found,) = engine.execute(query, {"p": pattern(glob), "texts": texts}).fetchone()
            assert found == [matching(text, [glob]) is not None for text in texts], glob
        (found,) = engine.execute(
            query, {"p": alternation([pattern(glob) for glob in globs]), "texts": texts}
        ).fetchone()
        assert found == [matching(text, globs) is not None for text in texts]


def test_nothing_stays_nothing():
    """A rule of a NULL is NULL: nothing is made up where a row says nothing."""
    for call in ("clean_name(raw)", "clean_path(raw)", "plain_path(raw)", "folded(raw)", "unquoted(raw)", "part(raw)"):
        assert ruled(call, [None]) == [None], call
