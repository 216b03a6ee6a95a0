-- Nothing, from any table: asked only to see whether it may be read.
-- Grain: no row. Parameters: :any_table. Columns: one.
-- https://docs.databricks.com/aws/en/admin/system-tables/
SELECT 1 AS one
FROM IDENTIFIER(:any_table) AS t
WHERE 1 = 0
