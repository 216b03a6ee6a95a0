"""What a workspace's API tells of names, one part at a time, asked page by page.

https://docs.databricks.com/api/workspace
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.errors import NotImplemented as NotServed
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.catalog import CatalogInfo, CatalogType, ConnectionInfo, ConnectionType
from databricks.sdk.service.workspace import ObjectInfo, ObjectType

from miner.errors import MissingRightError, SignInError, SourceError
from miner.scope import lowered
from queries.databricks.client import client, words
from queries.databricks.sign_in import Identity
from queries.names import CatalogForm, Named

PATIENCE = 300
"""Seconds for which the SDK tries one page again after 429, 503 and the like."""

_MENDS: Mapping[str, str] = {
    "catalogs": "grant USE CATALOG or BROWSE on the catalogs, and USE CONNECTION on the connections behind them",
    "notebooks": "give the principal CAN VIEW on the folders of the workspace",
}
_MEND = "give the principal CAN VIEW on them, or take the part out of names_from_api of the source"

_RETIRED = frozenset({"legacy_dashboards"})
_GONE = (BadRequest, NotServed, DatabricksError)
"""How a workspace refuses an API that Databricks has taken back; 410 has no class of its own."""

_SCHEMES: Mapping[ConnectionType, tuple[str, str]] = {
    ConnectionType.SQLSERVER: ("sqlserver", "1433"),
    ConnectionType.SQLDW: ("sqlserver", "1433"),
    ConnectionType.POSTGRESQL: ("postgres", "5432"),
    ConnectionType.MYSQL: ("mysql", "3306"),
    ConnectionType.ORACLE: ("oracle", "1521"),
    ConnectionType.REDSHIFT: ("redshift", "5439"),
    ConnectionType.TERADATA: ("teradata", "1025"),
}
"""How OpenLineage begins a namespace, and the usual port. https://openlineage.io/docs/spec/naming"""

_DATABASES = ("database", "databaseName", "service_name", "dataset")


