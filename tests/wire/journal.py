"""What was asked: every call in order, without the secrets it came with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(slots=True)
class Call:
    """One request. `method` is a Thrift method, or verb and path of a REST call; `status` what HTTP answered.

    `conf` is the configuration of an opened session, or what a statement lays over it.
    """

    method: str
    headers: Mapping[str, str]
    principal: str = ""
    session: str = ""
    operation: str = ""
    statement: str = ""
    tables: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    conf: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    error: str = ""

    @property
    def user_agent(self) -> str:
        """Who says to be calling."""
        return self.headers.get("user-agent", "")


@dataclass(slots=True)
class Journal:
    """The call log."""

    _calls: list[Call] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def open(self, method: str, headers: Mapping[str, str]) -> Call:
        """A new entry, filled while the call is answered."""
        plain = {name.lower(): value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
        call = Call(method, plain)
        with self._lock:
            self._calls.append(call)
        return call

    def calls(self, method: str = "") -> list[Call]:
        """The calls so far, or those of one method."""
        with self._lock:
            return [call for call in self._calls if method in ("", call.method)]

    def statements(self) -> list[str]:
        """The texts asked, in order."""
        return [call.statement for call in self.calls("ExecuteStatement")]

    def clear(self) -> None:
        """Forget what was asked so far."""
        with self._lock:
            self._calls.clear()
