"""What things are called, asked of Spark beside DuckDB: versions, deletions, odd addresses, forms of tables, dbt's models."""

from datetime import timedelta

import pytest

from queries import names
from queries.documented import DOCUMENTED
from queries.system_tables import KNOWN_TABLES
from tests.oracle import Scope
from tests.rows import DAY, at, lineage, statement, write_estate, write_table

EARLIER, LATER, DELETED = at(hour=1), at(hour=2), at(hour=3)
SCOPE = Scope(catalogs=("other",), tables=("log_*",), paths=("*/left_out/*",))


def described(role, **row):
    """One row of a table that tells what things are called."""
    given = {"workspace_id": "1001", "name": "a", "change_time": EARLIER}
    full = dict.fromkeys(DOCUMENTED[KNOWN_TABLES[role]].names)
    return full | {name: value for name, value in given.items() if name in full} | row


def versions(role, item, **more):
    """Versions of jobs or pipelines: renamed, of one instant, deleted, nameless, without workspace, time or id."""
    return [
        described(role, **{item: "1"}, name="old", **more),
        described(role, **{item: "1"}, name=" Straße İ\u00a0", change_time=LATER, **more),
        *(described(role, **{item: "2"}, name=name, **more) for name in ("a", "b", "Z", "é")),
        described(role, **{item: "3"}, name="gone", change_time=DELETED, delete_time=DELETED, **more),
        *(described(role, **{item: "4"}, name=name, **more) for name in ("", " ", None, "\t")),
        described(role, **{item: "5"}, workspace_id=None, **more),
        described(role, **{item: "6"}, change_time=None, **more),
        described(role, **{item: None}, **more),
    ]


TASKS = [
    described("job_tasks", job_id="1", task_key="kept"),
    described("job_tasks", job_id="1", task_key="gone"),
    described("job_tasks", job_id="1", task_key="gone", change_time=DELETED, delete_time=DELETED),
    described("job_tasks", job_id="1", task_key="back", change_time=EARLIER, delete_time=EARLIER),
    described("job_tasks", job_id="1", task_key="back", change_time=LATER),
    described("job_tasks", job_id="1", task_key="both", change_time=LATER),
    described("job_tasks", job_id="1", task_key="both", change_time=LATER, delete_time=LATER),
    described("job_tasks", job_id="1", task_key="timeless", change_time=None, workspace_id=None),
    described("job_tasks", job_id="1", task_key=""),
    described("job_tasks", job_id="1", task_key=None),
    described("job_tasks", job_id=None, task_key="jobless"),
]
ADDRESSES = (
    "https://a.example.net//", "HTTPS://A.example.net/", "a.example.net/", " b.example.net ", "http://a.example.net", "https://", "//", "",
    None, "a.example.net/\n", "a.example.net\u2028",
)  # fmt: skip
WORKSPACES = [
    described("workspaces", workspace_id=str(place), workspace_name=f" w{place} ", workspace_url=address)
    for place, address in enumerate(ADDRESSES)
]
WORKSPACES += [described("workspaces", workspace_id=name, workspace_name="") for name in ("x", "", None)]
FORMS = (
    ("c", "s", "A", "MANAGED", "s3a://Bucket//a/"), ("c", "s", "a", "EXTERNAL", None), ("C", "s", "Straße", "view", "s3://bucket/v"),
    ("c", "s", "p", "EXTERNAL", "s3://bucket/p/day=1"), ("c", "s", "q", "EXTERNAL", " s3://bucket/q "), ("c", "s", "n", None, ""),
    ("c", "s", "left", "EXTERNAL", "s3://bucket/left_out/a"), ("c", "s", "m", "METRIC_VIEW", "s3://bucket/m"),
    ("c", "s", "st", "STREAMING_TABLE", "s3://bucket/st"), ("other", "s", "a", "MANAGED", None), ("c", "s", "log_1", "MANAGED", None),
    ("c", "s", "a__dbt_tmp", "MANAGED", None), ("c", "", "a", "MANAGED", None), ("c", None, "a", "MANAGED", None), (None, "s", "a", "MANAGED", None),
)  # fmt: skip
LISTED = ("table_catalog", "table_schema", "table_name")
TABLES = [
    described(names.INFORMATION_SCHEMA_TABLES, **dict(zip((*LISTED, "table_type", "storage_path"), form, strict=True)))
    for form in FORMS
]
VIEWS = [
    described(names.INFORMATION_SCHEMA_VIEWS, **dict(zip(LISTED, form, strict=True)), view_definition=text)
    for form, text in (
        (("c", "s", "straße"), "SELECT 1"),
        (("c", "s", "STRAßE"), "SELECT 2"),
        (("c", "s", "m"), ""),
        ((None, "s", "a"), "SELECT 3"),
    )
]
MODELS = {
    "s1": {"@@dbt_model_name": "orders", "team": "x"},
    "s2": {"@@dbt_model_name": "orders_2"},
    "s3": {"@@dbt_model_name": ""},
    "s4": {},
    "s5": None,
}
HISTORY = [statement(name, query_tags=tags) for name, tags in MODELS.items()]
HISTORY += [statement("s6", query_tags=MODELS["s1"], start_time=at(DAY - timedelta(days=2)))]
LINEAGE = [
    lineage("c.s.a", target, statement_id=f"s{number}", event_time=at(hour=number), **process)
    for number in range(1, 7)
    for target, process in (("c.s.B", {}), ("s3://bucket/b/day=1", {}), (None, {}), ("c.s.b", {"job": "1"}))
]


@pytest.fixture(scope="module")
def named_estate(both, tmp_path_factory):
    """An estate of one metastore with every table that tells what things are called."""
    root = write_estate(tmp_path_factory.mktemp("named"), table_lineage=LINEAGE, query_history=HISTORY)
    tables = {
        names.JOBS: versions(names.JOBS, "job_id"),
        names.JOB_TASKS: TASKS,
        names.PIPELINES: versions(names.PIPELINES, "pipeline_id"),
        names.WORKSPACES: WORKSPACES,
        names.INFORMATION_SCHEMA_TABLES: TABLES,
        names.INFORMATION_SCHEMA_VIEWS: VIEWS,
    }
    for role, rows in tables.items():
        write_table(root, KNOWN_TABLES[role], rows)
    return both(root, SCOPE)


@pytest.mark.parametrize("part", names.told_by())
def test_names(named_estate, part):
    """On rows made by hand both engines tell the same names, of the declared types."""
    named_estate.agree(part)
    types = named_estate.answers(part)[1].types[-1]
    assert {name: types[name] for name in names.NAMES[part].names} == dict(
        zip(names.NAMES[part].names, names.NAMES[part].types, strict=True)
    )
