"""The assets of a sink's catalog, kept by key: `miner.ports.AssetIndex`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text

from miner import days
from miner.ledger import sent, tables
from miner.ledger.store import Ledger
from miner.ports import IndexedAsset

_AT_ONCE = 500
"""Keys in one statement."""


@dataclass(frozen=True, slots=True)
class LedgerIndex:
    """The index of one sink; it is due `age` after it was renewed."""

    ledger: Ledger
    sink: str
    age: timedelta
    now: datetime

    @property
    def due(self) -> bool:
        """Whether it was never renewed, or too long ago."""
        with self.ledger.reading() as connection:
            renewed = sent.setting(connection, self._name)
        return not renewed or int(renewed) <= days.micros(self.now - self.age)

    def renew(self, assets: Iterable[Sequence[IndexedAsset]]) -> None:
        """Replace all that was kept, some assets a transaction; those of before go last."""
        with self.ledger.reading() as connection:
            renewal = _renewals(connection, self.sink) + 1
        for some in assets:
            with self.ledger.writing() as connection:
                _keep(connection, self.sink, renewal, some)
        held = tables.asset_index
        with self.ledger.writing() as connection:
            connection.execute(delete(held).where(held.c.sink == self.sink, held.c.renewal < renewal))
            sent.remember(connection, self._name, str(days.micros(self.now)))

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[IndexedAsset]]:
        """The assets under some keys."""
        wanted, found = list(keys), dict[str, list[IndexedAsset]]()
        held = tables.asset_index
        query = select(held.c.key, held.c.type_name, held.c.qualified_name).where(held.c.sink == self.sink)
        query = query.order_by(held.c.type_name, held.c.qualified_name)
        with self.ledger.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                for row in connection.execute(query.where(held.c.key.in_(some))):
                    found.setdefault(row[0], []).append(IndexedAsset(*row))
        return found

    @property
    def _name(self) -> str:
        return f"index:{self.sink}"


def _renewals(connection: Connection, sink: str) -> int:
    held = tables.asset_index
    return connection.execute(select(func.max(held.c.renewal)).where(held.c.sink == sink)).scalar() or 0


def _keep(connection: Connection, sink: str, renewal: int, assets: Sequence[IndexedAsset]) -> None:
    if assets:
        connection.execute(
            text(
                "INSERT INTO asset_index (sink, key, type_name, qualified_name, renewal) "
                "VALUES (:sink, :key, :type_name, :qualified_name, :renewal) "
                "ON CONFLICT (sink, key, type_name, qualified_name) DO UPDATE SET renewal = excluded.renewal"
            ),
            [{"sink": sink, "renewal": renewal, **one._asdict()} for one in assets],
        )
