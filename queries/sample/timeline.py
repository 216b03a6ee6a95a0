"""Job runs of one day as a record batch of system.lakeflow.job_run_timeline."""

import numpy as np
import pyarrow as pa

from queries.documented import JOB_RUN_TIMELINE, TAGS
from queries.sample.draws import FAILED, Draw, run_ends
from queries.sample.ends import day_fields
from queries.sample.labels import (
    SECOND,
    Column,
    Ints,
    Labels,
    constant,
    instants,
    repeated,
    rng_of,
    starts,
    texts,
    uuids,
)
from queries.sample.lineage import StatementLabels
from queries.sample.plan import Plan
from queries.sample.processes import Compute

_SLICE = 3600 * SECOND


def timeline_batch(plan: Plan, draw: Draw, labels: StatementLabels) -> pa.RecordBatch:
    """A row for every hour, or part of it, of every run that jobs know of; only a run's last row has a result."""
    runs = np.flatnonzero(plan.by_process.timed[draw.runs.process])
    first_statement = starts(np.bincount(draw.statements.run, minlength=len(draw.runs.process)).astype(np.int64))
    start, end = draw.runs.start[runs], run_ends(draw.statements, len(draw.runs.process))[runs] + 20 * SECOND
    hours = (end - start) // _SLICE + 1
    run, hour = repeated(hours)
    chosen = runs[run]
    process, statement = draw.runs.process[chosen], first_statement[chosen]
    last = hour == hours[run] - 1
    outcome = np.where(last, draw.statements.status[statement] == FAILED, -1).astype(np.int64)
    size = len(run)
    kinds = [p.run_type for p in plan.processes]
    columns = {
        "account_id": constant(plan.account_id, size),
        "workspace_id": labels.workspace_id.at(statement),
        "job_id": labels.job_id.at(statement),
        "run_id": labels.job_run_id.at(statement),
        "period_start_time": instants(start[run] + hour * _SLICE),
        "period_end_time": instants(np.minimum(start[run] + (hour + 1) * _SLICE, end[run])),
        "trigger_type": Labels.of(["CRON" if k == "JOB_RUN" else "ONETIME" for k in kinds]).at(process),
        "run_type": Labels.of(kinds).at(process),
        "run_name": _run_names(plan, draw, runs).at(run),
        "compute_ids": _compute_ids(plan, process),
        "result_state": Labels.of(["SUCCEEDED", "FAILED"]).at(outcome),
        "termination_code": Labels.of(["SUCCESS", "RUN_EXECUTION_ERROR"]).at(outcome),
        "job_parameters": pa.nulls(size, TAGS),
    }
    names = JOB_RUN_TIMELINE.names
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)


def _run_names(plan: Plan, draw: Draw, runs: Ints) -> Labels:
    """Names of the day's submitted runs, each with a GUID of its own."""
    fields = day_fields(draw.day)
    guids = texts(uuids(len(runs), rng_of(plan.seed, draw.day.toordinal(), 3)))
    templates = [plan.processes[number].run_name for number in draw.runs.process[runs]]
    return Labels.of([t and t.format(**(fields | {"guid": guid})) for t, guid in zip(templates, guids, strict=True)])


def _compute_ids(plan: Plan, process: Ints) -> Column:
    """One cluster for every run on classic compute, none for others."""
    classic = plan.by_process.compute[process] == Compute.CLASSIC
    clusters = [f"1120-{number % 240_000:06d}-{number:08x}" for number in range(len(plan.processes))]
    offsets = np.append(0, np.cumsum(classic)).astype(np.int32)
    values = Labels.of(clusters).at(process[classic]).cast(pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets), values)
