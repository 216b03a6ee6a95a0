"""Rows by their number, whatever was asked before."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from miner.ledger.remembered import Remembered

NUMBERS = [-(2**62), -1, 0, 3, 7, 2**62]
SCHEMA = pa.schema([("name", pa.string())])


@pytest.fixture(scope="module")
def connection():
    """A database with a row for each number, its name being the number in words, or null for 7."""
    with create_engine("sqlite://").connect() as opened:
        opened.exec_driver_sql("CREATE TABLE told (id INTEGER, name TEXT)")
        for number in NUMBERS:
            opened.exec_driver_sql("INSERT INTO told VALUES (?, ?)", (number, None if number == 7 else f"n {number}"))
        yield opened


@given(asked=st.lists(st.lists(st.sampled_from(NUMBERS), max_size=8), max_size=6), most=st.integers(0, 7))
def test_rows_come_in_the_order_asked(connection, asked, most):
    """Each number brings its row, repeated ones too, however few rows are kept in between."""
    remembered = Remembered(connection, "SELECT t.id, t.name FROM told t", "t.id", SCHEMA, most)
    for numbers in asked:
        rows = remembered.take(np.array(numbers, np.int64))
        assert rows.schema == SCHEMA
        assert rows["name"].to_pylist() == [None if number == 7 else f"n {number}" for number in numbers]


def test_rows_are_read_once(connection):
    """What is kept is not read again."""
    remembered = Remembered(connection, "SELECT t.id, t.name FROM told t", "t.id", SCHEMA, 10)
    remembered.take(np.array([3, 0], np.int64))
    connection.exec_driver_sql("SAVEPOINT before")
    connection.exec_driver_sql("DELETE FROM told WHERE id = 3")
    try:
        assert remembered.take(np.array([3, -1], np.int64))["name"].to_pylist() == ["n 3", "n -1"]
    finally:
        connection.exec_driver_sql("ROLLBACK TO before")
