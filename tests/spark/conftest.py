"""One Spark for the whole group, with exported tables under their own names."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from queries.system_tables import SystemTableReader
from tests.oracle.scope import EVERYTHING, Scope
from tests.queries import given
from tests.rows import DAY
from tests.spark import engine
from tests.spark.answers import Pair, questions
from tests.spark.warehouse import SparkWarehouse


@pytest.fixture(scope="session")
def spark(tmp_path_factory) -> SparkSession:
    """The session; without Java the group fails, it is never skipped."""
    if lacking := engine.missing():
        pytest.exit(lacking, returncode=1)
    session = engine.started(tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def both(spark) -> Callable[[Path, Scope], Pair]:
    """The product's reader over one export, on DuckDB and on Spark, with what is asked of it."""
    opened = []

    def make(root: Path, scope: Scope = EVERYTHING, *, days=(DAY, DAY), wanted=(), **more) -> Pair:
        duckdb = given.unopened(root, scope)
        if more:
            duckdb = SystemTableReader(
                duckdb.warehouse, exclusions=duckdb.exclusions, principal=scope.principal, **more
            )
        opened.append(duckdb.warehouse)
        on_spark = SparkWarehouse(spark, root)
        reader = SystemTableReader(on_spark, duckdb.tables, duckdb.exclusions, duckdb.principal)
        return Pair(duckdb, reader, questions(*days, wanted))

    yield make
    for warehouse in opened:
        warehouse.close()
