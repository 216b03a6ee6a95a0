-- The metastores that lineage of a run of UTC days tells of: information_schema speaks of its own one and does not name it.
-- Grain: one row per metastore. Parameters: :table_lineage, :first_day, :last_day. Columns: metastore_id.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT DISTINCT coalesce(t.metastore_id, '') AS metastore_id
FROM IDENTIFIER(:table_lineage) AS t
WHERE t.event_date >= :first_day AND t.event_date <= :last_day
ORDER BY 1
