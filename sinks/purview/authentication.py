"""Who the miner is to the catalog: an Entra identity for Purview, or a user and password for a plain Apache Atlas."""

from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from pyapacheatlas.auth import BasicAuthentication
from pyapacheatlas.auth.base import AtlasAuthBase

from miner.errors import SettingsError, SinkError

Authentication = TokenCredential | tuple[str, str]

_SCOPES = {
    ".azure.us": "https://purview.azure.us/.default",
    ".azure.cn": "https://purview.azure.cn/.default",
}
_SCOPE = "https://purview.azure.net/.default"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class CredentialAuthentication(AtlasAuthBase):  # type: ignore[misc]
    """Any azure-identity credential; the credential keeps its tokens and renews them before they run out."""

    def __init__(self, credential: TokenCredential, scope: str) -> None:
        super().__init__()
        self._credential = credential
        self._scope = scope

    def get_authentication_headers(self) -> dict[str, str]:
        """The header of one request. Raises SinkError when no token is to be had."""
        try:
            token = self._credential.get_token(self._scope)
        except AzureError as error:
            raise SinkError(
                f"no token for Purview: {str(error).partition(chr(10))[0]}",
                mend="sign in (az login), or set a managed identity or service principal for the miner",
            ) from error
        return {"Authorization": f"Bearer {token.token}"}


def authenticated(authentication: Authentication, endpoint: str) -> AtlasAuthBase:
    """What pyapacheatlas asks for headers. Raises SettingsError when a secret would travel in the clear."""
    address = urlsplit(endpoint)
    host = address.hostname or ""
    if address.scheme != "https" and host not in _LOOPBACK:
        raise SettingsError(f"{endpoint} is not https", mend="[purview] endpoint: begin it with https://")
    if isinstance(authentication, tuple):
        return BasicAuthentication(*authentication)
    scope = next((scope for suffix, scope in _SCOPES.items() if host.endswith(suffix)), _SCOPE)
    return CredentialAuthentication(authentication, scope)
