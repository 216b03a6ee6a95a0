"""The product's reader over the wire, without the product's client: texts and values as a Databricks client sends them."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from databricks.sql.client import Connection
from databricks.sql.exc import ServerOperationError
from sqlglot import exp

from queries.warehouse import Field, Prepared, nested_fields


class WireWarehouse:
    """The port `queries.warehouse.Warehouse` in the plainest way: table names are parameters, nothing is retried."""

    def __init__(self, connection: Connection, *, ships_contents: bool = True) -> None:
        """Ask over an open connection, which stays the caller's."""
        self._connection, self.ships_contents = connection, ships_contents
        self._names: dict[tuple[tuple[str, ...], str], str] = {}

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields as an empty answer tells them."""
        try:
            return nested_fields(self._asked("SELECT * FROM IDENTIFIER(:t) WHERE 1 = 0", {"t": table}).schema)
        except ServerOperationError as error:
            if "[TABLE_OR_VIEW_NOT_FOUND]" in str(error):
                return None
            raise

    def prepare(self, tree: exp.Expr, tables: Mapping[str, str]) -> Prepared:
        """The text with its parameters; the names of tables wait among the known ones, by parameter."""
        wanted = {node.name for node in tree.find_all(exp.Placeholder)} | set(tables)
        self._names |= {(tuple(tables.values()), name): full for name, full in tables.items()}
        return Prepared(tree.sql("databricks", comments=False), tuple(tables.values()), frozenset(wanted))

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """The rows, fetched at once."""
        named = {name: self._names.get((query.tables, name), values.get(name)) for name in query.parameters}
        yield from self._asked(query.text, named).to_batches()

    def _asked(self, text: str, values: Mapping[str, object]) -> pa.Table:
        with self._connection.cursor() as cursor:
            return cursor.execute(text, dict(values)).fetchall_arrow()
