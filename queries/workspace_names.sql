-- Workspaces with their names and addresses, each address with its scheme and without a slash at its end.
-- Grain: one row per workspace. Parameters: :workspaces. Columns: miner.schemas.WORKSPACES.
-- https://docs.databricks.com/aws/en/admin/system-tables/workspaces
SELECT
  w.workspace_id AS workspace_id,
  max(nullif(trim(w.workspace_name), '')) AS name,
  max(
    CASE
      WHEN lower(trim(w.workspace_url)) LIKE 'https://_%' THEN regexp_replace(trim(w.workspace_url), '/+\\z', '')
      WHEN trim(w.workspace_url) <> '' AND NOT contains(w.workspace_url, '://')
        THEN concat('https://', regexp_replace(trim(w.workspace_url), '/+\\z', '')) END) AS url
FROM IDENTIFIER(:workspaces) AS w
WHERE w.workspace_id <> ''
GROUP BY w.workspace_id
