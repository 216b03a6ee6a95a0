"""Names that no system table tells: the unmodified SDK asks the local workspace's API for them, page by page."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from miner.errors import SignInError, SourceError
from miner.ports import NAMES
from queries.databricks.client import client
from queries.databricks.names import WorkspaceNames
from queries.databricks.secrets import secret
from queries.databricks.sign_in import Identity, SignIn
from queries.embedded import EmbeddedWarehouse
from queries.names import API_NAMES, CATALOGS, CatalogForm, Named, NameReader
from queries.system_tables import SystemTableReader
from tests.wire.faults import HttpStatus
from tests.wire.server import TOKEN

EVERYTHING = (*API_NAMES, CATALOGS)
METASTORE = "11111111-2222-3333-4444-555555555555"
CHANGED = "2026-11-01T10:00:00Z"


def impatient(host, identity, _patience):
    """A client that gives up soon: its waits are real ones."""
    return client(host, identity, 1)


@pytest.fixture
def ask(warehouse):
    """The API as the miner asks it, with a token of its own choice."""

    def asking(token=TOKEN):
        identity = Identity(SignIn(auth="pat", host=warehouse.url, token=secret(token)))
        return WorkspaceNames(warehouse.url, identity, impatient)

    warehouse.workspace.listed.update({
        "sql/queries": [{"id": f"q{n}", "display_name": f" query {n} ", "update_time": CHANGED} for n in range(5)],
        "sql/alerts": [{"id": "a1", "display_name": "old alert"}],
        "alerts": [{"id": "a2", "display_name": "new alert"}],
        "lakeview/dashboards": [{"dashboard_id": "d1", "display_name": "Sales"}, {"dashboard_id": "d2"}],
        "preview/sql/dashboards": [{"id": f"l{n}", "name": f"legacy {n}", "updated_at": CHANGED} for n in range(3)],
        "genie/spaces": [{"space_id": f"g{n}", "title": f"space {n}"} for n in range(3)],
        "workspace/list/": [
            {"object_type": "DIRECTORY", "path": "/Shared", "object_id": 1},
            {"object_type": "DIRECTORY", "path": "/Closed", "object_id": 2},
        ],
        "workspace/list/Shared": [
            {"object_type": "NOTEBOOK", "path": "/Shared/load", "object_id": 7, "modified_at": 1_793_520_000_000},
            {"object_type": "FILE", "path": "/Shared/x.txt", "object_id": 8},
        ],
        "unity-catalog/catalogs": [
            {"name": "main", "catalog_type": "MANAGED_CATALOG", "metastore_id": METASTORE},
            {"name": "CRM", "catalog_type": "FOREIGN_CATALOG", "metastore_id": METASTORE,
             "connection_name": "crm", "options": {"database": "sales"}},
            {"name": "lost", "catalog_type": "FOREIGN_CATALOG", "metastore_id": METASTORE, "connection_name": "gone"},
            {"name": "partner", "catalog_type": "DELTASHARING_CATALOG", "metastore_id": METASTORE,
             "provider_name": "acme", "share_name": "orders"},
        ],
        "unity-catalog/connections/crm": [
            {"name": "crm", "connection_type": "SQLSERVER", "options": {"host": "crm.database.windows.net", "port": "1433"}}
        ],
    })  # fmt: skip
    warehouse.workspace.closed.add("workspace/list/Closed")
    return asking


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("queries", [("query", f"q{n}", f"query {n}", datetime(2026, 11, 1, 10, tzinfo=UTC)) for n in range(5)]),
        ("alerts", [("alert", "a1", "old alert", None), ("alert", "a2", "new alert", None)]),
        ("dashboards", [("dashboard", "d1", "Sales", None)]),
        (
            "legacy_dashboards",
            [("legacy_dashboard", f"l{n}", f"legacy {n}", datetime(2026, 11, 1, 10, tzinfo=UTC)) for n in range(3)],
        ),
        ("genie_spaces", [("genie_space", f"g{n}", f"space {n}", None) for n in range(3)]),
        ("notebooks", [("notebook", "7", "/Shared/load", datetime(2026, 11, 1, 8, tzinfo=UTC))]),
    ],
)
def test_names(ask, part, told):
    """Every page is read; things of this workspace come with kind, id and name; a closed folder is passed over."""
    assert list(ask().named(part)) == [Named(kind, "1001", item, name, changed) for kind, item, name, changed in told]


def test_catalogs(ask):
    """A foreign catalog comes with the database behind its connection, where that may be seen; a share with its provider."""
    server = "sqlserver://crm.database.windows.net:1433;database=sales"
    assert list(ask().catalogs()) == [
        CatalogForm(METASTORE, "crm", "FOREIGN", connection="crm", address=server),
        CatalogForm(METASTORE, "lost", "FOREIGN", connection="gone"),
        CatalogForm(METASTORE, "partner", "SHARED", provider="acme", share="orders"),
    ]


@pytest.fixture
def read(ask, tmp_path):
    """Every part that a reader over no tables at all tells, with what it says is absent."""
    warehouse = EmbeddedWarehouse(tmp_path, scratch=tmp_path / "scratch", threads=1)

    def reading(allowed=EVERYTHING):
        reader = NameReader(SystemTableReader(warehouse), ask(), allowed)
        day = date(2026, 11, 10)
        told = {part: found for part in NAMES if (found := reader.read(part, day, day)) is not None}
        return {part: pa.Table.from_batches(rows).to_pylist() for part, rows in told.items()}, reader.absent()

    yield reading
    warehouse.close()


def test_rows_of_every_part(read):
    """What the API tells are rows of the declared schemas; what the tables would tell is absent, each with a reason."""
    told, absent = read()
    assert {part: len(rows) for part, rows in told.items()} == {
        "notebooks": 1, "queries": 5, "dashboards": 1, "legacy_dashboards": 3, "alerts": 2, "genie_spaces": 3, "catalogs": 3,
    }  # fmt: skip
    assert [one.partition(":")[0] for one in absent] == [
        "workspaces", "jobs", "job_tasks", "pipelines", "dbt_models", "tables",
    ]  # fmt: skip


def test_only_what_is_allowed_is_asked(read, warehouse):
    """The API is asked for the parts that the settings name and for nothing else."""
    told, absent = read(("dashboards",))
    assert list(told) == ["dashboards"]
    assert "queries: the workspace's API is not asked for them" in absent
    asked = {call.method for call in warehouse.journal.calls() if "/api/" in call.method}
    assert asked - {"GET /api/2.0/preview/scim/v2/Me"} == {"GET /api/2.0/lakeview/dashboards"}


def test_a_refused_part_is_absent(read, warehouse):
    """A part that the principal may not ask for leaves the ids, is said to be absent, and costs no other part."""
    warehouse.workspace.closed.add("genie/spaces")
    told, absent = read()
    assert "genie_spaces" not in told
    assert len(told["queries"]) == 5
    assert any(one.startswith("genie_spaces: the principal may not ask") for one in absent)


@pytest.mark.parametrize("status", [400, 404, 410, 501])
def test_an_api_that_was_taken_back(read, warehouse, status):
    """A workspace without legacy dashboards leaves their ids, is said to have none, and costs no other part."""
    warehouse.faults.add(HttpStatus(status), "GET /api/2.0/preview/sql/dashboards", times=20)
    told, absent = read()
    assert "legacy_dashboards" not in told
    assert len(told["dashboards"]) == 1
    assert sum(one.startswith("legacy_dashboards: ") for one in absent) == 1


def test_a_lost_answer_is_an_error(ask, warehouse):
    """A page that does not come is no end of the list."""
    warehouse.faults.add(HttpStatus(500), "GET /api/2.0/sql/queries", times=20)
    with pytest.raises(SourceError) as caught:
        list(ask().named("queries"))
    assert "did not tell its queries" in caught.value.message


def test_a_wrong_token(ask):
    """A refused token is a sign-in error, and is not in the words."""
    with pytest.raises(SignInError) as caught:
        list(ask("dapi-wrong-wrong-wrong").named("queries"))
    assert "dapi-wrong" not in str(caught.value)
