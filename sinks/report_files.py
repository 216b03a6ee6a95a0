"""Reports as files: CSV, Parquet, or JSON with one object a line, as Spark and DuckDB read it.

A file is there whole or not at all. Rows stay in the order given; instants and
days are UTC. JSON has no decimals: there they are floats.
"""

from collections.abc import Iterable
from enum import StrEnum

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sinks import csv_report
from sinks.placement import opened


class Form(StrEnum):
    """The forms that reports have."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


def write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, destination: str, form: Form = Form.CSV) -> int:
    """Write batches of one schema to a file or to standard output (`-`); returns the number of rows.

    Raises SinkError when the place cannot be written.
    """
    return {Form.CSV: csv_report.write_batches, Form.PARQUET: _parquet, Form.JSON: _json}[form](
        batches, schema, destination
    )


def _parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, destination: str) -> int:
    rows = 0
    with opened(destination) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _json(batches: Iterable[pa.RecordBatch], schema: pa.Schema, destination: str) -> int:  # noqa: ARG001 -- told by rows
    rows = 0
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    with opened(destination) as stream:
        for batch in batches:
            stream.writelines(orjson.dumps(row, default=float, option=options) for row in batch.to_pylist())
            rows += batch.num_rows
    return rows
