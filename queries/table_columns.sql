-- Columns of some tables of one catalog, as information_schema knows them.
-- Grain: one row per column. Parameters: :information_schema_columns, :catalog (folded), :wanted (`schema.table`, folded,
-- one a line). Names may hold dots, so that a few tables more may be told.
-- Columns: miner.schemas.TABLE_COLUMNS.
-- https://docs.databricks.com/aws/en/sql/language-manual/information-schema/columns
SELECT
  folded(c.table_catalog) AS catalog,
  folded(c.table_schema) AS schema,
  folded(c.table_name) AS name,
  cast(c.ordinal_position AS BIGINT) AS position,
  c.column_name AS column_name,
  coalesce(c.full_data_type, c.data_type) AS data_type
FROM IDENTIFIER(:information_schema_columns) AS c
WHERE lowered(c.table_catalog) = :catalog
  AND array_contains(split(:wanted, '\n'), concat(folded(c.table_schema), '.', folded(c.table_name)))
