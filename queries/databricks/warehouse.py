"""The Databricks SQL warehouse: the same SQL as it is written, values and table names bound, rows as Arrow."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

import pyarrow as pa
import structlog
from databricks.sql.client import Cursor
from sqlglot import exp

from miner.errors import MissingTableError, SourceError
from queries import statements
from queries.databricks import statement
from queries.databricks.errors import CONNECTOR_FAULTS, RETRIED, Asked, Kind, first_line, kind_of, translated
from queries.databricks.options import Options
from queries.databricks.rights import quoted, readable
from queries.databricks.session import Session
from queries.databricks.sign_in import Identity
from queries.databricks.spool import Spool
from queries.databricks.statement import Starting, Waiting, untold
from queries.warehouse import Field, Prepared, name_parts, nested_fields

log = structlog.get_logger()

_PROBE = "SELECT * FROM IDENTIFIER(:probed) WHERE 1 = 0"
_WHO = "SELECT current_user() AS me"
_FIRST_WAIT = 1.0


@dataclass(slots=True)
class DatabricksWarehouse:
    """One SQL warehouse. Thread-safe: statements share a session, each with a cursor of its own.

    `scratch` takes rows as they come. `seconds` and `sleep` are the clock; the sleep ends early on `cancel`.
    `starting` is told while the warehouse starts.
    """

    options: Options
    session: Session
    identity: Identity
    scratch: Path
    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    starting: Starting = untold
    ships_contents: bool = field(default=False, init=False)
    _fields: dict[str, frozenset[Field] | None] = field(default_factory=dict, init=False)
    _principal: str | None = field(default=None, init=False)
    _cancelled: Event = field(default_factory=Event, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def cancel(self) -> None:
        """End every statement, for good: whoever reads gets SourceError. Returns at once."""
        self._cancelled.set()

    def close(self) -> None:
        """Cancel what runs, and end the session."""
        self.cancel()
        self.session.close()

    def fields(self, table: str, documented: pa.Schema, required: Sequence[str]) -> frozenset[Field] | None:
        """The fields of one table, asked of the warehouse once; None when there is no such table.

        Raises MissingRightError when it is there and may not be read.
        """
        del documented, required
        with self._lock:
            if table not in self._fields:
                self._fields[table] = self._probed(table)
            return self._fields[table]

    def mend(self, *tables: str) -> str:
        """What to do about tables that `fields` does not find."""
        return readable(tables, self.principal)

    def prepare(self, tree: exp.Expr, tables: Mapping[str, str]) -> Prepared:
        """The query as it is; table names are bound like values."""
        wanted = statements.parameters(tree)
        bound = {name: table for name, table in tables.items() if name in wanted}
        return Prepared(tree.sql(statements.DIALECT, comments=False), tuple(bound.values()), wanted, bound)

    def run(self, query: Prepared, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        """Rows of a prepared query, once all of them are on disk."""
        names = {parameter: quoted(*name_parts(table)) for parameter, table in query.bound.items()}
        given = {name: names.get(name) or values[name] for name in sorted(query.parameters)}
        with closing(Spool.within(self.scratch)) as spool:
            self._fill(spool, query.text, given, query.tables)
            yield from spool.batches()

    @property
    def principal(self) -> str:
        """Who the miner reads as: as configured, else as the warehouse says; empty when it does not."""
        if self.options.principal:
            return self.options.principal
        if self._principal is None:
            try:
                (row,) = self._rows(_WHO, {}, ()).to_pylist()
                self._principal = str(row["me"])
            except SourceError:
                self._principal = ""
        return self._principal

    def _probed(self, table: str) -> frozenset[Field] | None:
        try:
            return nested_fields(self._rows(_PROBE, {"probed": quoted(*name_parts(table))}, (table,)).schema)
        except MissingTableError:
            return None

    def _rows(self, text: str, values: Mapping[str, object], tables: tuple[str, ...]) -> pa.Table:
        with closing(Spool.within(self.scratch)) as spool:
            self._fill(spool, text, values, tables)
            return spool.table()

    def _fill(self, spool: Spool, text: str, values: Mapping[str, object], tables: tuple[str, ...]) -> None:
        """Run a statement until it goes through: faults that pass are waited out, a refused token is renewed once."""
        begun, attempt, renewed = self.seconds(), 1, False
        sleep = self.sleep or self._cancelled.wait
        waiting = Waiting(self.options.patience, self.seconds, sleep, self._cancelled, self.starting)
        while True:
            waiting.check()
            spool.begin_anew()
            cursor: Cursor | None = None
            try:
                cursor = self.session.cursor()
                statement.run(cursor, text, values, spool, waiting)
            except SourceError:
                raise
            except CONNECTOR_FAULTS as error:
                kind = kind_of(error)
                if cursor is not None and kind in (Kind.SESSION_LOST, Kind.SIGN_IN):
                    self.session.lost(cursor)
                if kind is Kind.SIGN_IN and not renewed:
                    renewed = True
                    self.identity.forget()
                elif not self._goes_on(kind, attempt, begun):
                    # The connector's own error holds the statement, and would be printed as the cause.
                    raise self._told(error, kind, tables) from None
                else:
                    self._wait(kind, attempt, begun, error, waiting)
                    attempt += 1
            else:
                return

    def _goes_on(self, kind: Kind, attempt: int, begun: float) -> bool:
        if kind is Kind.STARTING:
            return self.seconds() - begun < self.options.patience.start
        return kind in RETRIED and attempt < self.options.patience.attempts

    def _wait(self, kind: Kind, attempt: int, begun: float, error: BaseException, waiting: Waiting) -> None:
        wait = min(_FIRST_WAIT * 2.0 ** (attempt - 1), self.options.patience.longest)
        if kind is Kind.STARTING:
            waiting.starting(self.seconds() - begun)
            log.info("warehouse.starting", host=self.options.server, seconds=round(self.seconds() - begun))
        else:
            words = self.identity.scrubbed(first_line(str(error)))
            log.warning("statement.retried", fault=kind.value, attempt=attempt, seconds=wait, error=words)
        waiting.sleep(wait)

    def _told(self, error: BaseException, kind: Kind, tables: tuple[str, ...]) -> SourceError:
        names_principal = kind in (Kind.MISSING_RIGHT, Kind.MISSING_TABLE) and tables
        principal = self.principal if names_principal else ""
        return translated(error, Asked(self.options.server, principal, tables, self.identity.scrubbed))
