"""Who gets a token: Microsoft Entra's answers to a service principal, a machine and a pod.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509

Answer = tuple[int, dict[str, Any]]

TENANT = "11111111-2222-3333-4444-555555555555"
MACHINE = "the machine itself"
"""The principal of a managed identity that is assigned by the system."""

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was given out: who asked which host, for what, and until when it holds (seconds since 1970)."""

    value: str
    principal: str
    host: str
    scope: str
    expires: float


@dataclass(slots=True)
class Directory:
    """One tenant. Whoever is in none of its tables gets no token."""

    secrets: dict[str, str] = field(default_factory=dict)
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)
    federated: dict[str, str] = field(default_factory=dict)
    machines: set[str] = field(default_factory=set)
    """Client ids of user-assigned identities, and MACHINE."""
    lifetime: int = 3600
    admits: Callable[[str, str], object] = lambda _value, _principal: None
    """Told of each token and whose it is: what lets a local warehouse admit it."""
    issued: list[Issued] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """Secrets and assertions that were shown, right or wrong."""

    def told(self, host: str, path: str, query: Mapping[str, str]) -> Answer:
        """What is told to everybody: where tokens are given out, and which names the same directory has."""
        if path == "/common/discovery/instance":
            names = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
            end = query["authorization_endpoint"].partition("/oauth2")[0]
            return 200, {"tenant_discovery_endpoint": f"{end}/.well-known/openid-configuration", "metadata": [names]}
        if path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return 200, {
                "issuer": f"https://{host}/{TENANT}/v2.0",
                "authorization_endpoint": f"https://{host}/{TENANT}/oauth2/v2.0/authorize",
                "token_endpoint": f"https://{host}{self._token_path}",
            }
        return _refused(400, "invalid_tenant", f"AADSTS90002: Tenant '{path.split('/')[1]}' not found.")

    @property
    def _token_path(self) -> str:
        return f"/{TENANT}/oauth2/v2.0/token"

    def token(self, host: str, path: str, form: Mapping[str, str]) -> Answer:
        """A token for a service principal or a pod. A refusal says more than it should, as a bad day's would."""
        shown = form.get("client_secret") or form.get("client_assertion", "")
        self.sent.append(shown)
        if path != self._token_path or form.get("grant_type") != "client_credentials":
            return _refused(400, "invalid_request", f"AADSTS900144: no such grant at {path}")
        client = form["client_id"]
        if not self._proves(client, form, f"https://{host}{path}"):
            return _refused(
                401, "invalid_client", f"AADSTS7000215: Invalid client secret provided: {shown} of {client}."
            )
        return 200, self._given(client, host, form["scope"], {"token_type": "Bearer", "expires_in": self.lifetime})

    def machine_token(self, host: str, query: Mapping[str, str]) -> Answer:
        """A token for a managed identity, asked for by the resource that it is for."""
        client = query.get("client_id", MACHINE)
        if client not in self.machines:
            return _refused(400, "invalid_request", "Identity not found")
        until = str(int(time.time()) + self.lifetime)
        more = {"token_type": "Bearer", "expires_on": until, "resource": query["resource"], "client_id": client}
        if host == "169.254.169.254":
            more["expires_in"] = str(self.lifetime)
        return 200, self._given(client, host, f"{query['resource']}/.default", more)

    def holder(self, authorization: str, scope: str) -> Issued | None:
        """Whose token for this scope it is."""
        value = authorization.removeprefix("Bearer ")
        held = (one for one in self.issued if one.value == value and one.scope == scope)
        return next((one for one in held if one.expires > time.time()), None)

    def _proves(self, client: str, form: Mapping[str, str], audience: str) -> bool:
        if "client_secret" in form:
            return form["client_secret"] == self.secrets.get(client)
        if form.get("client_assertion_type") != _ASSERTION:
            return False
        return form["client_assertion"] == self.federated.get(client) or self._signed(
            client, form["client_assertion"], audience
        )

    def _signed(self, client: str, assertion: str, audience: str) -> bool:
        certificate = self.certificates.get(client)
        if certificate is None:
            return False
        try:
            # The clock of a test may be ahead of this library's.
            jwt.decode(
                assertion, certificate.public_key(), algorithms=["RS256", "PS256"], audience=audience, issuer=client,
                options={"verify_nbf": False, "verify_iat": False, "require": ["exp", "sub", "jti"]},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            return False
        return True

    def _given(self, principal: str, host: str, scope: str, more: Mapping[str, Any]) -> dict[str, Any]:
        value = f"entra-{secrets.token_hex(16)}"
        self.issued.append(Issued(value, principal, host, scope, time.time() + self.lifetime))
        self.admits(value, principal)
        return {"access_token": value, **more}


def _refused(status: int, error: str, words: str) -> Answer:
    return status, {"error": error, "error_description": words, "error_codes": [7000215]}
