import ssl

import pyarrow as pa
import pytest
from databricks.sql import exc
from urllib3.exceptions import (
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    ResponseError,
    SSLError,
)

from miner import errors as ours
from queries.databricks.errors import Asked, Kind, first_line, kind_of, translated

TABLE = "system.access.table_lineage"
ASKED = Asked("adb-1.2.azuredatabricks.net", "miner@x.org", (TABLE,), lambda text: text.replace("s3cret", "***"))
NOBODY = Asked("adb-1.2.azuredatabricks.net", "", (), str)


def answered(status: int, words: str = "", inner: Exception | None = None) -> exc.RequestError:
    """A refused request, as the connector makes it."""
    return exc.RequestError(f"Error during request to server: {words}", {"http-code": status}, None, inner)


def failed(words: str) -> exc.ServerOperationError:
    """A failed statement, as the connector makes it."""
    return exc.ServerOperationError(words, {"operation-id": "1", "diagnostic-info": "a stack trace"})


def exhausted(status: int) -> MaxRetryError:
    """What escapes the connector when its retries are used up."""
    return MaxRetryError(None, "/sql/1.0/warehouses/x", ResponseError(f"too many {status} error responses"))


CASES = [
    (failed("[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found. SQLSTATE: 42P01"), Kind.MISSING_TABLE, ours.MissingTableError),
    (failed("[SCHEMA_NOT_FOUND] The schema `system`.`access` cannot be found. SQLSTATE: 42704"), Kind.MISSING_TABLE, ours.MissingTableError),
    (failed("[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have SELECT on Table 'x'. SQLSTATE: 42501"), Kind.MISSING_RIGHT, ours.MissingRightError),
    (failed("PERMISSION_DENIED: User does not have USE SCHEMA on Schema 'system.access'."), Kind.MISSING_RIGHT, ours.MissingRightError),
    (failed("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `x` cannot be resolved. SQLSTATE: 42703"), Kind.DRIFT, ours.SchemaDriftError),
    (failed("[FIELD_NOT_FOUND] No such struct field `genie_space_id`. SQLSTATE: 42704"), Kind.DRIFT, ours.SchemaDriftError),
    (failed("[STATEMENT_TIMEOUT] exceeded"), Kind.TIMED_OUT, ours.SourceError),
    (failed("[QUOTA_EXCEEDED] Quota has been exceeded for the warehouse"), Kind.QUOTA, ours.QuotaError),
    (failed("[INTERNAL_ERROR] Something broke. SQLSTATE: XX000"), Kind.UNKNOWN, ours.SourceError),
    (exc.DatabaseError("RESOURCE_DOES_NOT_EXIST: operation 1 does not exist"), Kind.LOST, ours.TransientError),
    (exc.DatabaseError("Invalid OperationHandle: OperationHandle [handle=1]"), Kind.LOST, ours.TransientError),
    (exc.DatabaseError("Invalid SessionHandle: SessionHandle [1]"), Kind.SESSION_LOST, ours.TransientError),
    (exc.DatabaseError("Command 1 unexpectedly closed server side"), Kind.LOST, ours.TransientError),
    (exc.DataError("Expected results to start from 5, some result batches must have been skipped"), Kind.LOST, ours.TransientError),
    (exc.InterfaceError("Attempting operation on closed cursor"), Kind.SESSION_LOST, ours.TransientError),
    (exc.DatabaseError("TEMPORARILY_UNAVAILABLE: the warehouse is starting"), Kind.STARTING, ours.TransientError),
    (answered(401, "Access token expired."), Kind.SIGN_IN, ours.SignInError),
    (answered(403, "Invalid access token."), Kind.SIGN_IN, ours.SignInError),
    (answered(403, "PERMISSION_DENIED: not authorized to use this SQL warehouse"), Kind.MISSING_RIGHT, ours.MissingRightError),
    (answered(400, "RESOURCE_DOES_NOT_EXIST: no such operation"), Kind.LOST, ours.TransientError),
    (answered(404), Kind.MISSING_WAREHOUSE, ours.SourceError),
    (answered(500), Kind.TRANSIENT, ours.TransientError),
    (answered(502), Kind.TRANSIENT, ours.TransientError),
    (answered(503), Kind.STARTING, ours.TransientError),
    (answered(429), Kind.QUOTA, ours.QuotaError),
    (answered(200, "connection reset"), Kind.TRANSIENT, ours.TransientError),
    (exc.RequestError("HTTP request failed", {}), Kind.TRANSIENT, ours.TransientError),
    (exhausted(503), Kind.STARTING, ours.TransientError),
    (exhausted(429), Kind.QUOTA, ours.QuotaError),
    (MaxRetryError(None, "/", SSLError(ssl.SSLCertVerificationError("certificate verify failed: self-signed"))), Kind.UNTRUSTED, ours.SourceError),
    (MaxRetryError(None, "/", NewConnectionError(None, "Connection refused")), Kind.TRANSIENT, ours.TransientError),
    (ReadTimeoutError(None, "/", "Read timed out."), Kind.TRANSIENT, ours.TransientError),
    (ProtocolError("Connection broken: IncompleteRead"), Kind.TRANSIENT, ours.TransientError),
    (ConnectionResetError(104, "Connection reset by peer"), Kind.TRANSIENT, ours.TransientError),
    (pa.ArrowInvalid("Expected to read 8 bytes, got 3"), Kind.TRANSIENT, ours.TransientError),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "made"), CASES, ids=lambda value: str(value)[:60])
