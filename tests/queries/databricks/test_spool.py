import pyarrow as pa
import pytest

from miner.errors import SourceError
from queries.databricks.spool import Spool

ROWS = pa.table({"a": pa.array(range(200_000), pa.int64()), "b": pa.array([{"c": None}] * 200_000)})


@pytest.fixture
def spool(tmp_path):
    return Spool.within(tmp_path)


def told(spool):
    return [value for batch in spool.batches() for value in batch.column("a").to_pylist()]


def test_rows_come_back_in_order(spool):
    """What was put in comes out, a bounded batch at a time."""
    spool.add(ROWS)
    spool.add(ROWS.slice(0, 3))
    sizes = [batch.num_rows for batch in spool.batches()]
    assert sum(sizes) == 200_003
    assert max(sizes) <= 65_536


def test_nothing_put_in(spool):
    """Without rows there are no batches; without a row, the columns are still known."""
    assert list(spool.batches()) == []
    spool.add(ROWS.slice(0, 0))
    assert spool.table().schema == ROWS.schema


def test_an_empty_end_of_other_columns(spool):
    """The connector ends a result with an empty table, whose columns may differ."""
    spool.add(ROWS.slice(0, 2))
    spool.add(pa.table({"x": pa.array([], pa.string())}))
    assert told(spool) == [0, 1]


def test_begun_anew(spool):
    """Rows of a try that failed are gone with the next one."""
    spool.add(ROWS)
    spool.begin_anew()
    spool.add(ROWS.slice(5, 1))
    assert told(spool) == [5]


def test_the_file_goes(spool, tmp_path):
    """Nothing is left behind, whether rows were read or not."""
    spool.add(ROWS)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_no_room(tmp_path):
    """A disk that cannot take the rows is an error that says where room is needed."""
    with pytest.raises(SourceError, match="cannot be put into") as caught:
        Spool(tmp_path / "gone" / "x.arrow").add(ROWS)
    assert caught.value.mend
