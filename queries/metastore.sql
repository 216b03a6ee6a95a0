-- The metastore that the warehouse reads, as `<cloud>:<region>:<id>`. Databricks alone answers it.
-- Grain: one row. Parameters: none. Columns: metastore.
-- https://docs.databricks.com/aws/en/sql/language-manual/functions/current_metastore
SELECT current_metastore() AS metastore
