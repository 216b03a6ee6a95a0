"""The miner's memory: what was mined, what it said, and what was sent."""

from miner.ledger.column_staging import ColumnStaging
from miner.ledger.cost_staging import CostStaging
from miner.ledger.database import ledger_missing, place_of
from miner.ledger.lineage_staging import LineageStaging
from miner.ledger.merge import COLUMNS, COST, LINEAGE, QUERIES, STREAMS, TABLE_OF, USAGE, DayMark, Merge
from miner.ledger.names import NamesMerge, NamesStaging
from miner.ledger.query_staging import QueryStaging
from miner.ledger.staging import Staging
from miner.ledger.store import Ledger
from miner.ledger.usage_staging import UsageStaging

__all__ = [
    "COLUMNS",
    "COST",
    "LINEAGE",
    "QUERIES",
    "STREAMS",
    "TABLE_OF",
    "USAGE",
    "ColumnStaging",
    "CostStaging",
    "DayMark",
    "Ledger",
    "LineageStaging",
    "Merge",
    "NamesMerge",
    "NamesStaging",
    "QueryStaging",
    "Staging",
    "UsageStaging",
    "ledger_missing",
    "place_of",
]
