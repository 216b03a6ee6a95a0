"""The miner's memory: what was mined, what it said, and what was sent."""

from miner.ledger.merge import LINEAGE, STREAMS, USAGE, DayMark, Merge
from miner.ledger.staging import LineageStaging, Staging, UsageStaging
from miner.ledger.store import Ledger

__all__ = ["LINEAGE", "STREAMS", "USAGE", "DayMark", "Ledger", "LineageStaging", "Merge", "Staging", "UsageStaging"]
