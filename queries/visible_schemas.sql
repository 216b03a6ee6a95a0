-- The schemas of one catalog that the principal may use. A schema of system tables that is not enabled is not among them.
-- Grain: one row per schema. Parameters: :schemata, :catalog (folded). Columns: schema (folded).
-- https://docs.databricks.com/aws/en/sql/language-manual/information-schema/schemata
SELECT lower(t.schema_name) AS schema
FROM IDENTIFIER(:schemata) AS t
WHERE lower(t.catalog_name) = :catalog
GROUP BY 1
ORDER BY 1
