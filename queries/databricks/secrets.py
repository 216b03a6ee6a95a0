"""Where a secret is kept: in the settings, in a file, or in an Azure Key Vault. Each is read when it is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from miner.errors import SettingsError, SignInError

Secret = Callable[[], str]

VAULT = "keyvault:"


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """A secret in an Azure Key Vault, by its address. To read it takes two or three requests each time."""

    address: str

    def __call__(self) -> str:
        """The secret as it stands now. Raises SignInError, and SettingsError without the package for it."""
        return _from_vault(self.address)


def secret(given: str | None, file: Path | None = None) -> Secret | None:
    """How to get a secret: from its file, from a vault, or as it was given; None when it was not."""
    if file is not None:
        return lambda: _from_file(file)
    if given is None:
        return None
    if given.startswith(VAULT):
        return VaultSecret(given.removeprefix(VAULT))
    return lambda: given


def _from_file(file: Path) -> str:
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SignInError(f"{file} cannot be read", mend="let this user read it") from error
    if not found:
        raise SignInError(f"{file} is empty", mend="write the secret into it")
    return found


def _from_vault(address: str) -> str:
    try:
        from azure.keyvault.secrets import SecretClient  # noqa: PLC0415 (an optional extra)
    except ImportError:
        raise SettingsError(
            "secrets in Azure Key Vault need another package", mend='pip install "uc-lineage-miner[keyvault]"'
        ) from None
    from azure.core.exceptions import AzureError  # noqa: PLC0415 (costs time that only Azure needs)
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    vault, name, version = reference(address)
    try:
        with (
            DefaultAzureCredential(authority=_authority(vault)) as credential,
            SecretClient(vault, credential) as client,
        ):
            found = client.get_secret(name, version).value
    except (AzureError, ValueError) as error:
        why, mend = _why(error)
        raise SignInError(f"the secret {name} of {vault} cannot be read: {why}", mend=mend) from None
    if not found:
        raise SignInError(f"the secret {name} of {vault} is empty", mend="write a value into it")
    return found


def _authority(vault: str) -> str | None:
    """Who signs tokens in the cloud of a vault; None where azure-identity is to know it."""
    return next((authority for domain, authority in _AUTHORITIES.items() if vault.endswith(domain)), None)


def _why(error: Exception) -> tuple[str, str]:
    """What went wrong and what to do. Azure's own words may hold what was shown to it, so only its codes are told."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError  # noqa: PLC0415

    if isinstance(error, ClientAuthenticationError):
        return "no identity that Azure accepts was found", (
            "give this machine a managed identity (AZURE_CLIENT_ID names a user-assigned one), or set AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or sign in with: az login"
        )
    if isinstance(error, HttpResponseError):
        code = error.error.code if error.error else error.status_code
        return f"{code}", _MENDS.get(error.status_code or 0, "look into the log of the vault, then run again")
    if isinstance(error, ServiceRequestError):
        return "the vault did not answer", "check its name, and that its firewall lets this machine in"
    return type(error).__name__, "check the address of the secret and AZURE_TENANT_ID"


_MENDS = {
    403: "give the identity of this machine the role Key Vault Secrets User, and let it through the vault's firewall",
    404: "check the name and the version of the secret",
}

_AUTHORITIES = {
    ".vault.azure.cn": "login.chinacloudapi.cn",
    ".vault.usgovcloudapi.net": "login.microsoftonline.us",
}
"""Vaults outside the public cloud. https://learn.microsoft.com/en-us/azure/key-vault/general/about-keys-secrets-certificates"""


def reference(address: str) -> tuple[str, str, str | None]:
    """Vault, name and version of a secret's address."""
    parts = urlsplit(address)
    _, _, name, *version = parts.path.rstrip("/").split("/")
    return f"{parts.scheme}://{parts.netloc}", name, version[0] if version else None
