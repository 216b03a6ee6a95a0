-- Rows of one lineage table by UTC day and workspace, filtered by day alone: the other side of the balance.
-- Parameters: :lineage_table, :first_day, :last_day. Columns: miner.schemas.TOTALS.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT t.event_date AS day, coalesce(t.workspace_id, '') AS workspace_id, count(*) AS rows
FROM IDENTIFIER(:lineage_table) AS t
WHERE t.event_date >= :first_day AND t.event_date <= :last_day
GROUP BY t.event_date, coalesce(t.workspace_id, '')
ORDER BY t.event_date, coalesce(t.workspace_id, '')
