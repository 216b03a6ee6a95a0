"""Rows of one day as record batches of system.access.table_lineage and system.access.column_lineage."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from queries.documented import COLUMN_LINEAGE, TABLE_LINEAGE
from queries.sample.draws import Rows
from queries.sample.labels import Bools, Column, Ints, Labels, constant, dates, instants, repeated, uuids

_BATCH = 60_000
"""Lineage rows turned into columns at a time: it bounds memory, and with it the size of a row group."""

ColumnPairs = Callable[[Rows], tuple[Ints, Ints, Ints]]
"""For given rows: how many column pairs each has, then the source and target columns of all of them."""


@dataclass(frozen=True, slots=True)
class StatementLabels:
    """What lineage says of the statement behind a row, by statement number.

    Where `metadata_known` is false, entity_metadata as a whole is NULL.
    """

    metadata_known: Bools
    workspace_id: Labels
    entity_type: Labels
    entity_id: Labels
    entity_run_id: Labels
    created_by: Labels
    event_id: Labels
    statement_id: Labels
    job_id: Labels
    job_run_id: Labels
    dashboard_id: Labels
    legacy_dashboard_id: Labels
    notebook_id: Labels
    sql_query_id: Labels
    pipeline_id: Labels
    update_id: Labels
    genie_space_id: Labels
    alert_id: Labels

    @classmethod
    def unknown(cls, statements: int) -> "StatementLabels":
        """NULL for every field of so many statements."""
        nothing = Labels.of([]).by(np.full(statements, -1, np.int64))
        return cls(np.ones(statements, np.bool_), *[nothing] * (len(fields(cls)) - 1))


@dataclass(frozen=True, slots=True)
class EndLabels:
    """What lineage says of an end of a row, by dataset number."""

    full_name: Labels
    catalog: Labels
    schema: Labels
    name: Labels
    path: Labels
    type: Labels


@dataclass(frozen=True, slots=True)
class LineageLabels:
    """What one day's numbers stand for.

    `direct` is direct_access by recipe row; `direct_known` false leaves it NULL, as on days before it existed.
    """

    account_id: str
    metastore_id: str
    statements: StatementLabels
    ends: EndLabels
    columns: Labels
    direct: Bools
    direct_known: bool


def table_batches(rows: Rows, labels: LineageLabels, rng: np.random.Generator) -> Iterator[pa.RecordBatch]:
    """Rows of table_lineage, in order."""
    for part in _parts(rows):
        yield _batch(part, labels, rng, {}, TABLE_LINEAGE)


def column_batches(
    rows: Rows, labels: LineageLabels, rng: np.random.Generator, pairs: ColumnPairs
) -> Iterator[pa.RecordBatch]:
    """Rows of column_lineage: every column pair of every row."""
    for part in _parts(rows):
        counts, source, target = pairs(part)
        row, _ = repeated(counts)
        columns = {
            "source_column_name": labels.columns.at(source),
            "target_column_name": labels.columns.at(target),
        }
        yield _batch(part.kept(row), labels, rng, columns, COLUMN_LINEAGE)


def _parts(rows: Rows) -> Iterator[Rows]:
    for first in range(0, len(rows.time), _BATCH):
        yield rows.kept(np.arange(first, min(first + _BATCH, len(rows.time)), dtype=np.int64))


def _batch(
    rows: Rows, labels: LineageLabels, rng: np.random.Generator, more: dict[str, Column], schema: pa.Schema
) -> pa.RecordBatch:
    size = len(rows.time)
    unknown = np.full(size, not labels.direct_known)
    columns = more | {
        "account_id": constant(labels.account_id, size),
        "metastore_id": constant(labels.metastore_id, size),
        **_context(labels.statements, rows.statement),
        **_end("source", labels.ends, rows.source),
        **_end("target", labels.ends, rows.target),
        "event_time": instants(rows.time),
        "event_date": dates(rows.time),
        "record_id": uuids(size, rng),
        "direct_access": pa.array(labels.direct[rows.recipe_row], pa.bool_(), mask=unknown),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], names=schema.names)


def _context(labels: StatementLabels, statement: Ints) -> dict[str, Column]:
    named = {
        "workspace_id": labels.workspace_id,
        "entity_type": labels.entity_type,
        "entity_id": labels.entity_id,
        "entity_run_id": labels.entity_run_id,
        "created_by": labels.created_by,
        "event_id": labels.event_id,
        "statement_id": labels.statement_id,
    }
    columns = {name: label.at(statement) for name, label in named.items()}
    return columns | {"entity_metadata": _metadata(labels, statement)}


def _metadata(labels: StatementLabels, statement: Ints) -> Column:
    job = structure({"job_id": labels.job_id.at(statement), "job_run_id": labels.job_run_id.at(statement)})
    pipeline = structure(
        {"dlt_pipeline_id": labels.pipeline_id.at(statement), "dlt_update_id": labels.update_id.at(statement)}
    )
    fields = {
        "job_info": job,
        "dashboard_id": labels.dashboard_id.at(statement),
        "legacy_dashboard_id": labels.legacy_dashboard_id.at(statement),
        "notebook_id": labels.notebook_id.at(statement),
        "sql_query_id": labels.sql_query_id.at(statement),
        "dlt_pipeline_info": pipeline,
        "genie_space_id": labels.genie_space_id.at(statement),
        "alert_id": labels.alert_id.at(statement),
    }
    absent = pa.array(~labels.metadata_known[statement])
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields), mask=absent)


def structure(fields: dict[str, Column]) -> Column:
    """A struct column, NULL where its first field is."""
    columns = list(fields.values())
    return pa.StructArray.from_arrays(columns, names=list(fields), mask=columns[0].is_null())


def _end(end: str, labels: EndLabels, dataset: Ints) -> dict[str, Column]:
    return {
        f"{end}_table_full_name": labels.full_name.at(dataset),
        f"{end}_table_catalog": labels.catalog.at(dataset),
        f"{end}_table_schema": labels.schema.at(dataset),
        f"{end}_table_name": labels.name.at(dataset),
        f"{end}_path": labels.path.at(dataset),
        f"{end}_type": labels.type.at(dataset),
    }
