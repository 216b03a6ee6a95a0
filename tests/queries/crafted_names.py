"""An estate of names in which every predicate and rule of the queries that read them makes a difference."""

from datetime import timedelta

from queries.documented import DOCUMENTED
from queries.system_tables import KNOWN_TABLES
from tests import oracle
from tests.rows import DAY, METASTORE, WORKSPACE, at, lineage, statement

FIRST, LAST = DAY, DAY + timedelta(days=1)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=2)

SCOPE = oracle.Scope(schemas=("information_schema",), paths=("abfss://c@a/left/*",))
HOST = "abfss://c@a"


def row(role, **told):
    """One row of a table of names; columns that are not told are NULL."""
    names = DOCUMENTED[KNOWN_TABLES[role]].names
    if unknown := told.keys() - set(names):
        raise KeyError(unknown)
    return dict.fromkeys(names) | told


def _versions(role, key):
    """Versions of things called by `key`."""

    def one(item, name, hour=1, workspace=WORKSPACE, **told):
        when = at(hour=hour) if hour is not None else None
        return row(role, **{key: item}, workspace_id=workspace, name=name, change_time=when, **told)

    yield one("1", "z")
    yield one("1", " new ", 2)
    yield one("2", "of no time", None)
    yield one("2", "of a time")
    yield one("3", " ")
    yield one("4", None)
    yield one("5", "", 2)
    yield one("5", "before it lost its name")
    yield one(None, "of nobody")
    yield one("6", "of no workspace", workspace=None)
    yield one("6", "of an empty one", 2, workspace="")
    yield one("7", "alone, of no time", None)


def _tasks():
    def one(job, key, hour=1, workspace=WORKSPACE, deleted=None):
        when = at(hour=hour) if hour is not None else None
        ended = at(hour=deleted) if deleted is not None else None
        return row("job_tasks", workspace_id=workspace, job_id=job, task_key=key, change_time=when, delete_time=ended)

    yield one("1", "kept")
    yield one("1", "gone")
    yield one("1", "gone", 2, deleted=2)
    yield one("1", "back", 1, deleted=1)
    yield one("1", "back", 2)
    yield one("1", "of no time", None, deleted=1)
    yield one("1", "of no time")
    yield one("1", "of one instant", deleted=1)
    yield one("1", "of one instant")
    yield one("2", "")
    yield one("2", None)
    yield one(None, "of nobody")
    yield one("3", "a", workspace=None)
    yield one("3", "a", 2, workspace="", deleted=2)


def _workspaces():
    def one(number, name, url):
        return row("workspaces", workspace_id=number, workspace_name=name, workspace_url=url)

    yield one("1", " prod ", " https://adb-1.1.azuredatabricks.net/ ")
    yield one("2", " ", "adb-2.2.azuredatabricks.net//")
    yield one("3", None, "HTTPS://x.cloud.databricks.com")
    yield one("4", "four", "http://x.y")
    yield one("5", "five", " ")
    yield one("6", "six", None)
    yield one("7", "seven", "https://")
    yield one("8", "eight", " adb-8.8.azuredatabricks.net ")
    yield one(None, "of nobody", "https://nobody")
    yield one("", "of an empty id", "https://empty")


def _tables():
    def one(catalog, schema, name, kind="MANAGED", path=None):
        told = {"table_catalog": catalog, "table_schema": schema, "table_name": name}
        return row("information_schema_tables", **told, table_type=kind, storage_path=path)

    yield one("C", "S", "T", path=f" {HOST}/t/ ")
    yield one("c", "s", "again")
    yield one("c", "s", "AGAIN", "EXTERNAL", f"{HOST}/again")
    for kind in ("VIEW", "materialized_view", "METRIC_VIEW", "STREAMING_TABLE", "FOREIGN", None):
        yield one("c", "s", f"of kind {kind}".replace(" ", "_"), kind, f"{HOST}/{kind}")
    yield one("c", "s", "part", "EXTERNAL", f"{HOST}/part/day=2026-01-01")
    yield one("c", "s", "both", "EXTERNAL", f"{HOST}/both/day=2026-01-01")
    yield one("c", "s", "BOTH", "EXTERNAL", f"{HOST}/both")
    yield one("c", "s", "left", "EXTERNAL", f"{HOST}/left/x")
    yield one("c", "information_schema", "x")
    yield one("c", "s", "m__dbt_tmp")
    for gap in ("", None):
        yield one(gap, "s", "x")
        yield one("c", gap, "x")
        yield one("c", "s", gap)


