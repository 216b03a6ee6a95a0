-- Job ids that are one-time runs, each with its latest run's name: such an id is no identity.
-- Grain: one row per workspace and job id. Parameters: :job_run_timeline, :first_day, :end_day (exclusive).
-- Columns: miner.schemas.ONE_TIME_RUNS.
-- https://docs.databricks.com/aws/en/admin/system-tables/jobs
SELECT
  coalesce(r.workspace_id, '') AS workspace_id,
  r.job_id AS job_id,
  max(CASE WHEN r.run_name <> '' THEN named_struct('at', r.period_start_time, 'name', r.run_name) END).name AS run_name
FROM IDENTIFIER(:job_run_timeline) AS r
WHERE r.period_start_time >= :first_day
  AND r.period_start_time < :end_day
  AND r.job_id IS NOT NULL
  AND r.run_type IN ('SUBMIT_RUN', 'WORKFLOW_RUN')
GROUP BY coalesce(r.workspace_id, ''), r.job_id
