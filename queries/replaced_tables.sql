-- Tables that a statement of type REPLACE made anew, by UTC day, and the edges into them whose last event of that day was
-- before the last such statement: what these brought is gone.
-- A replacement counts from its first event on, so that its own edges stay. That of a run's temporary table is not told of:
-- it replaces nothing that stays.
-- Grain: one row per day and table, and one per day and such an edge.
-- Parameters: :table_lineage, :query_history, :first_day, :last_day, :history_from, :history_to.
-- Columns: miner.schemas.REPLACED.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
WITH replacing AS (
  SELECT coalesce(h.workspace_id, '') AS workspace_id, h.statement_id AS statement_id
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
    AND h.statement_type = 'REPLACE'
    AND coalesce(h.execution_status, 'FINISHED') = 'FINISHED'
),
targets AS (
  SELECT
    t.event_date AS day,
    coalesce(t.metastore_id, '') AS metastore_id,
    -- All the same within a group: as aggregates they keep what is asked of them from being asked of every row of the table.
    folded(max(t.target_table_catalog)) AS catalog,
    folded(max(t.target_table_schema)) AS schema,
    folded(max(t.target_table_name)) AS name,
    replacing.workspace_id AS workspace_id,
    replacing.statement_id AS statement_id,
    min(t.event_time) AS since
  FROM IDENTIFIER(:table_lineage) AS t
  JOIN replacing ON replacing.statement_id = t.statement_id AND replacing.workspace_id = coalesce(t.workspace_id, '')
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
  GROUP BY
    t.event_date, coalesce(t.metastore_id, ''), t.target_table_catalog, t.target_table_schema, t.target_table_name,
    replacing.workspace_id, replacing.statement_id
),
began AS (
  SELECT day, metastore_id, catalog, schema, name, min(since) AS since
  FROM targets
  WHERE NOT incomplete(catalog, schema, name) AND clean_name(name) = name
  GROUP BY day, metastore_id, catalog, schema, name, workspace_id, statement_id
),
replaced AS (
  SELECT day, metastore_id, catalog, schema, name, max(since) AS since
  FROM began
  GROUP BY day, metastore_id, catalog, schema, name
),
into_replaced AS (
  SELECT
    replaced.day AS day,
    replaced.since AS since,
    t.event_time AS event_time,
    replaced.metastore_id AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    process_id_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_id,
    folded(t.source_table_catalog) AS source_catalog,
    folded(t.source_table_schema) AS source_schema,
    clean_name(folded(t.source_table_name)) AS source_name,
    path_unless_named(t.source_table_name, t.source_path) AS source_path,
    replaced.catalog AS target_catalog,
    replaced.schema AS target_schema,
    replaced.name AS target_name
  FROM IDENTIFIER(:table_lineage) AS t
  JOIN replaced ON replaced.day = t.event_date
    -- Folding in full is for a few letters that no name has, and takes longer than all the rest.
    AND replaced.name = lower(trim(BOTH '`' FROM t.target_table_name))
    AND replaced.schema = lower(trim(BOTH '`' FROM t.target_table_schema))
    AND replaced.catalog = lower(trim(BOTH '`' FROM t.target_table_catalog))
    AND replaced.metastore_id = coalesce(t.metastore_id, '')
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
superseded AS (
  SELECT * EXCEPT (event_time)
  FROM into_replaced
  GROUP BY ALL
  HAVING max(event_time) < max(since) AND count(coalesce(source_name, source_path)) > 0
)
SELECT day, dataset_key(metastore_id, catalog, schema, name, NULL) AS dataset_key, cast(NULL AS STRING) AS edge_key
FROM replaced
UNION ALL
SELECT
  day,
  dataset_key(metastore_id, target_catalog, target_schema, target_name, NULL),
  edge_key(
    metastore_id, workspace_id, process_kind,
    coalesce(process_id, spelling(target_catalog, target_schema, target_name, NULL)),
    source_catalog, source_schema, source_name, source_path,
    target_catalog, target_schema, target_name,
    end_path(workspace_id, process_kind, process_id, target_name, NULL))
FROM superseded
