"""The whole of both ports in memory. What a fake does not know it refuses: a test never passes by a silent default.

`FakeTables` answers for rows of the documented columns (`tests.rows`), as the oracle reads them, in the schemas of
`miner.schemas`. `FakeSink` keeps what arrives.
"""

from tests.miner.fake_sink import FakeSink
from tests.miner.fake_tables import FakeTables

__all__ = ["FakeSink", "FakeTables"]
