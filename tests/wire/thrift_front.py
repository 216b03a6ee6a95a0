"""The calls of the connector's own Thrift service, answered as a SQL warehouse answers them."""

import uuid
from dataclasses import dataclass, field
from threading import Lock

from databricks.sql.thrift_api.TCLIService import ttypes
from thrift.transport.TTransport import TTransportException

from tests.wire import commands, results
from tests.wire.dialect import Parameter
from tests.wire.engine import Engine, Place
from tests.wire.faults import STATEMENT_ACTS, Act, Faults, Forgotten, HttpStatus, Reset
from tests.wire.journal import Call
from tests.wire.operations import Operation
from tests.wire.results import SUCCESS, failure
from tests.wire.sql_errors import SqlError
from tests.wire.tokens import Token, check_rights

PROTOCOL = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
_INVALID = ttypes.TStatusCode.INVALID_HANDLE_STATUS


class Interruption(TTransportException):
    """The one kind of exception that the generated processor lets through: an answer that is no Thrift."""

    def __init__(self, act: HttpStatus | Reset) -> None:
        super().__init__(message=repr(act))
        self.act = act


@dataclass(slots=True)
class Session:
    """One opened session, with what it was opened with and what SET and USE changed since."""

    id: bytes
    principal: str
    configuration: dict[str, str]
    catalog: str = "hive_metastore"
    schema: str = "default"

    def place(self) -> Place:
        """What the engine must know of it."""
        zone = next((value for name, value in self.configuration.items() if name.lower() == "timezone"), "Etc/UTC")
        return Place(self.principal, self.catalog, self.schema, zone)


@dataclass(slots=True)
class Registry:
    """What is open on the server."""

    engine: Engine
    faults: Faults
    poll_seconds: float = 0.2
    sessions: dict[bytes, Session] = field(default_factory=dict)
    operations: dict[bytes, Operation] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def close(self) -> None:
        """Stop every statement."""
        for operation in list(self.operations.values()):
            operation.close()


