"""The ledger's SQL in PostgreSQL's words: everything in which its statements differ from SQLite's."""

import re
from functools import lru_cache

_IN_ALL = (
    # Rows to merge and tables of one reading are temporary tables; the ledger's own need no name before theirs.
    (re.compile(r"\b(?:stage|temp)\.(?=\w)"), "pg_temp."),
    (re.compile(r"\bmain\.(?=\w)"), ""),
    (re.compile(r"\bINDEX pg_temp\.(\w+) ON (\w+)"), r"INDEX \1 ON pg_temp.\2"),
    # A table kept in the order of its key, and an order of joins: PostgreSQL has no such words.
    (re.compile(r"\) WITHOUT ROWID"), ")"),
    (re.compile(r"\bCROSS JOIN\b"), "JOIN"),
    (re.compile(r"\bgroup_concat\(DISTINCT (\w+\(.*?\)|[\w.]+)\)"), r"string_agg(DISTINCT CAST(\1 AS TEXT), ',')"),
)

_IGNORING = re.compile(r"\s*INSERT OR IGNORE\b")

# Texts compare byte by byte, as in SQLite, whatever the language of the database.
_TABLE = re.compile(r"\s*(?:CREATE (?:TEMP )?TABLE|ALTER TABLE)\b(?!.*\bAS SELECT\b)", re.DOTALL)
_TEXT = re.compile(r"\b(TEXT|VARCHAR(?:\(\d+\))?)(?=[\s,)]|$)(?! COLLATE)")
# SQLite's numbers have 64 bits.
_TEMPORARY = re.compile(r"\s*CREATE (?:TEMP TABLE|TABLE pg_temp\.)")


@lru_cache(maxsize=1024)
def spelled(statement: str) -> str:
    """The statement as PostgreSQL takes it."""
    for pattern, replacement in _IN_ALL:
        statement = pattern.sub(replacement, statement)
    if _IGNORING.match(statement):
        return f"{_IGNORING.sub('INSERT', statement)} ON CONFLICT DO NOTHING"
    if not _TABLE.match(statement):
        return statement
    if _TEMPORARY.match(statement):
        statement = statement.replace(" INTEGER", " BIGINT")
    return _TEXT.sub(r'\1 COLLATE "C"', statement)
