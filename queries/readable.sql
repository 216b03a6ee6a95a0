-- Nothing, from any table: asked only to see whether it may be read.
-- Grain: none. Parameters: :any_table. Columns: one.
SELECT 1 AS one
FROM IDENTIFIER(:any_table) AS t
WHERE 1 = 0
