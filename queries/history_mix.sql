-- Whether the query history shows SQL texts, and the miner's own statements with their tag. No text leaves the
-- warehouse.
-- Grain: one row. `redacted` texts are masked for readers without the right to see them, `untexted` ones are empty, as
-- with customer-managed keys. `own` counts statements of the principal's, `tagged` those with the miner's tag.
-- Parameters: :query_history, :history_from, :history_to (instants, the second one excluded), :principal,
-- :tag_name, :tag_value. Columns: queries.preflight.looks.HISTORY_MIX.
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
SELECT
  count(*) AS rows,
  cast(coalesce(count_if(h.statement_text = '<REDACTED>'), 0) AS BIGINT) AS redacted,
  cast(coalesce(count_if(coalesce(h.statement_text, '') = ''), 0) AS BIGINT) AS untexted,
  cast(coalesce(count_if(lowered(h.executed_by) = lowered(:principal)), 0) AS BIGINT) AS own,
  cast(coalesce(count_if(try_element_at(h.query_tags, :tag_name) = :tag_value), 0) AS BIGINT) AS tagged,
  max(h.start_time) AS last_event
FROM IDENTIFIER(:query_history) AS h
WHERE h.start_time >= :history_from AND h.start_time < :history_to
