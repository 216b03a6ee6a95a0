"""Sign-in by way of Azure: the vendor's own clients, over TLS, against servers of this machine."""

import json
import sys
import time as real_time

import pytest

from miner.errors import SignInError
from queries.databricks.secrets import secret
from queries.databricks.sign_in import DATABRICKS, Identity, SignIn
from tests.wire.azure import IDENTITY_HEADER, VAULT, LocalAzure
from tests.wire.certificates import service_principal
from tests.wire.entra import MACHINE, TENANT

HOST = "adb-1.2.azuredatabricks.net"
APP = "66666666-7777-8888-9999-000000000000"
LOGIN = "login.microsoftonline.com"
METADATA = "169.254.169.254"


@pytest.fixture
def azure(tmp_path, monkeypatch):
    """Azure as this machine sees it; nothing of the real machine's identity is seen."""
    folder = tmp_path / "azure"
    folder.mkdir()
    with LocalAzure(folder) as running:
        running.stand_in(monkeypatch)
        yield running


@pytest.fixture
def app_service(azure, monkeypatch):
    """A machine with an identity of its own, asked for at the address that App Service sets."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", azure.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
    azure.directory.machines.add(MACHINE)


@pytest.fixture
def later(monkeypatch):
    """Lets seconds pass for every library."""
    ahead, now = [0.0], real_time.time
    monkeypatch.setattr(real_time, "time", lambda: now() + ahead[0])

    def passing(seconds):
        ahead[0] += seconds

    return passing


def by_secret(kept="s3cret", **more) -> SignIn:
    return SignIn("azure-client-secret", HOST, client_id=APP, tenant_id=TENANT, client_secret=secret(kept), **more)


def bearer(identity: Identity) -> str:
    return identity.headers()["Authorization"].removeprefix("Bearer ")


def last(azure):
    one = azure.directory.issued[-1]
    return one.principal, one.host, one.scope


def signed_in(azure, sign_in: SignIn):
    """Who got the token, where, and for what; the identity hands out that very token."""
    assert bearer(Identity(sign_in)) == azure.directory.issued[-1].value
    return last(azure)


@pytest.mark.parametrize(
    ("cloud", "login"),
    [("public", LOGIN), ("usgovernment", "login.microsoftonline.us"), ("china", "login.chinacloudapi.cn")],
)
def test_a_secret(azure, cloud, login):
    """A service principal shows its secret to the directory of its own cloud, for Databricks alone."""
    azure.directory.secrets[APP] = "s3cret"
    assert signed_in(azure, by_secret(cloud=cloud)) == (APP, login, DATABRICKS)


@pytest.mark.parametrize("password", ["", "pa55word"])
def test_a_certificate(azure, tmp_path, password):
    """A service principal signs with its certificate's key; the key is never sent."""
    file = tmp_path / "miner.pem"
    azure.directory.certificates[APP] = service_principal(file, password)
    kept = secret(password) if password else None
    found = SignIn("azure-client-certificate", HOST, client_id=APP, tenant_id=TENANT, certificate=file, certificate_password=kept)  # fmt: skip
    assert signed_in(azure, found) == (APP, LOGIN, DATABRICKS)


@pytest.mark.parametrize("client", [None, APP])
def test_a_machine_of_app_service(azure, app_service, client):
    """Where App Service or Container Apps run the miner, their endpoint is asked, for a user-assigned identity too."""
    azure.directory.machines.add(APP)
    principal, host, scope = signed_in(azure, SignIn("azure-managed-identity", HOST, client_id=client))
    assert (principal, scope) == (client or MACHINE, DATABRICKS)
    assert host.startswith("127.0.0.1")


@pytest.mark.parametrize("client", [None, APP])
def test_a_virtual_machine(azure, client):
    """On a virtual machine the metadata service is asked."""
    azure.directory.machines.update((MACHINE, APP))
    found = signed_in(azure, SignIn("azure-managed-identity", HOST, client_id=client))
    assert found == (client or MACHINE, METADATA, DATABRICKS)


