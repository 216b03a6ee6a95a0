"""Reports as CSV (RFC 4180, UTF-8, line feed).

Instants are ISO 8601 in UTC with Z, days YYYY-MM-DD, null is an empty field, an empty text is `""`, floats are the
shortest text that reads back to the same number. Rows stay in the order given.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sinks.placement import opened


def write_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema, destination: str) -> int:
    """Write batches of one schema to a file, which is there whole or not at all, or to standard output (`-`).

    Returns the number of rows. Raises SinkError when the place cannot be written.
    """
    rows = 0
    written = pa.schema([(field.name, _written_type(field.type)) for field in schema])
    with opened(destination) as stream, pa_csv.CSVWriter(stream, written) as writer:
        for batch in batches:
            columns = [_written(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=written))
            rows += batch.num_rows
    return rows


def _written_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    return pa.date32() if pa.types.is_date(kind) else kind


def _written(column: pa.Array) -> pa.Array:
    if not pa.types.is_timestamp(column.type):
        return column.cast(_written_type(column.type))
    instants = column.cast(pa.timestamp("us", "UTC"))
    text = pc.strftime(instants, format="%Y-%m-%dT%H:%M:%SZ")
    return pc.replace_substring_regex(text, r"\.0+Z$", "Z")
