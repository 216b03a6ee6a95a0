-- Column pairs of a run of at most sixteen UTC days within one month by edge, and the rows that give none, by reason.
-- Grain: one row per edge and the days (as bits, bit 0 is the first of the month) on which the same pairs were seen,
-- those pairs together as a set; one per other fate and rule. Rows by day of the run; `rows` is their sum and adds up
-- to the table's rows. A set's content is its sorted pairs, each column with its length before it and its
-- case kept; its key is the content's MD5.
-- Parameters: :column_lineage, :first_day, :last_day, :content ('all', 'none', or 'wanted': only the sets listed in :wanted, one a line),
-- :excluded_*, :included_*, :*_rules. Columns: miner.schemas.COLUMN_SETS.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH raw AS (
  SELECT
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    process_id_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_id,
    folded(t.source_table_catalog) AS source_catalog,
    folded(t.source_table_schema) AS source_schema,
    clean_name(folded(t.source_table_name)) AS source_name,
    path_unless_named(t.source_table_name, t.source_path) AS source_path,
    folded(t.target_table_catalog) AS target_catalog,
    folded(t.target_table_schema) AS target_schema,
    clean_name(folded(t.target_table_name)) AS target_name,
    path_unless_named(t.target_table_name, t.target_path) AS target_path,
    coalesce(t.direct_access, TRUE) AS direct_access,
    nullif(t.source_column_name, '') AS source_column,
    nullif(t.target_column_name, '') AS target_column,
    day(t.event_date) AS on_day,
    datediff(t.event_date, :first_day) AS place
  FROM IDENTIFIER(:column_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
pairs AS (
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
events AS (
  SELECT
    metastore_id, workspace_id, process_kind, process_id,
    source_catalog, source_schema, source_name, source_path, target_catalog, target_schema, target_name, target_path,
    direct_access, day_bits,
    source_column IS NOT NULL AND target_column IS NOT NULL AS paired,
    array_join(array_sort(collect_list(concat(part(source_column), part(target_column)))), '') AS content,
    sum(row_count) AS row_count,
    sum(d01) AS d01, sum(d02) AS d02, sum(d03) AS d03, sum(d04) AS d04, sum(d05) AS d05, sum(d06) AS d06,
    sum(d07) AS d07, sum(d08) AS d08, sum(d09) AS d09, sum(d10) AS d10, sum(d11) AS d11, sum(d12) AS d12,
    sum(d13) AS d13, sum(d14) AS d14, sum(d15) AS d15, sum(d16) AS d16
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
    row_count,
    d01, d02, d03, d04, d05, d06, d07, d08, d09, d10, d11, d12, d13, d14, d15, d16
  FROM judged
  WHERE fate <> 'kept' OR NOT paired
),
sets AS (
  SELECT
    cast(row_count AS BIGINT) AS rows,
    cast(array(
      d01, d02, d03, d04, d05, d06, d07, d08, d09, d10, d11, d12, d13, d14, d15, d16) AS ARRAY<BIGINT>) AS rows_by_day,
    cast(day_bits AS BIGINT) AS day_bits,
    edge_key(
      metastore_id, workspace_id, process_kind,
      coalesce(process_id, spelling(target_catalog, target_schema, target_name, target_path)),
      source_catalog, source_schema, source_name, source_path,
      target_catalog, target_schema, target_name,
      end_path(workspace_id, process_kind, process_id, target_name, target_path)) AS edge_key,
    md5(content) AS set_key,
    content
  FROM judged
  WHERE fate = 'kept' AND paired
)
SELECT
  'kept' AS fate,
  cast(NULL AS STRING) AS rule,
  rows_by_day,
  rows,
  day_bits,
  edge_key,
  set_key,
  CASE WHEN :content <> 'none' THEN content END AS content
FROM sets
WHERE :content <> 'wanted' OR array_contains(split(:wanted, '\n'), set_key)
UNION ALL
SELECT
  fate, rule,
  cast(array(
    sum(d01), sum(d02), sum(d03), sum(d04), sum(d05), sum(d06), sum(d07), sum(d08), sum(d09),
    sum(d10), sum(d11), sum(d12), sum(d13), sum(d14), sum(d15), sum(d16)) AS ARRAY<BIGINT>),
  cast(sum(row_count) AS BIGINT), NULL, NULL, NULL, NULL
FROM dropped
GROUP BY fate, rule
