-- What the lineage events of some days are made of.
-- Grain: one row per metastore and kind of process.
-- `by_path` counts events with an end that is a path without a table's name, `untold_access` those that do not tell
-- direct access from access through a view.
-- Parameters: :table_lineage, :first_day, :last_day. Columns: queries.preflight.looks.MIX.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT
  t.metastore_id AS metastore_id,
  process_kind(
    t.entity_metadata.alert_id, t.entity_metadata.genie_space_id, t.entity_metadata.dashboard_id,
    t.entity_metadata.legacy_dashboard_id, t.entity_metadata.dlt_pipeline_info.dlt_pipeline_id,
    t.entity_metadata.job_info.job_id, t.entity_metadata.notebook_id, t.entity_metadata.sql_query_id,
    t.entity_type, t.entity_id) AS process_kind,
  count(*) AS rows,
  cast(count_if(t.statement_id IS NOT NULL) AS BIGINT) AS with_statement,
  cast(count_if(
    (unquoted(t.source_table_name) IS NULL AND t.source_path IS NOT NULL)
    OR (unquoted(t.target_table_name) IS NULL AND t.target_path IS NOT NULL)) AS BIGINT) AS by_path,
  cast(count_if(t.direct_access IS NULL) AS BIGINT) AS untold_access,
  max(t.event_time) AS last_event
FROM IDENTIFIER(:table_lineage) AS t
WHERE t.event_date >= :first_day AND t.event_date <= :last_day
GROUP BY 1, 2
