"""Matching: what a sink's catalog holds for the datasets that emission needs, looked up once and kept in the ledger."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import structlog
from sqlalchemy import Connection

from miner.ledger import Ledger, keys, matches, sent
from miner.ledger.asset_index import LedgerIndex
from miner.ledger.matches import Ages
from miner.ports import Entity, Known, Match, Sink, nothing_known

log = structlog.get_logger()

DEFAULT_AGES = Ages(matched=timedelta(days=30), missing=timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Matcher:
    """Keeps the ledger's matches for one sink up to date; nothing is looked up for a sink without a catalog."""

    ledger: Ledger
    sink: Sink
    ages: Ages
    now: Callable[[], datetime]

    def for_flows(self, connection: Connection) -> Counter[str]:
        """Look up what the wanted flows need; returns how many datasets, by what was found.

        `connection` reads and knows the flows (`miner.ledger.wanted.want`). Raises SinkError.
        """
        if not self.sink.naming:
            return Counter()
        now = self.now()
        matches.needed_by_flows(connection, self._whose(now))
        return self._look_up(connection, now)

    def for_usage(self, popularity: pd.DataFrame) -> Counter[str]:
        """Look up the datasets of a frame with the column `dataset_id`. Raises SinkError."""
        if not self.sink.naming:
            return Counter()
        now = self.now()
        with self.ledger.reading() as connection:
            ids = [int(one) for one in popularity["dataset_id"].unique()]
            matches.needed_by_usage(connection, self._whose(now), ids)
            return self._look_up(connection, now)

    def doubt(self, refused: Sequence[Entity]) -> None:
        """Have what refused entities refer to looked up again by the next emission: an asset may be gone."""
        if self.sink.naming and refused:
            with self.ledger.writing() as connection:
                matches.doubt(connection, self.sink.name, refused)

    def known(self, connection: Connection) -> Known:
        """What the ledger knows of datasets, as far as this connection sees it."""
        if not self.sink.naming:
            return nothing_known

        def tell(datasets: Collection[int]) -> Mapping[int, Match]:
            return matches.known(connection, self.sink.name, datasets)

        return tell

    def moves(self, connection: Connection) -> str:
        """A text that changes whenever a dataset turns out to be another asset than before."""
        return sent.setting(connection, f"moves:{self.sink.name}")

    def _whose(self, now: datetime) -> matches.Named:
        return matches.named(self.sink.name, self.sink.naming, self.ages, now)

    def _look_up(self, connection: Connection, now: datetime) -> Counter[str]:
        found: Counter[str] = Counter()
        index = LedgerIndex(self.ledger, self.sink.name, self.ages.missing, now)
        moved = 0
        with closing(matches.needed(connection)) as needed:
            for some in self.sink.matches(needed, index):
                with self.ledger.writing() as writing:
                    moved += matches.remember(writing, self._whose(now), some, now)
                found.update(one.state for one in some)
        if moved:
            with self.ledger.writing() as writing:
                before = int(self.moves(writing) or 0)
                sent.remember(writing, f"moves:{self.sink.name}", str(before + moved))
        if found:
            log.info("assets.matched", sink=self.sink.name, moved=moved, **found)
        return found


def with_ids(popularity: pd.DataFrame) -> pd.DataFrame:
    """The frame with the ledger ids of its datasets as the column `dataset_id`."""
    columns = (popularity[name].tolist() for name in ("metastore_id", "kind", "dataset"))
    named = [(metastore, *_parts(kind, name)) for metastore, kind, name in zip(*columns, strict=True)]
    parts = [pa.array(texts, pa.string()) for texts in (zip(*named, strict=True) if named else [()] * 5)]
    return popularity.assign(dataset_id=keys.halves_of_parts(parts)[:, 0])


def _parts(kind: str, name: str) -> tuple[str, str, str, str]:
    """Catalog, schema, name and path, as the natural keys of datasets have them."""
    if kind != "table":
        return "", "", "", name
    catalog, schema, table = [*name.split(".", 2), "", ""][:3]
    return catalog, schema, table, ""
