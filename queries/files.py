"""Exported system tables on disk, `DIR/<catalog>/<schema>/<table>/*.{parquet,csv,jsonl}`, gzip too.

Files of one table may differ in columns: each group of files with the same columns becomes one SELECT of the
documented columns, cast to their documented types.
"""

import csv
import gzip
import io
import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from miner.errors import MissingTableError, SchemaDriftError, SourceError, UnreadableValueError
from queries.warehouse import Field, nested_fields

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
LEFT_ALONE = frozenset({"query_parameters"})
"""A huge nested column that may hold personal data: never read."""


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files of one format with the same columns."""

    format: str
    columns: tuple[str, ...]
    fields: frozenset[Field]
    types: Mapping[str, str]
    files: tuple[Path, ...]


def file_groups(folder: Path, required: Sequence[str]) -> list[FileGroup]:
    """The files of one table, grouped. Raises MissingTableError, SchemaDriftError, UnreadableValueError."""
    groups: dict[tuple[str, tuple[str, ...], frozenset[Field], tuple[tuple[str, str], ...]], list[Path]] = {}
    schemas = {file: _schema(file, _format(file)) for file in _files(folder)}
    told = {name for schema in schemas.values() for name in schema.names}
    for file, schema in schemas.items():
        format_ = _format(file)
        # Writers of JSON leave out what is NULL (Spark does by default): a part may hold rows without targets alone.
        _require(schema, [name for name in required if format_ != "jsonl" or name not in told], file)
        types = tuple((field.name, str(field.type)) for field in schema)
        fields = nested_fields(schema)
        groups.setdefault((format_, tuple(schema.names), fields, types), []).append(file)
    return [
        FileGroup(format_, columns, fields, dict(types), tuple(files))
        for (format_, columns, fields, types), files in groups.items()
    ]


def is_folder(folder: Path) -> bool:
    """Tell whether a table has a folder. Raises SourceError where that cannot be told: no rights are no absence."""
    try:
        return stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> SourceError:
    if isinstance(error, PermissionError):
        return SourceError(f"{folder} may not be read", mend="give the miner's user read rights on it")
    return SourceError(f"{folder} cannot be listed: {error.strerror}", mend="look at the disk or the share")


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(file for file in folder.iterdir() if _format(file) and file.is_file())
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not found:
        raise MissingTableError(
            f"{folder} holds no .parquet, .csv or .jsonl file", mend="export the table's rows into this folder"
        )
    return found


def _format(file: Path) -> str:
    return FORMATS.get(Path(file.name.removesuffix(".gz")).suffix, "")


def _require(schema: pa.Schema, required: Sequence[str], file: Path) -> None:
    missing = [name for name in required if name not in schema.names]
    if missing:
        raise SchemaDriftError(
            f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            mend="export the table again with these columns, or take the file away",
        )


def _schema(file: Path, format_: str) -> pa.Schema:
    try:
        if format_ == "parquet":
            return pq.read_schema(file)
        names = _csv_columns(file) if format_ == "csv" else _jsonl_columns(file)
    except PermissionError as error:
        raise SourceError(f"{file} may not be read", mend="give the miner's user read rights on it") from error
    except (OSError, EOFError, UnicodeDecodeError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableValueError(
            f"{file} cannot be read as {format_}: {reason}", mend="export the file again; it may be cut off"
        ) from error
    return pa.schema([(name, pa.string()) for name in names])


def _opened(file: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file)) if file.suffix == ".gz" else file.open("rb")


def _csv_columns(file: Path) -> list[str]:
    # Excel and PowerShell begin a file with a byte order mark.
    with _opened(file) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), None)
    if not header:
        raise ValueError("it has no header line")
    return header


def _jsonl_columns(file: Path) -> list[str]:
    """Every key of the file: many writers leave out what is NULL, so that a column may begin at any line."""
    names: dict[str, None] = {}
    with _opened(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            row = orjson.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no JSON object")  # noqa: TRY004 -- a broken file, not a broken caller
            names.update(dict.fromkeys(row))
    return list(names)


def select(group: FileGroup, documented: pa.Schema) -> str:
    """One SELECT of the documented columns this group has, in DuckDB's dialect, the rest left to the view's union."""
    columns = ", ".join(
        f"{column_sql(field, group)} AS {quoted(field.name)}"
        for field in documented
        if field.name in group.columns and field.name not in LEFT_ALONE
    )
    return f"SELECT {columns} FROM {scan(group)}"  # noqa: S608 -- names are the documented ones, files are quoted


def scan(group: FileGroup, *, extra: str = "") -> str:
    """The table function that reads a group's files; text formats as text, so that casts are ours."""
    files = "[" + ", ".join(literal(str(file)) for file in group.files) + "]"
    if group.format == "parquet":
        return f"read_parquet({files}{extra})"
    if group.format == "csv":
        return f"read_csv({files}, header = true, all_varchar = true, quote = '\"', escape = '\"', delim = ','{extra})"
    columns = ", ".join(f"{quoted(name)}: 'JSON'" for name in group.columns)
    return f"read_json({files}, format = 'newline_delimited', columns = {{{columns}}}{extra})"


