-- Rows of billing.usage by UTC day and workspace, filtered by day alone: the other side of the balance of rows.
-- Grain: one row per day and workspace. Parameters: :billing_usage, :first_day, :last_day. Columns: miner.schemas.TOTALS.
-- https://docs.databricks.com/aws/en/admin/system-tables/billing
SELECT u.usage_date AS day, coalesce(u.workspace_id, '') AS workspace_id, count(*) AS rows
FROM IDENTIFIER(:billing_usage) AS u
WHERE u.usage_date >= :first_day AND u.usage_date <= :last_day
GROUP BY u.usage_date, coalesce(u.workspace_id, '')
