"""The embedded warehouse: DuckDB over exported system tables, answering the same SQL as Databricks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa
from sqlglot import exp

from miner.errors import SourceError, UnreadableValueError
from queries import statements
from queries.files import FileGroup, duckdb_type, file_groups, is_folder, quoted, scan, select
from queries.warehouse import Field, Prepared, name_parts, nested_fields

BATCH_ROWS = 65_536

_TEXT_FORMATS = ("csv", "jsonl")


class EmbeddedWarehouse:
    """One folder of exported system tables. Thread-safe: every query runs on a cursor of its own."""

    ships_contents = True

    def __init__(self, root: Path, *, scratch: Path, memory_limit: str = "2GB", threads: int | None = None) -> None:
        """Open nothing but the engine; tables are read when they are first asked for.

        `scratch` takes what does not fit in `memory_limit`.
        """
        self._root = root
        self._lock = Lock()
        self._groups: dict[str, list[FileGroup]] = {}
        self._documented: dict[str, pa.Schema] = {}
        self._fields: dict[str, frozenset[Field]] = {}
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
        }
        if threads:
            config["threads"] = threads
        self._engine = duckdb.connect(config=config)
        # GLOBAL, since queries run on cursors, which take nothing over from the connection they came from.
        self._engine.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true")

    def close(self) -> None:
        """Let go of files and memory."""
        self._engine.close()

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields of one table's files together; None when the table has no folder."""
        with self._lock:
            if table not in self._fields:
                folder = self._root.joinpath(*name_parts(table))
                if not is_folder(folder):
                    return None
                self._open(table, file_groups(folder, required), documented)
            return self._fields[table]

    def mend(self, *tables: str) -> str:
        """Where the tables' files belong."""
        told = (f"{table} into {self._root.joinpath(*name_parts(table))}" for table in tables)
        return f"export {', '.join(told)}, or name {'them' if len(tables) > 1 else 'it'} in [sources.*.tables]"

    def cancel(self) -> None:
        """Nothing to do: files are read in seconds, and whoever waits for a day waits as long as it takes."""

    def _open(self, table: str, groups: list[FileGroup], documented: pa.Schema) -> None:
        known = set(documented.names)
        present = {path for group in groups for path in _given(group, documented) if path[0] in known}
        selects = " UNION ALL BY NAME ".join(select(group, documented) for group in groups)
        try:
            with _ctrl_c():
                self._engine.execute(f"CREATE VIEW {quoted(table)} AS {selects}")
        except duckdb.Error as error:
            raise UnreadableValueError(
                f"the files of {table} cannot be read: {_first_line(error)}", mend="export the table again"
            ) from error
        self._groups[table], self._documented[table] = groups, documented
        self._fields[table] = frozenset(present)

    def prepare(self, tree: exp.Expr, tables: Mapping[str, str]) -> Prepared:
        """The query in DuckDB's dialect, over the opened tables' views."""
        relations = {parameter: exp.table_(exp.to_identifier(name, quoted=True)) for parameter, name in tables.items()}
        text = _duckdb_sql(statements.with_tables(tree, relations))
        return Prepared(text, tuple(tables.values()), statements.parameters(tree) - set(tables))

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """Stream the rows of a query over the opened tables."""
        wanted = {name: values[name] for name in query.parameters}
        try:
            with _ctrl_c():
                reader = self._engine.cursor().sql(query.text, params=wanted).to_arrow_reader(BATCH_ROWS)
                yield from reader
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            raise self._diagnosed(error, query.tables) from error

    def _diagnosed(self, error: Exception, tables: Sequence[str]) -> SourceError:
        for table in tables:
            for group in self._groups.get(table, []):
                if found := self._bad_value(table, group):
                    return UnreadableValueError(found, mend="mend the value, or export the file again")
        if re.search(r"No space left|could not write|Out of Memory", str(error), re.IGNORECASE):
            return SourceError(
                f"the embedded warehouse ran out of room: {_first_line(error)}",
                mend="free disk space, or raise memory_limit of the source",
            )
        kind = (
            UnreadableValueError if isinstance(error, (duckdb.DataError, duckdb.IOException, OSError)) else SourceError
        )
        return kind(f"reading {', '.join(tables)} failed: {_first_line(error)}", mend="export the file again")

    def _bad_value(self, table: str, group: FileGroup) -> str | None:
        if group.format not in _TEXT_FORMATS:
            return None
        for field in self._documented[table]:
            if field.name not in group.columns or pa.types.is_string(field.type):
                continue
            for file in group.files:
                if found := self._first_unreadable(field, group, file):
                    row, value = found
                    return f"{file}, row {row}, column {field.name}: '{value[:80]}' is no {_spoken(field.type)}"
        return None

    def _first_unreadable(self, field: pa.Field, group: FileGroup, file: Path) -> tuple[int, str] | None:
        name = quoted(field.name)
        value = f"json_extract_string({name}, '$')" if group.format == "jsonl" else name
        if pa.types.is_nested(field.type):
            value = f"CAST({name} AS VARCHAR)"
            shape = "ARRAY" if pa.types.is_list(field.type) else "OBJECT"
            good = f"coalesce(json_type(TRY_CAST({value} AS JSON)) IN ('{shape}', 'NULL'), false)"
        else:
            good = f"TRY_CAST({value} AS {duckdb_type(field.type)}) IS NOT NULL"
        alone = FileGroup(group.format, group.columns, group.fields, group.types, (file,))
        asked = (
            f"SELECT row, value FROM (SELECT row_number() OVER () AS row, {value} AS value, "  # noqa: S608 -- quoted
            f"{good} AS good FROM {scan(alone)}) WHERE value IS NOT NULL AND NOT good ORDER BY row LIMIT 1"
        )
        try:
            with _ctrl_c():
                found = self._engine.cursor().execute(asked).fetchone()
        except duckdb.Error:
            return None
        return (int(found[0]), str(found[1])) if found else None


@contextmanager
def _ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C: DuckDB, at work, takes the signal and raises an error of its own."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def _given(group: FileGroup, documented: pa.Schema) -> frozenset[Field]:
    """What a group gives: a structure that comes as JSON text may hold any of its documented fields."""
    given = set(group.fields)
    for path in nested_fields(documented):
        if len(path) > 1 and (path[0],) in group.fields and group.types.get(path[0]) in ("string", "large_string"):
            given.add(path)
    return frozenset(given)


def _duckdb_sql(tree: exp.Expr) -> str:
    for call in tree.find_all(exp.RegexpReplace):
        replacement = call.args["replacement"]
        if isinstance(replacement, exp.Literal):
            replacement.set("this", replacement.this.replace("$", "\\"))
    for trimmed in tree.find_all(exp.Trim):
        if trimmed.expression is None:
            # DuckDB trims every blank of Unicode, Databricks the space alone.
            trimmed.set("expression", exp.Literal.string(" "))
    return tree.sql("duckdb", comments=False)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _spoken(kind: pa.DataType) -> str:
    if pa.types.is_nested(kind):
        return "JSON object"
    if pa.types.is_timestamp(kind):
        return "time"
    return {"BIGINT": "whole number", "BOOLEAN": "truth value"}.get(duckdb_type(kind), duckdb_type(kind).lower())
