-- Edges of a run of UTC days within one month, and the balance of all rows by reason.
-- Grain: one row per edge, fate (kept, indirect) and what is told of its process, with the days it was active as bits
-- (bit 0 is the first of the month); and one row per fate and rule with its rows by day of the month, where every other
-- column is NULL.
-- Parameters: :table_lineage, :first_day, :last_day, :excluded_* (one regular expression each), :*_rules (one a line).
-- Columns: miner.schemas.EDGES.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH raw AS (
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
    day(t.event_date) AS on_day
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
events AS (
  SELECT
    * EXCEPT (on_day),
    bit_or(shiftleft(1, on_day - 1)) AS day_bits,
    count(*) AS row_count,
    -- Rows by day of the month: a run of days never leaves its month.
    count_if(on_day = 1) AS d01, count_if(on_day = 2) AS d02, count_if(on_day = 3) AS d03, count_if(on_day = 4) AS d04,
    count_if(on_day = 5) AS d05, count_if(on_day = 6) AS d06, count_if(on_day = 7) AS d07, count_if(on_day = 8) AS d08,
    count_if(on_day = 9) AS d09, count_if(on_day = 10) AS d10, count_if(on_day = 11) AS d11, count_if(on_day = 12) AS d12,
    count_if(on_day = 13) AS d13, count_if(on_day = 14) AS d14, count_if(on_day = 15) AS d15, count_if(on_day = 16) AS d16,
    count_if(on_day = 17) AS d17, count_if(on_day = 18) AS d18, count_if(on_day = 19) AS d19, count_if(on_day = 20) AS d20,
    count_if(on_day = 21) AS d21, count_if(on_day = 22) AS d22, count_if(on_day = 23) AS d23, count_if(on_day = 24) AS d24,
    count_if(on_day = 25) AS d25, count_if(on_day = 26) AS d26, count_if(on_day = 27) AS d27, count_if(on_day = 28) AS d28,
    count_if(on_day = 29) AS d29, count_if(on_day = 30) AS d30, count_if(on_day = 31) AS d31
  FROM raw
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
balance AS (
  SELECT
    fate,
    row_rule(
      fate, workspace_id, process_kind, source_excluded, source_catalog, source_schema, source_name, source_path,
      target_excluded, target_catalog, target_schema, target_name, target_path) AS rule,
    d01, d02, d03, d04, d05, d06, d07, d08, d09, d10, d11, d12, d13, d14, d15,
    d16, d17, d18, d19, d20, d21, d22, d23, d24, d25, d26, d27, d28, d29, d30,
    d31
  FROM judged
)
SELECT
  fate,
  cast(NULL AS STRING) AS rule,
  cast(NULL AS ARRAY<BIGINT>) AS rows_by_day,
  row_count AS rows,
  cast(day_bits AS BIGINT) AS day_bits,
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
  fate, rule,
  cast(array(
    sum(d01), sum(d02), sum(d03), sum(d04), sum(d05), sum(d06), sum(d07), sum(d08), sum(d09),
    sum(d10), sum(d11), sum(d12), sum(d13), sum(d14), sum(d15), sum(d16), sum(d17), sum(d18),
    sum(d19), sum(d20), sum(d21), sum(d22), sum(d23), sum(d24), sum(d25), sum(d26), sum(d27),
    sum(d28), sum(d29), sum(d30), sum(d31)) AS ARRAY<BIGINT>),
  0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM balance
GROUP BY fate, rule
