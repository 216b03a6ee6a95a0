-- Reads of columns in a run of UTC days by day, dataset, column, reader and kind of process, and the rows that are none, by reason.
-- Grain: one row per day, dataset, column, reader and kind of process (`fate` kept); one per day and other fate and rule, where
-- columns after `rows` say nothing. `rows` adds up to the rows of each day.
-- A read is one distinct (workspace, coalesce(statement_id, entity_run_id, event_id), source dataset, source column). Column names
-- are compared in lower case.
-- Parameters: :column_lineage, :query_history, :first_day, :last_day, :history_from, :history_to, :principal, :own_tables (one a line),
-- :excluded_*, :included_*, :*_rules. Columns: miner.schemas.COLUMN_USAGE.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
WITH statements AS (
  SELECT
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    max(nullif(h.executed_by, '')) AS executed_by,
    max(h.execution_status) AS execution_status,
    min(cast(h.start_time AS DATE)) AS began
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to AND h.statement_id IS NOT NULL
  GROUP BY coalesce(h.workspace_id, ''), h.statement_id
),
events AS (
  SELECT
    t.event_date AS day,
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    coalesce(t.statement_id, t.entity_run_id, t.event_id) AS unit,
    t.statement_id AS statement_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    process_id_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_id,
    folded(t.source_table_catalog) AS from_catalog,
    folded(t.source_table_schema) AS from_schema,
    clean_name(folded(t.source_table_name)) AS from_name,
    path_unless_named(t.source_table_name, t.source_path) AS from_path,
    folded(t.target_table_catalog) AS to_catalog,
    folded(t.target_table_schema) AS to_schema,
    clean_name(folded(t.target_table_name)) AS to_name,
    path_unless_named(t.target_table_name, t.target_path) AS to_path,
    nullif(t.source_column_name, '') AS spelled,
    nullif(t.created_by, '') AS created_by,
    t.direct_access AS direct,
    t.event_time AS event_time
  FROM IDENTIFIER(:column_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
checked AS (
  SELECT
    *,
    excluded_end(from_catalog, from_schema, from_name, from_path) AS source_excluded,
    excluded_end(to_catalog, to_schema, to_name, to_path) AS target_excluded
  FROM events
),
judged AS (
  SELECT
    *,
    column_fate(
      usage_fate(
        workspace_id, process_kind, created_by, source_excluded, target_excluded,
        from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path),
      source_excluded, from_name, from_path, spelled,
      same_dataset(from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path),
      direct) AS fate
  FROM checked
),
reads AS (
  SELECT
    day,
    fate,
    row_rule(
      fate, workspace_id, process_kind, source_excluded, from_catalog, from_schema, from_name, from_path,
      target_excluded, to_catalog, to_schema, to_name, to_path) AS rule,
    CASE WHEN fate = 'kept' THEN metastore_id END AS metastore_id,
    CASE WHEN fate = 'kept' THEN from_catalog END AS catalog,
    CASE WHEN fate = 'kept' THEN from_schema END AS schema,
    CASE WHEN fate = 'kept' THEN from_name END AS name,
    CASE WHEN fate = 'kept' THEN from_path END AS path,
    CASE WHEN fate = 'kept' THEN lowered(spelled) END AS column_name,
    CASE WHEN fate = 'kept' THEN workspace_id END AS workspace_id,
    CASE WHEN fate = 'kept' THEN unit END AS unit,
    statement_id, created_by, process_kind, process_id, event_time, spelled
  FROM judged
),
units AS (
  SELECT
    day, fate, rule, metastore_id, catalog, schema, name, path, column_name, workspace_id, unit,
    max(statement_id) AS statement_id,
    max(created_by) AS created_by,
    max(process_kind) AS process_kind,
    max(process_id) AS process_id,
    -- A structure, not max_by: of two events at one instant the same one must win every time.
    max(named_struct('at', event_time, 'spelled', spelled)) AS last_spelled,
    max(event_time) AS read_at,
    count(*) AS row_count
  FROM reads
  GROUP BY day, fate, rule, metastore_id, catalog, schema, name, path, column_name, workspace_id, unit
),
told AS (
  SELECT
    units.*,
    lowered(trim(coalesce(
      statements.executed_by,
      CASE WHEN units.process_kind IN ('dashboard', 'legacy_dashboard')
        THEN concat('dashboard:', units.process_id) END,
      units.created_by, ''))) AS reader,
    -- Rows left out have no unit, and so no statement.
    CASE WHEN statements.execution_status IN ('FAILED', 'CANCELED') THEN 'failed_read' ELSE units.fate END AS verdict
  FROM units
  LEFT JOIN statements
    ON statements.workspace_id = units.workspace_id AND statements.statement_id = units.statement_id
    -- A day's figures must not depend on the days it is mined with.
    AND units.day >= date_sub(statements.began, 1) AND units.day <= date_add(statements.began, 1)
),
counted AS (
  SELECT
    day,
    verdict AS fate,
    rule,
    CASE WHEN verdict = 'kept' THEN metastore_id END AS metastore_id,
    CASE WHEN verdict = 'kept' THEN catalog END AS catalog,
    CASE WHEN verdict = 'kept' THEN schema END AS schema,
    CASE WHEN verdict = 'kept' THEN name END AS name,
    CASE WHEN verdict = 'kept' THEN path END AS path,
    CASE WHEN verdict = 'kept' THEN column_name END AS column_name,
    CASE WHEN verdict = 'kept' THEN reader END AS reader,
    CASE WHEN verdict = 'kept' THEN process_kind END AS process_kind,
    max(last_spelled) AS last_spelled,
    cast(sum(row_count) AS BIGINT) AS row_count,
    count(*) AS reads,
    max(read_at) AS last_read_at
  FROM told
  GROUP BY ALL
)
SELECT
  day,
  fate,
  rule,
  row_count AS rows,
  metastore_id,
  CASE WHEN fate = 'kept' THEN dataset_key(metastore_id, catalog, schema, name, path) END AS dataset_key,
  catalog AS dataset_catalog,
  schema AS dataset_schema,
  name AS dataset_name,
  path AS dataset_path,
  CASE WHEN fate = 'kept'
    THEN column_key(dataset_key(metastore_id, catalog, schema, name, path), column_name) END AS column_key,
  column_name,
  last_spelled.spelled AS column_spelling,
  reader,
  process_kind,
  reads,
  last_read_at
FROM counted
