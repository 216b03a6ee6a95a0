"""The sample estate: what it is written for must be in it, at a small size already."""

# ruff: noqa: S608 - the SQL is this file's own

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from queries.documented import DOCUMENTED
from queries.sample import MINER, EstateSummary, write_estate
from queries.sample.bench import write_bench

LAST_DAY = date(2026, 11, 20)
TABLES, DAYS, EVENTS = 400, 12, 3000
EVENT_TABLES = ("system.access.table_lineage", "system.access.column_lineage", "system.query.history")

VIEWS = {
    "t": "access/table_lineage",
    "c": "access/column_lineage",
    "h": "query/history",
    "tables": "information_schema/tables",
    "columns": "information_schema/columns",
    "jobs": "lakeflow/jobs",
    "tasks": "lakeflow/job_tasks",
    "runs": "lakeflow/job_run_timeline",
    "pipelines": "lakeflow/pipelines",
    "workspaces": "access/workspaces_latest",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("estate")


@pytest.fixture(scope="module")
def summary(folder: Path) -> EstateSummary:
    return write_estate(folder, tables=TABLES, days=DAYS, events_per_day=EVENTS, seed=7, last_day=LAST_DAY)


@pytest.fixture(scope="module")
def warehouse(folder: Path, summary: EstateSummary) -> Iterator[duckdb.DuckDBPyConnection]:
    assert summary.files
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in VIEWS.items():
            files = folder / "system" / table / "*.parquet"
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}', filename = true)")
        connection.execute(
            "CREATE VIEW ends AS SELECT source_table_full_name AS full_name, source_table_catalog AS catalog,"
            " source_table_schema AS schema, source_table_name AS name, source_path AS path, source_type AS type,"
            " event_date, created_by FROM t WHERE source_type IS NOT NULL UNION ALL SELECT target_table_full_name,"
            " target_table_catalog, target_table_schema, target_table_name, target_path, target_type, event_date,"
            " created_by FROM t WHERE target_type IS NOT NULL"
        )
        connection.execute(
            "CREATE TABLE listed AS SELECT lower(concat_ws('.', table_catalog, table_schema, table_name)) AS full_name, * FROM tables"
        )
        yield connection


UUID_FLAT = "[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12}"
UUID = UUID_FLAT.replace("_", "-")

