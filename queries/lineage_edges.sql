-- Edges of a run of at most sixteen UTC days within one month, and the balance of all rows by reason.
-- Grain: one row per edge, fate (kept, indirect) and what is told of its process, with the days it was active as bits
-- (bit 0 is the first of the month); and one row per fate and rule with its rows by day of the run, where every other
-- column is NULL.
-- Parameters: :table_lineage, :first_day, :last_day, :excluded_* and :included_* (one regular expression each, or NULL),
-- :*_rules (one a line).
-- Columns: miner.schemas.EDGES.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH raw AS (
  SELECT
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    process_id_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_id,
    t.entity_metadata.notebook_id AS notebook_id,
    t.entity_metadata.job_info.job_id AS job_id,
    t.entity_metadata.dlt_pipeline_info.dlt_pipeline_id AS pipeline_id,
    folded(t.source_table_catalog) AS source_catalog,
    folded(t.source_table_schema) AS source_schema,
    clean_name(folded(t.source_table_name)) AS source_name,
    path_unless_named(t.source_table_name, t.source_path) AS source_path,
    folded(t.target_table_catalog) AS target_catalog,
    folded(t.target_table_schema) AS target_schema,
    clean_name(folded(t.target_table_name)) AS target_name,
    path_unless_named(t.target_table_name, t.target_path) AS target_path,
    t.direct_access AS direct_access,
    day(t.event_date) AS on_day,
    datediff(t.event_date, :first_day) AS place
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
events AS (
  SELECT
    * EXCEPT (on_day, place),
    bit_or(shiftleft(1, on_day - 1)) AS day_bits,
    count(*) AS row_count,
    -- Rows by day of the run, which has at most sixteen: each counter is memory for every group, and
    -- DuckDB counts what a filter lets through faster than what count_if finds true.
    count(*) FILTER (WHERE place = 0) AS d01, count(*) FILTER (WHERE place = 1) AS d02,
    count(*) FILTER (WHERE place = 2) AS d03, count(*) FILTER (WHERE place = 3) AS d04,
    count(*) FILTER (WHERE place = 4) AS d05, count(*) FILTER (WHERE place = 5) AS d06,
    count(*) FILTER (WHERE place = 6) AS d07, count(*) FILTER (WHERE place = 7) AS d08,
    count(*) FILTER (WHERE place = 8) AS d09, count(*) FILTER (WHERE place = 9) AS d10,
    count(*) FILTER (WHERE place = 10) AS d11, count(*) FILTER (WHERE place = 11) AS d12,
    count(*) FILTER (WHERE place = 12) AS d13, count(*) FILTER (WHERE place = 13) AS d14,
    count(*) FILTER (WHERE place = 14) AS d15, count(*) FILTER (WHERE place = 15) AS d16
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
    end_path(workspace_id, process_kind, process_id, target_name, target_path) AS end_path,
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
    d01, d02, d03, d04, d05, d06, d07, d08, d09, d10, d11, d12, d13, d14, d15, d16
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
    target_catalog, target_schema, target_name, end_path) AS edge_key,
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
  end_path AS target_path,
  coalesce(direct_access, FALSE) AS verified
FROM judged
WHERE fate IN ('kept', 'indirect')
UNION ALL
SELECT
  fate, rule,
  cast(array(
    sum(d01), sum(d02), sum(d03), sum(d04), sum(d05), sum(d06), sum(d07), sum(d08), sum(d09),
    sum(d10), sum(d11), sum(d12), sum(d13), sum(d14), sum(d15), sum(d16)) AS ARRAY<BIGINT>),
  0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM balance
GROUP BY fate, rule
