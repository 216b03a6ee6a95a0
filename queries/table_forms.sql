-- Tables as information_schema knows them: type, where they are stored, and what a view is defined as.
-- Grain: one row per table; those left out by the settings and one run's temporary tables are not told of.
-- A location counts where the text rules leave it whole: a table in one partition's folder is not all of its parent.
-- Parameters: :information_schema_tables, :information_schema_views, :metastore_id, :excluded_*, :included_*.
-- Columns: miner.schemas.TABLE_FORMS.
-- https://docs.databricks.com/aws/en/sql/language-manual/information-schema/tables
-- https://docs.databricks.com/aws/en/sql/language-manual/information-schema/views
WITH views AS (
  SELECT
    folded(v.table_catalog) AS catalog,
    folded(v.table_schema) AS schema,
    folded(v.table_name) AS name,
    max(nullif(v.view_definition, '')) AS definition
  FROM IDENTIFIER(:information_schema_views) AS v
  GROUP BY folded(v.table_catalog), folded(v.table_schema), folded(v.table_name)
),
listed AS (
  SELECT
    folded(i.table_catalog) AS catalog,
    folded(i.table_schema) AS schema,
    folded(i.table_name) AS name,
    max(upper(i.table_type)) AS table_type,
    max(CASE WHEN clean_path(i.storage_path) = plain_path(trim(i.storage_path)) THEN clean_path(i.storage_path) END)
      AS path
  FROM IDENTIFIER(:information_schema_tables) AS i
  WHERE i.table_catalog <> '' AND i.table_schema <> '' AND i.table_name <> ''
  GROUP BY folded(i.table_catalog), folded(i.table_schema), folded(i.table_name)
)
SELECT
  :metastore_id AS metastore_id,
  listed.catalog AS catalog,
  listed.schema AS schema,
  listed.name AS name,
  -- In the words of table_lineage, where every kind of table is a TABLE.
  CASE
    WHEN listed.table_type IN ('VIEW', 'MATERIALIZED_VIEW', 'METRIC_VIEW', 'STREAMING_TABLE') THEN listed.table_type
    ELSE 'TABLE' END AS type,
  listed.table_type AS table_type,
  CASE
    WHEN listed.table_type IN ('VIEW', 'METRIC_VIEW') OR excluded_end(NULL, NULL, NULL, listed.path) IS NOT NULL THEN NULL
    ELSE listed.path END AS path,
  views.definition AS view_definition
FROM listed
LEFT JOIN views ON views.catalog = listed.catalog AND views.schema = listed.schema AND views.name = listed.name
WHERE excluded_end(listed.catalog, listed.schema, listed.name, NULL) IS NULL
  AND clean_name(listed.name) = listed.name
