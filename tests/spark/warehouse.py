"""Spark as a warehouse of the product's reader: the SQL that Databricks gets, unchanged, on the files of an export."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from miner.errors import SourceError
from queries.databricks.rights import quoted
from queries.databricks.warehouse import DatabricksWarehouse
from queries.warehouse import Field, Prepared, name_parts, nested_fields
from tests.spark.engine import ROOT


class SparkWarehouse:
    """Implements `queries.warehouse.Warehouse` over `ROOT/<catalog>/<schema>/<table>/*.parquet`, and over views of it.

    `asked` are the texts of the queries that it answered.
    """

    ships_contents = True
    prepare = DatabricksWarehouse.prepare
    mend = DatabricksWarehouse.mend
    principal = ""

    def __init__(self, session: SparkSession, root: Path) -> None:
        self.asked: set[str] = set()
        self._session = session
        self._root = root
        self._fields: dict[str, frozenset[Field] | None] = {}

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields of one table, as Spark tells them; None when it finds no such table."""
        if table not in self._fields:
            self._fields[table] = self._probed(table)
        return self._fields[table]

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """All rows of a query, with the types Spark gives them. Raises SourceError for what Spark does not know."""
        names = {parameter: quoted(*name_parts(table)) for parameter, table in query.bound.items()}
        try:
            rows = self._told(query.text, {**values, **names}, query.parameters)
        except AnalysisException as error:
            raise SourceError(f"Spark refused a query: {error}") from error
        self.asked.add(query.text)
        yield from rows.to_batches()

    def cancel(self) -> None:
        """Nothing to do: a test reads its answer to the end."""

    def _probed(self, table: str) -> frozenset[Field] | None:
        text = "SELECT * FROM IDENTIFIER(:probed) WHERE 1 = 0"
        try:
            return nested_fields(self._told(text, {"probed": quoted(*name_parts(table))}, ["probed"]).schema)
        except AnalysisException as error:
            if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
                raise
            return None

    def _told(self, text: str, values: Mapping[str, object], wanted: Sequence[str] | frozenset[str]) -> pa.Table:
        self._session.conf.set(ROOT, str(self._root))
        return self._session.sql(text, args={name: values[name] for name in wanted}).toArrow()