@dataclass(slots=True)
class WorkspaceNames:
    """Implements `queries.names.WorkspaceApi` over the SDK's client."""

    host: str
    identity: Identity
    make: Callable[[str, Identity, int], WorkspaceClient] = client
    _client: WorkspaceClient | None = field(default=None, init=False)

    def named(self, part: str) -> Iterator[Named]:
        """Objects of one part in this workspace; those without a name or in the bin are left out."""
        return self._asked(part, lambda: self._named(part))

    def catalogs(self) -> Iterator[CatalogForm]:
        """Foreign catalogs, and those of Delta Sharing."""
        return self._asked("catalogs", self._catalogs)

    def _asked(self, part: str, ask: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        try:
            yield from ask()
        except (Unauthenticated, PermissionDenied, NotFound) as error:
            raise self._refused(part, error) from None
        except (DatabricksError, ValueError, KeyError, OSError, TimeoutError) as error:
            if part in _RETIRED and type(error) in _GONE:
                raise MissingRightError(f"{self.host} has no {part} any more", mend=_MEND) from None
            raise SourceError(
                f"{self.host} did not tell its {part}: {words(error, self.identity)}",
                mend="run again; names that were told before stay as they were",
            ) from None

    def _refused(self, part: str, error: DatabricksError) -> SourceError:
        told = words(error, self.identity)
        # A token that is none is refused with 403 as well.
        if isinstance(error, Unauthenticated) or re.search(r"\btoken\b", told, re.IGNORECASE):
            return SignInError(
                f"{self.host} does not accept the sign-in to its API: {told}",
                mend="check auth and its token or secret",
            )
        return MissingRightError(
            f"the principal may not ask {self.host} for {part}: {told}", mend=_MENDS.get(part, _MEND)
        )

    @property
    def _workspace(self) -> WorkspaceClient:
        if self._client is None:
            self._client = self.make(self.host, self.identity, PATIENCE)
        return self._client

    def _named(self, part: str) -> Iterator[Named]:
        asked = self._workspace
        number = str(asked.get_workspace_id())
        for kind, item_id, name, changed in _LISTED[part](asked):
            if item_id and name:
                yield Named(kind, number, str(item_id), name.strip(), _instant(changed))

    def _catalogs(self) -> Iterator[CatalogForm]:
        asked = self._workspace
        connections = _Connections(asked)
        for one in asked.catalogs.list(include_browse=True):
            if found := _form(one, connections):
                yield found


Listed = Iterable[tuple[str, object, str | None, object]]


def _notebooks(asked: WorkspaceClient) -> Listed:
    """Folder by folder; those that may not be seen are passed over, but for the root."""
    waiting = ["/"]
    while waiting:
        folder = waiting.pop()
        for one in _within(asked, folder):
            if one.object_type in (ObjectType.DIRECTORY, ObjectType.REPO) and one.path:
                waiting.append(one.path)
            elif one.object_type is ObjectType.NOTEBOOK:
                yield "notebook", one.object_id, one.path, one.modified_at


def _within(asked: WorkspaceClient, folder: str) -> list[ObjectInfo]:
    try:
        return list(asked.workspace.list(folder))
    except (PermissionDenied, NotFound):  # a folder may go, or be closed, while others are listed
        if folder == "/":
            raise
        return []


def _queries(asked: WorkspaceClient) -> Listed:
    return (("query", one.id, one.display_name, one.update_time) for one in asked.queries.list(page_size=100))


def _dashboards(asked: WorkspaceClient) -> Listed:
    for one in asked.lakeview.list(page_size=1000):
        yield "dashboard", one.dashboard_id, one.display_name, one.update_time


def _legacy_dashboards(asked: WorkspaceClient) -> Listed:
    for one in asked.dashboards.list(page_size=100):
        yield "legacy_dashboard", one.id, one.name, one.updated_at


def _alerts(asked: WorkspaceClient) -> Listed:
    for old in asked.alerts.list(page_size=100):
        yield "alert", old.id, old.display_name, old.update_time
    for new in asked.alerts_v2.list_alerts(page_size=100):
        yield "alert", new.id, new.display_name, new.update_time


def _genie_spaces(asked: WorkspaceClient) -> Listed:
    token: str | None = None
    while True:
        page = asked.genie.list_spaces(page_token=token)
        for one in page.spaces or []:
            yield "genie_space", one.space_id, one.title, one.update_time
        token = page.next_page_token
        if not token:
            return


_LISTED: Mapping[str, Callable[[WorkspaceClient], Listed]] = {
    "notebooks": _notebooks,
    "queries": _queries,
    "dashboards": _dashboards,
    "legacy_dashboards": _legacy_dashboards,
    "alerts": _alerts,
    "genie_spaces": _genie_spaces,
}


class _Connections:
    """What is behind connections, each asked for once; a connection that may not be seen tells nothing."""

    def __init__(self, asked: WorkspaceClient) -> None:
        self._asked = asked
        self._known: dict[str, ConnectionInfo | None] = {}

    def __getitem__(self, name: str) -> ConnectionInfo | None:
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def _found(self, name: str) -> ConnectionInfo | None:
        try:
            return self._asked.connections.get(name)
        except (PermissionDenied, NotFound):
            return None


def _form(one: CatalogInfo, connections: _Connections) -> CatalogForm | None:
    where = (one.metastore_id or "", lowered(one.name or ""))
    if one.catalog_type is CatalogType.FOREIGN_CATALOG:
        name = one.connection_name or ""
        behind = connections[name] if name else None
        return CatalogForm(*where, "FOREIGN", connection=name, address=address(behind, one.options or {}))
    if one.catalog_type is CatalogType.DELTASHARING_CATALOG:
        return CatalogForm(*where, "SHARED", provider=one.provider_name or "", share=one.share_name or "")
    return None


def address(behind: ConnectionInfo | None, options: Mapping[str, str]) -> str:
    """The database behind a foreign catalog as OpenLineage writes namespaces; '' where that cannot be told."""
    if behind is None or behind.connection_type is None:
        return ""
    told = behind.options or {}
    host, port = told.get("host", ""), told.get("port", "")
    database = next((options[key] for key in _DATABASES if options.get(key)), "")
    if not host or any(mark in f"{host}{database}" for mark in "@/;?"):
        return ""
    if behind.connection_type is ConnectionType.SNOWFLAKE:
        return f"snowflake://{host.removesuffix('.snowflakecomputing.com')}/{database}"
    if behind.connection_type not in _SCHEMES:
        return ""
    scheme, usual = _SCHEMES[behind.connection_type]
    server = f"{scheme}://{host}:{port or usual}"
    if scheme == "sqlserver":
        return f"{server};database={database}" if database else ""
    return f"{server}/{database}" if database else server


def _instant(told: object) -> datetime | None:
    """An instant as APIs write them: ISO 8601, or milliseconds since 1970."""
    if isinstance(told, int):
        return datetime.fromtimestamp(told / 1000, UTC)
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
