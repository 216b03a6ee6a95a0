"""One statement from the text to its rows on disk: sent, waited for, fetched; cancelled when it takes too long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event

import structlog
from databricks.sql.backend.types import CommandState
from databricks.sql.client import Cursor

from miner.errors import SourceError
from queries.databricks.errors import CONNECTOR_FAULTS
from queries.databricks.options import Patience
from queries.databricks.spool import Spool

log = structlog.get_logger()

FIRST_POLL = 0.02
LONGEST_POLL = 1.0
Starting = Callable[[float | None], object]
"""Told how many seconds a warehouse has been waited for that is starting or full, and None once it goes on."""


def untold(_seconds: float | None) -> None:
    """Nobody is told."""


STARTING_AFTER = 5.0
"""Seconds after which a statement that does not run yet is told to wait for the warehouse."""

CANCELLED = "reading was cancelled"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How patient to be, seconds that pass, how to let them pass, whether reading was cancelled meanwhile.

    `starting` is told while the warehouse starts.
    """

    patience: Patience
    seconds: Callable[[], float]
    sleep: Callable[[float], object]
    cancelled: Event
    starting: Starting = untold

    def check(self) -> None:
        """Raise SourceError when reading was cancelled."""
        if self.cancelled.is_set():
            raise SourceError(CANCELLED)


def run(cursor: Cursor, text: str, values: Mapping[str, object], spool: Spool, waiting: Waiting) -> None:
    """Run a statement and put its rows into a spool. What is left of it on the server is cancelled on any failure.

    Raises what the connector raises, and SourceError when it takes too long or reading was cancelled.
    """
    try:
        cursor.execute_async(text, dict(values))
        try:
            _wait(cursor, waiting)
        finally:
            waiting.starting(None)
        cursor.get_async_execution_result()  # type: ignore[no-untyped-call]
        _fetch(cursor, spool, waiting)
    except BaseException:
        _cancel(cursor)
        raise
    finally:
        _close(cursor)


def _wait(cursor: Cursor, waiting: Waiting) -> None:
    """Ask for the state until the statement is done. Polled with pauses, so that other cursors get their turn."""
    begun = told = waiting.seconds()
    ran = False
    pause = FIRST_POLL
    while (state := cursor.get_query_state()) in (CommandState.PENDING, CommandState.RUNNING):
        waiting.check()
        now = waiting.seconds()
        if state is CommandState.RUNNING and not ran:
            ran, begun = True, now
        limit = waiting.patience.statement if ran else waiting.patience.start
        if now - begun > limit:
            raise _too_long(limit, ran=ran)
        if not ran and now - begun >= STARTING_AFTER:
            waiting.starting(now - begun)
        if not ran and now - told >= STARTING_AFTER:
            told = now
            log.info("warehouse.starting", seconds=round(now - begun))
        waiting.sleep(pause)
        pause = min(pause * 2, LONGEST_POLL)
    waiting.check()
    if state is not CommandState.SUCCEEDED:
        raise SourceError(
            f"a statement was ended by the warehouse: {state.value.lower()}",
            mend="look into the query history of the workspace for who or what ended it, then run again",
        )


def _too_long(limit: float, *, ran: bool) -> SourceError:
    if ran:
        return SourceError(
            f"a statement did not end within {limit:g} seconds",
            mend="raise statement_timeout of the source, or give the warehouse a larger size",
        )
    return SourceError(
        f"the warehouse did not begin a statement within {limit:g} seconds",
        mend="look whether it can start and is not overloaded, or raise start_timeout of the source",
    )


def _fetch(cursor: Cursor, spool: Spool, waiting: Waiting) -> None:
    while _fetch_some(cursor, spool) == cursor.arraysize:
        waiting.check()


def _fetch_some(cursor: Cursor, spool: Spool) -> int:
    rows = cursor.fetchmany_arrow(cursor.arraysize)
    spool.add(rows)
    return len(rows)


def _cancel(cursor: Cursor) -> None:
    if cursor.active_command_id is None:
        return
    try:
        cursor.cancel()
    except CONNECTOR_FAULTS as error:
        log.debug("statement.not_cancelled", error=type(error).__name__)


def _close(cursor: Cursor) -> None:
    try:
        cursor.close()
    except CONNECTOR_FAULTS as error:
        log.debug("statement.not_closed", error=type(error).__name__)
