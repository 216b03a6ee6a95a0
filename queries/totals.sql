-- Rows of one lineage table on one UTC day by workspace, filtered by day alone: the other side of the balance.
-- Parameters: :lineage_table, :day. Columns: miner.schemas.TOTALS.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT coalesce(t.workspace_id, '') AS workspace_id, count(*) AS rows
FROM IDENTIFIER(:lineage_table) AS t
WHERE t.event_date = :day
GROUP BY coalesce(t.workspace_id, '')
ORDER BY coalesce(t.workspace_id, '')
