-- Column sets of one UTC day by edge, and the rows that give none, by reason.
-- Grain: one row per edge with column pairs; one per other fate and rule, where every column after `rows` is NULL.
-- `rows` adds up to the day's rows. A set's content is its sorted pairs, each column with its length before it and its
-- case kept; its key is the content's MD5.
-- Parameters: :column_lineage, :day, :content ('all', 'none', or 'wanted': only the sets listed in :wanted, one a line),
-- :excluded_*, :*_rules. Columns: miner.schemas.COLUMN_SETS.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH pairs AS (
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
    folded(t.source_table_catalog) AS source_catalog,
    folded(t.source_table_schema) AS source_schema,
    clean_name(folded(t.source_table_name)) AS source_name,
    CASE WHEN unquoted(t.source_table_name) IS NULL THEN clean_path(t.source_path) END AS source_path,
    folded(t.target_table_catalog) AS target_catalog,
    folded(t.target_table_schema) AS target_schema,
    clean_name(folded(t.target_table_name)) AS target_name,
    CASE WHEN unquoted(t.target_table_name) IS NULL THEN clean_path(t.target_path) END AS target_path,
    coalesce(t.direct_access, TRUE) AS direct_access,
    nullif(t.source_column_name, '') AS source_column,
    nullif(t.target_column_name, '') AS target_column,
    count(*) AS row_count
  FROM IDENTIFIER(:column_lineage) AS t
  WHERE t.event_date = :day
  GROUP BY ALL
),
events AS (
  SELECT
    metastore_id, workspace_id, process_kind, process_id,
    source_catalog, source_schema, source_name, source_path, target_catalog, target_schema, target_name, target_path,
    direct_access,
    source_column IS NOT NULL AND target_column IS NOT NULL AS paired,
    array_join(array_sort(collect_list(concat(part(source_column), part(target_column)))), '') AS content,
    cast(sum(row_count) AS BIGINT) AS row_count
  FROM pairs
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
    CASE WHEN fate = 'kept' THEN 'no_column' ELSE fate END AS fate,
    row_rule(
      fate, workspace_id, process_kind, source_excluded, source_catalog, source_schema, source_name, source_path,
      target_excluded, target_catalog, target_schema, target_name, target_path) AS rule,
    row_count
  FROM judged
  WHERE fate <> 'kept' OR NOT paired
),
sets AS (
  SELECT
    row_count AS rows,
    edge_key(
      metastore_id, workspace_id, process_kind,
      coalesce(process_id, spelling(target_catalog, target_schema, target_name, target_path)),
      source_catalog, source_schema, source_name, source_path,
      target_catalog, target_schema, target_name, target_path) AS edge_key,
    md5(content) AS set_key,
    content
  FROM judged
  WHERE fate = 'kept' AND paired
)
SELECT
  'kept' AS fate,
  cast(NULL AS STRING) AS rule,
  rows,
  edge_key,
  set_key,
  CASE WHEN :content <> 'none' THEN content END AS content
FROM sets
WHERE :content <> 'wanted' OR array_contains(split(:wanted, '\n'), set_key)
UNION ALL
SELECT fate, rule, cast(sum(row_count) AS BIGINT), NULL, NULL, NULL
FROM dropped
GROUP BY fate, rule
