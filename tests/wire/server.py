"""A SQL warehouse on a socket of this machine: the unmodified Databricks connector talks to it as to the real one."""

import socket
import struct
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from tests.wire.engine import Engine
from tests.wire.faults import Faults, HttpStatus, Reset
from tests.wire.journal import Call, Journal
from tests.wire.thrift_front import Interruption, Registry, ThriftCalls
from tests.wire.tokens import Refusal, Token, Tokens

WAREHOUSE_ID = "0123456789abcdef"
TOKEN = "dapi-local"


class LocalWarehouse:
    """A running server over one estate. Use it as a context, or close it."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Listen on a free port of 127.0.0.1. `clock` is what tokens expire by and statements call now."""
        self.tokens, self.faults, self.journal = Tokens(clock), Faults(), Journal()
        self.tokens.add(TOKEN)
        self.registry = Registry(Engine(root, clock), self.faults)
        self._http = _Server(("127.0.0.1", 0), _Request)
        self._http.warehouse = self
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> "LocalWarehouse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and every statement."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self.registry.close()
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
        } | more


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    warehouse: LocalWarehouse


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Nothing: the call log tells it."""

    def do_POST(self) -> None:  # noqa: N802 -- the base class names it so
        """A Thrift call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        warehouse = self.server.warehouse
        call = warehouse.journal.open(_method(body), self.headers)
        try:
            token = warehouse.tokens.admit(self.headers.get("Authorization", ""))
            call.principal = token.principal
            self._answer(call, 200, _answered(warehouse.registry, call, token, body), "application/x-thrift")
        except Refusal as refusal:
            self._refuse(call, HttpStatus(refusal.status, reason=refusal.reason))
        except Interruption as fault:
            self._interrupt(call, fault.act)

    def _interrupt(self, call: Call, act: HttpStatus | Reset) -> None:
        if isinstance(act, HttpStatus):
            self._refuse(call, act)
            return
        # Closing with unsent data thrown away is what the other side sees as a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _refuse(self, call: Call, status: HttpStatus) -> None:
        headers = {"x-databricks-reason-phrase": status.reason} if status.reason else {}
        if status.retry_after is not None:
            headers["Retry-After"] = str(status.retry_after)
        self._answer(call, status.code, b"", "text/plain", headers)

    def _answer(self, call: Call, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        call.status = status
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _protocol(buffer: TMemoryBuffer) -> TBinaryProtocol:
    return TBinaryProtocol(buffer, string_length_limit=None, container_length_limit=None)


def _method(body: bytes) -> str:
    return _protocol(TMemoryBuffer(body)).readMessageBegin()[0]


def _answered(registry: Registry, call: Call, token: Token, body: bytes) -> bytes:
    handler, answer = ThriftCalls(registry, call, token), TMemoryBuffer()
    TCLIService.Processor(handler).process(_protocol(TMemoryBuffer(body)), _protocol(answer))
    handler.finish()
    return answer.getvalue()
