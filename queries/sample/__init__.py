"""Sample estates: system tables of a believable Databricks account, quirks included, written as Parquet files."""

from queries.sample.people import MINER
from queries.sample.writer import EstateSummary, write_estate

__all__ = ["MINER", "EstateSummary", "write_estate"]
