"""What a warehouse says about a statement it cannot answer: Databricks' error classes and SQL states.

https://docs.databricks.com/aws/en/error-messages/error-classes
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb


@dataclass
class SqlError(Exception):
    """One error of a statement, told the client as operation state ERROR, not as an HTTP status."""

    error_class: str
    state: str
    words: str

    def __str__(self):
        return f"[{self.error_class}] {self.words} SQLSTATE: {self.state}"

    @property
    def diagnosis(self) -> str:
        """The Java trace that a warehouse adds."""
        return f"org.apache.hive.service.cli.HiveSQLException: Error running query: {self}"


def spelled(parts: Sequence[str]) -> str:
    """A name as messages write it."""
    return ".".join(f"`{part}`" for part in parts)


def not_found(parts: Sequence[str]) -> SqlError:
    """No such table, or one that the caller may not even see."""
    words = (
        f"The table or view {spelled(parts)} cannot be found. Verify the spelling and correctness of the schema and "
        "catalog.\nIf you did not qualify the name with a schema, verify the current_schema() output, or qualify the "
        "name with the correct schema and catalog."
    )
    return SqlError("TABLE_OR_VIEW_NOT_FOUND", "42P01", words)


def no_right(right: str, kind: str, parts: Sequence[str]) -> SqlError:
    """A right that the caller lacks on something it can see."""
    words = f"Insufficient privileges:\nUser does not have {right} on {kind} '{'.'.join(parts)}'."
    return SqlError("INSUFFICIENT_PERMISSIONS", "42501", words)


def unbound(name: str) -> SqlError:
    """A parameter that came without a value."""
    words = f"Found the unbound parameter: {name}. Please, fix `args` and provide a mapping of the parameter."
    return SqlError("UNBOUND_SQL_PARAMETER", "42P02", words)


def unparsed(words: str) -> SqlError:
    """Text that is no statement."""
    return SqlError("PARSE_SYNTAX_ERROR", "42601", words)


def unlike_spark(what: str) -> SqlError:
    """A construct that this engine answers otherwise than Databricks: refused, so that no test believes it."""
    return SqlError("UNSUPPORTED_FEATURE.LOCAL_WAREHOUSE", "0A000", f"The local warehouse does not answer {what}.")


CANCELED = SqlError("OPERATION_CANCELED", "HY008", "Operation was canceled.")

_KNOWN = (
    (duckdb.BinderException, r'column "([^"]+)"', "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
     "A column, variable, or function parameter with name `{}` cannot be resolved."),
    (duckdb.BinderException, r'key "([^"]+)"', "FIELD_NOT_FOUND", "42704", "No such struct field `{}`."),
    (duckdb.CatalogException, r"Function with name (\S+)", "UNRESOLVED_ROUTINE", "42883",
     "Cannot resolve routine `{}` on search path."),
    (duckdb.ConversionException, r"(?s)(.*)", "CAST_INVALID_INPUT", "22018", "{}"),
    (duckdb.ParserException, r"(?s)(.*)", "PARSE_SYNTAX_ERROR", "42601", "{}"),
    (duckdb.IOException, r"(?s)(.*)", "FAILED_READ_FILE.NO_HINT", "KD001", "{}"),
)  # fmt: skip


def from_duckdb(error: Exception) -> SqlError:
    """DuckDB's complaint in Databricks' terms."""
    if isinstance(error, duckdb.InterruptException):
        return CANCELED
    text = str(error)
    for kind, pattern, error_class, state, words in _KNOWN:
        if isinstance(error, kind) and (found := re.search(pattern, text)):
            return SqlError(error_class, state, words.format(found[1]))
    if "Conversion Error" in text:
        return SqlError("CAST_INVALID_INPUT", "22018", text)
    return SqlError("INTERNAL_ERROR", "XX000", text)
