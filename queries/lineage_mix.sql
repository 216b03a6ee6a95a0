-- What the lineage events of some days are made of.
-- Grain: one row per metastore and kind of process.
-- `by_path` counts events with an end that is a path without a table's name, `untold_access` those that do not tell
-- direct access from access through a view, `outside` those that are out of scope with all that they name.
-- Parameters: :table_lineage, :first_day, :last_day, :principal, :own_tables, :excluded_*, :included_*.
-- Columns: queries.preflight.looks.MIX.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
WITH events AS (
  SELECT
    t.metastore_id AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    t.statement_id AS statement_id,
    t.created_by AS created_by,
    t.direct_access AS direct_access,
    t.event_time AS event_time,
    folded(t.source_table_catalog) AS from_catalog,
    folded(t.source_table_schema) AS from_schema,
    clean_name(folded(t.source_table_name)) AS from_name,
    path_unless_named(t.source_table_name, t.source_path) AS from_path,
    folded(t.target_table_catalog) AS to_catalog,
    folded(t.target_table_schema) AS to_schema,
    clean_name(folded(t.target_table_name)) AS to_name,
    path_unless_named(t.target_table_name, t.target_path) AS to_path
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :first_day AND t.event_date <= :last_day
),
judged AS (
  SELECT
    *,
    usage_fate(
      workspace_id, process_kind, created_by, excluded_end(from_catalog, from_schema, from_name, from_path),
      excluded_end(to_catalog, to_schema, to_name, to_path),
      from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path) AS fate
  FROM events
)
SELECT
  metastore_id,
  process_kind,
  count(*) AS rows,
  cast(count_if(statement_id IS NOT NULL) AS BIGINT) AS with_statement,
  cast(count_if(from_path IS NOT NULL OR to_path IS NOT NULL) AS BIGINT) AS by_path,
  cast(count_if(direct_access IS NULL) AS BIGINT) AS untold_access,
  cast(count_if(fate LIKE 'excluded%' OR fate LIKE 'not_included%') AS BIGINT) AS outside,
  max(event_time) AS last_event
FROM judged
GROUP BY metastore_id, process_kind
