-- What the latest statement says that wrote a dataset for a job or a pipeline, of a run of UTC days, cut to so many
-- characters. Other processes are left out: what people run by hand is theirs, and what only reads writes nothing.
-- A statement that failed or was cancelled, and one whose text is empty or not shown, tells nothing.
-- Grain: one row per process and dataset that it wrote (its rows are kept as edges) with such a statement.
-- Parameters: :table_lineage, :query_history, :first_day, :last_day, :history_from, :history_to, :text_length, :excluded_*,
-- :included_*. Columns: miner.schemas.FLOW_TEXTS.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
WITH statements AS (
  SELECT
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    cast(h.start_time AS DATE) AS began,
    substring(h.statement_text, 1, :text_length) AS text
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
    AND coalesce(h.execution_status, 'FINISHED') = 'FINISHED'
    AND shows(h.statement_text)
),
events AS (
  SELECT
    t.event_date AS day,
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
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
    t.direct_access AS direct_access,
    t.event_time AS event_time
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
checked AS (
  SELECT
    *,
    excluded_end(source_catalog, source_schema, source_name, source_path) AS source_excluded,
    excluded_end(target_catalog, target_schema, target_name, target_path) AS target_excluded
  FROM events
  WHERE process_kind IN ('job', 'pipeline')
),
written AS (
  SELECT
    day,
    workspace_id,
    statement_id,
    process_key(metastore_id, workspace_id, process_kind, process_id) AS process_key,
    dataset_key(metastore_id, target_catalog, target_schema, target_name, target_path) AS dataset_key,
    max(event_time) AS at
  FROM checked
  WHERE row_fate(
    workspace_id, process_kind, source_excluded, target_excluded,
    source_catalog, source_schema, source_name, source_path,
    target_catalog, target_schema, target_name, target_path, direct_access) = 'kept'
  GROUP BY ALL
),
latest AS (
  SELECT
    written.process_key AS process_key,
    written.dataset_key AS dataset_key,
    -- A structure, not max_by: of two statements at one instant the same one must win every time.
    max(named_struct('at', written.at, 'text', statements.text)) AS said
  FROM written
  JOIN statements ON statements.workspace_id = written.workspace_id AND statements.statement_id = written.statement_id
    -- What a day tells must not depend on the days it is mined with.
    AND written.day >= date_sub(statements.began, 1) AND written.day <= date_add(statements.began, 1)
  GROUP BY written.process_key, written.dataset_key
)
SELECT process_key, dataset_key, said.at AS at, said.text AS text
FROM latest
