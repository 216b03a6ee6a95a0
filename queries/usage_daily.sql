-- Reads and writes of a run of UTC days by day, dataset, reader and kind of process, and the rows that are neither, by reason.
-- Grain: one row per day, dataset, reader and kind of process (`fate` kept); one per day and other fate and rule,
-- where columns after `rows` say nothing. `rows` adds up to the rows of each day: a row is counted at its source when that counts, else at
-- its target.
-- A read is one distinct (workspace, coalesce(statement_id, entity_run_id, event_id), source dataset); `runs` are the
-- distinct runs (workspace and id) among those that did not fail.
-- Parameters: :table_lineage, :query_history, :first_day, :last_day, :history_from, :history_to, :principal, :own_tables (one a line),
-- :excluded_*, :included_*, :*_rules. Columns: miner.schemas.USAGE.
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
    t.entity_run_id AS entity_run_id,
    t.entity_metadata.job_info.job_run_id AS job_run_id,
    t.entity_metadata.dlt_pipeline_info.dlt_update_id AS update_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    process_id_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_id,
    unquoted(t.source_table_catalog) AS source_catalog,
    unquoted(t.source_table_schema) AS source_schema,
    clean_name(unquoted(t.source_table_name)) AS source_name,
    clean_path(t.source_path) AS source_location,
    t.source_type AS source_type,
    unquoted(t.target_table_catalog) AS target_catalog,
    unquoted(t.target_table_schema) AS target_schema,
    clean_name(unquoted(t.target_table_name)) AS target_name,
    clean_path(t.target_path) AS target_location,
    t.target_type AS target_type,
    nullif(t.created_by, '') AS created_by,
    coalesce(t.direct_access, TRUE) AS direct,
    t.event_time AS event_time
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
folded AS (
  SELECT
    *,
    lowered(source_catalog) AS from_catalog, lowered(source_schema) AS from_schema, lowered(source_name) AS from_name,
    CASE WHEN source_name IS NULL THEN source_location END AS from_path,
    lowered(target_catalog) AS to_catalog, lowered(target_schema) AS to_schema, lowered(target_name) AS to_name,
    CASE WHEN target_name IS NULL THEN target_location END AS to_path,
    -- The run of a job's notebook is the job's: what the notebook calls its run is one command.
    coalesce(
      CASE WHEN process_kind = 'job' THEN job_run_id WHEN process_kind = 'pipeline' THEN update_id END, entity_run_id
    ) AS run_id
  FROM events
),
checked AS (
  SELECT
    *,
    excluded_end(from_catalog, from_schema, from_name, from_path) AS source_excluded,
    excluded_end(to_catalog, to_schema, to_name, to_path) AS target_excluded
  FROM folded
),
judged AS (
  SELECT
    *,
    usage_fate(
      workspace_id, process_kind, created_by, source_excluded, target_excluded,
      from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path) AS fate,
    source_excluded IS NULL AND coalesce(from_name, from_path) IS NOT NULL AS source_counts,
    target_excluded IS NULL AND coalesce(to_name, to_path) IS NOT NULL AS target_counts,
    same_dataset(
      from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path) AS to_itself
  FROM checked
),
-- A row is counted at its source, and once more at its target.
ends AS (
  SELECT
    day,
    fate,
    row_rule(
      fate, workspace_id, process_kind, source_excluded, from_catalog, from_schema, from_name, from_path,
      target_excluded, to_catalog, to_schema, to_name, to_path) AS rule,
    CASE WHEN fate = 'kept' THEN metastore_id END AS metastore_id,
    CASE WHEN fate <> 'kept' THEN NULL WHEN at_source THEN from_catalog ELSE to_catalog END AS catalog,
    CASE WHEN fate <> 'kept' THEN NULL WHEN at_source THEN from_schema ELSE to_schema END AS schema,
    CASE WHEN fate <> 'kept' THEN NULL WHEN at_source THEN from_name ELSE to_name END AS name,
    CASE WHEN fate <> 'kept' THEN NULL WHEN at_source THEN from_path ELSE to_path END AS path,
    CASE WHEN fate = 'kept' THEN workspace_id END AS workspace_id,
    CASE WHEN fate = 'kept' THEN unit END AS unit,
    run_id, statement_id, created_by, process_kind, process_id, event_time,
    CASE WHEN at_source THEN source_type ELSE target_type END AS type,
    CASE WHEN at_source THEN spelling(source_catalog, source_schema, source_name, source_location)
      ELSE spelling(target_catalog, target_schema, target_name, target_location) END AS spelled,
    CASE WHEN at_source THEN CASE WHEN source_name IS NOT NULL THEN source_location END
      WHEN target_name IS NOT NULL THEN target_location END AS location,
    CASE WHEN at_source OR NOT source_counts THEN 1 ELSE 0 END AS row_count,
    at_source AND direct AND NOT to_itself AS direct_read,
    at_source AND NOT direct AND NOT to_itself AS indirect_read,
    to_itself AS self_read,
    NOT at_source AS written
  -- Not a UNION ALL: engines read the table once for each, or keep all of its rows.
  FROM judged LATERAL VIEW explode(array(TRUE, FALSE)) sides AS at_source
  WHERE CASE WHEN at_source THEN fate <> 'kept' OR source_counts ELSE fate = 'kept' AND target_counts END
),
units AS (
  SELECT
    day, fate, rule, metastore_id, catalog, schema, name, path, workspace_id, unit,
    max(statement_id) AS statement_id,
    max(run_id) AS run_id,
    max(created_by) AS created_by,
    max(process_kind) AS process_kind,
    max(process_id) AS process_id,
    -- Structures, not max_by: of two events at one instant the same one must win every time.
    max(named_struct('at', event_time, 'spelled', spelled)) AS last_spelled,
    max(CASE WHEN type IS NOT NULL THEN named_struct('at', event_time, 'type', type) END) AS last_typed,
    min(location) AS first_location,
    max(location) AS last_location,
    sum(row_count) AS row_count,
    bool_or(direct_read) AS direct_read,
    bool_or(indirect_read) AS indirect_read,
    bool_or(self_read) AS self_read,
    bool_or(written) AS written,
    max(CASE WHEN direct_read THEN event_time END) AS read_at,
    max(CASE WHEN written THEN event_time END) AS written_at,
    max(event_time) AS event_time,
    count(CASE WHEN direct_read THEN 1 END) AS events
  FROM ends
  GROUP BY day, fate, rule, metastore_id, catalog, schema, name, path, workspace_id, unit
),
told AS (
  SELECT
    units.*,
    lowered(trim(coalesce(
      statements.executed_by,
      CASE WHEN units.process_kind IN ('dashboard', 'legacy_dashboard')
        THEN concat('dashboard:', units.process_id) END,
      units.created_by, ''))) AS reader,
    coalesce(statements.execution_status IN ('FAILED', 'CANCELED'), FALSE) AS failed
  FROM units
  LEFT JOIN statements
    ON statements.workspace_id = units.workspace_id AND statements.statement_id = units.statement_id
    -- A day's figures must not depend on the days it is mined with.
    AND units.day >= date_sub(statements.began, 1) AND units.day <= date_add(statements.began, 1)
),
counted AS (
  SELECT
    day, fate, rule, metastore_id, catalog, schema, name, path,
    CASE WHEN fate = 'kept' THEN reader END AS reader,
    CASE WHEN fate = 'kept' THEN process_kind END AS process_kind,
    max(last_spelled) AS last_spelled,
    max(last_typed) AS last_typed,
    min(first_location) AS first_location,
    max(last_location) AS last_location,
    cast(sum(row_count) AS BIGINT) AS row_count,
    count(CASE WHEN direct_read AND NOT failed THEN 1 END) AS reads,
    count(CASE WHEN direct_read AND failed THEN 1 END) AS failed_reads,
    count(CASE WHEN indirect_read THEN 1 END) AS indirect_reads,
    count(CASE WHEN self_read THEN 1 END) AS self_reads,
    count(CASE WHEN written THEN 1 END) AS writes,
    cast(sum(events) AS BIGINT) AS events,
    count(DISTINCT CASE WHEN direct_read AND NOT failed THEN concat(workspace_id, '/', run_id) END) AS runs,
    max(CASE WHEN NOT failed THEN read_at END) AS last_read_at,
    max(written_at) AS last_write_at
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
  last_typed.type AS dataset_type,
  CASE WHEN fate = 'kept' THEN last_spelled.spelled END AS dataset_spelling,
  last_spelled.at AS dataset_seen_at,
  first_location,
  last_location,
  reader,
  process_kind,
  reads,
  cast(0 AS BIGINT) AS cached_reads,
  failed_reads,
  indirect_reads,
  self_reads,
  writes,
  events,
  runs,
  last_read_at,
  last_write_at
FROM counted
