"""The API of a workspace, signed in to as the connector is."""

import re

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.credentials_provider import CredentialsProvider, CredentialsStrategy

from queries.databricks.sign_in import Identity


class _Own(CredentialsStrategy):
    """The SDK signs in as the connector does."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def auth_type(self) -> str:
        return "uc-miner"

    def __call__(self, cfg: Config) -> CredentialsProvider:
        del cfg
        return self._identity.headers


def client(host: str, identity: Identity, patience: int = 30) -> WorkspaceClient:
    """A client that gives a request up after so many seconds of tries, and one try after half a minute."""
    config = Config(
        host=host,
        credentials_strategy=_Own(identity),
        http_timeout_seconds=30,
        retry_timeout_seconds=patience,
    )
    return WorkspaceClient(config=config)


def words(error: Exception, identity: Identity) -> str:
    """What the workspace said, without the settings that the SDK adds."""
    return identity.scrubbed(re.split(r"\n|\. Config: ", str(error).strip(), maxsplit=1)[0])
