"""The system tables of one source as typed Arrow rows, one UTC day at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from miner import schemas
from miner.errors import MissingRightError, MissingTableError, SchemaDriftError, SourceError
from miner.ports import (
    AUDIT,
    BILLING_USAGE,
    COLUMN_LINEAGE,
    INFORMATION_SCHEMA_COLUMNS,
    INFORMATION_SCHEMA_TABLES,
    INFORMATION_SCHEMA_VIEWS,
    JOB_RUN_TIMELINE,
    JOB_TASKS,
    JOBS,
    LIST_PRICES,
    PIPELINES,
    QUERY_HISTORY,
    TABLE_LINEAGE,
    TABLE_SHARE_USAGE,
    WAREHOUSE_EVENTS,
    WORKSPACES,
    Missing,
    Outside,
    Span,
    Statements,
)
from miner.scope import Scope
from queries import statements
from queries.documented import DOCUMENTED
from queries.files import duckdb_type
from queries.scope import globs_by_rule, scope_values
from queries.statements import bound_columns
from queries.warehouse import Field, Prepared, Warehouse, field_type, name_parts

DEFAULT_TABLES: Mapping[str, str] = {
    TABLE_LINEAGE: "system.access.table_lineage",
    COLUMN_LINEAGE: "system.access.column_lineage",
    QUERY_HISTORY: "system.query.history",
    JOB_RUN_TIMELINE: "system.lakeflow.job_run_timeline",
    AUDIT: "system.access.audit",
    TABLE_SHARE_USAGE: "system.information_schema.table_share_usage",
}

NAME_TABLES: Mapping[str, str] = {
    JOBS: "system.lakeflow.jobs",
    JOB_TASKS: "system.lakeflow.job_tasks",
    PIPELINES: "system.lakeflow.pipelines",
    WORKSPACES: "system.access.workspaces_latest",
    INFORMATION_SCHEMA_TABLES: "system.information_schema.tables",
    INFORMATION_SCHEMA_VIEWS: "system.information_schema.views",
    INFORMATION_SCHEMA_COLUMNS: "system.information_schema.columns",
}
"""Tables that only tell what things are called: a reader has them when it is given them."""

COST_TABLES: Mapping[str, str] = {
    BILLING_USAGE: "system.billing.usage",
    LIST_PRICES: "system.billing.list_prices",
    WAREHOUSE_EVENTS: "system.compute.warehouse_events",
}
"""Tables that only tell what statements cost: a reader has them when it is given them."""

ALWAYS_THERE = frozenset(
    {INFORMATION_SCHEMA_TABLES, INFORMATION_SCHEMA_VIEWS, INFORMATION_SCHEMA_COLUMNS, TABLE_SHARE_USAGE}
)
"""Tables that everybody may read, each seeing what they have rights on: neither granted nor enabled nor cloned."""

KNOWN_TABLES: Mapping[str, str] = {**DEFAULT_TABLES, **NAME_TABLES, **COST_TABLES}

_ENDS = tuple(
    f"{end}_{part}" for end in ("source", "target") for part in ("table_catalog", "table_schema", "table_name")
)

REQUIRED: Mapping[str, tuple[str, ...]] = {
    TABLE_LINEAGE: ("metastore_id", "workspace_id", "event_time", "event_date", *_ENDS),
    COLUMN_LINEAGE: (
        "metastore_id", "workspace_id", "event_date", *_ENDS, "source_column_name", "target_column_name",
    ),
    QUERY_HISTORY: ("workspace_id", "statement_id", "start_time"),
    JOB_RUN_TIMELINE: ("workspace_id", "job_id", "run_type", "period_start_time"),
    AUDIT: ("event_date", "action_name", "request_params"),
    TABLE_SHARE_USAGE: ("catalog_name", "schema_name", "table_name", "share_name"),
    JOBS: ("workspace_id", "job_id", "name"),
    JOB_TASKS: ("workspace_id", "job_id", "task_key"),
    PIPELINES: ("workspace_id", "pipeline_id", "name"),
    WORKSPACES: ("workspace_id",),
    INFORMATION_SCHEMA_TABLES: ("table_catalog", "table_schema", "table_name"),
    INFORMATION_SCHEMA_VIEWS: ("table_catalog", "table_schema", "table_name"),
    INFORMATION_SCHEMA_COLUMNS: ("table_catalog", "table_schema", "table_name", "column_name"),
    BILLING_USAGE: (
        "workspace_id", "sku_name", "cloud", "usage_start_time", "usage_date", "usage_unit", "usage_quantity",
        "usage_metadata",
    ),
    LIST_PRICES: (
        "price_start_time", "price_end_time", "sku_name", "cloud", "currency_code", "usage_unit", "pricing",
    ),
    WAREHOUSE_EVENTS: ("workspace_id", "warehouse_id", "event_type", "event_time"),
}  # fmt: skip
"""Columns the miner cannot do without; every other one may be absent and is then NULL."""

OPTIONAL_TABLES = (QUERY_HISTORY, JOB_RUN_TIMELINE, AUDIT, TABLE_SHARE_USAGE, *NAME_TABLES, *COST_TABLES)

WITHOUT_TEXTS = "entities tell no statement's text"

WITHOUT: Mapping[str, str] = {
    QUERY_HISTORY: "who ran a statement is taken from lineage; failed and cached reads are not told",
    JOB_RUN_TIMELINE: "one-time runs are told from jobs by their names alone",
    AUDIT: "whether a table is read past the lineage tables is unknown",
    INFORMATION_SCHEMA_COLUMNS: "no table is created in Purview",
    TABLE_SHARE_USAGE: "which tables are shared is not known",
    BILLING_USAGE: "list cost is left out",
    LIST_PRICES: "list cost is left out",
    WAREHOUSE_EVENTS: "idle time of warehouses counts as their statements' in the list cost",
}
"""What goes missing without an optional table."""

DISPENSABLE = (QUERY_HISTORY, AUDIT, TABLE_SHARE_USAGE)
"""Tables that only add to what is counted: where the principal may not read them, it is counted without."""

OUTSIDE_ACTIONS = (
    "generateTemporaryTableCredential",
    "generateTemporaryTableCredentials",
    "generateTemporaryPathCredential",
    "generateTemporaryPathCredentials",
    "deltaSharingQueriedTable",
    "deltaSharingQueriedTableChanges",
)
"""Actions of the audit log by which somebody reads past the lineage tables. Documentation spells some in two ways."""

LINEAGE_QUERIES = (
    "lineage_edges", "lineage_columns", "usage_daily", "cached_reads", "column_usage", "one_time_runs", "enrichment",
    "outside_reads", "replaced_tables",
)  # fmt: skip
STATEMENT_QUERIES = ("query_runs",)
TEXT_QUERIES = ("flow_texts",)
NAME_QUERIES = (
    "job_names", "job_tasks", "pipeline_names", "workspace_names", "table_forms", "table_columns", "dbt_models",
)  # fmt: skip
COST_QUERIES = ("cost_daily", "cost_charges", "cost_span", "cost_totals")

BALANCED = frozenset({"lineage_edges", "lineage_columns", "usage_daily", "column_usage", "cost_daily"})
"""Queries whose rows are checked against the totals of their days; the rows of others are counted as they come."""

TEXT = "statement_text"

NO_TABLE = "none"
"""Stands for an optional table that is not to be read."""

HISTORY_SLACK = timedelta(days=1)

TAG = ("application", "uc-lineage-miner")
"""The miner's statements carry it, unless the settings give them another one."""


