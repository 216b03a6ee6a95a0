"""Many rows through a connection of the ledger, past SQLAlchemy: its rows cost as much again as the driver's."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection

from miner.ledger.spelling import spelled

if TYPE_CHECKING:
    import psycopg

_numbers = count()


def batches(connection: Connection, query: str, size: int) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows of a query, so many at a time; other queries may run in between."""
    with closing(_cursor(connection)) as cursor:
        cursor.execute(_said(connection, query))
        while rows_ := cursor.fetchmany(size):
            yield rows_


def rows(connection: Connection, query: str) -> Sequence[Sequence[Any]]:
    """All rows of a query."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(_said(connection, query))
        return cursor.fetchall()


def insert(connection: Connection, table: str, columns: Sequence[str], values: Iterable[Sequence[object]]) -> None:
    """Add rows to a table."""
    names = ", ".join(columns)
    if _is_postgres(connection):
        with (
            postgres(connection).cursor() as cursor,
            cursor.copy(spelled(f"COPY {table} ({names}) FROM STDIN").encode()) as copy,
        ):
            for one in values:
                copy.write_row(one)
    elif given := list(map(tuple, values)):
        places = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({places})", given)  # noqa: S608 -- ours


def postgres(connection: Connection) -> "psycopg.Connection[tuple[Any, ...]]":
    """The driver's own connection, for COPY."""
    return cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _said(connection: Connection, query: str) -> str:
    return spelled(query) if _is_postgres(connection) else query


def _cursor(connection: Connection) -> Any:
    # On PostgreSQL a cursor without a name would fetch everything at once.
    if _is_postgres(connection):
        return postgres(connection).cursor(f"rows_{next(_numbers)}")
    return connection.connection.cursor()
