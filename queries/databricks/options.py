"""Where the warehouse is and how patiently it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CLIENT = "uc-lineage-miner"
"""How the miner names itself to Databricks: in its user agent, and in query tags unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries and seconds. A request is tried again by the connector, a statement as a whole by us.

    `statement` and `start` bound how long a statement runs and a stopped warehouse starts; `socket` how long one
    request waits for its answer. Waits between tries of a statement double up to `longest`.
    """

    statement: float = 3600
    start: float = 900
    socket: float = 300
    attempts: int = 5
    longest: float = 60
    request_attempts: int = 3
    request_wait: float = 5


@dataclass(frozen=True, slots=True)
class Options:
    """One SQL warehouse: host without a path, the warehouse's HTTP path, and how results are fetched.

    `uri` stands in for host and path where the warehouse is reached at another address.
    """

    host: str
    http_path: str
    uri: str = ""
    principal: str = ""
    query_tags: Mapping[str, str] = field(default_factory=lambda: {"application": CLIENT})
    batch_rows: int = 25_000
    cloud_fetch: bool = True
    download_threads: int = 4
    patience: Patience = field(default_factory=Patience)

    @property
    def server(self) -> str:
        """The host's name alone."""
        return self.host.partition("://")[2] or self.host

    @property
    def address(self) -> str:
        """Where the connector sends its requests; empty where host and path say it."""
        if self.uri or not self.host.startswith("http://"):
            return self.uri
        return f"{self.host}/{self.http_path.lstrip('/')}"
