-- Statements of the query history by UTC day and workspace.
-- Parameters: :query_history, :history_from, :history_to (instants, the second one excluded).
-- Columns: miner.schemas.TOTALS. The table has no column to partition it by: it is bounded by the time of the start.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
SELECT cast(h.start_time AS DATE) AS day, coalesce(h.workspace_id, '') AS workspace_id, count(*) AS rows
FROM IDENTIFIER(:query_history) AS h
WHERE h.start_time >= :history_from AND h.start_time < :history_to
GROUP BY 1, 2
ORDER BY 1, 2
