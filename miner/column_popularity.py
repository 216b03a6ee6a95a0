"""Popularity of columns: the figures of `miner.popularity`, as far as column lineage tells them of a column."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import pyarrow as pa

from miner import schemas
from miner.ledger import COLUMNS, Ledger, column_usage, reading, usage, wanted
from miner.popularity import PopularityOptions, Windows, dated, window_figures
from miner.tally import ByAge, Tally

NAMES: Sequence[str] = (*schemas.COLUMN_POPULARITY.names, "dataset_type")
"""The columns of the frame: those of the report, and the type of the dataset."""


def column_popularity(ledger: Ledger, options: PopularityOptions) -> pd.DataFrame:
    """One row per column and window (`NAMES`), best score first within a window; empty when nothing is mined."""
    with ledger.copying() as copy:
        with ledger.reading(copy) as connection:
            as_of = options.as_of or reading.last_whole_day(connection, COLUMNS)
            if as_of is None:
                return _empty()
            windows = Windows(tuple(sorted(options.windows)), as_of, options.score)
            wanted.resolve(connection)
            names, datasets = column_usage.column_names(connection), usage.dataset_names(connection)
            told = column_usage.joined(usage.tell(connection, options.users, options.kinds, options.readers), names)
            column_usage.copy_out(ledger.database, connection, copy, windows.first, as_of)
            mined = reading.usage_days(connection, COLUMNS)
        ids = names["id"].to_numpy().copy()
        ids.sort()
        tally = Tally(as_of, windows.points, ids, told.readers, counts=("reads",), lasts=("last_read_at",))
        tally.add(column_usage.stream(ledger.database, copy, told))
        return _frame(tally.by_age(), windows, names, datasets, mined)


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in NAMES})


def _frame(by_age: ByAge, windows: Windows, names: pa.Table, datasets: pa.Table, mined: set[date]) -> pd.DataFrame:
    if not len(by_age.datasets):
        return _empty()
    columns = names.to_pandas().set_index("id")[["dataset_id", "column"]]
    identities = datasets.to_pandas().set_index("id").rename(columns={"dataset": "dataset_name"})
    told = pd.concat([window_figures(length, windows, by_age, mined) for length in windows.lengths])
    told = dated(told.join(columns, on="dataset").join(identities, on="dataset_id"), windows.as_of)
    told = told.drop(columns=["dataset"]).rename(columns={"dataset_name": "dataset"})
    order = ["window_days", "score", "reads", "metastore_id", "dataset", "column"]
    told = told.sort_values(order, ascending=[True, False, False, True, True, True], kind="stable")
    return told[list(NAMES)].reset_index(drop=True)
