"""One session for everything that is read at a time: a warehouse that wakes once costs less."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import structlog
from databricks import sql
from databricks.sql.client import Connection, Cursor

from queries.databricks.errors import CONNECTOR_FAULTS
from queries.databricks.options import CLIENT, Options
from queries.databricks.sign_in import Identity

log = structlog.get_logger()


@dataclass(slots=True)
class Session:
    """Opened when first asked for, and again after it was lost. Thread-safe; a cursor belongs to one thread."""

    options: Options
    identity: Identity
    connect: Callable[..., Connection] = sql.connect
    _connection: Connection | None = field(default=None, init=False)
    _lost: list[Connection] = field(default_factory=list, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def cursor(self) -> Cursor:
        """A cursor of the session. Raises what the connector raises, and SignInError."""
        with self._lock:
            if self._connection is None:
                # Asked for first, so that a sign-in that fails is told by itself and not behind a failed request.
                self.identity.headers()
                self._connection = self.connect(**self._arguments())
                log.info("warehouse.opened", host=self.options.server)
            return self._connection.cursor(arraysize=self.options.batch_rows)

    def lost(self, cursor: Cursor) -> None:
        """Open another session next time, unless another thread has done so since the cursor was made.

        The old one is closed at the end: cursors of other threads may still read from it.
        """
        with self._lock:
            if self._connection is cursor.connection:
                self._lost.append(cursor.connection)
                self._connection = None

    def close(self) -> None:
        """End the session."""
        with self._lock:
            opened = [*self._lost, *([self._connection] if self._connection else [])]
            self._lost, self._connection = [], None
        for connection in opened:
            _close(connection)

    def _arguments(self) -> dict[str, Any]:
        options, patience = self.options, self.options.patience
        return {
            "server_hostname": options.server,
            "http_path": options.http_path,
            "_connection_uri": options.address or None,
            "credentials_provider": self.identity,
            "session_configuration": {"TIMEZONE": "UTC", "STATEMENT_TIMEOUT": str(int(patience.statement))},
            "query_tags": dict(options.query_tags) or None,
            "user_agent_entry": CLIENT,
            "enable_telemetry": False,
            "use_cloud_fetch": options.cloud_fetch,
            "max_download_threads": options.download_threads,
            "_socket_timeout": patience.socket,
            # The connector waits at least _retry_delay_max after a 429 or 503, 60 seconds by default.
            "_retry_delay_min": 1,
            "_retry_delay_max": patience.request_wait,
            "_retry_delay_default": patience.request_wait,
            "_retry_stop_after_attempts_count": patience.request_attempts,
            "_retry_stop_after_attempts_duration": max(patience.start, patience.socket),
        }


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except CONNECTOR_FAULTS as error:
        log.debug("session.not_closed", error=type(error).__name__)
