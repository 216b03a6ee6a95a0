-- First and last UTC day on which a statement of the query history began.
-- Parameters: :query_history. Columns: first, last (dates, NULL when the table is empty).
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
SELECT cast(min(h.start_time) AS DATE) AS first, cast(max(h.start_time) AS DATE) AS last
FROM IDENTIFIER(:query_history) AS h
