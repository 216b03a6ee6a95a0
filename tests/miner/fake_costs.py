"""The port to billing in memory: what each day cost, told by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from miner import schemas
from miner.ports import Span
from tests.miner.fake_tables import days_between, hashed
from tests.rows import METASTORE


@dataclass
class CostDay:
    """A day: money by (hour, currency, fate) and by (name of a table, currency), and rows by fate."""

    hours: Mapping[tuple[int, str, str], int] = field(default_factory=dict)
    datasets: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=lambda: {"kept": 1})
    workspace: str = "1001"


class FakeCosts:
    """`miner.ports.Costs` over days given."""

    def __init__(self, days: Mapping[date, CostDay], reason: str = "") -> None:
        self.days = dict(days)
        self.reason = reason
        self.method = "idle apart"
        self.miscounts = 0
        """How many of the next sums of an hour are a billionth too high."""
        self.asked: list[tuple[date, date]] = []

    def missing(self) -> str:
        return self.reason

    def span(self) -> Span:
        self._known()
        return Span(min(self.days), max(self.days)) if self.days else Span(None, None)

    def totals(self, first: date, last: date) -> pa.Table:
        self._known()
        told = [
            {"day": day, "workspace_id": one.workspace, "rows": sum(one.rows.values())}
            for day, one in self._within(first, last)
        ]
        return pa.Table.from_pylist(told, schema=schemas.TOTALS)

    def charges(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        self._known()
        for day, one in self._within(first, last):
            sums: dict[tuple[int, str], int] = {}
            for (hour, currency, _), amount in one.hours.items():
                sums[hour, currency] = sums.get((hour, currency), 0) + amount
            for (hour, currency), amount in sums.items():
                wrong = self.miscounts > 0
                self.miscounts -= wrong
                row = {"day": day, "hour": hour, "currency": currency, "amount": amount + wrong}
                yield pa.RecordBatch.from_pylist([row], schema=schemas.CHARGES)

    def costs(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        self._known()
        self.asked.append((first, last))
        for day, one in self._within(first, last):
            told = [{"day": day, "part": "rows", "fate": fate, "rows": rows} for fate, rows in one.rows.items()]
            told += [
                {"day": day, "part": "hour", "fate": fate, "hour": hour, "currency": currency, "amount": amount}
                for (hour, currency, fate), amount in one.hours.items()
            ]
            told += [
                {"day": day, "part": "dataset", "fate": "dataset", "currency": currency, "amount": amount}
                | {"statements": statements, **_named(name)}
                for (name, currency), (amount, statements) in one.datasets.items()
            ]
            yield pa.RecordBatch.from_pylist(told, schema=schemas.COSTS)

    def _within(self, first: date, last: date) -> Iterator[tuple[date, CostDay]]:
        return ((day, self.days[day]) for day in days_between(first, last) if day in self.days)

    def _known(self) -> None:
        if self.reason:
            raise AssertionError(f"there is no cost to ask for: {self.reason}")


def _named(name: str) -> dict[str, str | None]:
    if "/" in name:
        parts: dict[str, str | None] = {"path": name}
    else:
        parts = dict(zip(("catalog", "schema", "name"), name.split("."), strict=True))
    told = {f"dataset_{part}": parts.get(part) for part in ("catalog", "schema", "name", "path")}
    return {"metastore_id": METASTORE, "dataset_key": hashed(METASTORE, *told.values()), **told}