def test_each_vendor_error_means_one_thing(error, kind, made):
    """Every error of the connector is mapped once, to an error of ours that says what to do."""
    assert kind_of(error) is kind
    told = translated(error, ASKED)
    assert type(told) is made
    assert told.mend


def test_a_missing_right_names_the_grants():
    """Whoever may grant reads the statements to run."""
    told = translated(failed("[INSUFFICIENT_PERMISSIONS] no. SQLSTATE: 42501"), ASKED)
    assert "GRANT USE CATALOG ON CATALOG `system` TO `miner@x.org`" in told.mend
    assert "GRANT USE SCHEMA ON SCHEMA `system`.`access` TO `miner@x.org`" in told.mend
    assert "GRANT SELECT ON TABLE `system`.`access`.`table_lineage` TO `miner@x.org`" in told.mend


def test_a_missing_right_on_the_warehouse():
    """Without a table it is the warehouse that may not be used."""
    told = translated(answered(403, "PERMISSION_DENIED"), NOBODY)
    assert isinstance(told, ours.MissingRightError)
    assert "CAN USE" in told.mend


def test_neither_secret_nor_statement():
    """What an error tells holds neither a token nor the statement that failed."""
    error = failed(
        "[UNRESOLVED_COLUMN] no `x` for s3cret. SQLSTATE: 42703; line 3 pos 7;\n'Project [a]\nSELECT a, x FROM t"
    )
    told = translated(error, ASKED)
    assert "s3cret" not in str(told)
    assert "SELECT" not in str(told)
    assert told.message.endswith("no `x` for ***. SQLSTATE: 42703")


def test_a_failed_sign_in_comes_through():
    """The connector puts what happens in a sign-in behind an error of its own; it is told as it was."""
    inner = ours.SignInError("no token", mend="sign in")
    assert kind_of(answered(None, "no token", inner)) is Kind.SIGN_IN
    assert translated(answered(None, "no token", inner), ASKED) is inner


@pytest.mark.parametrize("text", ["a\nb", "a== SQL ==\nb", "a; line 1 pos 3"])
def test_first_line(text):
    """Only what goes wrong is told, not the statement after it."""
    assert first_line(text) == "a"


def test_a_long_line_is_cut():
    """A line of an error is never longer than a screen takes."""
    assert len(first_line("x" * 1000)) == 301