def _views():
    def one(catalog, schema, name, definition):
        told = {"table_catalog": catalog, "table_schema": schema, "table_name": name}
        return row("information_schema_views", **told, view_definition=definition)

    yield one("C", "s", "of_kind_VIEW", "SELECT 1")
    yield one("other", "s", "of_kind_METRIC_VIEW", "SELECT 2")
    yield one("c", "other", "of_kind_METRIC_VIEW", "SELECT 3")
    yield one("c", "s", "of_kind_METRIC_VIEW", "")
    yield one("c", "s", "nobody", "SELECT 4")


def _events():
    def one(target, statement_id="s1", day=DAY, **told):
        return lineage("c.s.a", target, statement_id=statement_id, day=day, **told)

    yield one("c.s.M", event_time=at(hour=1))
    yield one("c.s.m", "s2", event_time=at(hour=2))
    yield one("c.s.untagged", "untagged")
    yield one("c.s.empty", "empty")
    yield one("c.s.unknown", "unknown")
    yield one("c.s.nobody", None)
    yield one(None)
    yield one(f"{HOST}/written")
    yield one("c.s.named") | {"target_path": f"{HOST}/named"}
    yield one(None) | {"target_path": f"{HOST}/nameless", "target_table_name": ""}
    yield one("c.s.halfway") | {"target_path": f"{HOST}/halfway", "target_table_schema": None}
    yield one("c.s.x__dbt_tmp")
    yield one("c.s.of_twice", "twice")
    yield one("c.s.elsewhere", workspace_id="9")
    yield one("c.s.nowhere", "nowhere", workspace_id=None)
    for name, ids in {
        "job": {"job": "7"}, "notebook": {"notebook": "7"}, "pipeline": {"pipeline": "7"}, "query": {"query": "7"},
        "dashboard": {"dashboard": "7"}, "alert": {"alert": "7"},
    }.items():  # fmt: skip
        yield one(f"c.s.of_{name}", **ids)
    for day, metastore in ((BEFORE, "before"), (FIRST, METASTORE), (LAST, METASTORE), (AFTER, "after")):
        yield one(f"c.s.of_{day:%d}", "every", day=day, metastore_id=metastore)
    yield one("c.s.of_no_metastore", day=AFTER + timedelta(days=1), metastore_id=None)
    for number in range(8):
        yield one(f"c.s.at_{number}", f"at {number}")


def _history():
    def one(number, model, **told):
        return statement(number, query_tags=[("@@dbt_model_name", model)], **told)

    yield one("s1", "old")
    yield one("s2", "new")
    yield statement("untagged", query_tags=[("team", "x")])
    yield one("empty", "")
    yield one("twice", "a")
    yield one("twice", "b")
    yield one(None, "of nobody")
    yield one("nowhere", "m", workspace_id=None)
    yield one("every", "e")
    # A statement counts when it began within a day of the days asked for.
    starts = (
        at(BEFORE, 0), at(BEFORE - timedelta(days=1), 23, 59, 59), at(AFTER, 23, 59, 59), at(AFTER + timedelta(days=1), 0)
    )  # fmt: skip
    for number, start in enumerate(starts):
        yield one(f"at {number}", "m", start_time=start)


def _columns():
    def one(catalog, schema, name, column="c", position=0, **kinds):
        told = {"table_catalog": catalog, "table_schema": schema, "table_name": name, "ordinal_position": position}
        return row("information_schema_columns", **told, column_name=column, **kinds)

    yield one("C", "S", "T", "Whole", full_data_type="decimal(10,2)", data_type="decimal")
    yield one("c", "s", "t", "short", 1, data_type="int")
    yield one("c", "s", "unasked", data_type="int")
    yield one("other", "s", "t", data_type="int")


TABLES = {
    "jobs": [*_versions("jobs", "job_id")],
    "pipelines": [*_versions("pipelines", "pipeline_id")],
    "job_tasks": [*_tasks()],
    "workspaces": [*_workspaces()],
    "information_schema_tables": [*_tables()],
    "information_schema_views": [*_views()],
    "information_schema_columns": [*_columns()],
}
ESTATE = {"table_lineage": [*_events()], "query_history": [*_history()]}
