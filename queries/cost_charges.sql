-- What all SQL warehouses of the account cost by list prices, whoever used them: the other side of the balance of money.
-- Grain: one row per day, UTC hour and currency. Parameters: :billing_usage, :list_prices, :first_day, :last_day.
-- Columns: miner.schemas.CHARGES; amounts in billionths of the currency's unit.
-- ORIGINAL, RETRACTION and RESTATEMENT rows are summed: a retraction is negative.
-- https://docs.databricks.com/aws/en/admin/system-tables/billing
-- https://docs.databricks.com/aws/en/admin/system-tables/pricing
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
    u.usage_metadata.warehouse_id AS warehouse_id,
    u.usage_start_time AS began,
    sum(u.usage_quantity) AS quantity
  FROM IDENTIFIER(:billing_usage) AS u
  WHERE u.usage_date >= :first_day AND u.usage_date <= :last_day AND u.usage_metadata.warehouse_id <> ''
  GROUP BY ALL
),
rated AS (
  SELECT
    metered.day, metered.workspace_id, metered.warehouse_id, metered.sku_name, metered.cloud, metered.usage_unit,
    metered.began, prices.currency,
    max(metered.quantity) AS quantity,
    max(named_struct('since', prices.since, 'price', prices.price)).price AS price
  FROM metered
  JOIN prices
    ON prices.sku_name = metered.sku_name AND prices.cloud = metered.cloud
    AND prices.usage_unit = metered.usage_unit
    AND prices.since <= metered.began AND (prices.until IS NULL OR metered.began < prices.until)
  WHERE prices.price IS NOT NULL
  GROUP BY
    metered.day, metered.workspace_id, metered.warehouse_id, metered.sku_name, metered.cloud, metered.usage_unit,
    metered.began, prices.currency
)
SELECT
  day,
  hour_of_day(hour_begin(millis(began))) AS hour,
  currency,
  cast(sum(charge(quantity, price)) AS BIGINT) AS amount
FROM rated
GROUP BY 1, 2, 3