def column_sql(field: pa.Field, group: FileGroup) -> str:
    """A column of a group as its documented type."""
    name = quoted(field.name)
    if group.format == "parquet":
        return _parquet_column(field, group)
    value = f"json_extract_string({name}, '$')" if group.format == "jsonl" else name
    if pa.types.is_nested(field.type):
        text = f"CAST({name} AS VARCHAR)" if group.format == "jsonl" else name
        return _structure(text, field.type)
    return f"CAST({value} AS {duckdb_type(field.type)})"


def _parquet_column(field: pa.Field, group: FileGroup) -> str:
    name = quoted(field.name)
    if group.types[field.name] == str(field.type):
        return name
    if pa.types.is_struct(field.type):
        if group.types[field.name] in ("string", "large_string"):
            return _structure(name, field.type)
        return _rebuilt(name, field.type, (field.name,), group.fields)
    return f"CAST({name} AS {duckdb_type(field.type)})"


def _rebuilt(value: str, kind: pa.StructType, path: Field, present: frozenset[Field]) -> str:
    parts = []
    for field in (kind.field(index) for index in range(kind.num_fields)):
        here = (*path, field.name)
        inner = f"{value}.{quoted(field.name)}"
        if here not in present:
            inner = f"CAST(NULL AS {duckdb_type(field.type)})"
        elif pa.types.is_struct(field.type):
            inner = _rebuilt(inner, field.type, here, present)
        else:
            inner = f"CAST({inner} AS {duckdb_type(field.type)})"
        parts.append(f"{quoted(field.name)}: {inner}")
    return f"CASE WHEN {value} IS NOT NULL THEN {{{', '.join(parts)}}} END"


def _structure(text: str, kind: pa.DataType) -> str:
    if not pa.types.is_struct(kind):
        return f"CAST(CAST({text} AS JSON) AS {duckdb_type(kind)})"
    shape = literal(json.dumps(_shape(kind)))
    return (
        f"CASE WHEN {text} IS NULL OR {text} = 'null' THEN NULL WHEN json_type(CAST({text} AS JSON)) = 'OBJECT' "
        f"THEN from_json(CAST({text} AS JSON), {shape}) ELSE error('a JSON object is wanted') END"
    )


def _shape(kind: pa.DataType) -> object:
    if pa.types.is_struct(kind):
        return {kind.field(index).name: _shape(kind.field(index).type) for index in range(kind.num_fields)}
    return duckdb_type(kind)


def duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name for an Arrow type of the documented schemas."""
    if pa.types.is_struct(kind):
        fields = (kind.field(index) for index in range(kind.num_fields))
        return "STRUCT(" + ", ".join(f"{quoted(field.name)} {duckdb_type(field.type)}" for field in fields) + ")"
    if pa.types.is_map(kind):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return _SCALARS[str(kind)]


_SCALARS = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
}


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
