"""Where Purview answers, what a token must be for, and who signs one, in each of Microsoft's clouds.

The addresses and audiences of the sovereign clouds are those of the Azure SDKs' environments
(https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure).
"""

from collections.abc import Mapping
from dataclasses import dataclass

PUBLIC = "public"
CHINA = "china"
US_GOVERNMENT = "us-government"

PORTAL = "https://api.purview-service.microsoft.com"
"""Of accounts in the unified portal, which have one address for a whole tenant."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """The domain of accounts, the scope of tokens, the host that signs them, and the domain of workspaces."""

    domain: str
    scope: str
    authority: str
    workspaces: str


CLOUDS: Mapping[str, Cloud] = {
    PUBLIC: Cloud(
        "purview.azure.com", "https://purview.azure.net/.default", "login.microsoftonline.com", "azuredatabricks.net"
    ),
    CHINA: Cloud(
        "purview.azure.cn", "https://purview.azure.cn/.default", "login.chinacloudapi.cn", "databricks.azure.cn"
    ),
    US_GOVERNMENT: Cloud(
        "purview.azure.us", "https://purview.azure.us/.default", "login.microsoftonline.us", "databricks.azure.us"
    ),
}


def account_address(account: str, cloud: str = PUBLIC) -> str:
    """The address of an account by its name."""
    return f"https://{account}.{CLOUDS[cloud].domain}"


def portal_address(tenant_id: str = "") -> str:
    """The address of the unified portal, that of the tenant when it is known; in the public cloud only."""
    return PORTAL.replace("//", f"//{tenant_id}-") if tenant_id else PORTAL


def scope_for(host: str, cloud: str = PUBLIC) -> str:
    """What a token for this host must be for: by the host's own domain, else by the cloud named."""
    own = (one.scope for one in CLOUDS.values() if host.endswith(f".{one.domain}"))
    return next(own, CLOUDS[cloud].scope)
