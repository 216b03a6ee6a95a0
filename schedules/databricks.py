"""A Databricks source, made from its settings."""

from pathlib import Path

from pydantic import SecretStr

from queries.databricks.names import WorkspaceNames
from queries.databricks.options import Options, Patience
from queries.databricks.secrets import Secret, secret
from queries.databricks.session import Session
from queries.databricks.sign_in import Identity, SignIn
from queries.databricks.statement import Starting, untold
from queries.databricks.warehouse import DatabricksWarehouse
from schedules.settings.sources import DatabricksSource


def warehouse(given: DatabricksSource, scratch: Path, starting: Starting = untold) -> DatabricksWarehouse:
    """The SQL warehouse of a source; nothing is asked of it yet. `starting` is told while it starts."""
    identity, chosen = Identity(sign_in(given)), options(given)
    return DatabricksWarehouse(chosen, Session(chosen, identity), identity, scratch, starting=starting)


def workspace_api(given: DatabricksSource) -> WorkspaceNames:
    """The API of a source's workspace; nothing is asked of it yet."""
    return WorkspaceNames(given.host, Identity(sign_in(given)))


def options(given: DatabricksSource) -> Options:
    """Where the warehouse is and how patiently it is asked."""
    return Options(
        host=given.host,
        http_path=given.http_path or f"/sql/1.0/warehouses/{given.warehouse_id}",
        uri=given.connection_uri or "",
        principal=given.principal,
        query_tags=given.query_tags,
        batch_rows=given.batch_rows,
        cloud_fetch=given.cloud_fetch,
        download_threads=given.download_threads,
        patience=Patience(
            statement=given.statement_timeout,
            start=given.start_timeout,
            socket=given.socket_timeout,
            attempts=given.attempts,
            longest=given.longest_wait,
            request_attempts=given.request_attempts,
            request_wait=given.request_wait,
        ),
    )


def sign_in(given: DatabricksSource) -> SignIn:
    """How the miner signs in; its secrets are read when they are needed."""
    return SignIn(
        auth=given.auth,
        host=given.host,
        token=_kept(given.token, given.token_file),
        client_id=given.client_id,
        client_secret=_kept(given.client_secret, given.client_secret_file),
        tenant_id=given.tenant_id,
        certificate=given.certificate_path,
        certificate_password=_kept(given.certificate_password),
        federated_token=given.federated_token_file,
        cloud=given.cloud,
    )


def _kept(given: SecretStr | None, file: Path | None = None) -> Secret | None:
    return secret(given.get_secret_value() if given else None, file)
