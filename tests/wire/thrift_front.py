"""The calls of the connector's own Thrift service, answered as a SQL warehouse answers them."""

import uuid

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from tests.wire import commands, results
from tests.wire.dialect import Parameter
from tests.wire.faults import STATEMENT_ACTS, Act, Fails, Forgotten, HttpStatus, Interruption, Reset, Truncated, strike
from tests.wire.journal import Call
from tests.wire.operations import Operation
from tests.wire.results import SUCCESS, failure
from tests.wire.sessions import Registry, Session
from tests.wire.sql_errors import SqlError
from tests.wire.tokens import Token, check_rights

PROTOCOL = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
_INVALID = ttypes.TStatusCode.INVALID_HANDLE_STATUS
_NO_SESSION = failure("Invalid SessionHandle: the session was closed", "HY000", _INVALID)


class _SessionForgotten(Exception):  # noqa: N818 -- an answer, not a mistake of the server
    """A fault: the server no longer knows the session."""


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
        self._late = strike(acts)
        return acts

    def OpenSession(self, req):  # noqa: N802 -- the service's name
        """A new session."""
        self._call.conf = dict(req.configuration or {})
        self._faults()
        configuration = {name.upper(): value for name, value in self._call.conf.items()}
        session = Session(uuid.uuid4().bytes, self._token.principal, configuration)
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
        found = self._registry.forget(req.sessionHandle.sessionId.guid)
        return ttypes.TCloseSessionResp(SUCCESS if found else _NO_SESSION)

    def ExecuteStatement(self, req):  # noqa: N802
        """A statement, with its first rows in the answer when it is quick enough."""
        session = self._registry.sessions.get(req.sessionHandle.sessionId.guid)
        if session is None:
            self._faults()
            return ttypes.TExecuteStatementResp(_NO_SESSION)
        given = [_parameter(one) for one in req.parameters or ()]
        self._note(req, session, given)
        try:
            operation = self._operation(req, given, session)
        except _SessionForgotten:
            self._registry.forget(session.id)
            return ttypes.TExecuteStatementResp(_NO_SESSION)
        except SqlError as error:
            self._call.error = str(error)
            if req.getDirectResults:
                return ttypes.TExecuteStatementResp(SUCCESS, _handle(uuid.uuid4().bytes), _failed(error))
            # Who asks for no results at once learns of the error by asking for the state.
            fails = Fails(error.error_class, error.state, error.words)
            operation = Operation(commands.Told(pa.table({})), session.id, self._call.tables, [fails])
        operation.by_link = bool(req.canDownloadResult) and self._registry.cloud_fetch
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

    def _operation(self, req, given: list[Parameter], session: Session) -> Operation:
        engine, text = self._registry.engine, req.statement
        command = commands.understood(text, session)
        if command is not None:
            return Operation(command, session.id, (), self._statement_faults())
        try:
            question = engine.understand(text, given, session.place())
        except SqlError:
            self._statement_faults()
            raise
        self._call.tables = tuple(".".join(parts) for parts in question.tables)
        acts = self._statement_faults() + [Truncated(limit) for limit in [req.resultRowLimit] if limit]
        check_rights(self._token.missing, question.tables)
        return Operation(engine.answer(question), session.id, self._call.tables, acts)

    def _statement_faults(self) -> list[Act]:
        acts = self._faults(self._call.tables)
        if any(isinstance(act, Forgotten) for act in acts):
            raise _SessionForgotten
        return [act for act in acts if isinstance(act, STATEMENT_ACTS)]

    def _direct(self, key: bytes, operation: Operation, wanted) -> ttypes.TSparkDirectResults:
        state = operation.state(self._registry.poll_seconds)
        told = ttypes.TSparkDirectResults(operationStatus=self._status(operation, state))
        if state != ttypes.TOperationState.FINISHED_STATE:
            return told
        told.resultSetMetadata = results.metadata(operation.schema, by_link=operation.by_link)
        told.resultSet = self._piece(operation, wanted.maxRows, wanted.maxBytes)
        if not told.resultSet.hasMoreRows:
            self._registry.drop(key)
            told.closeOperation = ttypes.TCloseOperationResp(SUCCESS)
        return told

    def _piece(self, operation: Operation, rows: int, size: int | None) -> ttypes.TFetchResultsResp:
        piece = operation.read(rows, size or 1 << 30)
        if not operation.by_link or not piece.batches:
            return ttypes.TFetchResultsResp(SUCCESS, piece.more, results.inline(piece.batches, piece.offset))
        workspace, path = self._registry.workspace, f"/files/{uuid.uuid4()}"
        workspace.files[path] = content = results.file(operation.schema, piece.batches)
        link = results.link(workspace.url + path, piece.batches, piece.offset, len(content))
        return ttypes.TFetchResultsResp(SUCCESS, piece.more, link)

    def _status(self, operation: Operation, state: int) -> ttypes.TGetOperationStatusResp:
        if state != ttypes.TOperationState.ERROR_STATE:
            return ttypes.TGetOperationStatusResp(SUCCESS, state, hasResultSet=True)
        self._call.error = str(operation.error)
        return _failed(operation.error).operationStatus

    def _of(self, req) -> Operation | None:
        key = req.operationHandle.operationId.guid
        self._call.operation = key.hex()
        operation = self._registry.operations.get(key)
        self._call.tables = operation.tables if operation else ()
        if any(isinstance(act, Forgotten) for act in self._faults(self._call.tables)):
            self._registry.drop(key)
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
        return results.metadata(operation.schema, by_link=operation.by_link)

    def FetchResults(self, req):  # noqa: N802
        """The next rows."""
        operation = self._of(req)
        if operation is None:
            return ttypes.TFetchResultsResp(_unknown(req))
        try:
            answer = self._piece(operation, req.maxRows, req.maxBytes)
        except SqlError as error:
            self._call.error = str(error)
            return ttypes.TFetchResultsResp(failure(str(error), error.state))
        answer.resultSetMetadata = results.metadata(operation.schema, by_link=operation.by_link)
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
        self._registry.drop(req.operationHandle.operationId.guid)
        return ttypes.TCloseOperationResp(SUCCESS)


def _protocol(buffer: TMemoryBuffer) -> TBinaryProtocol:
    return TBinaryProtocol(buffer, string_length_limit=None, container_length_limit=None)


def method(body: bytes) -> str:
    """The name of the call that a request holds."""
    return _protocol(TMemoryBuffer(body)).readMessageBegin()[0]


def answered(registry: Registry, call: Call, token: Token, body: bytes) -> bytes:
    """The answer to one request. Raises Interruption."""
    handler, answer = ThriftCalls(registry, call, token), TMemoryBuffer()
    TCLIService.Processor(handler).process(_protocol(TMemoryBuffer(body)), _protocol(answer))
    handler.finish()
    return answer.getvalue()


def _parameter(told: ttypes.TSparkParameter) -> Parameter:
    text = told.value.stringValue if told.value else None
    return Parameter(told.name, (told.type or "STRING").upper(), text)


def _handle(key: bytes) -> ttypes.TOperationHandle:
    identifier = ttypes.THandleIdentifier(key, b"secret")
    return ttypes.TOperationHandle(identifier, ttypes.TOperationType.EXECUTE_STATEMENT, hasResultSet=True)


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
