-- The warehouse's clock.
-- Grain: one row. Parameters: none. Columns: now (an instant).
-- https://docs.databricks.com/aws/en/sql/language-manual/functions/current_timestamp
SELECT current_timestamp() AS now
