"""What things are called: names out of the system tables, and through the workspace's API what no table tells."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from itertools import chain, groupby, islice
from typing import Protocol

import pyarrow as pa

from miner import schemas
from miner.errors import MissingRightError, SchemaDriftError, SourceError
from miner.ports import (
    INFORMATION_SCHEMA_COLUMNS,
    INFORMATION_SCHEMA_TABLES,
    INFORMATION_SCHEMA_VIEWS,
    JOB_TASKS,
    JOBS,
    NAMES,
    PIPELINES,
    QUERY_HISTORY,
    TABLE_LINEAGE,
    WORKSPACES,
    TableName,
)
from queries.system_tables import NO_TABLE, SystemTableReader, cast, history_around

_BATCH_ROWS = 10_000
_DESCRIBED_AT_ONCE = 1_000


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

    Each raises MissingRightError where the principal may not ask, before it tells anything, and SourceError when an
    answer is lost.
    """

    def named(self, part: str) -> Iterator[Named]:
        """Objects of one of `API_NAMES`."""
        ...

    def catalogs(self) -> Iterator[CatalogForm]:
        """Foreign catalogs with the connection behind them, shared ones with provider and share."""
        ...


API_NAMES = ("notebooks", "queries", "dashboards", "legacy_dashboards", "alerts", "genie_spaces")
CATALOGS = "catalogs"

_TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "workspaces": ("workspace_names", (WORKSPACES,)),
    "jobs": ("job_names", (JOBS,)),
    "job_tasks": ("job_tasks", (JOB_TASKS,)),
    "pipelines": ("pipeline_names", (PIPELINES,)),
    "dbt_models": ("dbt_models", (QUERY_HISTORY, TABLE_LINEAGE)),
    "tables": ("table_forms", (INFORMATION_SCHEMA_TABLES, INFORMATION_SCHEMA_VIEWS)),
}
"""By part, its query and the roles of the tables it reads: without the first of them there is no such part."""


def told_by() -> Mapping[str, str]:
    """The role of the table that tells of a part, by part; those that the API tells are left out."""
    return {part: roles[0] for part, (_, roles) in _TABLES.items()}


@dataclass(slots=True)
class NameReader:
    """Implements `miner.ports.Names` over a reader of system tables and, where there is one, a workspace's API.

    Of what the API could tell, it is asked for `allowed` alone.
    """

    reader: SystemTableReader
    api: WorkspaceApi | None = None
    allowed: Sequence[str] = ()
    _reasons: dict[str, str] = field(default_factory=dict, init=False)

    def absent(self) -> Sequence[str]:
        """Parts that cannot be told, with the reason, in the order they are read in.

        What the API refuses is known once it was asked.
        """
        return [f"{part}: {reason}" for part in NAMES if (reason := self._reason(part))]

    def read(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        """All rows of one part; days bound what is looked up in lineage."""
        if self._reason(part):
            return None
        if part in _TABLES:
            return self._rows(part, first, last)
        return self._told(part)

    def columns(self, tables: Sequence[TableName]) -> Iterator[pa.RecordBatch] | None:
        """The columns of some tables, asked for catalog by catalog: information_schema is slow without one."""
        role = INFORMATION_SCHEMA_COLUMNS
        name = self.reader.tables.get(role, NO_TABLE)
        return None if name == NO_TABLE or not self.reader.holds(role) else self._columns(tables)

    def _columns(self, tables: Sequence[TableName]) -> Iterator[pa.RecordBatch]:
        for catalog, group in groupby(sorted(tables), key=lambda one: one.catalog):
            named = [f"{one.schema}.{one.name}" for one in group]
            for start in range(0, len(named), _DESCRIBED_AT_ONCE):
                values = {"catalog": catalog, "wanted": "\n".join(named[start : start + _DESCRIBED_AT_ONCE])}
                role = INFORMATION_SCHEMA_COLUMNS
                rows = self.reader.ask("table_columns", values, {role: role})
                yield from cast(rows, schemas.TABLE_COLUMNS)

    def _reason(self, part: str) -> str:
        if part not in self._reasons:
            self._reasons[part] = self._found_reason(part)
        return self._reasons[part]

    def _found_reason(self, part: str) -> str:
        if part not in _TABLES:
            return self._api_reason(part)
        role = _TABLES[part][1][0]
        name = self.reader.tables.get(role, NO_TABLE)
        if name == NO_TABLE:
            return "not to be read"
        try:
            if not self.reader.holds(role):
                return f"{name} is not there, or may not be seen"
            if part == "dbt_models" and not self.reader.holds(role, "query_tags"):
                return f"{name}.query_tags is not there"
        except (MissingRightError, SchemaDriftError) as error:
            return error.message
        return ""

    def _api_reason(self, part: str) -> str:
        if self.api is None or part not in self.allowed:
            return "the workspace's API is not asked for them"
        return ""

    def _rows(self, part: str, first: date, last: date) -> Iterator[pa.RecordBatch] | None:
        query, roles = _TABLES[part]
        values: dict[str, object] = {"first_day": first, "last_day": last, **history_around(first, last)}
        if part == "tables":
            values["metastore_id"] = self._metastore(first, last)
            if not values["metastore_id"]:  # nothing says whose tables these are
                return None
        return cast(self.reader.ask(query, values, {role: role for role in roles}), NAMES[part])

    def _metastore(self, first: date, last: date) -> str:
        """The one that information_schema speaks of: the warehouse's, or the only one that lineage knows."""
        try:
            (own,) = self._texts("metastore", "metastore", {})
            return own.rpartition(":")[2]
        except (SourceError, ValueError):  # files have none, and Databricks alone knows the function
            days = {"first_day": first, "last_day": last}
            known = self._texts("lineage_metastores", "metastore_id", days, TABLE_LINEAGE)
            return known[0] if len(known) == 1 else ""

    def _texts(self, query: str, column: str, values: Mapping[str, object], *roles: str) -> list[str]:
        schema = pa.schema([(column, pa.string())])
        found = cast(self.reader.ask(query, values, {role: role for role in roles}), schema)
        return [row[column] for batch in found for row in batch.to_pylist()]

    def _told(self, part: str) -> Iterator[pa.RecordBatch] | None:
        if self.api is None:
            return None
        told: Iterable[Named | CatalogForm] = self.api.catalogs() if part == CATALOGS else self.api.named(part)
        found = iter(told)
        try:
            first = list(islice(found, 1))
        except MissingRightError as error:
            self._reasons[part] = error.message
            return None
        return _batches((astuple(one) for one in chain(first, found)), NAMES[part])


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
