"""What stands for a dataset that Purview has no asset for."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from miner.ports import Entity, Match, Unmatched
from sinks.purview.assets import Asset
from sinks.purview.names import Dataset
from sinks.purview.spelling import Spellings


class StandIn(NamedTuple):
    """An entity that is referred to as an asset is; `entities` makes it, with what it consists of and is part of."""

    asset: Asset
    entities: Callable[[], Sequence[Entity]]
    spellings: Spellings | None = None
    """How it spells its columns, where that is known."""


Standing = Callable[[int, Dataset, Asset | Unmatched, Match | None], StandIn | Unmatched | None]
"""Tells what stands for a dataset, given its ledger id, what was found for it and what the ledger knows; another reason
why it has no asset; or None where all stays as it was found."""
