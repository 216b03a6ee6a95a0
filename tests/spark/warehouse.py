"""Spark as a warehouse of the product's reader: the SQL that Databricks gets, unchanged, on the files of an export."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from sqlglot import exp

from queries import statements
from queries.warehouse import Field, Prepared, name_parts, nested_fields
from tests.spark.engine import ROOT


class SparkWarehouse:
    """Implements `queries.warehouse.Warehouse` over `ROOT/<catalog>/<schema>/<table>/*.parquet`."""

    ships_contents = True

    def __init__(self, session: SparkSession, root: Path) -> None:
        self._session = session
        self._root = root

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields of one table; None when it has no folder."""
        files = sorted(self._root.joinpath(*name_parts(table)).glob("*.parquet"))
        return nested_fields(pq.read_schema(files[0])) if files else None

    def prepare(self, tree: exp.Expr, tables: Mapping[str, str]) -> Prepared:
        """The query as Databricks gets it; names of tables are bound like other values."""
        return Prepared(tree.sql(statements.DIALECT), tables, statements.parameters(tree) - set(tables))

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """All rows of a query, with the types Spark gives them."""
        self._session.conf.set(ROOT, str(self._root))
        bound = {name: values[name] for name in query.parameters}
        yield from self._session.sql(query.text, args={**bound, **query.tables}).toArrow().to_batches()
