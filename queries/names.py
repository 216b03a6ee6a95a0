"""What things are called: names out of the system tables, and through the workspace's API what no table tells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

import pyarrow as pa

from miner.ports import (
    INFORMATION_SCHEMA_TABLES,
    INFORMATION_SCHEMA_VIEWS,
    JOB_TASKS,
    JOBS,
    NAMES,
    PIPELINES,
    QUERY_HISTORY,
    TABLE_LINEAGE,
    WORKSPACES,
)
from queries.system_tables import HISTORY_SLACK, SystemTableReader, cast

_BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """One object of a workspace, by kind of process."""

    kind: str
    workspace_id: str
    item_id: str
    name: str
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CatalogForm:
    """A catalog that stands for another system's database, or for a share; what does not apply is ''."""

    metastore_id: str
    catalog: str
    type: str
    connection: str = ""
    address: str = ""
    provider: str = ""
    share: str = ""


class WorkspaceApi(Protocol):
    """What the API of a workspace tells and no system table does; signed in already.

    Each returns None where the principal may not ask, and raises SourceError when an answer is lost.
    """

    def named(self, part: str) -> Iterator[Named] | None:
        """Objects of one of `API_NAMES`."""
        ...

    def catalogs(self) -> Iterator[CatalogForm] | None:
        """Foreign catalogs with the connection behind them, shared ones with provider and share."""
        ...


API_NAMES = ("notebooks", "queries", "dashboards", "alerts", "genie_spaces")

_TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "workspaces": ("workspace_names", (WORKSPACES,)),
    "jobs": ("job_names", (JOBS,)),
    "job_tasks": ("job_tasks", (JOB_TASKS,)),
    "pipelines": ("pipeline_names", (PIPELINES,)),
    "dbt_models": ("dbt_models", (QUERY_HISTORY, TABLE_LINEAGE)),
    "tables": ("table_forms", (INFORMATION_SCHEMA_TABLES, INFORMATION_SCHEMA_VIEWS)),
}
"""By part, its query and the roles of the tables it reads: without the first of them there is no such part."""


@dataclass(slots=True)
class NameReader:
    """Implements `miner.ports.Names` over a reader of system tables and, where there is one, a workspace's API."""

    reader: SystemTableReader
    api: WorkspaceApi | None = None

    def absent(self) -> Sequence[str]:
        """Parts that cannot be told, with the reason, in the order they are read in."""
        return [f"{part}: {reason}" for part in NAMES if (reason := self._reason(part))]

    def read(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        """All rows of one part; days bound what is looked up in lineage."""
        if self._reason(part):
            return None
        if part in _TABLES:
            return self._rows(part, first, last)
        return self._told(part)

    def _reason(self, part: str) -> str:
        if part not in _TABLES:
            return "" if self.api else "needs the workspace's API"
        role = _TABLES[part][1][0]
        if not self.reader.holds(role):
            return f"{self.reader.tables.get(role, role)} is not there"
        if part == "dbt_models" and not self.reader.holds(role, "query_tags"):
            return f"{self.reader.tables[role]}.query_tags is not there"
        return ""

    def _rows(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        query, roles = _TABLES[part]
        start, end = _midnight(first) - HISTORY_SLACK, _midnight(last + timedelta(days=1)) + HISTORY_SLACK
        values: dict[str, object] = {"first_day": first, "last_day": last, "history_from": start, "history_to": end}
        if part == "tables":
            metastores = self._metastores(first, last)
            if len(metastores) != 1:  # nothing says whose tables these are
                return None
            values["metastore_id"] = metastores[0]
        return cast(self.reader.ask(query, values, {role: role for role in roles}), NAMES[part])

    def _metastores(self, first: date, last: date) -> list[str]:
        schema = pa.schema([("metastore_id", pa.string())])
        asked = {"first_day": first, "last_day": last}
        found = cast(self.reader.ask("lineage_metastores", asked, {TABLE_LINEAGE: TABLE_LINEAGE}), schema)
        return [row["metastore_id"] for batch in found for row in batch.to_pylist()]

    def _told(self, part: str) -> Iterator[pa.RecordBatch] | None:
        if self.api is None:
            return None
        found = self.api.catalogs() if part == "catalogs" else self.api.named(part)
        return None if found is None else _batches(map(astuple, found), NAMES[part])


def _batches(rows: Iterator[tuple[object, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    waiting: list[tuple[object, ...]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _BATCH_ROWS:
            yield _batch(waiting, schema)
            waiting = []
    if waiting:
        yield _batch(waiting, schema)


def _batch(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
