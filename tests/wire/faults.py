"""What goes wrong on demand: the n-th call of a method, on statements that read a table, does something else."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from threading import Event, Lock

from thrift.transport.TTransport import TTransportException


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """An HTTP status instead of an answer; `late` carries out the call first, so that only its answer is lost."""

    code: int
    retry_after: int | None = None
    reason: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset; `late` carries out the call first."""

    late: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A statement that waits for the warehouse to start: pending for so many questions after its state."""

    polls: int


@dataclass(slots=True)
class Hold:
    """A statement that runs until released, cancelled or closed."""

    released: Event = field(default_factory=Event)

    def release(self) -> None:
        """Let the statement go on."""
        self.released.set()


@dataclass(frozen=True, slots=True)
class Truncated:
    """A result that ends after so many rows, without an error."""

    rows: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The server no longer knows the operation that the call asks about."""


@dataclass(frozen=True, slots=True)
class Fails:
    """The statement ends with an error of SQL."""

    error_class: str = "INTERNAL_ERROR"
    state: str = "XX000"
    words: str = "Something broke."


Act = HttpStatus | Reset | Pending | Hold | Truncated | Forgotten | Fails
STATEMENT_ACTS = (Pending, Hold, Truncated, Fails)


@dataclass(slots=True)
class Fault:
    """One rule: from the `nth` matching call on, `times` times. `method` and `table` are globs."""

    act: Act
    method: str = "*"
    table: str = "*"
    nth: int = 1
    times: int = 1
    seen: int = 0

    @property
    def struck(self) -> int:
        """How many calls it has hit."""
        return min(max(self.seen - self.nth + 1, 0), self.times)

    def strikes(self, method: str, tables: Iterable[str]) -> bool:
        """Count a call that it is about, and tell whether it is hit."""
        if not fnmatchcase(method, self.method) or not self._reads(tables):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    def _reads(self, tables: Iterable[str]) -> bool:
        return self.table == "*" or any(fnmatchcase(table, self.table) for table in tables)


@dataclass(slots=True)
class Faults:
    """The rules in force."""

    _rules: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, act: Act, method: str = "", *, table: str = "*", nth: int = 1, times: int = 1) -> Fault:
        """A new rule. What happens to a statement is about ExecuteStatement unless told otherwise."""
        method = method or ("ExecuteStatement" if isinstance(act, STATEMENT_ACTS) else "*")
        rule = Fault(act, method, table.lower(), nth, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._rules.clear()

    def struck(self, method: str, tables: Iterable[str] = ()) -> list[Act]:
        """What happens to this call; every rule counts it."""
        names = [table.lower() for table in tables]
        with self._lock:
            return [rule.act for rule in self._rules if rule.strikes(method, names)]


class Interruption(TTransportException):
    """The one kind of exception that the generated processor lets through: an answer that is no Thrift."""

    def __init__(self, act: HttpStatus | Reset) -> None:
        super().__init__(message=repr(act))
        self.act = act


def strike(acts: list[Act]) -> HttpStatus | Reset | None:
    """Raise Interruption for the first act that comes instead of an answer; the one that comes after it, if any."""
    instead = [act for act in acts if isinstance(act, (HttpStatus, Reset))]
    for act in instead:
        if not act.late:
            raise Interruption(act)
    return instead[0] if instead else None
