"""Who may come in: access tokens with their principal, their end, and what they may not read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.wire.sql_errors import SqlError, no_right, not_found

SELECT, USE_SCHEMA, USE_CATALOG, BROWSE = "SELECT", "USE SCHEMA", "USE CATALOG", "BROWSE"


@dataclass(frozen=True, slots=True)
class Missing:
    """A right that a principal lacks on the tables a glob names. Without BROWSE a table is as if it were not there."""

    tables: str
    right: str = SELECT

    def error(self, parts: Sequence[str]) -> SqlError:
        """What a warehouse says to a read of such a table."""
        if self.right == BROWSE:
            return not_found(parts)
        kind, depth = {SELECT: ("Table", 3), USE_SCHEMA: ("Schema", 2), USE_CATALOG: ("Catalog", 1)}[self.right]
        return no_right(self.right, kind, parts[:depth])


@dataclass(slots=True)
class Token:
    """One bearer token; `calls` and `expires` (by the warehouse's clock) end it."""

    value: str
    principal: str
    missing: tuple[Missing, ...] = ()
    calls: int | None = None
    expires: float | None = None


@dataclass(slots=True)
class Refusal(Exception):  # noqa: N818 -- an answer, not a mistake of the server
    """An answer to a caller who may not come in."""

    status: int
    reason: str


@dataclass(slots=True)
class Tokens:
    """The token table."""

    clock: Callable[[], float]
    _known: dict[str, Token] = field(default_factory=dict)

    def add(
        self,
        value: str,
        principal: str = "miner@example.com",
        *,
        missing: Iterable[Missing] = (),
        calls: int | None = None,
        expires: float | None = None,
    ) -> Token:
        """Let a token in; one of the same value is replaced."""
        self._known[value] = Token(value, principal, tuple(missing), calls, expires)
        return self._known[value]

    def revoke(self, value: str) -> None:
        """Let a token in no longer."""
        del self._known[value]

    def admit(self, authorization: str) -> Token:
        """The token of a call, one of its calls used up. Raises Refusal."""
        scheme, _, value = authorization.partition(" ")
        if scheme != "Bearer" or not value:
            raise Refusal(401, "Credential was not sent or was of an unsupported type for this API.")
        token = self._known.get(value)
        if token is None:
            raise Refusal(403, "Invalid access token.")
        if token.calls == 0 or (token.expires is not None and self.clock() >= token.expires):
            raise Refusal(401, "Access token expired.")
        if token.calls:
            token.calls -= 1
        return token


def check_rights(missing: Iterable[Missing], tables: Iterable[Sequence[str]]) -> None:
    """Raise the SqlError of the first table that may not be read."""
    lacks = tuple(missing)
    for parts in tables:
        for one in lacks:
            if fnmatchcase(".".join(parts).lower(), one.tables):
                raise one.error(parts)
