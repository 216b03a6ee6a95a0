import datetime as dt

import pytest
from azure import identity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from miner.errors import SettingsError
from sinks.purview.clouds import CLOUDS, account_address, portal_address, scope_for
from sinks.purview.sign_in import SignIn, signed_in

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"


@pytest.fixture
def certificate(tmp_path):
    """A certificate with its key, as a service principal has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "miner")])
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(day).not_valid_after(day + dt.timedelta(days=365)).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "miner.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.mark.parametrize(
    ("way", "credential"),
    [
        ("default", identity.DefaultAzureCredential),
        ("managed-identity", identity.ManagedIdentityCredential),
        ("client-secret", identity.ClientSecretCredential),
        ("client-certificate", identity.CertificateCredential),
        ("azure-cli", identity.AzureCliCredential),
    ],
)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_ways_to_sign_in(certificate, way, credential, cloud):
    """Each way is azure-identity's own credential, made without asking anybody, in every cloud."""
    given = SignIn(way, cloud, TENANT, CLIENT, client_secret="s", certificate=certificate)
    with signed_in(given) as made:
        assert type(made) is credential


def test_workload_identity(tmp_path, monkeypatch):
    """What Kubernetes sets is taken; the settings override it."""
    token = tmp_path / "token"
    token.write_text("t")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    with signed_in(SignIn("workload-identity")) as made:
        assert type(made) is identity.WorkloadIdentityCredential


def test_the_authority_is_that_of_the_cloud():
    """A service principal of a sovereign cloud does not ask the public directory."""
    for name, cloud in CLOUDS.items():
        with signed_in(SignIn("client-secret", name, TENANT, CLIENT, client_secret="s")) as made:
            assert cloud.authority in made._authority


@pytest.mark.parametrize("way", ["basic", "default"])
def test_user_and_password(way):
    """A user is enough to sign in to a plain Atlas."""
    with signed_in(SignIn(way, user="admin", password="p")) as made:
        assert made == ("admin", "p")


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_certificate_that_is_none(tmp_path, content):
    """A missing or broken certificate is an error of the settings that names what to look at."""
    file = tmp_path / "c.pem"
    if content:
        file.write_bytes(content)
    given = SignIn("client-certificate", "public", TENANT, CLIENT, certificate=file)
    with pytest.raises(SettingsError, match="client-certificate") as caught, signed_in(given):
        pass
    assert "certificate" in caught.value.mend


def test_workload_identity_outside_of_kubernetes(monkeypatch):
    """Without what Kubernetes sets there is no such identity."""
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="workload-identity"), signed_in(SignIn("workload-identity")):
        pass


def test_secrets_are_not_shown():
    """What is logged of a way to sign in holds no secret."""
    shown = repr(SignIn("client-secret", client_secret="alpha", certificate_password="beta", password="gamma"))
    assert not any(secret in shown for secret in ("alpha", "beta", "gamma"))


def test_addresses():
    """An account is found by its name in every cloud, the unified portal by the tenant."""
    assert account_address("acct") == "https://acct.purview.azure.com"
    assert account_address("acct", "china") == "https://acct.purview.azure.cn"
    assert account_address("acct", "us-government") == "https://acct.purview.azure.us"
    assert portal_address() == "https://api.purview-service.microsoft.com"
    assert portal_address(TENANT) == f"https://{TENANT}-api.purview-service.microsoft.com"


def test_scopes_follow_the_host_else_the_cloud():
    """A private address takes tokens of the cloud that is set; one of Microsoft's tells by itself."""
    assert scope_for("purview.example.com", "china") == "https://purview.azure.cn/.default"
    assert scope_for("acct.purview.azure.us", "china") == "https://purview.azure.us/.default"
    assert scope_for("purview.azure.us.example.com") == "https://purview.azure.net/.default"