class ThriftCalls:
    """Handler of one request: `call` is its entry in the call log, `token` who asks."""

    def __init__(self, registry: Registry, call: Call, token: Token) -> None:
        """Nothing happens before the processor calls a method."""
        self._registry, self._call, self._token = registry, call, token
        self._late: HttpStatus | Reset | None = None

    def finish(self) -> None:
        """Raise the fault that strikes after the call was carried out."""
        if self._late:
            raise Interruption(self._late)

    def _faults(self, tables: tuple[str, ...] = ()) -> list[Act]:
        acts = self._registry.faults.struck(self._call.method, tables)
        for act in acts:
            if isinstance(act, (HttpStatus, Reset)):
                if not act.late:
                    raise Interruption(act)
                self._late = act
        return acts

    def OpenSession(self, req):  # noqa: N802 -- the service's name
        """A new session."""
        self._call.conf = dict(req.configuration or {})
        self._faults()
        session = Session(uuid.uuid4().bytes, self._token.principal, dict(req.configuration or {}))
        if req.initialNamespace:
            session.catalog = req.initialNamespace.catalogName or session.catalog
            session.schema = req.initialNamespace.schemaName or session.schema
        with self._registry.lock:
            self._registry.sessions[session.id] = session
        self._call.session = session.id.hex()
        return ttypes.TOpenSessionResp(
            status=SUCCESS,
            serverProtocolVersion=PROTOCOL,
            sessionHandle=ttypes.TSessionHandle(ttypes.THandleIdentifier(session.id, b"secret"), PROTOCOL),
            configuration={},
            initialNamespace=ttypes.TNamespace(session.catalog, session.schema),
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, req):  # noqa: N802
        """The end of a session."""
        self._faults()
        with self._registry.lock:
            found = self._registry.sessions.pop(req.sessionHandle.sessionId.guid, None)
        return ttypes.TCloseSessionResp(SUCCESS if found else failure("Invalid SessionHandle", code=_INVALID))

    def ExecuteStatement(self, req):  # noqa: N802
        """A statement, with its first rows in the answer when it is quick enough."""
        session = self._registry.sessions.get(req.sessionHandle.sessionId.guid)
        if session is None:
            self._faults()
            return ttypes.TExecuteStatementResp(failure("Invalid SessionHandle", code=_INVALID))
        given = [_parameter(one) for one in req.parameters or ()]
        self._note(req, session, given)
        try:
            operation = self._operation(req.statement, given, session)
        except SqlError as error:
            self._call.error = str(error)
            return ttypes.TExecuteStatementResp(SUCCESS, _handle(uuid.uuid4().bytes), _failed(error))
        key = uuid.uuid4().bytes
        self._call.operation = key.hex()
        with self._registry.lock:
            self._registry.operations[key] = operation
        direct = self._direct(key, operation, req.getDirectResults) if req.getDirectResults else None
        return ttypes.TExecuteStatementResp(SUCCESS, _handle(key), direct)

    def _note(self, req, session: Session, given: list[Parameter]) -> None:
        self._call.session, self._call.statement = session.id.hex(), req.statement
        self._call.conf = dict(req.confOverlay or {})
        names = [one.name or str(place) for place, one in enumerate(given, 1)]
        self._call.parameters = {name: (one.type, one.text) for name, one in zip(names, given, strict=True)}

    def _operation(self, text: str, given: list[Parameter], session: Session) -> Operation:
        engine = self._registry.engine
        command = commands.understood(text, session)
        if command is not None:
            return Operation(command, (), self._faults())
        try:
            question = engine.understand(text, given, session.place())
        except SqlError:
            self._faults()
            raise
        self._call.tables = tuple(".".join(parts) for parts in question.tables)
        acts = [act for act in self._faults(self._call.tables) if isinstance(act, STATEMENT_ACTS)]
        check_rights(self._token.missing, question.tables)
        return Operation(engine.answer(question), self._call.tables, acts)

    def _direct(self, key: bytes, operation: Operation, wanted) -> ttypes.TSparkDirectResults:
        state = operation.state(self._registry.poll_seconds)
        told = ttypes.TSparkDirectResults(operationStatus=self._status(operation, state))
        if state != ttypes.TOperationState.FINISHED_STATE:
            return told
        told.resultSetMetadata = results.metadata(operation.schema)
        told.resultSet = _piece(operation, wanted.maxRows, wanted.maxBytes)
        if not told.resultSet.hasMoreRows:
            self._drop(key)
            told.closeOperation = ttypes.TCloseOperationResp(SUCCESS)
        return told

    def _status(self, operation: Operation, state: int) -> ttypes.TGetOperationStatusResp:
        if state != ttypes.TOperationState.ERROR_STATE:
            return ttypes.TGetOperationStatusResp(SUCCESS, state, hasResultSet=True)
        self._call.error = str(operation.error)
        return _failed(operation.error).operationStatus

    def _drop(self, key: bytes) -> bool:
        with self._registry.lock:
            operation = self._registry.operations.pop(key, None)
        if operation is not None:
            operation.close()
        return operation is not None

    def _of(self, req) -> Operation | None:
        key = req.operationHandle.operationId.guid
        self._call.operation = key.hex()
        operation = self._registry.operations.get(key)
        self._call.tables = operation.tables if operation else ()
        if any(isinstance(act, Forgotten) for act in self._faults(self._call.tables)):
            self._drop(key)
            return None
        return operation

    def GetOperationStatus(self, req):  # noqa: N802
        """Where a statement stands; held for a while when it runs."""
        operation = self._of(req)
        if operation is None:
            return ttypes.TGetOperationStatusResp(_unknown(req))
        return self._status(operation, operation.state(self._registry.poll_seconds))

    def GetResultSetMetadata(self, req):  # noqa: N802
        """The columns of a finished statement."""
        operation = self._of(req)
        if operation is None:
            return ttypes.TGetResultSetMetadataResp(_unknown(req))
        return results.metadata(operation.schema)

    def FetchResults(self, req):  # noqa: N802
        """The next rows."""
        operation = self._of(req)
        if operation is None:
            return ttypes.TFetchResultsResp(_unknown(req))
        try:
            answer = _piece(operation, req.maxRows, req.maxBytes)
        except SqlError as error:
            self._call.error = str(error)
            return ttypes.TFetchResultsResp(failure(str(error), error.state))
        answer.resultSetMetadata = results.metadata(operation.schema)
        return answer

    def CancelOperation(self, req):  # noqa: N802
        """Stop a statement."""
        operation = self._of(req)
        if operation is None:
            return ttypes.TCancelOperationResp(_unknown(req))
        operation.cancel()
        return ttypes.TCancelOperationResp(SUCCESS)

    def CloseOperation(self, req):  # noqa: N802
        """The end of a statement."""
        if self._of(req) is None:
            return ttypes.TCloseOperationResp(_unknown(req))
        self._drop(req.operationHandle.operationId.guid)
        return ttypes.TCloseOperationResp(SUCCESS)


def _parameter(told: ttypes.TSparkParameter) -> Parameter:
    text = told.value.stringValue if told.value else None
    return Parameter(told.name, (told.type or "STRING").upper(), text)


def _handle(key: bytes) -> ttypes.TOperationHandle:
    identifier = ttypes.THandleIdentifier(key, b"secret")
    return ttypes.TOperationHandle(identifier, ttypes.TOperationType.EXECUTE_STATEMENT, hasResultSet=True)


def _piece(operation: Operation, rows: int, size: int | None) -> ttypes.TFetchResultsResp:
    piece = operation.read(rows, size or 1 << 30)
    return ttypes.TFetchResultsResp(SUCCESS, piece.more, results.inline(piece.batches, piece.offset))


def _failed(error: SqlError) -> ttypes.TSparkDirectResults:
    status = ttypes.TGetOperationStatusResp(
        status=SUCCESS,
        operationState=ttypes.TOperationState.ERROR_STATE,
        sqlState=error.state,
        errorMessage=str(error),
        displayMessage=str(error),
        diagnosticInfo=error.diagnosis,
    )
    return ttypes.TSparkDirectResults(operationStatus=status)


def _unknown(req) -> ttypes.TStatus:
    name = uuid.UUID(bytes=req.operationHandle.operationId.guid)
    return failure(f"Invalid OperationHandle: OperationHandle [handle={name}]", "HY000", _INVALID)
