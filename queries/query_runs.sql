-- Statements of the query history of a run of UTC days (those they began on), by day, what they say, what they read
-- directly, who ran them, by what kind of process, with which client, on which warehouse.
-- Grain: one row per day, dataset, fingerprint, reader, kind of process, client and warehouse; statements count once for
-- each dataset that they read directly, and once in all, where the dataset is NULL. Per day and dataset, only
-- fingerprints that are among the :most most popular, slowest, most expensive or most failing ones have rows of their
-- own; the others are one row without fingerprint. Then one row per day, fate and rule, where other columns say nothing.
-- Figures of time and volume are those of runs, which neither failed nor came from the result cache.
-- Parameters: :query_history, :table_lineage, :day_start, :day_end (instants, the second one excluded), :lineage_from,
-- :lineage_to (days to look for what was read), :most, :text_length (characters of text; 0 for none), :tag_name,
-- :tag_value, :principal, :own_tables (one a line), :excluded_*, :included_*, :*_rules. Columns: miner.schemas.QUERY_RUNS.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH statements AS (
  SELECT
    cast(h.start_time AS DATE) AS day,
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    count(*) AS row_count,
    max(h.statement_text) AS statement_text,
    upper(coalesce(max(h.statement_type), '')) AS statement_type,
    max(nullif(h.executed_by, '')) AS executed_by,
    max(process_kind(
      h.query_source.alert_id, h.query_source.genie_space_id, h.query_source.dashboard_id,
      h.query_source.legacy_dashboard_id, h.query_source.pipeline_info.pipeline_id, h.query_source.job_info.job_id,
      h.query_source.notebook_id, h.query_source.sql_query_id, cast(NULL AS STRING), cast(NULL AS STRING)))
      AS process_kind,
    max(coalesce(nullif(h.query_source.dashboard_id, ''), h.query_source.legacy_dashboard_id)) AS dashboard_id,
    coalesce(max(h.client_application), '') AS client,
    coalesce(max(h.compute.warehouse_id), '') AS warehouse,
    max(h.execution_status) AS status,
    max(h.cache_origin_statement_id) AS origin,
    bool_or(h.from_result_cache) AS from_cache,
    bool_or(try_element_at(h.query_tags, :tag_name) = :tag_value) AS tagged,
    max(h.total_duration_ms) AS duration_ms,
    max(h.total_task_duration_ms) AS task_ms,
    max(h.read_bytes) AS read_bytes,
    max(h.read_rows) AS read_rows,
    max(h.produced_rows) AS produced_rows,
    max(h.start_time) AS started_at
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :day_start AND h.start_time < :day_end
  GROUP BY cast(h.start_time AS DATE), coalesce(h.workspace_id, ''), h.statement_id
),
said AS (
  SELECT
    *,
    CASE WHEN statement_text <> '<REDACTED>'
      THEN nullif(plain_statement(substring(statement_text, 1, 50000)), '') END AS plain
  FROM statements
),
judged AS (
  SELECT
    *,
    statement_fate(workspace_id, process_kind, statement_id, executed_by, tagged, plain) AS fate,
    md5(concat_ws(char(31), statement_type, coalesce(plain, ''))) AS fingerprint,
    lowered(trim(coalesce(
      executed_by,
      CASE WHEN process_kind IN ('dashboard', 'legacy_dashboard') THEN concat('dashboard:', dashboard_id) END,
      ''))) AS reader,
    CASE WHEN status = 'FAILED' THEN 'failed' WHEN status = 'CANCELED' THEN 'cancelled' WHEN from_cache THEN 'cached'
      ELSE 'run' END AS outcome
  FROM said
),
counted AS (
  SELECT * FROM judged WHERE fate IN ('kept', 'no_text')
),
events AS (
  SELECT
    t.event_date AS day,
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    folded(t.source_table_catalog) AS from_catalog,
    folded(t.source_table_schema) AS from_schema,
    clean_name(folded(t.source_table_name)) AS from_name,
    path_unless_named(t.source_table_name, t.source_path) AS from_path,
    folded(t.target_table_catalog) AS to_catalog,
    folded(t.target_table_schema) AS to_schema,
    clean_name(folded(t.target_table_name)) AS to_name,
    path_unless_named(t.target_table_name, t.target_path) AS to_path,
    nullif(t.created_by, '') AS created_by
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :lineage_from AND t.event_date <= :lineage_to
    AND t.statement_id IS NOT NULL
    AND coalesce(t.direct_access, TRUE)
),
checked AS (
  SELECT
    *,
    excluded_end(from_catalog, from_schema, from_name, from_path) AS source_excluded,
    excluded_end(to_catalog, to_schema, to_name, to_path) AS target_excluded
  FROM events
),
-- What usage counts as read directly.
reads AS (
  SELECT day, metastore_id, workspace_id, statement_id, from_catalog, from_schema, from_name, from_path
  FROM checked
  WHERE source_excluded IS NULL AND coalesce(from_name, from_path) IS NOT NULL
    AND NOT same_dataset(
      from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path)
    AND usage_fate(
      workspace_id, process_kind, created_by, source_excluded, target_excluded,
      from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path) = 'kept'
),
-- Whose lineage tells what a statement read: its own, and that of the statement that filled the cache.
looks AS (
  SELECT day, workspace_id, statement_id, statement_id AS teller, date_add(day, 1) AS last_day
  FROM counted
  UNION ALL
  SELECT day, workspace_id, statement_id, origin, day
  FROM counted
  WHERE outcome = 'cached'
),
touched AS (
  SELECT DISTINCT
    looks.day, looks.workspace_id, looks.statement_id, reads.metastore_id, reads.from_catalog AS catalog,
    reads.from_schema AS schema, reads.from_name AS name, reads.from_path AS path
  FROM looks
  JOIN reads ON reads.workspace_id = looks.workspace_id AND reads.statement_id = looks.teller
    -- A day's figures must not depend on the days it is mined with.
    AND reads.day >= date_sub(looks.day, 1) AND reads.day <= looks.last_day
),
ran AS (
  SELECT
    counted.*, cast(NULL AS STRING) AS metastore_id, cast(NULL AS STRING) AS catalog, cast(NULL AS STRING) AS schema,
    cast(NULL AS STRING) AS name, cast(NULL AS STRING) AS path
  FROM counted
  UNION ALL
  SELECT counted.*, touched.metastore_id, touched.catalog, touched.schema, touched.name, touched.path
  FROM counted
  JOIN touched ON touched.day = counted.day AND touched.workspace_id = counted.workspace_id
    AND touched.statement_id = counted.statement_id
),
timed AS (
  SELECT
    *,
    avg(CASE WHEN outcome = 'run' THEN duration_ms END) OVER (
      PARTITION BY day, metastore_id, catalog, schema, name, path, fingerprint) AS mean
  FROM ran
),
grouped AS (
  SELECT
    day, metastore_id, catalog, schema, name, path, fingerprint, statement_type, reader, process_kind, client, warehouse,
    max(plain) AS plain,
    count(CASE WHEN outcome = 'run' THEN 1 END) AS runs,
    count(CASE WHEN outcome = 'cached' THEN 1 END) AS cached_runs,
    count(CASE WHEN outcome = 'failed' THEN 1 END) AS failed_runs,
    count(CASE WHEN outcome = 'cancelled' THEN 1 END) AS cancelled_runs,
    coalesce(sum(CASE WHEN outcome = 'run' THEN duration_ms END), 0) AS duration_ms,
    coalesce(max(CASE WHEN outcome = 'run' THEN duration_ms END), 0) AS longest_ms,
    coalesce(sum(CASE WHEN outcome = 'run' THEN task_ms END), 0) AS task_ms,
    coalesce(sum(CASE WHEN outcome = 'run' THEN read_bytes END), 0) AS read_bytes,
    coalesce(sum(CASE WHEN outcome = 'run' THEN read_rows END), 0) AS read_rows,
    coalesce(sum(CASE WHEN outcome = 'run' THEN produced_rows END), 0) AS produced_rows,
    max(started_at) AS last_run_at,
    max(mean) AS mean
  FROM timed
  GROUP BY
    day, metastore_id, catalog, schema, name, path, fingerprint, statement_type, reader, process_kind, client, warehouse
),
summed AS (
  SELECT
    *,
    sum(runs + cached_runs) OVER (
      PARTITION BY day, metastore_id, catalog, schema, name, path, fingerprint) AS asked,
    sum(failed_runs + cancelled_runs) OVER (
      PARTITION BY day, metastore_id, catalog, schema, name, path, fingerprint) AS failing,
    sum(task_ms) OVER (PARTITION BY day, metastore_id, catalog, schema, name, path, fingerprint) AS work,
    sum(read_bytes) OVER (PARTITION BY day, metastore_id, catalog, schema, name, path, fingerprint) AS volume
  FROM grouped
),
ranked AS (
  SELECT
    *,
    least(
      dense_rank() OVER (
        PARTITION BY day, metastore_id, catalog, schema, name, path ORDER BY asked DESC, fingerprint),
      dense_rank() OVER (
        PARTITION BY day, metastore_id, catalog, schema, name, path ORDER BY mean DESC NULLS LAST, asked DESC, fingerprint),
      dense_rank() OVER (
        PARTITION BY day, metastore_id, catalog, schema, name, path ORDER BY work DESC, volume DESC, asked DESC, fingerprint),
      dense_rank() OVER (
        PARTITION BY day, metastore_id, catalog, schema, name, path ORDER BY failing DESC, asked DESC, fingerprint)
    ) <= :most AS own_row
  FROM summed
),
folded_rows AS (
  SELECT
    day, metastore_id, catalog, schema, name, path,
    CASE WHEN own_row THEN fingerprint END AS fingerprint,
    CASE WHEN own_row THEN statement_type END AS statement_type,
    CASE WHEN own_row THEN plain END AS plain,
    CASE WHEN own_row THEN reader END AS reader,
    CASE WHEN own_row THEN process_kind END AS process_kind,
    CASE WHEN own_row THEN client END AS client,
    CASE WHEN own_row THEN warehouse END AS warehouse,
    cast(sum(runs) AS BIGINT) AS runs,
    cast(sum(cached_runs) AS BIGINT) AS cached_runs,
    cast(sum(failed_runs) AS BIGINT) AS failed_runs,
    cast(sum(cancelled_runs) AS BIGINT) AS cancelled_runs,
    cast(sum(duration_ms) AS BIGINT) AS duration_ms,
    cast(max(longest_ms) AS BIGINT) AS longest_ms,
    cast(sum(task_ms) AS BIGINT) AS task_ms,
    cast(sum(read_bytes) AS BIGINT) AS read_bytes,
    cast(sum(read_rows) AS BIGINT) AS read_rows,
    cast(sum(produced_rows) AS BIGINT) AS produced_rows,
    max(last_run_at) AS last_run_at
  FROM ranked
  GROUP BY ALL
)
SELECT
  day,
  cast(NULL AS STRING) AS fate,
  cast(NULL AS STRING) AS rule,
  cast(0 AS BIGINT) AS rows,
  metastore_id,
  CASE WHEN metastore_id IS NOT NULL THEN dataset_key(metastore_id, catalog, schema, name, path) END AS dataset_key,
  catalog AS dataset_catalog,
  schema AS dataset_schema,
  name AS dataset_name,
  path AS dataset_path,
  fingerprint,
  statement_type,
  -- A text once: many rows have it.
  CASE WHEN row_number() OVER (
    PARTITION BY fingerprint
    ORDER BY day, metastore_id, catalog, schema, name, path, reader, process_kind, client, warehouse) = 1
    THEN nullif(substring(plain, 1, :text_length), '') END AS text,
  reader,
  process_kind,
  client,
  warehouse,
  runs,
  cached_runs,
  failed_runs,
  cancelled_runs,
  duration_ms,
  longest_ms,
  task_ms,
  read_bytes,
  read_rows,
  produced_rows,
  last_run_at
FROM folded_rows
UNION ALL
SELECT
  day,
  fate,
  CASE
    WHEN fate = 'excluded_workspace' THEN rule_of(workspace_id, :workspace_rules)
    WHEN fate = 'excluded_process_kind' THEN rule_of(process_kind, :kind_rules) END AS rule,
  cast(sum(row_count) AS BIGINT) AS rows,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM judged
GROUP BY ALL
