-- What jobs are called: the latest version of each, also of those that are deleted since, because lineage outlives them.
-- Grain: one row per workspace and job id. Parameters: :jobs. Columns: miner.schemas.LABELS.
-- https://docs.databricks.com/aws/en/admin/system-tables/jobs
SELECT
  'job' AS kind,
  coalesce(j.workspace_id, '') AS workspace_id,
  j.job_id AS item_id,
  -- A structure, not max_by: of two versions of one instant the same one must win every time.
  max(named_struct('at', coalesce(j.change_time, timestamp '1970-01-01'), 'name', trim(j.name))).name AS name,
  max(coalesce(j.change_time, timestamp '1970-01-01')) AS changed_at
FROM IDENTIFIER(:jobs) AS j
WHERE j.job_id IS NOT NULL AND trim(j.name) <> ''
GROUP BY coalesce(j.workspace_id, ''), j.job_id
