"""Who the miner is to Databricks: a token for each request, renewed before it expires. No way here opens a browser."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import structlog
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import (
    AzureAuthorityHosts,
    AzureCliCredential,
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from databricks.sdk.config import Config
from databricks.sdk.errors.base import DatabricksError

from miner.errors import SignInError
from queries.databricks.secrets import Secret, VaultSecret

log = structlog.get_logger()

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""The scope of Azure Databricks, the same in every cloud.

https://learn.microsoft.com/en-us/azure/databricks/dev-tools/auth/aad-token-manual
"""

AUTHORITIES = {
    "public": AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
    "usgovernment": AzureAuthorityHosts.AZURE_GOVERNMENT,
    "china": AzureAuthorityHosts.AZURE_CHINA,
}

RENEWED_BEFORE = 300.0
"""Seconds before a token expires from which on another one is asked for."""

VAULT_KEPT = 3600.0
"""Seconds for which a token out of a vault is believed, unless it is refused: a vault is not asked for each request."""

_TOKEN_SHAPES = re.compile(r"\b(dapi|dose|dsapi)[0-9a-f]{32}(-\d+)?\b|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=Bearer )\S+")


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the miner signs in; what each way needs stands in docs/settings.md."""

    auth: str
    host: str
    token: Secret | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    tenant_id: str | None = None
    certificate: Path | None = None
    certificate_password: Secret | None = None
    federated_token: Path | None = None
    cloud: str = "public"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and when it expires, in seconds since 1970; None: asked for anew with each request."""

    value: str = field(repr=False)
    expires: float | None = None


TokenSource = Callable[[], Token]


def token_source(sign_in: SignIn) -> TokenSource:
    """Where tokens come from."""
    if sign_in.auth == "pat":
        return _personal_access_token(sign_in)
    if sign_in.auth == "oauth-m2m":
        return _databricks_service_principal(sign_in)
    credential = _azure_credential(sign_in)

    def ask() -> Token:
        token = credential.get_token(DATABRICKS)
        return Token(token.token, token.expires_on)

    return ask


def _personal_access_token(sign_in: SignIn) -> TokenSource:
    kept = VAULT_KEPT if isinstance(sign_in.token, VaultSecret) else None

    def ask() -> Token:
        return Token(_given(sign_in.token), time.time() + kept if kept else None)

    return ask


def _databricks_service_principal(sign_in: SignIn) -> TokenSource:
    host = sign_in.host if "://" in sign_in.host else f"https://{sign_in.host}"
    config = Config(
        host=host,
        auth_type=sign_in.auth,
        # Told outright: a workspace does not always answer the SDK's own question for it.
        discovery_url=f"{host}/oidc/.well-known/oauth-authorization-server",
        client_id=sign_in.client_id,
        client_secret=_given(sign_in.client_secret),
        http_timeout_seconds=60,
        retry_timeout_seconds=60,
    )

    def ask() -> Token:
        token = config.oauth_token()
        return Token(token.access_token, token.expiry.timestamp() if token.expiry else None)

    return ask


def _azure_credential(sign_in: SignIn) -> TokenCredential:
    authority = AUTHORITIES[sign_in.cloud]
    tenant, client = sign_in.tenant_id or "", sign_in.client_id or ""
    match sign_in.auth:
        case "azure-client-secret":
            return ClientSecretCredential(tenant, client, _given(sign_in.client_secret), authority=authority)
        case "azure-client-certificate":
            password = _given(sign_in.certificate_password) if sign_in.certificate_password else None
            path = str(sign_in.certificate)
            return CertificateCredential(tenant, client, path, password=password, authority=authority)
        case "azure-managed-identity":
            return ManagedIdentityCredential(client_id=sign_in.client_id)
        case "azure-workload-identity":
            return WorkloadIdentityCredential(
                tenant_id=sign_in.tenant_id,
                client_id=sign_in.client_id,
                token_file_path=str(sign_in.federated_token) if sign_in.federated_token else None,
                authority=authority,
            )
        case _:
            return AzureCliCredential(tenant_id=tenant)


def _given(secret: Secret | None) -> str:
    return secret() if secret else ""


@dataclass(slots=True)
class Identity:
    """The token of each request, for the connector's `credentials_provider`. Thread-safe.

    Raises SignInError when no token is to be had. `clock` gives seconds since 1970.
    """

    sign_in: SignIn
    clock: Callable[[], float] = time.time
    make: Callable[[SignIn], TokenSource] = token_source
    _source: TokenSource | None = field(default=None, init=False)
    _token: Token | None = field(default=None, init=False)
    _told: set[str] = field(default_factory=set, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __call__(self) -> Callable[[], dict[str, str]]:
        """What the connector takes: something that gives the headers of one request."""
        return self.headers

    def headers(self) -> dict[str, str]:
        """The headers of one request."""
        with self._lock:
            if self._token is None or self._runs_out(RENEWED_BEFORE):
                self._token = self._renewed()
            return {"Authorization": f"Bearer {self._token.value}"}

    def forget(self) -> None:
        """Let go of the token and of what gave it: Databricks refused it."""
        with self._lock:
            self._source = self._token = None

    def scrubbed(self, text: str) -> str:
        """A text without any token or secret that this identity has seen, nor anything that looks like one."""
        for told in sorted(self._told, key=len, reverse=True):
            text = text.replace(told, "***")
        return _TOKEN_SHAPES.sub("***", text)

    def _runs_out(self, within: float) -> bool:
        expires = self._token.expires if self._token else None
        return expires is None or expires - self.clock() < within

    def _renewed(self) -> Token:
        try:
            if self._source is None:
                self._source = self.make(self.sign_in)
            token = self._source()
        # The SDK wraps what goes wrong into ValueError, and answers it cannot read into NotImplementedError.
        except (AzureError, DatabricksError, ValueError, OSError, NotImplementedError) as error:
            return self._last_resort(SignInError(*self._refused(error), mend=_MENDS[self.sign_in.auth]))
        except SignInError as error:
            return self._last_resort(error)
        self._told.add(token.value)
        return token

    def _last_resort(self, error: SignInError) -> Token:
        """A token that still holds for a while, when no new one is to be had."""
        if self._token is None or self._runs_out(within=10):
            raise error
        log.warning("token.not_renewed", source=self.sign_in.host, error=error.message)
        return self._token

    def _refused(self, error: Exception) -> tuple[str]:
        # The SDK ends its errors with its whole configuration.
        words = self.scrubbed(re.split(r"\n|\. Config: ", str(error).strip(), maxsplit=1)[0])[:300]
        for kept in (self.sign_in.client_secret, self.sign_in.certificate_password):
            words = words.replace(kept(), "***") if kept else words
        return (f"no token for {self.sign_in.host} ({self.sign_in.auth}): {words}",)


_MENDS = {
    "pat": "make a new personal access token",
    "oauth-m2m": "check client_id and client_secret, and that the service principal is in the workspace",
    "azure-client-secret": "check tenant_id, client_id and client_secret, and whether the secret has expired",
    "azure-client-certificate": "check tenant_id, client_id and the certificate, and whether it has expired",
    "azure-managed-identity": "give this machine a managed identity; a user-assigned one needs client_id",
    "azure-workload-identity": "check the federated credential of the identity and its service account",
    "azure-cli": "sign in with: az login",
}
