"""Tables that describe an estate: information_schema, jobs, tasks, pipelines and workspaces, as whole Arrow tables.

Their rows are the estate's few thousand tables and processes, not its events.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pyarrow as pa

from queries.documented import (
    AUDIT,
    INFORMATION_SCHEMA_COLUMNS,
    INFORMATION_SCHEMA_TABLE_SHARE_USAGE,
    INFORMATION_SCHEMA_TABLES,
    INFORMATION_SCHEMA_VIEWS,
    JOB_TASKS,
    LAKEFLOW_JOBS,
    PIPELINES,
    WORKSPACES_LATEST,
)
from queries.sample import words
from queries.sample.datasets import MATERIALIZED_VIEW, METRIC_VIEW, TABLE, VIEW, Dataset
from queries.sample.labels import Ints, Labels, constant, repeated
from queries.sample.outside import audit_log, table_shares
from queries.sample.pairs import column_labels, first_columns
from queries.sample.people import WORKSPACES
from queries.sample.plan import Plan
from queries.sample.processes import Compute, Process

Record = dict[str, object]

_VIEW_TYPES = (VIEW, MATERIALIZED_VIEW, METRIC_VIEW)


def dimension_tables(plan: Plan) -> dict[str, pa.Table]:
    """By full table name, each with its documented schema."""
    listed = [dataset for dataset in plan.datasets if dataset.listed and dataset.full_name]
    return {
        "system.information_schema.tables": _table([_relation(plan, d) for d in listed], INFORMATION_SCHEMA_TABLES),
        "system.information_schema.columns": _columns(listed),
        "system.information_schema.views": _table(
            [_view(plan, d) for d in listed if d.type in _VIEW_TYPES], INFORMATION_SCHEMA_VIEWS
        ),
        "system.lakeflow.jobs": _table([row for p in _jobs(plan) for row in _job(plan, p)], LAKEFLOW_JOBS),
        "system.lakeflow.job_tasks": _table([row for p in _jobs(plan) for row in _tasks(plan, p)], JOB_TASKS),
        "system.lakeflow.pipelines": _table([_pipeline(plan, p) for p in _pipelines(plan)], PIPELINES),
        "system.access.workspaces_latest": _table(list(_workspaces(plan)), WORKSPACES_LATEST),
        "system.access.audit": _table([*audit_log(plan, listed)], AUDIT),
        "system.information_schema.table_share_usage": _table(
            [*table_shares(plan, listed)], INFORMATION_SCHEMA_TABLE_SHARE_USAGE
        ),
    }


def _table(records: list[Record], schema: pa.Schema) -> pa.Table:
    """Records under a schema; what a record does not say is NULL."""
    return pa.table({field.name: pa.array([r.get(field.name) for r in records], field.type) for field in schema})


def _instant(plan: Plan, day: int) -> datetime:
    """Noon of a day counted from the estate's first."""
    return datetime.combine(plan.first_day + timedelta(days=day), time(12), UTC)


def _owner(plan: Plan, dataset: Dataset) -> str:
    position = sum(map(ord, dataset.full_name or ""))
    sandbox = dataset.parts[0] == "sandbox"
    principals = plan.principals
    return str(principals.names[principals.person(position) if sandbox else principals.service(position)])


def _relation(plan: Plan, dataset: Dataset) -> Record:
    catalog, schema, name = dataset.parts
    created, owner = _instant(plan, dataset.created), _owner(plan, dataset)
    kind = dataset.type if dataset.type != TABLE else "EXTERNAL" if dataset.path else "MANAGED"
    return {
        "table_catalog": catalog,
        "table_schema": schema,
        "table_name": name,
        "table_type": kind,
        "is_insertable_into": "YES" if dataset.type == TABLE else "NO",
        "commit_action": "PRESERVE",
        "table_owner": owner,
        "comment": f"About {words.SUBJECTS[dataset.subject].name}" if dataset.width % 2 else None,
        "created": created,
        "created_by": owner,
        "last_altered": created + timedelta(hours=1),
        "last_altered_by": owner,
        "data_source_format": "UNKNOWN_DATA_SOURCE_FORMAT" if dataset.type in (VIEW, METRIC_VIEW) else "DELTA",
        "storage_path": dataset.path or _managed_storage(dataset),
    }


def _managed_storage(dataset: Dataset) -> str | None:
    """Where the metastore keeps a table: a folder that tells nothing of its name; views have none."""
    if dataset.type in (VIEW, METRIC_VIEW):
        return None
    root = words.STORAGE.format(container="metastore")
    return f"{root}/__unitystorage/tables/{uuid5(NAMESPACE_URL, dataset.full_name or '')}"


def _view(plan: Plan, dataset: Dataset) -> Record:
    catalog, schema, name = dataset.parts
    bases = " UNION ALL TABLE ".join(plan.datasets[base].full_name or "" for base in dataset.bases)
    return {
        "table_catalog": catalog,
        "table_schema": schema,
        "table_name": name,
        "view_definition": f"TABLE {bases}" if bases else None,
        "check_option": "NONE",
        "is_updatable": "NO",
        "is_insertable_into": "NO",
        "is_materialized": "YES" if dataset.type == MATERIALIZED_VIEW else "NO",
    }


