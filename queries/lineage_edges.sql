-- Edges of one UTC day, and the rows that make none, by reason.
-- Grain: one row per edge, fate (kept, indirect) and what is told of its process; one per other fate and rule, where
-- every column after `rows` is NULL. `rows` adds up to the day's rows.
-- Parameters: :table_lineage, :day, :excluded_* (one regular expression each), :*_rules (one a line).
-- Columns: miner.schemas.EDGES.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH events AS (
  SELECT
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    process_kind(
      t.entity_metadata.alert_id, t.entity_metadata.genie_space_id, t.entity_metadata.dashboard_id,
      t.entity_metadata.legacy_dashboard_id, t.entity_metadata.dlt_pipeline_info.dlt_pipeline_id,
      t.entity_metadata.job_info.job_id, t.entity_metadata.notebook_id, t.entity_metadata.sql_query_id,
      t.entity_type, t.entity_id) AS process_kind,
    process_id(
      t.entity_metadata.alert_id, t.entity_metadata.genie_space_id, t.entity_metadata.dashboard_id,
      t.entity_metadata.legacy_dashboard_id, t.entity_metadata.dlt_pipeline_info.dlt_pipeline_id,
      t.entity_metadata.job_info.job_id, t.entity_metadata.notebook_id, t.entity_metadata.sql_query_id,
      t.entity_type, t.entity_id) AS process_id,
    t.entity_metadata.notebook_id AS notebook_id,
    t.entity_metadata.job_info.job_id AS job_id,
    t.entity_metadata.dlt_pipeline_info.dlt_pipeline_id AS pipeline_id,
    folded(t.source_table_catalog) AS source_catalog,
    folded(t.source_table_schema) AS source_schema,
    clean_name(folded(t.source_table_name)) AS source_name,
    CASE WHEN unquoted(t.source_table_name) IS NULL THEN clean_path(t.source_path) END AS source_path,
    folded(t.target_table_catalog) AS target_catalog,
    folded(t.target_table_schema) AS target_schema,
    clean_name(folded(t.target_table_name)) AS target_name,
    CASE WHEN unquoted(t.target_table_name) IS NULL THEN clean_path(t.target_path) END AS target_path,
    t.direct_access AS direct_access,
    count(*) AS row_count
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date = :day
  GROUP BY ALL
),
checked AS (
  SELECT
    *,
    excluded_end(source_catalog, source_schema, source_name, source_path) AS source_excluded,
    excluded_end(target_catalog, target_schema, target_name, target_path) AS target_excluded
  FROM events
),
judged AS (
  SELECT
    *,
    row_fate(
      workspace_id, process_kind, source_excluded, target_excluded,
      source_catalog, source_schema, source_name, source_path,
      target_catalog, target_schema, target_name, target_path, direct_access) AS fate
  FROM checked
),
dropped AS (
  SELECT
    fate,
    row_rule(
      fate, workspace_id, process_kind, source_excluded, source_catalog, source_schema, source_name, source_path,
      target_excluded, target_catalog, target_schema, target_name, target_path) AS rule,
    row_count
  FROM judged
  WHERE fate NOT IN ('kept', 'indirect')
)
SELECT
  fate,
  cast(NULL AS STRING) AS rule,
  row_count AS rows,
  edge_key(
    metastore_id, workspace_id, process_kind,
    coalesce(process_id, spelling(target_catalog, target_schema, target_name, target_path)),
    source_catalog, source_schema, source_name, source_path,
    target_catalog, target_schema, target_name, target_path) AS edge_key,
  metastore_id,
  workspace_id,
  process_kind,
  coalesce(process_id, spelling(target_catalog, target_schema, target_name, target_path)) AS process_id,
  notebook_id,
  job_id,
  pipeline_id,
  source_catalog,
  source_schema,
  source_name,
  source_path,
  target_catalog,
  target_schema,
  target_name,
  target_path,
  coalesce(direct_access, FALSE) AS verified
FROM judged
WHERE fate IN ('kept', 'indirect')
UNION ALL
SELECT
  fate, rule, cast(sum(row_count) AS BIGINT),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM dropped
GROUP BY fate, rule
