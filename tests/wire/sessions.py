"""What is open on the server: sessions and their statements."""

from dataclasses import dataclass, field
from threading import Lock

from tests.wire.engine import Engine, Place
from tests.wire.faults import Faults
from tests.wire.operations import Operation
from tests.wire.rest import Workspace


@dataclass(slots=True)
class Session:
    """One opened session, with what it was opened with and what SET and USE changed since; names in capitals."""

    id: bytes
    principal: str
    configuration: dict[str, str]
    catalog: str = "hive_metastore"
    schema: str = "default"

    def place(self) -> Place:
        """What the engine must know of it."""
        return Place(self.principal, self.catalog, self.schema, self.configuration.get("TIMEZONE", "Etc/UTC"))


@dataclass(slots=True)
class Registry:
    """What is open on the server."""

    engine: Engine
    faults: Faults
    workspace: Workspace
    poll_seconds: float = 0.2
    cloud_fetch: bool = False
    sessions: dict[bytes, Session] = field(default_factory=dict)
    operations: dict[bytes, Operation] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def forget(self, session: bytes) -> bool:
        """End a session with its statements; tell whether there was one."""
        with self.lock:
            found = self.sessions.pop(session, None)
            left = [key for key, operation in self.operations.items() if operation.session == session]
        for key in left:
            self.drop(key)
        return found is not None

    def drop(self, key: bytes) -> bool:
        """End a statement; tell whether there was one."""
        with self.lock:
            operation = self.operations.pop(key, None)
        if operation is not None:
            operation.close()
        return operation is not None

    def close(self) -> None:
        """Stop every statement."""
        for operation in list(self.operations.values()):
            operation.close()
