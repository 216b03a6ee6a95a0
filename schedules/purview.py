"""Where Purview is, and how the miner signs in there, from the settings."""

from pathlib import Path

from pydantic import SecretStr

from queries.databricks.secrets import secret
from schedules.settings.model import Purview
from sinks.purview.clouds import account_address, portal_address
from sinks.purview.sign_in import SignIn


def address(purview: Purview) -> str:
    """The address of the account, or of the v2 API of a plain Apache Atlas."""
    if purview.endpoint:
        return purview.endpoint
    if purview.portal == "unified":
        return portal_address(purview.tenant_id or "")
    return account_address(purview.account or "", purview.cloud)


def sign_in(purview: Purview) -> SignIn:
    """How the miner signs in, with its secrets as they stand now. Raises SignInError when one cannot be read."""
    return SignIn(
        way=purview.auth,
        cloud=purview.cloud,
        tenant_id=purview.tenant_id or "",
        client_id=purview.client_id or "",
        client_secret=_secret(purview.client_secret, purview.client_secret_file),
        certificate=purview.certificate,
        certificate_password=_secret(purview.certificate_password),
        user=purview.user or "",
        password=_secret(purview.password, purview.password_file),
    )


def _secret(given: SecretStr | None, file: Path | None = None) -> str:
    kept = secret(given.get_secret_value() if given else None, file)
    return kept() if kept else ""