@dataclass(slots=True)
class SystemTableReader:
    """Implements `miner.ports.SystemTables` over any warehouse.

    `tables` gives the full name by role; `principal` is who the miner itself reads as, with statements that have `tag`.
    With `statements`, what they say and how they ran is wanted too; with `texts`, what those say that wrote.
    """

    warehouse: Warehouse
    tables: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_TABLES))
    scope: Scope = field(default_factory=Scope)
    principal: str = ""
    tag: tuple[str, str] = TAG
    statements: bool = False
    outside_actions: Sequence[str] = OUTSIDE_ACTIONS
    texts: bool = False
    _refused: dict[str, MissingRightError] = field(default_factory=dict, init=False)
    _prepared: dict[tuple[str, ...], Prepared] = field(default_factory=dict, init=False)

    def span(self, table: str) -> Span:
        """First and last day of one lineage table."""
        found = pa.Table.from_batches(list(self.ask("span", {}, {"lineage_table": table}))).to_pylist()
        return Span(found[0]["first"], found[0]["last"])

    def absent(self) -> Sequence[str]:
        """Optional tables, columns and struct fields not there; those of names and of cost are told of elsewhere."""
        missing = []
        for role, name in self.tables.items():
            if role in NAME_TABLES or role in COST_TABLES:
                continue
            if self.fields(role) is None:
                missing.append(DEFAULT_TABLES[role] if name == NO_TABLE else name)
            else:
                missing += [f"{name}.{path}" for path in self.lacking(role)]
        return missing

    def missing(self) -> Sequence[Missing]:
        """Optional tables that are wanted and cannot be read; names are told of elsewhere."""
        found = []
        for role, name in self.tables.items():
            if role in (*NAME_TABLES, *COST_TABLES) or name == NO_TABLE or self.fields(role) is not None:
                continue
            refused = self._refused.get(role)
            reason = refused.message if refused else f"{name} is not there"
            mend = refused.mend if refused else self.warehouse.mend(name)
            found.append(Missing(role, name, refused is not None, reason, self.without(role), mend))
        if self.texts and self.holds(QUERY_HISTORY) and not self.holds(QUERY_HISTORY, TEXT):
            name = self.tables[QUERY_HISTORY]
            mend = "create the view again, as uc-miner views prints it, or export the column too"
            found.append(
                Missing(
                    QUERY_HISTORY, name, refused=False, reason=f"{name} has no {TEXT}", without=WITHOUT_TEXTS, mend=mend
                )
            )
        return found

    def without(self, role: str) -> str:
        """What goes missing without an optional table."""
        told = WITHOUT.get(role, "it is optional")
        return f"{told}; {WITHOUT_TEXTS}" if role == QUERY_HISTORY and self.texts else told

    def totals(self, table: str, first: date, last: date | None = None) -> pa.Table:
        """Rows of one lineage table, or of the history, by day and workspace."""
        if table == QUERY_HISTORY:
            bounds = {"history_from": _midnight(first), "history_to": _midnight((last or first) + timedelta(days=1))}
            rows = self.ask("history_totals", bounds, {QUERY_HISTORY: QUERY_HISTORY})
        else:
            rows = self.ask("totals", _span(first, last), {"lineage_table": table})
        return pa.Table.from_batches(cast(rows, schemas.TOTALS), schema=schemas.TOTALS)

    def views(self) -> Mapping[str, str]:
        """Names by role of the tables that are not the system tables themselves."""
        return {role: name for role, name in self.tables.items() if name not in (NO_TABLE, KNOWN_TABLES.get(role))}

    def shown(self, table: str, first: date, last: date) -> pa.Table | None:
        """Rows of a lineage table or of the history by day and workspace; None for one that is not read."""
        if table not in self.tables or self.fields(table) is None:
            return None
        return self.totals(table, first, last)

    def edges(self, first: date, last: date | None = None) -> Iterator[pa.RecordBatch]:
        """Edges of a run of days, and the balance of all rows."""
        rows = self.ask("lineage_edges", _span(first, last), {TABLE_LINEAGE: TABLE_LINEAGE})
        return self.with_globs(cast(rows, schemas.EDGES))

    def column_sets(self, first: date, last: date | None = None) -> Iterator[pa.RecordBatch]:
        """Column sets of a run of days by edge, with their content where the warehouse ships it at once."""
        return self._column_sets(first, last, "all" if self.warehouse.ships_contents else "none", "")

    def column_contents(self, first: date, last: date, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The column sets asked for, with their content."""
        missing = set(wanted)
        for batch in self._column_sets(first, last, "wanted", "\n".join(wanted)):
            missing.difference_update(batch.column("set_key").to_pylist())
            yield batch
        if missing:
            raise SourceError(
                f"{len(missing)} of {len(wanted)} column sets of {first} to {last} did not come",
                mend="run again: the result was cut short, or rows arrived meanwhile",
            )

    def _column_sets(self, first: date, last: date | None, content: str, wanted: str) -> Iterator[pa.RecordBatch]:
        values = {**_span(first, last), "content": content, "wanted": wanted}
        rows = self.ask("lineage_columns", values, {COLUMN_LINEAGE: COLUMN_LINEAGE})
        return self.with_globs(cast(rows, schemas.COLUMN_SETS))

    def usage(self, first: date, last: date | None = None) -> Iterator[pa.RecordBatch]:
        """Reads and writes of a run of days; reads from the result cache follow as rows of their own."""
        last = last or first
        start, end = _midnight(first), _midnight(last + timedelta(days=1))
        tables = {TABLE_LINEAGE: TABLE_LINEAGE, QUERY_HISTORY: QUERY_HISTORY}
        rows = self.ask("usage_daily", {**_span(first, last), **history_around(first, last)}, tables)
        yield from self.with_globs(cast(rows, schemas.USAGE))
        if self.fields(QUERY_HISTORY) is not None:
            bounds = {"last_day": last, "lineage_from": first - HISTORY_SLACK, "day_start": start, "day_end": end}
            yield from cast(self.ask("cached_reads", bounds, tables), schemas.USAGE)

    def enrichment(self, first: date, last: date | None = None) -> pa.Table:
        """Statements of lineage and of the history by whether the other side has them, day by day."""
        last = last or first
        bounds = {**_span(first, last), **lineage_around(first, last), **history_around(first, last)}
        rows = self.ask("enrichment", bounds, {TABLE_LINEAGE: TABLE_LINEAGE, QUERY_HISTORY: QUERY_HISTORY})
        table = pa.Table.from_batches(cast(rows, schemas.ENRICHMENT), schema=schemas.ENRICHMENT)
        if self.fields(QUERY_HISTORY) is None:
            unknown = pc.replace_substring_regex(table["fate"], "^not_in_history$", "history_not_read")
            table = table.set_column(table.schema.get_field_index("fate"), "fate", unknown)
        return table

    def outside_reads(self, first: date, last: date | None = None) -> Outside:
        """What was read past the lineage tables, and what is shared, as far as it may be read."""
        roles = {role: role for role in (AUDIT, TABLE_SHARE_USAGE)}
        known = {role for role in roles if self.holds(role)}
        if not known:
            return Outside(schemas.OUTSIDE_READS.empty_table(), audited=False)
        rows = self.ask(
            "outside_reads", {**_span(first, last), "outside_actions": "\n".join(self.outside_actions)}, roles
        )
        table = pa.Table.from_batches(cast(rows, schemas.OUTSIDE_READS), schema=schemas.OUTSIDE_READS)
        return Outside(table, audited=AUDIT in known)

    def column_usage(self, first: date, last: date | None = None) -> Iterator[pa.RecordBatch]:
        """Reads of columns in a run of days."""
        last = last or first
        tables = {COLUMN_LINEAGE: COLUMN_LINEAGE, QUERY_HISTORY: QUERY_HISTORY}
        rows = self.ask("column_usage", {**_span(first, last), **history_around(first, last)}, tables)
        return self.with_globs(cast(rows, schemas.COLUMN_USAGE))

    def query_runs(self, first: date, last: date, told: Statements) -> Iterator[pa.RecordBatch]:
        """Statements of a run of days, by the day they began on, and the balance of all rows of the history."""
        values = {
            "day_start": _midnight(first), "day_end": _midnight(last + timedelta(days=1)),
            **lineage_around(first, last),
            "most": told.most, "text_length": told.text_length, "tag_name": self.tag[0], "tag_value": self.tag[1],
        }  # fmt: skip
        rows = self.ask("query_runs", values, {TABLE_LINEAGE: TABLE_LINEAGE, QUERY_HISTORY: QUERY_HISTORY})
        return self.with_globs(cast(rows, schemas.QUERY_RUNS))

    def cancel(self) -> None:
        """End what is being read, from any thread."""
        self.warehouse.cancel()

    def one_time_runs(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """Job ids that are one-time runs between two days, both included; nothing without the table."""
        if self.fields(JOB_RUN_TIMELINE) is None:
            return iter(())
        values = {"first_day": _midnight(first), "end_day": _midnight(last + timedelta(days=1))}
        rows = self.ask("one_time_runs", values, {JOB_RUN_TIMELINE: JOB_RUN_TIMELINE})
        return cast(rows, schemas.ONE_TIME_RUNS)

    def replaced(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """Tables that statements replaced between two days; nothing without the history of queries, or its types."""
        return cast(self._of_statements("replaced_tables", "statement_type", first, last), schemas.REPLACED)

    def flow_texts(self, first: date, last: date, length: int) -> Iterator[pa.RecordBatch]:
        """What statements say that wrote datasets between two days; nothing where no table tells texts."""
        return cast(self._of_statements("flow_texts", TEXT, first, last, text_length=length), schemas.FLOW_TEXTS)

    def _of_statements(
        self, query: str, column: str, first: date, last: date, **more: object
    ) -> Iterator[pa.RecordBatch]:
        """Rows on the statements of lineage; none unless lineage tells these, and the history a column of them."""
        if not (self.holds(QUERY_HISTORY, column) and self.holds(TABLE_LINEAGE, "statement_id")):
            return iter(())
        values = {**_span(first, last), **history_around(first, last), **more}
        tables = {TABLE_LINEAGE: TABLE_LINEAGE, QUERY_HISTORY: QUERY_HISTORY}
        return self.ask(query, values, tables)

    def with_globs(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rules as the settings write them: SQL knows them as regular expressions."""
        globs = globs_by_rule(self.scope.exclude)
        for batch in batches:
            told = pc.unique(batch.column("rule")).drop_null().to_pylist()
            if not told:
                yield batch
                continue
            rules = pa.array([globs.get(rule, rule) for rule in batch.column("rule").to_pylist()], pa.string())
            yield batch.set_column(batch.schema.get_field_index("rule"), "rule", rules)

    def holds(self, *path: str) -> bool:
        """Tell whether there is a table, given by its role, or a column of it."""
        fields = self.fields(path[0]) if path[0] in self.tables else None
        return fields is not None and (len(path) == 1 or path[1:] in fields)

    def lacking(self, role: str) -> Sequence[str]:
        """What the miner reads of a table and the table does not have, as `column` or `column.field`."""
        found = self.fields(role) or frozenset()
        return sorted(".".join(path) for path in self.wants(role) if path not in found)

    def wants(self, role: str) -> set[Field]:
        """The columns and struct fields of a table that are read when mining as it is asked for here."""
        return wanted(role, statements=self.statements, texts=self.texts)

    def refusal(self, role: str) -> MissingRightError | None:
        """Why a table that it can do without may not be read, once `fields` was asked for it."""
        return self._refused.get(role)

    def fields(self, role: str) -> frozenset[Field] | None:
        """The columns and struct fields of a table; None when an optional one is not there.

        Raises MissingTableError, SchemaDriftError.
        """
        name = self.tables[role]
        if name == NO_TABLE or role in self._refused:
            return None
        try:
            found = self.warehouse.fields(name, DOCUMENTED[KNOWN_TABLES[role]], REQUIRED[role])
        except MissingRightError as error:
            if role not in DISPENSABLE:
                raise
            self._refused[role] = error
            return None
        if found is None and role not in OPTIONAL_TABLES:
            raise MissingTableError(
                f"{name} is not there",
                mend=f"check [sources.*.tables] {role}; {self.warehouse.mend(name)}",
            )
        if found is not None and (lacking := [column for column in REQUIRED[role] if (column,) not in found]):
            raise SchemaDriftError(
                f"{name} lacks the columns {', '.join(lacking)}",
                mend="a cloned view freezes its columns: create it again, or name another table",
            )
        return found

    def ask(self, query: str, values: Mapping[str, object], roles: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """Rows of one packed query. `values` by parameter, the scope's left out; `roles` by table parameter."""
        key = (query, *roles.values())
        if key not in self._prepared:
            self._prepared[key] = self._prepare(query, roles)
        rows = self.warehouse.run(self._prepared[key], {**self._scope(), **values})
        return rows if query in BALANCED else _whole(rows, query)

    def _prepare(self, query: str, roles: Mapping[str, str]) -> Prepared:
        fields = {parameter: self.fields(role) for parameter, role in roles.items()}

        def present(parameter: str, path: Field) -> bool:
            known = fields[parameter]
            return known is not None and path in known

        def type_of(parameter: str, path: Field) -> str:
            return _databricks_type(field_type(DOCUMENTED[KNOWN_TABLES[roles[parameter]]], path))

        tree = statements.without(statements.parsed(query), present, type_of)
        absent = [parameter for parameter, known in fields.items() if known is None]
        tree = statements.with_tables(tree, dict.fromkeys(absent, _nothing()))
        named = {parameter: self.tables[role] for parameter, role in roles.items() if parameter not in absent}
        if query not in BALANCED and isinstance(tree, exp.Query):
            tree = statements.counted(tree)
        return self.warehouse.prepare(tree, named)

    def _scope(self) -> Mapping[str, object]:
        read = [name for name in self.tables.values() if name != NO_TABLE]
        own = "\n".join(".".join(name_parts(name)) for name in read)
        return {"principal": self.principal, "own_tables": own, **scope_values(self.scope)}


def _nothing() -> exp.Expr:
    return exp.select(exp.alias_(exp.Literal.number(1), "nothing")).where(exp.false()).subquery()


def wanted(role: str, *, statements: bool = False, texts: bool = False) -> set[Field]:
    """The columns and struct fields of a table that the miner reads when it mines, `statements` and `texts` or not."""
    asked = (*(STATEMENT_QUERIES if statements else ()), *(TEXT_QUERIES if texts else ()))
    queries = (*LINEAGE_QUERIES, *NAME_QUERIES, *COST_QUERIES, *asked)
    return {path for query in queries for path in bound_columns(query).get(role, ())}


def _databricks_type(kind: pa.DataType) -> str:
    return duckdb_type(kind).replace("VARCHAR", "STRING").replace("TIMESTAMPTZ", "TIMESTAMP")


def _span(first: date, last: date | None) -> dict[str, object]:
    return {"first_day": first, "last_day": last or first}


def history_around(first: date, last: date) -> dict[str, object]:
    """Instants between which the history is looked at for statements of some days."""
    return {
        "history_from": _midnight(first) - HISTORY_SLACK,
        "history_to": _midnight(last + timedelta(days=1)) + HISTORY_SLACK,
    }


def lineage_around(first: date, last: date) -> dict[str, object]:
    """Days between which lineage is looked at for statements of some days."""
    return {"lineage_from": first - HISTORY_SLACK, "lineage_to": last + HISTORY_SLACK}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _whole(batches: Iterator[pa.RecordBatch], query: str) -> Iterator[pa.RecordBatch]:
    """The rows of a counted query. Raises SourceError when fewer or more came than it has."""
    came, told = 0, None
    for batch in batches:
        numbers = batch.column(statements.ALL_ROWS)
        told = told if not batch.num_rows or told is not None else numbers[0].as_py() or 0
        rows = batch.filter(pc.is_valid(numbers))
        came += rows.num_rows
        yield rows.drop_columns([statements.ALL_ROWS])
    if came != told:
        raise SourceError(
            f"{query}: {came} rows came of {told or 'an answer'}", mend="run again: the result was cut short"
        )


def cast(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows by declared name and type. Raises SourceError when the warehouse answers with other columns."""
    for batch in batches:
        try:
            table = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        except (KeyError, pa.ArrowException) as error:
            raise SourceError(f"the warehouse answered with unexpected columns: {error}", mend="report this") from error
        yield from table.to_batches()
