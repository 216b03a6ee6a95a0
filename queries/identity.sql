-- Who the warehouse takes the miner for, and the metastore it reads (`<cloud>:<region>:<id>`). Databricks alone answers it.
-- Grain: one row. Parameters: none. Columns: principal, metastore.
-- https://docs.databricks.com/aws/en/sql/language-manual/functions/current_user
-- https://docs.databricks.com/aws/en/sql/language-manual/functions/current_metastore
SELECT current_user() AS principal, current_metastore() AS metastore
