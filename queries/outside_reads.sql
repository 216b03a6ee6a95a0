-- Datasets that were opened for reading past the lineage tables in a run of UTC days, as the audit log tells: by
-- recipients of a share, and by whoever was given credentials for a table's files; and the tables that are in a share.
-- Grain: one row per day, metastore and dataset (`told_by` audit; no dataset: the event does not say which); one per
-- table in a share (`told_by` share, without a day: it is so now).
-- Parameters: :audit, :table_share_usage, :first_day, :last_day, :outside_actions (one a line).
-- Columns: miner.schemas.OUTSIDE_READS.
-- https://docs.databricks.com/aws/en/admin/system-tables/audit-logs
-- https://docs.databricks.com/aws/en/delta-sharing/audit-logs
-- https://docs.databricks.com/aws/en/sql/language-manual/information-schema/table_share_usage
WITH calls AS (
  SELECT
    a.event_date AS day,
    coalesce(try_element_at(a.request_params, 'metastore_id'), '') AS metastore_id,
    lowered(replace(coalesce(
      try_element_at(a.request_params, 'table_full_name'), try_element_at(a.request_params, 'full_name_arg')),
      '`', '')) AS full_name,
    clean_path(try_element_at(a.request_params, 'url')) AS path,
    lowered(coalesce(
      try_element_at(a.request_params, 'share'), try_element_at(a.request_params, 'share_name'))) AS share,
    lowered(try_element_at(a.request_params, 'schema')) AS schema,
    lowered(try_element_at(a.request_params, 'name')) AS name
  FROM IDENTIFIER(:audit) AS a
  WHERE a.event_date >= :first_day AND a.event_date <= :last_day
    AND array_contains(split(:outside_actions, '\n'), a.action_name)
    AND coalesce(a.response.status_code, 200) = 200
    AND coalesce(try_element_at(a.request_params, 'operation'), 'READ') IN ('READ', 'PATH_READ')
),
shared AS (
  SELECT
    lowered(s.share_name) AS share,
    lowered(s.shared_as_schema) AS schema,
    lowered(s.shared_as_table) AS name,
    concat(folded(s.catalog_name), '.', folded(s.schema_name), '.', folded(s.table_name)) AS dataset
  FROM IDENTIFIER(:table_share_usage) AS s
),
told AS (
  SELECT
    calls.day,
    calls.metastore_id,
    -- A name of fewer parts is no name of a table in Unity Catalog: it may be any.
    coalesce(
      CASE WHEN calls.full_name RLIKE '^[^.]+[.][^.]+[.][^.]+$' THEN calls.full_name END, shared.dataset, calls.path
    ) AS dataset
  FROM calls
  LEFT JOIN shared ON shared.share = calls.share AND shared.schema = calls.schema AND shared.name = calls.name
)
SELECT day, metastore_id, dataset, 'audit' AS told_by, count(*) AS reads
FROM told
GROUP BY ALL
UNION ALL
SELECT DISTINCT cast(NULL AS DATE), '', dataset, 'share', cast(0 AS BIGINT)
FROM shared
