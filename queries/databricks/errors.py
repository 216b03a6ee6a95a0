"""Every error of the connector, mapped once to what it means for a run.

Databricks tells an error by HTTP status, by error class or SQLSTATE inside the message, or only by words:
https://docs.databricks.com/aws/en/error-messages/error-classes
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa
from databricks.sql import exc
from urllib3.exceptions import HTTPError

from miner.errors import (
    MissingRightError,
    MissingTableError,
    QuotaError,
    SchemaDriftError,
    SignInError,
    SourceError,
    TransientError,
)
from queries.databricks import rights

VENDOR_ERRORS = (exc.Error, HTTPError, OSError, pa.ArrowException)
"""What the connector raises: urllib3's errors escape it when its own retries are exhausted."""

CONNECTOR_FAULTS = (*VENDOR_ERRORS, RuntimeError, ValueError, KeyError)
"""Also what it raises when an answer makes no sense to it, such as half a file of Arrow."""

_LONGEST = 300


class Kind(Enum):
    """What an error means for a run."""

    TRANSIENT = "transient"
    STARTING = "starting"
    LOST = "lost"
    SESSION_LOST = "session_lost"
    QUOTA = "quota"
    SIGN_IN = "sign_in"
    MISSING_RIGHT = "missing_right"
    MISSING_TABLE = "missing_table"
    MISSING_WAREHOUSE = "missing_warehouse"
    DRIFT = "drift"
    TIMED_OUT = "timed_out"
    UNTRUSTED = "untrusted"
    UNKNOWN = "unknown"


RETRIED = frozenset({Kind.TRANSIENT, Kind.STARTING, Kind.LOST, Kind.SESSION_LOST, Kind.QUOTA})
"""Kinds that may pass by themselves. The miner only reads, so that a whole statement can be run again."""

# The first pattern found in the message decides.
_WORDS: Sequence[tuple[Kind, str]] = (
    (Kind.UNTRUSTED, r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLCertVerificationError"),
    (Kind.MISSING_TABLE, r"TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|CATALOG_NOT_FOUND|NO_SUCH_CATALOG|\b42P01\b"),
    (Kind.DRIFT, r"UNRESOLVED_COLUMN|UNRESOLVED_FIELD|FIELD_NOT_FOUND|DATATYPE_MISMATCH|\b42703\b|\b42704\b|\b42K09\b"),
    (Kind.TIMED_OUT, r"STATEMENT_TIMEOUT|EXECUTION_TIMEOUT|\b57KD0\b|execution exceeded .{0,20}timeout"),
    (Kind.QUOTA, r"QUOTA_EXCEEDED|RESOURCE_EXHAUSTED|REQUEST_LIMIT_EXCEEDED|queue is full|too many 429 "),
    (Kind.SESSION_LOST, r"Invalid SessionHandle|session .{0,80}(not found|does not exist|expired|closed)"),
    (Kind.SESSION_LOST, r"closed (cursor|connection)"),
    (Kind.LOST, r"RESOURCE_DOES_NOT_EXIST|INVALID_HANDLE|Invalid OperationHandle|closed server side"),
    (Kind.LOST, r"operation .{0,80}(not found|does not exist|expired|closed)"),
    (Kind.LOST, r"some result batches must have been skipped|link has expired"),
    (Kind.SIGN_IN, r"(invalid|expired|malformed|revoked) .{0,20}token|token .{0,20}(expired|invalid|revoked)"),
    (Kind.SIGN_IN, r"credential was not sent"),
    (Kind.STARTING, r"TEMPORARILY_UNAVAILABLE|is (not running|starting|stopped|currently stopped)|too many 503 "),
    (Kind.MISSING_RIGHT, r"INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED|not (have|authorized|permitted)|\b42501\b"),
    (Kind.MISSING_WAREHOUSE, r"(warehouse|endpoint) .{0,80}(not found|does not exist|was deleted)"),
)
_PATTERNS = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)

_STATUSES = {
    401: Kind.SIGN_IN,
    403: Kind.SIGN_IN,
    404: Kind.MISSING_WAREHOUSE,
    408: Kind.TRANSIENT,
    429: Kind.QUOTA,
    503: Kind.STARTING,
}
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the warehouse: by whom, of which tables; `scrub` takes secrets out of a text."""

    host: str
    principal: str
    tables: tuple[str, ...]
    scrub: Callable[[str], str]


def kind_of(error: BaseException) -> Kind:
    """What an error of the connector means."""
    if isinstance(original(error), SignInError):
        return Kind.SIGN_IN
    text, status = _text(error), _status(error)
    if status is not None:
        return _by_status(status, text)
    for kind, pattern in _PATTERNS:
        if pattern.search(text):
            return kind
    if isinstance(error, exc.RequestError | HTTPError | OSError | pa.ArrowException):
        return Kind.TRANSIENT
    return Kind.UNKNOWN


def _by_status(status: int, text: str) -> Kind:
    """A status decides, but for 403, 404 and 400, which Databricks gives for more than one reason."""
    told = next((kind for kind, pattern in _PATTERNS if pattern.search(text)), None)
    if status >= _SERVER_ERROR:
        return _STATUSES.get(status, Kind.TRANSIENT)
    if told and status in (400, 403, 404):
        return told
    return _STATUSES.get(status, Kind.UNKNOWN)


def original(error: BaseException) -> BaseException:
    """What was raised while a request was made; the connector puts it behind its own error."""
    inner = [part for part in error.args if isinstance(part, BaseException)]
    return inner[0] if inner else error


def translated(error: BaseException, asked: Asked) -> SourceError:
    """Our error for one of the connector's, with what to do next. Neither holds a secret or the statement."""
    found = original(error)
    if isinstance(found, SignInError):
        return found
    words = asked.scrub(first_line(_text(error)))
    make = _MADE[kind_of(error)]
    return make(words, asked)


