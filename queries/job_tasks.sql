-- The tasks that jobs have now: the latest version of each, without those that were deleted.
-- Grain: one row per workspace, job id and task key. Parameters: :job_tasks. Columns: miner.schemas.JOB_TASKS.
-- https://docs.databricks.com/aws/en/admin/system-tables/jobs
SELECT
  coalesce(k.workspace_id, '') AS workspace_id,
  k.job_id AS job_id,
  k.task_key AS task_key
FROM IDENTIFIER(:job_tasks) AS k
WHERE k.job_id IS NOT NULL AND k.task_key <> ''
GROUP BY coalesce(k.workspace_id, ''), k.job_id, k.task_key
HAVING NOT max(named_struct(
  'at', coalesce(k.change_time, timestamp '1970-01-01'), 'deleted', k.delete_time IS NOT NULL)).deleted
