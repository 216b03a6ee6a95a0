"""What both sinks do alike: they build the same entities, and put them into the same batches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd
import pyarrow as pa

from miner.ports import Entity, Known, Unmatched, nothing_known
from sinks.purview.assets import Asset
from sinks.purview.batches import batched
from sinks.purview.entities import process_entities
from sinks.purview.options import PurviewOptions
from sinks.purview.summaries import summary_entities
from sinks.purview.usage import as_sent, column_entities, moved, usage_entities


class Building(ABC):
    """Builds entities as the options say."""

    def __init__(self, options: PurviewOptions) -> None:
        self._given = options

    @property
    @abstractmethod
    def _options(self) -> PurviewOptions:
        """The options, with what the catalog's types make of `process_types`."""

    def processes(
        self, flows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """As `sinks.purview.entities.process_entities`."""
        return process_entities(flows, unmatched, self._options, known)

    def summaries(
        self, rows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """As `sinks.purview.summaries.summary_entities`."""
        return summary_entities(rows, unmatched, self._options, known)

    def usage(
        self, popularity: pd.DataFrame, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """As `sinks.purview.usage.usage_entities`."""
        return usage_entities(popularity, unmatched, self._given, known)

    def figures(self, kind: str, type_name: str, qualified_name: str, figures: str, digest: str) -> Entity:
        """As `sinks.purview.usage.as_sent`."""
        return as_sent(kind, Asset(type_name, qualified_name), figures, digest, self._given.usage_group)

    def column_usage(
        self, popularity: pd.DataFrame, unmatched: Callable[[Unmatched], None], known: Known = nothing_known
    ) -> Iterator[Entity]:
        """As `sinks.purview.usage.column_entities`."""
        return column_entities(popularity, unmatched, self._given, known)

    def moved(self, before: str, now: str) -> bool:
        """As `sinks.purview.usage.moved`, by the percent of the options."""
        return moved(before, now, self._given.figures_percent)

    def batches(self, entities: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
        """As `sinks.purview.batches.batched`."""
        return batched(entities, self._given.max_entities, self._given.max_bytes)
