"""What the figures must be: a slow reading of the design, row by row, in plain Python.

It imports nothing of the product. Rows are dicts of the documented columns. Where the design leaves something open, the
decision stands in the docstring of the function it concerns.
"""

from tests.oracle.lineage import (
    Edge,
    column_pairs,
    edges,
    indirect_edges,
    lineage_fates,
    one_time_runs,
    replaced,
)
from tests.oracle.names import Dataset, dataset, folder, table_name
from tests.oracle.popularity import Popularity, is_person, popularity
from tests.oracle.scope import Fates, Lists, Row, Rows, Scope
from tests.oracle.usage import Figures, Use, cached_reads, usage, usage_fates

__all__ = [
    "Dataset",
    "Edge",
    "Fates",
    "Figures",
    "Lists",
    "Popularity",
    "Row",
    "Rows",
    "Scope",
    "Use",
    "cached_reads",
    "column_pairs",
    "dataset",
    "edges",
    "folder",
    "indirect_edges",
    "is_person",
    "lineage_fates",
    "one_time_runs",
    "popularity",
    "replaced",
    "table_name",
    "usage",
    "usage_fates",
]