def _columns(listed: list[Dataset]) -> pa.Table:
    """Columns of all listed tables; only what the catalog knows of every column is filled in."""
    table, place = repeated(np.array([dataset.width for dataset in listed], np.int64))
    subject: Ints = np.array([dataset.subject for dataset in listed], np.int64)
    number = first_columns()[subject][table] + place
    types = [words.column_type(column) for about in words.SUBJECTS for column in about.columns]
    filled = {
        "table_catalog": Labels.of([dataset.parts[0] for dataset in listed]).at(table),
        "table_schema": Labels.of([dataset.parts[1] for dataset in listed]).at(table),
        "table_name": Labels.of([dataset.parts[2] for dataset in listed]).at(table),
        "column_name": column_labels().at(number),
        "ordinal_position": pa.array((place + 1).astype(np.int32)),
        "is_nullable": constant("YES", len(place)),
        "full_data_type": Labels.of([full for _, full in types]).at(number),
        "data_type": Labels.of([simple for simple, _ in types]).at(number),
        "is_identity": constant("NO", len(place)),
        "is_generated": constant("NO", len(place)),
        "is_updatable": constant("YES", len(place)),
    }
    schema = INFORMATION_SCHEMA_COLUMNS
    return pa.table(
        [filled[f.name].cast(f.type) if f.name in filled else pa.nulls(len(place), f.type) for f in schema],
        schema=schema,
    )


def _jobs(plan: Plan) -> list[Process]:
    """Processes system.lakeflow.jobs knows: not the hidden jobs of alerts, not one-time runs."""
    return [process for process in plan.processes if process.run_type == "JOB_RUN"]


def _pipelines(plan: Plan) -> list[Process]:
    return [process for process in plan.processes if process.entity.pipeline_id]


def _workspace_id(process: Process) -> str:
    return WORKSPACES[process.workspace][1]


def _job(plan: Plan, process: Process) -> Iterator[Record]:
    """One version of a job; every fourth was renamed and has an earlier one; retired jobs end with a deletion."""
    owner = plan.principals.names[process.principal] or "unknown"
    renamed = int(process.entity.job_id or 0) % 4 == 0
    retired = process.active[1] < 1
    ended = _instant(plan, round(process.active[1] * plan.days)) if retired else None
    version: Record = {
        "account_id": plan.account_id,
        "workspace_id": _workspace_id(process),
        "job_id": process.entity.job_id,
        "name": process.name,
        "description": f"Keeps {process.name} fresh",
        "creator_id": "7000000001",
        "tags": [("team", (process.name or "").split("_")[0])],
        "change_time": _instant(plan, -200),
        "run_as": "7000000001",
        "trigger": {"schedule": {"quartz_cron_expression": f"0 0 {process.hour:.0f} * * ?", "timezone_id": "UTC"}},
        "trigger_type": "CRON",
        "run_as_user_name": owner,
        "creator_user_name": owner,
        "paused": False,
        "create_time": _instant(plan, -300),
    }
    if renamed:
        yield version | {"name": f"{process.name} (old)", "change_time": _instant(plan, -290)}
    yield version
    if ended:
        yield version | {"change_time": ended, "delete_time": ended}


def _tasks(plan: Plan, process: Process) -> Iterator[Record]:
    for place in range(len(process.recipes)):
        yield {
            "account_id": plan.account_id,
            "workspace_id": _workspace_id(process),
            "job_id": process.entity.job_id,
            "task_key": f"step_{place + 1}",
            "depends_on_keys": [f"step_{place}"] if place else [],
            "change_time": _instant(plan, -200),
        }


def _pipeline(plan: Plan, process: Process) -> Record:
    owner = plan.principals.names[process.principal] or "unknown"
    serverless = process.compute == Compute.SERVERLESS
    return {
        "account_id": plan.account_id,
        "workspace_id": _workspace_id(process),
        "pipeline_id": process.entity.pipeline_id,
        "pipeline_type": "ETL_PIPELINE",
        "name": process.name,
        "created_by": owner,
        "run_as": owner,
        "tags": [("team", "platform")],
        "settings": {"photon": True, "development": False, "continuous": False, "serverless": serverless}
        | {"edition": "ADVANCED", "channel": "CURRENT"},
        "change_time": _instant(plan, -150),
        "create_time": _instant(plan, -150),
    }


def _workspaces(plan: Plan) -> Iterator[Record]:
    for name, workspace_id in WORKSPACES:
        yield {
            "account_id": plan.account_id,
            "workspace_id": workspace_id,
            "workspace_name": f"contoso-{name}",
            "workspace_url": f"https://adb-{workspace_id}.{int(workspace_id) % 20}.azuredatabricks.net",
            "create_time": _instant(plan, -900),
            "status": "RUNNING",
        }
