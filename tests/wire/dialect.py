"""Databricks SQL as DuckDB understands it: values as typed literals, names as files, known differences mended or refused.

Shares nothing with the product's own way to DuckDB, so that the two can be held against each other.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tests.wire import sql_errors
from tests.wire.sql_errors import SqlError

_READ, _WRITE = "databricks", "duckdb"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value as the client sends it: text and the SQL type it stands for. No name: bound by its place."""

    name: str | None
    type: str
    text: str | None

    def literal(self) -> exp.Expr:
        """The value in the syntax tree, a text cast to its type."""
        if self.text is None or self.type == "VOID":
            return exp.null()
        text = exp.Literal.string(self.text)
        return text if self.type == "STRING" else exp.cast(text, self.type, dialect=_READ)


@lru_cache(maxsize=256)
def _tree(text: str) -> exp.Expr:
    try:
        found = [tree for tree in sqlglot.parse(text, read=_READ) if tree is not None]
    except SqlglotError as error:
        raise sql_errors.unparsed(_complaint(error)) from error
    if len(found) != 1:
        raise sql_errors.unparsed("Exactly one statement is expected.")
    return found[0]


def _complaint(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    return str(details[0]["description"]) if details else str(error).splitlines()[0]


def parse(text: str) -> exp.Expr:
    """The tree of one statement, the caller's own. Raises SqlError."""
    return _tree(text).copy()


def bind(tree: exp.Expr, given: Sequence[Parameter]) -> exp.Expr:
    """The statement with every parameter replaced by its value. Raises SqlError."""
    named = {value.name: value for value in given if value.name}
    placed = iter([value for value in given if not value.name])

    def value(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        found = named.get(node.name) if node.this else next(placed, None)
        if found is None:
            raise sql_errors.unbound(node.name or "_")
        return found.literal()

    return tree.transform(value)


def table_names(tree: exp.Expr, catalog: str, schema: str) -> dict[int, tuple[str, ...]]:
    """The full name of every table that a bound statement reads, by the identity of its node."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    names = {}
    for table in tree.find_all(exp.Table):
        parts = _parts(table)
        if parts and not (len(parts) == 1 and parts[0].lower() in own):
            names[id(table)] = ((catalog, schema)[: 3 - len(parts)] if len(parts) < 3 else ()) + tuple(parts)
    return names


def _parts(table: exp.Table) -> list[str]:
    if isinstance(table.this, exp.Identifier):
        return [part.name for part in table.parts]
    if isinstance(table.this, exp.Anonymous) and table.this.name.upper() == "IDENTIFIER":
        named = table.this.expressions[0]
        if not (isinstance(named, exp.Literal) and named.is_string):
            raise sql_errors.unlike_spark("IDENTIFIER of anything but a text or a parameter")
        return [part.name for part in exp.to_table(named.this, dialect=_READ).parts]
    return []


def over_files(tree: exp.Expr, names: Mapping[int, Sequence[str]], relation: Callable[[Sequence[str]], str]) -> None:
    """Put DuckDB's relation in each table's place, in the tree itself. Raises SqlError."""
    for table in list(tree.find_all(exp.Table)):
        if id(table) not in names:
            continue
        parts = names[id(table)]
        rows = sqlglot.parse_one(f"SELECT * FROM {relation(parts)}", read=_WRITE)  # noqa: S608 -- names of our own
        table.replace(rows.subquery(table.alias or parts[-1]))


def to_duckdb(tree: exp.Expr, constants: Mapping[str, exp.Expr]) -> str:
    """DuckDB's text of a statement. `constants` answer functions such as current_user. Raises SqlError."""
    refuse(tree)
    return tree.transform(lambda node: _mended(node, constants)).sql(_WRITE, comments=False)


def _mended(node: exp.Expr, constants: Mapping[str, exp.Expr]) -> exp.Expr:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
    if name in constants:
        return constants[name].copy()
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous) and node.this.name == "range":
        # Spark calls the one column of range() id.
        rows = exp.Table(this=node.this.copy())
        return exp.select(exp.alias_(exp.column("range"), "id")).from_(rows).subquery(node.alias or "range")
    if isinstance(node, exp.RegexpReplace) and isinstance(node.args["replacement"], exp.Literal):
        # Java writes a group as $1, RE2 as \1.
        given = node.args["replacement"]
        given.set("this", re.sub(r"\$(\d)", r"\\\1", given.this))
    return node


_WRONG: Mapping[type[exp.Expr], str] = {
    exp.TimestampDiff: "timestampdiff (whole units there, boundaries here)",
    exp.DayOfWeek: "dayofweek (it begins on another day)",
    exp.Div: "division (another type, and no error when dividing by zero)",
    exp.ApproxQuantile: "percentile_approx (another value for small sets)",
    exp.Quantile: "percentile (discrete here)",
}
"""Constructs that DuckDB answers with other rows than Databricks, without an error."""

_WRONG_NAMES = frozenset({"hash", "xxhash64", "weekday", "percentile", "typeof", "skewness", "uuid"})


def refuse(tree: exp.Expr) -> None:
    """Raise SqlError for what would be answered wrongly, and for what is no question."""
    if not isinstance(tree, exp.Query):
        raise sql_errors.unlike_spark(f"{tree.key.upper()} statements")
    for node in tree.walk():
        if found := _unlike_spark(node):
            raise found


def _unlike_spark(node: exp.Expr) -> SqlError | None:
    if words := _WRONG.get(type(node)):
        return sql_errors.unlike_spark(words)
    if isinstance(node, exp.Anonymous) and node.name.lower() in _WRONG_NAMES:
        return sql_errors.unlike_spark(node.name)
    if isinstance(node, exp.SHA2) and node.args.get("length") and node.args["length"].name != "256":
        return sql_errors.unlike_spark("sha2 of any length but 256")
    return None