QUIRKS = {
    "a read with no target": "FROM t WHERE source_type IS NOT NULL AND target_type IS NULL",
    "a write with no source": "FROM t WHERE source_type IS NULL AND target_type IS NOT NULL",
    "an edge from a table to itself": "FROM t WHERE lower(source_table_full_name) = lower(target_table_full_name)",
    "an indirect access": "FROM t WHERE direct_access = false",
    "an indirect access in column lineage": "FROM c WHERE direct_access = false",
    "an indirect access to a view": "FROM t WHERE direct_access = false AND source_type = 'VIEW'",
    "direct_access unknown on the first days": f"FROM t WHERE direct_access IS NULL AND event_date < DATE '{LAST_DAY}' - {DAYS * 2 // 3 - 1}",
    "a statement on classic compute": "FROM t WHERE statement_id IS NULL AND entity_type = 'NOTEBOOK'",
    "a statement on serverless compute": "FROM h WHERE compute.type = 'SERVERLESS_COMPUTE' AND query_source.notebook_id IS NOT NULL",
    "a path on Azure storage": "FROM ends WHERE name IS NULL AND path LIKE 'abfss://%'",
    "a path on old Azure storage": "FROM ends WHERE name IS NULL AND path LIKE 'wasbs://%'",
    "a path on S3": "FROM ends WHERE name IS NULL AND path LIKE 's3://%'",
    "a path on S3 with the old scheme": "FROM ends WHERE name IS NULL AND path LIKE 's3a://%'",
    "a mounted path": "FROM ends WHERE name IS NULL AND path LIKE 'dbfs:/mnt/%'",
    "a volume": "FROM ends WHERE name IS NULL AND path LIKE '/Volumes/%'",
    "a path with a trailing slash": "FROM ends WHERE name IS NULL AND path LIKE '%/'",
    "a path with a doubled slash": "FROM ends WHERE name IS NULL AND regexp_matches(path, '[^:/]//')",
    "a partition folder": "FROM ends WHERE name IS NULL AND regexp_matches(path, '/[a-z_]+=[^/]+')",
    "a folder dated yyyy/mm/dd": r"FROM ends WHERE name IS NULL AND regexp_matches(path, '/\d{4}/\d{2}/\d{2}$')",
    "a folder dated yyyymmdd": r"FROM ends WHERE name IS NULL AND regexp_matches(path, '/\d{8}(/|$)')",
    "a dated folder of the event's own day": "FROM ends WHERE path LIKE '%/' || strftime(event_date, '%Y/%m/%d')",
    "a file of a table": "FROM ends WHERE name IS NULL AND path LIKE '%/part-00000%'",
    "a transaction log": "FROM ends WHERE name IS NULL AND path LIKE '%/_delta_log'",
    "a checkpoint folder": "FROM ends WHERE name IS NULL AND regexp_matches(path, '/_?checkpoints?/')",
    "a temporary folder": "FROM ends WHERE name IS NULL AND (path LIKE '%/_temporary%' OR path LIKE 'dbfs:/local_disk0/%')",
    "a path that is an external table's": "FROM ends JOIN listed ON storage_path = path WHERE name IS NULL AND table_type = 'EXTERNAL'",
    "a path under an external table's": "FROM ends JOIN listed ON starts_with(path, storage_path || '/') WHERE name IS NULL AND table_type = 'EXTERNAL'",
    "a path of no table": "FROM ends WHERE name IS NULL AND NOT EXISTS (FROM listed WHERE starts_with(path, rtrim(storage_path, '/')))",
    "one path of two tables": "FROM (SELECT storage_path FROM listed WHERE storage_path IS NOT NULL GROUP BY 1 HAVING count(*) > 1)",
    "a name together with its path": "FROM ends WHERE name IS NOT NULL AND path IS NOT NULL",
    "an edge from path to path": "FROM t WHERE source_type = 'PATH' AND target_type = 'PATH'",
    "an edge from table to path": "FROM t WHERE source_type = 'TABLE' AND target_type = 'PATH'",
    "a streaming table": "FROM ends WHERE type = 'STREAMING_TABLE'",
    "a materialized view": "FROM ends WHERE type = 'MATERIALIZED_VIEW'",
    "a metric view": "FROM ends WHERE type = 'METRIC_VIEW'",
    "a metric view of one query": "FROM ends WHERE name LIKE 'temp_metric_view_%'",
    "an internal table in a user's schema": f"FROM ends WHERE regexp_matches(name, '^__materialization_mat_{UUID_FLAT}_.+_[0-9]+$') AND schema NOT LIKE '\\_\\_%' ESCAPE '\\'",
    "an internal schema": f"FROM ends WHERE regexp_matches(schema, '^__dlt_materialization_schema_{UUID_FLAT}$')",
    "the internal catalog": "FROM ends WHERE catalog = '__databricks_internal'",
    "an event log that is written": "FROM t WHERE target_table_name LIKE 'event_log_%'",
    "an event log that is read": "FROM t WHERE source_table_name LIKE 'event_log_%'",
    "rows that come late": "FROM t WHERE filename LIKE '%-late.parquet'",
    "column rows that come late": "FROM c WHERE filename LIKE '%-late.parquet'",
    "statements that come late": "FROM h WHERE filename LIKE '%-late.parquet'",
    "a Genie space": "FROM t WHERE entity_metadata.genie_space_id IS NOT NULL AND entity_type IS NULL",
    "an alert with a hidden job": "FROM t WHERE entity_metadata.alert_id IS NOT NULL AND entity_metadata.job_info.job_id NOT IN (SELECT job_id FROM jobs)",
    "a dashboard, named by its statement": "FROM t WHERE entity_type = 'DASHBOARD_V3' AND entity_run_id = statement_id AND regexp_matches(entity_id, '^[0-9a-f]{32}$')",
    "a dashboard of a saved query": "FROM t WHERE entity_metadata.dashboard_id IS NOT NULL AND entity_metadata.sql_query_id IS NOT NULL",
    "a legacy dashboard": "FROM t WHERE entity_type = 'DBSQL_DASHBOARD' AND entity_metadata.legacy_dashboard_id = entity_id",
    "a saved query": "FROM t WHERE entity_type = 'DBSQL_QUERY' AND entity_metadata.sql_query_id = entity_id",
    "a notebook of a job": "FROM t WHERE entity_type = 'NOTEBOOK' AND entity_metadata.job_info.job_id IS NOT NULL",
    "a job as itself": "FROM t WHERE entity_type = 'JOB' AND entity_run_id = entity_metadata.job_info.job_run_id",
    "a pipeline of a job": "FROM t WHERE entity_type = 'PIPELINE' AND entity_metadata.job_info.job_id IS NOT NULL AND entity_run_id = entity_metadata.dlt_pipeline_info.dlt_update_id",
    "an ad hoc statement": "FROM t WHERE entity_type IS NULL AND entity_metadata.genie_space_id IS NULL",
    "no metadata at all": "FROM t WHERE entity_metadata IS NULL",
    "an ad hoc statement that writes": "FROM t WHERE entity_type IS NULL AND source_type IS NOT NULL AND target_table_catalog = 'sandbox'",
    "an unknown kind of entity": "FROM t WHERE entity_type = 'MODEL_SERVING'",
    "the system as principal": "FROM t WHERE created_by = 'System-User'",
    "a masked principal": "FROM t WHERE created_by = '__REDACTED__'",
    "no principal": "FROM t WHERE created_by IS NULL",
    "no principal where history has one": "FROM t JOIN h USING (workspace_id, statement_id) WHERE created_by IS NULL AND executed_by IS NOT NULL",
    "a group as principal": "FROM t WHERE created_by = 'data-platform-admins'",
    "a service principal": f"FROM t WHERE regexp_matches(created_by, '^{UUID}$')",
    "the miner's own reads": f"FROM t WHERE created_by = '{MINER}' AND source_table_catalog = 'system' AND target_type IS NULL",
    "a masked statement text": "FROM h WHERE statement_text = '<REDACTED>'",
    "an empty statement text": "FROM h WHERE statement_text = ''",
    "a readable statement text": "FROM h WHERE statement_text LIKE 'MERGE INTO %'",
    "a read from the cache of the same day": "FROM h JOIN h AS o ON o.statement_id = h.cache_origin_statement_id WHERE h.from_result_cache AND o.start_time::DATE = h.start_time::DATE AND o.end_time < h.start_time",
    "a read from the cache of the day before": "FROM h JOIN h AS o ON o.statement_id = h.cache_origin_statement_id WHERE h.from_result_cache AND o.start_time::DATE = h.start_time::DATE - 1",
    "a read from the cache whose origin has lineage": "FROM h WHERE from_result_cache AND cache_origin_statement_id IN (SELECT statement_id FROM t)",
    "a failed statement": "FROM h WHERE execution_status = 'FAILED' AND statement_id NOT IN (SELECT statement_id FROM t WHERE statement_id IS NOT NULL)",
    "a failed statement with lineage": "FROM t JOIN h USING (workspace_id, statement_id) WHERE execution_status = 'FAILED'",
    "a cancelled statement": "FROM h WHERE execution_status = 'CANCELED' AND statement_id NOT IN (SELECT statement_id FROM t WHERE statement_id IS NOT NULL)",
    "a cancelled statement with lineage": "FROM t JOIN h USING (workspace_id, statement_id) WHERE execution_status = 'CANCELED'",
    "a statement over midnight": "FROM h WHERE end_time::DATE > start_time::DATE",
    "a table read by one statement on two days": "FROM (SELECT statement_id FROM t WHERE statement_id IS NOT NULL GROUP BY statement_id, source_table_full_name HAVING count(DISTINCT event_date) = 2)",
    "a dropped table": "FROM ends WHERE catalog IN ('raw', 'curated', 'gold') AND type = 'TABLE' AND name NOT LIKE '%\\_\\_%' ESCAPE '\\' AND name NOT LIKE 'event_log%' AND schema NOT LIKE 'dbt_cloud_pr_%' AND schema <> 'information_schema' AND lower(full_name) NOT IN (SELECT full_name FROM listed)",
    "a table created after its first use": "FROM listed WHERE created::DATE > (SELECT min(event_date) FROM ends WHERE lower(ends.full_name) = listed.full_name)",
    "a name in two cases": "FROM (SELECT lower(full_name) FROM ends WHERE name IS NOT NULL GROUP BY 1 HAVING count(DISTINCT full_name) > 1)",
    "a name in backticks": "FROM ends WHERE name LIKE '`%`' AND schema LIKE '`%`' AND catalog LIKE '`%`' AND full_name NOT LIKE '%`%'",
    "a table named beyond ASCII": "FROM ends WHERE lower(name) IN ('kunden_übersicht', 'größe')",
    "a column named beyond ASCII": "FROM c WHERE source_column_name = 'größe'",
    "a column with a dot": "FROM c WHERE source_column_name LIKE '%.%'",
    "a column with a space": "FROM c WHERE target_column_name LIKE '% %'",
    "a read of system tables": f"FROM t WHERE source_table_catalog = 'system' AND created_by <> '{MINER}'",
    "a read of samples": "FROM t WHERE source_table_catalog = 'samples'",
    "a read of information_schema": "FROM t WHERE source_table_schema = 'information_schema'",
    "a dbt table named for its run": r"FROM ends WHERE regexp_matches(name, '^.+__dbt_tmp_\d{14}$')",
    "a dbt table of a model": "FROM ends WHERE name LIKE '%\\_\\_dbt\\_tmp' ESCAPE '\\'",
    "a dbt table that is staged": "FROM ends WHERE name LIKE '%\\_\\_dbt\\_stg' ESCAPE '\\'",
    "a dbt table that is backed up": "FROM ends WHERE name LIKE '%\\_\\_dbt\\_backup' ESCAPE '\\'",
    "a dbt pull request": "FROM ends WHERE schema LIKE 'dbt_cloud_pr_%'",
    "a dbt query tag": "FROM h WHERE query_tags['@@dbt_model_name'] IS NOT NULL",
    "a run of Data Factory": f"FROM runs WHERE run_type = 'SUBMIT_RUN' AND regexp_matches(run_name, '^ADF_.+_{UUID}$')",
    "a run of Airflow": r"FROM runs WHERE run_type = 'SUBMIT_RUN' AND regexp_matches(run_name, '^airflow_.+_\d{4}-\d{2}-\d{2}$')",
    "a run of a workflow": "FROM runs WHERE run_type = 'WORKFLOW_RUN' AND run_name IS NULL",
    "a one-time job with lineage": "FROM t WHERE entity_metadata.job_info.job_id IN (SELECT job_id FROM runs WHERE run_type = 'SUBMIT_RUN')",
    "a one-time job as the entity": "FROM t WHERE entity_type = 'JOB' AND entity_id IN (SELECT job_id FROM runs WHERE run_type = 'SUBMIT_RUN')",
    "a run in slices": "FROM (SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1 AND count(result_state) = 1)",
    "a job of several versions": "FROM (SELECT job_id FROM jobs GROUP BY job_id HAVING count(*) > 1)",
    "no source column": "FROM c WHERE source_column_name IS NULL AND target_column_name IS NOT NULL",
    "a column that is only read": "FROM c WHERE target_column_name IS NULL AND target_type IS NULL",
    "columns without their table row": "FROM c WHERE target_type IS NOT NULL AND NOT EXISTS (FROM t WHERE t.event_id = c.event_id AND t.source_table_full_name = c.source_table_full_name AND t.target_table_full_name = c.target_table_full_name)",
    "an edge of tables without columns": "FROM t WHERE source_table_name IS NOT NULL AND target_table_name IS NOT NULL AND event_id NOT IN (SELECT event_id FROM c)",
    "an edge that ends": f"FROM (SELECT target_table_full_name FROM t WHERE entity_metadata.job_info.job_id IN (SELECT job_id FROM jobs) GROUP BY 1 HAVING max(event_date) < DATE '{LAST_DAY}' - 3)",
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_every_quirk_is_in_a_small_estate(warehouse: duckdb.DuckDBPyConnection, quirk: str) -> None:
    """Whatever makes real lineage hard can be found in 400 tables and 12 days: a demo of it hides nothing."""
    assert count(warehouse, QUIRKS[quirk]) > 0


IMPOSSIBLE = {
    "a statement of a warehouse that history lacks": "FROM t WHERE statement_id IS NOT NULL AND (workspace_id, statement_id) NOT IN (SELECT (workspace_id, statement_id) FROM h)",
    "a record id twice": "FROM (FROM (SELECT record_id FROM t UNION ALL SELECT record_id FROM c) SELECT record_id GROUP BY 1 HAVING count(*) > 1)",
    "a statement id twice": "FROM (SELECT statement_id FROM h GROUP BY 1 HAVING count(*) > 1)",
    "a day that is not the event's": "FROM t WHERE event_date <> event_time::DATE",
    "a row in another day's file": "FROM t WHERE NOT contains(filename, 'part-' || event_date)",
    "a statement in another day's file": "FROM h WHERE NOT contains(filename, 'part-' || start_time::DATE)",
    "a column row of a path": "FROM c WHERE source_type = 'PATH' OR target_type = 'PATH'",
    "a column row without a source": "FROM c WHERE source_type IS NULL",
    "an entity id without a type": "FROM t WHERE (entity_type IS NULL) <> (entity_id IS NULL)",
    "lineage of a cached read": "FROM t JOIN h USING (statement_id) WHERE from_result_cache",
    "a cached read without its origin": "FROM h WHERE from_result_cache AND (cache_origin_statement_id = statement_id OR cache_origin_statement_id NOT IN (SELECT statement_id FROM h))",
    "another origin though not cached": "FROM h WHERE NOT from_result_cache AND cache_origin_statement_id <> statement_id",
    "a known direct_access on the first days": f"FROM t WHERE direct_access IS NOT NULL AND event_date < DATE '{LAST_DAY}' - {DAYS * 2 // 3 - 1}",
    "an unknown direct_access on later days": f"FROM t WHERE direct_access IS NULL AND event_date >= DATE '{LAST_DAY}' - {DAYS * 2 // 3 - 1}",
    "a one-time job that lakeflow knows": "FROM runs WHERE run_type <> 'JOB_RUN' AND job_id IN (SELECT job_id FROM jobs)",
    "a run of a job that lakeflow does not know": "FROM runs WHERE run_type = 'JOB_RUN' AND job_id NOT IN (SELECT job_id FROM jobs)",
    "an event in two statements": "FROM (SELECT event_id FROM t GROUP BY 1 HAVING count(DISTINCT coalesce(statement_id, '')) > 1)",
    "a name that is not its parts": "FROM ends WHERE full_name <> replace(concat_ws('.', catalog, schema, name), '`', '')",
    "a type outside the documented ones": "FROM ends WHERE type NOT IN ('TABLE', 'PATH', 'VIEW', 'MATERIALIZED_VIEW', 'METRIC_VIEW', 'STREAMING_TABLE')",
    "a field left unfilled": "FROM ends WHERE contains(concat(full_name, path), '{')",
    "durations that do not add up": "FROM h WHERE total_duration_ms <> waiting_for_compute_duration_ms + waiting_at_capacity_duration_ms + execution_duration_ms + compilation_duration_ms",
    "negative volumes": "FROM h WHERE least(read_rows, read_bytes, spilled_local_bytes, written_rows) < 0",
    "a workspace nobody has": "FROM t WHERE workspace_id NOT IN (SELECT workspace_id FROM workspaces)",
    "a second metastore": "FROM (SELECT metastore_id FROM t GROUP BY 1 OFFSET 1)",
}


@pytest.mark.parametrize("fault", IMPOSSIBLE)
def test_nothing_contradicts_the_documentation(warehouse: duckdb.DuckDBPyConnection, fault: str) -> None:
    """What Databricks rules out does not occur, so that a check may rely on it."""
    assert count(warehouse, IMPOSSIBLE[fault]) == 0


def test_many_processes_share_one_sink(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A quarter as many jobs as there are tables write to one table: crossing writers with readers would show."""
    writers = (
        "FROM (SELECT DISTINCT entity_metadata.job_info.job_id FROM t WHERE lower(target_table_name) = 'job_audit_log')"
    )
    assert count(warehouse, writers) > TABLES // 4


def test_one_time_runs_outnumber_jobs(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Most job ids in the rows are no identity, as in a large account."""
    ids = "FROM (SELECT DISTINCT job_id FROM runs WHERE run_type {})"
    assert count(warehouse, ids.format("<> 'JOB_RUN'")) > 3 * count(warehouse, ids.format("= 'JOB_RUN'"))


def test_reading_is_heavy_tailed(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A tenth of the tables people read gets most of the reads, and most tables get some."""
    reads = "FROM t WHERE target_type IS NULL AND source_table_name IS NOT NULL AND direct_access"
    by_table = f"(SELECT source_table_full_name, count(*) AS reads {reads} GROUP BY 1)"
    tables = count(warehouse, f"FROM {by_table}")
    top = warehouse.execute(
        f"SELECT sum(reads) FROM (FROM {by_table} ORDER BY reads DESC LIMIT {tables // 10})"
    ).fetchone()
    assert top
    assert tables > TABLES // 4
    assert top[0] > 0.4 * count(warehouse, reads)


def test_row_counts_are_near_what_was_asked(summary: EstateSummary, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Events a day, column rows, statements and tables keep to the sizes given, every day."""
    days = warehouse.execute("SELECT count(*) FROM t GROUP BY event_date").fetchall()
    assert len(days) == DAYS
    assert all(abs(rows - EVENTS) < 0.05 * EVENTS for (rows,) in days)
    lineage, columns, history = (summary.rows[table] for table in EVENT_TABLES)
    named = count(warehouse, "FROM t WHERE source_table_name IS NOT NULL AND target_table_name IS NOT NULL")
    paired = count(warehouse, "FROM c WHERE target_column_name IS NOT NULL")
    assert 2.5 * named < paired < 4 * named
    assert 2 * lineage < columns < 4 * lineage
    assert history == DAYS * (EVENTS // 3)
    assert abs(count(warehouse, "FROM tables") - TABLES) < 0.05 * TABLES


def test_little_of_history_has_lineage(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A join by statement covers about a tenth of history, as measured on a live workspace."""
    joined = count(
        warehouse, "FROM h WHERE statement_id IN (SELECT statement_id FROM t WHERE statement_id IS NOT NULL)"
    )
    assert 0.05 < joined / count(warehouse, "FROM h") < 0.20


def test_tables_listed_have_their_columns(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every column named in column lineage of a listed table is a column of it."""
    strangers = (
        "FROM c JOIN listed ON lower(c.source_table_full_name) = listed.full_name WHERE source_column_name IS NOT NULL"
        " AND NOT EXISTS (FROM columns WHERE columns.table_catalog = listed.table_catalog AND columns.table_schema ="
        " listed.table_schema AND columns.table_name = listed.table_name AND column_name = source_column_name)"
    )
    assert count(warehouse, strangers) == 0


def test_summary_counts_what_is_in_the_files(folder: Path, summary: EstateSummary) -> None:
    """The rows and files reported are those that can be read, for all documented tables."""
    files = sorted(folder.rglob("*.parquet"))
    assert len(files) == summary.files
    assert summary.rows.keys() == DOCUMENTED.keys()
    for table, rows in summary.rows.items():
        parts = sorted(folder.joinpath(*table.split(".")).glob("part-*.parquet"))
        assert sum(pq.read_metadata(part).num_rows for part in parts) == rows
    assert (summary.first_day, summary.last_day) == (LAST_DAY - timedelta(days=DAYS - 1), LAST_DAY)


def test_files_have_exactly_the_documented_schema(folder: Path, summary: EstateSummary) -> None:
    """Names, order and types of every file are the documented ones; no dictionary or other trait is left over."""
    assert summary.files
    for table, schema in DOCUMENTED.items():
        for part in folder.joinpath(*table.split(".")).glob("*.parquet"):
            assert pq.read_schema(part).remove_metadata().equals(schema), part


def test_there_is_one_file_a_day_and_a_late_one_for_the_last(folder: Path, summary: EstateSummary) -> None:
    """Exports can be picked by day, and the last three days have late rows to come."""
    days = [LAST_DAY - timedelta(days=back) for back in range(DAYS)]
    expected = {f"part-{day}.parquet" for day in days} | {f"part-{day}-late.parquet" for day in days[:3]}
    assert summary.files
    for table in EVENT_TABLES:
        assert {part.name for part in folder.joinpath(*table.split(".")).iterdir()} == expected
    for table in DOCUMENTED.keys() - set(EVENT_TABLES):
        assert [part.name for part in folder.joinpath(*table.split(".")).iterdir()] == ["part-0.parquet"]


def test_a_seed_fixes_every_value(tmp_path: Path) -> None:
    """The same arguments write the same columns; another seed writes others."""
    sizes = {"tables": 60, "days": 3, "events_per_day": 300, "last_day": LAST_DAY}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_estate(tmp_path / name, seed=seed, **sizes)
    for table in DOCUMENTED:
        first, again, other = (read(tmp_path / name, table) for name in "abc")
        assert first.equals(again), table
        assert not first.equals(other), table


def test_the_smallest_estate_can_be_written(tmp_path: Path) -> None:
    """One day of a hundred rows over fifty tables is an estate, with every table and known access."""
    made = write_estate(tmp_path, tables=50, days=1, events_per_day=100, seed=3, last_day=LAST_DAY)
    assert all(made.rows.values())
    assert read(tmp_path, EVENT_TABLES[0]).column("direct_access").null_count == 0


@pytest.mark.parametrize(("name", "size"), [("tables", 49), ("days", 0), ("events_per_day", 99)])
def test_impossible_sizes_are_refused(tmp_path: Path, name: str, size: int) -> None:
    """A size too small for an estate is an error that names it, and nothing is written."""
    sizes = {"tables": 50, "days": 1, "events_per_day": 100} | {name: size}
    with pytest.raises(ValueError, match=f"{name} is {size}"):
        write_estate(tmp_path, **sizes, seed=1, last_day=LAST_DAY)
    assert not list(tmp_path.iterdir())


def test_an_estate_is_not_mixed_into_other_files(tmp_path: Path) -> None:
    """Files that are there already are never overwritten nor added to."""
    sizes = {"tables": 50, "days": 1, "events_per_day": 100, "seed": 1}
    write_estate(tmp_path, **sizes, last_day=LAST_DAY)
    with pytest.raises(FileExistsError, match="empty folder"):
        write_estate(tmp_path, **sizes, last_day=LAST_DAY + timedelta(days=1))
    assert len(list(tmp_path.rglob(f"*{LAST_DAY + timedelta(days=1)}*"))) == 0


def test_progress_and_metastore_are_the_callers(tmp_path: Path) -> None:
    """Progress is told once a day, in order; a metastore id that is given is used."""
    told: list[tuple[str, int, int]] = []
    write_estate(
        tmp_path,
        tables=50,
        days=2,
        events_per_day=100,
        seed=1,
        last_day=LAST_DAY,
        metastore_id="the-metastore",
        progress=lambda *step: told.append(step),
    )
    assert told == [("2026-11-19", 1, 2), ("2026-11-20", 2, 2)]
    assert set(read(tmp_path, EVENT_TABLES[0]).column("metastore_id").to_pylist()) == {"the-metastore"}


def test_bench_has_the_edges_and_pairs_asked_for(tmp_path: Path) -> None:
    """A bench of N edges has N, a third of them a day, each with the same column pairs every time."""
    made = write_bench(tmp_path, edges=3000, days=3, rows_per_day=4000, columns_per_row=3, seed=5, last_day=LAST_DAY)
    assert made.rows["system.access.table_lineage"] == 3 * 4000
    assert abs(made.rows["system.access.column_lineage"] - 3 * 3 * 4000) < 3600
    edge = "entity_id, source_table_full_name, target_table_full_name"
    with duckdb.connect() as connection:
        for name in ("table_lineage", "column_lineage"):
            files = tmp_path / "system" / "access" / name / "*.parquet"
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{files}')")
        assert count(connection, f"FROM (SELECT DISTINCT {edge} FROM table_lineage)") == 3000
        assert count(connection, "FROM table_lineage WHERE source_table_full_name = target_table_full_name") == 0
        for day in range(3):
            seen = count(
                connection,
                f"FROM (SELECT DISTINCT {edge} FROM table_lineage WHERE event_date = DATE '{LAST_DAY}' - {day})",
            )
            assert 900 < seen < 1200
        uneven = f"FROM (SELECT {edge} FROM (SELECT {edge}, event_id, count(*) AS pairs FROM column_lineage GROUP BY ALL) GROUP BY ALL HAVING count(DISTINCT pairs) > 1 OR max(pairs) > 6)"
        assert count(connection, uneven) == 0
    for table in EVENT_TABLES[:2]:
        for part in tmp_path.joinpath(*table.split(".")).iterdir():
            assert pq.read_schema(part).remove_metadata().equals(DOCUMENTED[table])


@pytest.mark.parametrize(("name", "size"), [("edges", 0), ("days", 0), ("rows_per_day", 0), ("columns_per_row", 7)])
def test_impossible_bench_sizes_are_refused(tmp_path: Path, name: str, size: int) -> None:
    """A bench that cannot be is an error that names the size."""
    sizes = {"edges": 10, "days": 1, "rows_per_day": 10, "columns_per_row": 2} | {name: size}
    with pytest.raises(ValueError, match=f"{name} is {size}"):
        write_bench(tmp_path, **sizes, seed=1, last_day=LAST_DAY)


def count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """The number of rows of a FROM clause."""
    found = connection.execute(f"SELECT count(*) {rows}").fetchone()
    assert found
    return int(found[0])


def read(folder: Path, table: str) -> pa.Table:
    """All rows of a table, file by file in the order of their names."""
    parts = sorted(folder.joinpath(*table.split(".")).glob("*.parquet"))
    return pa.concat_tables([pq.ParquetFile(part).read() for part in parts])