def test_a_pod(azure, tmp_path):
    """A pod shows the token of its service account, as it stands in its file at that moment."""
    file = tmp_path / "federated"
    file.write_text("account-token")
    azure.directory.federated[APP] = "account-token"
    found = SignIn("azure-workload-identity", HOST, client_id=APP, tenant_id=TENANT, federated_token=file)
    assert signed_in(azure, found) == (APP, LOGIN, DATABRICKS)


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a script of a shell")
def test_a_person(azure, tmp_path, monkeypatch):
    """For a person the Azure CLI is asked, and its token is used."""
    told = json.dumps({"accessToken": "of-the-cli", "expires_on": int(real_time.time()) + 3600, "tokenType": "Bearer"})
    az = tmp_path / "az"
    az.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\necho '{told}'\n")
    az.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert bearer(Identity(SignIn("azure-cli", HOST))) == "of-the-cli"
    assert DATABRICKS.removesuffix("/.default") in (tmp_path / "asked").read_text()


@pytest.mark.parametrize("way", ["secret", "machine", "pod"])
def test_renewed_before_it_expires(azure, tmp_path, later, way):
    """A token of an hour is asked for once, and again when five minutes are left; the libraries' own caches agree."""
    directory = azure.directory
    directory.secrets[APP] = "s3cret"
    directory.machines.add(MACHINE)
    directory.federated[APP] = "account-token"
    file = tmp_path / "federated"
    file.write_text("account-token")
    identity = Identity({
        "secret": by_secret(),
        "machine": SignIn("azure-managed-identity", HOST),
        "pod": SignIn("azure-workload-identity", HOST, client_id=APP, tenant_id=TENANT, federated_token=file),
    }[way], real_time.time)  # fmt: skip
    first = bearer(identity)
    later(3600 - 320)
    assert bearer(identity) == first
    later(30)
    assert bearer(identity) != first
    assert [one.value == bearer(identity) for one in directory.issued] == [False, True]


def test_kept_while_it_holds(azure, later):
    """A directory that gives nothing for a while costs nothing while the token holds; then the error is told."""
    azure.directory.secrets[APP] = "s3cret"
    identity = Identity(by_secret(), real_time.time)
    first = bearer(identity)
    azure.directory.secrets.clear()
    later(3600 - 200)
    assert bearer(identity) == first
    later(195)
    with pytest.raises(SignInError, match="AADSTS7000215"):
        bearer(identity)


def refusals(tmp_path):
    """Sign-ins that nobody accepts, with what must not be told and what is to be done."""
    wrong = tmp_path / "wrong.pem"
    service_principal(wrong)
    federated = tmp_path / "federated"
    federated.write_text("eyJhbGciOi.eyJzdWIi.c2ln")  # as every token of a service account begins
    more = {"client_id": APP, "tenant_id": TENANT}
    return {
        "secret": (by_secret("wr0ng-s3cret"), "whether the secret has expired"),
        "tenant": (SignIn("azure-client-secret", HOST, client_id=APP, tenant_id="nobody.example", client_secret=secret("wr0ng-s3cret")), "check tenant_id"),
        "certificate": (SignIn("azure-client-certificate", HOST, certificate=wrong, **more), "whether it has expired"),
        "machine": (SignIn("azure-managed-identity", HOST, client_id=APP), "give this machine a managed identity"),
        "pod": (SignIn("azure-workload-identity", HOST, federated_token=federated, **more), "federated credential"),
        "cli": (SignIn("azure-cli", HOST), "az login"),
    }  # fmt: skip


@pytest.mark.parametrize("way", ["secret", "tenant", "certificate", "machine", "pod", "cli"])
def test_refused(azure, tmp_path, monkeypatch, way):
    """Who gets no token is told which way failed and what to do; whatever was shown is not told."""
    monkeypatch.setenv("PATH", str(tmp_path))
    sign_in, mend = refusals(tmp_path)[way]
    with pytest.raises(SignInError, match=f"no token for {HOST} \\({sign_in.auth}\\)") as caught:
        bearer(Identity(sign_in))
    told = f"{caught.value} {caught.value.mend}"
    assert mend in caught.value.mend
    assert not [one for one in azure.directory.sent if one and one in told]
    assert azure.directory.issued == []


