"""Which sink the settings make."""

from base64 import b64decode

import pytest

from schedules import settings
from schedules.parts import Parts
from tests.schedules.conftest import NOW
from tests.wire.azure import IDENTITY_HEADER, VAULT, LocalAzure
from tests.wire.entra import MACHINE


@pytest.fixture
def made(home):
    """The sink that lines of [purview] make."""

    def make(lines):
        home.set(f"[purview]\n{lines}\n")
        parts = Parts(settings.load(home.settings, {}), lambda: NOW)
        with parts.ledger() as ledger, parts.emitter(ledger) as emitter:
            return emitter and emitter.sink

    return make


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ('account = "acct"', "https://acct.purview.azure.com/datamap/api/atlas/v2"),
        ('account = "acct"\ncloud = "china"', "https://acct.purview.azure.cn/datamap/api/atlas/v2"),
        ('portal = "unified"', "https://api.purview-service.microsoft.com/datamap/api/atlas/v2"),
        ('portal = "unified"\ntenant_id = "t"', "https://t-api.purview-service.microsoft.com/datamap/api/atlas/v2"),
        ('account = "acct"\nendpoint = "http://127.0.0.1:1/api/atlas/v2"', "http://127.0.0.1:1/api/atlas/v2"),
    ],
)
def test_the_account_that_is_named(made, lines, address):
    """The sink talks to the account of the settings; a whole address overrides the rest."""
    sink = made(f'sink = "purview"\nuser = "u"\npassword = "p"\n{lines}')
    assert sink._session.endpoint_url == address


def test_a_service_principal(made):
    """A secret reaches the credential and nothing that is printed; tokens are for the cloud that is set."""
    lines = 'tenant_id = "t"\nclient_id = "c"\nclient_secret = "hidden-one"\nauth = "client-secret"\ncloud = "us-government"'
    sink = made(f'sink = "purview"\nendpoint = "https://purview.example.com"\n{lines}')
    authentication = sink._session.authentication
    assert authentication._credential._client_credential == "hidden-one"
    assert authentication._scope == "https://purview.azure.us/.default"
    assert "hidden-one" not in repr(vars(sink)) + repr(authentication)


def test_a_secret_in_a_file(made, tmp_path):
    """A password may lie in a file, as a container mounts it."""
    (tmp_path / "password").write_text("hidden-one\n")
    sink = made(f'sink = "purview"\naccount = "acct"\nuser = "u"\npassword_file = "{tmp_path / "password"}"')
    told = sink._session.authentication.get_authentication_headers()["Authorization"]
    assert b64decode(told.removeprefix("Basic ")) == b"u:hidden-one"


def test_a_secret_in_a_vault(made, tmp_path, monkeypatch):
    """A secret may lie in a Key Vault: it is read with the identity of the machine, for each run anew."""
    lines = (
        f'tenant_id = "t"\nclient_id = "c"\nauth = "client-secret"\nclient_secret = "keyvault:{VAULT}/secrets/miner"'
    )
    with LocalAzure(tmp_path) as azure:
        azure.stand_in(monkeypatch)
        monkeypatch.setenv("IDENTITY_ENDPOINT", azure.identity_endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        azure.directory.machines.add(MACHINE)
        for kept in ("first", "second"):
            azure.vault["miner"] = kept
            sink = made(f'sink = "purview"\naccount = "acct"\n{lines}')
            assert sink._session.authentication._credential._client_credential == kept


def test_how_it_is_sent(made):
    """Workers, rate, collection and sizes are those of the settings, with documented defaults."""
    head = 'sink = "purview"\naccount = "acct"\nuser = "u"\npassword = "p"\n'
    usual = made(head)._given
    assert (usual.workers, usual.operations_per_second, usual.collection) == (6, 25, "")
    lines = 'workers = 8\noperations_per_second = 250\ncollection = "abc-1"\nmax_entities = 50\nmax_bytes = 200000'
    given = made(head + lines)._given
    assert (given.workers, given.operations_per_second, given.collection) == (8, 250, "abc-1")
    assert (given.max_entities, given.max_bytes) == (50, 200_000)


def test_no_sink(made):
    """Without a sink there is nothing to emit to."""
    assert made('sink = "none"') is None


def test_catalogs_that_the_ledger_knows(home):
    """Foreign and shared catalogs that a source told reach naming; what the settings say of a catalog comes first."""
    home.set('[purview]\nforeign_catalogs = { crm = "mysql://set:3306/d" }\n')
    parts = Parts(settings.load(home.settings, {}), lambda: NOW)
    rows = [("crm", "FOREIGN", "mysql://told:3306/d"), ("erp", "FOREIGN", "oracle://h:1521/e"), ("a[b", "SHARED", "")]
    with parts.ledger() as ledger:
        with ledger.writing() as connection:
            for name, kind, address in rows:
                connection.exec_driver_sql(
                    "INSERT INTO catalog (metastore_id, catalog, source_id, type, connection, address, provider, share) "
                    "VALUES ('m', ?, 1, ?, '', ?, '', '')",
                    (name, kind, address),
                )
        naming = parts._naming(ledger)
    assert naming.foreign_catalogs == {"crm": "mysql://set:3306/d", "erp": "oracle://h:1521/e"}
    assert naming.shares("a[b")
    assert not naming.shares("crm")
