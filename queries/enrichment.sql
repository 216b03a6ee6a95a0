-- The statements of a run of UTC days on both sides of the join of lineage and query history: those that are on both,
-- and those on one alone. Nothing is left out by scope.
-- Grain: one row per day, side and fate that has any. `rows` are distinct statements (workspace and id) of the day, or,
-- where fate is `no_statement_id`, rows of the table. A statement is on both sides when they are a day apart at most.
-- Parameters: :table_lineage, :query_history, :first_day, :last_day, :lineage_from, :lineage_to (days), :history_from,
-- :history_to (instants, the second one excluded). Columns: miner.schemas.ENRICHMENT.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
WITH statements AS (
  SELECT
    cast(h.start_time AS DATE) AS day,
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    count(*) AS row_count
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
  GROUP BY ALL
),
events AS (
  SELECT
    t.event_date AS day,
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
    count(*) AS row_count
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :lineage_from AND t.event_date <= :lineage_to
  GROUP BY ALL
),
pairs AS (
  SELECT events.day AS event_day, statements.day AS statement_day, events.workspace_id, events.statement_id
  FROM events
  JOIN statements ON statements.workspace_id = events.workspace_id AND statements.statement_id = events.statement_id
    AND statements.day >= date_sub(events.day, 1) AND statements.day <= date_add(events.day, 1)
),
told AS (
  SELECT
    events.day,
    'lineage_statements' AS side,
    CASE
      WHEN events.statement_id IS NULL THEN 'no_statement_id'
      WHEN matched.statement_id IS NULL THEN 'not_in_history'
      ELSE 'in_history' END AS fate,
    CASE WHEN events.statement_id IS NULL THEN events.row_count ELSE 1 END AS counted
  FROM events
  LEFT JOIN (SELECT DISTINCT event_day, workspace_id, statement_id FROM pairs) AS matched
    ON matched.event_day = events.day AND matched.workspace_id = events.workspace_id
    AND matched.statement_id = events.statement_id
  UNION ALL
  SELECT
    statements.day,
    'history_statements',
    CASE
      WHEN statements.statement_id IS NULL THEN 'no_statement_id'
      WHEN matched.statement_id IS NULL THEN 'not_in_lineage'
      ELSE 'in_lineage' END,
    CASE WHEN statements.statement_id IS NULL THEN statements.row_count ELSE 1 END
  FROM statements
  LEFT JOIN (SELECT DISTINCT statement_day, workspace_id, statement_id FROM pairs) AS matched
    ON matched.statement_day = statements.day AND matched.workspace_id = statements.workspace_id
    AND matched.statement_id = statements.statement_id
)
SELECT day, side, fate, cast(sum(counted) AS BIGINT) AS rows
FROM told
WHERE day >= :first_day AND day <= :last_day
GROUP BY ALL
