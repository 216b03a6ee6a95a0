-- What pipelines are called: the latest version of each, also of those that are deleted since.
-- Grain: one row per workspace and pipeline id. Parameters: :pipelines. Columns: miner.schemas.LABELS.
-- https://docs.databricks.com/aws/en/admin/system-tables/jobs
SELECT
  'pipeline' AS kind,
  coalesce(p.workspace_id, '') AS workspace_id,
  p.pipeline_id AS item_id,
  max(named_struct('at', coalesce(p.change_time, timestamp '1970-01-01'), 'name', trim(p.name))).name AS name,
  max(coalesce(p.change_time, timestamp '1970-01-01')) AS changed_at
FROM IDENTIFIER(:pipelines) AS p
WHERE p.pipeline_id IS NOT NULL AND trim(p.name) <> ''
GROUP BY coalesce(p.workspace_id, ''), p.pipeline_id