def test_to_the_warehouse(azure, wire, client_of):
    """The connector's session opens with the token of Entra, and the warehouse knows the principal."""
    azure.directory.secrets[APP] = "s3cret"
    azure.directory.admits = wire.tokens.add
    client = client_of()
    client.identity.sign_in = by_secret()
    assert client.principal == APP


def test_a_secret_in_a_vault(azure, app_service):
    """A secret is read with the identity of the machine, from the vault that its address names, when it is needed."""
    azure.vault["dbx"] = "dapi-1"
    found = Identity(SignIn("pat", HOST, token=secret(f"keyvault:{VAULT}/secrets/dbx")))
    assert azure.directory.issued == []
    assert bearer(found) == "dapi-1"
    assert last(azure)[0::2] == (MACHINE, "https://vault.azure.net/.default")


def test_a_version_in_a_vault(azure, app_service):
    """A version that is named is the one that is read."""
    version = "0123456789abcdef0123456789abcdef"
    azure.vault |= {"dbx": "new", f"dbx/{version}": "old"}
    assert secret(f"keyvault:{VAULT}/secrets/dbx/{version}")() == "old"


@pytest.mark.parametrize(
    ("vault", "login"), [("miner.vault.azure.cn", "login.chinacloudapi.cn"), ("miner.vault.usgovcloudapi.net", "login.microsoftonline.us")]
)  # fmt: skip
def test_a_vault_of_another_cloud(azure, monkeypatch, vault, login):
    """A principal told by the environment signs in at the directory of the vault's own cloud."""
    for name, value in {"CLIENT_ID": APP, "TENANT_ID": TENANT, "CLIENT_SECRET": "s3cret"}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    azure.directory.secrets[APP] = "s3cret"
    azure.vault["dbx"] = "dapi-1"
    assert secret(f"keyvault:https://{vault}/secrets/dbx")() == "dapi-1"
    assert last(azure)[1] == login


def test_a_client_secret_in_a_vault(azure, app_service, wire):
    """The secret of a service principal of Databricks may lie in a vault as well."""
    azure.vault["m2m"] = "s3cret"
    wire.workspace.add_client("app-1", "s3cret", principal="app-1")
    kept = secret(f"keyvault:{VAULT}/secrets/m2m")
    assert bearer(Identity(SignIn("oauth-m2m", wire.url, client_id="app-1", client_secret=kept))).startswith("local-")


def test_an_exchanged_secret(azure, app_service, later):
    """A vault is not asked for each request; a token that was exchanged there is read when the old one is refused."""
    azure.vault["dbx"] = "dapi-1"
    identity = Identity(SignIn("pat", HOST, token=secret(f"keyvault:{VAULT}/secrets/dbx")), real_time.time)
    assert {bearer(identity) for _ in range(5)} == {"dapi-1"}
    assert len(azure.directory.issued) == 1
    azure.vault["dbx"] = "dapi-2"
    identity.forget()
    assert bearer(identity) == "dapi-2"
    azure.vault["dbx"] = "dapi-3"
    later(3600)
    assert bearer(identity) == "dapi-3"


@pytest.mark.parametrize(
    ("spoil", "said", "mend"),
    [
        (lambda azure: setattr(azure, "readers", set()), "Forbidden", "Key Vault Secrets User"),
        (lambda azure: azure.vault.clear(), "SecretNotFound", "name and the version"),
        (lambda azure: azure.directory.machines.clear(), "no identity", "managed identity"),
    ],
)
def test_a_vault_that_refuses(azure, app_service, monkeypatch, tmp_path, spoil, said, mend):  # noqa: PLR0917
    """Who may not read a secret is told which, of which vault, and why."""
    monkeypatch.setenv("PATH", str(tmp_path))
    azure.vault["dbx"] = "dapi-1"
    spoil(azure)
    with pytest.raises(SignInError, match=f"the secret dbx of {VAULT} cannot be read: .*{said}") as caught:
        secret(f"keyvault:{VAULT}/secrets/dbx")()
    assert mend in caught.value.mend
