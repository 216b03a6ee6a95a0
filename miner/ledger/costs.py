"""List cost out of the ledger: by dataset in some days, and day by day with all that no dataset bears."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from miner import days, schemas
from miner.ledger import bulk, tables
from miner.ledger.merge import COST
from miner.ledger.walk import NAME

_BATCH_ROWS = 65_536
_KIND = "CASE WHEN d.name IS NULL THEN 'path' ELSE 'table' END"

_BY_DATASET = f"""
SELECT d.metastore_id, {_KIND}, {NAME}, c.currency, c.amount
FROM (
  SELECT coalesce(a.to_id, x.dataset_id) AS dataset, x.currency AS currency, CAST(sum(x.amount) AS BIGINT) AS amount
  FROM cost_day x LEFT JOIN temp.dataset_alias a ON a.from_id = x.dataset_id
  WHERE x.day BETWEEN %d AND %d
  GROUP BY 1, 2
) c
JOIN dataset d ON d.id = c.dataset
"""  # noqa: S608 -- our own text throughout

_BY_DAY = f"""
SELECT s.name AS source, c.day AS day, c.fate AS fate, c.currency AS currency, c.metastore_id AS metastore_id,
  c.name AS dataset, c.kind AS kind, c.amount AS amount, c.statements AS statements,
  CASE WHEN m.settled THEN 1 ELSE 0 END AS settled
FROM (
  SELECT u.source_id AS source_id, u.day AS day, 'dataset' AS fate, u.currency AS currency,
    d.metastore_id AS metastore_id, {NAME} AS name, {_KIND} AS kind, u.amount AS amount, u.statements AS statements
  FROM (
    SELECT x.source_id AS source_id, x.day AS day, coalesce(a.to_id, x.dataset_id) AS dataset, x.currency AS currency,
      CAST(sum(x.amount) AS BIGINT) AS amount, CAST(sum(x.statements) AS BIGINT) AS statements
    FROM cost_day x LEFT JOIN temp.dataset_alias a ON a.from_id = x.dataset_id
    WHERE x.day BETWEEN %(first)d AND %(last)d
    GROUP BY 1, 2, 3, 4
  ) u
  JOIN dataset d ON d.id = u.dataset
  UNION ALL
  SELECT h.source_id, h.day, h.fate, h.currency, NULL, NULL, NULL, CAST(sum(h.amount) AS BIGINT), NULL
  FROM cost_hour h
  WHERE h.day BETWEEN %(first)d AND %(last)d AND h.fate <> 'dataset'
  GROUP BY h.source_id, h.day, h.fate, h.currency
) c
JOIN source s ON s.id = c.source_id
JOIN day_mined m ON m.source_id = c.source_id AND m.day = c.day AND m.stream = 'cost'
ORDER BY s.name, c.day, c.currency, c.fate, c.amount DESC, c.metastore_id, c.name
"""  # noqa: S608 -- our own text throughout

_BILLIONTH = pa.scalar(Decimal("0.000000001"), pa.decimal128(9, 9))


def mined_days(connection: Connection) -> set[date]:
    """Days whose cost is mined whole from every source that has cost."""
    mined = tables.day_mined
    of_cost = mined.c.stream == COST
    sources = connection.execute(select(func.count(func.distinct(mined.c.source_id))).where(of_cost)).scalar_one()
    query = select(mined.c.day).where(of_cost, mined.c.whole).group_by(mined.c.day).having(func.count() == sources)
    return {days.day_of(day) for day in connection.execute(query).scalars()}


def by_dataset(connection: Connection, first: date, last: date) -> pa.Table:
    """What each dataset cost in some days (`BY_DATASET`). Call `miner.ledger.wanted.resolve` first."""
    rows = bulk.rows(connection, _BY_DATASET % (days.number(first), days.number(last)))
    return schemas.table_of(rows, BY_DATASET)


def by_day(connection: Connection, first: date, last: date) -> Iterator[pa.RecordBatch]:
    """Cost day by day as `miner.schemas.COST_REPORT`. Call `miner.ledger.wanted.resolve` first."""
    query = _BY_DAY % {"first": days.number(first), "last": days.number(last)}
    for rows in bulk.batches(connection, query, _BATCH_ROWS):
        columns = dict(zip(_READ.names, zip(*rows, strict=True), strict=True))
        told = [pa.array(columns[field.name], field.type) for field in _READ]
        table = pa.Table.from_arrays(told, schema=_READ)
        table = table.set_column(1, "day", table["day"].cast(pa.date32()))
        table = table.set_column(7, "list_cost", money(table["amount"]))
        yield from table.select(schemas.COST_REPORT.names).cast(schemas.COST_REPORT).to_batches()


def money(billionths: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Whole billionths as decimals with nine places."""
    return pc.multiply(billionths.cast(pa.decimal128(19, 0)), _BILLIONTH).cast(schemas.MONEY)


BY_DATASET = pa.schema(
    [*((name, pa.string()) for name in ("metastore_id", "kind", "dataset", "currency")), ("amount", pa.int64())]
)
"""Amounts are whole billionths of the currency's unit."""

_READ = pa.schema(
    [
        ("source", pa.string()), ("day", pa.int32()), ("fate", pa.string()), ("currency", pa.string()),
        ("metastore_id", pa.string()), ("dataset", pa.string()), ("kind", pa.string()), ("amount", pa.int64()),
        ("statements", pa.int64()), ("settled", pa.int8()),
    ]
)  # fmt: skip
