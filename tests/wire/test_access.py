"""Who may come in, for how long, and what they may not read; the workspace's answers besides SQL."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
from databricks import sql
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sql.exc import RequestError, ServerOperationError

from tests.wire.faults import HttpStatus
from tests.wire.rest import WAREHOUSE_ID
from tests.wire.server import TOKEN
from tests.wire.tokens import BROWSE, USE_CATALOG, USE_SCHEMA, Missing


def connected(warehouse, **more):
    return sql.connect(**warehouse.connect_arguments(**more))


def test_an_unknown_token(warehouse):
    """It is refused at once, with a reason."""
    with pytest.raises(RequestError, match="Invalid access token") as raised:
        connected(warehouse, token="dapi-wrong")
    assert raised.value.context["http-code"] == 403
    assert [call.status for call in warehouse.journal.calls()] == [403]


def test_a_token_runs_out_of_calls(warehouse, connect):
    """A token that is good for so many calls ends in the middle of a session; a fresh one takes over."""
    warehouse.tokens.add("short", calls=2)
    cursor = connect(token="short").cursor()
    cursor.execute("SELECT 1")
    with pytest.raises(RequestError, match="Access token expired") as raised:
        cursor.execute("SELECT 1")
    assert raised.value.context["http-code"] == 401
    warehouse.tokens.add("short")
    assert cursor.execute("SELECT 1").fetchall_arrow().num_rows == 1


def test_a_token_expires(warehouse, connect, clock):
    """A token ends at its time, by the warehouse's clock."""
    warehouse.tokens.add("hour", expires=clock.now + 3600)
    cursor = connect(token="hour").cursor()
    clock.now += 3599
    cursor.execute("SELECT 1")
    clock.now += 1
    with pytest.raises(RequestError, match="Access token expired"):
        cursor.execute("SELECT 1")
    warehouse.tokens.add("hour")


def test_a_revoked_token(warehouse, connect):
    """A token may be taken back."""
    cursor = connect().cursor()
    warehouse.tokens.revoke(TOKEN)
    with pytest.raises(RequestError, match="Invalid access token"):
        cursor.execute("SELECT 1")
    warehouse.tokens.add(TOKEN)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (Missing("system.query.*"), "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have SELECT on Table 'system.query.history'. SQLSTATE: 42501"),
        (Missing("system.query.*", USE_SCHEMA), "User does not have USE SCHEMA on Schema 'system.query'. SQLSTATE: 42501"),
        (Missing("system.*", USE_CATALOG), "User does not have USE CATALOG on Catalog 'system'. SQLSTATE: 42501"),
        (Missing("system.query.history", BROWSE), "[TABLE_OR_VIEW_NOT_FOUND] The table or view `system`.`query`.`history` cannot be found"),
    ],
)  # fmt: skip
def test_missing_rights(warehouse, connect, missing, said):
    """A principal is told which right it lacks, or that there is no such table; another reads on."""
    warehouse.tokens.add("guest", "guest@example.com", missing=[missing])
    asked = "SELECT count(*) FROM (SELECT * FROM IDENTIFIER(:t)) AS x"
    cursor = connect(token="guest").cursor()
    with pytest.raises(ServerOperationError) as raised:
        cursor.execute(asked, {"t": "SYSTEM.query.history"})
    assert said in str(raised.value).replace("`SYSTEM`", "`system`").replace("'SYSTEM", "'system")
    assert cursor.execute("SELECT current_user()").fetchall_arrow().column(0).to_pylist() == ["guest@example.com"]
    assert connect().cursor().execute(asked, {"t": "system.query.history"}).fetchall_arrow().column(0).to_pylist() == [
        10
    ]


def workspace(warehouse):
    """The vendor's SDK on the workspace."""
    return WorkspaceClient(host=warehouse.url, token=TOKEN)


def test_who_and_which_warehouse(warehouse):
    """The SDK reads its user and the warehouse's state, starts it, and is told of a warehouse that is not there."""
    client = workspace(warehouse)
    assert client.current_user.me().user_name == "miner@example.com"
    warehouse.workspace.state = "STOPPED"
    found = client.warehouses.get(WAREHOUSE_ID)
    assert (found.state.value, found.odbc_params.path) == ("STOPPED", warehouse.http_path)
    client.warehouses.start(WAREHOUSE_ID)
    assert [one.state.value for one in client.warehouses.list()] == ["RUNNING"]
    with pytest.raises(NotFound):
        client.warehouses.get("other")
    assert "GET /api/2.0/preview/scim/v2/Me" in [call.method for call in warehouse.journal.calls()]


def test_rest_is_guarded(warehouse):
    """REST wants a token too, and faults strike there as well."""
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        WorkspaceClient(host=warehouse.url, token="dapi-wrong").current_user.me()
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{warehouse.url}/api/2.0/sql/warehouses", timeout=5)  # noqa: S310 -- our own server
    raised.value.close()
    assert raised.value.code == 401
    client = workspace(warehouse)
    warehouse.faults.add(HttpStatus(403), "GET /api/2.0/sql/*")
    with pytest.raises(PermissionDenied):
        client.warehouses.get(WAREHOUSE_ID)


def asked_token(warehouse, **form):
    body = urllib.parse.urlencode({"grant_type": "client_credentials", **form}).encode()
    with urllib.request.urlopen(f"{warehouse.url}/oidc/v1/token", body, timeout=5) as answer:  # noqa: S310 -- our own server
        return json.load(answer)


def test_a_service_principal(warehouse, clock):
    """OAuth machine-to-machine: discovery, a short token, a session with it as the principal."""
    warehouse.workspace.add_client("app-1", "s3cret", principal="app-1-id", lifetime=600)
    config = Config(host=warehouse.url, client_id="app-1", client_secret="s3cret")
    with (
        connected(warehouse, access_token=None, credentials_provider=lambda: config.authenticate) as connection,
        connection.cursor() as cursor,
    ):
        assert cursor.execute("SELECT current_user()").fetchall_arrow().column(0).to_pylist() == ["app-1-id"]
    methods = [call.method for call in warehouse.journal.calls()]
    assert "GET /oidc/.well-known/oauth-authorization-server" in methods
    assert methods.count("POST /oidc/v1/token") == 1
    assert "s3cret" not in str(warehouse.journal.calls())


def test_its_token_ends(warehouse, clock):
    """A token given out ends after its lifetime."""
    warehouse.workspace.add_client("app-1", "s3cret", lifetime=600)
    token = asked_token(warehouse, client_id="app-1", client_secret="s3cret")
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)
    connected(warehouse, token=token["access_token"]).close()
    clock.now += 600
    with pytest.raises(RequestError, match="Access token expired"):
        connected(warehouse, token=token["access_token"])


@pytest.mark.parametrize(
    ("form", "code", "error"),
    [
        ({"client_id": "app-1", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other", "client_secret": "s3cret"}, 401, "invalid_client"),
        ({"client_id": "app-1", "client_secret": "s3cret", "grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_no_token(warehouse, form, code, error):
    """A wrong secret, an unknown client, another grant: each as OAuth words it."""
    warehouse.workspace.add_client("app-1", "s3cret")
    with pytest.raises(urllib.error.HTTPError) as raised:
        asked_token(warehouse, **form)
    assert (raised.value.code, json.load(raised.value)["error"]) == (code, error)
    raised.value.close()
