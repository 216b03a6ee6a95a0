-- List cost of a run of UTC days: what became of every row of billing.usage, of every hour's cost, and what each dataset bore.
-- Grain: one row per day, fate and rule (part `rows`); per day, UTC hour, currency and fate (part `hour`); per day, dataset
-- and currency (part `dataset`). All amounts of an hour add up to what cost_charges.sql finds for it, to the last digit.
-- The cost of a warehouse's hour is laid on the statements that worked in it, by their share of the work; a statement's
-- cost in equal parts on the datasets that it read directly.
-- Parameters: :billing_usage, :list_prices, :query_history, :table_lineage, :warehouse_events, :first_day, :last_day,
-- :history_from, :history_to, :lineage_from, :lineage_to, :events_from, :events_to, :principal, :own_tables (one a line),
-- :excluded_*, :included_*, :workspace_rules. Columns: miner.schemas.COSTS; amounts in billionths of the currency's unit.
-- https://docs.databricks.com/aws/en/admin/system-tables/billing
-- https://docs.databricks.com/aws/en/admin/system-tables/pricing
-- https://docs.databricks.com/aws/en/admin/system-tables/query-history
-- https://docs.databricks.com/aws/en/admin/system-tables/warehouse-events
WITH prices AS (
  SELECT
    p.sku_name AS sku_name, p.cloud AS cloud, p.usage_unit AS usage_unit, p.currency_code AS currency,
    p.price_start_time AS since, p.price_end_time AS until,
    list_price(p.pricing.effective_list.`default`, p.pricing.promotional.`default`, p.pricing.`default`) AS price
  FROM IDENTIFIER(:list_prices) AS p
),
metered AS (
  SELECT
    u.usage_date AS day, u.sku_name AS sku_name, u.cloud AS cloud, u.usage_unit AS usage_unit,
    coalesce(u.workspace_id, '') AS workspace_id,
    nullif(u.usage_metadata.warehouse_id, '') AS warehouse_id,
    CASE WHEN u.usage_metadata.warehouse_id <> '' THEN u.usage_start_time END AS began,
    sum(u.usage_quantity) AS quantity,
    count(*) AS row_count
  FROM IDENTIFIER(:billing_usage) AS u
  WHERE u.usage_date >= :first_day AND u.usage_date <= :last_day
  GROUP BY ALL
),
-- Billing is told for the whole account, history and lineage for one region: a workspace is in it that shows a statement
-- or an event on the day, the day before or after.
seen AS (
  SELECT coalesce(h.workspace_id, '') AS workspace_id, cast(h.start_time AS DATE) AS day
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
  UNION
  SELECT coalesce(t.workspace_id, ''), t.event_date
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :lineage_from AND t.event_date <= :lineage_to
),
judged AS (
  SELECT
    metered.day, metered.workspace_id, metered.warehouse_id, metered.sku_name, metered.cloud, metered.usage_unit,
    metered.began,
    max(metered.quantity) AS quantity,
    max(metered.row_count) AS row_count,
    CASE
      WHEN metered.warehouse_id IS NULL THEN 'no_warehouse'
      WHEN metered.workspace_id RLIKE :excluded_workspaces THEN 'excluded_workspace'
      WHEN NOT metered.workspace_id RLIKE :included_workspaces THEN 'not_included_workspace'
      WHEN max(seen.workspace_id) IS NULL THEN 'elsewhere'
      ELSE 'kept' END AS fate
  FROM metered
  LEFT JOIN seen
    ON seen.workspace_id = metered.workspace_id
    AND seen.day >= date_sub(metered.day, 1) AND seen.day <= date_add(metered.day, 1)
  GROUP BY
    metered.day, metered.workspace_id, metered.warehouse_id, metered.sku_name, metered.cloud, metered.usage_unit,
    metered.began
),
rated AS (
  SELECT
    judged.day, judged.workspace_id, judged.warehouse_id, judged.sku_name, judged.cloud, judged.usage_unit,
    judged.began, judged.fate, prices.currency,
    max(judged.quantity) AS quantity,
    max(judged.row_count) AS row_count,
    -- Of two prices that claim one time, the later one.
    max(named_struct('since', prices.since, 'price', prices.price)).price AS price
  FROM judged
  LEFT JOIN prices
    ON prices.sku_name = judged.sku_name AND prices.cloud = judged.cloud AND prices.usage_unit = judged.usage_unit
    AND prices.since <= judged.began AND (prices.until IS NULL OR judged.began < prices.until)
    AND prices.price IS NOT NULL
  GROUP BY
    judged.day, judged.workspace_id, judged.warehouse_id, judged.sku_name, judged.cloud, judged.usage_unit,
    judged.began, judged.fate, prices.currency
),
-- A row with prices in two currencies is one row all the same.
fates AS (
  SELECT
    day, workspace_id, max(row_count) AS row_count,
    CASE WHEN fate = 'kept' AND max(currency) IS NULL THEN 'no_price' ELSE fate END AS fate
  FROM rated
  GROUP BY day, workspace_id, warehouse_id, sku_name, cloud, usage_unit, began, fate
),
hours AS (
  SELECT
    day, fate, workspace_id, warehouse_id, currency,
    hour_begin(millis(began)) AS begin_ms,
    cast(sum(charge(quantity, price)) AS BIGINT) AS amount
  FROM rated
  WHERE currency IS NOT NULL
  GROUP BY day, fate, workspace_id, warehouse_id, currency, hour_begin(millis(began))
),
statements AS (
  SELECT
    coalesce(h.workspace_id, '') AS workspace_id,
    h.statement_id AS statement_id,
    max(h.compute.warehouse_id) AS warehouse_id,
    cast(min(h.start_time) AS DATE) AS began,
    millis(min(h.start_time)) AS from_ms,
    greatest(millis(max(h.end_time)), millis(min(h.start_time)) + 1) AS to_ms,
    max(h.total_task_duration_ms)
      + coalesce(max(h.result_fetch_duration_ms), 0) + coalesce(max(h.compilation_duration_ms), 0) AS work_ms
  FROM IDENTIFIER(:query_history) AS h
  WHERE h.start_time >= :history_from AND h.start_time < :history_to
    AND h.statement_id IS NOT NULL AND h.total_task_duration_ms > 0
  GROUP BY ALL
),
worked AS (
  SELECT
    hours.day, hours.workspace_id, hours.warehouse_id, hours.currency, hours.begin_ms, hours.amount,
    statements.statement_id,
    greatest(statements.from_ms, hours.begin_ms) AS from_ms,
    least(statements.to_ms, hours.begin_ms + 3600000) AS to_ms,
    -- Thousandths of milliseconds, as if the work were spread evenly over the time that the statement took.
    cast(ceil(
      cast(statements.work_ms AS DOUBLE) * 1000
      * overlap(statements.from_ms, statements.to_ms, hours.begin_ms, hours.begin_ms + 3600000)
      / (statements.to_ms - statements.from_ms)) AS BIGINT) AS work
  FROM hours
  JOIN statements
    ON statements.workspace_id = hours.workspace_id AND statements.warehouse_id = hours.warehouse_id
    AND statements.from_ms < hours.begin_ms + 3600000 AND statements.to_ms > hours.begin_ms
    -- A day's figures must not depend on the days it is mined with.
    AND statements.began >= date_sub(hours.day, 1)
  WHERE hours.fate = 'kept'
),
busy AS (
  SELECT day, workspace_id, warehouse_id, currency, begin_ms, sum(greatest(to_ms - greatest(from_ms, before_ms), 0)) AS busy_ms
  FROM (
    SELECT
      *,
      coalesce(max(to_ms) OVER (
        PARTITION BY day, workspace_id, warehouse_id, currency, begin_ms ORDER BY from_ms, to_ms, statement_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before_ms
    FROM worked
  ) AS spans
  GROUP BY day, workspace_id, warehouse_id, currency, begin_ms
),
-- From each event to the next one the warehouse is as the event says.
states AS (
  SELECT
    coalesce(e.workspace_id, '') AS workspace_id,
    e.warehouse_id AS warehouse_id,
    e.event_type AS event_type,
    millis(e.event_time) AS from_ms,
    lead(millis(e.event_time)) OVER (
      PARTITION BY coalesce(e.workspace_id, ''), e.warehouse_id ORDER BY e.event_time, e.event_type) AS to_ms
  FROM IDENTIFIER(:warehouse_events) AS e
  WHERE e.event_time >= :events_from AND e.event_time < :events_to
),
up AS (
  SELECT
    busy.day, busy.workspace_id, busy.warehouse_id, busy.currency, busy.begin_ms,
    sum(overlap(
      states.from_ms, coalesce(states.to_ms, busy.begin_ms + 3600000), busy.begin_ms, busy.begin_ms + 3600000)) AS up_ms
  FROM busy
  JOIN states
    ON states.workspace_id = busy.workspace_id AND states.warehouse_id = busy.warehouse_id
    AND states.from_ms < busy.begin_ms + 3600000 AND coalesce(states.to_ms, busy.begin_ms + 3600000) > busy.begin_ms
    -- Thirty days, whatever days this one is mined with.
    AND states.from_ms >= busy.begin_ms - 2592000000
  WHERE states.event_type IN ('RUNNING', 'SCALED_UP', 'SCALED_DOWN')
  GROUP BY busy.day, busy.workspace_id, busy.warehouse_id, busy.currency, busy.begin_ms
),
laid AS (
  SELECT
    hours.day, hours.workspace_id, hours.warehouse_id, hours.currency, hours.begin_ms, hours.amount,
    CASE
      WHEN busy.busy_ms IS NULL THEN 0
      WHEN up.up_ms > busy.busy_ms THEN up_to(hours.amount, cast(busy.busy_ms AS DOUBLE) / up.up_ms)
      ELSE hours.amount END AS used,
    busy.busy_ms IS NULL AS unused
  FROM hours
  LEFT JOIN busy
    ON busy.day = hours.day AND busy.workspace_id = hours.workspace_id AND busy.warehouse_id = hours.warehouse_id
    AND busy.currency = hours.currency AND busy.begin_ms = hours.begin_ms
  LEFT JOIN up
    ON up.day = hours.day AND up.workspace_id = hours.workspace_id AND up.warehouse_id = hours.warehouse_id
    AND up.currency = hours.currency AND up.begin_ms = hours.begin_ms
  WHERE hours.fate = 'kept'
),
shares AS (
  SELECT
    worked.day, worked.workspace_id, worked.currency, worked.begin_ms, worked.statement_id, laid.used, worked.work,
    cast(sum(worked.work) OVER (
      PARTITION BY worked.day, worked.workspace_id, worked.warehouse_id, worked.currency, worked.begin_ms
      ORDER BY worked.statement_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS upto,
    cast(sum(worked.work) OVER (
      PARTITION BY worked.day, worked.workspace_id, worked.warehouse_id, worked.currency, worked.begin_ms
    ) AS BIGINT) AS whole
  FROM worked
  JOIN laid
    ON laid.day = worked.day AND laid.workspace_id = worked.workspace_id AND laid.warehouse_id = worked.warehouse_id
    AND laid.currency = worked.currency AND laid.begin_ms = worked.begin_ms
),
costs AS (
  SELECT
    day, workspace_id, currency, begin_ms, statement_id,
    up_to(used, cast(upto AS DOUBLE) / whole) - up_to(used, cast(upto - work AS DOUBLE) / whole) AS amount
  FROM shares
),
events AS (
  SELECT
    t.event_date AS day,
    coalesce(t.metastore_id, '') AS metastore_id,
    coalesce(t.workspace_id, '') AS workspace_id,
    t.statement_id AS statement_id,
    process_kind_of(t.entity_metadata, t.entity_type, t.entity_id) AS process_kind,
    nullif(t.created_by, '') AS created_by,
    folded(t.source_table_catalog) AS catalog,
    folded(t.source_table_schema) AS schema,
    clean_name(folded(t.source_table_name)) AS name,
    path_unless_named(t.source_table_name, t.source_path) AS path,
    folded(t.target_table_catalog) AS to_catalog,
    folded(t.target_table_schema) AS to_schema,
    clean_name(folded(t.target_table_name)) AS to_name,
    path_unless_named(t.target_table_name, t.target_path) AS to_path
  FROM IDENTIFIER(:table_lineage) AS t
  WHERE t.event_date >= :lineage_from AND t.event_date <= :lineage_to
    AND t.statement_id IS NOT NULL
    AND coalesce(t.direct_access, TRUE)
),
reads AS (
  SELECT
    day, workspace_id, statement_id, metastore_id, catalog, schema, name, path,
    bool_or(usage_fate(
      workspace_id, process_kind, created_by, excluded_end(catalog, schema, name, path), NULL,
      catalog, schema, name, path, NULL, NULL, NULL, NULL) = 'kept') AS counts
  FROM events
  WHERE coalesce(name, path) IS NOT NULL
    AND NOT incomplete(catalog, schema, name)
    AND NOT same_dataset(catalog, schema, name, path, to_catalog, to_schema, to_name, to_path)
  GROUP BY day, workspace_id, statement_id, metastore_id, catalog, schema, name, path
),
-- The datasets of a statement, numbered: a statement over midnight may leave its rows on either day.
datasets AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY day, workspace_id, statement_id ORDER BY metastore_id, catalog, schema, name, path) AS place,
    count(*) OVER (PARTITION BY day, workspace_id, statement_id) AS places
  FROM (
    SELECT
      paid.day, reads.workspace_id, reads.statement_id, reads.metastore_id, reads.catalog, reads.schema, reads.name,
      reads.path, bool_or(reads.counts) AS counts
    FROM (SELECT DISTINCT day, workspace_id, statement_id FROM costs) AS paid
    JOIN reads
      ON reads.workspace_id = paid.workspace_id AND reads.statement_id = paid.statement_id
      AND reads.day >= date_sub(paid.day, 1) AND reads.day <= date_add(paid.day, 1)
    GROUP BY
      paid.day, reads.workspace_id, reads.statement_id, reads.metastore_id, reads.catalog, reads.schema, reads.name,
      reads.path
  ) AS read_then
),
borne AS (
  SELECT
    costs.day, costs.workspace_id, costs.currency, costs.begin_ms, costs.statement_id,
    datasets.metastore_id, datasets.catalog, datasets.schema, datasets.name, datasets.path,
    CASE WHEN datasets.places IS NULL THEN 'no_reads' WHEN datasets.counts THEN 'dataset' ELSE 'out_of_scope' END AS fate,
    CASE WHEN datasets.places IS NULL THEN costs.amount ELSE
      up_to(costs.amount, cast(datasets.place AS DOUBLE) / datasets.places)
      - up_to(costs.amount, cast(datasets.place - 1 AS DOUBLE) / datasets.places) END AS amount
  FROM costs
  LEFT JOIN datasets
    ON datasets.day = costs.day AND datasets.workspace_id = costs.workspace_id
    AND datasets.statement_id = costs.statement_id
),
hourly AS (
  SELECT day, begin_ms, currency, fate, amount FROM borne
  UNION ALL
  SELECT day, begin_ms, currency, CASE WHEN unused THEN 'no_statements' ELSE 'idle' END, amount - used FROM laid
  UNION ALL
  SELECT day, begin_ms, currency, fate, amount FROM hours WHERE fate <> 'kept'
)
SELECT
  day, 'rows' AS part, fate,
  CASE WHEN fate = 'excluded_workspace' THEN rule_of(workspace_id, :workspace_rules) END AS rule,
  cast(sum(row_count) AS BIGINT) AS rows,
  cast(NULL AS BIGINT) AS hour, cast(NULL AS STRING) AS currency, cast(NULL AS BIGINT) AS amount,
  cast(NULL AS BIGINT) AS statements, cast(NULL AS STRING) AS metastore_id, cast(NULL AS STRING) AS dataset_key,
  cast(NULL AS STRING) AS dataset_catalog, cast(NULL AS STRING) AS dataset_schema,
  cast(NULL AS STRING) AS dataset_name, cast(NULL AS STRING) AS dataset_path
FROM fates
GROUP BY day, fate, CASE WHEN fate = 'excluded_workspace' THEN rule_of(workspace_id, :workspace_rules) END
UNION ALL
SELECT
  day, 'hour', fate, NULL, NULL, hour_of_day(begin_ms), currency, cast(sum(amount) AS BIGINT), NULL,
  NULL, NULL, NULL, NULL, NULL, NULL
FROM hourly
GROUP BY day, fate, hour_of_day(begin_ms), currency
UNION ALL
SELECT
  day, 'dataset', fate, NULL, NULL, NULL, currency, cast(sum(amount) AS BIGINT),
  count(DISTINCT concat(workspace_id, char(31), statement_id)), metastore_id,
  dataset_key(metastore_id, catalog, schema, name, path), catalog, schema, name, path
FROM borne
WHERE fate = 'dataset'
GROUP BY day, fate, currency, metastore_id, catalog, schema, name, path
