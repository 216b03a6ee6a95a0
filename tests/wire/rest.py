"""What a client asks besides SQL: the warehouse's state, who it is, tokens for a service principal (OAuth M2M).

https://docs.databricks.com/api/workspace and https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.wire.tokens import Refusal, Token, Tokens

WAREHOUSE_ID = "0123456789abcdef"
LISTS = {
    "sql/queries": "results",
    "sql/alerts": "results",
    "alerts": "alerts",
    "lakeview/dashboards": "dashboards",
    "preview/sql/dashboards": "results",
    "genie/spaces": "spaces",
    "unity-catalog/catalogs": "catalogs",
}
"""The APIs that list things page by page, and what their answers call them."""

FOLDERS = "workspace/list"
CONNECTION = "unity-catalog/connections/"

OPEN_TO_ALL = ("/oidc/", "/.well-known/", "/files/")


@dataclass(frozen=True, slots=True)
class Reply:
    """A REST answer."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """A service principal that may ask for tokens, each good for `lifetime` seconds and so many `calls`."""

    secret: str
    principal: str
    lifetime: int
    calls: int | None


@dataclass(slots=True)
class Workspace:
    """The workspace around the warehouse. `state` is what the warehouses API tells; starting it makes it RUNNING."""

    tokens: Tokens
    clock: Callable[[], float]
    state: str = "RUNNING"
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    listed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the APIs in `LISTS` tell, by path; of folders by `workspace/list` and the folder."""
    closed: set[str] = field(default_factory=set)
    """Paths, and folders, that answer 403."""
    page: int = 2
    """How many things one page holds."""
    _clients: dict[str, Client] = field(default_factory=dict)

    def add_client(
        self, client_id: str, secret: str, *, principal: str = "", lifetime: int = 3600, calls: int | None = None
    ) -> None:
        """Let a service principal ask for tokens."""
        self._clients[client_id] = Client(secret, principal or client_id, lifetime, calls)

    def answer(self, verb: str, asked: str, headers: Mapping[str, str], body: bytes, token: Token | None) -> Reply:
        """The answer to one call of a path with its query; `token` is None for a path that is open to all."""
        path, _, query = asked.partition("?")
        match verb, path:
            case "GET", "/.well-known/databricks-config":
                return _json({"oidc_endpoint": f"{self.url}/oidc", "workspace_id": "1001"})
            case "GET", "/oidc/.well-known/oauth-authorization-server":
                return _json(self._discovery())
            case "POST", "/oidc/v1/token":
                return self._token(headers, body)
            case "GET", _ if path.startswith("/files/"):
                return self._file(path)
            case _ if token is None:
                return _error(404, "ENDPOINT_NOT_FOUND", f"No API found for '{verb} {path}'")
        return self._api(verb, path, token, parse_qs(query))

    def _told(self, asked: str, query: Mapping[str, str]) -> Reply:
        """One page of a list, a folder, or one connection."""
        key = f"{asked}{query['path']}" if asked == FOLDERS else asked
        if key in self.closed:
            return _error(403, "PERMISSION_DENIED", f"User does not have permission to view {key}")
        if asked.startswith(CONNECTION):
            return _json(self.listed[asked][0]) if asked in self.listed else _error(404, "NOT_FOUND", "No connection")
        if asked == FOLDERS:
            return _json({"objects": self.listed.get(key, [])})
        # Old APIs count pages, from 1, and give an empty one behind the last.
        first = (int(query["page"]) - 1) * self.page if "page" in query else int(query.get("page_token", "0"))
        page = self.listed.get(asked, [])[first : first + self.page]
        more = (
            {"next_page_token": str(first + self.page)} if first + self.page < len(self.listed.get(asked, [])) else {}
        )
        return _json({LISTS[asked]: page, **more})

    def _api(  # noqa: PLR0911 (one for each thing that is asked)
        self, verb: str, path: str, token: Token, query: Mapping[str, list[str]]
    ) -> Reply:
        told = path.removeprefix("/api/2.0/").removeprefix("/api/2.1/")
        match verb, told.split("/"):
            case "GET", _ if told in LISTS or told == FOLDERS or told.startswith(CONNECTION):
                return self._told(told, {name: values[0] for name, values in query.items()})
            case "GET", ["preview", "scim", "v2", "Me"]:
                me = {"id": "1", "userName": token.principal, "displayName": token.principal, "active": True}
                return Reply(200, json.dumps(me).encode(), headers={"X-Databricks-Org-Id": "1001"})
            case "GET", ["sql", "warehouses"]:
                return _json({"warehouses": [self._warehouse()]})
            case "GET", ["sql", "warehouses", asked]:
                return _json(self._warehouse()) if asked == WAREHOUSE_ID else _no_warehouse(asked)
            case "POST", ["sql", "warehouses", asked, "start"] if asked == WAREHOUSE_ID:
                self.state = "RUNNING"
                return _json({})
            case "GET", ["connector-service", "feature-flags", *_]:
                return _json({"flags": [], "ttl_seconds": 900})
        return _error(404, "ENDPOINT_NOT_FOUND", f"No API found for '{verb} {path}'")

    def _warehouse(self) -> dict[str, Any]:
        return {
            "id": WAREHOUSE_ID,
            "name": "local",
            "state": self.state,
            "enable_serverless_compute": False,
            "warehouse_type": "PRO",
            "odbc_params": {"path": f"/sql/1.0/warehouses/{WAREHOUSE_ID}", "protocol": "http"},
        }

    def _discovery(self) -> dict[str, str]:
        return {
            "issuer": f"{self.url}/oidc",
            "authorization_endpoint": f"{self.url}/oidc/v1/authorize",
            "token_endpoint": f"{self.url}/oidc/v1/token",
        }

    def _token(self, headers: Mapping[str, str], body: bytes) -> Reply:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        client_id, secret = _credentials(headers.get("Authorization", ""), form)
        client = self._clients.get(client_id)
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "Only client_credentials is served.")
        if client is None or not secrets.compare_digest(client.secret, secret):
            return _oauth_error(401, "invalid_client", "Client authentication failed")
        value = f"local-{secrets.token_hex(16)}"
        self.tokens.add(value, client.principal, calls=client.calls, expires=self.clock() + client.lifetime)
        return _json(
            {"access_token": value, "token_type": "Bearer", "scope": "all-apis", "expires_in": client.lifetime}
        )

    def _file(self, path: str) -> Reply:
        found = self.files.get(path)
        return Reply(200, found, "application/octet-stream") if found is not None else Reply(404, b"", "text/plain")


def _credentials(authorization: str, form: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme != "Basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refusal(400, "The Authorization header is no Basic credential.") from error
    return client_id, secret


def _json(told: Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(status, json.dumps(told).encode())


def _error(status: int, code: str, words: str) -> Reply:
    return _json({"error_code": code, "message": words}, status)


def _oauth_error(status: int, code: str, words: str) -> Reply:
    return _json({"error": code, "error_description": words}, status)


def _no_warehouse(asked: str) -> Reply:
    return _error(404, "RESOURCE_DOES_NOT_EXIST", f"The warehouse {asked} does not exist")


def refused(status: int, words: str) -> bytes:
    """The body of a REST call that was refused."""
    code = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}.get(status, "INTERNAL_ERROR")
    return json.dumps({"error_code": code, "message": words}).encode()
