-- Who the warehouse takes the miner for.
-- Grain: one row. Parameters: none. Columns: principal.
-- https://docs.databricks.com/aws/en/sql/language-manual/functions/current_user
SELECT current_user() AS principal
