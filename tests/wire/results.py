"""Arrow on the wire: a schema as Thrift tells it, record batches as messages."""

import time
from collections.abc import Sequence

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

_TYPE_IDS = (
    (pa.types.is_boolean, ttypes.TTypeId.BOOLEAN_TYPE),
    (pa.types.is_int8, ttypes.TTypeId.TINYINT_TYPE),
    (pa.types.is_int16, ttypes.TTypeId.SMALLINT_TYPE),
    (pa.types.is_int32, ttypes.TTypeId.INT_TYPE),
    (pa.types.is_int64, ttypes.TTypeId.BIGINT_TYPE),
    (pa.types.is_float32, ttypes.TTypeId.FLOAT_TYPE),
    (pa.types.is_float64, ttypes.TTypeId.DOUBLE_TYPE),
    (pa.types.is_string, ttypes.TTypeId.STRING_TYPE),
    (pa.types.is_timestamp, ttypes.TTypeId.TIMESTAMP_TYPE),
    (pa.types.is_binary, ttypes.TTypeId.BINARY_TYPE),
    (pa.types.is_map, ttypes.TTypeId.MAP_TYPE),
    (pa.types.is_list, ttypes.TTypeId.ARRAY_TYPE),
    (pa.types.is_struct, ttypes.TTypeId.STRUCT_TYPE),
    (pa.types.is_decimal, ttypes.TTypeId.DECIMAL_TYPE),
    (pa.types.is_null, ttypes.TTypeId.NULL_TYPE),
    (pa.types.is_date32, ttypes.TTypeId.DATE_TYPE),
)


def type_id(kind: pa.DataType) -> int:
    """Thrift's number of an Arrow type. Raises TypeError for one that Spark does not have."""
    for is_kind, number in _TYPE_IDS:
        if is_kind(kind):
            return number
    raise TypeError(f"Spark has no type for {kind}")


def _entry(kind: pa.DataType) -> ttypes.TTypeEntry:
    qualifiers = None
    if pa.types.is_decimal(kind):
        size = {"precision": kind.precision, "scale": kind.scale}
        told = {name: ttypes.TTypeQualifierValue(i32Value=value) for name, value in size.items()}
        qualifiers = ttypes.TTypeQualifiers(told)
    return ttypes.TTypeEntry(primitiveEntry=ttypes.TPrimitiveTypeEntry(type_id(kind), qualifiers))


def table_schema(schema: pa.Schema) -> ttypes.TTableSchema:
    """The columns as Hive told them: nested types by their outer kind alone."""
    return ttypes.TTableSchema(
        [
            ttypes.TColumnDesc(field.name, ttypes.TTypeDesc([_entry(field.type)]), place)
            for place, field in enumerate(schema, 1)
        ]
    )


def metadata(schema: pa.Schema, *, by_link: bool = False) -> ttypes.TGetResultSetMetadataResp:
    """What a client must know of a result before its rows; `by_link` when these come as files to fetch."""
    forms = ttypes.TSparkRowSetType
    return ttypes.TGetResultSetMetadataResp(
        status=SUCCESS,
        schema=table_schema(schema),
        resultFormat=forms.URL_BASED_SET if by_link else forms.ARROW_BASED_SET,
        lz4Compressed=False,
        arrowSchema=schema.serialize().to_pybytes(),
        isStagingOperation=False,
    )


def inline(batches: Sequence[pa.RecordBatch], offset: int) -> ttypes.TRowSet:
    """Rows in the answer itself, each batch one Arrow message."""
    messages = [ttypes.TSparkArrowBatch(batch.serialize().to_pybytes(), batch.num_rows) for batch in batches]
    return ttypes.TRowSet(startRowOffset=offset, rows=[], arrowBatches=messages)


def file(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """Rows as a file to fetch: a whole Arrow stream. The schema alone tells names, as it does inline."""
    messages = [schema.serialize(), *(batch.serialize() for batch in batches)]
    return b"".join(message.to_pybytes() for message in messages) + _END_OF_STREAM


def link(url: str, batches: Sequence[pa.RecordBatch], offset: int, size: int) -> ttypes.TRowSet:
    """Where such a file is. Clients hold its end against their own clock."""
    rows = sum(batch.num_rows for batch in batches)
    found = ttypes.TSparkArrowResultLink(url, int(time.time()) + LINK_SECONDS, offset, rows, size)
    return ttypes.TRowSet(startRowOffset=offset, rows=[], resultLinks=[found])


LINK_SECONDS = 900
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
SUCCESS = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)


def failure(words: str, state: str = "", code: int = ttypes.TStatusCode.ERROR_STATUS) -> ttypes.TStatus:
    """A status that the client raises as an error."""
    return ttypes.TStatus(code, sqlState=state or None, errorMessage=words, displayMessage=words)
