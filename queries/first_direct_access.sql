-- The first UTC day, of those from :first_day to :last_day, with an event that tells direct access from access through a view.
-- Grain: one row. Parameters: :table_lineage, :first_day, :last_day. Columns: first (a date, NULL when no event tells it).
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
SELECT min(t.event_date) AS first
FROM IDENTIFIER(:table_lineage) AS t
WHERE t.event_date >= :first_day AND t.event_date <= :last_day AND t.direct_access IS NOT NULL
