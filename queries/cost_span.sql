-- First and last UTC day that something is billed for.
-- Grain: one row. Parameters: :billing_usage. Columns: first, last (dates, NULL when the table is empty).
-- https://docs.databricks.com/aws/en/admin/system-tables/billing
SELECT min(u.usage_date) AS first, max(u.usage_date) AS last
FROM IDENTIFIER(:billing_usage) AS u
