-- First and last UTC day that a lineage table holds.
-- Parameters: :lineage_table. Columns: first, last (dates, NULL when the table is empty).
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT min(t.event_date) AS first, max(t.event_date) AS last
FROM IDENTIFIER(:lineage_table) AS t
