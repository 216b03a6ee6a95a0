"""The life of one statement on the server: pending, running, finished or failed, read piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService.ttypes import TOperationState

from tests.wire import sql_errors
from tests.wire.engine import Answer
from tests.wire.faults import Act, Fails, Hold, Pending, Truncated
from tests.wire.sql_errors import SqlError


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a result from `offset` on; `more` when it goes on."""

    offset: int
    batches: tuple[pa.RecordBatch, ...]
    more: bool


class Operation:
    """One statement. Its rows are made while they are read, so that memory does not grow with the result."""

    def __init__(self, answer: Answer, session: bytes, tables: Sequence[str], acts: Sequence[Act]) -> None:
        """Begin at once, unless a fault has it wait."""
        self.session, self.tables, self.by_link = session, tuple(tables), False
        self.error: SqlError | None = None
        self._answer = answer
        self._polls = sum(act.polls for act in acts if isinstance(act, Pending))
        self._holds = [act for act in acts if isinstance(act, Hold)]
        self._fails = [act for act in acts if isinstance(act, Fails)]
        self._rows_left = min([act.rows for act in acts if isinstance(act, Truncated)], default=None)
        self._rows: Iterator[pa.RecordBatch] = iter(())
        self._rest: pa.RecordBatch | None = None
        self._offset = 0
        self._reading, self._stopped, self._done = Lock(), Event(), Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._begun = False
        if not self._polls:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        self._thread.start()

    def _run(self) -> None:
        try:
            self._wait()
            self._rows = self._answer.begin()
            # The first rows are part of running: what goes wrong with them is the statement's error.
            self._rest = next(self._rows, None)
            self._check()
        except SqlError as error:
            self.error = error
        finally:
            self._done.set()

    def _wait(self) -> None:
        for hold in self._holds:
            while not hold.released.wait(0.01):
                self._check()
        for fault in self._fails:
            raise SqlError(fault.error_class, fault.state, fault.words)
        self._check()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise sql_errors.CANCELED

    @property
    def schema(self) -> pa.Schema:
        """The columns, once finished."""
        return self._answer.schema

    def state(self, seconds: float) -> int:
        """Where it stands, waiting so long for its end. Each question brings a pending one nearer its start."""
        if self._polls:
            self._polls -= 1
            return TOperationState.PENDING_STATE
        if self._stopped.is_set():
            return TOperationState.CANCELED_STATE
        if not self._begun:
            self._begin()
        if not self._done.wait(seconds):
            return TOperationState.RUNNING_STATE
        if self._stopped.is_set():
            return TOperationState.CANCELED_STATE
        return TOperationState.ERROR_STATE if self.error else TOperationState.FINISHED_STATE

    def cancel(self) -> None:
        """Stop, wherever it is."""
        self._stopped.set()
        self._answer.interrupt()

    def close(self) -> None:
        """Stop, and let go of everything."""
        self.cancel()
        while self._begun and self._thread.is_alive():
            # An interrupt that comes just before the statement runs is lost.
            self._answer.interrupt()
            self._thread.join(0.05)
        with self._reading:
            self._rows, self._rest = iter(()), None
            self._answer.close()

    def read(self, rows: int, size: int) -> Piece:
        """The next rows: at most so many, and no more batches once so many bytes are together. Raises SqlError."""
        self._done.wait()
        with self._reading:
            if self.error:
                raise self.error
            if self._rows_left is not None:
                rows = min(rows, self._rows_left)
            taken = self._take(rows, size)
            offset, count = self._offset, sum(batch.num_rows for batch in taken)
            self._offset += count
            if self._rows_left is not None:
                self._rows_left -= count
            return Piece(offset, tuple(taken), self._rest is not None and self._rows_left != 0)

    def _take(self, rows: int, size: int) -> list[pa.RecordBatch]:
        taken: list[pa.RecordBatch] = []
        while self._rest is not None and rows > 0 and sum(batch.nbytes for batch in taken) < size:
            batch, whole = self._rest, self._rest.num_rows <= rows
            taken.append(batch if whole else batch.slice(0, rows))
            rows -= taken[-1].num_rows
            self._rest = next(self._rows, None) if whole else batch.slice(taken[-1].num_rows)
        return taken
