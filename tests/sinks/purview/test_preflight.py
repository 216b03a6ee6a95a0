import json

import pytest

from miner import schemas
from miner.checks import findings
from tests.sinks.purview.fake_atlas import Fault

METASTORE = "11111111-2222-3333-4444-555555555555"


def table(name, reads=1, kind="TABLE"):
    """One of the tables read most."""
    catalog, schema, table = name.split(".")
    return {
        "metastore_id": METASTORE,
        "catalog": catalog,
        "schema": schema,
        "name": table,
        "type": kind,
        "reads": reads,
    }


def asset(name, kind="tables"):
    """The qualified name of a table's asset."""
    catalog, schema, table = name.split(".")
    return f"databricks://{METASTORE}/catalogs/{catalog}/schemas/{schema}/{kind}/{table}"


@pytest.fixture
def found(sink):
    """Findings by name, of a catalog asked for some tables."""

    def make(*names, through=sink):
        rows = [one if isinstance(one, dict) else table(one) for one in names]
        most_read = schemas.MOST_READ.empty_table().from_pylist(rows, schema=schemas.MOST_READ)
        return {one.name: one for one in findings(through.checks(lambda: most_read))}

    return make


def test_nothing_is_changed(atlas, found):
    """Looking changes no definition and no entity, whatever is asked."""
    atlas.scanned("databricks_table", asset("c.s.a"))
    before = json.dumps([atlas.types, atlas.groups, *atlas.entities.values()])
    assert set(found("c.s.a", "c.s.b")) == {"purview.sign_in", "purview.role", "purview.types", "purview.assets"}
    assert json.dumps([atlas.types, atlas.groups, *atlas.entities.values()]) == before
    assert {call.method for call in atlas.asked} == {"GET", "POST"}
    (probe,) = atlas.calls("POST", "/entity/bulk")
    assert json.loads(probe.body)["entities"][0]["typeName"] not in atlas.types


def test_all_is_well(atlas, sink, found):
    """A catalog that is ready passes every check."""
    sink.prepare()
    atlas.scanned("databricks_table", asset("c.s.a"))
    told = found("c.s.a")
    assert {one.state for one in told.values()} == {"pass"}
    assert "the miner's own are complete" in told["purview.types"].finding
    assert told["purview.assets"].finding == "1 of 1 (100.0%) of the tables read most: c 1 of 1 (100.0%)"


def test_a_refused_sign_in(atlas, found):
    """Who is not known gets a cross for the sign-in, and the rest is not looked at."""
    atlas.authorization = "Basic other"
    told = found("c.s.a")
    assert (told["purview.sign_in"].state, told["purview.sign_in"].mend[:22]) == ("fail", "look at the credential")
    assert told["purview.assets"].finding == "not looked at: purview.sign_in failed"


def test_no_role_to_read(atlas, found):
    """Who is known and may not read the types gets a cross for the role, with the role's name."""
    atlas.faults += [Fault(403, body="not yours"), Fault(403, body="not yours")]
    told = found("c.s.a")
    assert (told["purview.sign_in"].state, told["purview.role"].state) == ("pass", "fail")
    assert "Data Curator" in told["purview.role"].mend


def test_no_role_to_write(atlas, found):
    """Who may read and not write is refused for the role where a writer is refused for the content."""
    atlas.faults += [None, None, Fault(403, body="not yours")]
    told = found("c.s.a")
    assert told["purview.role"].state == "fail"
    assert "Data Curator" in told["purview.role"].mend


def test_types_to_come(atlas, found):
    """Types that the next run makes are named; that they are missing hinders nothing."""
    told = found("c.s.a")["purview.types"]
    assert told.state == "pass"
    assert told.finding.endswith(
        "the next run makes or widens uc_miner_runnable, uc_miner_process, uc_miner_consumer, "
        "uc_miner_summary, uc_miner_runnable_processes, UnityCatalogUsage"
    )


def test_no_scanned_types(atlas, found):
    """A catalog without any type of Purview's scan is a cross."""
    for name in [name for name in atlas.types if name.startswith(("databricks", "azure"))]:
        del atlas.types[name]
    told = found("c.s.a")["purview.types"]
    assert (told.state, "scan" in told.mend) == ("fail", True)


def test_matches_by_catalog(atlas, found):
    """The match rate is told for each catalog, and each miss with what was looked for."""
    for name in ("main.s.a", "main.s.b"):
        atlas.scanned("databricks_table", asset(name))
    atlas.scanned("databricks_view", asset("main.s.v", "views"))
    told = found("main.s.a", "main.s.b", table("main.s.v", kind="VIEW"), "main.s.miss", "lab.s.x")["purview.assets"]
    rate, *misses = told.finding.splitlines()
    assert rate == "3 of 5 (60.0%) of the tables read most: main 3 of 4 (75.0%), lab 0 of 1 (0.0%)"
    assert misses == [
        f"main.s.miss: no databricks_table {asset('main.s.miss')}",
        f"lab.s.x: no databricks_table {asset('lab.s.x')}",
    ]
    assert (told.state, "scan" in told.mend) == ("pass", True)


def test_nothing_matches(atlas, found):
    """Where no table is found the scan has not run, or ran on another metastore: a cross."""
    told = found(*(f"c.s.t{number}" for number in range(25)), "hive_metastore.s.t")["purview.assets"]
    assert told.state == "fail"
    assert told.finding.splitlines()[0].startswith("0 of 26 (0.0%)")
    assert told.finding.endswith("and 6 more")


def test_why_a_table_has_no_asset(found):
    """A table that no asset stands for is told with the reason."""
    assert (
        "hive_metastore.s.t: hive_metastore tables need the setting"
        in found("hive_metastore.s.t")["purview.assets"].finding
    )


def test_nothing_was_read(found):
    """Without any table read lately there is nothing to look up: a dash."""
    assert found()["purview.assets"].state == "skip"


@pytest.fixture
def purview(atlas, connected):
    """A sink that talks to the catalog as to a Purview account, which can be searched."""
    atlas.prefix = "/datamap/api/atlas/v2"
    return connected(endpoint=atlas.endpoint.replace("/api/atlas/v2", "/datamap/api/atlas/v2"))


def test_the_nearest_name(atlas, purview, found):
    """A miss is told with the nearest name that a search in Purview finds."""
    atlas.scanned("databricks_table", asset("main.sales.orders"))
    atlas.scanned("databricks_table", asset("other.sales.orders"))
    atlas.scanned("azure_datalake_gen2_path", "https://a.dfs.core.windows.net/c/orders")
    told = found("main.sale.orders", "main.s.unheard", through=purview)["purview.assets"]
    _, near, far = told.finding.splitlines()
    assert near.endswith(f", nearest is {asset('main.sales.orders')}")
    assert far == f"main.s.unheard: no databricks_table {asset('main.s.unheard')}"
    assert [call.query for call in atlas.asked if "search" in call.path] == 2 * [{"api-version": "2023-09-01"}]