def first_line(text: str) -> str:
    """An error in one line: the lines after it hold the statement and the plan."""
    line = re.split(r"\n|== SQL|; line \d+ pos|JVM stacktrace", text.strip(), maxsplit=1)[0].strip()
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _text(error: BaseException) -> str:
    return str(getattr(error, "message", None) or str(error) or type(error).__name__)


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error; 200 tells nothing."""
    context = getattr(error, "context", None) or {}
    status = context.get("http-code")
    return int(status) if isinstance(status, int) and status >= 400 else None  # noqa: PLR2004 (an HTTP refusal)


def _told(asked: Asked) -> str:
    return f"reading {', '.join(asked.tables)}" if asked.tables else f"the warehouse at {asked.host}"


def _transient(words: str, asked: Asked) -> SourceError:
    return TransientError(
        f"{_told(asked)} failed again and again: {words}",
        mend="look at the warehouse and at the way to it, then run again; what was mined before stays",
    )


def _starting(words: str, asked: Asked) -> SourceError:
    return TransientError(
        f"the warehouse at {asked.host} did not start: {words}",
        mend="start it in the workspace, or raise start_timeout of the source",
    )


def _quota(words: str, asked: Asked) -> SourceError:
    return QuotaError(
        f"the warehouse at {asked.host} takes no more statements: {words}",
        mend="mine at a quieter time, raise attempts of the source, or give the warehouse more clusters",
    )


def _sign_in(words: str, asked: Asked) -> SourceError:
    return SignInError(
        f"{asked.host} does not accept the sign-in: {words}",
        mend="check auth and its token or secret, whether it has expired, and that the principal is in the workspace",
    )


def _missing_right(words: str, asked: Asked) -> SourceError:
    if not asked.tables:
        return MissingRightError(
            f"the principal may not use the warehouse at {asked.host}: {words}",
            mend="give it CAN USE on the SQL warehouse, and the entitlement Databricks SQL access",
        )
    tables = ", ".join(asked.tables)
    mend = rights.readable(asked.tables, asked.principal)
    return MissingRightError(f"the principal may not read {tables}: {words}", mend=mend)


def _missing_table(words: str, asked: Asked) -> SourceError:
    mends = rights.readable(asked.tables, asked.principal) if asked.tables else ""
    return MissingTableError(
        f"{_told(asked)} failed, one is not there or the principal may not see it: {words}",
        mend=f"check [sources.*.tables]; {mends}",
    )


def _missing_warehouse(words: str, asked: Asked) -> SourceError:
    return SourceError(
        f"there is no such warehouse at {asked.host}: {words}",
        mend="check host and warehouse_id (or http_path) of the source",
    )


def _drift(words: str, asked: Asked) -> SourceError:
    return SchemaDriftError(
        f"{_told(asked)} failed, a column is gone or has another type: {words}",
        mend="run again, the columns are looked up anew; a cloned view freezes its columns: create it again",
    )


def _timed_out(words: str, asked: Asked) -> SourceError:
    return SourceError(
        f"{_told(asked)} took too long: {words}",
        mend="raise statement_timeout of the source, or give the warehouse a larger size",
    )


def _untrusted(words: str, asked: Asked) -> SourceError:
    return SourceError(
        f"the certificate of {asked.host} is not trusted: {words}",
        mend="check host; behind a proxy of your own, give its authority in SSL_CERT_FILE",
    )


def _unknown(words: str, asked: Asked) -> SourceError:
    return SourceError(f"{_told(asked)} failed: {words}", mend="report it if it stays")


_MADE: dict[Kind, Callable[[str, Asked], SourceError]] = {
    Kind.TRANSIENT: _transient,
    Kind.STARTING: _starting,
    Kind.LOST: _transient,
    Kind.SESSION_LOST: _transient,
    Kind.QUOTA: _quota,
    Kind.SIGN_IN: _sign_in,
    Kind.MISSING_RIGHT: _missing_right,
    Kind.MISSING_TABLE: _missing_table,
    Kind.MISSING_WAREHOUSE: _missing_warehouse,
    Kind.DRIFT: _drift,
    Kind.TIMED_OUT: _timed_out,
    Kind.UNTRUSTED: _untrusted,
    Kind.UNKNOWN: _unknown,
}
