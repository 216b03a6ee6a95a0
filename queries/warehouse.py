"""The seam to a warehouse: what the system-table reader asks of an engine."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from miner.errors import SettingsError

Field = tuple[str, ...]
"""The path to a column or struct field, outermost first."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query in the warehouse's dialect; `tables` are the full names it reads, `parameters` the values it wants.

    `bound` are the tables that are parameters themselves, by their parameter.
    """

    text: str
    tables: tuple[str, ...]
    parameters: frozenset[str]
    bound: Mapping[str, str] = field(default_factory=dict)


class Warehouse(Protocol):
    """Runs one parsed query and streams its rows. Raises SourceError; never returns a failed read as empty."""

    ships_contents: bool
    """True where the content of every column set costs less than a second question."""

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields of one table; None when there is no such table.

        Raises SchemaDriftError when a required column is missing somewhere.
        """
        ...

    def mend(self, *tables: str) -> str:
        """What an operator does about tables, one at least, that are not there, or cannot be seen."""
        ...

    def prepare(self, tree: exp.Expr, tables: Mapping[str, str]) -> Prepared:
        """A parsed query in this warehouse's dialect; `tables` gives the full name by table parameter."""
        ...

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """Rows of a prepared query; `values` by parameter."""
        ...

    def cancel(self) -> None:
        """End what is being read, from any thread; whoever reads gets SourceError. Nothing is answered afterwards."""
        ...


_PART = re.compile(r"`((?:[^`]|``)+)`|([^`.\s;'\"]+)")


def name_parts(full_name: str) -> tuple[str, str, str]:
    """Catalog, schema and name of a three-part table name, backticks undone. Raises SettingsError."""
    parts: list[str] = []
    rest = full_name
    while match := _PART.match(rest):
        quoted, plain = match.groups()
        parts.append(quoted.replace("``", "`") if quoted else plain)
        rest = rest[match.end() :]
        if not rest.startswith("."):
            break
        rest = rest[1:]
    match parts:
        case [catalog, schema, name] if not rest and not full_name.endswith("."):
            return catalog, schema, name
    mend = "write it as catalog.schema.table, back-quoting odd parts"
    raise SettingsError(f"'{full_name}' is no table name", mend=mend)


def nested_fields(schema: pa.Schema) -> frozenset[Field]:
    """Every column and struct field of an Arrow schema."""
    return frozenset(path for field in schema for path in _paths(field, ()))


def _paths(field: pa.Field, above: Field) -> Iterator[Field]:
    here = (*above, field.name)
    yield here
    if pa.types.is_struct(field.type):
        for index in range(field.type.num_fields):
            yield from _paths(field.type.field(index), here)


def field_type(schema: pa.Schema, path: Field) -> pa.DataType:
    """The type at the end of a path. Raises KeyError when the schema has no such field."""
    kind = schema.field(path[0]).type
    for name in path[1:]:
        kind = kind.field(name).type
    return kind
