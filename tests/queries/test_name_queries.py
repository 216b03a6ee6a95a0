"""What things are called, executed on given rows: the latest version, the right day, the right table."""

from datetime import timedelta

import pyarrow as pa
import pytest

from miner.ports import NAMES, TableName
from miner.schemas import TABLE_COLUMNS
from miner.scope import Globs, Scope
from queries.documented import DOCUMENTED
from queries.names import NameReader
from queries.system_tables import KNOWN_TABLES, NAME_TABLES, SystemTableReader
from tests.queries import given
from tests.rows import DAY, METASTORE, WORKSPACE, at, lineage, statement, write_estate, write_table

LEFT_OUT = Scope(exclude=Globs(schemas=("information_schema",)))

PATH = "abfss://c@a.dfs.core.windows.net/t"


def row(role, **told):
    """One row of a table of names; columns that are not told are NULL."""
    names = DOCUMENTED[KNOWN_TABLES[role]].names
    if unknown := told.keys() - set(names):
        raise KeyError(unknown)
    return dict.fromkeys(names) | told


def job(job_id, name, hour=1, **told):
    return row("jobs", workspace_id=WORKSPACE, job_id=job_id, name=name, change_time=at(hour=hour), **told)


def task(job_id, key, hour=1, **told):
    return row("job_tasks", workspace_id=WORKSPACE, job_id=job_id, task_key=key, change_time=at(hour=hour), **told)


def pipeline(pipeline_id, name, hour=1):
    told = {"workspace_id": WORKSPACE, "pipeline_id": pipeline_id, "name": name, "change_time": at(hour=hour)}
    return row("pipelines", **told)


def listed(name, table_type="MANAGED", path=None):
    catalog, schema, table = name.split(".")
    told = {"table_catalog": catalog, "table_schema": schema, "table_name": table}
    return row("information_schema_tables", **told, table_type=table_type, storage_path=path)


def view(name, definition):
    catalog, schema, table = name.split(".")
    told = {"table_catalog": catalog, "table_schema": schema, "table_name": table}
    return row("information_schema_views", **told, view_definition=definition)


@pytest.fixture
def read(tmp_path):
    """The rows of one part over tables given by role, and the whole reader."""
    opened = []

    def reading(part, *, without=(), first=DAY, last=DAY, **tables):
        for role, rows in tables.items():
            if role in NAME_TABLES:
                write_table(tmp_path, KNOWN_TABLES[role], rows, without=without)
        write_estate(tmp_path, **{role: rows for role, rows in tables.items() if role not in NAME_TABLES})
        warehouse = given.unopened(tmp_path).warehouse
        opened.append(warehouse)
        reader = NameReader(SystemTableReader(warehouse, dict(KNOWN_TABLES), LEFT_OUT))
        batches = reader.read(part, first, last)
        return None if batches is None else pa.Table.from_batches(batches, schema=NAMES[part]).to_pylist()

    yield reading
    for warehouse in opened:
        warehouse.close()


def names(rows):
    return {(one["kind"], one["workspace_id"], one["item_id"]): one["name"] for one in rows}


def test_the_latest_name_of_a_job(read):
    """A job has the name of its latest version, a deleted one keeps its last; one without a name is not told."""
    jobs = [
        job("1", "old"),
        job("1", " new ", 2),
        job("2", "gone", delete_time=at(hour=3)),
        job("3", " "),
        job("4", None),
    ]
    assert names(read("jobs", jobs=jobs)) == {("job", WORKSPACE, "1"): "new", ("job", WORKSPACE, "2"): "gone"}


def test_names_of_one_instant(read):
    """Of two versions of one instant the same one wins, whatever the order of the rows."""
    found = read("jobs", jobs=[job("1", "b"), job("1", "a")])
    assert found == read("jobs", jobs=[job("1", "a"), job("1", "b")])


def test_tasks_there_are_now(read):
    """A task is told while its latest version is not deleted."""
    tasks = [task("1", "kept"), task("1", "gone"), task("1", "gone", 2, delete_time=at(hour=2)),
             task("1", "back", 1, delete_time=at(hour=1)), task("1", "back", 2), task("2", "")]  # fmt: skip
    assert sorted(one["task_key"] for one in read("job_tasks", job_tasks=tasks)) == ["back", "kept"]


