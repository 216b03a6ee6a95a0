"""What the figures must be: a slow reading of the design, row by row, in plain Python.

It imports nothing of the product. Rows are dicts of the documented columns. Where the design leaves something open, the
decision stands in the docstring of the function it concerns.
"""

from tests.oracle.columns import ColumnReads, ColumnUse, column_usage, column_usage_fates
from tests.oracle.cost import Costs, costs
from tests.oracle.lineage import (
    Edge,
    column_pairs,
    edges,
    flow_texts,
    indirect_edges,
    lineage_fates,
    one_time_runs,
    replaced,
)
from tests.oracle.names import Dataset, dataset, folder, table_name
from tests.oracle.popularity import Popularity, is_person, popularity
from tests.oracle.queries import Runs, Statement, plain_statement, query_fates, query_runs
from tests.oracle.scope import Fates, Lists, Row, Rows, Scope
from tests.oracle.usage import Figures, Use, cached_reads, enrichment, usage, usage_fates

__all__ = [
    "ColumnReads",
    "ColumnUse",
    "Costs",
    "Dataset",
    "Edge",
    "Fates",
    "Figures",
    "Lists",
    "Popularity",
    "Row",
    "Rows",
    "Runs",
    "Scope",
    "Statement",
    "Use",
    "cached_reads",
    "column_pairs",
    "column_usage",
    "column_usage_fates",
    "costs",
    "dataset",
    "edges",
    "enrichment",
    "flow_texts",
    "folder",
    "indirect_edges",
    "is_person",
    "lineage_fates",
    "one_time_runs",
    "plain_statement",
    "popularity",
    "query_fates",
    "query_runs",
    "replaced",
    "table_name",
    "usage",
    "usage_fates",
]
