-- Reads answered from the result cache in a run of UTC days, by day and the datasets of the statement that filled the cache.
-- Grain: one row per day, dataset, reader and kind of process; only `cached_reads` and the dataset's columns are filled.
-- Parameters: :table_lineage, :query_history, :lineage_from (first day to look for origins), :last_day, :day_start, :day_end,
-- :principal, :own_tables, :excluded_*, :included_*. Columns: miner.schemas.USAGE.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
WITH hits AS (
  SELECT
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    cast(h.start_time AS DATE) AS day,
    max(h.cache_origin_statement_id) AS origin,
    max(nullif(h.executed_by, '')) AS executed_by
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :day_start AND h.start_time < :day_end
    AND h.from_result_cache
    AND h.execution_status = 'FINISHED'
    AND h.cache_origin_statement_id <> h.statement_id
  GROUP BY coalesce(h.workspace_id, ''), h.statement_id, cast(h.start_time AS DATE)
),
origins AS (
  SELECT DISTINCT
    t.event_date AS origin_day,
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    folded(t.source_table_catalog) AS catalog,
    folded(t.source_table_schema) AS schema,
    clean_name(folded(t.source_table_name)) AS name,
    path_unless_named(t.source_table_name, t.source_path) AS path
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :lineage_from AND t.event_date <= :last_day
    AND t.statement_id IS NOT NULL
    AND coalesce(t.direct_access, TRUE)
),
reads AS (
  SELECT
    hits.day, origins.metastore_id, origins.catalog, origins.schema, origins.name, origins.path,
    hits.workspace_id, hits.statement_id,
    lowered(trim(coalesce(max(hits.executed_by), ''))) AS reader,
    max(origins.process_kind) AS process_kind
  FROM hits
  JOIN origins ON origins.workspace_id = hits.workspace_id AND origins.statement_id = hits.origin
    AND origins.origin_day <= hits.day AND origins.origin_day >= date_sub(hits.day, 1)
  WHERE coalesce(origins.name, origins.path) IS NOT NULL
    AND NOT incomplete(origins.catalog, origins.schema, origins.name)
    AND excluded_end(origins.catalog, origins.schema, origins.name, origins.path) IS NULL
    AND NOT coalesce(origins.workspace_id RLIKE :excluded_workspaces, FALSE)
    AND NOT coalesce(origins.process_kind RLIKE :excluded_kinds, FALSE)
    AND coalesce(origins.workspace_id RLIKE :included_workspaces, TRUE)
    AND coalesce(origins.process_kind RLIKE :included_kinds, TRUE)
    AND NOT coalesce(
      lowered(hits.executed_by) = lowered(:principal)
      AND array_contains(
        split(:own_tables, '\n'), concat(origins.catalog, '.', origins.schema, '.', origins.name)), FALSE)
  GROUP BY
    hits.day, origins.metastore_id, origins.catalog, origins.schema, origins.name, origins.path,
    hits.workspace_id, hits.statement_id
)
SELECT
  day,
  'kept' AS fate,
  cast(NULL AS STRING) AS rule,
  cast(0 AS BIGINT) AS rows,
  metastore_id,
  dataset_key(metastore_id, catalog, schema, name, path) AS dataset_key,
  catalog AS dataset_catalog,
  schema AS dataset_schema,
  name AS dataset_name,
  path AS dataset_path,
  cast(NULL AS STRING) AS dataset_type,
  cast(NULL AS STRING) AS dataset_spelling,
  cast(NULL AS TIMESTAMP) AS dataset_seen_at,
  cast(NULL AS STRING) AS first_location,
  cast(NULL AS STRING) AS last_location,
  reader,
  process_kind,
  cast(0 AS BIGINT) AS reads,
  count(*) AS cached_reads,
  cast(0 AS BIGINT) AS failed_reads,
  cast(0 AS BIGINT) AS indirect_reads,
  cast(0 AS BIGINT) AS self_reads,
  cast(0 AS BIGINT) AS writes,
  cast(0 AS BIGINT) AS events,
  cast(0 AS BIGINT) AS runs,
  cast(NULL AS TIMESTAMP) AS last_read_at,
  cast(NULL AS TIMESTAMP) AS last_write_at
FROM reads
GROUP BY ALL
