-- What dbt says it built with a statement that nothing else tells of: its model, by the target of the statement.
-- Grain: one row per workspace and target of a run of UTC days, the latest model of each.
-- Parameters: :table_lineage, :query_history, :first_day, :last_day, :history_from, :history_to. Columns: miner.schemas.LABELS.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
-- https://docs.getdbt.com/reference/resource-configs/databricks-configs
WITH models AS (
  SELECT
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    max(try_element_at(h.query_tags, '@@dbt_model_name')) AS model
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
    AND h.statement_id IS NOT NULL
    AND try_element_at(h.query_tags, '@@dbt_model_name') <> ''
  GROUP BY coalesce(h.workspace_id, ''), h.statement_id
),
written AS (
  SELECT
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
    t.event_time AS event_time,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS kind,
    spelling(
      folded(t.target_table_catalog), folded(t.target_table_schema), clean_name(folded(t.target_table_name)),
      clean_path(t.target_path)) AS target
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day AND t.statement_id IS NOT NULL
)
SELECT
  written.kind AS kind,
  written.workspace_id AS workspace_id,
  written.target AS item_id,
  concat('dbt model ', max(named_struct('at', written.event_time, 'model', models.model)).model) AS name,
  max(written.event_time) AS changed_at
FROM written
JOIN models ON models.workspace_id = written.workspace_id AND models.statement_id = written.statement_id
WHERE written.kind = 'ad_hoc' AND written.target IS NOT NULL
GROUP BY written.kind, written.workspace_id, written.target
