"""A run of days of the cost stream, staged: money by hour and fate, and by dataset, in billionths as whole numbers."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner.ledger import keys
from miner.ledger.database import Stage
from miner.ledger.staging import NEW_DATASET, Staging, end_columns
from miner.ports import BILLING_USAGE

HourOf = tuple[date, int, str]
"""A day, an hour of it and a currency."""


class CostStaging(Staging):
    """A run of days of the cost stream."""

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        self.charged: Counter[HourOf] = Counter()
        self.borne: Counter[HourOf] = Counter()
        self._of_hours: Counter[tuple[date, str]] = Counter()
        self._of_datasets: Counter[tuple[date, str]] = Counter()
        self._digests: dict[date, list[str]] = {}
        for statement in _TABLES:
            self.execute(statement)

    def add_charges(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in what warehouses cost by the independent sum (`miner.schemas.CHARGES`)."""
        for batch in batches:
            for row in batch.to_pylist():
                self.charged[row["day"], row["hour"], row["currency"]] += row["amount"]

    def add_costs(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in what became of rows and money (`miner.schemas.COSTS`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            self._add_rows(whole.filter(pc.equal(whole["part"], "rows")))
            self._add_hours(whole.filter(pc.equal(whole["part"], "hour")))
            self._add_datasets(whole.filter(pc.equal(whole["part"], "dataset")))

    def _add_rows(self, told: pa.Table) -> None:
        for row in told.select(["day", "fate", "rule", "rows"]).to_pylist():
            self.fates[row["day"], BILLING_USAGE, row["fate"], row["rule"] or ""] += row["rows"]

    def _add_hours(self, told: pa.Table) -> None:
        names = ["day", "hour", "currency", "fate", "amount"]
        for day, hour, currency, fate, amount in zip(*(told[name].to_pylist() for name in names), strict=True):
            self.borne[day, hour, currency] += amount
            if fate == "dataset":
                self._of_hours[day, currency] += amount
        kept = told.filter(pc.not_equal(told["amount"], 0)).select(names)
        self.ingest("paid_hour", kept.set_column(0, "day", pc.cast(kept["day"], pa.int32())))

    def _add_datasets(self, told: pa.Table) -> None:
        if not told.num_rows:
            return
        names = ["day", "dataset_key", "currency", "amount", "statements"]
        for day, key, currency, amount, count in zip(*(told[name].to_pylist() for name in names), strict=True):
            self._of_datasets[day, currency] += amount
            self._digests.setdefault(day, []).append(f"{key} {currency} {amount} {count}")
        halves = keys.halves_of_hex(told["dataset_key"].combine_chunks())
        self.ingest(
            "paid_day",
            pa.table(
                {
                    "day": pc.cast(told["day"], pa.int32()),
                    "dataset_id": halves[:, 0],
                    **{name: told[name] for name in names[2:]},
                }
            ),
        )
        self.datasets(end_columns(told, "dataset"), halves)

    def finish(self) -> None:
        """Digest what came."""
        self.refuse_doubles()
        for day, lines in self._digests.items():
            digest = hashlib.blake2b("\n".join(sorted(lines)).encode(), digest_size=16)
            self.contents[day] = digest.hexdigest()

    def difference(self) -> str:
        """The first hour whose parts do not add up to what it cost, or day whose datasets do not to their part."""
        for day, hour, currency in sorted(self.charged.keys() | self.borne.keys()):
            cost, parts = (found[day, hour, currency] for found in (self.charged, self.borne))
            if cost != parts:
                return f"{day} {hour:02}:00 cost {_shown(cost)} {currency}, {_shown(parts)} are accounted for"
        for day, currency in sorted(self._of_hours.keys() | self._of_datasets.keys()):
            hours, datasets = (found[day, currency] for found in (self._of_hours, self._of_datasets))
            if hours != datasets:
                return (
                    f"datasets of {day} bear {_shown(datasets)} {currency}, their part of its hours is {_shown(hours)}"
                )
        return ""


def _shown(billionths: int) -> str:
    sign, whole = "-" * (billionths < 0), abs(billionths)
    return f"{sign}{whole // 10**9}.{whole % 10**9:09}"


_TABLES = (
    NEW_DATASET,
    "CREATE TABLE stage.paid_hour (day INTEGER, hour INTEGER, currency TEXT, fate TEXT, amount INTEGER)",
    "CREATE TABLE stage.paid_day (day INTEGER, dataset_id INTEGER, currency TEXT, amount INTEGER, statements INTEGER)",
)
