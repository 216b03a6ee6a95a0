"""The port to names in memory: parts as they are given, and nothing of the others."""

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa

from miner import schemas
from miner.errors import SourceError
from miner.ports import NAMES, TableName


class FakeNames:
    """`miner.ports.Names` over rows by part; a part without rows is absent."""

    def __init__(self, **parts):
        if unknown := parts.keys() - NAMES.keys():
            raise AssertionError(f"there are no names of {unknown}")
        self.parts = parts
        self.asked: list[tuple[str, date, date]] = []
        self.listed: dict[str, list[tuple[str, str]]] | None = None
        """Columns with their types by table; they are told whoever is asked for."""
        self.described: list[list[TableName]] = []
        """The tables asked for, each time."""
        self.lost = ""
        """A part that is lost in the middle."""

    def absent(self) -> Sequence[str]:
        return [f"{part}: not given" for part in NAMES if part not in self.parts]

    def columns(self, tables: Sequence[TableName]) -> Iterator[pa.RecordBatch] | None:
        self.described.append(sorted(tables))
        if self.listed is None:
            return None
        rows = [
            dict(zip(schemas.TABLE_COLUMNS.names, (*name.split("."), at, column, kind), strict=True))
            for name, told in self.listed.items()
            for at, (column, kind) in enumerate(told)
        ]
        return iter(pa.Table.from_pylist(rows, schema=schemas.TABLE_COLUMNS).to_batches(2))

    def read(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        schema = NAMES[part]
        self.asked.append((part, first, last))
        if part not in self.parts:
            return None
        rows = [dict.fromkeys(schema.names) | row for row in self.parts[part]]
        if unknown := {name for row in rows for name in row} - set(schema.names):
            raise AssertionError(f"{part} has no columns {unknown}")
        return self._batches(part, pa.Table.from_pylist(rows, schema=schema))

    def _batches(self, part: str, table: pa.Table) -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(2)
        if part == self.lost:
            raise SourceError(f"{part} was lost")
