"""Where a secret is kept: in the settings, in a file, or in an Azure Key Vault. Each is read when it is needed."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from miner.errors import SettingsError, SignInError

Secret = Callable[[], str]

VAULT = "keyvault:"


def secret(given: str | None, file: Path | None = None) -> Secret | None:
    """How to get a secret: from its file, from a vault, or as it was given; None when it was not."""
    if file is not None:
        return lambda: _from_file(file)
    if given is None:
        return None
    if given.startswith(VAULT):
        return lambda: _from_vault(given.removeprefix(VAULT))
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
        with DefaultAzureCredential() as credential, SecretClient(vault, credential) as client:
            return client.get_secret(name, version).value or ""
    except AzureError as error:
        raise SignInError(
            f"the secret {name} of {vault} cannot be read: {type(error).__name__}",
            mend="give the identity of this machine the role Key Vault Secrets User",
        ) from error


def reference(address: str) -> tuple[str, str, str | None]:
    """Vault, name and version of a secret's address."""
    parts = urlsplit(address)
    _, _, name, *version = parts.path.rstrip("/").split("/")
    return f"{parts.scheme}://{parts.netloc}", name, version[0] if version else None
