"""DuckDB over an exported estate, `DIR/<catalog>/<schema>/<table>/*.parquet`: statements in, record batches out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from tests.wire import catalog, dialect, sql_errors
from tests.wire.dialect import Parameter

BATCH_ROWS = 32_768


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that was understood: DuckDB's text, the tables it reads, the zone its timestamps are told in."""

    text: str
    tables: tuple[tuple[str, ...], ...]
    zone: str


@dataclass(frozen=True, slots=True)
class Place:
    """What a session adds to a statement: who asks, from where, in which zone."""

    principal: str
    catalog: str = "hive_metastore"
    schema: str = "default"
    zone: str = "Etc/UTC"


class Answer:
    """Rows of one statement, streamed from a connection of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, question: Question) -> None:
        """Start nothing yet."""
        self._connection, self._question = connection, question
        self.schema = pa.schema([])

    def begin(self) -> Iterator[pa.RecordBatch]:
        """Run the statement; rows follow while they are asked for, under `schema`'s names. Raises SqlError, also then."""
        try:
            self._connection.execute(f"SET TimeZone = '{self._question.zone}'")
            relation = self._connection.sql(self._question.text)
            wide = [name == "HUGEINT" for name in map(str, relation.types)]
            reader = relation.to_arrow_reader(BATCH_ROWS)
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            raise sql_errors.from_duckdb(error) from error
        plain = pa.schema([_narrow(field, huge) for field, huge in zip(reader.schema, wide, strict=True)])
        self.schema = pa.schema([field.with_type(spark_type(field.type)) for field in plain])
        return self._batches(reader, plain if any(wide) else None)

    def _batches(self, reader: pa.RecordBatchReader, narrowed: pa.Schema | None) -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield batch.cast(narrowed) if narrowed else batch
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            raise sql_errors.from_duckdb(error) from error

    def interrupt(self) -> None:
        """Stop what runs."""
        self._connection.interrupt()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _narrow(field: pa.Field, huge: bool) -> pa.Field:
    """Spark has no HUGEINT: its sums of whole numbers are BIGINT."""
    return field.with_type(pa.int64()) if huge else field


def spark_type(kind: pa.DataType) -> pa.DataType:
    """The type with Spark's names for the items of lists and maps; rows in memory stay as they are."""
    if pa.types.is_map(kind):
        return pa.map_(spark_type(kind.key_type), spark_type(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", spark_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(spark_type(field.type)) for field in kind])
    return kind


class Engine:
    """Understands statements over one estate and runs them, each on a connection of its own."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        """`clock` says what time the warehouse believes it is, in seconds since 1970."""
        self.root, self._clock = root, clock
        self._duckdb = duckdb.connect(config={"threads": 2})
        self._duckdb.execute("SET GLOBAL parquet_metadata_cache = true")

    def understand(self, text: str, given: Sequence[Parameter], place: Place) -> Question:
        """What a statement asks. Raises SqlError."""
        tree = dialect.bind(dialect.parse(text), given)
        names = dialect.table_names(tree, place.catalog, place.schema)
        dialect.over_files(tree, names, self._relation)
        return Question(dialect.to_duckdb(tree, self._constants(place)), tuple(names.values()), place.zone)

    def _relation(self, parts: Sequence[str]) -> str:
        found = catalog.relation(self.root, parts)
        if found is None:
            raise sql_errors.not_found(parts)
        return found

    def _constants(self, place: Place) -> Mapping[str, exp.Expr]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        said = exp.Literal.string
        return {
            "currentuser": said(place.principal),
            "current_user": said(place.principal),
            "session_user": said(place.principal),
            "sessionuser": said(place.principal),
            "currentcatalog": said(place.catalog),
            "current_catalog": said(place.catalog),
            "currentschema": said(place.schema),
            "current_schema": said(place.schema),
            "current_metastore": said("azure:westeurope:11111111-2222-3333-4444-555555555555"),
            "currenttimestamp": exp.cast(said(str(now)), "TIMESTAMP", dialect="databricks"),
            "currentdate": exp.cast(said(str(now.date())), "DATE"),
        }

    def answer(self, question: Question) -> Answer:
        """The rows of a statement, not begun."""
        return Answer(self._duckdb.cursor(), question)

    def close(self) -> None:
        """Let go of files and memory."""
        self._duckdb.close()
