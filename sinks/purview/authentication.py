"""Who the miner is to the catalog: an Entra identity for Purview, or a user and password for a plain Apache Atlas."""

import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError
from pyapacheatlas.auth import BasicAuthentication
from pyapacheatlas.auth.base import AtlasAuthBase

from miner.errors import SettingsError, SinkError
from sinks.purview.clouds import PUBLIC, scope_for

log = structlog.get_logger()

Authentication = TokenCredential | tuple[str, str]
Headers = dict[str, str]

RENEWED_BEFORE = 300.0
"""Seconds before its end at which a token is renewed: no request may outlive its token."""

_CODE = re.compile(r"AADSTS[0-9]+|IDX[0-9]+")
"""Codes of Microsoft Entra (https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes)."""

_KINDS = {
    "ClientAuthenticationError": "the sign-in failed",
    "CredentialUnavailableError": "nothing to sign in with was found here",
    "ServiceRequestError": "the sign-in service is out of reach",
    "ServiceResponseError": "the sign-in service broke off",
    "ValueError": "the settings of the sign-in do not fit",
}
"""What went wrong, by azure-identity's exceptions."""

_MEND = "look at [purview] auth; sign in (az login), or set a managed identity or service principal"
_MENDS = {
    "AADSTS7000215": "client_secret under [purview] is not that of the service principal: give its value, not its id",
    "AADSTS7000222": "the client secret has expired: make a new one",
    "AADSTS700016": "there is no such client_id in this tenant",
    "AADSTS700027": "the certificate is not one of the service principal's, or has expired",
    "AADSTS90002": "there is no such tenant: look at tenant_id under [purview]",
    "AADSTS900023": "there is no such tenant: look at tenant_id under [purview]",
    "AADSTS700211": "no federated credential of the identity fits this token's issuer",
    "AADSTS700213": "no federated credential of the identity fits this token's subject",
    "AADSTS700024": "the federated token has expired: look at the clock, and at what renews the token's file",
    "AADSTS53003": "a policy of conditional access keeps the identity out",
}

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class CredentialAuthentication(AtlasAuthBase):  # type: ignore[misc]
    """Any azure-identity credential, asked by one worker at a time.

    Tokens are kept here: some credentials keep none (that of the Azure CLI starts a process for each), and the others
    promise nothing about threads. While a token still holds, a failed renewal is no trouble. `clock` gives seconds
    since 1970.
    """

    def __init__(self, credential: TokenCredential, scope: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._credential = credential
        self._scope = scope
        self._clock = clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    def get_authentication_headers(self) -> Headers:
        """The header of one request. Raises SinkError when no token is to be had."""
        with self._lock:
            if self._left() <= RENEWED_BEFORE:
                self._renew()
            return _bearer(self._token)

    def forget(self, headers: Headers) -> bool:
        """Forget the token that was refused, unless another worker did; True when the next one may do better."""
        with self._lock:
            if self._token is not None and _bearer(self._token) == headers:
                self._token = None
        return True

    def _left(self) -> float:
        return self._token.expires_on - self._clock() if self._token else 0.0

    def _renew(self) -> None:
        try:
            self._token = self._credential.get_token(self._scope)
        except (AzureError, ValueError) as error:
            told, mend = _told(error)
            if self._left() > 0:
                log.warning("token.not_renewed", error=told)
                return
            # Without its cause: a traceback would repeat the server's words.
            raise SinkError(f"no token for Purview: {told}", mend=mend) from None


class PasswordAuthentication(BasicAuthentication):  # type: ignore[misc]
    """A user and password."""

    def forget(self, _headers: Headers) -> bool:
        """Nothing is to be forgotten: the same password will not do better."""
        return False


def authenticated(
    authentication: Authentication, endpoint: str, cloud: str = PUBLIC
) -> CredentialAuthentication | PasswordAuthentication:
    """What pyapacheatlas asks for headers. Raises SettingsError when a secret would travel in the clear."""
    address = urlsplit(endpoint)
    host = address.hostname or ""
    if address.scheme != "https" and host not in _LOOPBACK:
        raise SettingsError(f"{endpoint} is not https", mend="[purview] endpoint: begin it with https://")
    if isinstance(authentication, tuple):
        return PasswordAuthentication(*authentication)
    return CredentialAuthentication(authentication, scope_for(host, cloud))


def _told(error: Exception) -> tuple[str, str]:
    """What may be said of a failed sign-in, and how to mend it: never the server's words, which may repeat a secret."""
    code = next(iter(_CODE.findall(str(error))), "")
    status = getattr(getattr(error, "response", None), "status_code", None)
    kind = _KINDS.get(type(error).__name__, "it failed")
    told = ", ".join(filter(None, [code, f"status {status}" if status else ""]))
    return f"{kind} ({told})" if told else kind, _MENDS.get(code, _MEND)


def _bearer(token: AccessToken | None) -> Headers:
    return {"Authorization": f"Bearer {token.token}"} if token else {}
