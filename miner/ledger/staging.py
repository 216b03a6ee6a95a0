"""A fetched run of days, brought beside the ledger before the ledger is locked.

Rows stream in as Arrow batches; numbers go to the stage as they are, texts only where the ledger does not
know their number yet. What the merge needs is worked out here, so that its transaction is short.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import days
from miner.errors import LedgerError
from miner.ledger import bulk, keys
from miner.ledger.database import Stage

Fates = Counter[tuple[date, str, str, str]]
"""Rows by (day, table, fate, rule)."""


ADD_DATASETS = (
    "INSERT INTO dataset (id, check_bits, metastore_id, catalog, schema, name, path, spelled_at) "
    "SELECT id, check_bits, metastore_id, catalog, schema, name, path, 0 FROM stage.new_dataset WHERE true "
    "ON CONFLICT (id) DO NOTHING"
)
"""What every merge does first with the datasets it brought."""


NEW_DATASET = (
    "CREATE TABLE stage.new_dataset (id INTEGER, check_bits INTEGER, metastore_id TEXT, catalog TEXT, schema TEXT, "
    "name TEXT, path TEXT)"
)
NEW_READER = "CREATE TABLE stage.new_reader (id INTEGER, name TEXT)"


class Staging:
    """The rows of a run of days within one month, in tables that a connection of the ledger names `stage.NAME`."""

    identities: ClassVar[Mapping[str, str]] = {"new_dataset": "dataset"}
    """Staged tables of what is new, and the ledger's tables they go to."""

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        self.connection = connection
        self.stage = stage
        self.first = first
        self.fates: Fates = Counter()
        self.contents: dict[date, str] = {}
        self.audited = False
        self._staged: dict[str, list[keys.Halves]] = {name: [] for name in self.identities}

    def close(self) -> None:
        """Let go of the connection and throw what was staged away."""
        self.stage.close()

    def difference(self) -> str:
        """How what was staged does not add up by itself; empty when it does."""
        return ""

    def prepare(self, source_id: int) -> None:
        """The last work before the ledger is locked, done while other days are being fetched."""

    def count_rows(self, of: str, rows: pa.Table) -> None:
        """Add rows that tell day, fate and rule to the balance of a table."""
        for row in rows.group_by(["day", "fate", "rule"]).aggregate([("rows", "sum")]).to_pylist():
            self.fates[row["day"], of, row["fate"], row["rule"] or ""] += row["rows_sum"]

    def digest(self, rows: pa.Table) -> None:
        """Note the content of each day of what is to be merged; rows come in their order."""
        for day in pc.unique(rows["day"]).to_pylist():
            digest = hashlib.blake2b(digest_size=16)
            for batch in rows.filter(pc.equal(rows["day"], day)).combine_chunks().to_batches():
                digest.update(batch.serialize())
            self.contents[days.day_of(day)] = digest.hexdigest()

    def execute(self, statement: str) -> None:
        self.connection.exec_driver_sql(statement)

    def rows(self, query: str) -> Sequence[Sequence[Any]]:
        """Rows of a query that may be many."""
        return bulk.rows(self.connection, query)

    def ingest(self, name: str, table: pa.Table, *, replace: bool = False) -> None:
        self.stage.ingest(name, table, replace=replace)

    def add_new(self, name: str, table: pa.Table) -> pa.Table:
        """Stage the rows that the ledger lacks, and give them back. Raises LedgerError on a number held by another."""
        table = self.unique(table)
        fresh = table.filter(pa.array(self.unknown(halves_of(table), self.identities[name])))
        self._staged[name].append(halves_of(fresh))
        self.ingest(name, fresh)
        return fresh

    def unknown(self, halves: keys.Halves, ledger_table: str) -> npt.NDArray[np.bool_]:
        """Which of the keys the ledger does not have yet. Raises LedgerError on a number held by another."""
        if not self.rows(f"SELECT 1 FROM main.{ledger_table} LIMIT 1"):  # noqa: S608 -- ours
            return np.ones(len(halves), np.bool_)
        table = pa.table({"at": np.arange(len(halves)), "id": halves[:, 0], "check_bits": halves[:, 1]})
        self.ingest("asked", table, replace=True)
        found = self.rows(
            f"SELECT a.at, l.id IS NOT NULL FROM stage.asked a LEFT JOIN main.{ledger_table} l ON l.id = a.id "  # noqa: S608
            "WHERE l.id IS NULL OR l.check_bits <> a.check_bits"
        )
        if any(held for _, held in found):
            raise _collision(ledger_table)
        lacking = np.zeros(len(halves), np.bool_)
        lacking[[at for at, _ in found]] = True
        return lacking

    def unique(self, table: pa.Table) -> pa.Table:
        """One row of each number, ascending. Raises LedgerError when two keys have one number."""
        _, first, rows = np.unique(table["id"].to_numpy(), return_index=True, return_inverse=True)
        checks = table["check_bits"].to_numpy()
        if (checks != checks[first][rows]).any():
            raise _collision("key")
        return table.take(pa.array(first))

    def refuse_doubles(self) -> None:
        """Raise LedgerError when two keys among what was staged share one number."""
        for parts in self._staged.values():
            halves = np.concatenate([np.zeros((0, 2), np.int64), *parts])
            self.unique(pa.table({"id": halves[:, 0], "check_bits": halves[:, 1]}))

    def refuse_collisions(self) -> None:
        """Raise LedgerError when a key that was staged and one that the ledger now has share one number."""
        for staged, ledger_table in self.identities.items():
            if self.rows(
                f"SELECT s.id FROM stage.{staged} s JOIN main.{ledger_table} l ON l.id = s.id "  # noqa: S608
                "WHERE l.check_bits <> s.check_bits LIMIT 1"
            ):
                raise _collision(ledger_table)

    def datasets(self, columns: Sequence[pa.ChunkedArray], halves: keys.Halves) -> None:
        """Stage the datasets that the ledger lacks; columns are metastore, catalog, schema, name, path."""
        table = pa.table(
            [pa.array(halves[:, 0]), pa.array(halves[:, 1]), *columns],
            names=["id", "check_bits", "metastore_id", "catalog", "schema", "name", "path"],
        )
        self.add_new("new_dataset", table)


def halves_of(table: pa.Table) -> keys.Halves:
    """The keys of a staged table."""
    return np.column_stack([table["id"].to_numpy(), table["check_bits"].to_numpy()])


def _collision(what: str) -> LedgerError:
    return LedgerError(
        f"two {what}s share one number in the ledger",
        mend="this is expected once in a million estates: report it; nothing was written",
    )


def end_columns(table: pa.Table, prefix: str) -> list[pa.ChunkedArray]:
    """The columns that name one end: metastore, catalog, schema, name, path."""
    return [table["metastore_id"], *(table[f"{prefix}_{part}"] for part in ("catalog", "schema", "name", "path"))]
