-- The thousand tables that were read most in some days, directly, without those left out by the settings.
-- Grain: one row per metastore and table. A read is one statement, run or event, as in usage_daily.sql.
-- Parameters: :table_lineage, :first_day, :last_day, :excluded_*, :included_*.
-- Columns: miner.schemas.MOST_READ, most reads first.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH events AS (
  SELECT
    coalesce(t.metastore_id, '') AS metastore_id,
    folded(t.source_table_catalog) AS catalog,
    folded(t.source_table_schema) AS schema,
    clean_name(folded(t.source_table_name)) AS name,
    t.source_type AS type,
    concat_ws(char(31), t.workspace_id, coalesce(t.statement_id, t.entity_run_id, t.event_id)) AS unit
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day AND coalesce(t.direct_access, TRUE)
)
SELECT metastore_id, catalog, schema, name, max(type) AS type, count(DISTINCT unit) AS reads
FROM events
WHERE name IS NOT NULL AND NOT incomplete(catalog, schema, name)
  AND excluded_end(catalog, schema, name, cast(NULL AS STRING)) IS NULL
GROUP BY metastore_id, catalog, schema, name
ORDER BY reads DESC, metastore_id, catalog, schema, name
LIMIT 1000
