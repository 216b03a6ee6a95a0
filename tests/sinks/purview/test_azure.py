"""Sign-in to Purview by way of Azure: the vendor's own clients, over TLS, against servers of this machine."""

import traceback

import pytest

from miner.errors import SinkError
from sinks.purview.authentication import authenticated
from sinks.purview.clouds import CLOUDS, account_address
from sinks.purview.sign_in import SignIn, signed_in
from tests.wire.azure import IDENTITY_HEADER, LocalAzure
from tests.wire.certificates import service_principal
from tests.wire.entra import MACHINE, TENANT

APP = "66666666-7777-8888-9999-000000000000"


@pytest.fixture
def azure(tmp_path, monkeypatch):
    """Azure as a machine with an identity of its own sees it."""
    with LocalAzure(tmp_path) as running:
        running.stand_in(monkeypatch)
        monkeypatch.setenv("IDENTITY_ENDPOINT", running.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        running.directory.machines.add(MACHINE)
        yield running


def headers(given: SignIn, cloud="public"):
    with signed_in(given) as authentication:
        return authenticated(authentication, account_address("acct", cloud), cloud).get_authentication_headers()


@pytest.mark.parametrize(
    "way", ["default", "managed-identity", "client-secret", "client-certificate", "workload-identity"]
)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_token_for_purview(azure, tmp_path, monkeypatch, way, cloud):
    """Every way gives a token for Purview of its own cloud, from whoever signs there, and for nothing else."""
    file, federated = tmp_path / "miner.pem", tmp_path / "federated"
    federated.write_text("account-token")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(federated))
    directory = azure.directory
    directory.secrets[APP], directory.federated[APP] = "s3cret", "account-token"
    directory.certificates[APP] = service_principal(file)
    named = {"tenant_id": TENANT, "client_id": APP} if way not in {"default", "managed-identity"} else {}
    told = headers(SignIn(way, cloud, client_secret="s3cret", certificate=file, **named), cloud)
    (issued,) = directory.issued
    assert told == {"Authorization": f"Bearer {issued.value}"}
    assert (issued.principal, issued.scope) == (APP if named else MACHINE, CLOUDS[cloud].scope)
    if named:
        assert issued.host == CLOUDS[cloud].authority


def test_nobody(azure):
    """Who gets no token is told to look at how to sign in."""
    azure.directory.machines.clear()
    with pytest.raises(SinkError, match="no token for Purview") as caught:
        headers(SignIn("managed-identity"))
    assert "managed identity" in caught.value.mend


@pytest.mark.parametrize("secret", ["wr0ng-s3cret"])
def test_words_of_the_server_stay_there(azure, secret):
    """Of a refused sign-in its code is told and what to mend, nothing else: the answer may repeat what was sent."""
    azure.directory.secrets[APP] = "s3cret"
    with pytest.raises(SinkError, match="no token for Purview") as caught:
        headers(SignIn("client-secret", tenant_id=TENANT, client_id=APP, client_secret=secret))
    told = "".join(traceback.format_exception(caught.value))
    assert "(AADSTS7000215)" in caught.value.message
    assert "client_secret" in caught.value.mend
    assert secret not in told
    assert "Invalid client secret" not in told