def test_the_latest_name_of_a_pipeline(read):
    """A pipeline has the name of its latest version."""
    rows = [pipeline("p", "old"), pipeline("p", "new", 2)]
    assert names(read("pipelines", pipelines=rows)) == {("pipeline", WORKSPACE, "p"): "new"}


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("https://adb-1.1.azuredatabricks.net/", "https://adb-1.1.azuredatabricks.net"),
        ("adb-1.1.azuredatabricks.net", "https://adb-1.1.azuredatabricks.net"),
        ("HTTPS://x.cloud.databricks.com//", "HTTPS://x.cloud.databricks.com"),
        ("http://x.y", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses_of_workspaces(read, given_url, url):
    """An address begins with https:// and ends without a slash; what is no such address is none."""
    rows = [row("workspaces", workspace_id="1", workspace_name=" prod ", workspace_url=given_url)]
    assert read("workspaces", workspaces=rows) == [{"workspace_id": "1", "name": "prod", "url": url}]


def dbt(statement_id, model, **told):
    tags = [("@@dbt_model_name", model)] if model is not None else [("team", "x")]
    return statement(statement_id, query_tags=tags, **told)


def test_models_of_ad_hoc_writes(read):
    """What dbt says it built is the label of the ad hoc process of its target; the latest wins, others have names."""
    events = [
        lineage("c.s.a", "c.s.M", statement_id="s1", event_time=at(hour=1)),
        lineage("c.s.a", "c.s.m", statement_id="s2", event_time=at(hour=2)),
        lineage("c.s.a", "c.s.n", statement_id="s3"),
        lineage("c.s.a", "c.s.job", statement_id="s1", job="7"),
        lineage("c.s.a", "c.s.early", statement_id="s1", day=DAY - timedelta(days=1)),
        lineage("c.s.a", None, statement_id="s1"),
    ]
    history = [dbt("s1", "old"), dbt("s2", "new"), dbt("s3", None)]
    found = read("dbt_models", table_lineage=events, query_history=history)
    assert names(found) == {("ad_hoc", WORKSPACE, "c.s.m"): "dbt model new"}


def test_the_label_fits_the_process(read, tmp_path):
    """The id that a model's label is for is the id that mining gives the ad hoc process."""
    events = [lineage("c.s.a", "C.`s`.m__dbt_tmp", statement_id="s1"), lineage("c.s.a", PATH, statement_id="s2")]
    found = read("dbt_models", table_lineage=events, query_history=[dbt("s1", "m"), dbt("s2", "p")])
    mined = given.edges(given.reader(tmp_path)).kept
    assert {one["item_id"] for one in found} == {edge.process for edge in mined}


def test_forms_of_tables(read):
    """Types in the words of lineage, a location where it is the whole table's, the definition of a view."""
    tables = [
        listed("C.s.T", path=f"{PATH}/"),
        listed("c.s.v", "VIEW"),
        listed("c.s.mv", "MATERIALIZED_VIEW", "abfss://c@a.dfs.core.windows.net/mv"),
        listed("c.s.part", "EXTERNAL", f"{PATH}/day=2026-01-01"),
        listed("c.information_schema.x"),
    ]
    found = read(
        "tables",
        table_lineage=[lineage("c.s.t", "c.s.u")],
        information_schema_tables=tables,
        information_schema_views=[view("c.s.v", "SELECT 1")],
    )
    assert {one["metastore_id"] for one in found} == {METASTORE}
    assert {one["name"]: (one["type"], one["table_type"], one["path"], one["view_definition"]) for one in found} == {
        "t": ("TABLE", "MANAGED", PATH, None),
        "v": ("VIEW", "VIEW", None, "SELECT 1"),
        "mv": ("MATERIALIZED_VIEW", "MATERIALIZED_VIEW", "abfss://c@a.dfs.core.windows.net/mv", None),
        "part": ("TABLE", "EXTERNAL", None, None),
    }


def test_tables_of_several_metastores(read):
    """information_schema does not say whose it is: where lineage knows two metastores, it is not believed."""
    events = [lineage("c.s.a", "c.s.b"), lineage("c.s.a", "c.s.b", metastore_id="other")]
    assert read("tables", table_lineage=events, information_schema_tables=[listed("c.s.a")]) is None


def test_what_is_not_there_is_absent(tmp_path):
    """Parts without a table, or with one that lacks a needed column, are absent with the reason; mining is not hurt."""
    write_table(tmp_path, KNOWN_TABLES["jobs"], [job("1", "x")], without=["name"])
    source = given.unopened(write_estate(tmp_path, query_history=[]))
    source.tables = dict(KNOWN_TABLES) | {"pipelines": "none"}
    absent = dict(one.split(": ", 1) for one in NameReader(source).absent())
    assert absent["jobs"].endswith("lacks the column name")
    assert absent["pipelines"] == "not to be read"
    assert absent["workspaces"] == "system.access.workspaces_latest is not there, or may not be seen"
    assert "dbt_models" not in absent
    assert absent["catalogs"] == "the workspace's API is not asked for them"
    assert not any("jobs" in name for name in source.absent())
    source.warehouse.close()


def test_a_history_without_tags(read):
    """A history that knows no tags tells of no dbt model."""
    assert read("dbt_models", table_lineage=[]) is None


def column(name, position, kind="int", **told):
    catalog, schema, table, own = name.split(".")
    told = {"table_catalog": catalog, "table_schema": schema, "table_name": table, **told}
    return row("information_schema_columns", **told, column_name=own, ordinal_position=position, data_type=kind)


@pytest.fixture
def described(tmp_path):
    """The columns of some tables over given rows."""
    opened = []

    def reading(tables, rows, *, without=()):
        write_table(tmp_path, KNOWN_TABLES["information_schema_columns"], rows, without=without)
        warehouse = given.unopened(tmp_path).warehouse
        opened.append(warehouse)
        reader = NameReader(SystemTableReader(warehouse, dict(KNOWN_TABLES), LEFT_OUT))
        wanted = [TableName(*name.split(".")) for name in tables]
        batches = list(reader.columns(wanted))
        told = pa.Table.from_batches(batches, schema=TABLE_COLUMNS).to_pylist()
        return sorted(tuple(one.values()) for one in told)

    yield reading
    for warehouse in opened:
        warehouse.close()


def test_columns_of_some_tables(described):
    """Columns come with their place, spelling and whole type, of the tables asked for and of no others."""
    rows = [
        column("C.S.a.Id", 0, "decimal", full_data_type="decimal(10,2)"), column("c.s.a.v", 1), column("c.s.b.o", 0),
        column("d.s.a.x", 0), column("d.t.a.no", 0),
    ]  # fmt: skip
    assert described(["c.s.a", "d.s.a"], rows) == [
        ("c", "s", "a", 0, "Id", "decimal(10,2)"), ("c", "s", "a", 1, "v", "int"), ("d", "s", "a", 0, "x", "int")
    ]  # fmt: skip


def test_columns_of_many_tables(described):
    """However many tables are asked for, each comes once."""
    names = [f"c.s.t{n}" for n in range(2_500)]
    assert len(described(names, [column(f"{name}.i", 0) for name in names])) == 2_500


def test_columns_without_their_whole_type(described):
    """An older information_schema has the short name of a type alone."""
    assert described(["c.s.a"], [column("c.s.a.i", 0)], without=["full_data_type"]) == [("c", "s", "a", 0, "i", "int")]


def test_columns_that_are_not_to_be_read(tmp_path):
    """Without the table there is nothing to tell of; that is no error."""
    warehouse = given.unopened(tmp_path).warehouse
    tables = {**KNOWN_TABLES, "information_schema_columns": "none"}
    assert NameReader(SystemTableReader(warehouse, tables, LEFT_OUT)).columns([TableName("c", "s", "a")]) is None
    assert NameReader(SystemTableReader(warehouse, {}, LEFT_OUT)).columns([TableName("c", "s", "a")]) is None
    warehouse.close()
