"""One Spark for the whole group, with exported tables under their own names."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from queries.system_tables import KNOWN_TABLES, SystemTableReader
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

    def make(root: Path, scope: Scope = EVERYTHING, *, days=(DAY, DAY), wanted=(), tables=KNOWN_TABLES) -> Pair:
        embedded = given.unopened(root, scope)
        opened.append(embedded.warehouse)
        duckdb, on_spark = (
            SystemTableReader(warehouse, tables, embedded.scope, scope.principal)
            for warehouse in (embedded.warehouse, SparkWarehouse(spark, root))
        )
        return Pair(duckdb, on_spark, questions(*days, wanted))

    yield make
    for warehouse in opened:
        warehouse.close()
