"""Who and what was behind a day's statements: the ids lineage rows and query history carry for them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from queries.sample.draws import Draw
from queries.sample.labels import Bools, Ints, Labels, decimals
from queries.sample.lineage import StatementLabels
from queries.sample.people import WORKSPACES
from queries.sample.plan import Plan
from queries.sample.processes import Compute, Entity, RunId

_FRESH_JOBS = 900_000_000_000_000
"""Where the ids of one-time runs' jobs begin: above every job id of the estate."""


@dataclass(frozen=True, slots=True)
class ProcessLabels:
    """What stays the same from day to day, by process number; `created_by` by principal number."""

    workspace_id: Labels
    entity_type: Labels
    entity_id: Labels
    job_id: Labels
    dashboard_id: Labels
    legacy_dashboard_id: Labels
    notebook_id: Labels
    sql_query_id: Labels
    pipeline_id: Labels
    genie_space_id: Labels
    alert_id: Labels
    created_by: Labels
    fresh_entity: Bools
    metadata_known: Bools


def process_labels(plan: Plan) -> ProcessLabels:
    """Labels of the plan's processes; a process without any id has no metadata half of the time."""

    def of(field: Callable[[Entity], str | None]) -> Labels:
        return Labels.of([field(process.entity) for process in plan.processes])

    entities = [process.entity for process in plan.processes]
    bare = np.array([entity == Entity() for entity in entities], np.bool_)
    jobs = np.array([entity.type == "JOB" and entity.id is None for entity in entities], np.bool_)
    workspaces = Labels.of([workspace_id for _, workspace_id in WORKSPACES])
    return ProcessLabels(
        workspaces.by(plan.by_process.workspace),
        of(lambda e: e.type),
        of(lambda e: e.id),
        of(lambda e: e.job_id),
        of(lambda e: e.dashboard_id),
        of(lambda e: e.legacy_dashboard_id),
        of(lambda e: e.notebook_id),
        of(lambda e: e.sql_query_id),
        of(lambda e: e.pipeline_id),
        of(lambda e: e.genie_space_id),
        of(lambda e: e.alert_id),
        Labels.of(plan.principals.names),
        jobs & plan.by_process.fresh_job,
        ~bare | (np.arange(len(bare)) % 2 == 0),
    )


def statement_labels(plan: Plan, draw: Draw, static: ProcessLabels) -> StatementLabels:
    """Labels of one day's statements."""
    runs, statements = draw.runs, draw.statements
    process, run = statements.process, statements.run
    fresh = Labels.distinct(decimals(_FRESH_JOBS + runs.number))
    job_id = static.job_id.by(runs.process).otherwise(fresh.where(plan.by_process.fresh_job[runs.process]))
    entity_id = static.entity_id.by(runs.process).otherwise(fresh.where(static.fresh_entity[runs.process]))
    has_job, has_pipeline = job_id.codes[run] >= 0, static.pipeline_id.codes[process] >= 0
    return StatementLabels(
        static.metadata_known[process],
        static.workspace_id.by(process),
        static.entity_type.by(process),
        entity_id.by(run),
        _run_ids(plan, draw),
        static.created_by.by(runs.principal[run]),
        Labels.distinct(statements.event_ids),
        Labels.distinct(statements.ids).where(plan.by_process.compute[process] != Compute.CLASSIC),
        job_id.by(run),
        Labels.distinct(decimals(runs.number)).by(run).where(has_job),
        static.dashboard_id.by(process),
        static.legacy_dashboard_id.by(process),
        static.notebook_id.by(process),
        static.sql_query_id.by(process),
        static.pipeline_id.by(process),
        Labels.distinct(runs.update_ids).by(run).where(has_pipeline),
        static.genie_space_id.by(process),
        static.alert_id.by(process),
    )


def _run_ids(plan: Plan, draw: Draw) -> Labels:
    """entity_run_id by statement: its own id, a command's number, its job run's number, or its update's id."""
    run, kind = draw.statements.run, plan.by_process.run_id[draw.statements.process]
    commands: Ints = draw.runs.number[run] * 100 + np.arange(len(run), dtype=np.int64) % 100
    numbers = Labels.distinct(decimals(draw.runs.number))
    sources = {
        RunId.STATEMENT: Labels.distinct(draw.statements.ids),
        RunId.COMMAND: Labels.distinct(decimals(commands)),
        RunId.JOB_RUN: numbers.by(run),
        RunId.UPDATE: Labels.distinct(draw.runs.update_ids).by(run),
    }
    labels = Labels.of([]).by(np.full(len(run), -1, np.int64))
    for number, source in sources.items():
        labels = labels.otherwise(source.where(kind == number))
    return labels
