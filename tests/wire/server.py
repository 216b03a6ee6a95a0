"""A SQL warehouse on a socket of this machine: the unmodified Databricks connector talks to it as to the real one.

    with LocalWarehouse(folder) as warehouse, sql.connect(**warehouse.connect_arguments()) as connection:
        warehouse.tokens.add("guest", missing=[Missing("system.query.*")])          # tokens.py
        warehouse.faults.add(HttpStatus(503, retry_after=1), "ExecuteStatement")    # faults.py
        warehouse.workspace.add_client("id", "secret")                              # rest.py
        warehouse.journal.statements()                                              # journal.py

It answers a subset of Databricks SQL over DuckDB (dialect.py) and refuses what it would answer wrongly.
"""

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

from tests.wire import rest, thrift_front
from tests.wire.engine import Engine
from tests.wire.faults import Faults, HttpStatus, Interruption, Reset, strike
from tests.wire.journal import Call, Journal
from tests.wire.rest import OPEN_TO_ALL, WAREHOUSE_ID, Workspace
from tests.wire.sessions import Registry
from tests.wire.tokens import Refusal, Token, Tokens

TOKEN = "dapi-local"


class LocalWarehouse:
    """A running server over one estate. Use it as a context, or close it."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Listen on a free port of 127.0.0.1. `clock` is what tokens expire by and statements call now."""
        self.tokens, self.faults, self.journal = Tokens(clock), Faults(), Journal()
        self.tokens.add(TOKEN)
        self.workspace = Workspace(self.tokens, clock)
        self.registry = Registry(Engine(root, clock), self.faults, self.workspace)
        self._http = _Server(("127.0.0.1", 0), _Request)
        self._http.warehouse = self
        self.workspace.url = self.url
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, every statement, and every connection that a client keeps."""
        self._http.shutdown()
        self._thread.join()
        self.registry.close()
        self._http.hang_up()
        self._http.server_close()
        self.registry.engine.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        """The workspace's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def http_path(self) -> str:
        """The warehouse's path."""
        return f"/sql/1.0/warehouses/{WAREHOUSE_ID}"

    def connect_arguments(self, token: str = TOKEN, **more: Any) -> dict[str, Any]:
        """What `databricks.sql.connect` takes to reach it; waits between tries as short as the connector allows."""
        return {
            "server_hostname": "127.0.0.1",
            "http_path": self.http_path,
            "_connection_uri": self.url + self.http_path,
            "access_token": token,
            "enable_telemetry": False,
            "_retry_delay_min": 0.1,
            "_retry_delay_max": 5,
            "_retry_stop_after_attempts_count": 5,
        } | more


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    warehouse: LocalWarehouse

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection while it is served."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close without the farewell that the base class sends first: a reset is to be a reset."""
        self._open.discard(request)
        self.close_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Nothing: the call log tells it."""

    def do_GET(self) -> None:
        """A REST call."""
        self._rest(b"")

    def do_POST(self) -> None:
        """A Thrift call to the warehouse's path, or a REST call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/sql/"):
            self._thrift(body)
        else:
            self._rest(body)

    def _thrift(self, body: bytes) -> None:
        warehouse = self.server.warehouse
        call = warehouse.journal.open(thrift_front.method(body), self.headers)
        try:
            token = self._admitted(call)
            self._check_path(warehouse.http_path)
            answer = thrift_front.answered(warehouse.registry, call, token, body)
        except Refusal as refusal:
            self._refuse(call, HttpStatus(refusal.status, reason=refusal.reason), b"")
        except Interruption as fault:
            self._interrupt(call, fault.act, b"")
        else:
            self._answer(call, 200, answer, "application/x-thrift")

    def _rest(self, body: bytes) -> None:
        warehouse, path = self.server.warehouse, urlsplit(self.path).path
        call = warehouse.journal.open(f"{self.command} {path}", self.headers)
        try:
            strike(warehouse.faults.struck(call.method))
            token = None if path.startswith(OPEN_TO_ALL) else self._admitted(call)
            reply = warehouse.workspace.answer(self.command, self.path, self.headers, body, token)
        except Refusal as refusal:
            told = rest.refused(refusal.status, refusal.reason)
            self._refuse(call, HttpStatus(refusal.status, reason=refusal.reason), told)
        except Interruption as fault:
            self._interrupt(call, fault.act, rest.refused(getattr(fault.act, "code", 0), "A fault was asked for."))
        else:
            self._answer(call, reply.status, reply.body, reply.kind, dict(reply.headers))

    def _admitted(self, call: Call) -> Token:
        token = self.server.warehouse.tokens.admit(self.headers.get("Authorization", ""))
        call.principal = token.principal
        return token

    def _check_path(self, known: str) -> None:
        if urlsplit(self.path).path != known:
            raise Refusal(404, f"The warehouse of {self.path} does not exist.")

    def _interrupt(self, call: Call, act: HttpStatus | Reset, body: bytes) -> None:
        if isinstance(act, HttpStatus):
            self._refuse(call, act, body)
            return
        call.error = "reset"
        # Closing with a linger of no time is what the other side sees as a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _refuse(self, call: Call, status: HttpStatus, body: bytes) -> None:
        headers = {"x-databricks-reason-phrase": status.reason} if status.reason else {}
        if status.retry_after is not None:
            headers["Retry-After"] = str(status.retry_after)
        call.error = status.reason
        self._answer(call, status.code, body, "application/json" if body else "text/plain", headers)

    def _answer(self, call: Call, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        call.status = status
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
