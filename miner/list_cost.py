"""What datasets cost in windows by list prices, beside what else is told of them: an estimate."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import schemas
from miner.ledger import Ledger, costs, wanted
from miner.ledger.keys import SEPARATOR

SEVERAL = "several"
"""In place of a currency where a dataset's cost is told in more than one: such amounts are not added up."""

_KEY = ("metastore_id", "kind", "dataset")


def beside(ledger: Ledger, figures: pa.Table) -> pa.Table:
    """Figures of datasets, window by window (`miner.popularity.COLUMNS`), with `miner.schemas.LIST_COST` at the end."""
    parts = [_with(figures.slice(0, 0), [pa.nulls(0, field.type) for field in schemas.LIST_COST])]
    with ledger.reading() as connection:
        wanted.resolve(connection)
        mined = costs.mined_days(connection)
        for window in pc.unique(figures["window_days"]).to_pylist():
            rows = figures.filter(pc.equal(figures["window_days"], window))
            last: date = rows["as_of"][0].as_py()
            first = last - timedelta(days=window - 1)
            known = sum(first <= day <= last for day in mined)
            parts.append(_with(rows, _columns(connection, rows, first, last, known)))
    return pa.concat_tables(parts)


def _with(rows: pa.Table, columns: list[pa.Array]) -> pa.Table:
    for field, column in zip(schemas.LIST_COST, columns, strict=True):
        rows = rows.append_column(field, column)
    return rows


def _columns(connection: Connection, rows: pa.Table, first: date, last: date, known: int) -> list[pa.Array]:
    """Nothing is known of metastores without any cost; other datasets without any cost nothing."""
    found = costs.by_dataset(connection, first, last)
    currencies = pc.unique(found["currency"])
    summed = _by_key(found)
    place = pc.index_in(_keys(rows), summed["key"])
    free = pc.and_(pc.is_null(place), pc.is_in(rows["metastore_id"], pc.unique(found["metastore_id"])))
    amounts = pc.if_else(free, pa.scalar(0, pa.int64()), summed["amount"].take(place))
    only = currencies[0] if len(currencies) == 1 else pa.scalar(None, pa.string())
    told = pc.if_else(free, only, summed["currency"].take(place))
    return [costs.money(amounts), told, pa.repeat(pa.scalar(known, pa.int64()), rows.num_rows)]


def _by_key(found: pa.Table) -> pa.Table:
    """Amount and currency by the key of a dataset; in several currencies no amount."""
    keyed = found.append_column("key", _keys(found)).group_by("key", use_threads=False)
    summed = keyed.aggregate([("amount", "sum"), ("currency", "min"), ("currency", "count")])
    several = pc.greater(summed["currency_count"], 1)
    return pa.table(
        {
            "key": summed["key"],
            "amount": pc.if_else(several, pa.scalar(None, pa.int64()), summed["amount_sum"]),
            "currency": pc.if_else(several, SEVERAL, summed["currency_min"]),
        }
    )


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    # Columns from pandas are large strings.
    return pc.binary_join_element_wise(*(rows[name].cast(pa.string()) for name in _KEY), SEPARATOR)
