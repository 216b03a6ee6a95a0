"""The daemon's small HTTP server: figures, liveness, readiness and the status page. It changes nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST

from miner.errors import SettingsError
from schedules.daemon.health import Health
from schedules.daemon.metrics import Metrics
from schedules.daemon.page import page

_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"

Answer = tuple[HTTPStatus, str, bytes]
_STUCK_SECONDS = 10
"""A client that sends nothing for so long is let go."""


def answers(health: Health, metrics: Metrics) -> dict[str, Callable[[], Answer]]:
    """What each path answers."""

    def healthz() -> Answer:
        if health.alive:
            return HTTPStatus.OK, _TEXT, b"ok\n"
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, b"the main loop stands still\n"

    def readyz() -> Answer:
        troubles = health.standing().troubles
        if not troubles:
            return HTTPStatus.OK, _TEXT, b"ok\n"
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, "".join(f"{one}\n" for one in troubles).encode()

    return {
        "/": lambda: (HTTPStatus.OK, _HTML, page(health.standing()).encode()),
        "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics.text()),
        "/healthz": healthz,
        "/readyz": readyz,
    }


@contextmanager
def serving(listen: str, paths: dict[str, Callable[[], Answer]]) -> Iterator[str]:
    """Answer on HOST:PORT until the block ends; gives the address. Raises SettingsError when it is taken."""
    host, _, port = listen.rpartition(":")
    try:
        server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(paths))
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {listen}: {error.strerror}", mend='name another [daemon] listen, or "off"'
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(paths: dict[str, Callable[[], Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _STUCK_SECONDS
        server_version = "uc-miner"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            found = paths.get(self.path.partition("?")[0])
            status, kind, content = found() if found else (HTTPStatus.NOT_FOUND, _TEXT, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (so it is called)
            """Requests are not logged: a probe comes every few seconds."""

    return Handler
