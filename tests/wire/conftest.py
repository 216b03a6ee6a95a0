import pytest

from tests import rows
from tests.wire.server import LocalWarehouse


@pytest.fixture
def warehouse(tmp_path):
    """A running warehouse over an estate of one day with one edge."""
    root = rows.write_estate(
        tmp_path / "estate",
        table_lineage=[rows.lineage("c.s.a", "c.s.b", job="7")],
        column_lineage=[rows.columns("c.s.a", "c.s.b", "x", "y", job="7")],
        query_history=[rows.statement("s1")],
        job_run_timeline=[rows.run("7")],
    )
    with LocalWarehouse(root) as running:
        yield running
