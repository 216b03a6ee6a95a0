"""The project's SQL: loaded from the packed `.sql` files, shared rules inlined, drift filled in, dialect chosen.

User input never becomes SQL text: values and table names stay parameters (`IDENTIFIER(:name)`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import sqlglot
from sqlglot import exp

DIALECT = "databricks"

_PARTS = ("this", "table", "db", "catalog")
"""What sqlglot calls the parts of a column's path, from its end."""


@dataclass(frozen=True, slots=True)
class Function:
    """One shared rule of `rules.sql`: parameter names and the expression it stands for."""

    parameters: tuple[str, ...]
    body: exp.Expr


@cache
def text(name: str) -> str:
    """The text of one packed `.sql` file."""
    return resources.files("queries").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def functions() -> Mapping[str, Function]:
    """The shared rules by name."""
    found = {}
    for statement in sqlglot.parse(text("rules"), read=DIALECT):
        if not isinstance(statement, exp.Create):
            raise TypeError("rules.sql holds something that is no CREATE FUNCTION")
        declared = statement.this
        body = statement.expression.this
        found[declared.this.name] = Function(tuple(item.name for item in declared.expressions), body)
    return found


@cache
def parsed(name: str) -> exp.Expr:
    """One query with the shared rules inlined. Copy before changing it."""
    return _inlined(sqlglot.parse_one(text(name), read=DIALECT))


def _inlined(tree: exp.Expr) -> exp.Expr:
    def expand(node: exp.Expr) -> exp.Expr:
        function = functions().get(node.name.lower()) if isinstance(node, exp.Anonymous) else None
        if function is None:
            return node
        given = [_inlined(argument.copy()) for argument in node.expressions]
        if len(given) != len(function.parameters):
            raise TypeError(f"{node.name} takes {len(function.parameters)} arguments, {len(given)} given")
        return _grouped(
            _substituted(_inlined(function.body.copy()), dict(zip(function.parameters, given, strict=True)))
        )

    return tree.transform(expand)


def _substituted(body: exp.Expr, arguments: Mapping[str, exp.Expr]) -> exp.Expr:
    def replace(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or node.parts[0].name not in arguments:
            return node
        given, fields = arguments[node.parts[0].name], node.parts[1:]
        if not fields:
            return _grouped(given.copy())
        if not isinstance(given, exp.Column):
            raise TypeError(f"{node.sql()} is a field of {given.sql()}, which is no column")
        path = [part.copy() for part in (*given.parts, *fields)]
        return exp.Column(**dict(zip(_PARTS[: len(path)], reversed(path), strict=True)))

    return body.transform(replace)


def _grouped(node: exp.Expr) -> exp.Expr:
    """In brackets where an operator outside could bind tighter."""
    return exp.paren(node) if isinstance(node, (exp.Binary, exp.Unary)) else node


def without(
    tree: exp.Expr, present: Callable[[str, tuple[str, ...]], bool], types: Callable[[str, tuple[str, ...]], str]
) -> exp.Expr:
    """The query with every column or struct field that its table lacks replaced by a NULL of the documented type.

    Tables are told by their parameter (`FROM IDENTIFIER(:name) AS t`); `present` and `types` get that parameter's
    name and the path to the field.
    """
    aliases = {table.alias: parameter for table, parameter in _bound_tables(tree)}

    def fill(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or not node.table or node.parts[0].name not in aliases:
            return node
        table, path = aliases[node.parts[0].name], tuple(part.name for part in node.parts[1:])
        if present(table, path):
            return node
        return exp.cast(exp.null(), types(table, path), dialect=DIALECT)

    return tree.transform(fill)


def _bound_tables(tree: exp.Expr) -> Iterable[tuple[exp.Table, str]]:
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Anonymous) and table.this.name.upper() == "IDENTIFIER":
            yield table, table.this.expressions[0].name


@cache
def bound_columns(name: str) -> Mapping[str, frozenset[tuple[str, ...]]]:
    """What a query reads: field paths by table parameter."""
    tree = parsed(name)
    aliases = {table.alias: parameter for table, parameter in _bound_tables(tree)}
    read: dict[str, set[tuple[str, ...]]] = {parameter: set() for parameter in aliases.values()}
    for column in tree.find_all(exp.Column):
        if len(column.parts) > 1 and column.parts[0].name in aliases:
            read[aliases[column.parts[0].name]].add(tuple(part.name for part in column.parts[1:]))
    return {table: frozenset(paths) for table, paths in read.items()}


def with_tables(tree: exp.Expr, tables: Mapping[str, exp.Expr]) -> exp.Expr:
    """The query with each table parameter in `tables` replaced by a relation."""

    def bind(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Anonymous):
            return node
        relation = tables.get(node.this.expressions[0].name) if node.this.name.upper() == "IDENTIFIER" else None
        if relation is None:
            return node
        return exp.alias_(relation.copy(), node.alias, table=True)

    return tree.transform(bind)


ALL_ROWS = "rows_in_all"
"""The column that `counted` adds."""


def counted(tree: exp.Query) -> exp.Expr:
    """The query with the number of its rows beside each of them, and one row of NULLs when it has none.

    So a result that ends too early can be told, also when nothing is left of it.
    """
    number = exp.alias_(exp.Window(this=exp.Count(this=exp.Star())), ALL_ROWS)
    asked = exp.select(exp.Star(), number).from_(tree.subquery("asked"))
    always = exp.select(exp.alias_(exp.Literal.number(1), "one")).subquery("always")
    told = exp.Column(this=exp.Star(), table=exp.to_identifier("told"))
    return exp.select(told).from_(always).join(asked.subquery("told"), on=exp.true(), join_type="left")


def parameters(tree: exp.Expr) -> frozenset[str]:
    """The names of the values a query wants bound."""
    return frozenset(node.name for node in tree.find_all(exp.Placeholder))
