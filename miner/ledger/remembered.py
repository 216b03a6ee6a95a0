"""Rows by their number, read once and told as often as others name them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from miner import schemas
from miner.ledger import bulk

_AT_ONCE = 5_000

Numbers = npt.NDArray[np.int64]


class Remembered:
    """Rows of a query by their number: some are kept, as Arrow, so that memory does not grow with the estate.

    The query ends before its WHERE; its first column is the number, called `key` there, the others are of `schema`.
    """

    def __init__(self, connection: Connection, query: str, key: str, schema: pa.Schema, most: int) -> None:
        self._connection = connection
        self._query = f"{query} WHERE {key} IN (%s)"
        self._schema = schema
        self._most = most
        self._forget()

    def take(self, numbers: Numbers) -> pa.RecordBatch:
        """The rows of these numbers, in this order. Every number has one."""
        wanted = np.unique(numbers)
        unknown = np.setdiff1d(wanted, self._numbers, assume_unique=True)
        if len(unknown) and len(self._numbers) + len(unknown) > self._most:
            self._forget()
            unknown = wanted
        if len(unknown):
            self._learn(unknown)
        return self._rows.take(pa.array(np.searchsorted(self._numbers, numbers)))

    def _forget(self) -> None:
        self._numbers: Numbers = np.empty(0, np.int64)
        self._rows = pa.RecordBatch.from_pylist([], self._schema)

    def _learn(self, unknown: Numbers) -> None:
        found = [row for start in range(0, len(unknown), _AT_ONCE) for row in self._read(unknown[start:][:_AT_ONCE])]
        numbers = np.concatenate([self._numbers, np.array([row[0] for row in found], np.int64)])
        (told,) = schemas.table_of([row[1:] for row in found], self._schema).to_batches()
        order = np.argsort(numbers)
        self._numbers = numbers[order]
        self._rows = pa.concat_batches([self._rows, told]).take(pa.array(order))

    def _read(self, numbers: Numbers) -> Sequence[Sequence[object]]:
        return bulk.rows(self._connection, self._query % ",".join(map(str, numbers.tolist())))
