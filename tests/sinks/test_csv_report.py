import csv
import datetime as dt
import io
import math
import sys

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import SinkError
from miner.schemas import EDGE_REPORT
from sinks.csv_report import write_batches


def write_frame(frame, destination):
    """A frame, written as Arrow."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return write_batches(table.to_batches(), table.schema, destination)


def written(frame, folder):
    target = folder / "report.csv"
    write_frame(frame, str(target))
    return target.read_text(encoding="utf-8")


def test_forms(tmp_path):
    """Instants are ISO 8601 with Z, days YYYY-MM-DD, null is empty, an empty text is not null."""
    frame = pd.DataFrame(
        {
            "text": ["größe", "", None, 'a,"b"\nc'],
            "instant": pd.to_datetime(
                ["2026-11-20T01:02:03Z", "2026-11-20T01:02:03.5Z", None, "1969-12-31T23:59:59Z"], format="ISO8601"
            ),
            "day": [dt.date(2026, 11, 20), None, dt.date(1, 1, 1), dt.date(2026, 1, 2)],
            "count": pd.array([1, None, -3, 2**62], dtype="Int64"),
            "flag": [True, False, True, False],
        }
    )
    assert written(frame, tmp_path) == (
        '"text","instant","day","count","flag"\n'
        '"größe","2026-11-20T01:02:03Z",2026-11-20,1,true\n'
        '"","2026-11-20T01:02:03.500000Z",,,false\n'
        ",,0001-01-01,-3,true\n"
        '"a,""b""\nc","1969-12-31T23:59:59Z",2026-01-02,4611686018427387904,false\n'
    )


def test_local_instants_are_told_in_utc(tmp_path):
    """An instant of another zone is written as the same instant in UTC; one without a zone counts as UTC."""
    local = pd.Series(pd.to_datetime(["2026-07-01T12:00:00+02:00"]))
    frame = pd.DataFrame({"zone": local, "none": pd.to_datetime(["2026-07-01T12:00:00"])})
    assert written(frame, tmp_path).splitlines()[1] == '"2026-07-01T10:00:00Z","2026-07-01T12:00:00Z"'


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back(tmp_path_factory, number):
    """A float is written so that reading it gives the same number."""
    folder = tmp_path_factory.mktemp("floats")
    line = written(pd.DataFrame({"x": [number]}), folder).splitlines()[1]
    assert float(line) == number


@pytest.mark.parametrize(
    ("number", "text"), [(0.1, "0.1"), (1e22, "1e+22"), (3.3, "3.3"), (1 / 3, "0.3333333333333333")]
)
def test_floats_are_short(tmp_path, number, text):
    """A float is written no longer than it must be."""
    assert written(pd.DataFrame({"x": [number]}), tmp_path).splitlines()[1] == text


def test_missing_float_is_empty(tmp_path):
    """A figure that is not known is an empty field."""
    assert written(pd.DataFrame({"x": [math.nan], "y": [1]}), tmp_path).splitlines()[1] == ",1"


@given(texts=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=5))
def test_any_text_reads_back(tmp_path_factory, texts):
    """Whatever a name holds, a CSV reader gives it back."""
    text = written(pd.DataFrame({"x": texts}), tmp_path_factory.mktemp("texts"))
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:] == texts


def test_batches(tmp_path):
    """Batches are streamed into one file with one header; the number of rows is told."""
    row = dict.fromkeys(EDGE_REPORT.names) | {"source": "c.s.a", "first_seen": dt.date(2026, 1, 1), "column_pairs": 3}
    batch = pa.RecordBatch.from_pylist([row], schema=EDGE_REPORT)
    target = tmp_path / "edges.csv"
    assert write_batches(iter([batch, batch]), EDGE_REPORT, str(target)) == 2
    header, one, two = target.read_text().splitlines()
    assert header.replace('"', "").split(",") == EDGE_REPORT.names
    assert one == two == ',,,,,"c.s.a",,,2026-01-01,,3,,'


def test_no_rows(tmp_path):
    """A report without rows still has its header, and says so with zero."""
    target = tmp_path / "edges.csv"
    assert write_batches(iter([]), EDGE_REPORT, str(target)) == 0
    assert len(target.read_text().splitlines()) == 1


def test_standard_output(capfdbinary):
    """A dash writes to standard output, which stays open for more."""
    assert write_frame(pd.DataFrame({"x": [1]}), "-") == 1
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b'"x"\n1\n'


def test_place_that_cannot_be_written(tmp_path):
    """A place that refuses is an error with its mend."""
    with pytest.raises(SinkError) as caught:
        write_frame(pd.DataFrame({"x": [1]}), str(tmp_path))
    assert caught.value.mend


def test_closed_output(monkeypatch):
    """A reader that went away is an error in words, not a stack of calls."""

    class Gone(io.RawIOBase):
        def writable(self):
            return True

        def write(self, _):
            raise BrokenPipeError(32, "Broken pipe")

    class Stdout:
        buffer = Gone()

    monkeypatch.setattr(sys, "stdout", Stdout())
    with pytest.raises(SinkError, match="standard output"):
        write_frame(pd.DataFrame({"x": [1]}), "-")


def test_interrupted_report_leaves_the_earlier_one(tmp_path):
    """A report that fails half-way leaves the earlier file as it was."""
    target = tmp_path / "edges.csv"
    target.write_text("earlier")

    def broken():
        yield pa.RecordBatch.from_pylist([], schema=EDGE_REPORT)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_batches(broken(), EDGE_REPORT, str(target))
    assert target.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]
