"""How the miner signs in: which of azure-identity's credentials, and what it needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from azure.core.credentials import TokenCredential

from miner.errors import SettingsError
from sinks.purview.authentication import Authentication
from sinks.purview.clouds import CLOUDS, PUBLIC

DEFAULT = "default"
MANAGED_IDENTITY = "managed-identity"
CLIENT_SECRET = "client-secret"  # noqa: S105 (the name of a way to sign in)
CLIENT_CERTIFICATE = "client-certificate"
WORKLOAD_IDENTITY = "workload-identity"
AZURE_CLI = "azure-cli"
BASIC = "basic"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way to sign in and what belongs to it; what a way does not need is passed over, secrets are not shown."""

    way: str = DEFAULT
    cloud: str = PUBLIC
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate: Path | None = None
    certificate_password: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        """The host that signs tokens."""
        return CLOUDS[self.cloud].authority


@contextmanager
def signed_in(given: SignIn) -> Iterator[Authentication]:
    """What the sink signs in with, closed at the end. Raises SettingsError; no token is asked for yet."""
    if given.way == BASIC or (given.way == DEFAULT and given.user):
        yield given.user, given.password
        return
    try:
        credential = _CREDENTIALS[given.way](given)
    except (ValueError, OSError) as error:  # azure-identity's word for a certificate or a tenant it cannot use
        raise SettingsError(
            f"cannot sign in by {given.way}: {str(error).partition(chr(10))[0]}",
            mend="look at tenant_id, client_id and certificate in [purview]",
        ) from error
    with credential:  # type: ignore[attr-defined]  # the protocol lacks what all credentials have
        yield credential


# azure.identity takes a third of a second that only a run against Microsoft's own service has to spend.


def _default(given: SignIn) -> TokenCredential:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    client = given.client_id or None
    named = {"managed_identity_client_id": client, "workload_identity_client_id": client} if client else {}
    return DefaultAzureCredential(authority=given.authority, **named)


def _managed_identity(given: SignIn) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415

    return ManagedIdentityCredential(client_id=given.client_id or None)


def _client_secret(given: SignIn) -> TokenCredential:
    from azure.identity import ClientSecretCredential  # noqa: PLC0415

    return ClientSecretCredential(given.tenant_id, given.client_id, given.client_secret, authority=given.authority)


def _client_certificate(given: SignIn) -> TokenCredential:
    from azure.identity import CertificateCredential  # noqa: PLC0415

    return CertificateCredential(
        given.tenant_id,
        given.client_id,
        str(given.certificate),
        password=given.certificate_password or None,
        authority=given.authority,
    )


def _workload_identity(given: SignIn) -> TokenCredential:
    """What is not given comes from the variables that Kubernetes sets."""
    from azure.identity import WorkloadIdentityCredential  # noqa: PLC0415

    named = {"tenant_id": given.tenant_id, "client_id": given.client_id}
    return WorkloadIdentityCredential(
        authority=given.authority, **{name: value for name, value in named.items() if value}
    )


def _azure_cli(given: SignIn) -> TokenCredential:
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    return AzureCliCredential(tenant_id=given.tenant_id)


_CREDENTIALS: Mapping[str, Callable[[SignIn], TokenCredential]] = {
    DEFAULT: _default,
    MANAGED_IDENTITY: _managed_identity,
    CLIENT_SECRET: _client_secret,
    CLIENT_CERTIFICATE: _client_certificate,
    WORKLOAD_IDENTITY: _workload_identity,
    AZURE_CLI: _azure_cli,
}
