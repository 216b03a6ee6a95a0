"""Azure on sockets of this machine: Entra, a machine's identity endpoints, and a Key Vault, each at its own address.

    with LocalAzure(folder) as azure:
        azure.stand_in(monkeypatch)                        # the world's addresses lead here, and nowhere else
        azure.directory.secrets["app"] = "s3cret"          # entra.py
        azure.vault["dbx"] = "dapi-1"

The vendor's clients are unmodified and speak TLS to the hosts that they know; only the resolver and the file of
trusted authorities are the test's.
"""

import json
import socket
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.wire.certificates import authority
from tests.wire.entra import TENANT, Answer, Directory

VAULT = "https://miner.vault.azure.net"
IDENTITY_HEADER = "the header of App Service"

_LOGINS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn")
_VAULTS = {
    "miner.vault.azure.net": "login.microsoftonline.com",
    "miner.vault.usgovcloudapi.net": "login.microsoftonline.us",
    "miner.vault.azure.cn": "login.chinacloudapi.cn",
}
_METADATA = "169.254.169.254"
_OWN = (
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
)
_HERE = ("127.0.0.1", "localhost")


class LocalAzure:
    """Running servers. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        """Listen on free ports of 127.0.0.1."""
        self.directory, self.vault = Directory(), dict[str, str]()
        self.readers: set[str] | None = None
        """Principals that may read the vault; None: all."""
        self._trusted = authority(folder)
        self._plain, self._safe = _Server(self), _Server(self)
        names = (*_LOGINS, *_VAULTS)
        self._safe.socket = self._trusted.serving(names, folder).wrap_socket(self._safe.socket, server_side=True)
        self._threads = [Thread(target=one.serve_forever, args=(0.02,), daemon=True) for one in self._servers]

    @property
    def _servers(self) -> tuple["_Server", "_Server"]:
        return self._plain, self._safe

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def identity_endpoint(self) -> str:
        """Where App Service and Container Apps answer for their identity."""
        return f"http://127.0.0.1:{self._plain.server_address[1]}/msi/token"

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead the addresses of Azure here, trust what is found there, and let no other address or identity be found."""
        for name in _OWN:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(self._trusted.file.parent))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self._trusted.file))
        doors = dict.fromkeys([(host, 443) for host in (*_LOGINS, *_VAULTS)], self._safe.server_address[1])
        doors[_METADATA, 80] = self._plain.server_address[1]
        resolve = socket.getaddrinfo

        def led(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            if host in _HERE:
                return resolve(host, port, *more, **named)
            if (host, port) not in doors:
                raise socket.gaierror(socket.EAI_NONAME, f"{host}:{port} is not known here")
            return resolve("127.0.0.1", doors[host, port], *more, **named)

        monkeypatch.setattr(socket, "getaddrinfo", led)

    def answer(self, verb: str, asked: str, headers: Mapping[str, str], body: str) -> Answer:
        """The answer to one request, by the host it was meant for."""
        host, address = headers["Host"], urlsplit(asked)
        query = dict(parse_qsl(address.query))
        if host in _LOGINS:
            known = self.directory
            form = dict(parse_qsl(body))
            return known.token(host, address.path, form) if verb == "POST" else known.told(host, address.path, query)
        if host in _VAULTS:
            return self._secret(host, address.path, headers.get("Authorization", ""))
        if headers.get("Metadata") == "true" and address.path == "/metadata/identity/oauth2/token":
            return self.directory.machine_token(host, query)
        if headers.get("X-IDENTITY-HEADER") == IDENTITY_HEADER and address.path == "/msi/token":
            return self.directory.machine_token(host, query)
        return 400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}

    def _secret(self, host: str, path: str, authorization: str) -> Answer:
        """Of a Key Vault: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret ."""
        holder = self.directory.holder(authorization, f"https://{host.partition('.')[2]}/.default")
        if holder is None:
            return 401, {"error": {"code": "Unauthorized", "message": "AKV10000: no Bearer token"}}
        name = path.removeprefix("/secrets/").rstrip("/")
        if self.readers is not None and holder.principal not in self.readers:
            return 403, {"error": {"code": "Forbidden", "message": "Caller is not authorized to perform action"}}
        if name not in self.vault:
            return 404, {
                "error": {"code": "SecretNotFound", "message": f"A secret with (name/id) {name} was not found"}
            }
        more = {"id": f"https://{host}/secrets/{name}", "attributes": {"enabled": True, "created": 1, "updated": 1}}
        return 200, {"value": self.vault[name], **more}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.azure = azure


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Nothing."""

    def do_GET(self) -> None:
        """Something that is told."""
        self._answer()

    def do_POST(self) -> None:
        """A token that is asked for."""
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        status, told = self.server.azure.answer(self.command, self.path, self.headers, body)
        self.send_response(status)
        host = self.headers["Host"]
        if status == 401 and host in _VAULTS:
            login, resource = _VAULTS[host], f"https://{host.partition('.')[2]}"
            self.send_header(
                "WWW-Authenticate", f'Bearer authorization="https://{login}/{TENANT}", resource="{resource}"'
            )
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())
