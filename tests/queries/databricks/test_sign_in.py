import types
from concurrent.futures import ThreadPoolExecutor

import azure.identity
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from miner.errors import SignInError
from queries.databricks import sign_in as module
from queries.databricks.secrets import reference, secret
from queries.databricks.sign_in import DATABRICKS, Identity, SignIn, Token, token_source

HOST = "adb-1.2.azuredatabricks.net"


class Clock:
    """Seconds since 1970, as told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Numbered:
    """Tokens one after another, each good for an hour; they fail while `broken` is set."""

    def __init__(self, clock):
        self.clock, self.made, self.sources, self.broken = clock, 0, 0, None

    def __call__(self, _sign_in):
        self.sources += 1
        return self.token

    def token(self) -> Token:
        if self.broken:
            raise self.broken
        self.made += 1
        return Token(f"token-{self.made}", self.clock.now + 3600)


@pytest.fixture
def tokens(clock):
    return Numbered(clock)


@pytest.fixture
def identity(clock, tokens):
    return Identity(SignIn("azure-cli", HOST), clock, tokens)


def bearer(identity) -> str:
    return identity()()["Authorization"]


def test_a_token_is_kept(identity, tokens):
    """A token is asked for once, and given to every request."""
    assert bearer(identity) == bearer(identity) == "Bearer token-1"
    assert tokens.made == 1


def test_a_token_is_renewed_before_it_expires(identity, clock):
    """No request goes out with a token that is about to expire."""
    bearer(identity)
    clock.now += 3600 - 301
    assert bearer(identity) == "Bearer token-1"
    clock.now += 2
    assert bearer(identity) == "Bearer token-2"


def test_threads_share_a_token(identity, tokens):
    """Threads that need a token at the same time wait for one renewal."""
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: bearer(identity), range(64))) == {"Bearer token-1"}
    assert tokens.made == 1


def test_a_refused_token_is_forgotten(identity, tokens):
    """After a refusal the sign-in starts from the beginning."""
    bearer(identity)
    identity.forget()
    assert bearer(identity) == "Bearer token-2"
    assert tokens.sources == 2


def test_a_failed_renewal_while_the_token_holds(identity, tokens, clock):
    """A token that still holds for a while is used when no new one is to be had; then the error is told."""
    bearer(identity)
    tokens.broken = CredentialUnavailableError("no connection")
    clock.now += 3600 - 200
    assert bearer(identity) == "Bearer token-1"
    clock.now += 195
    with pytest.raises(SignInError, match="no connection"):
        bearer(identity)


@pytest.mark.parametrize(
    "error",
    [
        ClientAuthenticationError("AADSTS7000215: Invalid client secret provided: s3cret"),
        ValueError("oauth-m2m: invalid_client s3cret"),
        OSError("s3cret unreachable"),
        NotImplementedError("Not supported yet: s3cret"),
    ],
)
def test_a_failed_sign_in_keeps_the_secret(clock, tokens, error):
    """Whatever a library says when a sign-in fails, the secret is not in our error."""
    tokens.broken = error
    identity = Identity(SignIn("oauth-m2m", HOST, client_secret=lambda: "s3cret"), clock, tokens)
    with pytest.raises(SignInError, match=HOST) as caught:
        bearer(identity)
    assert "s3cret" not in str(caught.value)
    assert "client_secret" in caught.value.mend


@pytest.mark.parametrize(
    "text",
    [
        "token-1 was refused",
        "Bearer token-1",
        "dapi0123456789abcdef0123456789abcdef-2 is gone",
        "eyJhbGciOi.eyJzdWIi.c2ln said no",
    ],
)
def test_scrubbed(identity, text):
    """Tokens given out, and what looks like one, are taken out of a text."""
    bearer(identity)
    found = identity.scrubbed(text)
    assert "***" in found
    assert not any(part in found for part in ("token-1", "dapi0", "eyJ"))


def test_nothing_shows_a_secret(clock, tokens):
    """An identity that is printed by accident shows no token."""
    identity = Identity(SignIn("pat", HOST, token=secret("dapi-1")), clock)
    bearer(identity)
    assert "dapi-1" not in repr(identity)
    assert "dapi-1" not in repr(identity.sign_in)


def test_a_token_file_is_read_again(tmp_path, clock):
    """A token that is exchanged in its file is used from the next request on."""
    file = tmp_path / "token"
    file.write_text("dapi-1\n")
    identity = Identity(SignIn("pat", HOST, token=secret(None, file)), clock)
    assert bearer(identity) == "Bearer dapi-1"
    file.write_text("dapi-2\n")
    assert bearer(identity) == "Bearer dapi-2"
    file.write_text("")
    with pytest.raises(SignInError, match="is empty"):
        bearer(identity)
    file.unlink()
    with pytest.raises(SignInError, match="cannot be read"):
        bearer(identity)


def test_service_principal_of_databricks(wire):
    """OAuth between machines: the SDK finds the endpoint and asks for a token with the secret."""
    wire.workspace.add_client("app-1", "s3cret", principal="app-1")
    identity = Identity(SignIn("oauth-m2m", wire.url, client_id="app-1", client_secret=secret("s3cret")))
    assert bearer(identity).startswith("Bearer local-")


def test_service_principal_with_a_wrong_secret(wire):
    """A refused secret is told as such, and not shown."""
    wire.workspace.add_client("app-1", "s3cret", principal="app-1")
    identity = Identity(SignIn("oauth-m2m", wire.url, client_id="app-1", client_secret=secret("wr0ng")))
    with pytest.raises(SignInError, match="invalid_client") as caught:
        bearer(identity)
    assert "wr0ng" not in str(caught.value)


def test_short_tokens_are_renewed_over_the_wire(wire, client_of, tmp_path):
    """Tokens of a service principal that live for minutes are renewed while days are read."""
    wire.workspace.add_client("app-1", "s3cret", lifetime=1)
    client = client_of()
    client.identity.sign_in = SignIn("oauth-m2m", wire.url, client_id="app-1", client_secret=secret("s3cret"))
    assert client.principal == "app-1"
    assert client.fields("system.query.history", None, ())


class Recorded:
    """Stands in for a credential of azure-identity: takes what the real one takes, and gives a token."""

    def __init__(self, made, name, real):
        self.made, self.name, self.real = made, name, real

    def __call__(self, *args, **kwargs):
        self.real(*args, **kwargs)
        self.made.append((self.name, args, kwargs))
        return types.SimpleNamespace(get_token=lambda scope: AccessToken(f"for {scope}", 5000))


@pytest.fixture
def credentials(monkeypatch):
    """The credentials that were made; each is made for real as well, so that its arguments are right."""
    made = []
    for name in (
        "ClientSecretCredential",
        "CertificateCredential",
        "ManagedIdentityCredential",
        "WorkloadIdentityCredential",
        "AzureCliCredential",
    ):
        monkeypatch.setattr(module, name, Recorded(made, name, getattr(azure.identity, name)))
    return made


@pytest.mark.parametrize("cloud", ["public", "usgovernment", "china"])
def test_a_service_principal_of_entra(credentials, cloud):
    """A secret is shown to the authority of its own cloud, for the scope of Databricks."""
    sign_in = SignIn("azure-client-secret", HOST, client_id="c", client_secret=secret("s"), tenant_id="t", cloud=cloud)
    token = token_source(sign_in)()
    assert token == Token(f"for {DATABRICKS}", 5000)
    ((name, args, kwargs),) = credentials
    assert (name, args) == ("ClientSecretCredential", ("t", "c", "s"))
    authorities = {"public": "login.microsoftonline.com", "usgovernment": "login.microsoftonline.us"}
    assert kwargs["authority"] == authorities.get(cloud, "login.chinacloudapi.cn")


def test_a_managed_identity(credentials):
    """A user-assigned identity is named by its client id."""
    token_source(SignIn("azure-managed-identity", HOST, client_id="c"))()
    assert credentials == [("ManagedIdentityCredential", (), {"client_id": "c"})]


def test_a_workload_identity(credentials, tmp_path):
    """A pod's identity comes from its federated token."""
    file = tmp_path / "federated"
    file.write_text("x")
    token_source(SignIn("azure-workload-identity", HOST, client_id="c", tenant_id="t", federated_token=file))()
    ((name, _, kwargs),) = credentials
    assert name == "WorkloadIdentityCredential"
    assert kwargs["token_file_path"] == str(file)


def test_the_azure_cli(credentials):
    """A person is who signed in with the Azure CLI, never through a browser."""
    token_source(SignIn("azure-cli", HOST))()
    assert credentials == [("AzureCliCredential", (), {"tenant_id": ""})]


def test_a_certificate_that_is_none(tmp_path, clock):
    """A certificate that cannot be read is a failed sign-in with what to check."""
    file = tmp_path / "cert.pem"
    file.write_text("no certificate")
    identity = Identity(SignIn("azure-client-certificate", HOST, client_id="c", tenant_id="t", certificate=file), clock)
    with pytest.raises(SignInError, match="azure-client-certificate") as caught:
        bearer(identity)
    assert "certificate" in caught.value.mend


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("https://v.vault.azure.net/secrets/dbx", ("https://v.vault.azure.net", "dbx", None)),
        ("https://v.vault.azure.cn/secrets/dbx/0123456789abcdef0123456789abcdef", ("https://v.vault.azure.cn", "dbx", "0123456789abcdef0123456789abcdef")),
    ],
)  # fmt: skip
def test_vault_references(address, parts):
    """An address names vault, secret and version."""
    assert reference(address) == parts
