"""Rows put on disk as fast as they come: Databricks forgets a result that is not fetched from for 20 to 30 minutes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pyarrow as pa

from miner.errors import SourceError

_BATCH_ROWS = 65_536
_WRITTEN = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(slots=True)
class Spool:
    """One Arrow file in a scratch folder. Memory holds a batch at a time."""

    file: Path
    _writer: pa.ipc.RecordBatchFileWriter | None = field(default=None, init=False)

    @classmethod
    def within(cls, folder: Path) -> Self:
        """A new one in a folder."""
        handle, name = tempfile.mkstemp(suffix=".arrow", dir=folder)
        os.close(handle)
        return cls(Path(name))

    def begin_anew(self) -> None:
        """Drop what came so far."""
        self._finish()

    def add(self, rows: pa.Table) -> None:
        """Put rows behind those that are there."""
        if self._writer is not None and not rows.num_rows:
            return  # the connector ends a result with an empty table, not always of the same columns
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_file(str(self.file), rows.schema, options=_WRITTEN)
            self._writer.write_table(rows, max_chunksize=_BATCH_ROWS)
        except OSError as error:
            raise SourceError(
                f"rows cannot be put into {self.file.parent}: {error.strerror or error}",
                mend="free disk space beside the ledger",
            ) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row, in the order it came."""
        if self._writer is None:
            return
        self._finish()
        with pa.OSFile(str(self.file)) as source, pa.ipc.open_file(source) as reader:
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)

    def table(self) -> pa.Table:
        """Every row at once, for answers known to be small."""
        self._finish()
        with pa.OSFile(str(self.file)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            self._finish()
        self.file.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
